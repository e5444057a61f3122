//! What a person does on a page that shows the spreadsheet, through the same checks as calls of the API: protections and the
//! grid; and what a browser checks besides: rules of cells, and ranges that only warn.

use std::ops::Range;

use serde_json::{Value, json};

use crate::sheets::a1::{self, letters};
use crate::sheets::batch;
use crate::sheets::cell::{Cell, CellValue};
use crate::sheets::error::ApiError;
use crate::sheets::model::{Row, Spreadsheet, Tab};
use crate::sheets::txn::Txn;
use crate::sheets::value::{self, formatted};

/// Columns that a paste may add to a grid.
const MOST_COLUMNS: usize = 64;
/// Rows that a grid may grow to by hand.
const MOST_ROWS: usize = 200_000;

/// Something that a person does to one tab. Rows and columns count from zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Texts typed or pasted into cells: row, column, text.
    Type(Vec<(usize, usize, String)>),
    /// Cells pasted with their formats, as from a copy in the same file.
    Copy {
        /// Rows that were copied.
        rows: Range<usize>,
        /// Columns that were copied.
        columns: Range<usize>,
        /// The corner that they are pasted to.
        to: (usize, usize),
    },
    /// Blank rows before a row.
    Insert {
        /// The row.
        at: usize,
        /// How many.
        count: usize,
    },
    /// Rows deleted.
    Delete(Range<usize>),
    /// Rows moved before another one.
    Move {
        /// The rows.
        rows: Range<usize>,
        /// Before the row that stands here.
        to: usize,
    },
    /// All rows below the header sorted by a column.
    Sort {
        /// The column.
        column: usize,
        /// The last first.
        descending: bool,
    },
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barred {
    /// It is refused, in the service's words.
    Refused(String),
    /// It touches a range that warns, and the person has not said yet that it is meant.
    Warned,
}

impl From<ApiError> for Barred {
    fn from(error: ApiError) -> Self {
        Self::Refused(error.into_message())
    }
}

/// How something that was done is undone.
#[derive(Clone, Debug)]
pub enum Back {
    /// Cells as they were before.
    Cells(i64, Vec<(usize, usize, Cell)>),
    /// Rows that were added go.
    Delete(i64, Range<usize>),
    /// Rows that were deleted come back.
    Restore(i64, usize, Vec<Row>),
    /// Rows that were moved go back.
    Move(i64, Range<usize>, usize),
}

impl Spreadsheet {
    /// Lets a person with edit rights to the file do something to a tab; `meant` says that they saw the warning. All of it is
    /// done or nothing.
    ///
    /// # Errors
    /// Why it is not done.
    pub fn by_hand(&mut self, person: &str, sheet_id: i64, deed: &Deed, meant: bool) -> Result<Back, Barred> {
        let Some(at) = self.position(sheet_id) else {
            return Err(Barred::Refused(format!("No grid with id: {sheet_id}")));
        };
        if !meant && warns(&self.tabs[at], deed) {
            // What is refused anyway is not warned of first.
            self.clone().by_hand(person, sheet_id, deed, true)?;
            return Err(Barred::Warned);
        }
        let mut txn = Txn {
            book: self.clone(),
            caller: person,
            method: "by hand",
            writes: Vec::new(),
        };
        let back = carry_out(&mut txn, at, deed)?;
        *self = txn.book;
        Ok(back)
    }

    /// Undoes something. Where others changed the same cells since, they too are as they were before.
    pub fn take_back(&mut self, back: Back) {
        match back {
            Back::Cells(id, cells) => {
                let Some(tab) = self.tab_of(id) else { return };
                for (row, column, old) in cells {
                    if let Some(cell) = tab.rows.get_mut(row).and_then(|row| row.cells.get_mut(column)) {
                        *cell = old;
                    }
                }
            }
            Back::Delete(id, rows) => {
                if let Some(tab) = self.tab_of(id) {
                    tab.delete_rows(rows);
                }
            }
            Back::Restore(id, at, rows) => {
                let Some(tab) = self.tab_of(id) else { return };
                let at = at.min(tab.rows.len());
                tab.insert_rows(at, rows.len());
                let width = tab.columns.len();
                for (slot, mut row) in tab.rows.iter_mut().skip(at).zip(rows) {
                    row.cells.resize_with(width, Cell::default);
                    *slot = row;
                }
            }
            Back::Move(id, rows, to) => {
                if let Some(tab) = self.tab_of(id).filter(|tab| rows.end <= tab.rows.len()) {
                    tab.move_rows(rows, to);
                }
            }
        }
    }

    fn tab_of(&mut self, sheet_id: i64) -> Option<&mut Tab> {
        self.tabs.iter_mut().find(|tab| tab.sheet_id == sheet_id)
    }
}

