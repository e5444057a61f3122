//! A cell with the type that the sheet gives it, and what it holds in words.

/// A cell, with the type that the sheet gives it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Blank,
    /// Text.
    Text(String),
    /// A number; dates are numbers too (days since 1899-12-30).
    Number(f64),
    /// A boolean; a checkbox holds one.
    Bool(bool),
    /// An error value, such as `#REF!`.
    Error(String),
    /// A formula and what it evaluates to (never a formula again).
    Formula {
        /// As typed, starting with `=`.
        text: String,
        /// Its value.
        value: Box<Cell>,
    },
}

/// Stands for the text of a formula that shows its values in this cell from elsewhere: the API does not tell which.
pub(crate) const SPILLED: &str = "=(a formula in another cell)";

/// The cell, or what its formula evaluates to.
pub(super) fn effective(cell: &Cell) -> &Cell {
    match cell {
        Cell::Formula { value, .. } => value,
        other => other,
    }
}

/// At most 40 characters of somebody's text, with what cannot be seen made visible. A message that quotes a cell whole can be
/// longer than any cell, and then no status that says so can be written to the sheet.
pub(crate) fn clip(text: &str) -> String {
    let mut shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown
}

/// What a cell holds, in words.
pub(crate) fn describe(cell: &Cell) -> String {
    match cell {
        Cell::Blank => "nothing".into(),
        Cell::Text(text) => format!("the text {}", clip(text)),
        Cell::Number(number) => format!("the number {number}"),
        Cell::Bool(value) => format!("the boolean {}", if *value { "TRUE" } else { "FALSE" }),
        Cell::Error(text) => format!("the error {}", clip(text)),
        Cell::Formula { text, .. } => format!("the formula {}", clip(text)),
    }
}

/// What a cell shows, as far as the service's own cells go.
pub(crate) fn text_of(cell: &Cell) -> String {
    match effective(cell) {
        Cell::Blank | Cell::Formula { .. } => String::new(),
        Cell::Text(text) | Cell::Error(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
        Cell::Bool(value) => if *value { "TRUE" } else { "FALSE" }.into(),
    }
}
