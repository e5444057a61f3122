//! Parts of a tab as the API names them.

use google_sheets4::api::{self, DimensionRange};

use crate::adapters::google_sheets::columns::id;
use crate::sheet::GridRange;
use crate::sheet::structure::Rows;

pub(super) fn whole(value: u32) -> Result<Option<i32>, String> {
    id(i64::from(value)).map(Some)
}

pub(super) fn stretch(column: u32, (start, end): Rows) -> GridRange {
    GridRange {
        start_row: Some(start),
        end_row: end,
        start_column: Some(column),
        end_column: Some(column.saturating_add(1)),
    }
}

pub(super) fn area(sheet_id: i64, range: &GridRange) -> Result<api::GridRange, String> {
    let index = |value: Option<u32>| value.map(|value| id(i64::from(value))).transpose();
    Ok(api::GridRange {
        sheet_id: Some(id(sheet_id)?),
        start_row_index: index(range.start_row)?,
        end_row_index: index(range.end_row)?,
        start_column_index: index(range.start_column)?,
        end_column_index: index(range.end_column)?,
    })
}

pub(super) fn columns(sheet_id: i64, at: u32, count: u32) -> Result<DimensionRange, String> {
    Ok(DimensionRange {
        sheet_id: Some(id(sheet_id)?),
        dimension: Some("COLUMNS".into()),
        start_index: whole(at)?,
        end_index: whole(at.saturating_add(count))?,
    })
}