fn carry_out(txn: &mut Txn<'_>, at: usize, deed: &Deed) -> Result<Back, Barred> {
    let id = txn.book.tabs[at].sheet_id;
    let dimension = |rows: &Range<usize>| json!({ "sheetId": id, "dimension": "ROWS", "startIndex": rows.start, "endIndex": rows.end });
    match deed {
        Deed::Type(cells) => type_in(txn, at, cells),
        Deed::Copy { rows, columns, to } => copy(txn, at, rows, columns, *to),
        Deed::Insert { at: row, count } => {
            let rows = *row..row + count;
            // As the browser does: a new row looks like the one above, and the first one below the header like the next.
            let before = *row > 1;
            let request = json!({ "range": dimension(&rows), "inheritFromBefore": before });
            ask(txn, "insertDimension", &request)?;
            dress(
                &mut txn.book.tabs[at],
                &rows,
                if before { row - 1 } else { row + count },
            );
            Ok(Back::Delete(id, rows))
        }
        Deed::Delete(rows) => {
            let old = txn.book.tabs[at].rows.get(rows.clone()).unwrap_or_default().to_vec();
            ask(txn, "deleteDimension", &json!({ "range": dimension(rows) }))?;
            Ok(Back::Restore(id, rows.start, old))
        }
        Deed::Move { rows, to } => {
            let request = json!({ "source": dimension(rows), "destinationIndex": to });
            ask(txn, "moveDimension", &request)?;
            let count = rows.len();
            let now = if *to > rows.start { to - count } else { *to };
            let back = if now < rows.start { rows.end } else { rows.start };
            Ok(Back::Move(id, now..now + count, back))
        }
        Deed::Sort { column, descending } => {
            let tab = &txn.book.tabs[at];
            let (rows, width) = (1..tab.data_rows().max(1), tab.columns.len());
            let old = cells_of(tab, &rows, &(0..width));
            let order = if *descending { "DESCENDING" } else { "ASCENDING" };
            let request = json!({
                "range": { "sheetId": id, "startRowIndex": rows.start, "endRowIndex": rows.end,
                           "startColumnIndex": 0, "endColumnIndex": width },
                "sortSpecs": [{ "dimensionIndex": column, "sortOrder": order }],
            });
            ask(txn, "sortRange", &request)?;
            Ok(Back::Cells(id, old))
        }
    }
}

/// One request of `spreadsheets.batchUpdate`.
fn ask(txn: &mut Txn<'_>, kind: &str, request: &Value) -> Result<(), Barred> {
    // People are not told which part of a request it is about: they made none.
    let part = format!("Invalid requests[0].{kind}: ");
    match batch::batch_update(txn, json!({ "requests": [{ kind: request }] })) {
        Ok(_) => Ok(()),
        Err(error) => {
            let message = error.into_message();
            let plain = message.strip_prefix(&part).unwrap_or(&message);
            Err(Barred::Refused(plain.to_owned()))
        }
    }
}

/// New rows have the formats, boxes and lists of a neighbour, and nothing in them.
fn dress(tab: &mut Tab, rows: &Range<usize>, like: usize) {
    let Some(model) = tab.rows.get(like).map(|row| row.cells.clone()) else {
        return;
    };
    let header = like == 0;
    for row in tab.rows.iter_mut().skip(rows.start).take(rows.len()) {
        for (cell, model) in row.cells.iter_mut().zip(&model) {
            if !header {
                cell.format.clone_from(&model.format);
                cell.validation.clone_from(&model.validation);
                // A box that nobody ticked is an unticked one.
                if matches!(model.value, CellValue::Bool(_)) && is_box(model) {
                    cell.value = CellValue::Bool(false);
                }
            }
        }
    }
}

/// Whether a cell is a box to tick.
pub(in crate::sheets) fn is_box(cell: &Cell) -> bool {
    let rule = cell.validation.as_ref();
    rule.is_some_and(|rule| rule["condition"]["type"] == "BOOLEAN")
}

fn cells_of(tab: &Tab, rows: &Range<usize>, columns: &Range<usize>) -> Vec<(usize, usize, Cell)> {
    let all = rows
        .clone()
        .flat_map(|row| columns.clone().map(move |column| (row, column)));
    all.map(|(row, column)| (row, column, tab.cell(row, column).cloned().unwrap_or_default()))
        .collect()
}

fn type_in(txn: &mut Txn<'_>, at: usize, cells: &[(usize, usize, String)]) -> Result<Back, Barred> {
    grow(
        &mut txn.book.tabs[at],
        cells.iter().map(|(row, column, _)| (*row, *column)),
    )?;
    let mut old = Vec::with_capacity(cells.len());
    for (row, column, text) in cells {
        value::fits(text)?;
        let before = txn.book.tabs[at].cell(*row, *column).cloned().unwrap_or_default();
        txn.put(at, *row, *column, |cell| cell.type_in(text))?;
        obeys(&txn.book, at, (*row, *column))?;
        old.push((*row, *column, before));
    }
    Ok(Back::Cells(txn.book.tabs[at].sheet_id, old))
}

