//! The spreadsheet as `spreadsheets.get` shows it.

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::cell::CellValue;
use super::metadata::{self, Place};
use super::model::{Line, Metadata, Protected, Spreadsheet, Tab};
use super::range::GridRange;
use super::txn::can_edit;
use super::value::{self, formatted};

/// Which part of the spreadsheet is asked for.
pub(super) struct View<'a> {
    pub(super) caller: &'a str,
    /// The ranges asked for; `None`: all tabs.
    pub(super) ranges: Option<Vec<GridRange>>,
    /// Whether cells are shown too.
    pub(super) cells: bool,
}

/// The `Spreadsheet` message.
pub(super) fn spreadsheet(book: &Spreadsheet, view: &View<'_>) -> Value {
    let asked = |tab: &Tab| {
        let Some(ranges) = &view.ranges else {
            return Some(vec![GridRange::sheet(tab.sheet_id)]);
        };
        let ranges: Vec<_> = ranges
            .iter()
            .filter(|range| range.sheet_id == tab.sheet_id)
            .cloned()
            .collect();
        (!ranges.is_empty()).then_some(ranges)
    };
    let tabs = book.tabs.iter().enumerate();
    let sheets: Vec<_> = tabs
        .filter_map(|(at, tab)| Some(sheet(book, at, &asked(tab)?, view)))
        .collect();
    let mut answer = json!({
        "spreadsheetId": book.id,
        "properties": {
            "title": book.title,
            "locale": "en_US",
            "autoRecalc": "ON_CHANGE",
            "timeZone": "Etc/UTC",
        },
        "spreadsheetUrl": format!("https://docs.google.com/spreadsheets/d/{}/edit", book.id),
    });
    put_list(&mut answer, "sheets", sheets);
    put_list(
        &mut answer,
        "developerMetadata",
        hanging(book, Place::Spreadsheet, &book.metadata),
    );
    answer
}

fn put_list(answer: &mut Value, field: &str, list: Vec<Value>) {
    if !list.is_empty() {
        answer[field] = Value::Array(list);
    }
}

fn hanging(book: &Spreadsheet, place: Place, metadata: &[Metadata]) -> Vec<Value> {
    metadata.iter().map(|meta| metadata::json(book, place, meta)).collect()
}

/// The `SheetProperties` of a tab.
pub(super) fn properties(tab: &Tab, index: usize) -> Value {
    let mut grid = json!({ "rowCount": tab.rows.len(), "columnCount": tab.columns.len() });
    if tab.frozen_rows > 0 {
        grid["frozenRowCount"] = json!(tab.frozen_rows);
    }
    if tab.frozen_columns > 0 {
        grid["frozenColumnCount"] = json!(tab.frozen_columns);
    }
    let mut properties = json!({
        "sheetId": tab.sheet_id,
        "title": tab.title,
        "index": index,
        "sheetType": "GRID",
        "gridProperties": grid,
    });
    if tab.hidden {
        properties["hidden"] = json!(true);
    }
    for (field, value) in &tab.other {
        properties[field] = value.clone();
    }
    properties
}

fn sheet(book: &Spreadsheet, at: usize, ranges: &[GridRange], view: &View<'_>) -> Value {
    let tab = &book.tabs[at];
    let mut sheet = json!({ "properties": properties(tab, at) });
    if view.cells {
        put_list(
            &mut sheet,
            "data",
            ranges.iter().map(|range| grid_data(book, at, range)).collect(),
        );
    }
    put_list(&mut sheet, "conditionalFormats", tab.conditional.clone());
    put_list(&mut sheet, "filterViews", tab.filter_views.clone());
    let tables = tab
        .tables
        .iter()
        .map(|table| json!({ "tableId": table.id, "name": table.name, "range": table.range }));
    put_list(&mut sheet, "tables", tables.collect());
    let protected = tab
        .protected
        .iter()
        .map(|protected| protected_range(book, view.caller, protected));
    put_list(&mut sheet, "protectedRanges", protected.collect());
    put_list(
        &mut sheet,
        "developerMetadata",
        hanging(book, Place::Sheet(at), &tab.metadata),
    );
    sheet
}

