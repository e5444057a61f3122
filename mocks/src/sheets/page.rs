//! A page that shows the spreadsheet and lets a person edit it: plain forms, no script.

use std::fmt::Write;

use axum::http::{HeaderName, header};
use axum::response::{Html, IntoResponse};
use serde::Deserialize;

use super::a1::letters;
use super::cell::CellValue;
use super::model::{Spreadsheet, Tab};
use super::value::formatted;

const STYLE: &str = "
:root { color-scheme: light dark; --line: #dadce0; --head: #f1f3f4; --ink: #202124; --paper: #fff; --key: #0b57d0 }
@media (prefers-color-scheme: dark) { :root { --line: #3c4043; --head: #2a2b2e; --ink: #e8eaed; --paper: #1b1c1e;
  --key: #8ab4f8 } }
body { font: 14px/1.4 system-ui, sans-serif; margin: 0; color: var(--ink); background: var(--paper) }
header { padding: 16px 24px; border-bottom: 1px solid var(--line); position: sticky; top: 0; background: var(--paper) }
h1 { font-size: 18px; margin: 0 0 4px } h2 { font-size: 15px; margin: 24px 24px 8px }
nav a { color: var(--key); margin-right: 16px; text-decoration: none }
.grid { overflow-x: auto; margin: 0 24px } table { border-collapse: collapse }
th, td { border: 1px solid var(--line); padding: 2px 6px; text-align: left; white-space: nowrap }
th { background: var(--head); font-weight: 600 } th.n { font-weight: 400; color: #80868b; text-align: right }
form { display: flex; gap: 4px; margin: 0 } input[type=text] { font: inherit; color: inherit; background: none;
  border: 1px solid transparent; width: 12em; padding: 1px 3px } input[type=text]:focus { border-color: var(--key) }
button { font: inherit; color: inherit; border: 1px solid var(--line); background: var(--head); border-radius: 3px }
button.box { width: 2em } .lock { color: #80868b }
";

/// Rows shown of one tab: a browser that draws tens of thousands of forms helps nobody.
const MOST_ROWS: usize = 300;

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// The page.
pub(super) fn show(book: &Spreadsheet) -> impl IntoResponse + use<> {
    let mut page = String::from("<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">");
    // Writing to a string does not fail.
    let _ = write!(
        page,
        "<title>{0}</title><style>{STYLE}</style><header><h1>{0}</h1><nav>",
        escape(&book.title)
    );
    for tab in &book.tabs {
        let _ = write!(page, "<a href=\"#s{}\">{}</a>", tab.sheet_id, escape(&tab.title));
    }
    page.push_str("</nav></header>");
    for at in 0..book.tabs.len() {
        show_tab(&mut page, book, at);
    }
    page.push_str("</html>");
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";
    let headers: [(HeaderName, &str); 2] = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Html(page))
}

fn show_tab(page: &mut String, book: &Spreadsheet, at: usize) {
    let tab = &book.tabs[at];
    let _ = write!(
        page,
        "<h2 id=\"s{}\">{}</h2><div class=\"grid\"><table>",
        tab.sheet_id,
        escape(&tab.title)
    );
    page.push_str("<tr><th class=\"n\">");
    let width = tab
        .rows
        .iter()
        .filter_map(|row| row.cells.iter().rposition(|cell| !cell.value.is_empty()))
        .max();
    let width = width.map_or(0, |last| last + 1);
    for column in 0..width {
        let _ = write!(page, "<th>{}", letters(column));
    }
    let rows = tab.data_rows();
    // One blank row, so that something can be added.
    for row in 0..(rows + 1).min(MOST_ROWS).min(tab.rows.len()) {
        let _ = write!(page, "<tr id=\"s{}r{row}\"><th class=\"n\">{}", tab.sheet_id, row + 1);
        for column in 0..width {
            page.push_str("<td>");
            show_cell(page, book, at, row, column);
        }
    }
    page.push_str("</table></div>");
    if rows > MOST_ROWS {
        let _ = write!(page, "<p class=\"grid lock\">{} more rows</p>", rows - MOST_ROWS);
    }
}

/// Whether a plain editor of the file may change the cell: not the header, and not what only the service may write.
fn open(tab: &Tab, row: usize, column: usize) -> bool {
    let service_only = |protected: &super::model::Protected| {
        let people = protected.users.iter().any(|user| user != super::token::SERVICE_ACCOUNT);
        protected.range.covers(row, column) && !protected.warning_only && !people && protected.groups.is_empty()
    };
    row > 0 && !tab.protected.iter().any(service_only)
}

fn show_cell(page: &mut String, book: &Spreadsheet, at: usize, row: usize, column: usize) {
    let tab = &book.tabs[at];
    let Some(cell) = tab.cell(row, column) else {
        return;
    };
    let shown = book.shown(at, row, column);
    let text = escape(&formatted(cell, &shown));
    if !open(tab, row, column) {
        let _ = write!(page, "{}{text}", if row > 0 { "<span class=\"lock\">" } else { "<b>" });
        return;
    }
    let _ = write!(
        page,
        "<form method=\"post\" action=\"/edit\"><input type=\"hidden\" name=\"sheet\" value=\"{}\">\
                          <input type=\"hidden\" name=\"row\" value=\"{row}\">\
                          <input type=\"hidden\" name=\"column\" value=\"{column}\">",
        tab.sheet_id
    );
    let boxed = cell
        .validation
        .as_ref()
        .is_some_and(|rule| rule["condition"]["type"] == "BOOLEAN");
    match &cell.value {
        CellValue::Bool(ticked) => {
            let (sign, next) = if *ticked {
                ("&#9745;", "FALSE")
            } else {
                ("&#9744;", "TRUE")
            };
            let _ = write!(
                page,
                "<button class=\"box\" name=\"text\" value=\"{next}\">{sign}</button></form>"
            );
        }
        CellValue::Empty if boxed => {
            page.push_str("<button class=\"box\" name=\"text\" value=\"TRUE\">&#9744;</button></form>");
        }
        value => {
            let entered = if let CellValue::Formula { formula, .. } = value {
                escape(formula)
            } else {
                text
            };
            let _ = write!(page, "<input type=\"text\" name=\"text\" value=\"{entered}\"></form>");
        }
    }
}

/// What a form on the page sends.
#[derive(Debug, Deserialize)]
pub(super) struct Edit {
    sheet: i64,
    row: usize,
    column: usize,
    text: String,
}

impl Edit {
    /// Types the text into the cell; gives the tab's id, unless the cell is not to be edited here.
    pub(super) fn apply(&self, book: &mut Spreadsheet) -> Option<i64> {
        let at = book.position(self.sheet)?;
        if !open(&book.tabs[at], self.row, self.column) {
            return None;
        }
        let cell = book.tabs[at].rows.get_mut(self.row)?.cells.get_mut(self.column)?;
        cell.type_in(&self.text);
        Some(self.sheet)
    }
}
