//! The `values.*` methods that write: blocks of values that go into cells from a corner on, and what they did there.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::a1;
use super::cell::{Cell, CellValue};
use super::error::{ApiError, Result};
use super::metadata::DataFilter;
use super::model::Spreadsheet;
use super::range::GridRange;
use super::txn::Txn;
use super::value::{self, Render};
use super::values::{by_rows, from_json, is_raw, read, response_render};

/// Where values go, and how far they may reach.
pub(super) struct Target {
    pub(super) tab: usize,
    pub(super) range: GridRange,
    /// Only the corner is given, and values may reach to the end of the grid.
    pub(super) spills: bool,
}

/// What a block of values did.
pub(super) struct Written {
    tab: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    touched: Vec<(usize, usize)>,
}

/// Writes a block of values from the target's top left corner on.
pub(super) fn write(txn: &mut Txn<'_>, target: &Target, by_rows: bool, raw: bool, values: &Value) -> Result<Written> {
    let grid = &txn.book.tabs[target.tab];
    let corner = (
        target.range.start_row_index.unwrap_or_default(),
        target.range.start_column_index.unwrap_or_default(),
    );
    let ends = if target.spills {
        (None, None)
    } else {
        (target.range.end_row_index, target.range.end_column_index)
    };
    let ends = (ends.0.unwrap_or(usize::MAX), ends.1.unwrap_or(usize::MAX));
    let (asked_rows, asked_columns) = grid.clip(&target.range);
    let asked = a1::echo(grid, &asked_rows, &asked_columns);
    let mut written = Written {
        tab: target.tab,
        rows: corner.0..corner.0,
        columns: corner.1..corner.1,
        touched: Vec::new(),
    };
    let no_list = || ApiError::malformed("values", format!("Invalid value at 'values' (list), {values}"));
    let lists = if values.is_null() {
        &Vec::new()
    } else {
        values.as_array().ok_or_else(no_list)?
    };
    for (major, list) in lists.iter().enumerate() {
        for (minor, value) in list.as_array().ok_or_else(no_list)?.iter().enumerate() {
            let (down, right) = if by_rows { (major, minor) } else { (minor, major) };
            let (row, column) = (corner.0 + down, corner.1 + right);
            if row >= ends.0 {
                let why = format!("but tried writing to row [{}]", row + 1);
                return Err(ApiError::invalid(format!(
                    "Requested writing within range [{asked}], {why}"
                )));
            }
            if column >= ends.1 {
                let why = format!("but tried writing to column [{}]", a1::letters(column));
                return Err(ApiError::invalid(format!(
                    "Requested writing within range [{asked}], {why}"
                )));
            }
            written.rows.end = written.rows.end.max(row + 1);
            written.columns.end = written.columns.end.max(column + 1);
            if let Some(entry) = Entry::read(value, raw, (major, minor))? {
                txn.put(target.tab, row, column, |cell| entry.enter(cell))?;
                written.touched.push((row, column));
            }
        }
    }
    Ok(written)
}

/// One value of a request.
enum Entry<'a> {
    Value(CellValue),
    /// Text that is taken as if somebody had typed it.
    Typed(&'a str),
}

impl<'a> Entry<'a> {
    /// `None` for `null`, which skips the cell.
    fn read(value: &'a Value, raw: bool, at: (usize, usize)) -> Result<Option<Self>> {
        Ok(Some(match value {
            Value::Null => return Ok(None),
            Value::Bool(value) => Self::Value(CellValue::Bool(*value)),
            Value::Number(number) => Self::Value(CellValue::Number(number.as_f64().unwrap_or_default())),
            Value::String(text) => {
                value::fits(text)?;
                if raw {
                    Self::Value(CellValue::from(text.as_str()))
                } else {
                    Self::Typed(text)
                }
            }
            Value::Array(_) => return Err(nested("list_value", value, at)),
            Value::Object(_) => return Err(nested("struct_value", value, at)),
        }))
    }

    fn enter(self, cell: &mut Cell) {
        match self {
            Self::Value(value) => cell.value = value,
            Self::Typed(text) => cell.type_in(text),
        }
    }
}

fn nested(kind: &str, value: &Value, at: (usize, usize)) -> ApiError {
    ApiError::invalid(format!("Invalid values[{}][{}]: {kind} {value}", at.0, at.1))
}

/// Puts a count in an answer, which leaves zeros out.
fn count(answer: &mut Map<String, Value>, field: &str, count: usize) {
    if count > 0 {
        answer.insert(field.to_owned(), json!(count));
    }
}

