//! The picture of a spreadsheet while it comes in: each row is turned into cells as soon as it is whole, so that neither the text
//! of the answer nor anything of the size of that text is ever held.
//!
//! What is left when the rows are taken out, the frame, is read at the end, with a number where rows stood. The result is that of
//! reading the whole text at once, wherever it was cut.

use std::mem;

use serde::de::{Error as _, IgnoredAny};
use serde_json::{Deserializer, Error};

use super::reply::{Kept, Row, RowData, Rows, Spreadsheet, Trimmed};

/// The lists, one in the other, that lead to rows. Between two of them lies an object.
const PATH: [&str; 3] = ["\"sheets\"", "\"data\"", "\"rowData\""];

/// Most bytes between a field's name and its list that are looked at: where there are more, rows are read with the frame.
const SPACE: usize = 64;

/// White space of JSON.
const BLANK: [char; 4] = [' ', '\n', '\r', '\t'];

/// Where in the text we are.
enum Place {
    /// Outside rows.
    Frame,
    /// Before a row. The first may be none.
    Row { first: bool },
    /// After a row.
    Between,
    /// After what makes no sense: the rest is not looked at.
    Lost(Error),
}

/// An answer that comes in.
pub(super) struct Incoming<C> {
    /// The end of the last piece, if it broke off within a character.
    torn: Vec<u8>,
    /// Text that is not read yet.
    text: String,
    /// The text is looked at again when it is this long: it ended within a row.
    enough: usize,
    frame: String,
    place: Place,
    /// Brackets and braces that are open.
    depth: usize,
    /// Lists of the path that are open.
    path: usize,
    in_string: bool,
    escaped: bool,
    /// Rows that were taken out, grid by grid.
    grids: Vec<Rows<C>>,
    rows: Trimmed<Vec<C>>,
}

impl<C: Kept> Incoming<C> {
    pub(super) fn new() -> Self {
        Self {
            torn: Vec::new(),
            text: String::new(),
            enough: 0,
            frame: String::new(),
            place: Place::Frame,
            depth: 0,
            path: 0,
            in_string: false,
            escaped: false,
            grids: Vec::new(),
            rows: Trimmed::default(),
        }
    }

    /// Takes the next piece. As in the API crate, what is not UTF-8 is replaced.
    pub(super) fn push(&mut self, piece: &[u8]) {
        let joined;
        let mut bytes = piece;
        if !self.torn.is_empty() {
            joined = [&mem::take(&mut self.torn), piece].concat();
            bytes = &joined;
        }
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && may_go_on(invalid) {
                self.torn = invalid.to_vec();
            } else if !invalid.is_empty() {
                self.text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        if self.text.len() >= self.enough {
            self.read();
        }
    }

    /// Reads what came, which is all of it.
    pub(super) fn end(mut self) -> Result<Spreadsheet<C>, Error> {
        if !self.torn.is_empty() {
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
        self.read();
        if let Place::Lost(error) = self.place {
            return Err(error);
        }
        let mut spreadsheet: Spreadsheet<C> = serde_json::from_str(&self.frame)?;
        let mut grids = (0..).zip(self.grids);
        let sheets = spreadsheet.sheets.iter_mut().flatten();
        let data = sheets.flat_map(|sheet| sheet.data.iter_mut().flatten());
        for rows in data.filter_map(|grid| grid.row_data.as_mut()) {
            if let RowData::Apart(number) = *rows {
                match grids.next() {
                    Some((next, apart)) if next == number => *rows = RowData::Here(apart),
                    _ => return Err(Error::custom("a number where rows are")),
                }
            }
        }
        match grids.next() {
            Some(_) => Err(Error::custom("rows where none are read")),
            None => Ok(spreadsheet),
        }
    }

    /// Reads as far as the text goes.
    fn read(&mut self) {
        let mut text = mem::take(&mut self.text);
        let mut rest = text.as_str();
        self.enough = 0;
        loop {
            let before = rest.len();
            rest = match self.place {
                Place::Frame => self.skip(rest),
                Place::Row { first } => self.row(rest.trim_start_matches(BLANK), first),
                Place::Between => self.between(rest.trim_start_matches(BLANK)),
                Place::Lost(_) => "",
            };
            if rest.is_empty() || rest.len() == before {
                break;
            }
        }
        let read = text.len() - rest.len();
        text.drain(..read);
        self.text = text;
    }

    /// Copies the frame, up to where rows begin.
    fn skip<'t>(&mut self, text: &'t str) -> &'t str {
        for (at, byte) in text.bytes().enumerate() {
            if self.in_string {
                let ends = byte == b'"' && !self.escaped;
                self.escaped = byte == b'\\' && !self.escaped;
                self.in_string = !ends;
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'[' if self.depth == 2 * self.path + 1 && self.is_next(&text[..at]) => {
                    if self.path + 1 == PATH.len() {
                        self.frame.push_str(&text[..at]);
                        self.frame.push_str(&self.grids.len().to_string());
                        self.place = Place::Row { first: true };
                        return &text[at + 1..];
                    }
                    self.path += 1;
                    self.depth += 1;
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.path = self.path.min(self.depth / 2);
                }
                _ => {}
            }
        }
        self.frame.push_str(text);
        ""
    }