fn copy(
    txn: &mut Txn<'_>,
    at: usize,
    rows: &Range<usize>,
    columns: &Range<usize>,
    to: (usize, usize),
) -> Result<Back, Barred> {
    let copied = cells_of(&txn.book.tabs[at], rows, columns);
    let place = |row: usize, column: usize| (to.0 + row - rows.start, to.1 + column - columns.start);
    grow(
        &mut txn.book.tabs[at],
        copied.iter().map(|(row, column, _)| place(*row, *column)),
    )?;
    let mut old = Vec::with_capacity(copied.len());
    for (row, column, cell) in copied {
        let (row, column) = place(row, column);
        let before = txn.book.tabs[at].cell(row, column).cloned().unwrap_or_default();
        txn.put(at, row, column, |there| {
            (there.value, there.format, there.validation) = (cell.value, cell.format, cell.validation);
        })?;
        old.push((row, column, before));
    }
    Ok(Back::Cells(txn.book.tabs[at].sheet_id, old))
}

/// The grid grows where something is pasted beyond its end.
fn grow(tab: &mut Tab, cells: impl Iterator<Item = (usize, usize)>) -> Result<(), Barred> {
    let size = (tab.rows.len(), tab.columns.len());
    let (mut height, mut width) = size;
    for (row, column) in cells {
        (height, width) = (height.max(row + 1), width.max(column + 1));
    }
    if height > MOST_ROWS.max(size.0) || width > MOST_COLUMNS.max(size.1) {
        return Err(Barred::Refused(
            "There was a problem: this action would increase the number of cells in the workbook above the limit."
                .to_owned(),
        ));
    }
    if width > size.1 {
        tab.resize_columns(width);
    }
    if height > size.0 {
        tab.resize_rows(height);
    }
    Ok(())
}

/// What a cell may hold by its rule. A rule that is not strict only marks the cell.
fn obeys(book: &Spreadsheet, at: usize, (row, column): (usize, usize)) -> Result<(), Barred> {
    let Some(cell) = book.tabs[at].cell(row, column) else {
        return Ok(());
    };
    let Some(rule) = cell.validation.as_ref().filter(|rule| rule["strict"] == true) else {
        return Ok(());
    };
    let good = match (&cell.value, rule["condition"]["type"].as_str()) {
        (CellValue::Empty, _) => true,
        (value, Some("BOOLEAN")) => matches!(value, CellValue::Bool(_)),
        (_, Some("ONE_OF_LIST" | "ONE_OF_RANGE")) => {
            let shown = formatted(cell, &book.shown(at, row, column));
            choices(book, rule).contains(&shown)
        }
        _ => true,
    };
    if good {
        return Ok(());
    }
    Err(Barred::Refused(format!(
        "There was a problem: The data you entered in cell {}{} violates the data validation rules set on this cell.",
        letters(column),
        row + 1
    )))
}

/// What a rule lets one choose from.
pub(in crate::sheets) fn choices(book: &Spreadsheet, rule: &Value) -> Vec<String> {
    let values = rule["condition"]["values"].as_array().map_or(&[][..], Vec::as_slice);
    let mut values = values.iter().filter_map(|value| value["userEnteredValue"].as_str());
    if rule["condition"]["type"] == "ONE_OF_LIST" {
        return values.map(str::to_owned).collect();
    }
    let range = values.next().and_then(|range| range.strip_prefix('='));
    let Some(range) = range.and_then(|range| a1::parse(book, &range.replace('$', "")).ok()) else {
        return Vec::new();
    };
    let tab = &book.tabs[range.tab];
    let (rows, columns) = tab.clip(&range.range);
    let cells = rows.flat_map(|row| columns.clone().map(move |column| (row, column)));
    let shown = cells.filter_map(|(row, column)| {
        let text = formatted(tab.cell(row, column)?, &book.shown(range.tab, row, column));
        (!text.is_empty()).then_some(text)
    });
    shown.collect()
}

/// Whether some cell that it changes lies in a range that warns.
fn warns(tab: &Tab, deed: &Deed) -> bool {
    let mut ranges = tab
        .protected
        .iter()
        .filter(|protected| protected.warning_only)
        .peekable();
    if ranges.peek().is_none() {
        return false;
    }
    let width = tab.columns.len();
    let cells: Vec<(usize, usize)> = match deed {
        Deed::Type(cells) => cells.iter().map(|(row, column, _)| (*row, *column)).collect(),
        Deed::Copy { rows, columns, to } => {
            let (rows, columns) = (to.0..to.0 + rows.len(), to.1..to.1 + columns.len());
            rows.flat_map(|row| columns.clone().map(move |column| (row, column)))
                .collect()
        }
        Deed::Insert { .. } => return false,
        // Whole rows: one cell of each column is enough to know.
        Deed::Delete(rows) | Deed::Move { rows, .. } => (0..width).map(|column| (rows.start, column)).collect(),
        Deed::Sort { .. } => (0..width).map(|column| (1, column)).collect(),
    };
    ranges.any(|protected| {
        let covers = |(row, column): &(usize, usize)| protected.range.covers(*row, *column);
        let free = |(row, column): &(usize, usize)| protected.unprotected.iter().any(|hole| hole.covers(*row, *column));
        cells.iter().any(|cell| covers(cell) && !free(cell))
    })
}
