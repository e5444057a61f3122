//! Protected ranges by themselves: what one covers, how it is called, and whom it keeps out.

use crate::sheet::layout::{column_letters, quoted};
use crate::sheet::{GridRange, ProtectedRange};

/// Descriptions of our ranges begin with this.
pub(crate) const OURS: &str = "fleetsheet: ";

/// Whether we may not edit a range: Google shows the editors to those who may.
#[must_use]
pub(crate) fn is_closed(range: &ProtectedRange) -> bool {
    !range.warning_only && range.editors.is_none()
}

/// What a range covers, such as `B2:C10`, `B:B` or `all cells`.
fn extent(range: &ProtectedRange) -> String {
    let area = &range.range;
    let corner = |column: Option<u32>, row: Option<u32>| {
        let letters = column.map(column_letters).unwrap_or_default();
        let number = row.map(|row| row.to_string()).unwrap_or_default();
        format!("{letters}{number}")
    };
    let start = corner(
        area.start_column,
        area.start_row.filter(|row| *row > 0).map(|row| row + 1),
    );
    let end = corner(area.end_column.map(|end| end.saturating_sub(1)), area.end_row);
    match (start.as_str(), end.as_str()) {
        ("", "") => "all cells".into(),
        (start, "") => format!("{start} and beyond"),
        ("", end) => format!("A1:{end}"),
        (start, end) => format!("{start}:{end}"),
    }
}

/// Where a range lies, and how a message calls it.
#[must_use]
pub(crate) fn named(tab: &str, range: &ProtectedRange) -> (String, String) {
    let place = format!("{}!{}", quoted(tab), extent(range));
    let description = match range.description.as_str() {
        "" => String::new(),
        text => format!(" {text:?}"),
    };
    let name = format!("the protection{description} of {place}");
    (place, name)
}

/// What a range keeps every editor from who is not one of its own; `None` if it only warns. Sheets refuses to delete, insert or sort
/// lines across cells that somebody may not edit.
#[must_use]
pub(crate) fn shuts_out(range: &ProtectedRange) -> Option<&'static str> {
    match range {
        _ if range.warning_only => None,
        _ if range.range.end_row == Some(1) => Some("keeps other editors from deleting, inserting and moving columns"),
        _ => Some("keeps other editors from deleting, inserting and sorting rows"),
    }
}

/// What is wrong with a range that is only to warn, whatever it covers.
#[must_use]
pub(crate) fn warning_fault(range: &ProtectedRange) -> Option<String> {
    match shuts_out(range) {
        Some(what) => Some(format!("it {what}")),
        None if !range.unprotected.is_empty() => Some("it leaves parts open".to_owned()),
        None => None,
    }
}

/// Whether a range lies over a column.
pub(super) fn spans(range: &GridRange, column: u32) -> bool {
    range.start_column.is_none_or(|start| start <= column) && range.end_column.is_none_or(|end| column < end)
}
