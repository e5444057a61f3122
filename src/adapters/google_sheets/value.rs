//! One value of a cell, as entered or as shown, and the cell that both make.

use std::borrow::Cow;

use serde::Deserialize;

use crate::sheet::Cell;
use crate::sheet::cell::SPILLED;

/// A text, which lies in the answer where it can.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A value, entered or shown.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Value<'a> {
    #[serde(borrow)]
    error_value: Option<ErrorValue<'a>>,
    bool_value: Option<bool>,
    number_value: Option<f64>,
    #[serde(borrow)]
    string_value: Option<Text<'a>>,
    #[serde(borrow)]
    formula_value: Option<Text<'a>>,
}

/// What a formula gives that cannot be computed.
#[derive(Deserialize)]
struct ErrorValue<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
}

/// Reads a cell from what was entered and what is shown.
pub(super) fn cell(entered: Option<Value<'_>>, shown: Option<Value<'_>>) -> Cell {
    let mut entered = entered.unwrap_or_default();
    if let Some(formula) = entered.formula_value.take() {
        return Cell::Formula {
            text: formula.0.into_owned(),
            value: Box::new(shown.map_or(Cell::Blank, value)),
        };
    }
    match value(entered) {
        Cell::Blank => match shown.map_or(Cell::Blank, value) {
            Cell::Blank => Cell::Blank,
            // It is shown, but nobody entered it: an array formula, an import or a pivot table elsewhere put it there.
            shown => Cell::Formula {
                text: SPILLED.into(),
                value: Box::new(shown),
            },
        },
        entered => entered,
    }
}

fn value(value: Value<'_>) -> Cell {
    match value {
        Value {
            error_value: Some(error),
            ..
        } => Cell::Error(error_text(error.kind.as_ref().map_or("", |kind| &kind.0)).into()),
        Value {
            bool_value: Some(value),
            ..
        } => Cell::Bool(value),
        Value {
            number_value: Some(value),
            ..
        } => Cell::Number(value),
        Value {
            string_value: Some(text),
            ..
        } => text_cell(text.0),
        _ => Cell::Blank,
    }
}

/// White space alone is blank: nobody can see the difference.
fn text_cell(text: Cow<'_, str>) -> Cell {
    if text.trim().is_empty() {
        Cell::Blank
    } else {
        Cell::Text(text.into_owned())
    }
}

/// How the sheet displays the errors of the API's enumeration.
fn error_text(kind: &str) -> &'static str {
    match kind {
        "NULL_VALUE" => "#NULL!",
        "DIVIDE_BY_ZERO" => "#DIV/0!",
        "VALUE" => "#VALUE!",
        "REF" => "#REF!",
        "NAME" => "#NAME?",
        "NUM" => "#NUM!",
        "N_A" => "#N/A",
        "LOADING" => "Loading...",
        _ => "#ERROR!",
    }
}

/// Reads a text as the `values` methods give it in `UNFORMATTED_VALUE`, where an error is only its text.
pub(super) fn plain_text(text: Cow<'_, str>) -> Cell {
    const ERRORS: [&str; 9] = [
        "#NULL!",
        "#DIV/0!",
        "#VALUE!",
        "#REF!",
        "#NAME?",
        "#NUM!",
        "#N/A",
        "#ERROR!",
        "Loading...",
    ];
    if ERRORS.contains(&&*text) {
        Cell::Error(text.into_owned())
    } else {
        text_cell(text)
    }
}
