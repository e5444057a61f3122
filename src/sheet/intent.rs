//! What people ask for: versions in keys and boxes, and servers in channels. None of it says what the service shows.

use std::sync::Arc;

use super::layout::{Layout, TagColumn};
use crate::problem::Problem;
use crate::tag::{ChannelName, ServerId, Version};

/// All that people ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intent {
    /// What the place is called where channels stand.
    pub release_tab: String,
    /// What the place is called where servers stand.
    pub server_tab: String,
    /// Channels, from top to bottom.
    pub channels: Vec<ReleaseRow>,
    /// Servers, from top to bottom.
    pub servers: Vec<ServerRow>,
    /// Rows of the server tab whose text is not an instance id, from top to bottom: they are about no server.
    pub misnamed: Vec<MisnamedRow>,
    /// `tag:` columns that the sheet decides.
    pub tags: Vec<TagColumn>,
}

/// Where something that people ask for stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Row number as people see it.
    pub row: u32,
    /// The columns of its tab.
    pub tab: Arc<Layout>,
}

impl Origin {
    /// The address of a cell of the row, such as `ReleaseSheet!B4`.
    #[must_use]
    pub fn place(&self, header: &str) -> String {
        self.tab.place(header, self.row)
    }
}

/// A key cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Nothing typed.
    Empty,
    /// A version.
    Names(Version),
    /// Something that is not a version; the row has an error that says what.
    Unreadable,
}

impl Key {
    /// The text a spent key is compared by; `None` when it cannot be read.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Empty => Some(""),
            Self::Names(version) => Some(version.as_str()),
            Self::Unreadable => None,
        }
    }

    /// The version it names, if any.
    #[must_use]
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Names(version) => Some(version),
            Self::Empty | Self::Unreadable => None,
        }
    }
}

/// A checkbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// Ticked.
    On,
    /// Not ticked, or blank.
    Off,
    /// Neither; the row has an error that says what.
    Unreadable,
}

/// What one row of the release tab, whose channel could be read, asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRow {
    /// Where it stands.
    pub origin: Origin,
    /// Its channel.
    pub channel: ChannelName,
    /// `desiredVersionA`.
    pub key_a: Key,
    /// `desiredVersionB`.
    pub key_b: Key,
    /// `enabled`.
    pub enabled: Tick,
    /// `rollback`.
    pub rollback: Tick,
    /// `advance`; `None` when there is no such column.
    pub advance: Option<Tick>,
    /// What is wrong with its cells.
    pub errors: Vec<Problem>,
}

/// What one row of the server tab asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRow {
    /// Where it stands.
    pub origin: Origin,
    /// Its server.
    pub id: ServerId,
    /// `channel`; `None` when blank.
    pub channel: Option<ChannelName>,
    /// `hold`; `None` when there is no such column.
    pub hold: Option<Tick>,
    /// Whether `canary` is ticked.
    pub canary: bool,
    /// What it asks of managed tags, in the order of [`Intent::tags`]; `None` leaves the tag alone.
    pub tags: Vec<Option<Arc<str>>>,
    /// Whether `channel` or `hold` cannot be read: then the server is left alone.
    pub unreadable: bool,
    /// What is wrong with its cells.
    pub errors: Vec<Problem>,
}

/// A row of the server tab whose text is not an instance id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MisnamedRow {
    /// Where it stands.
    pub origin: Origin,
    /// What it holds in the place of an id. The row is found again by it.
    pub text: ServerId,
}

impl ServerRow {
    /// Whether two rows of one server ask for the same.
    #[must_use]
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        !self.unreadable
            && !other.unreadable
            && self.channel == other.channel
            && self.hold == other.hold
            && self.tags == other.tags
    }
}
