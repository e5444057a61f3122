//! Reads and writes columns by their marks, changes the marks, and appends rows: the requests, and what the replies
//! say.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use google_sheets4::api::{
    AppendCellsRequest, BatchUpdateSpreadsheetRequest, BatchUpdateSpreadsheetResponse, CellData,
    CreateDeveloperMetadataRequest, DataFilter, DeleteDeveloperMetadataRequest, DeveloperMetadata,
    DeveloperMetadataLocation, DeveloperMetadataLookup, DimensionRange, ExtendedValue, Request, RowData,
};
use google_sheets4::common::FieldMask;
use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::grid::trim_end;
use super::reply::MatchedRanges;
use crate::sheet::{Append, ColumnWrite, Columns, MarkChange, NewCell, Table};

/// Marks are visible to every project. With the other visibility, another project's credentials, as after a takeover, would not
/// see them.
const VISIBILITY: &str = "DOCUMENT";

/// Asks for the columns under these marks.
pub(super) fn read_request(marks: &[i32]) -> Value {
    let by_mark = |mark: &i32| json!({ "developerMetadataLookup": { "metadataId": mark } });
    json!({
        "dataFilters": marks.iter().map(by_mark).collect::<Vec<_>>(),
        "majorDimension": "COLUMNS",
        "valueRenderOption": "UNFORMATTED_VALUE",
    })
}

/// Reads the columns out of a reply. Which is which, only the filters that it repeats can tell: a mark that is gone has
/// no range, and two marks on one column share one.
pub(super) fn read_reply(reply: MatchedRanges) -> Result<Columns, String> {
    let mut columns = Columns::new();
    for matched in reply.value_ranges.unwrap_or_default() {
        let range = matched.value_range.unwrap_or_default();
        if range.major_dimension.is_some_and(|dimension| dimension != "COLUMNS") {
            return Err("the answer has rows where columns were asked for".into());
        }
        let mut values = range.values.unwrap_or_default().into_iter();
        let cells = values.next().unwrap_or_default().into_iter();
        let mut cells: Vec<Arc<str>> = cells.map(|cell| cell.0).collect();
        if values.next().is_some() {
            return Err("the answer has several columns for one mark".into());
        }
        trim_end(&mut cells, |cell| cell.is_empty());
        let mut marks = matched
            .data_filters
            .unwrap_or_default()
            .into_iter()
            .filter_map(|filter| filter.developer_metadata_lookup?.metadata_id)
            .map(i64::from);
        let Some(first) = marks.next() else {
            return Err("the answer does not say which column is which".into());
        };
        let mut of_marks: Vec<(i64, Vec<Arc<str>>)> = marks.map(|mark| (mark, cells.clone())).collect();
        of_marks.push((first, cells));
        for (mark, cells) in of_marks {
            if columns.insert(mark, cells).is_some() {
                return Err("the answer has two columns for one mark".into());
            }
        }
    }
    Ok(columns)
}

/// Writes the cells, and leaves all others as they are: a null is skipped. As text, because the API crate's own path drops the
/// nulls, and as a tree of values it would take as much memory as the fleet. `None` if there is nothing to write.
///
/// # Errors
/// Says what is wrong with a write that must not be made.
pub(super) fn write_request(writes: &[ColumnWrite]) -> Result<Option<String>, String> {
    let writes: Vec<&ColumnWrite> = writes.iter().filter(|write| !write.cells.is_empty()).collect();
    if writes.iter().any(|write| write.cells.contains_key(&0)) {
        return Err("row 1 holds the header and is never written".into());
    }
    let data: Result<Vec<_>, String> = writes.into_iter().map(Written::of).collect();
    let data = data?;
    if data.is_empty() {
        return Ok(None);
    }
    // Never USER_ENTERED: a server's name may begin with `=`.
    let request = WriteRequest {
        value_input_option: "RAW",
        data,
    };
    serde_json::to_string(&request).map(Some).map_err(|why| why.to_string())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WriteRequest<'w> {
    value_input_option: &'static str,
    data: Vec<Written<'w>>,
}

/// One column of a request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'w> {
    data_filter: Value,
    major_dimension: &'static str,
    values: [Texts<'w>; 1],
}

impl<'w> Written<'w> {
    fn of(write: &'w ColumnWrite) -> Result<Self, String> {
        Ok(Self {
            data_filter: json!({ "developerMetadataLookup": { "metadataId": id(write.mark)? } }),
            major_dimension: "COLUMNS",
            values: [Texts(&write.cells)],
        })
    }
}

/// Texts by row, with nulls between.
struct Texts<'w>(&'w BTreeMap<u32, Arc<str>>);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.0.last_key_value().map_or(0, |(last, _)| *last as usize + 1);
        let mut column = serializer.serialize_seq(Some(rows))?;
        let mut next = 0;
        for (row, text) in self.0 {
            (next..*row).try_for_each(|_| column.serialize_element(&()))?;
            column.serialize_element(&**text)?;
            next = *row + 1;
        }
        column.end()
    }
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
