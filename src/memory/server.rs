//! What is remembered of a server: what it carried, what was asked of it, and who keeps changing it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Member, RolloutId, RowMemory};
use crate::fleet::{Reach, Source};
use crate::tag::{Cells, Change, ChannelName, TagKey, TagSet};

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
    pub tags: TagSet,
    /// Why it was refused, in words, without the server's own id.
    pub why: String,
    /// Whom the refusal is about.
    pub reach: Reach,
    /// How many tries at their time were refused.
    pub tries: u32,
    /// When it is tried again for sure.
    pub retry_at: DateTime<Utc>,
}

/// Corrections that are made again and again, by tag. A map would set room aside for eleven, and each server that was ever
/// promoted has one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<TagKey, Repeat>", into = "BTreeMap<TagKey, Repeat>")]
pub struct Repeats(Box<[(TagKey, Repeat)]>);

impl Repeats {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &(TagKey, Repeat)> {
        self.0.iter()
    }

    /// All, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Repeat> {
        self.0.iter_mut().map(|(_, repeat)| repeat)
    }

    /// That of a tag.
    #[must_use]
    pub fn get(&self, tag: &TagKey) -> Option<&Repeat> {
        self.0.iter().find(|(known, _)| known == tag).map(|(_, repeat)| repeat)
    }

    /// That of a tag, to be changed.
    pub fn get_mut(&mut self, tag: &TagKey) -> Option<&mut Repeat> {
        self.0
            .iter_mut()
            .find(|(known, _)| known == tag)
            .map(|(_, repeat)| repeat)
    }

    /// Puts one in, in place of that of the same tag.
    pub fn insert(&mut self, tag: TagKey, repeat: Repeat) {
        let others = std::mem::take(self).0.into_iter();
        let mut all: BTreeMap<TagKey, Repeat> = others.collect();
        all.insert(tag, repeat);
        *self = all.into();
    }

    /// Keeps those that are to be kept.
    pub fn retain(&mut self, keep: impl Fn(&TagKey, &Repeat) -> bool) {
        let all = std::mem::take(self).0.into_iter();
        self.0 = all.filter(|(tag, repeat)| keep(tag, repeat)).collect();
    }
}

impl From<BTreeMap<TagKey, Repeat>> for Repeats {
    fn from(repeats: BTreeMap<TagKey, Repeat>) -> Self {
        Self(repeats.into_iter().collect())
    }
}

impl From<Repeats> for BTreeMap<TagKey, Repeat> {
    fn from(repeats: Repeats) -> Self {
        repeats.0.into_iter().collect()
    }
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

/// The same, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed<'a> {
    /// See [`Listing::Unknown`].
    Unknown,
    /// See [`Listing::Out`].
    Out,
    /// See [`Listing::In`].
    In(&'a ChannelName),
    /// See [`Listing::Lost`].
    Lost {
        /// The channel that it named.
        channel: &'a ChannelName,
        /// When a pass first missed it.
        at: DateTime<Utc>,
    },
}

impl<'a> Listed<'a> {
    /// Borrows.
    #[must_use]
    pub fn of(listing: &'a Listing) -> Self {
        match listing {
            Listing::Unknown => Self::Unknown,
            Listing::Out => Self::Out,
            Listing::In(channel) => Self::In(channel),
            Listing::Lost { channel, at } => Self::Lost { channel, at: *at },
        }
    }
}

impl From<Listed<'_>> for Listing {
    fn from(listed: Listed<'_>) -> Self {
        match listed {
            Listed::Unknown => Self::Unknown,
            Listed::Out => Self::Out,
            Listed::In(channel) => Self::In(channel.clone()),
            Listed::Lost { channel, at } => Self::Lost {
                channel: channel.clone(),
                at,
            },
        }
    }
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
    pub seen: TagSet,
    /// Values that were about to be written when the memory was committed.
    pub meant: TagSet,
    /// What the sheet last asked of managed tags.
    #[serde(rename = "wished")]
    pub asked: TagSet,
    /// Whether the sheet last said to leave it alone.
    pub held: bool,
    /// Whether the sheet last put it in no channel of its own (blank, unknown, unreadable, or two rows that disagree), so that its
    /// tags are left alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aside: bool,
    /// Whether it was seen shutting down or terminated.
    pub terminated: bool,
    /// Since when it is missing.
    pub missing_since: Option<DateTime<Utc>>,
    /// Corrections that somebody else keeps undoing, by tag.
    pub repeats: Repeats,
    /// Its row, recognised by `updatedAt`.
    pub row: RowMemory<Arc<str>>,
    /// The other service cells of the row as last read back, by header; empty while that is not known.
    pub shown: Cells,
    /// Whether people were told that somebody typed over them.
    pub edited: bool,
    /// The last refusal of its tags, until they are taken.
    #[serde(default)]
    pub refused: Option<Refused>,
    /// Whether it had a row.
    #[serde(default)]
    pub listing: Listing,
    /// The rollout that took it last. One that has ended means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
}

impl ServerMemory {
    /// Whether a wave of this rollout has taken it.
    #[must_use]
    pub fn is_member(&self, of: &RolloutId) -> bool {
        self.member.as_ref().is_some_and(|member| member.of == *of)
    }

    /// Whether it had a row. Of a store that an earlier version wrote, the stamp that was read back from a row tells.
    #[must_use]
    pub fn listed(&self) -> Listed<'_> {
        match (&self.listing, &self.channel, &self.row.written) {
            (Listing::Unknown, Some(channel), Some(_)) => Listed::In(channel),
            (known, ..) => Listed::of(known),
        }
    }
}
