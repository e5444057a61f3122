//! Reads and writes columns by their marks, changes the marks, and appends rows: the requests, and what the replies
//! say.

use std::ops::Range;

use google_sheets4::api::{
    AppendCellsRequest, BatchGetValuesByDataFilterRequest, BatchGetValuesByDataFilterResponse,
    BatchUpdateSpreadsheetRequest, BatchUpdateSpreadsheetResponse, CellData, CreateDeveloperMetadataRequest,
    DataFilter, DeleteDeveloperMetadataRequest, DeveloperMetadata, DeveloperMetadataLocation, DeveloperMetadataLookup,
    DimensionRange, ExtendedValue, Request, RowData,
};
use google_sheets4::common::FieldMask;
use serde_json::{Value, json};

use super::grid::{plain_cell, trim_end};
use crate::sheet::{Append, Cell, ColumnWrite, Columns, MarkChange, NewCell, Table};

/// Marks are visible to every project. With the other visibility, another project's credentials, as after a takeover, would not
/// see them.
const VISIBILITY: &str = "DOCUMENT";

/// Asks for the columns under these marks.
pub(super) fn read_request(marks: &[i32]) -> BatchGetValuesByDataFilterRequest {
    BatchGetValuesByDataFilterRequest {
        data_filters: Some(marks.iter().copied().map(by_mark).collect()),
        major_dimension: Some("COLUMNS".into()),
        value_render_option: Some("UNFORMATTED_VALUE".into()),
        ..BatchGetValuesByDataFilterRequest::default()
    }
}

/// Reads the columns out of a reply. Which is which, only the filters that it repeats can tell: a mark that is gone has
/// no range, and two marks on one column share one.
pub(super) fn read_reply(reply: BatchGetValuesByDataFilterResponse) -> Result<Columns, String> {
    let mut columns = Columns::new();
    for matched in reply.value_ranges.unwrap_or_default() {
        let range = matched.value_range.unwrap_or_default();
        if range.major_dimension.is_some_and(|dimension| dimension != "COLUMNS") {
            return Err("the answer has rows where columns were asked for".into());
        }
        let mut values = range.values.unwrap_or_default().into_iter();
        let mut cells: Vec<Cell> = values.next().unwrap_or_default().into_iter().map(plain_cell).collect();
        if values.next().is_some() {
            return Err("the answer has several columns for one mark".into());
        }
        trim_end(&mut cells, |cell| *cell == Cell::Blank);
        let marks: Vec<i64> = matched
            .data_filters
            .unwrap_or_default()
            .into_iter()
            .filter_map(|filter| filter.developer_metadata_lookup?.metadata_id)
            .map(i64::from)
            .collect();
        if marks.is_empty() {
            return Err("the answer does not say which column is which".into());
        }
        for mark in marks {
            if columns.insert(mark, cells.clone()).is_some() {
                return Err("the answer has two columns for one mark".into());
            }
        }
    }
    Ok(columns)
}

/// Writes the cells, and leaves all others as they are: a null is skipped. As bare JSON, because the API crate's own
/// path drops the nulls. `None` if there is nothing to write.
///
/// # Errors
/// Says what is wrong with a write that must not be made.
pub(super) fn write_request(writes: &[ColumnWrite]) -> Result<Option<Value>, String> {
    let mut data = Vec::with_capacity(writes.len());
    for ColumnWrite { mark, cells } in writes {
        let Some((&last, _)) = cells.last_key_value() else {
            continue;
        };
        if cells.contains_key(&0) {
            return Err("row 1 holds the header and is never written".into());
        }
        let mut column = vec![Value::Null; last as usize + 1];
        for (&row, text) in cells {
            column[row as usize] = Value::String(text.clone());
        }
        data.push(json!({
            "dataFilter": { "developerMetadataLookup": { "metadataId": id(*mark)? } },
            "majorDimension": "COLUMNS",
            "values": [column],
        }));
    }
    // Never USER_ENTERED: a server's name may begin with `=`.
    Ok((!data.is_empty()).then(|| json!({ "valueInputOption": "RAW", "data": data })))
}

/// Makes and takes away marks.
///
/// # Errors
/// Says which number does not fit the API.
pub(super) fn mark_request(changes: &[MarkChange]) -> Result<BatchUpdateSpreadsheetRequest, String> {
    let requests: Result<_, String> = changes
        .iter()
        .map(|change| match change {
            MarkChange::Spreadsheet { key, value } => {
                let location = DeveloperMetadataLocation {
                    spreadsheet: Some(true),
                    ..DeveloperMetadataLocation::default()
                };
                Ok(create_mark(key, value, location))
            }
            MarkChange::Column {
                sheet_id,
                column,
                key,
                value,
            } => {
                let column = id(i64::from(*column))?;
                let range = DimensionRange {
                    sheet_id: Some(id(*sheet_id)?),
                    dimension: Some("COLUMNS".into()),
                    start_index: Some(column),
                    end_index: Some(column.saturating_add(1)),
                };
                let location = DeveloperMetadataLocation {
                    dimension_range: Some(range),
                    ..DeveloperMetadataLocation::default()
                };
                Ok(create_mark(key, value, location))
            }
            MarkChange::Delete { id: mark } => Ok(Request {
                delete_developer_metadata: Some(DeleteDeveloperMetadataRequest {
                    data_filter: Some(by_mark(id(*mark)?)),
                }),
                ..Request::default()
            }),
        })
        .collect();
    Ok(batch(requests?))
}

