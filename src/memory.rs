//! What fleetsheet remembers between passes, and the trait of the store that keeps it.
//!
//! A decision reads a [`Memory`] and answers with an [`Update`], which is committed before the acts it describes: whoever is
//! killed in between finds, at the next pass, what was meant.

mod baselines;
mod channel;
mod last;
mod rollout;
mod row;
mod server;
mod store;
mod tally;
mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::mail::{Mail, OpenProblem};
use crate::tag::{ChannelName, ServerId};
pub use baselines::{Baselines, Reading, Unapproved};
pub use channel::{ChannelMemory, KeyState, Latch, Move, SpentBy, Unfinished};
pub use last::{LastPass, Told};
pub use rollout::{
    ActiveColour, Advance, Failed, Member, PastWave, Rollout, RolloutId, StartedWave, Switch, TakenBack,
};
pub use row::{LATE_WRITE, RowMemory, Stamp, Stamped};
pub use server::{Listed, Listing, Refused, Repeat, Repeats, ServerMemory};
pub use store::{About, Store, StoreError, StoreReader};
pub use tally::Tally;
pub use update::Update;

/// The spreadsheet that a store serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// Its id.
    pub spreadsheet: String,
    /// The id of the release tab, which survives renaming.
    pub release_tab: i64,
    /// The id of the server tab.
    pub server_tab: i64,
    /// Ids of the marks on columns, by tab id and header: `17/releaseVersion`.
    #[serde(default)]
    pub marks: BTreeMap<String, i64>,
    /// Whether the last pass found the keys protected, or nothing asks for that.
    #[serde(default)]
    pub protected: bool,
    /// The audit tab, as last looked for.
    #[serde(default)]
    pub audit: Option<AuditTab>,
    /// The store that the spreadsheet named instead of this one when it was last read, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rival: Option<String>,
}

/// Whether the spreadsheet had an audit tab, and when a pass last looked. It is stored as a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(bool, DateTime<Utc>)", into = "(bool, DateTime<Utc>)")]
pub struct AuditTab {
    /// Whether it was there.
    pub there: bool,
    /// When a pass last looked which tabs there are.
    pub looked: DateTime<Utc>,
}

impl From<(bool, DateTime<Utc>)> for AuditTab {
    fn from((there, looked): (bool, DateTime<Utc>)) -> Self {
        Self { there, looked }
    }
}

impl From<AuditTab> for (bool, DateTime<Utc>) {
    fn from(audit: AuditTab) -> Self {
        (audit.there, audit.looked)
    }
}

/// Everything remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The id of this store.
    pub store: String,
    /// The spreadsheet it serves; `None` before the first pass.
    pub binding: Option<Binding>,
    /// Channels.
    pub channels: BTreeMap<ChannelName, ChannelMemory>,
    /// Servers.
    pub servers: BTreeMap<ServerId, Arc<ServerMemory>>,
    /// Belts.
    pub baselines: Baselines,
    /// The newest `updatedAt` ever given out: the next is later, whatever the clock says.
    pub last_stamp: Option<DateTime<Utc>>,
    /// Open problems by fingerprint.
    pub open: BTreeMap<String, OpenProblem>,
    /// Belts that held something back in the last pass, by name and place: what still holds is no news.
    pub tripped: BTreeSet<String>,
    /// Events that are not yet known to stand in the audit tab, oldest first.
    pub unlogged: Vec<Event>,
    /// Mail.
    pub mail: Mail,
}

/// Something that happened, for `history` and the audit tab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub time: DateTime<Utc>,
    /// The pass.
    pub run: String,
    /// The channel, or empty.
    pub channel: String,
    /// What, one word with underscores.
    pub event: String,
    /// Before.
    pub from: String,
    /// After.
    pub to: String,
    /// In words.
    pub detail: String,
}
