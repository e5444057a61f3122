//! Blue-green: two colours of servers, one of which takes traffic, and the phases in which a release passes from one to the other.

use std::fmt;
use std::time::Duration;

use crate::tag::TagKey;

/// What the role tag says of a server that takes traffic.
pub const ACTIVE: &str = "active";
/// What it says of one that does not.
pub const PREVIEW: &str = "preview";

/// What a strategy says of its colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colours {
    /// The tag whose values are the colours.
    pub colour_tag: TagKey,
    /// The tag that load balancers and discovery follow.
    pub role_tag: TagKey,
    /// The colour that is active where nothing else tells.
    pub first: String,
    /// How long both colours take traffic in a switch.
    pub overlap: Duration,
    /// How long the former colour keeps the former version after a switch.
    pub keep: Duration,
    /// Whether the switch waits for somebody.
    pub manual: bool,
}

/// The phases of a blue-green rollout, in their order: they stand in for waves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColourPhase {
    /// The colour without traffic passes to the new version and is watched.
    Preview,
    /// It becomes active, and then the former one stops being so.
    Switching,
    /// The former colour keeps the former version.
    Keep,
    /// The former colour follows.
    Follow,
}

impl ColourPhase {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Preview, Self::Switching, Self::Keep, Self::Follow];

    /// The one that stands for this wave, from 0.
    #[must_use]
    pub fn at(wave: usize) -> Self {
        Self::ALL.get(wave).copied().unwrap_or(Self::Follow)
    }

    /// The word for statuses and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::Switching => "switching",
            Self::Keep => "keep",
            Self::Follow => "follow",
        }
    }
}

impl fmt::Display for ColourPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
