//! What a rollout waits for, and what a gate that has failed says, in words.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use super::cohort::Cohort;
use super::gates::{Asked, Gates};
use crate::memory::Rollout;

/// `14:30 UTC`, with the date when it is another day's.
pub(super) fn clock(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    if at.date_naive() == now.date_naive() {
        at.format("%H:%M UTC").to_string()
    } else {
        at.format("%Y-%m-%d %H:%M UTC").to_string()
    }
}

/// What keeps waves from growing, starting and ending: belts and accounts and regions that do not answer.
pub(in crate::plan) fn blocked_words(cohort: &Cohort<'_>, row_belt: bool) -> Option<String> {
    if row_belt {
        return Some("the belt row_drop".to_owned());
    }
    if let Some((source, belt)) = cohort.held.first_key_value() {
        return Some(format!("the belt {} on {source}", belt.word()));
    }
    let mut silent = cohort.silent.iter().map(ToString::to_string);
    let first = silent.next()?;
    let more: Vec<String> = silent.collect();
    Some(if more.is_empty() {
        format!("{first}, which does not answer")
    } else {
        format!("{first} and {}, which do not answer", more.join(" and "))
    })
}

/// Rule R8: what a wave that has settled is still watched for; `None` when it is not.
pub(super) fn watched(gates: &Gates<'_>, baked_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<(bool, String)> {
    let short: Vec<String> = gates.short().map(Asked::progress).collect();
    if now < baked_at {
        // To the minute that begins when it has, or later.
        let until = baked_at.duration_round_up(TimeDelta::minutes(1)).unwrap_or(baked_at);
        let mut words = vec![format!("bakes until {}", clock(until, now))];
        words.extend(short);
        return Some((true, words.join(" · ")));
    }
    let silent = gates.silent().map(|asked| {
        let verdict = asked.taken.reading.verdict.words();
        format!("gate {}: {verdict}", asked.gate.name)
    });
    let silent: Vec<String> = silent.collect();
    let words = if silent.is_empty() { short } else { silent };
    (!words.is_empty()).then(|| (false, format!("waits: {}", words.join(" · "))))
}

/// `gate errors failed in wave 2/5 (0.031 > 0.01)`.
pub(super) fn failure(asked: &Asked<'_>, rollout: &Rollout) -> String {
    let why = &asked.taken.reading.why;
    let values = if why.is_empty() {
        String::new()
    } else {
        format!(" ({why})")
    };
    format!("gate {} failed in {}{values}", asked.gate.name, rollout.at_wave())
}