impl Written {
    /// The `UpdateValuesResponse` of this block.
    pub(super) fn answer(&self, book: &Spreadsheet, by_rows: bool, show: Option<Render>) -> Map<String, Value> {
        let mut answer = Map::new();
        answer.insert("spreadsheetId".to_owned(), json!(book.id));
        let grid = &book.tabs[self.tab];
        let (rows, columns) = (
            self.rows.start..self.rows.end.max(self.rows.start + 1),
            self.columns.start..self.columns.end.max(self.columns.start + 1),
        );
        answer.insert("updatedRange".to_owned(), json!(a1::echo(grid, &rows, &columns)));
        count(
            &mut answer,
            "updatedRows",
            self.touched.iter().map(|(row, _)| row).collect::<BTreeSet<_>>().len(),
        );
        count(
            &mut answer,
            "updatedColumns",
            self.touched.iter().map(|(_, col)| col).collect::<BTreeSet<_>>().len(),
        );
        count(&mut answer, "updatedCells", self.touched.len());
        if let Some(how) = show {
            let range = GridRange {
                start_row_index: Some(rows.start),
                end_row_index: Some(rows.end),
                ..GridRange::columns(grid.sheet_id, columns)
            };
            answer.insert("updatedData".to_owned(), read(book, self.tab, &range, by_rows, how));
        }
        answer
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BatchUpdate {
    value_input_option: Option<String>,
    data: Vec<Data>,
    include_values_in_response: bool,
    response_value_render_option: Option<String>,
    response_date_time_render_option: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data {
    range: String,
    data_filter: Value,
    major_dimension: Option<String>,
    values: Value,
}

/// `values.batchUpdate`, and with `filters` its twin by data filter. A filter that matches nothing writes nothing.
pub(super) fn batch_update(txn: &mut Txn<'_>, body: Value, filters: bool) -> Result<Value> {
    let request: BatchUpdate = from_json(body)?;
    let raw = is_raw(request.value_input_option.as_deref())?;
    let show = response_render(
        request.include_values_in_response,
        request.response_value_render_option.as_deref(),
        request.response_date_time_render_option.as_deref(),
    )?;
    let mut written = Vec::new();
    for (at, data) in request.data.into_iter().enumerate() {
        let within = |error: ApiError| error.within(&format!("data[{at}]"));
        let by_rows = by_rows(data.major_dimension.as_deref())?;
        for target in targets(&txn.book, &data, filters).map_err(within)? {
            let block = write(txn, &target, by_rows, raw, &data.values).map_err(within)?;
            written.push((block, by_rows, data.data_filter.clone()));
        }
    }
    let mut answer = totals(&txn.book, &written);
    let mut responses = Vec::new();
    for (block, by_rows, filter) in &written {
        let mut one = block.answer(&txn.book, *by_rows, show);
        if filters {
            one.remove("spreadsheetId");
            one.insert("dataFilter".to_owned(), filter.clone());
        }
        responses.push(Value::Object(one));
    }
    if !responses.is_empty() {
        answer.insert("responses".to_owned(), json!(responses));
    }
    Ok(Value::Object(answer))
}

fn targets(book: &Spreadsheet, data: &Data, filters: bool) -> Result<Vec<Target>> {
    if !filters {
        let a1 = a1::parse(book, &data.range)?;
        return Ok(vec![Target {
            tab: a1.tab,
            range: a1.range,
            spills: a1.is_cell,
        }]);
    }
    let filter: DataFilter = from_json(data.data_filter.clone())?;
    let target = |range: GridRange| {
        Some(Target {
            tab: book.position(range.sheet_id)?,
            range,
            spills: false,
        })
    };
    Ok(filter.ranges(book)?.into_iter().filter_map(target).collect())
}

fn totals(book: &Spreadsheet, written: &[(Written, bool, Value)]) -> Map<String, Value> {
    let (mut rows, mut columns, mut tabs) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut cells = BTreeSet::new();
    for (block, _, _) in written {
        for (row, column) in &block.touched {
            rows.insert((block.tab, *row));
            columns.insert((block.tab, *column));
            cells.insert((block.tab, *row, *column));
            tabs.insert(block.tab);
        }
    }
    let mut answer = Map::new();
    answer.insert("spreadsheetId".to_owned(), json!(book.id));
    count(&mut answer, "totalUpdatedRows", rows.len());
    count(&mut answer, "totalUpdatedColumns", columns.len());
    count(&mut answer, "totalUpdatedCells", cells.len());
    count(&mut answer, "totalUpdatedSheets", tabs.len());
    answer
}
