//! Tabs that come, go and change.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::sheets::error::{ApiError, Result};
use crate::sheets::grid;
use crate::sheets::mask::Mask;
use crate::sheets::model::{Spreadsheet, Tab};
use crate::sheets::range::GridRange;
use crate::sheets::txn::Txn;

fn size(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

fn name_is_free(book: &Spreadsheet, title: &str, but: Option<usize>) -> Result<()> {
    let taken = |(at, tab): (usize, &Tab)| tab.title.eq_ignore_ascii_case(title) && Some(at) != but;
    if book.tabs.iter().enumerate().any(taken) {
        let why = format!("A sheet with the name \"{title}\" already exists. Please enter another name.");
        return Err(ApiError::invalid(why));
    }
    Ok(())
}

pub(super) fn add(txn: &mut Txn<'_>, properties: &Value) -> Result<Value> {
    let sheet_id = properties["sheetId"].as_i64().unwrap_or_else(|| txn.book.next_id());
    if txn.book.position(sheet_id).is_some() {
        return Err(ApiError::invalid(format!("Sheet with id {sheet_id} already exists.")));
    }
    let default_title = format!("Sheet{}", txn.book.tabs.len() + 1);
    let title = properties["title"].as_str().unwrap_or(&default_title);
    name_is_free(&txn.book, title, None)?;
    let grid = &properties["gridProperties"];
    let rows = size(&grid["rowCount"]).unwrap_or(1_000);
    let columns = size(&grid["columnCount"]).unwrap_or(26);
    if rows == 0 || columns == 0 {
        return Err(ApiError::invalid("A sheet must have at least one row and one column."));
    }
    let mut tab = Tab::new(sheet_id, title, rows, columns);
    set(&mut tab, properties, &Mask::All);
    let at = size(&properties["index"])
        .unwrap_or(usize::MAX)
        .min(txn.book.tabs.len());
    txn.book.tabs.insert(at, tab);
    Ok(json!({ "properties": grid::properties(&txn.book.tabs[at], at) }))
}

/// Sets what is neither the grid's size nor the name.
fn set(tab: &mut Tab, properties: &Value, mask: &Mask) {
    let grid = &properties["gridProperties"];
    if mask.meets(&["gridProperties", "frozenRowCount"]) {
        tab.frozen_rows = grid["frozenRowCount"].as_u64().unwrap_or_default();
    }
    if mask.meets(&["gridProperties", "frozenColumnCount"]) {
        tab.frozen_columns = grid["frozenColumnCount"].as_u64().unwrap_or_default();
    }
    if mask.meets(&["hidden"]) {
        tab.hidden = properties["hidden"].as_bool().unwrap_or_default();
    }
    for field in ["tabColor", "tabColorStyle", "rightToLeft"] {
        if mask.meets(&[field]) {
            match properties.get(field) {
                Some(value) => tab.other.insert(field.to_owned(), value.clone()),
                None => tab.other.remove(field),
            };
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Delete {
    sheet_id: i64,
}

pub(super) fn delete(txn: &mut Txn<'_>, request: Delete) -> Result<Value> {
    let Some(tab) = txn.book.position(request.sheet_id) else {
        return Err(ApiError::invalid(format!("No sheet with id: {}", request.sheet_id)));
    };
    if txn.book.tabs.len() == 1 {
        return Err(ApiError::invalid("You can't remove all the sheets in a document."));
    }
    txn.may_edit(tab, &GridRange::sheet(request.sheet_id))?;
    txn.book.tabs.remove(tab);
    Ok(Value::Null)
}

pub(super) fn update(txn: &mut Txn<'_>, body: &Value) -> Result<Value> {
    let properties = &body["properties"];
    let mask = Mask::parse(body["fields"].as_str().unwrap_or_default(), "SheetProperties")?;
    let at = txn.tab(properties["sheetId"].as_i64().unwrap_or_default())?;
    if mask.meets(&["title"]) {
        let title = properties["title"].as_str().unwrap_or_default();
        if title.is_empty() {
            return Err(ApiError::invalid("Sheet name cannot be empty."));
        }
        name_is_free(&txn.book, title, Some(at))?;
        title.clone_into(&mut txn.book.tabs[at].title);
    }
    resize(txn, at, &properties["gridProperties"], &mask)?;
    set(&mut txn.book.tabs[at], properties, &mask);
    if mask.meets(&["index"]) {
        // As with rows, the place is counted before the tab is taken out.
        let to = size(&properties["index"]).unwrap_or_default();
        let tab = txn.book.tabs.remove(at);
        let to = if to > at { to - 1 } else { to };
        txn.book.tabs.insert(to.min(txn.book.tabs.len()), tab);
    }
    Ok(Value::Null)
}

fn resize(txn: &mut Txn<'_>, at: usize, grid: &Value, mask: &Mask) -> Result<()> {
    let rows = size(&grid["rowCount"]).filter(|_| mask.meets(&["gridProperties", "rowCount"]));
    let columns = size(&grid["columnCount"]).filter(|_| mask.meets(&["gridProperties", "columnCount"]));
    if rows == Some(0) || columns == Some(0) {
        return Err(ApiError::invalid("A sheet must have at least one row and one column."));
    }
    let tab = &txn.book.tabs[at];
    let (height, width, id) = (tab.rows.len(), tab.columns.len(), tab.sheet_id);
    if let Some(rows) = rows {
        if rows < height {
            txn.may_edit(at, &GridRange::rows(id, rows..height))?;
            txn.book.tabs[at].delete_rows(rows..height);
        }
        txn.book.tabs[at].resize_rows(rows);
    }
    if let Some(columns) = columns {
        if columns < width {
            txn.may_edit(at, &GridRange::columns(id, columns..width))?;
            txn.book.tabs[at].delete_columns(columns..width);
        }
        txn.book.tabs[at].resize_columns(columns);
    }
    Ok(())
}
