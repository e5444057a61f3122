//! A spreadsheet: tabs of typed cells, with what hangs on rows, columns, tabs and the file itself.
//!
//! Rows and columns own their metadata, so that it goes where they go, and a sort, which moves only cells, leaves it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::Value;

use super::cell::{Cell, CellValue};
use super::range::GridRange;

/// A piece of developer metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Unique in the spreadsheet.
    pub id: i64,
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Option<String>,
    /// `DOCUMENT` or `PROJECT`.
    pub visibility: String,
}

/// What hangs on a row or a column as such.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Developer metadata.
    pub metadata: Vec<Metadata>,
    /// Height or width, where it was set.
    pub pixels: Option<u64>,
    /// Hidden by a person.
    pub hidden: bool,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// As many as the tab has columns.
    pub cells: Vec<Cell>,
    /// What hangs on the row.
    pub line: Line,
}

/// A protected range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protected {
    /// Unique in the spreadsheet.
    pub id: i64,
    /// What it covers.
    pub range: GridRange,
    /// Free text.
    pub description: String,
    /// Warns instead of refusing; has no editors.
    pub warning_only: bool,
    /// Holes in it, where everybody may edit.
    pub unprotected: Vec<GridRange>,
    /// People who may edit.
    pub users: Vec<String>,
    /// Groups that may edit.
    pub groups: Vec<String>,
    /// Whether the owner's whole domain may edit.
    pub domain: bool,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Unique in the spreadsheet.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it covers, its header included.
    pub range: GridRange,
}

/// One tab.
#[derive(Clone, Debug, PartialEq)]
pub struct Tab {
    /// The number that stays when the tab is renamed.
    pub sheet_id: i64,
    /// Its name.
    pub title: String,
    /// As many as the grid has.
    pub rows: Vec<Row>,
    /// As many as the grid has.
    pub columns: Vec<Line>,
    /// Developer metadata of the tab.
    pub metadata: Vec<Metadata>,
    /// Protected ranges.
    pub protected: Vec<Protected>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Conditional format rules, in order.
    pub conditional: Vec<Value>,
    /// Filter views, as they came, each with its id.
    pub filter_views: Vec<Value>,
    /// Rows that stay in view.
    pub frozen_rows: u64,
    /// Columns that stay in view.
    pub frozen_columns: u64,
    /// Hidden by a person.
    pub hidden: bool,
    /// Colours and other properties that are kept and given back as they came.
    pub other: serde_json::Map<String, Value>,
}

impl Tab {
    /// An empty tab.
    #[must_use]
    pub fn new(sheet_id: i64, title: &str, rows: usize, columns: usize) -> Self {
        let mut tab = Self {
            sheet_id,
            title: title.to_owned(),
            rows: Vec::new(),
            columns: Vec::new(),
            metadata: Vec::new(),
            protected: Vec::new(),
            tables: Vec::new(),
            conditional: Vec::new(),
            filter_views: Vec::new(),
            frozen_rows: 0,
            frozen_columns: 0,
            hidden: false,
            other: serde_json::Map::new(),
        };
        tab.columns.resize_with(columns, Line::default);
        tab.resize_rows(rows);
        tab
    }

    /// A tab that holds these rows from its top left corner on; the first is the header. The grid is exactly as large.
    #[must_use]
    pub fn with_rows(sheet_id: i64, title: &str, rows: Vec<Vec<CellValue>>) -> Self {
        let width = rows.iter().map(Vec::len).max().unwrap_or_default().max(1);
        let mut tab = Self::new(sheet_id, title, rows.len().max(1), width);
        for (to, from) in tab.rows.iter_mut().zip(rows) {
            for (cell, value) in to.cells.iter_mut().zip(from) {
                cell.value = value;
            }
        }
        tab
    }

    /// The same tab with a grid of at least this size.
    #[must_use]
    pub fn with_grid(mut self, rows: usize, columns: usize) -> Self {
        self.resize_columns(columns.max(self.columns.len()));
        self.resize_rows(rows.max(self.rows.len()));
        self
    }

