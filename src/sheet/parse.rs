//! Turns raw cells into what people meant: channels with their keys and boxes, servers with their channels.
//!
//! Collects every error of a sheet instead of stopping at the first, and never guesses: a cell that is not what its column
//! holds becomes an error that names the cell and the fix.

mod cells;
mod layout;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::RawSpreadsheet;
use super::protection::{Guards, Keyholders};
use crate::memory::Stamp;
use crate::problem::Problem;
use crate::tag::{ChannelName, ServerId, TagKey, Version};

pub use cells::check_channel;
pub(crate) use cells::{clip, describe, text_of};
pub(crate) use layout::layout;
pub use layout::{Layout, TagColumn, column_letters, quoted};
use layout::{audit_layout, find_tab, missing_service, tag_columns};
use rows::{release_rows, server_rows};

/// Headers of the release tab that people own and must be there. Nothing reads `notes`, but a tab that lost a column of people's
/// may have lost more than that.
pub const RELEASE_NEEDS: [&str; 6] = [
    "channel",
    "desiredVersionA",
    "desiredVersionB",
    "enabled",
    "rollback",
    "notes",
];
/// The same of the server tab.
pub const SERVER_NEEDS: [&str; 3] = ["serverId", "channel", "notes"];
/// Service columns of the release tab.
pub const RELEASE_SERVICE: [&str; 4] = ["releaseVersion", "previousVersion", "status", "updatedAt"];
/// Service columns of the server tab.
pub const SERVER_SERVICE: [&str; 7] = [
    "name",
    "account",
    "region",
    "state",
    "releaseVersion",
    "status",
    "updatedAt",
];

/// What the parser needs to know from the configuration.
#[derive(Clone, Debug)]
pub struct Names {
    /// Name of the release tab.
    pub release_tab: String,
    /// Name of the server tab.
    pub server_tab: String,
    /// Name of the audit tab.
    pub audit_tab: String,
    /// Tag keys that `tag:` columns may manage.
    pub managed: Vec<TagKey>,
    /// Managed keys for which the server, not the sheet, has the say.
    pub server_authority: BTreeSet<TagKey>,
    /// Who holds which key.
    pub keyholders: Keyholders,
}

/// A key cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Nothing typed.
    Empty,
    /// A version.
    Names(Version),
    /// Something that is no version; the row has an error that says what.
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

/// One row of the release tab whose channel could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRow {
    /// Row number as people see it.
    pub row: u32,
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
    /// The cells that show whether the row is as the service left it.
    pub stamp: Stamp,
    /// `status`.
    pub status: String,
    /// What is wrong with its cells.
    pub errors: Vec<Problem>,
}

/// One row of the server tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRow {
    /// Row number as people see it.
    pub row: u32,
    /// Its server.
    pub id: ServerId,
    /// `channel`; `None` when blank.
    pub channel: Option<ChannelName>,
    /// `hold`; `None` when there is no such column.
    pub hold: Option<Tick>,
    /// What it asks of managed tags, in the order of [`ServerTab::tags`]; `None` leaves the tag alone.
    pub tags: Vec<Option<Arc<str>>>,
    /// Whether `channel` or `hold` cannot be read: then the server is left alone.
    pub unreadable: bool,
    /// What is wrong with its cells.
    pub errors: Vec<Problem>,
    /// The service cells as they stand, by canonical header; `tag:` columns of the server's authority too.
    pub service: BTreeMap<Arc<str>, String>,
}

impl ServerRow {
    /// Whether two rows of one server ask for the same.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        !self.unreadable
            && !other.unreadable
            && self.channel == other.channel
            && self.hold == other.hold
            && self.tags == other.tags
    }
}

/// The server tab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerTab {
    /// Where its columns are.
    pub layout: Layout,
    /// Its rows.
    pub rows: Vec<ServerRow>,
    /// `tag:` columns that the sheet decides.
    pub tags: Vec<TagColumn>,
    /// `tag:` columns that show what the server carries.
    pub shown_tags: Vec<TagColumn>,
}

/// The release tab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleaseTab {
    /// Where its columns are.
    pub layout: Layout,
    /// Its rows.
    pub rows: Vec<ReleaseRow>,
}

/// A spreadsheet that could be understood as a whole; single rows may still have errors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// The release tab.
    pub release: ReleaseTab,
    /// The server tab.
    pub servers: ServerTab,
    /// The audit tab, if there is one.
    pub audit: Option<Layout>,
    /// Ids of the stores that claim this spreadsheet.
    pub stores: BTreeSet<String>,
    /// How the key columns are protected.
    pub guards: Guards,
    /// What is wrong besides the rows' own errors, and stops nothing.
    pub problems: Vec<Problem>,
}

/// Understands a spreadsheet.
///
/// # Errors
/// All reasons why nothing may be decided from it: a missing tab, a missing human column, a known header that stands twice.
pub fn parse(raw: &RawSpreadsheet, names: &Names) -> Result<Sheet, Vec<Problem>> {
    let (sheet, fatal) = inspect(raw, names);
    if fatal.is_empty() { Ok(sheet) } else { Err(fatal) }
}

/// As much of a spreadsheet as can be understood, and all reasons why nothing may be decided from it.
#[must_use]
pub fn inspect(raw: &RawSpreadsheet, names: &Names) -> (Sheet, Vec<Problem>) {
    let mut fatal = Vec::new();
    let release_tab = find_tab(raw, &names.release_tab, &mut fatal);
    let server_tab = find_tab(raw, &names.server_tab, &mut fatal);
    let mut sheet = Sheet {
        stores: raw
            .marks
            .iter()
            .filter(|m| m.key == super::STORE_MARK)
            .map(|m| m.value.clone())
            .collect(),
        ..Sheet::default()
    };
    if let Some(tab) = release_tab {
        let known: Vec<Arc<str>> = RELEASE_NEEDS
            .iter()
            .chain(&RELEASE_SERVICE)
            .map(|h| (*h).into())
            .collect();
        let layout = layout(tab, &known, &RELEASE_NEEDS, &mut fatal);
        missing_service(&layout, &RELEASE_SERVICE, &mut sheet.problems);
        sheet.guards = Guards::of(tab, &layout, &names.keyholders);
        sheet.release.rows = release_rows(tab, &layout, &mut sheet.problems);
        sheet.release.layout = layout;
    }
    if let Some(tab) = server_tab {
        let (tags, shown) = tag_columns(tab, names, &mut sheet.problems);
        let fixed = SERVER_NEEDS
            .iter()
            .chain(&SERVER_SERVICE)
            .chain(&["hold"])
            .map(|h| Arc::from(*h));
        let known: Vec<Arc<str>> = fixed
            .chain(tags.iter().chain(&shown).map(|t| t.header.clone()))
            .collect();
        let layout = layout(tab, &known, &SERVER_NEEDS, &mut fatal);
        missing_service(&layout, &SERVER_SERVICE, &mut sheet.problems);
        sheet.servers.rows = server_rows(tab, &layout, &tags, &shown, &mut sheet.problems);
        sheet.servers.tags = tags;
        sheet.servers.shown_tags = shown;
        sheet.servers.layout = layout;
    }
    sheet.audit = raw
        .tabs
        .iter()
        .find(|tab| tab.title == names.audit_tab)
        .and_then(|tab| audit_layout(tab, &mut sheet.problems));
    (sheet, fatal)
}
