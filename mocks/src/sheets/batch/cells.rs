//! Cells by their whole message: values, formats, checkboxes, notes.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::sheets::a1;
use crate::sheets::cell::{Cell, CellValue};
use crate::sheets::error::{ApiError, Result};
use crate::sheets::mask::Mask;
use crate::sheets::model::Tab;
use crate::sheets::range::GridRange;
use crate::sheets::txn::Txn;
use crate::sheets::value;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Append {
    sheet_id: i64,
    table_id: Option<String>,
    rows: Vec<RowData>,
    fields: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RowData {
    values: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Update {
    rows: Vec<RowData>,
    fields: String,
    start: Option<Coordinate>,
    range: Option<GridRange>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Coordinate {
    sheet_id: i64,
    row_index: usize,
    column_index: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Repeat {
    range: GridRange,
    cell: Value,
    fields: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Validate {
    range: GridRange,
    rule: Option<Value>,
}

fn mask(fields: &str) -> Result<Mask> {
    if fields.trim().is_empty() {
        return Err(ApiError::invalid(
            "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)",
        ));
    }
    Mask::parse(fields, "CellData")
}

fn entered(value: &Value) -> Result<CellValue> {
    let Some(object) = value.as_object() else {
        return Ok(CellValue::Empty);
    };
    let mut kinds = object.iter();
    let value = match kinds.next() {
        None => return Ok(CellValue::Empty),
        Some((kind, value)) => match (kind.as_str(), value) {
            ("numberValue", value) => CellValue::Number(value.as_f64().unwrap_or_default()),
            ("boolValue", value) => CellValue::Bool(value.as_bool().unwrap_or_default()),
            ("stringValue", Value::String(text)) => {
                value::fits(text)?;
                CellValue::from(text.as_str())
            }
            ("formulaValue", Value::String(text)) => {
                value::fits(text)?;
                if !text.starts_with('=') {
                    return Err(ApiError::invalid("Formula value must start with '='."));
                }
                CellValue::formula(text.as_str(), CellValue::Error("#NAME?".to_owned()))
            }
            _ => return Err(ApiError::invalid("errorValue cannot be written.")),
        },
    };
    if kinds.next().is_some() {
        return Err(ApiError::invalid("A userEnteredValue holds exactly one value."));
    }
    Ok(value)
}

fn set(cell: &mut Cell, value: CellValue, data: &Value, mask: &Mask) {
    if mask.meets(&["userEnteredValue"]) {
        cell.value = value;
    }
    if let Some(mask) = mask.get("userEnteredFormat") {
        let mut format = cell.format.take().map_or(Value::Null, |format| *format);
        mask.merge(&mut format, &data["userEnteredFormat"]);
        let empty = format.as_object().is_none_or(serde_json::Map::is_empty);
        cell.format = (!empty).then(|| Box::new(format));
    }
    if mask.meets(&["dataValidation"]) {
        cell.validation = data
            .get("dataValidation")
            .filter(|rule| !rule.is_null())
            .map(|rule| Box::new(rule.clone()));
    }
    if mask.meets(&["note"]) {
        cell.note = data["note"].as_str().filter(|note| !note.is_empty()).map(str::to_owned);
    }
}

/// Writes one cell from its message.
fn put(txn: &mut Txn<'_>, tab: usize, row: usize, column: usize, data: &Value, mask: &Mask) -> Result<()> {
    let value = entered(&data["userEnteredValue"])?;
    txn.put(tab, row, column, |cell| set(cell, value, data, mask))
}

pub(super) fn append(txn: &mut Txn<'_>, request: Append) -> Result<Value> {
    let mask = mask(&request.fields)?;
    if let Some(id) = &request.table_id {
        return append_to_table(txn, id, &request.rows, &mask);
    }
    let tab = txn.tab(request.sheet_id)?;
    let width = request
        .rows
        .iter()
        .map(|row| row.values.len())
        .max()
        .unwrap_or_default();
    let grid = &mut txn.book.tabs[tab];
    let first = grid.data_rows();
    let size = (
        grid.rows.len().max(first + request.rows.len()),
        grid.columns.len().max(width),
    );
    grid.resize_columns(size.1);
    grid.resize_rows(size.0);
    for (down, row) in request.rows.iter().enumerate() {
        for (column, data) in row.values.iter().enumerate() {
            put(txn, tab, first + down, column, data, &mask)?;
        }
    }
    Ok(Value::Null)
}

/// Adds rows below the last one of a table that holds anything, and makes room for them where something stands there.
fn append_to_table(txn: &mut Txn<'_>, id: &str, rows: &[RowData], mask: &Mask) -> Result<Value> {
    let of = |tab: &Tab| tab.tables.iter().position(|table| table.id == id);
    let found = txn
        .book
        .tabs
        .iter()
        .enumerate()
        .find_map(|(at, tab)| Some((at, of(tab)?)));
    let (tab, table) = found.ok_or_else(|| ApiError::invalid(format!("No table with id: {id}")))?;
    let grid = &mut txn.book.tabs[tab];
    let range = grid.tables[table].range.clone();
    let (lines, columns) = grid.clip(&range);
    if rows.iter().any(|row| row.values.len() > columns.len()) {
        return Err(ApiError::invalid("The rows are wider than the table."));
    }
    let holds = |row: &usize| columns.clone().any(|column| !grid.value(*row, column).is_empty());
    let first = lines.clone().rev().find(holds).map_or(lines.start, |last| last + 1);
    let free = lines.end - first;
    if rows.len() > free {
        let more = rows.len() - free;
        if grid.data_rows() > lines.end {
            grid.insert_rows(lines.end, more);
        } else {
            grid.resize_rows(grid.rows.len().max(lines.end + more));
        }
        grid.tables[table].range.end_row_index = Some(lines.end + more);
    }
    for (down, row) in rows.iter().enumerate() {
        for (right, data) in row.values.iter().enumerate() {
            put(txn, tab, first + down, columns.start + right, data, mask)?;
        }
    }
    Ok(Value::Null)
}

pub(super) fn update(txn: &mut Txn<'_>, request: Update) -> Result<Value> {
    let mask = mask(&request.fields)?;
    let (range, bounded) = match (request.start, request.range) {
        (Some(start), None) => {
            let (row, column) = (Some(start.row_index), Some(start.column_index));
            let range = GridRange {
                start_row_index: row,
                start_column_index: column,
                ..GridRange::sheet(start.sheet_id)
            };
            (range, false)
        }
        (None, Some(range)) => (range, true),
        _ => return Err(ApiError::invalid("Exactly one of start and range must be set.")),
    };
    let tab = txn.tab(range.sheet_id)?;
    let (rows, columns) = checked(txn, tab, &range)?;
    for (down, row) in request.rows.iter().enumerate() {
        for (right, data) in row.values.iter().enumerate() {
            let (row, column) = (rows.start + down, columns.start + right);
            if bounded && !(rows.contains(&row) && columns.contains(&column)) {
                return Err(ApiError::invalid("The rows reach beyond the given range."));
            }
            put(txn, tab, row, column, data, &mask)?;
        }
    }
    if bounded {
        // What the rows leave out of the range is cleared.
        for row in rows.clone() {
            let given = request.rows.get(row - rows.start).map_or(0, |row| row.values.len());
            for column in columns.clone().skip(given) {
                put(txn, tab, row, column, &json!({}), &mask)?;
            }
        }
    }
    Ok(Value::Null)
}

type Lines = std::ops::Range<usize>;

/// The range within the grid; a start beyond the grid is refused.
fn checked(txn: &Txn<'_>, tab: usize, range: &GridRange) -> Result<(Lines, Lines)> {
    let grid = &txn.book.tabs[tab];
    let low = range.start_row_index.is_some_and(|row| row >= grid.rows.len());
    let far = range
        .start_column_index
        .is_some_and(|column| column >= grid.columns.len());
    if low || far {
        Err(a1::beyond(grid, range))
    } else {
        Ok(grid.clip(range))
    }
}

pub(super) fn repeat(txn: &mut Txn<'_>, request: &Repeat) -> Result<Value> {
    let mask = mask(&request.fields)?;
    let tab = txn.tab(request.range.sheet_id)?;
    let (rows, columns) = checked(txn, tab, &request.range)?;
    for row in rows {
        for column in columns.clone() {
            put(txn, tab, row, column, &request.cell, &mask)?;
        }
    }
    Ok(Value::Null)
}

/// The conditions of a validation rule that are emulated, each with as many values as it takes.
fn check_rule(txn: &Txn<'_>, condition: &Value) -> Result<()> {
    let values = condition["values"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |value: &Value| value["userEnteredValue"].as_str().map(str::to_owned);
    match condition["type"].as_str() {
        None => Err(ApiError::invalid("A data validation rule must have a condition.")),
        Some("BOOLEAN") if values.len() <= 2 => Ok(()),
        Some("ONE_OF_LIST") if !values.is_empty() => Ok(()),
        Some("ONE_OF_RANGE") if values.len() == 1 => {
            let range = values.first().and_then(text).unwrap_or_default();
            let Some(range) = range.strip_prefix('=') else {
                return Err(ApiError::invalid("A range must begin with '='."));
            };
            a1::parse(&txn.book, &range.replace('$', "")).map(drop)
        }
        Some(other) => Err(ApiError::invalid(format!(
            "The condition {other} does not take {} values here.",
            values.len()
        ))),
    }
}

pub(super) fn validate(txn: &mut Txn<'_>, request: &Validate) -> Result<Value> {
    let tab = txn.tab(request.range.sheet_id)?;
    let (rows, columns) = checked(txn, tab, &request.range)?;
    if let Some(rule) = &request.rule {
        check_rule(txn, &rule["condition"])?;
    }
    for row in rows {
        for column in columns.clone() {
            txn.put(tab, row, column, |cell| {
                cell.validation = request.rule.clone().map(Box::new)
            })?;
        }
    }
    Ok(Value::Null)
}
