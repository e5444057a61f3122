//! What the configuration and the command line say about decisions, and which safety limits an operator may let through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::window::{Hours, hours};
use crate::fleet::Source;
use crate::problem::Code;
use crate::rollout::Rollouts;
use crate::running::AgentTags;
use crate::tag::{ChannelName, TagKey};

/// What the decision needs to know from the configuration and the command line.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The spreadsheet's id.
    pub spreadsheet: String,
    /// Key of the channel tag.
    pub channel_tag: TagKey,
    /// Key of the version tag.
    pub version_tag: TagKey,
    /// The tags that agents write. They are only read.
    pub agents: AgentTags,
    /// Whether only to say what would be done.
    pub observe: bool,
    /// Whether keys count only while their columns are protected.
    pub require_protection: bool,
    /// Which discovered servers get a row.
    pub rows: Rows,
    /// Share of rows that may vanish, 0 to 1.
    pub max_row_drop: f64,
    /// Share of a source's servers that may vanish, 0 to 1.
    pub max_fleet_drop: f64,
    /// Share of servers that may change without two keys in 24 hours, 0 to 1.
    pub max_unapproved_change: f64,
    /// Belts that the operator lets through, this pass.
    pub allow: BTreeSet<Belt>,
    /// Whether the operator takes the sheet over for this store.
    pub takeover: bool,
    /// Who lets belts through or takes the sheet over; empty where nobody does.
    pub by: String,
    /// Strategies, gates, windows and freezes.
    pub rollouts: Arc<Rollouts>,
    /// Whether the operator lets this pass act as if all windows were open.
    pub allow_window: bool,
}

impl Policy {
    /// Whether servers of a channel may pass to a new version now.
    #[must_use]
    pub fn hours_of(&self, channel: &ChannelName, now: DateTime<Utc>) -> Hours {
        if self.allow_window {
            return Hours::Open;
        }
        self.hours_by_the_clock(channel, now)
    }

    /// The same, whatever the operator lets through.
    pub(super) fn hours_by_the_clock(&self, channel: &ChannelName, now: DateTime<Utc>) -> Hours {
        let (windows, freezes) = (self.rollouts.windows_of(channel), self.rollouts.freezes_of(channel));
        if windows.is_empty() && freezes.is_empty() {
            return Hours::Open;
        }
        hours(&windows, &freezes, now)
    }
}

/// Which discovered servers get a row. One that is held always does, so that somebody can let it go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rows {
    /// All.
    #[default]
    All,
    /// Those that do not come and go by themselves.
    Persistent,
    /// None.
    None,
}

/// What an operator lets through for one pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Safety limits.
    pub belts: BTreeSet<Belt>,
    /// Windows and freezes.
    pub window: bool,
}

impl Allowed {
    /// The word for `--allow` that lets windows and freezes through.
    pub const WINDOW: &str = "window";
}

/// A safety limit that an operator may let through for one pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Belt {
    /// The sheet shrank.
    RowDrop,
    /// A source shrank.
    FleetDrop,
    /// A source is no longer configured.
    Source,
    /// Too much changes without two keys.
    Unapproved,
    /// Another tab stands under the old name.
    Tab,
    /// The file was set back in time.
    History,
}

/// Accounts and regions that a belt holds, and which.
pub(super) type SourceBelts = BTreeMap<Source, Belt>;

impl Belt {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::RowDrop,
        Self::FleetDrop,
        Self::Source,
        Self::Unapproved,
        Self::Tab,
        Self::History,
    ];

    /// The word for `--allow`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.code().word()
    }

    /// The code of the problems that say it tripped.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::RowDrop => Code::RowDrop,
            Self::FleetDrop => Code::FleetDrop,
            Self::Source => Code::Source,
            Self::Unapproved => Code::Unapproved,
            Self::Tab => Code::Tab,
            Self::History => Code::History,
        }
    }
}
