//! From readings to verdicts: passes in a row, failures in a row, and readings that are too close to be two.

use super::super::fingerprint::Print;
use super::super::world::Reading;
use super::{Model, Needed};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Rows {
    passes: u8,
    failures: u8,
}

/// What is remembered of a gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gate {
    rows: Rows,
    /// The rows before the interval that the last reading is part of.
    before: Rows,
    /// When that interval began, and its worst reading.
    pub(super) last: Option<(u32, Reading)>,
    /// It failed often enough; a later pass does not make that undone. Where it pauses, `advance` does.
    pub(crate) failed: bool,
}

impl Gate {
    /// Each wave needs passes of its own. Failures go on from wave to wave.
    pub(super) fn begin_wave(&mut self) {
        self.rows.passes = 0;
        self.before.passes = 0;
    }

    pub(crate) fn read(
        &mut self,
        model: &Model,
        (now, reading): (u32, Reading),
        settled: Option<u32>,
        moved: Option<u32>,
    ) {
        let config = model.config;
        let interval = config.interval;
        let failures = self.rows.failures;
        let (at, reading) = match self.last {
            Some((at, worst)) if now - at < interval && model.has(Needed::Interval) => {
                self.rows = self.before;
                let worst = if model.has(Needed::WorstOfInterval) {
                    worst.max(reading)
                } else {
                    reading
                };
                (at, worst)
            }
            _ => {
                self.before = self.rows;
                (now, reading)
            }
        };
        self.last = Some((at, reading));
        let warm = |since: Option<u32>| since.is_some_and(|since| at >= since + config.warmup);
        // The reading of the pass that finds the wave settled is not one, whatever the warm-up.
        let passes = warm(settled) && settled.is_some_and(|settled| at > settled);
        let fails = warm(if model.has(Needed::FailuresBeforeSettled) {
            moved
        } else {
            settled
        });
        let rows = &mut self.rows;
        let limit = config.failures;
        match reading {
            Reading::Pass => {
                rows.failures = 0;
                rows.passes = (rows.passes + u8::from(passes)).min(config.passes);
            }
            Reading::NoData => {
                if model.has(Needed::NoDataBreaksPasses) {
                    rows.passes = 0;
                }
                if !model.has(Needed::NoDataKeepsFailures) {
                    rows.failures = 0;
                }
            }
            Reading::Fail => {
                rows.passes = 0;
                if fails {
                    rows.failures = (rows.failures + 1).min(limit);
                }
                // Only the failure that completes the row: what `advance` let go of comes back with the next row.
                self.failed |= fails && rows.failures == limit && failures < limit;
            }
        }
    }

    /// Passes and failures in a row.
    pub(crate) fn in_a_row(&self) -> [u8; 2] {
        [self.rows.passes, self.rows.failures]
    }

    pub(super) fn has_passed(&self, model: &Model) -> bool {
        self.rows.passes >= model.config.passes
    }

    /// Whether its last word was a failure that counts. No data is not a word.
    pub(super) fn is_failing(&self) -> bool {
        self.rows.failures > 0
    }

    pub(super) fn feed(&self, now: u32, print: &mut Print) {
        let Self {
            rows,
            before,
            last,
            failed,
        } = self;
        for rows in [rows, before] {
            print.part(rows.passes, 2);
            print.part(rows.failures, 2);
        }
        print.flags(&[*failed, last.is_some()]);
        if let Some((at, worst)) = last {
            print.part(*worst as u8, 2);
            print.age(Some(*at), now);
        }
    }
}
