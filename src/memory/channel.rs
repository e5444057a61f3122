//! What is remembered of a channel: its release, its keys and its rollback latch.

use serde::{Deserialize, Serialize};

use super::{ActiveColour, Advance, Rollout, RowMemory, Stamp, TakenBack};
use crate::tag::Version;

/// Why a key lost its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpentBy {
    /// It named the version that a rollback left.
    Rollback,
    /// It could not be read when a rollback was served.
    UnreadAtRollback,
    /// With the other key it named a third version when it was first read after a rollback that was ordered without the sheet.
    Unseen,
    /// It stood there when a gate took the release back.
    Gate,
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

/// A release that moved and has yet to reach all its servers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unfinished {
    /// The version that it left.
    pub from: Option<Version>,
    /// Whether a pass came to its end and left servers behind, so that it is told again when they have followed.
    pub behind: bool,
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
    /// What a rollback that was ordered without the sheet left, for each key (A, then B) that no pass has read since: the key is
    /// spent if it then names that version, or if both keys then name one that is not in force.
    #[serde(default)]
    pub recalled: [Option<Version>; 2],
    /// The last move of the release, until all its servers carry it.
    #[serde(default)]
    pub unfinished: Option<Unfinished>,
    /// The rollout under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// The latch of `advance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advance: Option<Advance>,
    /// Whether the release was adopted while servers carried other versions, which both keys have yet to approve.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mixed: bool,
    /// The release that a gate took back last, until a key changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<TakenBack>,
    /// Which of its colours takes traffic, where it is blue-green and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<ActiveColour>,
    /// The version of which people were told that servers have come to trouble with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub troubled: Option<Version>,
    /// Its row.
    pub row: RowMemory<Stamp>,
}
