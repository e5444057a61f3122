//! Turns raw cells into what people meant: channels with their keys and boxes, servers with their channels.
//!
//! Collects every error of a sheet instead of stopping at the first, and never guesses: a cell that is not what its column
//! holds becomes an error that names the cell and the fix.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::protection::{Guards, Keyholders};
use super::{Cell, RawSpreadsheet, RawTab};
use crate::memory::Stamp;
use crate::problem::{Kind, Problem};
use crate::tag::{ChannelName, ServerId, TagKey, Version, describe_char};

/// Longest channel name, in characters: it becomes the value of a tag, and EC2 takes 256
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html>).
const CHANNEL_MAX: usize = 256;
/// Longest tag value, from the same page.
const TAG_VALUE_MAX: usize = 256;
/// Longest server id that is looked at; EC2's have 19 characters.
const SERVER_ID_MAX: usize = 64;

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
    sheet.audit = raw.tabs.iter().find(|t| t.title == names.audit_tab).map(|tab| {
        let known: Vec<Arc<str>> = super::AUDIT_COLUMNS.iter().map(|h| (*h).into()).collect();
        let mut ignored = Vec::new();
        layout(tab, &known, &[], &mut ignored)
    });
    (sheet, fatal)
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
            let message =
                format!("the column {header} is left alone: {key:?} is not among tags.managed in the configuration");
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

fn release_rows(tab: &RawTab, layout: &Layout, problems: &mut Vec<Problem>) -> Vec<ReleaseRow> {
    let mut rows = Vec::new();
    for (row, cells) in numbered(tab) {
        let cell = |header: &str| at(cells, layout, header);
        if layout
            .columns
            .values()
            .all(|column| is_blank(cells.get(*column as usize)))
        {
            continue;
        }
        let place = |header: &str| layout.place(header, row);
        let channel = match control_text(cell("channel")) {
            Ok(text) if text.is_empty() => {
                // Boxes that were only formatted hold FALSE: a row that says nothing needs no channel.
                if ["desiredVersionA", "desiredVersionB"]
                    .iter()
                    .any(|h| !is_blank(cell(h)))
                {
                    let message = format!(
                        "{} is blank, so the row counts for no channel; name one or clear the row",
                        place("channel")
                    );
                    problems.push(Problem::new(Kind::BadCell, "no_channel", place("channel"), message));
                }
                continue;
            }
            Ok(text) => check_channel(&text),
            Err(what) => Err(format!(
                "{what}; a channel must be text: format the column as Plain text and type it again"
            )),
        };
        let channel = match channel {
            Ok(channel) => channel,
            Err(what) => {
                let message = format!("{} holds {what}", place("channel"));
                problems.push(Problem::new(Kind::BadCell, "channel", place("channel"), message));
                continue;
            }
        };
        let mut errors = Vec::new();
        let key_a = key(cell("desiredVersionA"), place("desiredVersionA"), &mut errors);
        let key_b = key(cell("desiredVersionB"), place("desiredVersionB"), &mut errors);
        let enabled = control_tick(cell("enabled"), place("enabled"), &mut errors);
        let rollback = control_tick(cell("rollback"), place("rollback"), &mut errors);
        let shown = |header: &str| cell(header).map(text_of).unwrap_or_default();
        let stamp = Stamp {
            release: shown("releaseVersion"),
            previous: shown("previousVersion"),
            updated_at: shown("updatedAt"),
        };
        rows.push(ReleaseRow {
            row,
            channel,
            key_a,
            key_b,
            enabled,
            rollback,
            stamp,
            status: shown("status"),
            errors,
        });
    }
    rows
}

