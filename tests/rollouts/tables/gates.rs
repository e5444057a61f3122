//! What an answer says, and what readings in a row come to.

use super::super::model::{Gate, Model};
use super::super::world::{CONFIG, Reading, World};
use Reading::{Fail, NoData, Pass};

/// What Prometheus answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    Scalar(f64),
    /// A vector of so many series, each with this value.
    Vector(usize, f64),
    Matrix,
    Text,
    /// One series, and `warnings` beside it: a partial answer.
    Warned(f64),
    /// One series, and `infos` beside it: a hint.
    Hinted(f64),
    Status(u16),
    Redirect,
    /// HTML, an answer that breaks off, nothing at all.
    Nonsense,
    TooLong,
}

/// An answer to a gate with `max = 0.5`, and its reading.
pub(crate) const ANSWERS: [(Answer, Reading); 21] = [
    (Answer::Scalar(0.1), Pass),
    (Answer::Scalar(0.5), Pass),
    (Answer::Scalar(0.6), Fail),
    (Answer::Scalar(0.0), Pass),
    (Answer::Scalar(-1.0), Pass),
    (Answer::Vector(1, 0.1), Pass),
    (Answer::Vector(1, 0.6), Fail),
    (Answer::Vector(0, 0.1), NoData),
    (Answer::Vector(2, 0.1), NoData),
    (Answer::Vector(2, 0.6), NoData),
    (Answer::Scalar(f64::NAN), NoData),
    (Answer::Vector(1, f64::INFINITY), NoData),
    (Answer::Vector(1, f64::NEG_INFINITY), NoData),
    (Answer::Matrix, NoData),
    (Answer::Text, NoData),
    (Answer::Warned(0.6), NoData),
    (Answer::Hinted(0.1), Pass),
    (Answer::Status(422), NoData),
    (Answer::Redirect, NoData),
    (Answer::Nonsense, NoData),
    (Answer::TooLong, NoData),
];

/// The limits of a gate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) slack: f64,
    pub(crate) min_samples: Option<f64>,
}

const NOTHING: Limits = Limits {
    min: None,
    max: None,
    ratio: None,
    slack: 0.0,
    min_samples: None,
};
const MAX: Limits = Limits {
    max: Some(0.5),
    ..NOTHING
};
const MIN: Limits = Limits {
    min: Some(0.5),
    ..NOTHING
};
const BETWEEN: Limits = Limits {
    min: Some(0.25),
    max: Some(0.5),
    ..NOTHING
};
const RATIO: Limits = Limits {
    ratio: Some(1.5),
    slack: 0.25,
    ..NOTHING
};
const MIN_RATIO: Limits = Limits {
    min: Some(0.125),
    ratio: Some(2.0),
    slack: 0.25,
    ..NOTHING
};
const MAX_RATIO: Limits = Limits {
    max: Some(8.0),
    ..RATIO
};
const SAMPLES: Limits = Limits {
    min_samples: Some(100.0),
    ..MAX
};
const BOTH: Limits = Limits {
    min_samples: Some(100.0),
    ..RATIO
};

/// What a number is of: the new version's servers, or the former one's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cohort {
    pub(crate) value: Option<f64>,
    pub(crate) samples: Option<f64>,
}

const fn of(value: f64) -> Cohort {
    Cohort {
        value: Some(value),
        samples: Some(1000.0),
    }
}

const fn seldom(value: f64) -> Cohort {
    Cohort {
        value: Some(value),
        samples: Some(99.0),
    }
}

const SILENT: Cohort = Cohort {
    value: None,
    samples: None,
};
/// Values without a number of samples.
const UNCOUNTED: Cohort = Cohort {
    value: Some(0.1),
    samples: None,
};

