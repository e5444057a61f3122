//! The spreadsheet as a page draws it: a tab's head, and its rows one by one.

use serde_json::{Value, json};

use super::cell::{Cell, CellValue};
use super::human::{choices, is_box};
use super::model::{Protected, Spreadsheet, Tab};
use super::txn;
use super::value::formatted;

/// Rows looked at to find out what a column lets one choose from.
const SAMPLE: usize = 200;

impl Spreadsheet {
    /// The ids and names of its tabs, in order.
    #[must_use]
    pub fn tab_names(&self) -> Value {
        let tabs = self.tabs.iter().filter(|tab| !tab.hidden);
        tabs.map(|tab| json!({ "id": tab.sheet_id, "title": tab.title }))
            .collect()
    }

    /// All of a tab but its rows: sizes, help, lists, colours, and which of these people may edit what.
    #[must_use]
    pub fn head(&self, sheet_id: i64, people: &[(&str, &str)]) -> Option<Value> {
        let tab = &self.tabs[self.position(sheet_id)?];
        let columns = 0..tab.columns.len();
        let widths: Vec<u64> = tab.columns.iter().map(|line| line.pixels.unwrap_or(100)).collect();
        let notes: Vec<&str> = columns
            .clone()
            .map(|column| {
                tab.cell(0, column)
                    .and_then(|cell| cell.note.as_deref())
                    .unwrap_or_default()
            })
            .collect();
        let lists: Vec<Value> = columns
            .filter_map(|column| Some(json!({ "column": column, "choices": self.list_of(tab, column)? })))
            .collect();
        let colours: Vec<Value> = tab.conditional.iter().filter_map(colour).collect();
        let protected: Vec<Value> = tab
            .protected
            .iter()
            .map(|protected| self.bars(protected, people))
            .collect();
        Some(json!({
            "id": tab.sheet_id,
            "title": tab.title,
            "rows": tab.rows.len(),
            "filled": tab.data_rows(),
            "columns": tab.columns.len(),
            "widths": widths,
            "notes": notes,
            "lists": lists,
            "colours": colours,
            "protected": protected,
        }))
    }

    /// One row: texts, and for what is not text a pair of its kind and what shows.
    #[must_use]
    pub fn row(&self, sheet_id: i64, row: usize) -> Option<Value> {
        let at = self.position(sheet_id)?;
        let cells = &self.tabs[at].rows.get(row)?.cells;
        let shown = |(column, cell): (usize, &Cell)| show(cell, &self.shown(at, row, column));
        let mut cells: Vec<Value> = cells.iter().enumerate().map(shown).collect();
        // Most rows end in blanks, and the page knows the width.
        let filled = cells.iter().rposition(|cell| cell != "").map_or(0, |last| last + 1);
        cells.truncate(filled);
        Some(Value::Array(cells))
    }

    fn list_of(&self, tab: &Tab, column: usize) -> Option<Vec<String>> {
        let rules = (1..tab.rows.len().min(SAMPLE)).filter_map(|row| tab.cell(row, column)?.validation.as_deref());
        let is_list = |rule: &&Value| {
            let kind = rule["condition"]["type"].as_str();
            matches!(kind, Some("ONE_OF_LIST" | "ONE_OF_RANGE"))
        };
        rules.into_iter().find(is_list).map(|rule| choices(self, rule))
    }

    fn bars(&self, protected: &Protected, people: &[(&str, &str)]) -> Value {
        let range = &protected.range;
        let may: serde_json::Map<String, Value> = people
            .iter()
            .map(|(role, person)| ((*role).to_owned(), txn::can_edit(self, person, protected).into()))
            .collect();
        json!({
            "rows": [range.start_row_index, range.end_row_index],
            "columns": [range.start_column_index, range.end_column_index],
            "warns": protected.warning_only,
            "what": protected.description,
            "may": may,
        })
    }
}

fn show(cell: &Cell, shown: &CellValue) -> Value {
    let text = || formatted(cell, shown);
    match (&cell.value, shown) {
        (CellValue::Formula { formula, .. }, _) => json!(["f", text(), formula]),
        (CellValue::Bool(ticked), _) if is_box(cell) => json!(["b", ticked]),
        (CellValue::Empty, CellValue::Empty) if is_box(cell) => json!(["b", null]),
        (_, CellValue::Empty) => json!(""),
        (_, CellValue::Text(text)) => json!(text),
        (_, CellValue::Error(text)) => json!(["e", text]),
        (_, CellValue::Number(_) | CellValue::Bool(_) | CellValue::Formula { .. }) => json!(["n", text()]),
    }
}

/// A rule that colours what begins with a text: its columns, the text, and the colour as `#rrggbb`.
fn colour(rule: &Value) -> Option<Value> {
    let asked = &rule["booleanRule"];
    if asked["condition"]["type"] != "TEXT_STARTS_WITH" {
        return None;
    }
    let starts = asked["condition"]["values"][0]["userEnteredValue"].as_str()?;
    let format = &asked["format"];
    let rgb = format
        .pointer("/backgroundColorStyle/rgbColor")
        .or_else(|| format.get("backgroundColor"))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked"
    )]
    let part = |name: &str| (rgb[name].as_f64().unwrap_or_default().clamp(0.0, 1.0) * 255.0).round() as u8;
    let range = &rule["ranges"][0];
    Some(json!({
        "columns": [range["startColumnIndex"], range["endColumnIndex"]],
        "starts": starts,
        "rgb": format!("#{:02x}{:02x}{:02x}", part("red"), part("green"), part("blue")),
    }))
}
