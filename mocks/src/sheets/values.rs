//! The `values.*` methods: ragged lists of plain values, and the options that all of them share.

use serde::Deserialize;
use serde_json::{Value, json};

use super::a1;
use super::error::{ApiError, Result};
use super::metadata::DataFilter;
use super::model::Spreadsheet;
use super::range::GridRange;
use super::value::{Render, bad_enum};

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
    let (rows, columns) = grid.clip(range);
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

/// How an answer to a write shows what is there now, if it is to.
pub(super) fn response_render(include: bool, value: Option<&str>, dates: Option<&str>) -> Result<Option<Render>> {
    let how = Render::parse(value, dates)?;
    Ok(include.then_some(how))
}