/// Limits, the new version's number, the former one's where there is one to compare with (not in the last wave, not without a
/// former version); and the reading, or none where the gate is left out.
pub(crate) const NUMBERS: [(Limits, Cohort, Option<Cohort>, Option<Reading>); 32] = [
    (MAX, of(0.5), None, Some(Pass)),
    (MAX, of(0.6), None, Some(Fail)),
    (MIN, of(0.5), None, Some(Pass)),
    (MIN, of(0.4), None, Some(Fail)),
    (BETWEEN, of(0.3), None, Some(Pass)),
    (BETWEEN, of(0.2), None, Some(Fail)),
    (BETWEEN, of(0.6), None, Some(Fail)),
    // Not compared: what the former servers say is nothing to it.
    (MAX, of(0.5), Some(SILENT), Some(Pass)),
    // Compared: former × ratio + slack.
    (RATIO, of(1.75), Some(of(1.0)), Some(Pass)),
    (RATIO, of(1.76), Some(of(1.0)), Some(Fail)),
    (RATIO, of(0.25), Some(of(0.0)), Some(Pass)),
    (RATIO, of(0.26), Some(of(0.0)), Some(Fail)),
    (RATIO, of(0.0), Some(of(1.0)), Some(Pass)),
    // With `min`: former ÷ ratio − slack, and the minimum itself.
    (MIN_RATIO, of(0.25), Some(of(1.0)), Some(Pass)),
    (MIN_RATIO, of(0.24), Some(of(1.0)), Some(Fail)),
    (MIN_RATIO, of(9.0), Some(of(1.0)), Some(Pass)),
    (MIN_RATIO, of(0.1), Some(of(0.0)), Some(Fail)),
    // With `max`: both.
    (MAX_RATIO, of(8.0), Some(of(8.0)), Some(Pass)),
    (MAX_RATIO, of(8.1), Some(of(8.0)), Some(Fail)),
    (MAX_RATIO, of(2.0), Some(of(1.0)), Some(Fail)),
    // Former servers without data.
    (RATIO, of(0.1), Some(SILENT), Some(NoData)),
    (MAX_RATIO, of(9.0), Some(SILENT), Some(NoData)),
    (RATIO, SILENT, Some(of(1.0)), Some(NoData)),
    // In the last wave, and without a former version: nothing is compared, and nothing else is nothing.
    (RATIO, of(9.0), None, None),
    (MAX_RATIO, of(8.0), None, Some(Pass)),
    (MAX_RATIO, of(8.1), None, Some(Fail)),
    // Samples, in either cohort compared.
    (SAMPLES, of(0.6), None, Some(Fail)),
    (SAMPLES, seldom(0.6), None, Some(NoData)),
    (SAMPLES, UNCOUNTED, None, Some(NoData)),
    (SAMPLES, of(0.1), Some(seldom(0.1)), Some(Pass)),
    (BOTH, of(0.1), Some(seldom(0.1)), Some(NoData)),
    (BOTH, of(0.1), Some(of(0.1)), Some(Pass)),
];

/// An alarm: its state, and what it makes of missing data.
pub(crate) type Alarm = (&'static str, &'static str);

/// Alarms, whether `trust_missing` is set; and the reading.
pub(crate) const ALARMS: [(&[Alarm], bool, Reading); 14] = [
    (&[("OK", "missing")], false, Pass),
    (&[("OK", "breaching")], false, Pass),
    (&[("OK", "missing"), ("OK", "breaching")], false, Pass),
    (&[("OK", "notBreaching")], false, NoData),
    (&[("OK", "ignore")], false, NoData),
    (&[("OK", "notBreaching"), ("OK", "ignore")], true, Pass),
    (&[("OK", "missing"), ("INSUFFICIENT_DATA", "missing")], true, NoData),
    (&[("OK", "missing"), ("PARTIAL_DATA", "missing")], true, NoData),
    (&[("OK", "missing"), ("unknown", "missing")], true, NoData),
    (&[("ALARM", "missing")], false, Fail),
    (&[("ALARM", "notBreaching")], false, Fail),
    (&[("ALARM", "missing"), ("INSUFFICIENT_DATA", "missing")], false, Fail),
    (&[("unknown", "missing"), ("ALARM", "missing")], false, Fail),
    (&[("OK", "ignore"), ("ALARM", "missing")], false, Fail),
];

/// `window`, seconds since the wave settled if it has, seconds since the rollout's first move; and what `{{window}}` is.
pub(crate) const WINDOWS: [(u64, Option<u64>, u64, Option<u64>); 9] = [
    (300, Some(1000), 9000, Some(300)),
    (300, Some(300), 9000, Some(300)),
    (300, Some(120), 9000, Some(120)),
    (300, Some(10), 9000, Some(10)),
    (300, Some(9), 9000, None),
    (300, Some(0), 9000, None),
    (300, None, 120, Some(120)),
    (300, None, 9000, Some(300)),
    (300, None, 9, None),
];

