//! Turns the API's picture of a spreadsheet into [`RawSpreadsheet`]: cells with their types, protections, marks.
//!
//! It takes any reply that can be decoded, and says so where one cannot be true rather than reading it as empty.

use std::collections::BTreeSet;

use google_sheets4::api;

use super::reply::{self, Pictured, RowData, Rows};
use crate::sheet::{Cell, Editors, GridRange, Mark, ProtectedRange, RawSpreadsheet, RawTab, Table};

/// Keys of developer metadata that are ours begin with this; other tools may keep theirs beside them.
const OUR_KEYS: &str = "fleetsheet.";

/// A reply, read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Picture {
    pub(super) spreadsheet: RawSpreadsheet,
    /// Tabs that came without grid data, which is not the same as without cells.
    pub(super) bare: BTreeSet<String>,
}

/// Reads a reply. The error says, fit for people, why it makes no sense.
pub(super) fn picture(reply: reply::Spreadsheet<Pictured>) -> Result<Picture, String> {
    let sheets = reply.sheets.unwrap_or_default();
    if sheets.is_empty() {
        // A spreadsheet has at least one tab; an answer without any would otherwise read as "all tabs are missing".
        return Err("the answer shows no tabs".into());
    }
    let mut picture = Picture::default();
    picture.spreadsheet.title = reply
        .properties
        .and_then(|properties| properties.title)
        .unwrap_or_default();
    picture.spreadsheet.marks = reply
        .developer_metadata
        .unwrap_or_default()
        .into_iter()
        .filter(on_spreadsheet)
        .filter_map(|metadata| mark(metadata, None))
        .collect();
    for sheet in sheets {
        let bare = sheet.data.as_ref().is_none_or(Vec::is_empty);
        let (mut tab, rows) = tab(sheet)?;
        tab.rows = rows.into_iter().map(cells).collect();
        if bare {
            picture.bare.insert(tab.title.clone());
        }
        picture.spreadsheet.tabs.push(tab);
    }
    Ok(picture)
}

/// Reads one tab of a reply. Its rows are given beside it.
pub(super) fn tab<C>(sheet: reply::Sheet<C>) -> Result<(RawTab, Rows<C>), String> {
    let properties = sheet.properties.unwrap_or_default();
    let grid = properties.grid_properties.unwrap_or_default();
    let mut tab = RawTab {
        // The JSON of a message leaves out a zero, and the first tab's id is zero.
        sheet_id: properties.sheet_id.unwrap_or_default().into(),
        title: properties.title.unwrap_or_default(),
        row_count: index(grid.row_count).unwrap_or_default(),
        column_count: index(grid.column_count).unwrap_or_default(),
        protected: sheet
            .protected_ranges
            .unwrap_or_default()
            .into_iter()
            .map(protected)
            .collect(),
        tables: sheet.tables.unwrap_or_default().into_iter().filter_map(table).collect(),
        ..RawTab::default()
    };
    let mut rows = Rows::new();
    let mut grids = sheet.data.unwrap_or_default().into_iter();
    if let Some(data) = grids.next() {
        // All ranges asked for start at A1; a grid that does not would put cells under the wrong header.
        if data.start_row.unwrap_or_default() != 0 || data.start_column.unwrap_or_default() != 0 {
            return Err(format!("the answer shows the tab {} without its beginning", tab.title));
        }
        let columns = data.column_metadata.unwrap_or_default();
        for (column, metadata) in (0..).zip(columns.into_iter().map(|column| column.developer_metadata)) {
            let ours = metadata
                .unwrap_or_default()
                .into_iter()
                .filter_map(|metadata| mark(metadata, Some(column)));
            tab.marks.extend(ours);
        }
        rows = match data.row_data {
            None => Rows::new(),
            Some(rows) => RowData::here(rows)
                .ok_or_else(|| format!("the answer shows a number for the rows of the tab {}", tab.title))?,
        };
    }
    if grids.next().is_some() {
        return Err(format!("the answer shows the tab {} in pieces", tab.title));
    }
    Ok((tab, rows))
}

/// The same memory, as the cells of a row.
fn cells(row: Vec<Pictured>) -> Vec<Cell> {
    row.into_iter().map(|cell| cell.0).collect()
}

/// Takes what is blank off the end: Google sometimes sends it (formatted cells) and sometimes does not.
pub(super) fn trim_end<T>(items: &mut Vec<T>, blank: impl Fn(&T) -> bool) {
    while items.last().is_some_and(&blank) {
        items.pop();
    }
}

fn protected(range: api::ProtectedRange) -> ProtectedRange {
    // Nothing, not everything, where Google does not say what is covered: a protection counts only if it is seen to
    // hold.
    let nothing = GridRange {
        end_row: Some(0),
        end_column: Some(0),
        ..GridRange::default()
    };
    ProtectedRange {
        id: range.protected_range_id.unwrap_or_default().into(),
        range: range.range.map_or(nothing, grid_range),
        unprotected: range
            .unprotected_ranges
            .unwrap_or_default()
            .into_iter()
            .map(grid_range)
            .collect(),
        warning_only: range.warning_only.unwrap_or_default(),
        editors: range.editors.map(|editors| Editors {
            users: editors.users.unwrap_or_default(),
            groups: editors.groups.unwrap_or_default(),
            domain: editors.domain_users_can_edit.unwrap_or_default(),
        }),
        description: range.description.unwrap_or_default(),
    }
}

/// A table that does not say which it is, or what it covers, cannot be added to.
fn table(table: api::Table) -> Option<Table> {
    Some(Table {
        id: table.table_id?,
        range: grid_range(table.range?),
    })
}

/// Reads a rectangle.
pub(super) fn grid_range(range: api::GridRange) -> GridRange {
    GridRange {
        start_row: index(range.start_row_index),
        end_row: index(range.end_row_index),
        start_column: index(range.start_column_index),
        end_column: index(range.end_column_index),
    }
}

fn index(value: Option<i32>) -> Option<u32> {
    value.map(|value| u32::try_from(value).unwrap_or_default())
}

fn on_spreadsheet(metadata: &api::DeveloperMetadata) -> bool {
    let location = metadata
        .location
        .as_ref()
        .and_then(|location| location.location_type.as_deref());
    location.is_none_or(|kind| kind == "SPREADSHEET")
}

/// Reads one of our marks; other people's metadata gives none.
pub(super) fn mark(metadata: api::DeveloperMetadata, column: Option<u32>) -> Option<Mark> {
    let key = metadata.metadata_key.filter(|key| key.starts_with(OUR_KEYS))?;
    Some(Mark {
        id: metadata.metadata_id?.into(),
        key,
        value: metadata.metadata_value.unwrap_or_default(),
        column,
    })
}

#[cfg(test)]
mod tests;
