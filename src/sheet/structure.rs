//! How a spreadsheet is built, besides its cells: formats, checkboxes, colours; and the edits that change it.
//!
//! Only `init` and `check` look at this; a pass decides without it. No edit here changes a cell that holds anything.

use async_trait::async_trait;

use super::{Append, GridRange, RawTab, SheetError, TabRequest};

/// What a cell looks like and takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CellFormat {
    /// Whether it holds anything, white space too.
    pub filled: bool,
    /// Whether its number format is plain text, so that what is typed stays as typed.
    pub plain_text: bool,
    /// Whether it is bold.
    pub bold: bool,
    /// Whether it has a validation rule of any kind; checkboxes and dropdowns are such.
    pub validated: bool,
    /// Whether a note hangs on it.
    pub noted: bool,
}

/// A rule that colours cells by the text they begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColourRule {
    /// The text.
    pub starts: String,
    /// Where it applies.
    pub ranges: Vec<GridRange>,
}

/// A tab with its build.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BuiltTab {
    /// Its cells and protections.
    pub tab: RawTab,
    /// Rows that stay in view.
    pub frozen_rows: u32,
    /// The looks of its cells, row by row; ragged as the cells are.
    pub formats: Vec<Vec<CellFormat>>,
    /// Colours by beginnings of texts; other rules are left out.
    pub colours: Vec<ColourRule>,
    /// Colour rules of every kind.
    pub colour_rules: u32,
    /// Names of its filter views.
    pub filter_views: Vec<String>,
}

/// A spreadsheet with the build of some of its tabs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Structure {
    /// The file's name.
    pub title: String,
    /// Ids and names of all tabs.
    pub tabs: Vec<(i64, String)>,
    /// Those asked for that exist.
    pub built: Vec<BuiltTab>,
}

/// Rows of a column, zero-based and half open; `None`: to the end of the grid.
pub type Rows = (u32, Option<u32>);

/// A box or a list for cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validation {
    /// A checkbox.
    Checkbox,
    /// A list of what stands in the column of another tab, from row 2 on. Other values are taken, with a warning.
    ListOf {
        /// The tab's name.
        tab: String,
        /// Zero-based column.
        column: u32,
    },
}

/// A protection to make. Who made it is always among the editors, and so is the file's owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// The tab.
    pub sheet_id: i64,
    /// What it covers.
    pub range: GridRange,
    /// Free text, by which it is found again.
    pub description: String,
    /// Whether it only warns; then everybody may edit, and the lists are blank.
    pub warning_only: bool,
    /// Addresses of people and service accounts.
    pub users: Vec<String>,
    /// Addresses of groups.
    pub groups: Vec<String>,
}

/// One change of a spreadsheet's build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Make a tab.
    AddTab {
        /// The id it gets.
        sheet_id: i64,
        /// Its name.
        title: String,
        /// Its rows.
        rows: u32,
        /// Its columns.
        columns: u32,
    },
    /// Insert blank columns and write their headers. As the columns are new, no cell of anybody can be overwritten,
    /// whatever people insert or move at the same moment.
    InsertColumns {
        /// The tab.
        sheet_id: i64,
        /// Before this column; one is appended first where the grid ends here.
        at: u32,
        /// Whether the grid ends here.
        at_end: bool,
        /// The headers.
        headers: Vec<String>,
    },
    /// Write the headers of a tab made in the same request.
    Headers {
        /// The tab.
        sheet_id: i64,
        /// The headers, from the first column on.
        headers: Vec<String>,
    },
    /// Mark a column as one that `init` made.
    Mark {
        /// The tab.
        sheet_id: i64,
        /// Zero-based column.
        column: u32,
        /// Its header.
        header: String,
    },
    /// Keep rows in view.
    Freeze {
        /// The tab.
        sheet_id: i64,
        /// How many.
        rows: u32,
    },
    /// Make a header bold.
    Bold {
        /// The tab.
        sheet_id: i64,
        /// Zero-based column.
        column: u32,
    },
    /// Hang a note on a header.
    Note {
        /// The tab.
        sheet_id: i64,
        /// Zero-based column.
        column: u32,
        /// Its text.
        text: String,
    },
    /// Set a column's width.
    Width {
        /// The tab.
        sheet_id: i64,
        /// Zero-based column.
        column: u32,
        /// In pixels.
        pixels: u32,
    },
    /// Format cells as plain text; what they hold stays.
    PlainText {
        /// The tab.
        sheet_id: i64,
        /// Zero-based column.
        column: u32,
        /// Which rows.
        rows: Rows,
    },
    /// Give cells a checkbox or a dropdown; what they hold stays.
    Validate {
        /// The tab.
        sheet_id: i64,
        /// Zero-based column.
        column: u32,
        /// Which rows.
        rows: Rows,
        /// Which.
        rule: Validation,
    },
    /// Colour cells by the text they begin with.
    Colour {
        /// The tab.
        sheet_id: i64,
        /// Zero-based column.
        column: u32,
        /// The text.
        starts: String,
        /// Red, green, blue.
        rgb: [u8; 3],
        /// The place in the list of rules.
        index: u32,
    },
    /// Make a view that hides rows.
    FilterView {
        /// The tab.
        sheet_id: i64,
        /// Its name.
        title: String,
        /// The zero-based column that decides.
        column: u32,
        /// What that shows in rows that are hidden.
        hidden: Vec<String>,
    },
    /// Protect a range.
    Protect(Protection),
    /// Make a protected range be this one.
    Reprotect {
        /// Its id.
        id: i64,
        /// What it is to be.
        as_is: Protection,
    },
    /// Append a row.
    Append(Append),
}

/// Builds the spreadsheet.
#[async_trait]
pub trait SheetBuilder: Send + Sync {
    /// Reads the build of the named tabs. Those that are absent are not in the answer.
    ///
    /// # Errors
    /// See [`super::SheetErrorKind`].
    async fn read_structure(&self, tabs: &[TabRequest<'_>]) -> Result<Structure, SheetError>;

    /// Makes the edits in their order, all or none, in one request.
    ///
    /// # Errors
    /// See [`super::SheetErrorKind`].
    async fn build(&self, edits: &[Edit]) -> Result<(), SheetError>;
}
