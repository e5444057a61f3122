//! What is remembered of a server: what it carried, what was asked of it, and who keeps changing it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::RowMemory;
use crate::fleet::{Reach, Source};
use crate::tag::{Change, ChannelName, TagKey};

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

/// A refusal that comes again unless somebody changes something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// What was to be written.
    pub tags: BTreeMap<TagKey, Arc<str>>,
    /// Why it was refused, in words, without the server's own id.
    pub why: String,
    /// Whom the refusal is about.
    pub reach: Reach,
    /// How many tries at their time were refused.
    pub tries: u32,
    /// When it is tried again for sure.
    pub retry_at: DateTime<Utc>,
}

impl Refused {
    /// Whether it is these changes that were refused.
    #[must_use]
    pub fn is_of(&self, changes: &[Change]) -> bool {
        self.tags.len() == changes.len()
            && changes
                .iter()
                .all(|change| self.tags.get(&change.tag) == Some(&change.after))
    }
}

/// Whether a server had a row that named its channel, as of the last pass that the belt on rows did not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listing {
    /// It is not known: an earlier version kept no such thing.
    #[default]
    Unknown,
    /// It had none, for a day or longer.
    Out,
    /// It had one, which named this channel.
    In(ChannelName),
    /// Its row, or the channel in it, was lost.
    Lost {
        /// The channel that it named.
        channel: ChannelName,
        /// When a pass first missed it.
        at: DateTime<Utc>,
    },
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
    #[serde(rename = "wished")]
    pub asked: BTreeMap<TagKey, Arc<str>>,
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
    /// The last refusal of its tags, until they are taken.
    #[serde(default)]
    pub refused: Option<Refused>,
    /// Whether it had a row.
    #[serde(default)]
    pub listing: Listing,
}

impl ServerMemory {
    /// Whether it had a row. Of a store that an earlier version wrote, the stamp that was read back from a row tells.
    #[must_use]
    pub fn listing(&self) -> Listing {
        match (&self.listing, &self.channel, &self.row.written) {
            (Listing::Unknown, Some(channel), Some(_)) => Listing::In(channel.clone()),
            (known, ..) => known.clone(),
        }
    }
}
