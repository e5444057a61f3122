//! Reads cells where the picture of the spreadsheet came without them: once as values and once as formulas.
//!
//! Those are two moments, so they must agree on every cell that is not a formula. What this cannot see is a value that a
//! formula in another cell spills; the picture can, which is why it is asked first.

use google_sheets4::api::ValueRange;
use serde_json::Value;

use super::GoogleSheets;
use super::failure::{Method, error};
use super::grid::trim_end;
use super::value::plain_text;
use crate::sheet::{Cell, SheetError, SheetErrorKind};

pub(super) const BATCH_GET: Method = Method {
    name: "sheets.values.batchGet",
    doing: "read the cells",
    writes: false,
};

/// How often both are read before we give up on a sheet that is edited all the time.
const TRIES: u32 = 2;

/// A tab's cells as one call gave them.
type Grid = Vec<Vec<Value>>;

impl GoogleSheets {
    /// Reads the cells of each range.
    pub(super) async fn read_values(&self, ranges: &[String]) -> Result<Vec<Vec<Vec<Cell>>>, SheetError> {
        for _ in 0..TRIES {
            let shown = self.batch_get(ranges, "UNFORMATTED_VALUE").await?;
            let typed = self.batch_get(ranges, "FORMULA").await?;
            let grids: Option<Vec<_>> = shown
                .into_iter()
                .zip(typed)
                .map(|(shown, typed)| merge(shown, typed))
                .collect();
            if let Some(grids) = grids {
                return Ok(grids);
            }
        }
        Err(error(
            SheetErrorKind::Nonsense,
            "could not read the cells: they changed between two reads, and again; try when fewer people edit",
        ))
    }

    async fn batch_get(&self, ranges: &[String], render: &str) -> Result<Vec<Grid>, SheetError> {
        let answer = self
            .call(BATCH_GET, |mut probe| async move {
                let spreadsheets = self.inner.hub.spreadsheets();
                let call = spreadsheets.values_batch_get(&self.inner.spreadsheet_id);
                let call = ranges.iter().fold(call, |call, range| call.add_ranges(range));
                call.value_render_option(render)
                    .major_dimension("ROWS")
                    .add_scope(super::auth::SCOPE)
                    .delegate(&mut probe)
                    .doit()
                    .await
            })
            .await?;
        let grids = answer.value_ranges.unwrap_or_default();
        if grids.len() != ranges.len() {
            return Err(error(
                SheetErrorKind::Nonsense,
                "could not read the cells: the answer does not have as many ranges as were asked for",
            ));
        }
        Ok(grids
            .into_iter()
            .map(|ValueRange { values, .. }| values.unwrap_or_default())
            .collect())
    }
}

/// Puts both readings together; `None` if they are not of the same cells.
pub(super) fn merge(shown: Grid, typed: Grid) -> Option<Vec<Vec<Cell>>> {
    let height = shown.len().max(typed.len());
    let mut shown = shown.into_iter();
    let mut typed = typed.into_iter();
    let mut rows = Vec::with_capacity(height);
    for _ in 0..height {
        rows.push(merge_row(
            shown.next().unwrap_or_default(),
            typed.next().unwrap_or_default(),
        )?);
    }
    trim_end(&mut rows, Vec::is_empty);
    Some(rows)
}

fn merge_row(shown: Vec<Value>, typed: Vec<Value>) -> Option<Vec<Cell>> {
    let width = shown.len().max(typed.len());
    let mut shown = shown.into_iter();
    let mut typed = typed.into_iter();
    let mut cells = Vec::with_capacity(width);
    for _ in 0..width {
        let shown = plain_cell(shown.next().unwrap_or_default());
        cells.push(match (typed.next().unwrap_or_default(), shown) {
            // Text that begins with `=` reads the same both ways; a formula does not.
            (Value::String(text), shown) if text.starts_with('=') && shown != Cell::Text(text.clone()) => {
                Cell::Formula {
                    text,
                    value: Box::new(shown),
                }
            }
            (typed, shown) if plain_cell(typed.clone()) == shown => shown,
            _ => return None,
        });
    }
    trim_end(&mut cells, |cell| *cell == Cell::Blank);
    Some(cells)
}

fn plain_cell(value: Value) -> Cell {
    match value {
        Value::Bool(value) => Cell::Bool(value),
        Value::Number(number) => number.as_f64().map_or(Cell::Blank, Cell::Number),
        Value::String(text) => plain_text(text.into()),
        Value::Null | Value::Array(_) | Value::Object(_) => Cell::Blank,
    }
}

#[cfg(test)]
mod tests;
