//! A1 notation, and the words for ranges that do not fit the grid.

use std::ops::Range;

use super::error::{ApiError, Result};
use super::model::{Spreadsheet, Tab};
use super::range::GridRange;

/// A range that was read from A1 notation.
#[derive(Clone, Debug)]
pub(super) struct A1 {
    pub(super) tab: usize,
    pub(super) range: GridRange,
    /// A single cell, which a write may take for its top left corner only.
    pub(super) is_cell: bool,
}

/// `0` → `A`.
pub(super) fn letters(mut column: usize) -> String {
    let mut name = Vec::new();
    loop {
        name.push(b'A' + u8::try_from(column % 26).unwrap_or_default());
        if column < 26 {
            break;
        }
        column = column / 26 - 1;
    }
    name.iter().rev().map(|letter| char::from(*letter)).collect()
}

/// Reads one corner of a range: column and row, either of which may be absent.
pub(super) fn corner(text: &str) -> Option<(Option<usize>, Option<usize>)> {
    let text = text.replace('$', "");
    let digits = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
    let (name, number) = text.split_at(digits);
    if text.is_empty() || name.len() > 3 || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let column = name.bytes().fold(0, |sum, byte| {
        sum * 26 + usize::from(byte.to_ascii_uppercase() - b'A') + 1
    });
    let row = if number.is_empty() {
        None
    } else {
        Some(number.parse::<usize>().ok()?.checked_sub(1)?)
    };
    Some(((column > 0).then(|| column - 1), row))
}

fn unquote(title: &str) -> String {
    match title.strip_prefix('\'').and_then(|title| title.strip_suffix('\'')) {
        Some(inner) => inner.replace("''", "'"),
        None => title.to_owned(),
    }
}

/// The title as it stands in a range.
pub(super) fn quote(title: &str) -> String {
    let plain = title.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !title.starts_with(|first: char| first.is_ascii_digit())
        && corner(title).is_none_or(|(_, row)| row.is_none());
    if plain {
        title.to_owned()
    } else {
        format!("'{}'", title.replace('\'', "''"))
    }
}

/// Splits `'a!b'!C3` into the tab's title and the rest.
pub(super) fn split(text: &str) -> (Option<String>, Option<&str>) {
    if text.starts_with('\'') {
        let mut quoted = false;
        for (at, letter) in text.char_indices() {
            match letter {
                '\'' => quoted = !quoted,
                '!' if !quoted => return (Some(unquote(&text[..at])), Some(&text[at + 1..])),
                _ => {}
            }
        }
        return (Some(unquote(text)), None);
    }
    match text.rsplit_once('!') {
        Some((title, cells)) => (Some(title.to_owned()), Some(cells)),
        None => (None, Some(text)),
    }
}

fn cells(sheet_id: i64, text: &str) -> Option<GridRange> {
    let (from, to) = text.split_once(':').unwrap_or((text, text));
    let ((left, top), (right, bottom)) = (corner(from)?, corner(to)?);
    if !text.contains(':') && (left.is_none() || top.is_none()) {
        return None;
    }
    let end = |at: Option<usize>| at.map(|at| at + 1);
    let mut range = GridRange {
        sheet_id,
        start_row_index: top,
        end_row_index: end(bottom),
        start_column_index: left,
        end_column_index: end(right),
    };
    // `B5:A2` is `A2:B5`.
    if let (Some(from), Some(to)) = (top, bottom) {
        (range.start_row_index, range.end_row_index) = (Some(from.min(to)), Some(from.max(to) + 1));
    }
    if let (Some(from), Some(to)) = (left, right) {
        (range.start_column_index, range.end_column_index) = (Some(from.min(to)), Some(from.max(to) + 1));
    }
    Some(range)
}

/// Reads A1 notation. Fails for a missing tab in the same words as for bad syntax, and for a start beyond the grid.
pub(super) fn parse(book: &Spreadsheet, text: &str) -> Result<A1> {
    let unreadable = || ApiError::invalid(format!("Unable to parse range: {text}"));
    let by_title = |title: &str| book.tabs.iter().position(|tab| tab.title.eq_ignore_ascii_case(title));
    let (title, rest) = split(text);
    let (tab, range) = match (title, rest) {
        (Some(title), None) => (by_title(&title).ok_or_else(unreadable)?, None),
        (Some(title), Some(rest)) => (by_title(&title).ok_or_else(unreadable)?, Some(rest)),
        // A bare name may be a tab; a tab's name wins over a cell's.
        (None, Some(rest)) => match by_title(rest) {
            Some(tab) => (tab, None),
            None => (0, Some(rest)),
        },
        (None, None) => return Err(unreadable()),
    };
    let grid = book.tabs.get(tab).ok_or_else(unreadable)?;
    let range = match range {
        None => GridRange::sheet(grid.sheet_id),
        Some(rest) => cells(grid.sheet_id, rest).ok_or_else(unreadable)?,
    };
    let too_low = range.start_row_index.is_some_and(|row| row >= grid.rows.len());
    let too_far = range
        .start_column_index
        .is_some_and(|column| column >= grid.columns.len());
    if too_low || too_far {
        return Err(beyond(grid, &range));
    }
    Ok(A1 {
        tab,
        range,
        is_cell: rest.is_some_and(|rest| !rest.contains(':')),
    })
}

/// The refusal of a range that does not fit the grid.
pub(super) fn beyond(tab: &Tab, range: &GridRange) -> ApiError {
    ApiError::invalid(format!(
        "Range ({}) exceeds grid limits. Max rows: {}, max columns: {}",
        open(tab, range),
        tab.rows.len(),
        tab.columns.len()
    ))
}

/// The range as asked for, with unbounded sides left open.
fn open(tab: &Tab, range: &GridRange) -> String {
    let name = |column: Option<usize>, row: Option<usize>| {
        column.map(letters).unwrap_or_default() + &row.map(|row| (row + 1).to_string()).unwrap_or_default()
    };
    let last = |end: Option<usize>| end.map(|end| end.saturating_sub(1));
    let from = name(range.start_column_index, range.start_row_index);
    let to = name(last(range.end_column_index), last(range.end_row_index));
    let title = quote(&tab.title);
    if range.is_sheet() {
        title
    } else if from == to {
        format!("{title}!{from}")
    } else {
        format!("{title}!{from}:{to}")
    }
}

/// The rows and columns as A1 notation, as answers echo it.
pub(super) fn echo(tab: &Tab, rows: &Range<usize>, columns: &Range<usize>) -> String {
    let title = quote(&tab.title);
    let from = format!("{}{}", letters(columns.start), rows.start + 1);
    let to = format!("{}{}", letters(columns.end.saturating_sub(1)), rows.end);
    if from == to {
        format!("{title}!{from}")
    } else {
        format!("{title}!{from}:{to}")
    }
}
