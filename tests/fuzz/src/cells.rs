//! Single cells, against the contract's words for what a version, a checkbox, a channel and a header are.

use fleetsheet::problem::Kind;
use fleetsheet::sheet::intent::{Key, Tick};
use fleetsheet::sheet::misnamed::{owners_shown, problem};
use fleetsheet::sheet::parse::{check_channel, parse};
use fleetsheet::sheet::{Cell, RawSpreadsheet, RawTab};
use fleetsheet::tag::Version;

use crate::judge;
use crate::scene::names;

/// Longest message about one cell: it may quote forty characters twice, each as an escape of ten.
const MESSAGE_MAX: usize = 1000;

/// What is in a text as a version: `[A-Za-z0-9][A-Za-z0-9._+-]{0,127}` after trimming.
fn version_in(text: &str) -> Option<&str> {
    let text = text.trim();
    let mut bytes = text.bytes();
    let first = bytes.next()?.is_ascii_alphanumeric();
    let rest = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-'));
    (first && rest && text.len() <= 128).then_some(text)
}

/// What a checkbox column's cell says: a boolean, or the texts TRUE and FALSE; blank is not ticked.
fn tick_of(cell: &Cell) -> Tick {
    match cell {
        Cell::Blank | Cell::Bool(false) => Tick::Off,
        Cell::Bool(true) => Tick::On,
        Cell::Text(text) => match text.trim().to_ascii_uppercase().as_str() {
            "" | "FALSE" => Tick::Off,
            "TRUE" => Tick::On,
            _ => Tick::Unreadable,
        },
        Cell::Number(_) | Cell::Error(_) | Cell::Formula { .. } => Tick::Unreadable,
    }
}

