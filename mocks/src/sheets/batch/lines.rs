//! Rows and columns that come, go, move, change and are sorted.

use std::cmp::Ordering;
use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;

use crate::sheets::cell::CellValue;
use crate::sheets::error::{ApiError, Result};
use crate::sheets::mask::Mask;
use crate::sheets::metadata::DimensionRange;
use crate::sheets::model::{Line, Tab};
use crate::sheets::range::GridRange;
use crate::sheets::txn::{Txn, line_range};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OnRange {
    range: DimensionRange,
    properties: Value,
    fields: String,
    inherit_from_before: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Move {
    source: DimensionRange,
    destination_index: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Append {
    sheet_id: i64,
    dimension: String,
    length: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AutoResize {
    dimensions: DimensionRange,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Sort {
    range: GridRange,
    sort_specs: Vec<SortSpec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SortSpec {
    dimension_index: usize,
    sort_order: String,
}

struct Lines {
    tab: usize,
    rows: bool,
    range: Range<usize>,
    size: usize,
}

fn lines(txn: &Txn<'_>, range: &DimensionRange) -> Result<Lines> {
    let tab = txn.tab(range.sheet_id)?;
    let rows = range.is_rows()?;
    let grid = &txn.book.tabs[tab];
    let size = if rows { grid.rows.len() } else { grid.columns.len() };
    let (start, end) = (range.start_index.unwrap_or(0), range.end_index.unwrap_or(size));
    if start >= end {
        return Err(ApiError::invalid("The range must not be empty."));
    }
    Ok(Lines {
        tab,
        rows,
        range: start..end,
        size,
    })
}

fn existing(txn: &Txn<'_>, range: &DimensionRange) -> Result<Lines> {
    let lines = lines(txn, range)?;
    if lines.range.end > lines.size {
        let what = if lines.rows { "row" } else { "column" };
        return Err(ApiError::invalid(format!(
            "Cannot use {what} {}: the sheet has {}.",
            lines.range.end, lines.size
        )));
    }
    Ok(lines)
}

/// The tab, if the caller may edit all of the lines.
fn editable<'t>(txn: &'t mut Txn<'_>, lines: &Lines) -> Result<&'t mut Tab> {
    let range = line_range(&txn.book.tabs[lines.tab], lines.rows, lines.range.clone());
    txn.may_edit(lines.tab, &range)?;
    Ok(&mut txn.book.tabs[lines.tab])
}

/// What hangs on one of the lines.
fn line_at(grid: &mut Tab, rows: bool, at: usize) -> &mut Line {
    if rows {
        &mut grid.rows[at].line
    } else {
        &mut grid.columns[at]
    }
}

pub(super) fn insert(txn: &mut Txn<'_>, request: &OnRange) -> Result<Value> {
    let lines = lines(txn, &request.range)?;
    let (at, count) = (lines.range.start, lines.range.len());
    if at > lines.size {
        return Err(ApiError::invalid(format!(
            "Cannot insert at {at}: the sheet has {}.",
            lines.size
        )));
    }
    // New lines look like a neighbour, and there is none behind the last line and none before the first.
    if at == lines.size && !request.inherit_from_before {
        return Err(ApiError::invalid(format!(
            "range.startIndex must be less than the grid size ({}) if inheritFromBefore is false.",
            lines.size
        )));
    }
    if at == 0 && request.inherit_from_before {
        return Err(ApiError::invalid(
            "inheritFromBefore cannot be true when the range starts at 0.",
        ));
    }
    // Lines put between two protected ones would be protected too, so it takes both.
    if at > 0 && at < lines.size {
        let tab = &txn.book.tabs[lines.tab];
        let (before, after) = (
            line_range(tab, lines.rows, at - 1..at),
            line_range(tab, lines.rows, at..at + 1),
        );
        if let (Err(refused), Err(_)) = (txn.may_edit(lines.tab, &before), txn.may_edit(lines.tab, &after)) {
            return Err(refused);
        }
    }
    let grid = &mut txn.book.tabs[lines.tab];
    if lines.rows {
        grid.insert_rows(at, count)
    } else {
        grid.insert_columns(at, count)
    }
    Ok(Value::Null)
}

pub(super) fn delete(txn: &mut Txn<'_>, request: &OnRange) -> Result<Value> {
    let lines = existing(txn, &request.range)?;
    if lines.range.len() == lines.size {
        return Err(ApiError::invalid(
            "You can't delete all the rows or columns on the sheet.",
        ));
    }
    let grid = editable(txn, &lines)?;
    if lines.rows {
        grid.delete_rows(lines.range)
    } else {
        grid.delete_columns(lines.range)
    }
    Ok(Value::Null)
}

pub(super) fn shift(txn: &mut Txn<'_>, request: &Move) -> Result<Value> {
    let lines = existing(txn, &request.source)?;
    let to = request.destination_index;
    if to > lines.size || lines.range.contains(&to) {
        return Err(ApiError::invalid(
            "The destination must lie outside the source, within the sheet.",
        ));
    }
    let grid = editable(txn, &lines)?;
    if lines.rows {
        grid.move_rows(lines.range, to)
    } else {
        grid.move_columns(lines.range, to)
    }
    Ok(Value::Null)
}

pub(super) fn append(txn: &mut Txn<'_>, request: &Append) -> Result<Value> {
    let tab = txn.tab(request.sheet_id)?;
    let dimension = DimensionRange {
        dimension: request.dimension.clone(),
        ..DimensionRange::default()
    };
    let grid = &mut txn.book.tabs[tab];
    if dimension.is_rows()? {
        grid.resize_rows(grid.rows.len() + request.length);
    } else {
        grid.resize_columns(grid.columns.len() + request.length);
    }
    Ok(Value::Null)
}

pub(super) fn update(txn: &mut Txn<'_>, request: &OnRange) -> Result<Value> {
    let mask = Mask::parse(&request.fields, "DimensionProperties")?;
    let lines = existing(txn, &request.range)?;
    let grid = &mut txn.book.tabs[lines.tab];
    for at in lines.range {
        let line = line_at(grid, lines.rows, at);
        if mask.meets(&["pixelSize"]) {
            line.pixels = request.properties["pixelSize"].as_u64();
        }
        if mask.meets(&["hiddenByUser"]) {
            line.hidden = request.properties["hiddenByUser"].as_bool().unwrap_or_default();
        }
    }
    Ok(Value::Null)
}

pub(super) fn auto_resize(txn: &mut Txn<'_>, request: &AutoResize) -> Result<Value> {
    let lines = existing(txn, &request.dimensions)?;
    let grid = &mut txn.book.tabs[lines.tab];
    for at in lines.range {
        // Nobody measures text here; what matters is that the size is no longer what it was.
        line_at(grid, lines.rows, at).pixels = None;
    }
    Ok(Value::Null)
}

pub(super) fn sort(txn: &mut Txn<'_>, request: &Sort) -> Result<Value> {
    let tab = txn.tab(request.range.sheet_id)?;
    txn.may_edit(tab, &request.range)?;
    let (rows, columns) = txn.book.tabs[tab].clip(&request.range);
    let mut order: Vec<usize> = rows.clone().collect();
    let book = &txn.book;
    order.sort_by(|one, two| {
        let by = |spec: &SortSpec| {
            let key = |row: usize| book.shown(tab, row, spec.dimension_index);
            compare(&key(*one), &key(*two), spec.sort_order == "DESCENDING")
        };
        request
            .sort_specs
            .iter()
            .map(by)
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    let old = book.tabs[tab].clone();
    for (to, from) in rows.zip(order) {
        for column in columns.clone() {
            let moved = old.cell(from, column).cloned().unwrap_or_default();
            txn.put(tab, to, column, |cell| *cell = moved)?;
        }
    }
    Ok(Value::Null)
}

/// Numbers, then text, then booleans; blanks come last either way.
pub(in crate::sheets) fn compare(one: &CellValue, two: &CellValue, descending: bool) -> Ordering {
    let rank = |value: &CellValue| match value {
        CellValue::Number(_) => 0,
        CellValue::Text(_) => 1,
        CellValue::Bool(_) => 2,
        CellValue::Formula { .. } | CellValue::Error(_) => 3,
        CellValue::Empty => 4,
    };
    let blank = one.is_empty().cmp(&two.is_empty());
    let ordering = rank(one).cmp(&rank(two)).then_with(|| match (one, two) {
        (CellValue::Number(one), CellValue::Number(two)) => one.total_cmp(two),
        (CellValue::Text(one), CellValue::Text(two)) => one.to_lowercase().cmp(&two.to_lowercase()),
        (CellValue::Bool(one), CellValue::Bool(two)) => one.cmp(two),
        _ => Ordering::Equal,
    });
    blank.then(if descending { ordering.reverse() } else { ordering })
}
