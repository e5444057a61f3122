//! The spreadsheet: raw cells as the API gives them, the two small traits that read and write it, and (in [`parse`]) what
//! the cells mean: what people ask for ([`intent`]), what the service shows ([`display`]), and who may turn the keys
//! ([`protection`]).

pub(crate) mod cell;
pub mod display;
pub mod filled;
pub mod intent;
pub mod layout;
pub mod misnamed;
pub mod names;
pub mod parse;
pub mod protection;
pub mod structure;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

pub use cell::Cell;

/// Key of the developer metadata that names the store which serves a spreadsheet.
pub const STORE_MARK: &str = "fleetsheet.store";
/// Key of the developer metadata that names a column's header.
pub(crate) const COLUMN_MARK: &str = "fleetsheet.column";
/// Key of the developer metadata on a column that `init` made, where people may have one of the same header.
pub const MADE_MARK: &str = "fleetsheet.made";
/// Rows of a tab in which its headers are looked for where not all of it is read.
pub(crate) const HEAD_ROWS: usize = 10;
/// Columns of the audit tab, in the order in which a new one has them.
pub const AUDIT_COLUMNS: [&str; 7] = ["time", "run", "channel", "event", "from", "to", "detail"];

/// A time as `updatedAt` shows it, and as nobody types one: RFC 3339 in UTC, with microseconds.
#[must_use]
pub(crate) fn stamp_text(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// The time of a text that has exactly the form of [`stamp_text`].
#[must_use]
pub(crate) fn stamp_time(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (stamp_text(time) == text).then_some(time)
}

/// A rectangle of a tab, zero-based and half open; `None` is unbounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GridRange {
    /// First row.
    pub start_row: Option<u32>,
    /// Row after the last.
    pub end_row: Option<u32>,
    /// First column.
    pub start_column: Option<u32>,
    /// Column after the last.
    pub end_column: Option<u32>,
}

/// Who may edit a protected range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Editors {
    /// Addresses of people and service accounts.
    pub users: Vec<String>,
    /// Addresses of groups.
    pub groups: Vec<String>,
    /// Whether everybody in the file's domain may.
    pub domain: bool,
}

/// A protected range as the API shows it to the service account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtectedRange {
    /// Its id.
    pub id: i64,
    /// What it covers; all unbounded means the whole tab.
    pub range: GridRange,
    /// Parts that it leaves open (only for whole-tab protections).
    pub unprotected: Vec<GridRange>,
    /// Whether it only warns.
    pub warning_only: bool,
    /// Its editors; `None` when Google hides the list from us.
    pub editors: Option<Editors>,
    /// Free text that `init` writes.
    pub description: String,
}

/// Developer metadata that fleetsheet put on the spreadsheet or on a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The id that the API gave it.
    pub id: i64,
    /// Its key, such as `fleetsheet.store` or `fleetsheet.column`.
    pub key: String,
    /// Its value: a store's id, or a column's header.
    pub value: String,
    /// Zero-based column it sits on, for marks of columns.
    pub column: Option<u32>,
}

/// A part of a tab that was made into a table: rows that are to have its types and be sorted with it are added through it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its id.
    pub id: String,
    /// What it covers, its header row included.
    pub range: GridRange,
}

impl Table {
    /// Whether its header is row 1 and it holds all these columns.
    #[must_use]
    pub fn covers(&self, mut columns: impl Iterator<Item = u32>) -> bool {
        let has = |column| self.columns().contains(&column);
        self.range.start_row.unwrap_or_default() == 0 && columns.all(has)
    }

    /// Its columns.
    #[must_use]
    pub fn columns(&self) -> std::ops::Range<u32> {
        self.range.start_column.unwrap_or_default()..self.range.end_column.unwrap_or(u32::MAX)
    }
}

/// One tab.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawTab {
    /// The id that survives renaming.
    pub sheet_id: i64,
    /// Its name.
    pub title: String,
    /// Cells, row by row; ragged. Row 1 of the sheet is `rows[0]`.
    pub rows: Vec<Vec<Cell>>,
    /// Rows that the grid has, blank ones too.
    pub row_count: u32,
    /// Columns that the grid has.
    pub column_count: u32,
    /// Protected ranges.
    pub protected: Vec<ProtectedRange>,
    /// Tables in it.
    pub tables: Vec<Table>,
    /// Our marks on its columns.
    pub marks: Vec<Mark>,
}

/// Everything that a decision needs, read in one call and so of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawSpreadsheet {
    /// The file's name.
    pub title: String,
    /// Marks on the spreadsheet itself.
    pub marks: Vec<Mark>,
    /// The tabs; those that decisions read come with cells, others without.
    pub tabs: Vec<RawTab>,
}