    pub(super) fn resize_rows(&mut self, rows: usize) {
        let width = self.columns.len();
        self.rows.resize_with(rows, || Row {
            cells: vec![Cell::default(); width],
            line: Line::default(),
        });
    }

    pub(super) fn resize_columns(&mut self, columns: usize) {
        self.columns.resize_with(columns, Line::default);
        for row in &mut self.rows {
            row.cells.resize_with(columns, Cell::default);
        }
    }

    /// The cell's value, as entered; empty beyond the grid.
    #[must_use]
    pub fn value(&self, row: usize, column: usize) -> &CellValue {
        const EMPTY: &CellValue = &CellValue::Empty;
        self.cell(row, column).map_or(EMPTY, |cell| &cell.value)
    }

    /// The cell, if the grid has it.
    #[must_use]
    pub fn cell(&self, row: usize, column: usize) -> Option<&Cell> {
        self.rows.get(row)?.cells.get(column)
    }

    /// The rows and columns of the range that the grid has.
    #[must_use]
    pub fn clip(&self, range: &GridRange) -> (Range<usize>, Range<usize>) {
        let clip = |start: Option<usize>, end: Option<usize>, size: usize| {
            let end = end.unwrap_or(size).min(size);
            start.unwrap_or(0).min(end)..end
        };
        (
            clip(range.start_row_index, range.end_row_index, self.rows.len()),
            clip(range.start_column_index, range.end_column_index, self.columns.len()),
        )
    }

    /// The first column whose header (row 1, trimmed, any letter case) reads so.
    #[must_use]
    pub fn column(&self, header: &str) -> Option<usize> {
        let reads = |column: &usize| match self.value(0, *column) {
            CellValue::Text(text) => text.trim().eq_ignore_ascii_case(header.trim()),
            _ => false,
        };
        (0..self.columns.len()).find(reads)
    }

    /// The first row, from the second on, that holds this text in this column.
    #[must_use]
    pub fn find(&self, header: &str, text: &str) -> Option<usize> {
        let column = self.column(header)?;
        (1..self.rows.len()).find(|row| matches!(self.value(*row, column), CellValue::Text(held) if held == text))
    }

    /// One more than the last row that holds anything.
    #[must_use]
    pub fn data_rows(&self) -> usize {
        let holds = |row: &Row| row.cells.iter().any(|cell| !cell.value.is_empty());
        self.rows.iter().rposition(holds).map_or(0, |last| last + 1)
    }
}

/// A whole spreadsheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Spreadsheet {
    /// The id in its address.
    pub id: String,
    /// The file's name.
    pub title: String,
    /// Who may edit everything.
    pub owner: String,
    /// The tabs, in order.
    pub tabs: Vec<Tab>,
    /// Developer metadata of the file.
    pub metadata: Vec<Metadata>,
    /// Members of groups that protected ranges name.
    pub groups: BTreeMap<String, BTreeSet<String>>,
    /// The last number given to a tab, a range or a piece of metadata.
    pub last_id: i64,
}

impl Spreadsheet {
    /// A spreadsheet without tabs.
    #[must_use]
    pub fn new(id: &str, title: &str, owner: &str) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            owner: owner.to_owned(),
            tabs: Vec::new(),
            metadata: Vec::new(),
            groups: BTreeMap::new(),
            // Large enough that ids look like those of the real service, and no id is a row number by chance.
            last_id: 1_000_000,
        }
    }

    /// The same spreadsheet with one more tab.
    #[must_use]
    pub fn with_tab(mut self, tab: Tab) -> Self {
        self.tabs.push(tab);
        self
    }

    /// The tab of this name.
    #[must_use]
    pub fn tab(&self, title: &str) -> Option<&Tab> {
        self.tabs.iter().find(|tab| tab.title == title)
    }

    pub(super) fn position(&self, sheet_id: i64) -> Option<usize> {
        self.tabs.iter().position(|tab| tab.sheet_id == sheet_id)
    }

    pub(super) fn next_id(&mut self) -> i64 {
        // A stride, so that nobody takes ids for consecutive.
        self.last_id += 7_919;
        self.last_id
    }
}