/// The ids of the marks that were made, in the order of their requests; `None` if the reply lacks one.
pub(super) fn mark_reply(changes: &[MarkChange], reply: BatchUpdateSpreadsheetResponse) -> Option<Vec<i64>> {
    let wanted = changes
        .iter()
        .filter(|change| !matches!(change, MarkChange::Delete { .. }))
        .count();
    let ids: Vec<i64> = reply
        .replies
        .unwrap_or_default()
        .into_iter()
        .filter_map(|reply| reply.create_developer_metadata?.developer_metadata?.metadata_id)
        .map(i64::from)
        .collect();
    (ids.len() == wanted).then_some(ids)
}

/// Appends the rows to their table, or after the last one that holds anything; the API finds either place itself. `None` if there is nothing to
/// append.
///
/// # Errors
/// Says which number does not fit the API.
pub(super) fn append_request(appends: &[Append]) -> Result<Option<BatchUpdateSpreadsheetRequest>, String> {
    let requests: Result<Vec<_>, String> = appends
        .iter()
        .filter(|append| !append.rows.is_empty())
        .map(|Append { sheet_id, table, rows }| {
            let columns = table.as_ref().map_or(0..u32::MAX, Table::columns);
            Ok(Request {
                append_cells: Some(AppendCellsRequest {
                    fields: Some(FieldMask::new(&["userEnteredValue"])),
                    rows: Some(rows.iter().map(|row| new_row(within(row, &columns))).collect()),
                    sheet_id: Some(id(*sheet_id)?),
                    table_id: table.as_ref().map(|table| table.id.clone()),
                }),
                ..Request::default()
            })
        })
        .collect();
    let requests = requests?;
    Ok((!requests.is_empty()).then(|| batch(requests)))
}

/// The cells of a row that lie in these columns (a table's rows begin at its first column), without blanks at the end: a blank cell
/// is written too, and one protection over its column would have the whole append refused.
fn within<'r>(row: &'r [NewCell], columns: &Range<u32>) -> &'r [NewCell] {
    let place = |column: u32| usize::try_from(column).unwrap_or(usize::MAX).min(row.len());
    let inside = &row[place(columns.start)..place(columns.end)];
    let filled = inside.iter().rposition(|cell| *cell != NewCell::Blank);
    &inside[..filled.map_or(0, |last| last + 1)]
}

fn new_row(row: &[NewCell]) -> RowData {
    let cell = |cell: &NewCell| CellData {
        user_entered_value: match cell {
            NewCell::Blank => None,
            NewCell::Text(text) => Some(ExtendedValue {
                string_value: Some(text.clone()),
                ..ExtendedValue::default()
            }),
            NewCell::Bool(value) => Some(ExtendedValue {
                bool_value: Some(*value),
                ..ExtendedValue::default()
            }),
        },
        ..CellData::default()
    };
    RowData {
        values: Some(row.iter().map(cell).collect()),
    }
}

fn create_mark(key: &str, value: &str, location: DeveloperMetadataLocation) -> Request {
    Request {
        create_developer_metadata: Some(CreateDeveloperMetadataRequest {
            developer_metadata: Some(DeveloperMetadata {
                location: Some(location),
                metadata_id: None,
                metadata_key: Some(key.into()),
                metadata_value: Some(value.into()),
                visibility: Some(VISIBILITY.into()),
            }),
        }),
        ..Request::default()
    }
}

fn batch(requests: Vec<Request>) -> BatchUpdateSpreadsheetRequest {
    BatchUpdateSpreadsheetRequest {
        requests: Some(requests),
        ..BatchUpdateSpreadsheetRequest::default()
    }
}

fn by_mark(mark: i32) -> DataFilter {
    DataFilter {
        developer_metadata_lookup: Some(DeveloperMetadataLookup {
            metadata_id: Some(mark),
            ..DeveloperMetadataLookup::default()
        }),
        ..DataFilter::default()
    }
}

/// The API's ids and indices have 32 bits.
pub(super) fn id(value: i64) -> Result<i32, String> {
    i32::try_from(value).map_err(|_| format!("{value} is not an id or index of the Sheets API"))
}

#[cfg(test)]
mod tests;
