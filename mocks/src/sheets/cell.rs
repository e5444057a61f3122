//! One cell: what it holds, with its type, and how it looks.

use serde_json::Value;

/// What a cell holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum CellValue {
    /// Nothing.
    #[default]
    Empty,
    /// A number; a date is one too, told apart by its format.
    Number(f64),
    /// A checkbox, or TRUE and FALSE typed into a cell.
    Bool(bool),
    /// Text.
    Text(String),
    /// A formula, with the value that it shows where it is more than a reference or a literal.
    Formula {
        /// As typed, with the leading `=`.
        formula: String,
        /// What it evaluates to.
        shown: Box<CellValue>,
    },
    /// An error, such as `#REF!`.
    Error(String),
}

impl CellValue {
    /// A formula that shows `shown`.
    pub fn formula(formula: impl Into<String>, shown: impl Into<Self>) -> Self {
        Self::Formula {
            formula: formula.into(),
            shown: Box::new(shown.into()),
        }
    }

    /// Whether the cell counts as blank.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }
}

impl From<&str> for CellValue {
    fn from(text: &str) -> Self {
        if text.is_empty() {
            Self::Empty
        } else {
            Self::Text(text.to_owned())
        }
    }
}

impl From<String> for CellValue {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<bool> for CellValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for CellValue {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<i32> for CellValue {
    fn from(value: i32) -> Self {
        Self::Number(value.into())
    }
}

/// A cell with its looks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// What it holds.
    pub value: CellValue,
    /// `userEnteredFormat`.
    pub format: Option<Box<Value>>,
    /// `dataValidation`.
    pub validation: Option<Box<Value>>,
    /// `note`.
    pub note: Option<String>,
}

impl Cell {
    /// Whether the cell is formatted as plain text, so that what is typed there stays text.
    #[must_use]
    pub fn is_plain_text(&self) -> bool {
        self.number_format() == "TEXT"
    }

    pub(super) fn number_format(&self) -> &str {
        let format = self
            .format
            .as_ref()
            .and_then(|format| format.pointer("/numberFormat/type"));
        format.and_then(Value::as_str).unwrap_or_default()
    }
}
