//! The `values.*` methods: ragged lists of plain values.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::a1::{self, GridRange};
use super::error::{ApiError, Result};
use super::metadata::DataFilter;
use super::model::{CellValue, Spreadsheet};
use super::txn::Txn;
use super::value::{self, Render, bad_enum};

/// Whether the outer lists are rows.
pub(super) fn by_rows(dimension: Option<&str>) -> Result<bool> {
    match dimension {
        None | Some("ROWS" | "DIMENSION_UNSPECIFIED") => Ok(true),
        Some("COLUMNS") => Ok(false),
        Some(other) => Err(bad_enum("major_dimension", other)),
    }
}

/// Whether values are stored as they come instead of being taken as typed.
pub(super) fn is_raw(option: Option<&str>) -> Result<bool> {
    match option {
        Some("RAW") => Ok(true),
        Some("USER_ENTERED") => Ok(false),
        None | Some("INPUT_VALUE_OPTION_UNSPECIFIED") => {
            Err(ApiError::invalid("'valueInputOption' is required but not specified"))
        }
        Some(other) => Err(bad_enum("value_input_option", other)),
    }
}

/// A part of a tab as a `ValueRange`: blank ends of rows and of the range are left out.
pub(super) fn read(book: &Spreadsheet, tab: usize, range: &GridRange, by_rows: bool, how: Render) -> Value {
    let grid = &book.tabs[tab];
    let (rows, columns) = range.within(grid);
    let (outer, inner) = if by_rows {
        (rows.clone(), columns.clone())
    } else {
        (columns.clone(), rows.clone())
    };
    let mut values: Vec<Vec<Value>> = Vec::new();
    for major in outer {
        let mut list = Vec::new();
        for (at, minor) in inner.clone().enumerate() {
            let (row, column) = if by_rows { (major, minor) } else { (minor, major) };
            if let Some(shown) = book.render(tab, row, column, how) {
                list.resize(at, json!(""));
                list.push(shown);
            }
        }
        values.push(list);
    }
    values.truncate(
        values
            .iter()
            .rposition(|list| !list.is_empty())
            .map_or(0, |last| last + 1),
    );
    let mut answer = json!({
        "range": a1::echo(grid, &rows, &columns),
        "majorDimension": if by_rows { "ROWS" } else { "COLUMNS" },
    });
    if !values.is_empty() {
        answer["values"] = json!(values);
    }
    answer
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BatchGetByDataFilter {
    data_filters: Vec<Value>,
    major_dimension: Option<String>,
    value_render_option: Option<String>,
    date_time_render_option: Option<String>,
}

/// `values.batchGetByDataFilter`.
pub(super) fn batch_get_by_data_filter(book: &Spreadsheet, body: Value) -> Result<Value> {
    let request: BatchGetByDataFilter = from_json(body)?;
    let by_rows = by_rows(request.major_dimension.as_deref())?;
    let how = Render::parse(
        request.value_render_option.as_deref(),
        request.date_time_render_option.as_deref(),
    )?;
    let mut matched: Vec<(GridRange, Vec<Value>)> = Vec::new();
    for filter in request.data_filters {
        for range in from_json::<DataFilter>(filter.clone())?.ranges(book)? {
            match matched.iter_mut().find(|(held, _)| *held == range) {
                Some((_, filters)) => filters.push(filter.clone()),
                None => matched.push((range, vec![filter.clone()])),
            }
        }
    }
    let mut ranges = Vec::new();
    for (range, filters) in matched {
        if let Some(tab) = book.position(range.sheet_id) {
            ranges.push(json!({ "valueRange": read(book, tab, &range, by_rows, how), "dataFilters": filters }));
        }
    }
    let mut answer = json!({ "spreadsheetId": book.id });
    if !ranges.is_empty() {
        answer["valueRanges"] = json!(ranges);
    }
    Ok(answer)
}

/// A message of the API from JSON that its schema has passed.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| ApiError::invalid(format!("Invalid value: {error}")))
}

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
    let (asked_rows, asked_columns) = target.range.within(grid);
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

    fn enter(self, cell: &mut super::model::Cell) {
        match self {
            Self::Value(value) => cell.value = value,
            Self::Typed(text) => cell.type_in(text),
        }
    }
}

fn nested(kind: &str, value: &Value, at: (usize, usize)) -> ApiError {
    ApiError::invalid(format!("Invalid values[{}][{}]: {kind} {value}", at.0, at.1))
}

impl super::model::Cell {
    /// Takes the text as if a person had typed it into the cell.
    pub(super) fn type_in(&mut self, text: &str) {
        let (value, format) = value::typed(text, self.is_plain_text());
        self.value = value;
        if let (Some(kind), None) = (format, &self.format) {
            self.format = Some(Box::new(json!({ "numberFormat": { "type": kind } })));
        }
    }
}

/// How an answer to a write shows what is there now, if it is to.
pub(super) fn response_render(include: bool, value: Option<&str>, dates: Option<&str>) -> Result<Option<Render>> {
    let how = Render::parse(value, dates)?;
    Ok(include.then_some(how))
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