fn server_rows(
    tab: &RawTab,
    layout: &Layout,
    tags: &[TagColumn],
    shown: &[TagColumn],
    problems: &mut Vec<Problem>,
) -> Vec<ServerRow> {
    let service: Vec<Arc<str>> = SERVER_SERVICE
        .iter()
        .map(|h| Arc::from(*h))
        .chain(shown.iter().map(|t| t.header.clone()))
        .collect();
    let has_hold = layout.columns.contains_key("hold");
    let mut rows = Vec::new();
    for (row, cells) in numbered(tab) {
        let cell = |header: &str| at(cells, layout, header);
        let place = |header: &str| layout.place(header, row);
        let mut errors = Vec::new();
        let id = match value_text(cell("serverId")) {
            Ok(id) => id,
            Err(what) => {
                let message = format!("{} holds {what}; type the instance id as text", place("serverId"));
                problems.push(Problem::new(Kind::BadCell, "server_id", place("serverId"), message));
                continue;
            }
        };
        if id.is_empty() {
            if tags
                .iter()
                .map(|t| &*t.header)
                .chain(["channel"])
                .any(|h| !is_blank(cell(h)))
            {
                let message = format!("{} is blank, so the row counts for no server", place("serverId"));
                problems.push(Problem::new(Kind::BadCell, "server_id", place("serverId"), message));
            }
            continue;
        }
        if let Some(what) = bad_text(&id, SERVER_ID_MAX) {
            let message = format!("{} holds {what}; type the instance id again", place("serverId"));
            problems.push(Problem::new(Kind::BadCell, "server_id", place("serverId"), message));
            continue;
        }
        let mut unreadable = false;
        let channel = value_text(cell("channel")).and_then(|text| {
            if text.is_empty() {
                Ok(None)
            } else {
                check_channel(&text).map(Some)
            }
        });
        let channel = channel.unwrap_or_else(|what| {
            unreadable = true;
            let message = format!(
                "{} holds {what}; format the column as Plain text and type the channel again",
                place("channel")
            );
            errors.push(Problem::new(Kind::BadCell, "channel", place("channel"), message));
            None
        });
        let hold = has_hold.then(|| tick(cell("hold").map(effective), place("hold"), &mut errors));
        unreadable |= hold == Some(Tick::Unreadable);
        let wishes = tags
            .iter()
            .map(|t| wish(cell(&t.header), &place(&t.header), &mut errors))
            .collect();
        let service = service
            .iter()
            .map(|h| (h.clone(), cell(h).map(text_of).unwrap_or_default()))
            .collect();
        rows.push(ServerRow {
            row,
            id: (&*id).into(),
            channel,
            hold,
            tags: wishes,
            unreadable,
            errors,
            service,
        });
    }
    rows
}

fn wish(cell: Option<&Cell>, place: &str, errors: &mut Vec<Problem>) -> Option<Arc<str>> {
    let found = value_text(cell).and_then(|text| match bad_text(&text, TAG_VALUE_MAX) {
        Some(what) if !text.is_empty() => Err(what),
        _ => Ok(text),
    });
    match found {
        Ok(text) if text.is_empty() => None,
        Ok(text) => Some(text.into()),
        Err(what) => {
            let message = format!(
                "{place} holds {what}; a tag's value must be text: format the column as Plain text and type it again"
            );
            errors.push(Problem::new(Kind::BadCell, "tag_value", place, message));
            None
        }
    }
}

fn key(cell: Option<&Cell>, place: String, errors: &mut Vec<Problem>) -> Key {
    let wrong = match control_text(cell) {
        Ok(text) if text.is_empty() => return Key::Empty,
        Ok(text) => match Version::parse(&text) {
            Ok(version) => return Key::Names(version),
            Err(what) => format!("{place} holds {what}; type the version again (letters, digits and . _ + - only)"),
        },
        Err(what) => {
            format!("{place} holds {what}; a version must be text: format the column as Plain text and type it again")
        }
    };
    errors.push(Problem::new(Kind::BadCell, "version", place, wrong));
    Key::Unreadable
}

fn control_tick(cell: Option<&Cell>, place: String, errors: &mut Vec<Problem>) -> Tick {
    if let Some(Cell::Formula { text, .. }) = cell {
        let message = format!("{place} holds the formula {}; tick the box by hand", clip(text));
        errors.push(Problem::new(Kind::BadCell, "checkbox", place, message));
        return Tick::Unreadable;
    }
    tick(cell, place, errors)
}

