//! What a person may try with a spreadsheet, as requests of the API, which the browser makes too.

use fleetsheet_mocks::sheets::Spreadsheet;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

const TABS: [&str; 3] = ["ReleaseSheet", "ServerTagAssignment", "Other"];

/// One thing tried.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// Types into a cell.
    Cell(usize, u32, u32, Value),
    /// Inserts, deletes or moves rows (or columns).
    Lines(&'static str, usize, bool, u32, u32),
    /// Sorts some columns.
    Sort(usize, [u32; 2], u32),
    /// Renames a tab.
    Rename(usize, usize),
    /// Makes a tab, with a copy of the first rows of another.
    NewTab(usize, usize),
    /// Puts a tab aside, and a copy with keys of one's own under its name.
    SwapTab(usize),
    /// Deletes a tab.
    DeleteTab(usize),
    /// Protects columns for oneself.
    Protect(usize, u32, u32),
    /// Changes the n-th protection: its columns, its editors, or to a mere warning.
    Reprotect(usize, usize, u32),
    /// Removes the n-th protection.
    Unprotect(usize),
    /// Puts fleetsheet's own mark on a column.
    Mark(usize, u32, &'static str),
    /// Names another store.
    Store(&'static str),
}

impl Deed {
    pub(crate) fn typed(tab: &str, row: u32, column: u32, text: &str) -> Self {
        let tab = TABS.iter().position(|t| *t == tab).unwrap_or_default();
        Self::Cell(tab, row, column, json!({ "stringValue": text }))
    }

    /// Does it, if the file lets this person.
    pub(crate) fn attempt(&self, book: &mut Spreadsheet, person: &str) -> Result<(), String> {
        let id = |tab: &usize| {
            book.tab(TABS[*tab])
                .map(|tab| tab.sheet_id)
                .ok_or("there is no such tab")
        };
        let protection = |nth: &usize| {
            let mut all = book
                .tabs
                .iter()
                .flat_map(|tab| tab.protected.iter().map(|p| (tab.sheet_id, p.id)));
            all.nth(*nth).ok_or("there is no such protection")
        };
        let columns = |sheet: i64, from: u32, to: u32| json!({ "sheetId": sheet, "startColumnIndex": from, "endColumnIndex": to });
        let request = match self {
            Self::Cell(tab, row, column, value) => json!({ "updateCells": {
                "start": { "sheetId": id(tab)?, "rowIndex": row, "columnIndex": column },
                "rows": [{ "values": [{ "userEnteredValue": value }] }],
                "fields": "userEnteredValue",
            } }),
            Self::Lines(what, tab, rows, from, to) => {
                let dimension = if *rows { "ROWS" } else { "COLUMNS" };
                let range =
                    json!({ "sheetId": id(tab)?, "dimension": dimension, "startIndex": from, "endIndex": from + 1 });
                match *what {
                    "moveDimension" => json!({ "moveDimension": { "source": range, "destinationIndex": to } }),
                    what => json!({ what: { "range": range } }),
                }
            }
            Self::Sort(tab, [from, to], by) => json!({ "sortRange": {
                "range": {
                    "sheetId": id(tab)?, "startRowIndex": 1, "endRowIndex": 4,
                    "startColumnIndex": from, "endColumnIndex": to,
                },
                "sortSpecs": [{ "dimensionIndex": by, "sortOrder": "DESCENDING" }],
            } }),
            Self::Rename(tab, to) => json!({ "updateSheetProperties": {
                "properties": { "sheetId": id(tab)?, "title": TABS[*to] }, "fields": "title",
            } }),
            Self::SwapTab(tab) => {
                json!({ "updateSheetProperties": {
                    "properties": { "sheetId": id(tab)?, "title": "Old" }, "fields": "title",
                } })
            }
            Self::NewTab(title, _) => json!({ "addSheet": { "properties": { "title": TABS[*title], "sheetId": 77 } } }),
            Self::DeleteTab(tab) => json!({ "deleteSheet": { "sheetId": id(tab)? } }),
            Self::Protect(tab, from, to) => json!({ "addProtectedRange": { "protectedRange": {
                "range": columns(id(tab)?, *from, *to), "editors": { "users": [person] },
            } } }),
            Self::Reprotect(nth, what, column) => {
                let (sheet, id) = protection(nth)?;
                let (change, fields) = match what {
                    0 => (json!({ "range": columns(sheet, *column, column + 1) }), "range"),
                    1 => (json!({ "editors": { "users": [person] } }), "editors"),
                    _ => (json!({ "warningOnly": true }), "warningOnly"),
                };
                let mut range = change;
                range["protectedRangeId"] = id.into();
                json!({ "updateProtectedRange": { "protectedRange": range, "fields": fields } })
            }
            Self::Unprotect(nth) => json!({ "deleteProtectedRange": { "protectedRangeId": protection(nth)?.1 } }),
            Self::Mark(tab, column, header) => {
                let range = json!({
                    "sheetId": id(tab)?, "dimension": "COLUMNS", "startIndex": column, "endIndex": column + 1,
                });
                metadata("fleetsheet.column", header, json!({ "dimensionRange": range }))
            }
            Self::Store(store) => metadata("fleetsheet.store", store, json!({ "spreadsheet": true })),
        };
        let mut requests = vec![request];
        if let Self::NewTab(_, from) = self {
            requests.extend(copy(book, TABS[*from]));
        }
        if let Self::SwapTab(tab) = self {
            requests.push(json!({ "addSheet": { "properties": { "title": TABS[*tab], "sheetId": 77 } } }));
            requests.extend(copy(book, TABS[*tab]));
        }
        book.attempt(person, &requests)
    }
}

fn metadata(key: &str, value: &str, location: Value) -> Value {
    json!({ "createDeveloperMetadata": { "developerMetadata": {
        "metadataKey": key, "metadataValue": value, "location": location, "visibility": "DOCUMENT",
    } } })
}

/// The cells of a tab's first rows, as the copy of a person who would like both keys to be theirs.
fn copy(book: &Spreadsheet, from: &str) -> Option<Value> {
    let tab = book.tab(from)?;
    let rows: Vec<Value> = (0..tab.data_rows().min(6))
        .map(|row| {
            let text = |column| match tab.value(row, column) {
                fleetsheet_mocks::sheets::CellValue::Text(text) => text.clone(),
                fleetsheet_mocks::sheets::CellValue::Bool(true) => "TRUE".to_owned(),
                _ => String::new(),
            };
            let cells: Vec<Value> = (0..10)
                .map(|column| {
                    let typed = if row > 0 && (column == 1 || column == 2) {
                        "6.6.6".to_owned()
                    } else {
                        text(column)
                    };
                    json!({ "userEnteredValue": { "stringValue": typed } })
                })
                .collect();
            json!({ "values": cells })
        })
        .collect();
    let start = json!({ "sheetId": 77, "rowIndex": 0, "columnIndex": 0 });
    Some(json!({ "updateCells": { "start": start, "rows": rows, "fields": "userEnteredValue" } }))
}

fn value() -> impl Strategy<Value = Value> {
    let words = [
        "2.4.0",
        "6.6.6",
        "1.0.0",
        "2.3.9",
        "",
        "web",
        "db",
        "new",
        "TRUE",
        "FALSE",
        "desiredVersionA",
        "desiredVersionB",
        "channel",
        "enabled",
        "releaseVersion",
        "updatedAt",
        "i-00000000000000001",
    ];
    let formulas = ["=B2", "=C2", "=B3", "=C3", "=G2", "=A3"];
    prop_oneof![
        6 => proptest::sample::select(words.to_vec()).prop_map(|text| json!({ "stringValue": text })),
        1 => proptest::sample::select(formulas.to_vec()).prop_map(|text| json!({ "formulaValue": text })),
        1 => any::<bool>().prop_map(|on| json!({ "boolValue": on })),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    let tab = || prop_oneof![5 => Just(0_usize), 3 => Just(1_usize), 1 => Just(2_usize)];
    let lines = proptest::sample::select(vec!["insertDimension", "deleteDimension", "moveDimension"]);
    let headers = proptest::sample::select(vec!["releaseVersion", "previousVersion", "status", "updatedAt"]);
    prop_oneof![
        // One's own key, the boxes and the channels of servers: what a person does all day.
        4 => (1..4_u32, 1..3_u32, value()).prop_map(|(row, column, value)| Deed::Cell(0, row, column, value)),
        3 => (0..4_u32, 3..12_u32, value()).prop_map(|(row, column, value)| Deed::Cell(0, row, column, value)),
        3 => (1..20_u32, value()).prop_map(|(row, value)| Deed::Cell(1, row, 1, value)),
        3 => (tab(), 0..20_u32, 0..13_u32, value()).prop_map(|(tab, row, column, value)| Deed::Cell(tab, row, column, value)),
        3 => (lines, tab(), any::<bool>(), 0..12_u32, 0..13_u32)
            .prop_map(|(what, tab, rows, from, to)| Deed::Lines(what, tab, rows, from, to)),
        2 => (tab(), 0..10_u32, 1..5_u32, 0..10_u32).prop_map(|(tab, from, width, by)| Deed::Sort(tab, [from, from + width], by)),
        1 => (tab(), tab()).prop_map(|(tab, to)| Deed::Rename(tab, to)),
        1 => (tab(), tab()).prop_map(|(title, from)| Deed::NewTab(title, from)),
        1 => (0..2_usize).prop_map(Deed::SwapTab),
        1 => tab().prop_map(Deed::DeleteTab),
        2 => (tab(), 0..10_u32, 1..4_u32).prop_map(|(tab, from, width)| Deed::Protect(tab, from, from + width)),
        2 => (0..6_usize, 0..3_usize, 0..10_u32).prop_map(|(nth, what, column)| Deed::Reprotect(nth, what, column)),
        1 => (0..6_usize).prop_map(Deed::Unprotect),
        1 => (tab(), 0..10_u32, headers).prop_map(|(tab, column, header)| Deed::Mark(tab, column, header)),
        1 => Just(Deed::Store("another")),
    ]
}

/// A day of it.
pub(crate) fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    vec(deed(), 4..16)
}
