//! Reads answers of the API from their bytes, as a call does: for answers that were recorded, or made up.
//!
//! The result is what a pass would see or be told. Nothing here makes a request.

use google_sheets4::{Error, api};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failure::{Failure, Method, Seen, Subject};
use super::incoming::Incoming;
use super::reading::{GET, READ_COLUMNS};
use super::request::not_json;
use super::writing::WRITE_COLUMNS;
use super::{auth, columns, grid, nonsense, structure, values};
use crate::sheet::structure::BuiltTab;
use crate::sheet::{Cell, Columns, RawSpreadsheet, SheetError};

/// Reads the answer of `spreadsheets.get`: tabs, cells, protections and marks. It comes in pieces, as over a network.
///
/// # Errors
/// What a pass is told when it gets this answer.
pub fn spreadsheet<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<RawSpreadsheet, SheetError> {
    let mut incoming = Incoming::new();
    pieces.into_iter().for_each(|piece| incoming.push(piece));
    let reply = incoming.end().map_err(|error| failed(GET, error))?;
    let picture = grid::picture(reply).map_err(|why| nonsense(GET, &why))?;
    Ok(picture.spreadsheet)
}

/// Reads the same answer the plain way, as one text: what comes of it in pieces is held against this.
///
/// # Errors
/// As [`spreadsheet`], though of an answer that is wrong in two places it may name the other one.
pub fn spreadsheet_at_once(answer: &[u8]) -> Result<RawSpreadsheet, SheetError> {
    let picture = grid::picture(decode(GET, answer)?).map_err(|why| nonsense(GET, &why))?;
    Ok(picture.spreadsheet)
}

/// Reads the same with the looks of the cells, as `init` and `check` ask for it.
///
/// # Errors
/// What they are told when they get this answer.
pub fn build(answer: &[u8]) -> Result<Vec<BuiltTab>, SheetError> {
    let mut incoming = Incoming::new();
    incoming.push(answer);
    let reply = incoming.end().map_err(|error| failed(structure::READ, error))?;
    let sheets = reply.sheets.unwrap_or_default().into_iter();
    sheets
        .map(|sheet| structure::built(sheet).map_err(|why| nonsense(structure::READ, &why)))
        .collect()
}

/// Reads the answer of `spreadsheets.values.batchGetByDataFilter`: columns by their marks.
///
/// # Errors
/// What a pass is told when it gets this answer.
pub fn marked_columns(answer: &[u8]) -> Result<Columns, SheetError> {
    columns::read_reply(decode(READ_COLUMNS, answer)?).map_err(|why| nonsense(READ_COLUMNS, &why))
}

/// Puts two answers of `spreadsheets.values.batchGet` together, one of values and one of formulas; `None` for a tab of which
/// they show different moments.
///
/// # Errors
/// What a pass is told when it gets these answers.
pub fn cells(shown: &[u8], typed: &[u8]) -> Result<Vec<Option<Vec<Vec<Cell>>>>, SheetError> {
    let grids = |answer| -> Result<Vec<api::ValueRange>, SheetError> {
        let answer: api::BatchGetValuesResponse = decode(values::BATCH_GET, answer)?;
        Ok(answer.value_ranges.unwrap_or_default())
    };
    let pairs = grids(shown)?.into_iter().zip(grids(typed)?);
    Ok(pairs
        .map(|(shown, typed)| values::merge(shown.values.unwrap_or_default(), typed.values.unwrap_or_default()))
        .collect())
}

/// Reads an answer that is not a success, to a read or to a write.
#[must_use]
pub fn refusal(status: u16, answer: &[u8], to_a_write: bool, account: &str) -> SheetError {
    let method = if to_a_write { WRITE_COLUMNS } else { GET };
    let seen = Seen {
        sent: true,
        status: Some(status),
        retry_after: None,
    };
    let subject = Subject {
        account,
        spreadsheet_id: "1AbC",
    };
    let body = serde_json::from_slice(answer).unwrap_or(Value::Null);
    Failure::of(&Error::BadRequest(body), seen, method, subject).error
}

/// Reads a credentials file of any kind and gives the address of its account, where it says so.
///
/// # Errors
/// What is wrong with it, to follow the file's name; never a part of a key.
pub fn key_file(text: &[u8]) -> Result<Option<String>, String> {
    auth::check_file(text)
}

/// Decodes an answer as the API crate does.
fn decode<T: DeserializeOwned>(method: Method, answer: &[u8]) -> Result<T, SheetError> {
    serde_json::from_str(&String::from_utf8_lossy(answer)).map_err(|error| failed(method, error))
}

fn failed(method: Method, error: serde_json::Error) -> SheetError {
    let seen = Seen {
        sent: true,
        ..Seen::default()
    };
    let subject = Subject {
        account: "",
        spreadsheet_id: "",
    };
    Failure::of(&not_json(error), seen, method, subject).error
}