/// What a failed call to Sheets means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SheetErrorKind {
    /// The minute's quota is used up.
    Quota,
    /// A fault that may pass; nothing can have been written.
    Transient,
    /// The reply to a write was lost: it may or may not have happened.
    OutcomeUnknown,
    /// Not shared, wrong id, bad credentials, API switched off.
    Denied,
    /// The request was refused as a whole (a protected cell, a missing tab, a range off the grid).
    Refused,
    /// The reply makes no sense.
    Nonsense,
}

/// A failed call to Sheets, in words for people. Never holds a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SheetError {
    /// What it means.
    pub kind: SheetErrorKind,
    /// One line: what failed, and what to do where we know.
    pub message: String,
}

/// A column that is read or written by its mark, so that moving or inserting columns cannot misdirect it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedColumn {
    /// The mark's id.
    pub mark: i64,
    /// The header that must stand in its first row.
    pub header: String,
}

/// What marked columns show at one moment: by mark id, top to bottom, the header first, blanks at the end left out. Numbers and
/// booleans are in words, a formula shows its value, and a blank cell nothing. A mark that no longer exists is absent.
pub type Columns = BTreeMap<i64, Vec<Arc<str>>>;

/// A sparse write into one marked column: zero-based row to text. Row 0 is the header and is never written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnWrite {
    /// The mark's id.
    pub mark: i64,
    /// What goes where.
    pub cells: BTreeMap<u32, Arc<str>>,
}

/// A value of a cell in an appended row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewCell {
    /// Leave it empty.
    Blank,
    /// Text, stored as is.
    Text(String),
    /// A checkbox.
    Bool(bool),
}

/// Rows to append to a tab, in its present column order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Which tab.
    pub sheet_id: i64,
    /// The table in it that gets the rows; what lies beside it is left out.
    pub table: Option<Table>,
    /// The rows.
    pub rows: Vec<Vec<NewCell>>,
}

/// A change of developer metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkChange {
    /// Put a mark on the spreadsheet.
    Spreadsheet {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    },
    /// Put a mark on a column.
    Column {
        /// Which tab.
        sheet_id: i64,
        /// Zero-based column.
        column: u32,
        /// Its key.
        key: String,
        /// Its value: the header.
        value: String,
    },
    /// Take a mark away.
    Delete {
        /// Its id.
        id: i64,
    },
}

/// A tab to read, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TabRequest<'a> {
    /// Its name.
    pub title: &'a str,
    /// Whether row 1 is enough: for a tab that is only ever appended to, and so only grows.
    pub header_only: bool,
}

impl<'a> TabRequest<'a> {
    /// Asks for all cells.
    #[must_use]
    pub fn whole(title: &'a str) -> Self {
        Self {
            title,
            header_only: false,
        }
    }

    /// Asks for row 1.
    #[must_use]
    pub fn header(title: &'a str) -> Self {
        Self {
            title,
            header_only: true,
        }
    }
}

/// Reads the spreadsheet.
#[async_trait]
pub trait SheetReader: Send + Sync {
    /// Reads structure, protections, marks and the cells of the named tabs in one request. Tabs that are absent are simply not
    /// in the answer: saying so is the parser's business.
    ///
    /// # Errors
    /// See [`SheetErrorKind`].
    async fn read(&self, tabs: &[TabRequest<'_>]) -> Result<RawSpreadsheet, SheetError>;

    /// Reads marked columns in one request.
    ///
    /// # Errors
    /// See [`SheetErrorKind`].
    async fn read_columns(&self, columns: &[MarkedColumn]) -> Result<Columns, SheetError>;
}

/// Writes to the spreadsheet.
#[async_trait]
pub trait SheetWriter: SheetReader {
    /// Changes marks in one atomic request; gives the ids of those created, in order.
    ///
    /// # Errors
    /// See [`SheetErrorKind`].
    async fn change_marks(&self, changes: &[MarkChange]) -> Result<Vec<i64>, SheetError>;

    /// Writes cells of marked columns in one atomic request, RAW; cells not named are not touched.
    ///
    /// # Errors
    /// See [`SheetErrorKind`].
    async fn write_columns(&self, writes: &[ColumnWrite]) -> Result<(), SheetError>;

    /// Appends rows in one atomic request that finds the end of each tab itself.
    ///
    /// # Errors
    /// See [`SheetErrorKind`].
    async fn append(&self, appends: &[Append]) -> Result<(), SheetError>;
}
