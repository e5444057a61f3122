//! What fleetsheet remembers between passes, and the trait of the store that keeps it.
//!
//! A decision reads a [`Memory`] and answers with an [`Update`], which is committed before the acts it describes: whoever is
//! killed in between finds, at the next pass, what was meant.

mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::fleet::Source;
use crate::mail::{Mail, MailUpdate, OpenProblem};
use crate::tag::{ChannelName, ServerId, TagKey, Version};
pub use row::{RowMemory, Stamp, Stamped};

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
    /// The audit tab, as last looked for.
    #[serde(default)]
    pub audit: Option<AuditTab>,
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

/// Why a key lost its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpentBy {
    /// It named the version that a rollback left.
    Rollback,
    /// The row's service cells were changed by hand.
    Edit,
    /// The channel's row was absent.
    Absence,
    /// The channel stood in two rows.
    TwoRows,
    /// The key columns were not protected.
    Protection,
    /// The store was taken over.
    Takeover,
    /// The row had service cells when the channel was first seen.
    FirstContact,
}

/// Whether a key counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It counts.
    #[default]
    Live,
    /// It does not, until its cell is seen to hold something else.
    Spent {
        /// The text it was spent at (blank is the empty text); `None` until it is next read in a confirmed row.
        held: Option<String>,
        /// Why.
        by: SpentBy,
    },
}

/// Why a ticked rollback box is not served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Latch {
    /// This tick was served.
    Served {
        /// The version it left.
        from: Version,
    },
    /// There was nothing to go back to.
    Nothing,
    /// It stood ticked at first contact, at a takeover, or in a row with another channel's stamp.
    FoundTicked,
}

/// How a channel came by its release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// Taken from what its servers carried.
    #[default]
    Adoption,
    /// Both keys.
    Promotion,
    /// A tick.
    Rollback,
}

/// What is remembered of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelMemory {
    /// The version in force.
    pub release: Option<Version>,
    /// Whether both keys approved it.
    pub approved: bool,
    /// What a rollback returns to.
    pub prior: Option<Version>,
    /// Whether both keys approved that.
    pub prior_approved: bool,
    /// How the release came about.
    pub moved: Move,
    /// Key A.
    pub key_a: KeyState,
    /// Key B.
    pub key_b: KeyState,
    /// The rollback latch; `None` is open.
    pub latch: Option<Latch>,
    /// Its row.
    pub row: RowMemory<Stamp>,
}

/// A correction made again and again because somebody else undoes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// The value it sets.
    pub after: Arc<str>,
    /// In how many passes running it was made.
    pub count: u32,
    /// Not before this time again.
    pub retry_at: Option<DateTime<Utc>>,
}

/// What is remembered of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerMemory {
    /// Where it was last seen; `None` if never.
    pub source: Option<Source>,
    /// The channel that the sheet last gave it and that was acted on.
    pub channel: Option<ChannelName>,
    /// Channel, version and managed tags as last seen or written with success.
    pub seen: BTreeMap<TagKey, Arc<str>>,
    /// Values that were about to be written when the memory was committed.
    pub meant: BTreeMap<TagKey, Arc<str>>,
    /// What the sheet last asked of managed tags.
    pub wished: BTreeMap<TagKey, Arc<str>>,
    /// Whether the sheet last said to leave it alone.
    pub held: bool,
    /// Whether it was seen shutting down or terminated.
    pub terminated: bool,
    /// Since when it is missing.
    pub missing_since: Option<DateTime<Utc>>,
    /// Corrections that somebody else keeps undoing, by tag.
    pub repeats: BTreeMap<TagKey, Repeat>,
    /// Its row, recognised by `updatedAt`.
    pub row: RowMemory<String>,
    /// The other service cells of the row as last read back, by header; empty while that is not known.
    pub shown: BTreeMap<Arc<str>, String>,
    /// Whether people were told that somebody typed over them.
    pub edited: bool,
}

/// A count at a time.
pub type Reading = (DateTime<Utc>, u64);