/// Readings after the warm-up, in a row: P, F and N, an interval apart, or with `~` between them in the same; what they come
/// to: passes and failures in a row, and whether the gate has failed. It asks for two of each.
pub(crate) const ROWS: [(&str, u8, u8, bool); 17] = [
    ("P", 1, 0, false),
    ("PP", 2, 0, false),
    ("PNP", 1, 0, false),
    ("PFP", 1, 0, false),
    ("PPN", 0, 0, false),
    ("F", 0, 1, false),
    ("FF", 0, 2, true),
    ("FNF", 0, 2, true),
    ("FNNN", 0, 1, false),
    ("FPF", 0, 1, false),
    ("P~P~P", 1, 0, false),
    ("F~F~F", 0, 1, false),
    ("P~N", 0, 0, false),
    ("P~NP", 1, 0, false),
    ("P~F", 0, 1, false),
    ("FP~F", 0, 2, true),
    // It has failed, and a later pass does not undo it.
    ("FFP", 1, 0, true),
];

fn number(answer: Answer) -> Option<f64> {
    let value = match answer {
        Answer::Scalar(value) | Answer::Vector(1, value) | Answer::Hinted(value) => value,
        _ => return None,
    };
    value.is_finite().then_some(value)
}

/// The reading of numbers; none where the gate is left out.
fn judge(limits: Limits, new: Cohort, former: Option<Cohort>) -> Option<Reading> {
    let compared = former.filter(|_| limits.ratio.is_some());
    if limits.min.is_none() && limits.max.is_none() && compared.is_none() {
        return None;
    }
    let enough = |cohort: Cohort| {
        limits
            .min_samples
            .is_none_or(|least| cohort.samples.is_some_and(|samples| samples >= least))
    };
    let (Some(value), true) = (new.value, enough(new)) else {
        return Some(NoData);
    };
    let mut good = limits.min.is_none_or(|min| value >= min) && limits.max.is_none_or(|max| value <= max);
    if let (Some(former), Some(ratio)) = (compared, limits.ratio) {
        let (Some(base), true) = (former.value, enough(former)) else {
            return Some(NoData);
        };
        // Whoever sets a minimum means a number that must not fall; with a maximum too, both.
        if limits.min.is_some() {
            good &= value >= base / ratio - limits.slack;
        }
        if limits.min.is_none() || limits.max.is_some() {
            good &= value <= base * ratio + limits.slack;
        }
    }
    Some(if good { Pass } else { Fail })
}

fn alarms(alarms: &[Alarm], trust: bool) -> Reading {
    let good = |(state, missing): &Alarm| *state == "OK" && (trust || !matches!(*missing, "notBreaching" | "ignore"));
    if alarms.iter().any(|(state, _)| *state == "ALARM") {
        Fail
    } else if alarms.iter().all(good) {
        Pass
    } else {
        NoData
    }
}

fn window(window: u64, settled: Option<u64>, moved: u64) -> Option<u64> {
    let cut = window.min(settled.unwrap_or(moved));
    (cut >= 10).then_some(cut)
}

#[test]
fn what_an_answer_says() {
    for (answer, expected) in ANSWERS {
        let cohort = Cohort {
            value: number(answer),
            samples: None,
        };
        assert_eq!(judge(MAX, cohort, None), Some(expected), "{answer:?}");
    }
}

#[test]
fn what_numbers_say() {
    for (limits, new, former, expected) in NUMBERS {
        assert_eq!(judge(limits, new, former), expected, "{limits:?}\n{new:?}\n{former:?}");
    }
}

#[test]
fn what_alarms_say() {
    for (given, trust, expected) in ALARMS {
        assert_eq!(alarms(given, trust), expected, "{given:?}, trust_missing = {trust}");
    }
}

#[test]
fn the_window_does_not_reach_back_before_the_wave() {
    for (given, settled, moved, expected) in WINDOWS {
        assert_eq!(window(given, settled, moved), expected, "{given} {settled:?} {moved}");
    }
}

#[test]
fn what_readings_in_a_row_come_to() {
    for (readings, passes, failures, failed) in ROWS {
        let mut world = World::released(1, 1);
        let (start, mut gate) = (world.now, Gate::default());
        world.now += CONFIG.warmup - 1;
        let mut apart = CONFIG.interval;
        for reading in readings.chars() {
            world.reading = match reading {
                'P' => Pass,
                'F' => Fail,
                'N' => NoData,
                _ => {
                    apart = 0;
                    continue;
                }
            };
            world.now += apart;
            apart = CONFIG.interval;
            gate.read(&Model::WHOLE, (world.now, world.reading), Some(start), Some(start));
        }
        assert_eq!(
            (gate.in_a_row(), gate.failed),
            ([passes, failures], failed),
            "{readings}"
        );
    }
}
