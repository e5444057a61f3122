//! Counts readings: passes and failures in a row, and whether a gate has failed.
//!
//! No data breaks a row of passes and none of failures; a pass breaks a row of failures. Readings within an interval are one, the
//! worst of them: whoever asks often gets nowhere sooner.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::gate::{Gate, Verdict};
use crate::memory::Tally;

/// What counts of a reading at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// A pass counts.
    pub passes: bool,
    /// A failure counts.
    pub failures: bool,
}

impl Counts {
    /// Passes count from `warmup` after the wave settled, and failures from `warmup` after the rollout's first move: a wave that one
    /// server keeps from settling hides nothing. The readings of those two passes themselves were taken before.
    #[must_use]
    pub fn at(
        now: DateTime<Utc>,
        first_move: Option<DateTime<Utc>>,
        settled: Option<DateTime<Utc>>,
        warmup: Duration,
    ) -> Self {
        let warmup = TimeDelta::from_std(warmup).unwrap_or(TimeDelta::MAX);
        let is_warm = |since: Option<DateTime<Utc>>| since.is_some_and(|since| now > since && now - since >= warmup);
        Self {
            passes: is_warm(settled),
            failures: is_warm(first_move),
        }
    }
}

impl Tally {
    /// Passes in a row.
    #[must_use]
    pub fn passes_in_a_row(&self) -> u32 {
        match self.worst {
            None => self.passes,
            Some(Verdict::Pass) => self.passes.saturating_add(self.pass_counts.into()),
            Some(Verdict::NoData | Verdict::Fail) => 0,
        }
    }

    /// Failures in a row; if there are any, the gate's last word was one.
    #[must_use]
    pub fn failures_in_a_row(&self) -> u32 {
        match self.worst {
            Some(Verdict::Pass) => 0,
            Some(Verdict::Fail) => self.failures.saturating_add(self.failure_counts.into()),
            None | Some(Verdict::NoData) => self.failures,
        }
    }
}

/// Counts a reading.
pub fn count(tally: &mut Tally, gate: &Gate, verdict: Verdict, at: DateTime<Utc>, counts: Counts) {
    let before = tally.failures_in_a_row();
    match tally.began {
        // A clock that was set back a little makes no second interval of one.
        Some(began) if at - began < TimeDelta::from_std(gate.interval).unwrap_or(TimeDelta::MAX) => {
            tally.began = Some(began.min(at));
        }
        _ => {
            tally.passes = tally.passes_in_a_row();
            tally.failures = before;
            tally.began = Some(at);
            tally.worst = None;
            tally.pass_counts = false;
            tally.failure_counts = false;
        }
    }
    tally.worst = tally.worst.max(Some(verdict));
    tally.pass_counts |= verdict == Verdict::Pass && counts.passes;
    tally.failure_counts |= verdict == Verdict::Fail && counts.failures;
    let after = tally.failures_in_a_row();
    let counted = verdict == Verdict::Fail && counts.failures;
    // What somebody let go of comes back with the next row.
    tally.failed |= counted && !tally.forgiven && after > before && after >= gate.failures;
    tally.forgiven &= after > 0;
}

/// A wave starts: it needs passes of its own. Failures go on to count.
pub const fn start_wave(tally: &mut Tally) {
    tally.passes = 0;
    tally.pass_counts = false;
}

/// Somebody lets the rollout go on although the gate has failed. It fails again with its next row of failures.
pub const fn forgive(tally: &mut Tally) {
    tally.failed = false;
    tally.forgiven = true;
}