/// What the belts compare with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baselines {
    /// Live rows of the server tab.
    pub server_rows: Vec<Reading>,
    /// Rows of the release tab.
    pub release_rows: Vec<Reading>,
    /// Servers of each source, by its display name.
    pub fleet: BTreeMap<String, Vec<Reading>>,
    /// Changes that no pair of keys approved, of the last 24 hours.
    pub unapproved: Vec<Unapproved>,
}

/// One server changed without the approval of two keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unapproved {
    /// When.
    pub at: DateTime<Utc>,
    /// Which server.
    pub server: ServerId,
    /// The channel that lost it, for moves.
    pub from: Option<ChannelName>,
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
    pub servers: BTreeMap<ServerId, ServerMemory>,
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

/// What is to be remembered: applied whole or not at all. Absent entries stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// New binding.
    pub binding: Option<Binding>,
    /// Channels to insert or replace.
    pub channels: BTreeMap<ChannelName, ChannelMemory>,
    /// Servers to insert or replace.
    pub servers: BTreeMap<ServerId, ServerMemory>,
    /// Servers to forget.
    pub forget_servers: BTreeSet<ServerId>,
    /// New baselines.
    pub baselines: Option<Baselines>,
    /// New newest stamp.
    pub last_stamp: Option<DateTime<Utc>>,
    /// All open problems, replacing the former.
    pub open: Option<BTreeMap<String, OpenProblem>>,
    /// All belts that hold something back, replacing the former.
    pub tripped: Option<BTreeSet<String>>,
    /// All events still to be written to the audit tab, replacing the former.
    pub unlogged: Option<Vec<Event>>,
    /// What is new about mail.
    pub mail: MailUpdate,
    /// Events to append.
    pub events: Vec<Event>,
}

impl Update {
    /// Whether there is nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Memory {
    /// The memory as it is once `update` is committed.
    pub fn apply(&mut self, update: &Update) {
        let Update {
            binding,
            channels,
            servers,
            forget_servers,
            baselines,
            last_stamp,
            open,
            tripped,
            unlogged,
            mail,
            events: _,
        } = update;
        if let Some(binding) = binding {
            self.binding = Some(binding.clone());
        }
        self.channels
            .extend(channels.iter().map(|(k, v)| (k.clone(), v.clone())));
        self.servers.extend(servers.iter().map(|(k, v)| (k.clone(), v.clone())));
        for server in forget_servers {
            self.servers.remove(server);
        }
        if let Some(baselines) = baselines {
            self.baselines = baselines.clone();
        }
        if let Some(stamp) = last_stamp {
            self.last_stamp = Some(*stamp);
        }
        if let Some(open) = open {
            self.open = open.clone();
        }
        if let Some(tripped) = tripped {
            self.tripped = tripped.clone();
        }
        if let Some(unlogged) = unlogged {
            self.unlogged = unlogged.clone();
        }
        self.mail.apply(mail);
    }
}

/// A failure of the store, in words for people.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another pass holds it.
    #[error("{0}")]
    Held(String),
    /// It cannot be opened, read or written, or holds what this version does not understand.
    #[error("{0}")]
    Broken(String),
}

/// Reads what was remembered.
#[async_trait]
pub trait StoreReader: Send + Sync {
    /// Everything that decisions need.
    ///
    /// # Errors
    /// When the store cannot be read whole: a half-read memory is worse than none.
    async fn load(&self) -> Result<Memory, StoreError>;

    /// The newest `limit` events, newest last, of one channel or of all.
    ///
    /// # Errors
    /// As [`StoreReader::load`].
    async fn history(&self, channel: Option<&str>, limit: u32) -> Result<Vec<Event>, StoreError>;
}

/// Remembers.
#[async_trait]
pub trait Store: StoreReader {
    /// Applies `update` in one transaction that is on disk when this returns.
    ///
    /// # Errors
    /// When it could not be made durable; the caller must then not act.
    async fn commit(&self, update: &Update) -> Result<(), StoreError>;
}
