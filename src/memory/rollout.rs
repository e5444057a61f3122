//! What is remembered of a rollout under way, and of the box that lets it go on.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Tally;
use crate::rollout::{ColourPhase, Size};
use crate::tag::{ChannelName, Version};

/// Which rollout: its channel, and when it started in microseconds. A server that is remembered as a member of another is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RolloutId(pub ChannelName, pub i64);

/// That a wave has taken a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Of which rollout.
    pub of: RolloutId,
    /// Whether it was seen to carry the release since.
    #[serde(default)]
    pub reached: bool,
    /// The word of its agent when a wave took it; `None` where it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Arc<str>>,
}

/// A wave as the rollout started with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartedWave {
    /// How far it goes.
    pub to: Size,
    /// Whether the next wave waits for somebody.
    #[serde(default)]
    pub manual: bool,
}

/// A wave that is over, for the letter that tells that the rollout is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastWave {
    /// Which, from 0.
    pub wave: usize,
    /// How far it went.
    pub to: Size,
    /// How many servers it and the waves before had taken.
    pub members: u64,
    /// When it started.
    pub began: DateTime<Utc>,
    /// When the next one started.
    pub ended: DateTime<Utc>,
}

/// A gate that has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// Which gate, in which wave, and by which values: `gate errors failed in wave 2/5 (0.031 > 0.01)`.
    pub what: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a blue-green rollout remembers besides: its phases stand in for waves.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// The colour that was active when it started.
    pub former: String,
    /// The one that is to be.
    pub other: String,
    /// Since when passes find the other colour wholly active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<DateTime<Utc>>,
    /// Whether the former colour gives its traffic up.
    #[serde(default)]
    pub gives_up: bool,
}

/// Which colour of a channel takes traffic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActiveColour {
    /// The colour.
    pub active: String,
    /// Whether a rollback goes back in place, and leaves roles as they are until it is through.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_place: bool,
}

/// A release that passes to its servers in waves. The version that it leaves is the channel's prior version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// When it started, in microseconds: what members remember.
    pub id: i64,
    /// The strategy that it started with.
    pub strategy: String,
    /// Its waves.
    pub waves: Vec<StartedWave>,
    /// The wave, from 0.
    pub wave: usize,
    /// When the wave started.
    pub began: DateTime<Utc>,
    /// When the rollout first moved a server.
    #[serde(default)]
    pub first_move: Option<DateTime<Utc>>,
    /// When a pass found the wave settled; `None` while it is not.
    #[serde(default)]
    pub settled: Option<DateTime<Utc>>,
    /// Its gates, by name.
    #[serde(default)]
    pub gates: BTreeMap<String, Tally>,
    /// The gate that has failed, where the rollout only stands for it.
    #[serde(default)]
    pub failed: Option<Failed>,
    /// Whether it was adopted as it was found.
    #[serde(default)]
    pub adopted: bool,
    /// Whether the last pass found that it stands.
    #[serde(default)]
    pub paused: bool,
    /// Since when nothing but gates, failures and outages has held its wave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<DateTime<Utc>>,
    /// The waves that are over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<PastWave>,
    /// Its colours, where it is blue-green.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<Switch>,
}

impl Rollout {
    /// What its members remember.
    #[must_use]
    pub fn id(&self, channel: &ChannelName) -> RolloutId {
        RolloutId(channel.clone(), self.id)
    }

    /// Whether a pass of this time adopted it as it was found.
    #[must_use]
    pub const fn adopted_at(&self, now: DateTime<Utc>) -> bool {
        self.adopted && self.id == now.timestamp_micros()
    }

    /// Whether this is its last wave.
    #[must_use]
    pub const fn is_last_wave(&self) -> bool {
        self.wave + 1 >= self.waves.len()
    }

    /// Its phase, where it is blue-green.
    #[must_use]
    pub fn phase(&self) -> Option<ColourPhase> {
        self.switch.as_ref().map(|_| ColourPhase::at(self.wave))
    }

    /// `wave 2/5`, or `phase 2/4 (switching)`.
    #[must_use]
    pub fn at_wave(&self) -> String {
        if let Some(phase) = self.phase() {
            return format!("phase {}/{} ({phase})", self.wave + 1, self.waves.len());
        }
        format!("wave {}/{}", self.wave + 1, self.waves.len())
    }

    /// The latest time that is remembered: of the last reading, if it has gates.
    pub(crate) fn latest(&self) -> DateTime<Utc> {
        let gates = self.gates.values().filter_map(|tally| tally.began);
        let known = [self.first_move, self.settled].into_iter().flatten();
        known.chain(gates).fold(self.began, DateTime::max)
    }

    /// The times that are remembered, for a clock that was set back.
    pub(crate) fn times(&mut self) -> impl Iterator<Item = &mut DateTime<Utc>> {
        let gates = self.gates.values_mut().filter_map(|tally| tally.began.as_mut());
        let failed = self.failed.as_mut().map(|failed| &mut failed.at);
        let past = self.past.iter_mut().flat_map(|wave| [&mut wave.began, &mut wave.ended]);
        [&mut self.began]
            .into_iter()
            .chain(self.first_move.as_mut())
            .chain(self.settled.as_mut())
            .chain(self.held_since.as_mut())
            .chain(self.switch.iter_mut().filter_map(|switch| switch.whole.as_mut()))
            .chain(failed)
            .chain(gates)
            .chain(past)
    }
}

/// What became of a tick of `advance`. No latch: the box was last seen unticked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advance {
    /// It lets this wave go on, and is not served yet.
    Waits {
        /// The rollout.
        rollout: i64,
        /// The wave in which it was first seen.
        wave: usize,
        /// When that was.
        at: DateTime<Utc>,
    },
    /// It was served, or means nothing.
    Void,
}

/// A release that a gate took back: its status stays until a key changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakenBack {
    /// The version that was left.
    pub from: Version,
    /// Why, as in [`Failed::what`].
    pub why: String,
    /// What the keys held then; `None` for one that could not be read.
    pub keys: [Option<String>; 2],
}
