//! The gates of a rollout in this pass: what they gave, counted.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::watch::GateLine;
use crate::gate::{Gate, Reading, Taken, Verdict};
use crate::memory::{Rollout, Tally};
use crate::plan::gate::{Counts, count, forgive, start_wave};
use crate::rollout::{Rollouts, Strategy};

/// One gate.
pub(super) struct Asked<'a> {
    pub(super) gate: &'a Gate,
    pub(super) taken: Taken,
    pub(super) tally: Tally,
}

/// All gates of a strategy, in its order.
pub(super) struct Gates<'a>(Vec<Asked<'a>>);

impl<'a> Gates<'a> {
    /// Counts what the gates gave, and forgets those that the strategy does not name any more.
    pub(super) fn count(
        rollout: &mut Rollout,
        strategy: &'a Strategy,
        rollouts: &'a Rollouts,
        taken: &dyn Fn(&Gate) -> Option<Taken>,
        now: DateTime<Utc>,
    ) -> Self {
        let when = Counts::at(
            now,
            rollout.first_move.or(rollout.settled),
            rollout.settled,
            strategy.warmup,
        );
        let mut tallies = std::mem::take(&mut rollout.gates);
        let mut all = Vec::new();
        for gate in rollouts.gates_of(strategy) {
            let mut tally = tallies.remove(&gate.name).unwrap_or_default();
            let taken = taken(gate).unwrap_or_else(unasked);
            if !taken.left_out {
                // What decided nothing when it was read decides nothing later.
                if tally.only_shown && !gate.report_only {
                    tally = Tally::default();
                }
                tally.only_shown = gate.report_only;
                count(&mut tally, gate, taken.reading.verdict, now, when);
            }
            rollout.gates.insert(gate.name.clone(), tally.clone());
            all.push(Asked { gate, taken, tally });
        }
        Self(all)
    }

    /// Those that decide something.
    fn deciding(&self) -> impl Iterator<Item = &Asked<'a>> {
        self.0
            .iter()
            .filter(|asked| !asked.gate.report_only && !asked.taken.left_out)
    }

    /// The gate that has failed, if one has: of several one that may take the release back.
    pub(super) fn failed(&self) -> Option<&Asked<'a>> {
        let failed = || self.deciding().filter(|asked| asked.tally.failed);
        failed()
            .find(|asked| asked.gate.may_take_back())
            .or_else(|| failed().next())
    }

    /// The gate that speaks against the version now, if one does: its reading of this pass, or else its last word.
    pub(super) fn failing(&self) -> Option<&Asked<'a>> {
        let fails =
            |asked: &&Asked<'a>| asked.taken.reading.verdict == Verdict::Fail || asked.tally.failures_in_a_row() > 0;
        self.deciding().find(fails)
    }

    /// Those that have not passed as often as they must.
    pub(super) fn short(&self) -> impl Iterator<Item = &Asked<'a>> {
        self.deciding()
            .filter(|asked| asked.tally.passes_in_a_row() < asked.gate.passes)
    }

    /// Those that do not pass now.
    pub(super) fn silent(&self) -> impl Iterator<Item = &Asked<'a>> {
        self.deciding()
            .filter(|asked| asked.taken.reading.verdict != Verdict::Pass)
    }

    /// For reports.
    pub(super) fn lines(&self) -> Vec<GateLine> {
        let line = |asked: &Asked<'a>| line(asked.gate, &asked.taken, &asked.tally);
        self.0.iter().map(line).collect()
    }
}

/// A gate for reports.
fn line(gate: &Gate, taken: &Taken, tally: &Tally) -> GateLine {
    GateLine {
        gate: gate.name.clone(),
        reading: taken.reading.clone(),
        left_out: taken.left_out,
        report_only: gate.report_only,
        passes: tally.passes_in_a_row(),
        needed: gate.passes,
        failures: tally.failures_in_a_row(),
        asked: taken.asked.clone(),
    }
}

/// For reports: the gates of a strategy whose rollout has not started, or starts in this pass, as they were read.
#[must_use]
pub fn before_start(strategy: &Strategy, rollouts: &Rollouts, readings: &BTreeMap<String, Taken>) -> Vec<GateLine> {
    let read = |gate: &Gate| Some(line(gate, readings.get(&gate.name)?, &Tally::default()));
    rollouts.gates_of(strategy).filter_map(read).collect()
}

/// A gate that was not asked says nothing.
fn unasked() -> Taken {
    Taken {
        reading: Reading::no_data("it was not asked"),
        asked: Vec::new(),
        left_out: false,
    }
}

impl Asked<'_> {
    /// `errors 2/3`.
    pub(super) fn progress(&self) -> String {
        format!(
            "{} {}/{}",
            self.gate.name,
            self.tally.passes_in_a_row(),
            self.gate.passes
        )
    }
}

/// The next wave needs passes of its own.
pub(super) fn next_wave(rollout: &mut Rollout) {
    rollout.gates.values_mut().for_each(start_wave);
}

/// Nobody of the wave is left: it has not settled, and has no passes.
pub(super) fn empty(rollout: &mut Rollout) {
    rollout.settled = None;
    next_wave(rollout);
}

/// Somebody lets a rollout go on that stands for a gate. One that fails again needs another tick.
pub(in crate::plan) fn let_go(rollout: &mut Rollout) {
    if rollout.failed.take().is_some() {
        rollout.gates.values_mut().for_each(forgive);
    }
}
