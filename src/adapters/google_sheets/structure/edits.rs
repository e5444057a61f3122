//! The requests of each edit. Every mask is dotted, because the API crate spoils those with parentheses in a request's
//! body.

mod areas;
mod looks;

use google_sheets4::api::{
    self, AddProtectedRangeRequest, AddSheetRequest, AppendDimensionRequest, CellData, ExtendedValue, GridCoordinate,
    GridProperties, InsertDimensionRequest, Request, RowData, SheetProperties, UpdateCellsRequest,
    UpdateProtectedRangeRequest, UpdateSheetPropertiesRequest,
};
use google_sheets4::common::FieldMask;

use areas::{area, columns, whole};

use crate::adapters::google_sheets::columns::{append_request, id, mark_request};
use crate::sheet::structure::{Edit, Protection};
use crate::sheet::{MADE_MARK, MarkChange};

/// The requests of one edit.
///
/// # Errors
/// Says which number does not fit the API.
pub(super) fn requests(edit: &Edit) -> Result<Vec<Request>, String> {
    let request = match edit {
        Edit::AddTab {
            sheet_id,
            title,
            rows,
            columns,
        } => add_tab(*sheet_id, title, *rows, *columns)?,
        Edit::InsertColumns {
            sheet_id,
            at,
            at_end,
            headers,
        } => return insert_columns(*sheet_id, *at, *at_end, headers),
        Edit::Headers { sheet_id, headers } => write_headers(*sheet_id, 0, headers)?,
        Edit::Mark {
            sheet_id,
            column,
            header,
        } => {
            let mark = MarkChange::Column {
                sheet_id: *sheet_id,
                column: *column,
                key: MADE_MARK.to_owned(),
                value: header.clone(),
            };
            return Ok(mark_request(&[mark])?.requests.unwrap_or_default());
        }
        Edit::Freeze { sheet_id, rows } => freeze(*sheet_id, *rows)?,
        Edit::Bold { sheet_id, column } => looks::bold(*sheet_id, *column)?,
        Edit::Note { sheet_id, column, text } => looks::note(*sheet_id, *column, text)?,
        Edit::Width {
            sheet_id,
            column,
            pixels,
        } => looks::width(*sheet_id, *column, *pixels)?,
        Edit::PlainText { sheet_id, column, rows } => looks::plain_text(*sheet_id, *column, *rows)?,
        Edit::Validate {
            sheet_id,
            column,
            rows,
            rule,
        } => looks::validate(*sheet_id, *column, *rows, rule)?,
        Edit::Colour {
            sheet_id,
            column,
            starts,
            rgb,
            index,
        } => looks::colour(*sheet_id, *column, starts, *rgb, *index)?,
        Edit::FilterView {
            sheet_id,
            title,
            column,
            hidden,
        } => looks::filter_view(*sheet_id, title, *column, hidden)?,
        Edit::Protect(protection) => Request {
            add_protected_range: Some(AddProtectedRangeRequest {
                protected_range: Some(protected(protection, None)?),
            }),
            ..Request::default()
        },
        Edit::Reprotect { id: old, as_is } => reprotect(*old, as_is)?,
        Edit::Append(append) => {
            let batch = append_request(std::slice::from_ref(append))?;
            return Ok(batch.and_then(|batch| batch.requests).unwrap_or_default());
        }
    };
    Ok(vec![request])
}

fn add_tab(sheet_id: i64, title: &str, rows: u32, columns: u32) -> Result<Request, String> {
    let grid_properties = GridProperties {
        row_count: whole(rows)?,
        column_count: whole(columns)?,
        ..GridProperties::default()
    };
    let properties = SheetProperties {
        sheet_id: Some(id(sheet_id)?),
        title: Some(title.to_owned()),
        grid_properties: Some(grid_properties),
        ..SheetProperties::default()
    };
    Ok(Request {
        add_sheet: Some(AddSheetRequest {
            properties: Some(properties),
        }),
        ..Request::default()
    })
}

fn reprotect(old: i64, as_is: &Protection) -> Result<Request, String> {
    let fields = ["range", "description", "warningOnly", "unprotectedRanges", "editors"];
    // Google refuses editors of a range that only warns.
    let fields = &fields[..fields.len() - usize::from(as_is.warning_only)];
    Ok(Request {
        update_protected_range: Some(UpdateProtectedRangeRequest {
            fields: Some(FieldMask::new(fields)),
            protected_range: Some(protected(as_is, Some(id(old)?))?),
        }),
        ..Request::default()
    })
}

/// New columns take the looks of the column that follows, which is blank. At the very end of the grid no column follows, and
/// Google refuses; so one is appended first.
fn insert_columns(sheet_id: i64, at: u32, at_end: bool, headers: &[String]) -> Result<Vec<Request>, String> {
    let mut requests = Vec::new();
    if at_end {
        requests.push(Request {
            append_dimension: Some(AppendDimensionRequest {
                sheet_id: Some(id(sheet_id)?),
                dimension: Some("COLUMNS".into()),
                length: Some(1),
            }),
            ..Request::default()
        });
    }
    let count = u32::try_from(headers.len()).unwrap_or_default();
    requests.push(Request {
        insert_dimension: Some(InsertDimensionRequest {
            inherit_from_before: Some(false),
            range: Some(columns(sheet_id, at, count)?),
        }),
        ..Request::default()
    });
    requests.push(write_headers(sheet_id, at, headers)?);
    Ok(requests)
}

fn write_headers(sheet_id: i64, at: u32, headers: &[String]) -> Result<Request, String> {
    let cell = |header: &String| CellData {
        user_entered_value: Some(ExtendedValue {
            string_value: Some(header.clone()),
            ..ExtendedValue::default()
        }),
        ..CellData::default()
    };
    let row = RowData {
        values: Some(headers.iter().map(cell).collect()),
    };
    let start = GridCoordinate {
        sheet_id: Some(id(sheet_id)?),
        row_index: Some(0),
        column_index: whole(at)?,
    };
    Ok(Request {
        update_cells: Some(UpdateCellsRequest {
            fields: Some(FieldMask::new(&["userEnteredValue"])),
            rows: Some(vec![row]),
            start: Some(start),
            ..UpdateCellsRequest::default()
        }),
        ..Request::default()
    })
}

fn freeze(sheet_id: i64, rows: u32) -> Result<Request, String> {
    let grid_properties = GridProperties {
        frozen_row_count: whole(rows)?,
        ..GridProperties::default()
    };
    let properties = SheetProperties {
        sheet_id: Some(id(sheet_id)?),
        grid_properties: Some(grid_properties),
        ..SheetProperties::default()
    };
    Ok(Request {
        update_sheet_properties: Some(UpdateSheetPropertiesRequest {
            fields: Some(FieldMask::new(&["gridProperties.frozenRowCount"])),
            properties: Some(properties),
        }),
        ..Request::default()
    })
}

fn protected(protection: &Protection, old: Option<i32>) -> Result<api::ProtectedRange, String> {
    Ok(api::ProtectedRange {
        protected_range_id: old,
        range: Some(area(protection.sheet_id, &protection.range)?),
        description: Some(protection.description.clone()),
        warning_only: Some(protection.warning_only),
        unprotected_ranges: Some(Vec::new()),
        editors: (!protection.warning_only).then(|| api::Editors {
            users: Some(protection.users.clone()),
            groups: Some(protection.groups.clone()),
            domain_users_can_edit: Some(false),
        }),
        ..api::ProtectedRange::default()
    })
}
