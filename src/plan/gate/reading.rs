//! What answers mean: each row of the tables of readings is a line here.

use super::number;
use crate::gate::{Alarm, AlarmState, Alarms, Answer, Query, Reading, Unanswered, Verdict};
use crate::text::{few, plain, without_semicolons};

/// How many alarms are named.
const NAMED: usize = 3;

/// What Prometheus answered to the queries of one reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    /// The number.
    pub value: Answer,
    /// The number of the former version, if it is compared.
    pub former: Option<Answer>,
    /// How many samples the number is made of, if that matters.
    pub samples: Option<Answer>,
    /// The same of the former version.
    pub former_samples: Option<Answer>,
}

/// A number that counts, or why there is none.
fn number(answer: &Answer) -> Result<f64, String> {
    match answer {
        Answer::Number(number) if number.is_finite() => Ok(*number),
        Answer::Number(number) if number.is_nan() => Err("the answer is NaN, not a number".to_owned()),
        Answer::Number(number) => Err(format!("the answer is {}Inf", if *number > 0.0 { '+' } else { '-' })),
        Answer::Nothing => Err("the answer is empty: no series matches the query".to_owned()),
        Answer::Several(count) => Err(format!(
            "the answer has {count} series; make them one, with sum() or max()"
        )),
        Answer::Other(what) => Err(format!("the answer is {what}; write a query that gives one number")),
        Answer::Partial(said) => Err(format!("the answer is partial: {said}")),
        Answer::Failed(Unanswered(why)) => Err(why.clone()),
    }
}

/// What the answers to a gate's queries mean.
#[must_use]
pub fn of_query(query: &Query, answers: &Answers) -> Reading {
    let known = |answer: &Answer| number(answer).ok();
    let all = [
        (Some(&answers.value), ""),
        (answers.former.as_ref(), "of the former servers "),
        (answers.samples.as_ref(), "of the samples "),
        (answers.former_samples.as_ref(), "of the former servers' samples "),
    ];
    let all = || all.iter().filter_map(|(answer, whose)| Some(((*answer)?, *whose)));
    let mut reading = Reading {
        value: known(&answers.value),
        compared: answers.former.as_ref().and_then(known),
        samples: answers.samples.as_ref().and_then(known),
        unanswered: all().any(|(answer, _)| matches!(answer, Answer::Failed(_))),
        ..Reading::no_data("")
    };
    let bounds = bounds(query, reading.compared);
    reading.limit = bounds.1.or(bounds.0);
    let lacking = all().find_map(|(answer, whose)| Some((number(answer).err()?, whose)));
    if let Some((why, whose)) = lacking {
        reading.why = format!("{whose}{why}");
        return reading;
    }
    if let Some(why) = too_few(query, answers) {
        reading.why = why;
        return reading;
    }
    let Some(value) = reading.value else { return reading };
    let beyond = [(bounds.0, "<"), (bounds.1, ">")]
        .into_iter()
        .find_map(|(limit, sign)| {
            let limit = limit?;
            let is_beyond = if sign == "<" { value < limit } else { value > limit };
            is_beyond.then_some((limit, sign))
        });
    match beyond {
        Some((limit, sign)) => {
            reading.verdict = Verdict::Fail;
            reading.limit = Some(limit);
            reading.why = number::compared(value, sign, limit);
        }
        None => reading.verdict = Verdict::Pass,
    }
    reading
}

/// The least and the most that pass. What the former version gave narrows them: the least of a gate with `min`, for which more is
/// better, the most of one with `max` or with neither, and both of one with both, which does not say what is better.
fn bounds(query: &Query, former: Option<f64>) -> (Option<f64>, Option<f64>) {
    let Some((ratio, former)) = query.ratio.zip(former) else {
        return (query.min, query.max);
    };
    let least = query.min.map(|min| min.max(former / ratio - query.slack));
    let most = former * ratio + query.slack;
    let most = match (query.min, query.max) {
        (Some(_), None) => None,
        (_, max) => Some(max.map_or(most, |max| max.min(most))),
    };
    (least, most)
}

/// Whether either cohort has too few samples, in words.
fn too_few(query: &Query, answers: &Answers) -> Option<String> {
    let least = query.min_samples?;
    let cohorts = [
        (&answers.samples, "there are"),
        (&answers.former_samples, "the former servers have"),
    ];
    cohorts.into_iter().find_map(|(answer, who)| {
        let count = number(answer.as_ref()?).ok().filter(|count| *count < least)?;
        let (count, least) = (number::short(count), number::short(least));
        Some(format!("{who} {count} samples, and it takes {least}"))
    })
}

/// Names of alarms, which hold names of channels: text of strangers.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    plain(&without_semicolons(&few(names, NAMED)))
}

/// What alarms mean.
#[must_use]
pub fn of_alarms(alarms: &Alarms, asked: &[String], answer: &Result<Vec<Alarm>, Unanswered>) -> Reading {
    let found = match answer {
        Ok(found) => found,
        Err(Unanswered(why)) => {
            return Reading {
                unanswered: true,
                ..Reading::no_data(why)
            };
        }
    };
    let named = |fits: &dyn Fn(&Alarm) -> bool| -> Option<String> {
        let names: Vec<&str> = found
            .iter()
            .filter(|alarm| fits(alarm))
            .map(|alarm| &*alarm.name)
            .collect();
        (!names.is_empty()).then(|| listed(names))
    };
    if let Some(names) = named(&|alarm| alarm.state == AlarmState::Alarm) {
        return Reading {
            verdict: Verdict::Fail,
            ..Reading::no_data(format!("ALARM: {names}"))
        };
    }
    let unknown: Vec<&str> = asked
        .iter()
        .filter(|name| found.iter().all(|alarm| alarm.name != **name))
        .map(String::as_str)
        .collect();
    if asked.is_empty() {
        return Reading::no_data("it names no alarm");
    }
    if !unknown.is_empty() {
        return Reading::no_data(format!(
            "CloudWatch does not know {} in {}",
            listed(unknown),
            alarms.source
        ));
    }
    if let Some(names) = named(&|alarm| alarm.state == AlarmState::Insufficient) {
        return Reading::no_data(format!("INSUFFICIENT_DATA: {names}"));
    }
    if let Some(alarm) = found.iter().find(|alarm| alarm.impaired.is_some()) {
        let why = alarm.impaired.as_deref().unwrap_or_default();
        return Reading::no_data(format!("{why}: {}", listed([&*alarm.name])));
    }
    if let Some(alarm) = found
        .iter()
        .find(|alarm| alarm.lenient.is_some() && !alarms.trust_missing)
    {
        let how = alarm.lenient.as_deref().unwrap_or_default();
        return Reading::no_data(format!(
            "{} is OK without data, too (it treats missing data as {how}); let it treat missing data as missing, or set trust_missing",
            listed([&*alarm.name])
        ));
    }
    Reading {
        verdict: Verdict::Pass,
        ..Reading::no_data("")
    }
}
