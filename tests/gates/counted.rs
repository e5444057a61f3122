//! What counts in a row.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet::gate::{Gate, Kind, Verdict};
use fleetsheet::memory::Tally;
use fleetsheet::plan::gate::{Counts, count, forgive, start_wave};

use super::{gate, query};

fn noon() -> DateTime<Utc> {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

const ALL: Counts = Counts {
    passes: true,
    failures: true,
};
const FAILURES: Counts = Counts {
    passes: false,
    failures: true,
};
const NONE: Counts = Counts {
    passes: false,
    failures: false,
};

fn errors() -> Gate {
    gate(Kind::Query(query("errors")))
}

/// `p`, `f` and `n`: a pass, a failure, no data.
fn verdict(letter: char) -> Verdict {
    match letter {
        'p' => Verdict::Pass,
        'f' => Verdict::Fail,
        _ => Verdict::NoData,
    }
}

/// Plays readings a minute apart. In capitals they do not count; `2` starts a wave; a letter after `=` comes in the same interval as
/// the one before; `'` forgives.
fn played(story: &str) -> Tally {
    let mut tally = Tally::default();
    let (mut at, mut together) = (0, false);
    for letter in story.chars() {
        match letter {
            '2' => start_wave(&mut tally),
            '\'' => forgive(&mut tally),
            '=' => together = true,
            _ => {
                at += if together { 1 } else { 60 };
                together = false;
                let counts = if letter.is_uppercase() { NONE } else { ALL };
                count(
                    &mut tally,
                    &errors(),
                    verdict(letter.to_ascii_lowercase()),
                    after(at),
                    counts,
                );
            }
        }
    }
    tally
}

#[test]
fn rows_are_counted_and_broken() {
    for (story, passes, failures, failed) in [
        ("", 0, 0, false),
        ("p", 1, 0, false),
        ("ppp", 3, 0, false),
        ("f", 0, 1, false),
        ("ff", 0, 2, true),
        // No data breaks passes, not failures.
        ("pnp", 1, 0, false),
        ("ppn", 0, 0, false),
        ("fnf", 0, 2, true),
        ("fnnnnf", 0, 2, true),
        // A pass breaks failures, a failure passes.
        ("fpf", 0, 1, false),
        ("ppfp", 1, 0, false),
        ("fp", 1, 0, false),
        // Readings within an interval are one, the worst.
        ("p=p=p", 1, 0, false),
        ("f=f=f", 0, 1, false),
        ("p=n=p", 0, 0, false),
        ("pp=n", 0, 0, false),
        ("p=fp=f", 0, 2, true),
        ("f=pf=p", 0, 2, true),
        ("f=nf=n", 0, 2, true),
        ("fn=pf", 0, 2, true),
        ("fp=nf", 0, 2, true),
        // What comes too early counts for nothing, but breaks what it breaks.
        ("PPP", 0, 0, false),
        ("FFF", 0, 0, false),
        ("fPf", 0, 1, false),
        ("pFp", 1, 0, false),
        ("fFf", 0, 2, true),
        ("P=p", 1, 0, false),
        ("F=p", 0, 0, false),
        ("F=f", 0, 1, false),
        // Each wave needs passes of its own, within an interval, too; failures go on.
        ("ppp2", 0, 0, false),
        ("pp2p", 1, 0, false),
        ("pp2=p", 1, 0, false),
        ("pn2=p", 0, 0, false),
        ("f2f", 0, 2, true),
        // A gate stays failed until somebody lets the rollout go on, and fails again with its next row.
        ("ffp", 1, 0, true),
        ("ff'", 0, 2, false),
        ("ff'n", 0, 2, false),
        ("ff'=f", 0, 2, false),
        ("ff'p=n", 0, 2, false),
        ("ff'f", 0, 3, false),
        ("ff'ff", 0, 4, false),
        ("ff'pff", 0, 2, true),
        ("ff'pf", 0, 1, false),
    ] {
        let tally = played(story);
        let found = (tally.passes_in_a_row(), tally.failures_in_a_row(), tally.failed);
        assert_eq!(found, (passes, failures, failed), "{story}: {tally:?}");
    }
}

#[test]
fn an_interval_is_as_long_as_the_gate_says() {
    for (interval, apart, passes) in [(45, 44, 2), (45, 22, 1), (45, 45, 3), (45, 23, 2), (0, 1, 3), (0, 0, 3)] {
        let gate = Gate {
            interval: Duration::from_secs(interval),
            ..errors()
        };
        let mut tally = Tally::default();
        for n in 0..3 {
            count(&mut tally, &gate, Verdict::Pass, after(i64::from(n) * apart), ALL);
        }
        assert_eq!(tally.passes_in_a_row(), passes, "{interval} s, {apart} s apart");
    }
}

#[test]
fn a_clock_that_was_set_back_makes_no_second_reading_of_one() {
    let mut tally = Tally::default();
    let gate = errors();
    for seconds in [0, -10, -1000, -990] {
        count(&mut tally, &gate, Verdict::Pass, after(seconds), ALL);
        assert_eq!(tally.passes_in_a_row(), 1);
    }
    // And nothing waits until the clock has caught up.
    count(&mut tally, &gate, Verdict::Pass, after(-950), ALL);
    assert_eq!(tally.passes_in_a_row(), 2);
}

#[test]
fn passes_count_later_than_failures() {
    let warmup = Duration::from_secs(300);
    let (moved, settled) = (Some(after(0)), Some(after(1000)));
    for (now, settled, counts) in [
        (0, None, NONE),
        (299, None, NONE),
        (300, None, FAILURES),
        (1000, settled, FAILURES),
        (1299, settled, FAILURES),
        (1300, settled, ALL),
        (5000, None, FAILURES),
    ] {
        assert_eq!(Counts::at(after(now), moved, settled, warmup), counts, "{now}");
    }
    assert_eq!(Counts::at(after(5), None, None, Duration::ZERO), NONE);
    // Without a warm-up, too, the reading of the pass that settles or moves was taken before that.
    assert_eq!(Counts::at(after(1000), settled, settled, Duration::ZERO), NONE);
    assert_eq!(Counts::at(after(1001), settled, settled, Duration::ZERO), ALL);
}

#[test]
fn a_tally_is_read_back_as_it_was_written() {
    let tally = played("pf'n");
    let text = serde_json::to_string(&tally).unwrap();
    assert_eq!(serde_json::from_str::<Tally>(&text).unwrap(), tally);
    // One of a version that knew less, and one of a version that knows more.
    assert_eq!(serde_json::from_str::<Tally>("{}").unwrap(), Tally::default());
    assert!(serde_json::from_str::<Tally>("{\"passed\":1}").is_err());
}

#[test]
fn another_limit_counts_from_the_next_failure_on() {
    let strict = Gate {
        failures: 1,
        ..errors()
    };
    let mut tally = played("f");
    assert!(!tally.failed);
    count(&mut tally, &strict, Verdict::NoData, after(200), ALL);
    assert!(!tally.failed);
    count(&mut tally, &strict, Verdict::Fail, after(300), ALL);
    assert!(tally.failed);
}
