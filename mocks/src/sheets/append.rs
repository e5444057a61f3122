//! `values.append`: finds a table near the range, and may well find another one than the caller had in mind.

use std::ops::Range;

use serde_json::{Value, json};

use super::a1;
use super::error::{ApiError, Result};
use super::model::Tab;
use super::range::GridRange;
use super::txn::Txn;
use super::value::Render;
use super::write::{self, Target};

/// The options of the call, as its query gives them.
pub(super) struct Options<'a> {
    pub(super) raw: bool,
    pub(super) insert_rows: bool,
    pub(super) by_rows: bool,
    pub(super) show: Option<Render>,
    pub(super) range: &'a str,
}

/// The block of data that the last filled cell of the range belongs to: it grows as long as its rim touches data.
fn table(tab: &Tab, range: &GridRange) -> Option<(Range<usize>, Range<usize>)> {
    let filled = |row: usize, column: usize| !tab.value(row, column).is_empty();
    let (rows, columns) = tab.clip(range);
    let (row, column) = rows.rev().find_map(|row| {
        let column = columns.clone().rev().find(|column| filled(row, *column))?;
        Some((row, column))
    })?;
    let (mut top, mut bottom, mut left, mut right) = (row, row, column, column);
    loop {
        let around_rows = top.saturating_sub(1)..=bottom + 1;
        let around_columns = left.saturating_sub(1)..=right + 1;
        let before = (top, bottom, left, right);
        for row in around_rows {
            for column in around_columns.clone() {
                if filled(row, column) {
                    (top, bottom) = (top.min(row), bottom.max(row));
                    (left, right) = (left.min(column), right.max(column));
                }
            }
        }
        if before == (top, bottom, left, right) {
            return Some((top..bottom + 1, left..right + 1));
        }
    }
}

/// Appends the values below the table; extends the grid where it has to.
pub(super) fn append(txn: &mut Txn<'_>, body: &Value, options: &Options<'_>) -> Result<Value> {
    let a1 = a1::parse(&txn.book, options.range)?;
    let grid = &txn.book.tabs[a1.tab];
    let found = table(grid, &a1.range);
    let (row, column) = match &found {
        Some((rows, columns)) => (rows.end, columns.start),
        None => (
            a1.range.start_row_index.unwrap_or_default(),
            a1.range.start_column_index.unwrap_or_default(),
        ),
    };
    let lists = body["values"]
        .as_array()
        .ok_or_else(|| ApiError::invalid("Must specify at least one value."))?;
    let longest = lists
        .iter()
        .filter_map(Value::as_array)
        .map(Vec::len)
        .max()
        .unwrap_or_default();
    let (down, right) = if options.by_rows {
        (lists.len(), longest)
    } else {
        (longest, lists.len())
    };
    let table_range = found.as_ref().map(|(rows, columns)| a1::echo(grid, rows, columns));
    let grid = &mut txn.book.tabs[a1.tab];
    if options.insert_rows && row < grid.rows.len() {
        grid.insert_rows(row, down);
    }
    let (height, width) = (
        (row + down).max(grid.rows.len()),
        (column + right).max(grid.columns.len()),
    );
    grid.resize_columns(width);
    grid.resize_rows(height);
    let corner = GridRange {
        start_row_index: Some(row),
        end_row_index: Some(row + down.max(1)),
        ..GridRange::columns(grid.sheet_id, column..column + right.max(1))
    };
    let target = Target {
        tab: a1.tab,
        range: corner,
        spills: true,
    };
    let written = write::write(txn, &target, options.by_rows, options.raw, &body["values"])?;
    let updates = written.answer(&txn.book, options.by_rows, options.show);
    let mut answer = json!({ "spreadsheetId": txn.book.id, "updates": updates });
    if let Some(range) = table_range {
        answer["tableRange"] = json!(range);
    }
    Ok(answer)
}
