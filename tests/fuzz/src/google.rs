//! Answers of the Sheets API, whole or not: they become a spreadsheet or an error in words, and never half of one.

use fleetsheet::adapters::google_sheets::answers;
use fleetsheet::sheet::parse::parse;
use fleetsheet::sheet::{Cell, RawSpreadsheet, SheetError, SheetErrorKind};
use serde_json::Value;

use crate::judge;
use crate::scene::names;

/// Longest message: it has to fit a status cell, a log line and a line of a mail.
const MESSAGE_MAX: usize = 700;

/// The first line says which answer it is, the rest is the answer.
pub fn google(data: &[u8]) {
    let end = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let (kind, answer) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    match kind {
        b"book" => match answers::spreadsheet([answer]) {
            Ok(book) => spreadsheet(&book),
            Err(error) => judge_error(&error),
        },
        b"build" => match answers::build(answer) {
            Ok(tabs) => tabs.iter().for_each(|built| rows(&built.tab.rows)),
            Err(error) => judge_error(&error),
        },
        b"columns" => match answers::marked_columns(answer) {
            Ok(columns) => {
                let mut texts = columns.values().flatten();
                assert!(
                    texts.all(|text| text.is_empty() || !text.trim().is_empty()),
                    "{columns:?}"
                );
                let last = columns.values().filter_map(|column| column.last());
                assert!(last.clone().all(|text| !text.is_empty()), "{columns:?}");
            }
            Err(error) => judge_error(&error),
        },
        b"cells" => {
            let text = String::from_utf8_lossy(answer);
            let (shown, typed) = text.split_once("\n---\n").unwrap_or((&text, &text));
            match answers::cells(shown.as_bytes(), typed.as_bytes()) {
                Ok(tabs) => tabs.iter().flatten().for_each(|tab| rows(tab)),
                Err(error) => judge_error(&error),
            }
        }
        _ => refusal(String::from_utf8_lossy(kind).parse().unwrap_or(400), answer),
    }
}

/// The first byte says how long the pieces are in which the answer comes, the rest is the answer.
pub fn pieces(data: &[u8]) {
    let Some((size, answer)) = data.split_first() else {
        return;
    };
    let pieces = answer.chunks(usize::from(*size).max(1));
    match (answers::spreadsheet(pieces), answers::spreadsheet_at_once(answer)) {
        (Ok(pieces), Ok(whole)) => {
            assert_eq!(pieces, whole);
            spreadsheet(&pieces);
        }
        (Err(error), Err(whole)) => {
            judge_error(&error);
            judge_error(&whole);
        }
        (pieces, whole) => panic!("in pieces it is {pieces:?}, at once {whole:?}"),
    }
}

fn spreadsheet(book: &RawSpreadsheet) {
    assert!(!book.tabs.is_empty(), "an answer without tabs is no spreadsheet");
    for tab in &book.tabs {
        rows(&tab.rows);
        for mark in &tab.marks {
            assert!(mark.key.starts_with("fleetsheet.") && mark.column.is_some(), "{mark:?}");
        }
    }
    assert!(
        book.marks.iter().all(|mark| mark.key.starts_with("fleetsheet.")),
        "{:?}",
        book.marks
    );
    let problems = match parse(book, &names()) {
        Ok(sheet) => sheet.problems,
        Err(problems) => problems,
    };
    for problem in problems {
        judge::one_line("a problem", &problem.message);
        judge::at_most("a problem", &problem.message, 1000);
    }
}

/// Blanks at ends say nothing, and so are not there.
fn rows(rows: &[Vec<Cell>]) {
    assert!(rows.last().is_none_or(|last| !last.is_empty()), "{rows:?}");
    rows.iter().for_each(|cells| row(cells));
}

fn row(cells: &[Cell]) {
    assert!(cells.last().is_none_or(|last| *last != Cell::Blank), "{cells:?}");
    for cell in cells {
        match cell {
            Cell::Text(text) => assert!(!text.trim().is_empty(), "white space counts as text"),
            Cell::Formula { value, .. } => assert!(!matches!(**value, Cell::Formula { .. }), "{cell:?}"),
            Cell::Number(number) => assert!(number.is_finite(), "{cell:?}"),
            Cell::Blank | Cell::Bool(_) | Cell::Error(_) => {}
        }
    }
}

fn judge_error(error: &SheetError) {
    judge::one_line("an error", &error.message);
    judge::at_most("an error", &error.message, MESSAGE_MAX);
    assert!(error.message.starts_with("could not "), "{error:?}");
}

fn refusal(status: u16, answer: &[u8]) {
    for to_a_write in [false, true] {
        let error = answers::refusal(status, answer, to_a_write, "robot@example.com");
        judge_error(&error);
        let unknown = error.kind == SheetErrorKind::OutcomeUnknown;
        assert!(!unknown || to_a_write, "a read has no outcome: {error:?}");
        // What may have been written is never taken for what was not: only a refusal in so many words is one.
        let server = (500..600).contains(&status) && serde_json::from_slice::<Value>(answer).is_err();
        assert!(!server || !to_a_write || unknown, "{status}: {error:?}");
        if status == 429 {
            assert_eq!(error.kind, SheetErrorKind::Quota);
        }
    }
}

/// A file in place of credentials.
pub fn keyfile(data: &[u8]) {
    let read = answers::key_file(data);
    if let Err(why) = &read {
        judge::one_line("what is wrong with a key", why);
        judge::at_most("what is wrong with a key", why, MESSAGE_MAX);
        let file: Value = serde_json::from_slice(data).unwrap_or(Value::Null);
        for field in [
            "private_key",
            "private_key_id",
            "client_id",
            "client_email",
            "client_secret",
            "refresh_token",
        ] {
            let secret = file[field]
                .as_str()
                .filter(|text| text.len() > 12 && text.contains(|c: char| c.is_ascii_digit()));
            assert!(
                secret.is_none_or(|text| !why.contains(text)),
                "a part of the key is shown: {why}"
            );
        }
    }
}