/// The `ProtectedRange`, without what the caller may not see.
pub(super) fn protected_range(book: &Spreadsheet, caller: &str, protected: &Protected) -> Value {
    let mut json = json!({ "protectedRangeId": protected.id, "range": protected.range });
    if !protected.description.is_empty() {
        json["description"] = json!(protected.description);
    }
    if !protected.unprotected.is_empty() {
        json["unprotectedRanges"] = json!(protected.unprotected);
    }
    if protected.warning_only {
        json["warningOnly"] = json!(true);
    }
    if !can_edit(book, caller, protected) {
        return json;
    }
    json["requestingUserCanEdit"] = json!(true);
    if !protected.warning_only {
        let mut users = vec![book.owner.clone()];
        users.extend(
            protected
                .users
                .iter()
                .filter(|user| !user.eq_ignore_ascii_case(&book.owner))
                .cloned(),
        );
        let mut editors = json!({ "users": users });
        if !protected.groups.is_empty() {
            editors["groups"] = json!(protected.groups);
        }
        if protected.domain {
            editors["domainUsersCanEdit"] = json!(true);
        }
        json["editors"] = editors;
    }
    json
}

fn grid_data(book: &Spreadsheet, at: usize, range: &GridRange) -> Value {
    let tab = &book.tabs[at];
    let (rows, columns) = tab.clip(range);
    let mut data = json!({});
    if rows.start > 0 {
        data["startRow"] = json!(rows.start);
    }
    if columns.start > 0 {
        data["startColumn"] = json!(columns.start);
    }
    let mut shown: Vec<Value> = rows.clone().map(|row| row_data(book, at, row, &columns)).collect();
    shown.truncate(
        shown
            .iter()
            .rposition(|row| row.get("values").is_some())
            .map_or(0, |last| last + 1),
    );
    put_list(&mut data, "rowData", shown);
    let row_lines = rows
        .map(|row| line(book, Place::Row(at, row), &tab.rows[row].line, 21))
        .collect();
    put_list(&mut data, "rowMetadata", row_lines);
    let column_lines = columns
        .map(|column| line(book, Place::Column(at, column), &tab.columns[column], 100))
        .collect();
    put_list(&mut data, "columnMetadata", column_lines);
    data
}

fn line(book: &Spreadsheet, place: Place, line: &Line, pixels: u64) -> Value {
    let mut json = json!({ "pixelSize": line.pixels.unwrap_or(pixels) });
    if line.hidden {
        json["hiddenByUser"] = json!(true);
    }
    put_list(&mut json, "developerMetadata", hanging(book, place, &line.metadata));
    json
}

fn row_data(book: &Spreadsheet, tab: usize, row: usize, columns: &Range<usize>) -> Value {
    let mut cells: Vec<Value> = columns
        .clone()
        .map(|column| cell_data(book, tab, row, column))
        .collect();
    let filled = |cell: &Value| cell.as_object().is_some_and(|cell| !cell.is_empty());
    cells.truncate(cells.iter().rposition(filled).map_or(0, |last| last + 1));
    let mut data = json!({});
    put_list(&mut data, "values", cells);
    data
}

/// An `ExtendedValue`.
pub(super) fn extended(value: &CellValue) -> Option<Value> {
    Some(match value {
        CellValue::Empty => return None,
        CellValue::Number(number) => json!({ "numberValue": value::number(*number) }),
        CellValue::Bool(value) => json!({ "boolValue": value }),
        CellValue::Text(text) => json!({ "stringValue": text }),
        CellValue::Formula { formula, .. } => json!({ "formulaValue": formula }),
        CellValue::Error(text) => {
            let kind = match text.as_str() {
                "#N/A" => "N_A",
                "#REF!" => "REF",
                "#NAME?" => "NAME",
                "#DIV/0!" => "DIVIDE_BY_ZERO",
                "#VALUE!" => "VALUE",
                "#NUM!" => "NUM",
                "#NULL!" => "NULL_VALUE",
                "Loading..." => "LOADING",
                _ => "ERROR",
            };
            json!({ "errorValue": { "type": kind, "message": format!("The cell shows {text}.") } })
        }
    })
}

fn cell_data(book: &Spreadsheet, tab: usize, row: usize, column: usize) -> Value {
    let Some(cell) = book.tabs[tab].cell(row, column) else {
        return json!({});
    };
    let mut data = Map::new();
    let mut put = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            data.insert(field.to_owned(), value);
        }
    };
    // An error on its own can only have come from a formula.
    let entered = match &cell.value {
        CellValue::Error(text) => Some(json!({ "formulaValue": format!("={text}") })),
        value => extended(value),
    };
    put("userEnteredValue", entered);
    let shown = book.shown(tab, row, column);
    if !shown.is_empty() {
        put("effectiveValue", extended(&shown));
        let text = formatted(cell, &shown);
        put("formattedValue", (!text.is_empty()).then(|| json!(text)));
    }
    put("userEnteredFormat", cell.format.as_deref().cloned());
    put("effectiveFormat", cell.format.as_deref().cloned());
    put("note", cell.note.as_ref().map(|note| json!(note)));
    put("dataValidation", cell.validation.as_deref().cloned());
    Value::Object(data)
}