fn tick(cell: Option<&Cell>, place: String, errors: &mut Vec<Problem>) -> Tick {
    let what = match cell {
        None | Some(Cell::Blank) => return Tick::Off,
        Some(Cell::Bool(ticked)) => return if *ticked { Tick::On } else { Tick::Off },
        Some(Cell::Text(text)) => match text.trim() {
            "" => return Tick::Off,
            t if t.eq_ignore_ascii_case("true") => return Tick::On,
            t if t.eq_ignore_ascii_case("false") => return Tick::Off,
            t => format!("the text {}", clip(t)),
        },
        Some(other) => describe(other),
    };
    let message =
        format!("{place} holds {what}; it must be a checkbox (TRUE or FALSE): clear it, then Insert > Checkbox");
    errors.push(Problem::new(Kind::BadCell, "checkbox", place, message));
    Tick::Unreadable
}

/// Reads a channel's name.
///
/// # Errors
/// What is wrong with it, to follow "holds".
pub fn check_channel(text: &str) -> Result<ChannelName, String> {
    match bad_text(text, CHANNEL_MAX) {
        Some(what) => Err(what),
        None if text.starts_with('=') => Err(format!("the text {}, which looks like a formula", clip(text))),
        None => Ok(text.into()),
    }
}

/// What is wrong with a text that will become an id or the value of a tag.
fn bad_text(text: &str, max: usize) -> Option<String> {
    let hidden = |c: &char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{a0}')
    };
    if let Some(bad) = text.chars().find(hidden) {
        return Some(format!("{}, which cannot be seen", describe_char(bad)));
    }
    let length = text.chars().count();
    (length > max).then(|| format!("{length} characters; at most {max} fit"))
}

/// The trimmed text of a control cell; anything but text or nothing is an error in words.
fn control_text(cell: Option<&Cell>) -> Result<String, String> {
    match cell {
        None | Some(Cell::Blank) => Ok(String::new()),
        Some(Cell::Text(text)) => Ok(text.trim().to_owned()),
        Some(other) => Err(describe(other)),
    }
}

/// The trimmed text of a cell that may be computed, such as a server's channel looked up from elsewhere.
fn value_text(cell: Option<&Cell>) -> Result<String, String> {
    match cell.map(effective) {
        // What a formula shows while it waits for its source is no value yet.
        Some(Cell::Text(text)) if matches!(cell, Some(Cell::Formula { .. })) && text == "Loading..." => {
            Err("a formula that is still loading".into())
        }
        other => control_text(other),
    }
}

fn effective(cell: &Cell) -> &Cell {
    match cell {
        Cell::Formula { value, .. } => value,
        other => other,
    }
}

/// What a cell holds, in words.
pub(crate) fn describe(cell: &Cell) -> String {
    match cell {
        Cell::Blank => "nothing".into(),
        Cell::Text(text) => format!("the text {}", clip(text)),
        Cell::Number(number) => format!("the number {number}"),
        Cell::Bool(value) => format!("the boolean {}", if *value { "TRUE" } else { "FALSE" }),
        Cell::Error(text) => format!("the error {}", clip(text)),
        Cell::Formula { text, .. } => format!("the formula {}", clip(text)),
    }
}

/// At most 40 characters of somebody's text, with what cannot be seen made visible.
fn clip(text: &str) -> String {
    let mut shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown
}

/// What a cell shows, as far as the service's own cells go.
pub(crate) fn text_of(cell: &Cell) -> String {
    match effective(cell) {
        Cell::Blank | Cell::Formula { .. } => String::new(),
        Cell::Text(text) | Cell::Error(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
        Cell::Bool(value) => if *value { "TRUE" } else { "FALSE" }.into(),
    }
}

fn is_blank(cell: Option<&Cell>) -> bool {
    match cell {
        None | Some(Cell::Blank | Cell::Bool(false)) => true,
        Some(Cell::Text(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
}

fn at<'a>(cells: &'a [Cell], layout: &Layout, header: &str) -> Option<&'a Cell> {
    layout
        .columns
        .get(header)
        .and_then(|column| cells.get(*column as usize))
}

fn numbered(tab: &RawTab) -> impl Iterator<Item = (u32, &Vec<Cell>)> {
    tab.rows
        .iter()
        .enumerate()
        .skip(1)
        .map(|(i, cells)| (u32::try_from(i + 1).unwrap_or(u32::MAX), cells))
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
