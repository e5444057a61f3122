//! Headers that stand below row 1: under a title, or where somebody sorted them to.

use crate::problem::{Code, Kind, Problem};
use crate::sheet::RawTab;
use crate::sheet::cell::{Cell, text_of};
use crate::text::few;

/// A row that holds so many headers which row 1 lacks is taken for the header row.
const ENOUGH: usize = 2;
/// Headers that the message names.
const NAMED: usize = 3;

/// Whether a cell holds a header: trimmed, in any letter case.
pub(super) fn same_header(known: &str, text: &str) -> bool {
    let text = text.trim();
    // Tag keys are told apart by letter case, so `tag:` columns are matched before this by their exact key.
    known.eq_ignore_ascii_case(text)
}

/// Where the headers of a tab stand, if that is not row 1, which lacks those in `absent`.
pub(super) fn misplaced(tab: &RawTab, absent: &[&str], needs: &[&str]) -> Option<Problem> {
    let needed = |header: &str| needs.is_empty() || needs.contains(&header);
    if !absent.iter().any(|header| needed(header)) {
        return None;
    }
    let found_in = |row: &Vec<Cell>| {
        let texts: Vec<String> = row.iter().map(text_of).collect();
        let place = |header: &str| texts.iter().position(|text| same_header(header, text));
        let found = absent.iter().filter_map(|header| Some((*header, place(header)?)));
        let mut found: Vec<(&str, usize)> = found.collect();
        found.sort_by_key(|(_, column)| *column);
        found
    };
    let mut rows = tab.rows.iter().enumerate().skip(1).map(|(at, row)| (at, found_in(row)));
    let (at, found) =
        rows.find(|(_, found)| found.len() >= ENOUGH && found.iter().any(|(header, _)| needed(header)))?;
    // A title fills a cell; a row that says something under two of the headers is one of those to keep.
    let says = |row: &Vec<Cell>| {
        let filled = found
            .iter()
            .filter(|(_, column)| row.get(*column).is_some_and(|cell| !text_of(cell).trim().is_empty()));
        filled.count() >= 2
    };
    let row = at + 1;
    let fix = if tab.rows[..at].iter().any(says) {
        format!("move row {row} up to the top (drag it by its number)")
    } else if at == 1 {
        "delete the row above".to_owned()
    } else {
        format!("delete the {at} rows above")
    };
    let message = format!(
        "{}: row {row} holds {}; headers must stand in row 1: {fix}",
        tab.title,
        few(found.iter().map(|(header, _)| *header), NAMED)
    );
    Some(Problem::new(Kind::Belt, Code::Structure, &*tab.title, message))
}
