//! Which columns an array formula fills (ARRAYFORMULA and its like). Whoever enters a value there breaks it: it shows `#REF!`,
//! and every cell that it filled is blank.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::RawTab;
use super::cell::{Cell, SPILLED};
use super::layout::Layout;

/// What a formula calls that may fill more cells than its own. Only a formula that shows nothing below itself, because there is
/// nothing to show or because it is broken already, is judged by this list.
const ARRAYS: [&str; 32] = [
    "ARRAYFORMULA",
    "ARRAY_CONSTRAIN",
    "BYCOL",
    "BYROW",
    "CHOOSECOLS",
    "CHOOSEROWS",
    "EXPAND",
    "FILTER",
    "FLATTEN",
    "HSTACK",
    "IMPORTDATA",
    "IMPORTFEED",
    "IMPORTHTML",
    "IMPORTRANGE",
    "IMPORTXML",
    "LET",
    "MAKEARRAY",
    "MAP",
    "QUERY",
    "RANDARRAY",
    "SCAN",
    "SEQUENCE",
    "SORT",
    "SORTN",
    "SPLIT",
    "TOCOL",
    "TOROW",
    "TRANSPOSE",
    "UNIQUE",
    "VSTACK",
    "WRAPCOLS",
    "WRAPROWS",
];

/// The known columns of a tab that an array formula fills.
#[must_use]
pub fn filled(tab: &RawTab, layout: &Layout) -> BTreeSet<Arc<str>> {
    let columns = layout.columns.iter();
    columns
        .filter(|(_, column)| is_filled(tab, **column as usize))
        .map(|(header, _)| header.clone())
        .collect()
}

fn is_filled(tab: &RawTab, column: usize) -> bool {
    tab.rows.iter().enumerate().any(|(number, row)| match row.get(column) {
        // A header that is shown from elsewhere says nothing about the rows below it.
        Some(Cell::Formula { text, .. }) if text == SPILLED => number > 0 && !is_from_its_row(row, column),
        Some(Cell::Formula { text, .. }) => may_fill(text),
        _ => false,
    })
}

/// Whether what is shown in a cell comes from a formula to its left in the same row: then it fills the row, not the column.
fn is_from_its_row(row: &[Cell], column: usize) -> bool {
    let left = row[..column].iter().rev();
    let mut formulas = left.map_while(|cell| match cell {
        Cell::Formula { text, .. } => Some(text.as_str()),
        _ => None,
    });
    formulas.any(|text| text != SPILLED)
}

/// Whether a formula may fill more cells than its own, by its words.
fn may_fill(formula: &str) -> bool {
    let upper = formula.to_ascii_uppercase();
    let body = upper.trim_start_matches('=').trim_start();
    let calls = |name: &str| {
        upper.match_indices(name).any(|(at, _)| {
            let before = upper[..at].chars().next_back();
            let after = upper[at + name.len()..].trim_start();
            after.starts_with('(') && !before.is_some_and(|c| c.is_ascii_alphanumeric() || "_.".contains(c))
        })
    };
    body.starts_with('{') || ARRAYS.iter().any(|name| calls(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formula(text: &str, shown: &str) -> Cell {
        Cell::Formula {
            text: text.to_owned(),
            value: Box::new(if shown.is_empty() {
                Cell::Blank
            } else {
                Cell::Text(shown.to_owned())
            }),
        }
    }

    /// The headers of columns A to C that are filled.
    fn found(rows: Vec<Vec<Cell>>) -> Vec<&'static str> {
        let head = ["serverId", "channel", "notes"];
        let mut tab = RawTab::default();
        tab.rows.push(head.map(|h| Cell::Text(h.to_owned())).to_vec());
        tab.rows.extend(rows);
        let columns = head.iter().zip(0..).map(|(h, c)| (Arc::from(*h), c)).collect();
        let layout = Layout {
            columns,
            ..Layout::default()
        };
        let filled = filled(&tab, &layout);
        head.into_iter().filter(|h| filled.contains(*h)).collect()
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn a_column_is_filled_from_above_whatever_the_function() {
        let spilled = || formula(SPILLED, "web");
        let rows = vec![
            vec![text("i-1"), formula("=NEW_FUNCTION(D:D)", "web")],
            vec![text("i-2"), spilled()],
        ];
        assert_eq!(found(rows), ["channel"]);
        // Two columns at once, from one formula at the left.
        let rows = vec![
            vec![formula("=X()", "i-1"), spilled(), spilled()],
            vec![spilled(), spilled(), spilled()],
        ];
        assert_eq!(found(rows), ["serverId", "channel", "notes"]);
    }

    #[test]
    fn a_formula_that_shows_nothing_below_itself_is_known_by_its_words() {
        for broken in [
            "=ARRAYFORMULA(D2:D)",
            "=arrayformula( IF(A2:A=\"\",,D2:D))",
            "={D2:D}",
            "=IFERROR(filter (D:D, E:E))",
        ] {
            assert_eq!(
                found(vec![vec![text("i-1"), formula(broken, "#REF!")]]),
                ["channel"],
                "{broken}"
            );
        }
        for single in [
            "=D2",
            "=VLOOKUP(A2, X!A:B, 2, FALSE)",
            "=MYFILTER(A2)",
            "=FILTERED",
            "=IF(D2=\"{\", 1, 2)",
        ] {
            assert_eq!(
                found(vec![vec![text("i-1"), formula(single, "web")]]),
                [""; 0],
                "{single}"
            );
        }
    }

    #[test]
    fn a_formula_that_fills_its_row_fills_no_column() {
        let row = |id: &str| {
            vec![
                formula("=PAIR(X)", id),
                formula(SPILLED, "web"),
                formula(SPILLED, "note"),
            ]
        };
        assert_eq!(found(vec![row("i-1"), row("i-2")]), [""; 0]);
    }
}