/// The first byte says what kind of cell it is, the rest is its text.
pub fn cells(data: &[u8]) {
    let Some((kind, text)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(text).into_owned();
    version(&text);
    channel(&text);
    let as_cell = match kind {
        b'n' => Cell::Number(text.trim().parse().unwrap_or(1.1)),
        b'b' => Cell::Bool(text.len().is_multiple_of(2)),
        b'e' => Cell::Error(text.clone()),
        b'f' => Cell::Formula {
            text: format!("={text}"),
            value: Box::new(Cell::Text(text.clone())),
        },
        _ => Cell::Text(text.clone()),
    };
    row(&as_cell);
    server_row(&as_cell);
    header(&as_cell);
}

fn version(text: &str) {
    match (Version::parse(text), version_in(text)) {
        (Ok(read), Some(meant)) => assert_eq!(read.as_str(), meant),
        (Err(what), None) => {
            judge::one_line("what is wrong with a version", &what);
            judge::at_most("what is wrong with a version", &what, MESSAGE_MAX);
        }
        (read, meant) => panic!("{text:?} is read as {read:?} and means {meant:?}"),
    }
}

fn channel(text: &str) {
    match check_channel(text) {
        Ok(name) => {
            assert_eq!(name.as_str(), text);
            assert!(text.chars().count() <= 256 && !text.starts_with('='), "{text:?}");
            judge::one_line("a channel's name", text);
        }
        Err(what) => {
            let plain = text.bytes().all(|b| (b' '..=b'~').contains(&b));
            assert!(
                !plain || text.len() > 256 || text.starts_with('='),
                "{text:?} is refused: {what}"
            );
            judge::one_line("what is wrong with a channel", &what);
            judge::at_most("what is wrong with a channel", &what, MESSAGE_MAX);
        }
    }
}

fn texts(texts: &[&str]) -> Vec<Cell> {
    texts.iter().map(|text| Cell::Text((*text).into())).collect()
}

fn book(release: Vec<Vec<Cell>>, servers: Vec<Vec<Cell>>) -> RawSpreadsheet {
    let tab = |title: &str, rows| RawTab {
        title: title.into(),
        rows,
        ..RawTab::default()
    };
    RawSpreadsheet {
        tabs: vec![tab("ReleaseSheet", release), tab("ServerTagAssignment", servers)],
        ..RawSpreadsheet::default()
    }
}

const RELEASE: [&str; 6] = [
    "channel",
    "desiredVersionA",
    "desiredVersionB",
    "enabled",
    "rollback",
    "notes",
];
const SERVERS: [&str; 5] = ["serverId", "channel", "notes", "hold", "tag:Owner"];

/// The cell as key A, as both boxes and as notes of a channel.
fn row(cell: &Cell) {
    let mut cells = texts(&["web", "", "2.3.9"]);
    cells[1] = cell.clone();
    cells.extend([cell.clone(), cell.clone(), cell.clone()]);
    let raw = book(vec![texts(&RELEASE), cells], vec![texts(&SERVERS)]);
    let sheet = parse(&raw, &names()).unwrap_or_else(|why| panic!("{why:?}"));
    let [row] = &sheet.intent.channels[..] else {
        panic!("{:?} hides its row", cell)
    };
    let key = match cell {
        Cell::Blank => Key::Empty,
        Cell::Text(text) if text.trim().is_empty() => Key::Empty,
        Cell::Text(text) => version_in(text).map_or(Key::Unreadable, |text| match Version::parse(text) {
            Ok(version) => Key::Names(version),
            Err(_) => Key::Unreadable,
        }),
        _ => Key::Unreadable,
    };
    assert_eq!(row.key_a, key, "{cell:?}");
    assert_eq!((row.enabled, row.rollback), (tick_of(cell), tick_of(cell)), "{cell:?}");
    let wrong = usize::from(key == Key::Unreadable) + 2 * usize::from(row.enabled == Tick::Unreadable);
    assert_eq!(
        row.errors.len(),
        wrong,
        "each unreadable cell is an error: {:?}",
        row.errors
    );
    for error in &row.errors {
        assert_eq!(error.kind, Kind::BadCell);
        assert!(["ReleaseSheet!B2", "ReleaseSheet!D2", "ReleaseSheet!E2"].contains(&error.place.as_str()));
        assert!(error.message.starts_with(&error.place), "{error:?}");
        judge::one_line("an error", &error.message);
        judge::at_most("an error", &error.message, MESSAGE_MAX);
    }
}

/// The cell as a server's id, and as the channel, box and wish of a server.
fn server_row(cell: &Cell) {
    let mut cells = texts(&["i-00000001", "web", ""]);
    cells[1] = cell.clone();
    cells.extend([cell.clone(), cell.clone()]);
    let raw = book(vec![texts(&RELEASE)], vec![texts(&SERVERS), vec![cell.clone()], cells]);
    let sheet = parse(&raw, &names()).unwrap_or_else(|why| panic!("{why:?}"));
    let row = sheet
        .intent
        .servers
        .last()
        .unwrap_or_else(|| panic!("{cell:?} hides its row"));
    assert_eq!(row.id.as_str(), "i-00000001", "{cell:?} hides its row");
    // What cannot be read leaves the server alone, and is an error.
    assert!(!row.unreadable || !row.errors.is_empty(), "{row:?}");
    for server in &sheet.intent.servers {
        judge::one_line("a server's id", server.id.as_str());
        judge::at_most("a server's id", server.id.as_str(), 19);
        for wish in server.tags.iter().flatten() {
            judge::one_line("a tag's value", wish);
            judge::at_most("a tag's value", wish, 256);
        }
    }
    let owners = owners_shown(&sheet.display.servers);
    let misnamed: Vec<_> = sheet.intent.misnamed.iter().map(|row| problem(row, &owners)).collect();
    for problem in sheet.problems.iter().chain(&row.errors).chain(&misnamed) {
        judge::one_line("a problem", &problem.message);
        judge::at_most("a problem", &problem.message, MESSAGE_MAX);
    }
}

/// The cell as a header, in place of one that must be there, and beside it.
fn header(cell: &Cell) {
    let text = match cell {
        Cell::Text(text) | Cell::Error(text) => text.as_str(),
        Cell::Formula { value, .. } => match &**value {
            Cell::Text(text) => text.as_str(),
            _ => "",
        },
        Cell::Blank | Cell::Number(_) | Cell::Bool(_) => "",
    };
    let means = |header: &str| text.trim().eq_ignore_ascii_case(header);
    let mut instead = texts(&RELEASE);
    instead[1] = cell.clone();
    let parsed = parse(&book(vec![instead], vec![texts(&SERVERS)]), &names());
    assert_eq!(parsed.is_ok(), means("desiredVersionA"), "{cell:?}: {parsed:?}");
    let mut beside = texts(&RELEASE);
    beside.push(cell.clone());
    let parsed = parse(&book(vec![beside], vec![texts(&SERVERS)]), &names());
    assert_eq!(
        parsed.is_err(),
        RELEASE.iter().any(|known| means(known)),
        "{cell:?}: {parsed:?}"
    );
    let mut beside = texts(&SERVERS);
    beside.push(cell.clone());
    match parse(&book(vec![texts(&RELEASE)], vec![beside]), &names()) {
        Ok(sheet) => {
            assert!(sheet.intent.tags.len() <= 2, "{sheet:?}");
            for problem in &sheet.problems {
                judge::one_line("a problem", &problem.message);
                judge::at_most("a problem", &problem.message, MESSAGE_MAX);
            }
        }
        Err(problems) => {
            for problem in &problems {
                judge::one_line("a reason to stop", &problem.message);
                judge::at_most("a reason to stop", &problem.message, MESSAGE_MAX);
            }
        }
    }
}
