//! One writing call: it works on a copy, which replaces the spreadsheet only if all of the call succeeds.

use super::a1;
use super::cell::{Cell, CellValue};
use super::error::{ApiError, PROTECTED, Result};
use super::model::{Protected, Spreadsheet, Tab};
use super::range::GridRange;

/// A cell that a call of the API wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The method, such as `sheets.values.batchUpdate`.
    pub method: String,
    /// The tab's name.
    pub tab: String,
    /// The column's header (row 1) at that moment, trimmed.
    pub header: String,
    /// Row, from zero.
    pub row: usize,
    /// Column, from zero.
    pub column: usize,
    /// What the cell held.
    pub before: CellValue,
    /// What it holds now. Writing what was there already counts as a write too.
    pub after: CellValue,
}

/// A writing call under way.
pub(super) struct Txn<'a> {
    pub(super) book: Spreadsheet,
    pub(super) caller: &'a str,
    pub(super) method: &'a str,
    pub(super) writes: Vec<Write>,
}

impl Txn<'_> {
    /// The tab's place, by its id.
    pub(super) fn tab(&self, sheet_id: i64) -> Result<usize> {
        self.book
            .position(sheet_id)
            .ok_or_else(|| ApiError::invalid(format!("No grid with id: {sheet_id}")))
    }

    /// Changes one cell, if the caller may edit it, and writes down what it did to the value.
    pub(super) fn put(&mut self, tab: usize, row: usize, column: usize, change: impl FnOnce(&mut Cell)) -> Result<()> {
        let grid = &self.book.tabs[tab];
        let cover = |protected: &&Protected| refuses(&self.book, self.caller, protected, row, column);
        if grid.protected.iter().any(|protected| cover(&protected)) {
            return Err(ApiError::invalid(PROTECTED));
        }
        let header = match grid.value(0, column) {
            CellValue::Text(text) => text.trim().to_owned(),
            _ => String::new(),
        };
        let grid = &mut self.book.tabs[tab];
        let size = (grid.rows.len(), grid.columns.len());
        let Some(cell) = grid.rows.get_mut(row).and_then(|row| row.cells.get_mut(column)) else {
            let range = GridRange {
                start_row_index: Some(row.min(size.0)),
                end_row_index: Some(row + 1),
                ..GridRange::columns(grid.sheet_id, column..column + 1)
            };
            return Err(a1::beyond(grid, &range));
        };
        let before = cell.value.clone();
        change(cell);
        let after = cell.value.clone();
        let (method, tab) = (self.method.to_owned(), grid.title.clone());
        self.writes.push(Write {
            method,
            tab,
            header,
            row,
            column,
            before,
            after,
        });
        Ok(())
    }

    /// Refuses if the caller may not edit some cell of the range.
    pub(super) fn may_edit(&self, tab: usize, range: &GridRange) -> Result<()> {
        let grid = &self.book.tabs[tab];
        let (rows, columns) = grid.clip(range);
        let mut strict = grid
            .protected
            .iter()
            .filter(|protected| !can_edit(&self.book, self.caller, protected))
            .peekable();
        if strict.peek().is_none() {
            return Ok(());
        }
        for protected in strict {
            let hit = rows
                .clone()
                .any(|row| columns.clone().any(|column| bars(protected, row, column)));
            if hit {
                return Err(ApiError::invalid(PROTECTED));
            }
        }
        Ok(())
    }
}

fn bars(protected: &Protected, row: usize, column: usize) -> bool {
    !protected.warning_only
        && protected.range.covers(row, column)
        && !protected.unprotected.iter().any(|hole| hole.covers(row, column))
}

/// Whether a protected range keeps the person from a cell.
pub(super) fn refuses(book: &Spreadsheet, caller: &str, protected: &Protected, row: usize, column: usize) -> bool {
    bars(protected, row, column) && !can_edit(book, caller, protected)
}

/// Whether the person may edit the protected range.
pub(super) fn can_edit(book: &Spreadsheet, person: &str, protected: &Protected) -> bool {
    let is = |other: &String| other.eq_ignore_ascii_case(person);
    let member = |group: &String| book.groups.get(group).is_some_and(|members| members.iter().any(is));
    protected.warning_only
        || is(&book.owner)
        || protected.users.iter().any(is)
        || protected.groups.iter().any(member)
        || protected.domain && domain(person) == domain(&book.owner)
}

fn domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

/// The columns of a tab as a range, for messages and checks.
pub(super) fn line_range(tab: &Tab, rows: bool, lines: std::ops::Range<usize>) -> GridRange {
    if rows {
        GridRange::rows(tab.sheet_id, lines)
    } else {
        GridRange::columns(tab.sheet_id, lines)
    }
}