    /// Whether the frame, with this text after it, ends with the name of the next list of the path.
    fn is_next(&self, after: &str) -> bool {
        let Some(field) = PATH.get(self.path) else { return false };
        let last = |text: &str| {
            let from = text.len().saturating_sub(field.len() + SPACE);
            text.get(from..).unwrap_or(text).to_owned()
        };
        let text = last(&self.frame) + &last(after);
        let name = text.trim_end_matches(BLANK).strip_suffix(':');
        let before = name.and_then(|name| name.trim_end_matches(BLANK).strip_suffix(field));
        before.is_some_and(|before| !before.ends_with('\\'))
    }

    /// Reads a row, if it is here whole, or the end of the rows.
    fn row<'t>(&mut self, text: &'t str, first: bool) -> &'t str {
        if let Some(rest) = text.strip_prefix(']').filter(|_| first) {
            return self.close(rest);
        }
        let mut rows = Deserializer::from_str(text).into_iter::<Row<C>>();
        match rows.next() {
            Some(Ok(Row(row))) => {
                self.rows.push(row, Vec::is_empty);
                self.place = Place::Between;
                &text[rows.byte_offset()..]
            }
            Some(Err(error)) if !is_at_end(&error, text) => {
                self.place = Place::Lost(error);
                ""
            }
            // So that a long row in short pieces is not read again for each.
            _ => {
                self.enough = 2 * text.len();
                text
            }
        }
    }

    /// Reads what stands between rows, or ends them.
    fn between<'t>(&mut self, text: &'t str) -> &'t str {
        if let Some(rest) = text.strip_prefix(',') {
            self.place = Place::Row { first: false };
            return rest;
        }
        match text.strip_prefix(']') {
            Some(rest) => self.close(rest),
            None if text.is_empty() => "",
            None => {
                self.place = Place::Lost(misplaced());
                ""
            }
        }
    }

    fn close<'t>(&mut self, rest: &'t str) -> &'t str {
        let rows = mem::take(&mut self.rows);
        self.grids.push(rows.items);
        self.place = Place::Frame;
        rest
    }
}

/// Whether more text may undo an error. Not only of an end in the middle it may: a number that nobody asked for, and that ends after
/// its point, is reported as one that is wrong.
fn is_at_end(error: &Error, text: &str) -> bool {
    let before = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    let at = before.map(str::len).sum::<usize>() + error.column();
    error.is_eof() || error.is_syntax() && at >= text.len()
}

/// Whether these bytes begin a character whose end may be still to come.
fn may_go_on(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(error) if error.error_len().is_none())
}

/// As of a text that is not JSON.
fn misplaced() -> Error {
    match serde_json::from_str::<IgnoredAny>("[{} {}]") {
        Err(error) => error,
        Ok(_) => Error::custom("something between two rows"),
    }
}

#[cfg(test)]
mod tests;
