//! What the belts compare with: counts over the last day, and changes that no pair of keys approved.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::tag::{ChannelName, ServerId};

/// A count at a time.
pub type Reading = (DateTime<Utc>, u64);

/// What the belts compare with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baselines {
    /// Live rows of the server tab, as earlier versions counted them; no longer added to.
    pub server_rows: Vec<Reading>,
    /// Rows of the release tab. The last reading is of the last pass that the belt on rows did not hold, to the hour.
    pub release_rows: Vec<Reading>,
    /// Channels that had a row in that pass, or in the day before it: since when their row is missed, if it is.
    #[serde(default)]
    pub channels: BTreeMap<ChannelName, Option<DateTime<Utc>>>,
    /// Servers of each source, by its display name.
    pub fleet: BTreeMap<String, Vec<Reading>>,
    /// When the belt on a source was last let through: what it missed by then is missed no more. By its display name.
    #[serde(default)]
    pub let_through: BTreeMap<String, DateTime<Utc>>,
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
