//! A rollout under way as reports show it.

use chrono::{DateTime, Utc};

use super::step::RolloutRule;
use crate::gate::Reading;
use crate::rollout::ColourPhase;
use crate::tag::Version;

/// What a rollout is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Servers pass to the new version.
    Moving,
    /// The wave is watched.
    Baking,
    /// It waits for something other than people who stopped it.
    Waiting,
    /// It stands.
    Paused,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Moving, Self::Baking, Self::Waiting, Self::Paused];

    /// The word for reports and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Moving => "moving",
            Self::Baking => "baking",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
        }
    }
}

/// A gate.
#[derive(Clone, Debug, PartialEq)]
pub struct GateLine {
    /// Its name.
    pub gate: String,
    /// What it gave in this pass.
    pub reading: Reading,
    /// Whether there is nothing to compare with, and the gate does nothing else.
    pub left_out: bool,
    /// Whether it decides nothing.
    pub report_only: bool,
    /// Passes in a row.
    pub passes: u32,
    /// How many it takes.
    pub needed: u32,
    /// Failures in a row.
    pub failures: u32,
    /// What was asked, as it was sent.
    pub asked: Vec<String>,
}

/// A rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutPlan {
    /// The version that servers pass to.
    pub version: Version,
    /// The one that they leave.
    pub former: Option<Version>,
    /// Its strategy.
    pub strategy: String,
    /// Its phase, where it is blue-green.
    pub phase: Option<ColourPhase>,
    /// The wave, from 1.
    pub wave: usize,
    /// How many there are.
    pub waves: usize,
    /// How far this one goes, in the words of the configuration.
    pub to: String,
    /// How many servers the wave is to have.
    pub size: u64,
    /// How many were taken.
    pub members: u64,
    /// How many of them carry the version before this pass acts.
    pub carrying: u64,
    /// How many of the wave refuse the version.
    pub stuck: u64,
    /// What it is doing.
    pub state: Phase,
    /// The rule that decided about it.
    pub rule: RolloutRule,
    /// Why, in words; blank where nothing holds it.
    pub why: String,
    /// Since when it is in this wave.
    pub since: DateTime<Utc>,
    /// Not before this time does the next wave start, as far as that is known.
    pub not_before: Option<DateTime<Utc>>,
    /// Its gates.
    pub gates: Vec<GateLine>,
}

impl RolloutPlan {
    /// What the wave waits for that has members which refuse the version.
    pub(super) fn waits_for_stuck(stuck: u64) -> String {
        format!("waits for {stuck} that cannot be tagged")
    }

    /// Counts members that got the version in this pass. Those that refused it until now hold the wave no longer.
    pub(crate) fn followed(&mut self, members: u64) {
        self.carrying += members;
        let behind = self.members.saturating_sub(self.carrying);
        if behind < self.stuck && self.why == Self::waits_for_stuck(self.stuck) {
            self.stuck = behind;
            self.why = Self::waits_for_stuck(behind);
            if behind == 0 {
                self.why.clear();
                self.state = Phase::Moving;
            }
        }
    }

    /// The channel's status, where so many members carry the version.
    #[must_use]
    pub fn status(&self, carrying: u64) -> String {
        let name = if self.phase.is_some() { "phase" } else { "wave" };
        if self.state == Phase::Paused {
            let to = self.phase.map_or_else(String::new, |phase| format!(" ({phase})"));
            return format!(
                "paused at {name} {}/{}{to} of {}: {}",
                self.wave, self.waves, self.version, self.why
            );
        }
        let gap = if self.why.is_empty() { "" } else { "; " };
        format!(
            "rolling out {}: {name} {}/{} ({}), {carrying}/{}{gap}{}",
            self.version, self.wave, self.waves, self.to, self.size, self.why
        )
    }
}
