//! Turns raw cells into what people meant: channels with their keys and boxes, servers with their channels.
//!
//! Collects every error of a sheet instead of stopping at the first, and never guesses: a cell that is not what its column
//! holds becomes an error that names the cell and the fix.

mod cells;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::protection::{Guards, Keyholders};
use super::{RawSpreadsheet, RawTab};
use crate::memory::Stamp;
use crate::problem::{Kind, Problem};
use crate::tag::{ChannelName, ServerId, TagKey, Version};

pub use cells::check_channel;
pub(crate) use cells::{clip, describe, text_of};
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

/// Where the known columns of a tab are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The tab's id.
    pub sheet_id: i64,
    /// Its name.
    pub title: String,
    /// Canonical header to zero-based column.
    pub columns: BTreeMap<Arc<str>, u32>,
    /// Columns that the header row spans.
    pub width: u32,
    /// Rows that the grid has.
    pub row_count: u32,
}

impl Layout {
    /// A cell's address, such as `ReleaseSheet!B4`; just the tab when the column is absent.
    #[must_use]
    pub fn place(&self, header: &str, row: u32) -> String {
        match self.columns.get(header) {
            Some(column) => format!("{}!{}{row}", quoted(&self.title), column_letters(*column)),
            None => format!("{} row {row}", quoted(&self.title)),
        }
    }
}

/// A `tag:` column of the sheet's authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagColumn {
    /// The tag.
    pub key: TagKey,
    /// Its header.
    pub header: Arc<str>,
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

/// The columns of the audit tab. One that cannot be written to stops nothing: what happened is in the history, too.
fn audit_layout(tab: &RawTab, problems: &mut Vec<Problem>) -> Option<Layout> {
    let known: Vec<Arc<str>> = super::AUDIT_COLUMNS.iter().map(|h| (*h).into()).collect();
    let mut faults = Vec::new();
    let layout = layout(tab, &known, &[], &mut faults);
    if layout.columns.is_empty() {
        let message = format!(
            "{} has none of the headers {}, so nothing is logged there; run fleetsheet init, or delete the tab",
            quoted(&tab.title),
            super::AUDIT_COLUMNS.join(", ")
        );
        faults.push(Problem::new(Kind::Mismatch, "audit", &*tab.title, message));
    }
    let whole = faults.is_empty();
    problems.extend(faults.into_iter().map(|fault| Problem {
        kind: Kind::Mismatch,
        code: "audit",
        ..fault
    }));
    whole.then_some(layout)
}

fn find_tab<'a>(raw: &'a RawSpreadsheet, title: &str, fatal: &mut Vec<Problem>) -> Option<&'a RawTab> {
    let found = raw.tabs.iter().find(|tab| tab.title == title);
    if found.is_none() {
        let message =
            format!("the tab {title} is missing; give the tab this name again, or make it with fleetsheet init");
        fatal.push(Problem::new(Kind::Belt, "structure", title, message));
    }
    found
}

/// Finds the known headers of a tab in row 1: trimmed, in any letter case.
pub(crate) fn layout(tab: &RawTab, known: &[Arc<str>], needs: &[&str], fatal: &mut Vec<Problem>) -> Layout {
    let empty = Vec::new();
    let headers = tab.rows.first().unwrap_or(&empty);
    let mut layout = Layout {
        sheet_id: tab.sheet_id,
        title: tab.title.clone(),
        width: u32::try_from(headers.len()).unwrap_or(u32::MAX),
        row_count: tab.row_count,
        ..Layout::default()
    };
    for (column, cell) in headers.iter().enumerate() {
        let column = u32::try_from(column).unwrap_or(u32::MAX);
        let text = text_of(cell);
        let Some(header) = known.iter().find(|h| same_header(h, &text)) else {
            continue;
        };
        if let Some(first) = layout.columns.get(header) {
            let message = format!(
                "the header {header} stands twice, in columns {} and {} of {}; delete or rename one of them",
                column_letters(*first),
                column_letters(column),
                tab.title
            );
            fatal.push(Problem::new(Kind::Belt, "structure", layout.place(header, 1), message));
        } else {
            layout.columns.insert(header.clone(), column);
        }
    }
    for need in needs.iter().filter(|need| !layout.columns.contains_key(**need)) {
        let message = format!(
            "{} has no column {need}; bring it back (Edit > Undo, or fleetsheet init adds an empty one)",
            tab.title
        );
        fatal.push(Problem::new(Kind::Belt, "structure", &*tab.title, message));
    }
    layout
}

fn same_header(known: &str, text: &str) -> bool {
    let text = text.trim();
    // Tag keys are told apart by letter case, so `tag:` columns are matched before this by their exact key.
    known.eq_ignore_ascii_case(text)
}

fn missing_service(layout: &Layout, service: &[&str], problems: &mut Vec<Problem>) {
    for header in service.iter().filter(|h| !layout.columns.contains_key(**h)) {
        let message = format!(
            "{} has no column {header} to write to; fleetsheet init adds it",
            layout.title
        );
        problems.push(Problem::new(Kind::BadCell, "no_column", &*layout.title, message));
    }
}

/// Sorts the `tag:` columns into those of the sheet's and of the server's authority; others are reported and left alone.
fn tag_columns(tab: &RawTab, names: &Names, problems: &mut Vec<Problem>) -> (Vec<TagColumn>, Vec<TagColumn>) {
    let (mut tags, mut shown): (Vec<TagColumn>, Vec<TagColumn>) = (Vec::new(), Vec::new());
    for (column, cell) in tab.rows.first().into_iter().flatten().enumerate() {
        let text = text_of(cell);
        let header = text.trim();
        let Some(key) = header
            .get(..4)
            .filter(|p| p.eq_ignore_ascii_case("tag:"))
            .map(|_| header[4..].trim())
        else {
            continue;
        };
        let exact = names.managed.iter().find(|m| m.as_str() == key);
        let mut folded = names.managed.iter().filter(|m| m.as_str().eq_ignore_ascii_case(key));
        let found = exact.or_else(|| folded.next().filter(|_| folded.next().is_none()));
        let Some(found) = found else {
            let at = column_letters(u32::try_from(column).unwrap_or(u32::MAX));
            let message = format!(
                "the column {} is left alone: \"{}\" is not among tags.managed in the configuration",
                clip(header),
                clip(key)
            );
            problems.push(Problem::new(
                Kind::BadCell,
                "tag_column",
                format!("{}!{at}1", quoted(&tab.title)),
                message,
            ));
            continue;
        };
        let list = if names.server_authority.contains(found) {
            &mut shown
        } else {
            &mut tags
        };
        if list.iter().all(|t| t.key != *found) {
            list.push(TagColumn {
                key: found.clone(),
                header: format!("tag:{found}").into(),
            });
        }
    }
    (tags, shown)
}

/// The letters of a zero-based column: 0 is `A`, 26 is `AA`.
#[must_use]
pub fn column_letters(column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = u64::from(column) + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(b'A' + u8::try_from(rest % 26).unwrap_or(0));
        rest /= 26;
    }
    letters.iter().rev().map(|b| char::from(*b)).collect()
}

/// A tab's name as a formula would write it.
#[must_use]
pub fn quoted(title: &str) -> String {
    if !title.is_empty() && title.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        title.to_owned()
    } else {
        format!("'{}'", title.replace('\'', "''"))
    }
}
