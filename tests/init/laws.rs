//! What must hold of every used sheet: no cell of people changes, no row and no column trades places, and a second run
//! finds nothing to do.

use fleetsheet::adapters::google_sheets::{GoogleSheets, Settings};
use fleetsheet::calls::Calls;
use fleetsheet::setup::{Outcome, SetupRequest, Templates, carry_out};
use fleetsheet_mocks::sheets::{CellValue, GridRange, SERVICE_ACCOUNT, SheetsEmulator, Spreadsheet, Tab};
use proptest::prelude::*;

use super::templates::names;
use crate::stage::{BOOK, OWNER, RELEASE, RELEASE_HEADERS, RELEASES, SERVER_HEADERS, SERVERS, SRE};

/// A column as somebody may have it: a header, and what stands below.
#[derive(Clone, Debug)]
struct Col {
    header: String,
    cells: Vec<u8>,
    noted: bool,
}

/// A protection: first column, width, first row, last row, kind.
type Guard = (usize, usize, Option<usize>, Option<usize>, u8);

#[derive(Clone, Debug)]
struct Used {
    release: (Vec<Col>, usize, Vec<Guard>),
    servers: (Vec<Col>, usize, Vec<Guard>),
    has_release: bool,
}

fn value(kind: u8) -> CellValue {
    match kind % 8 {
        0 | 1 => CellValue::Empty,
        2 => CellValue::from("web-prod"),
        3 => CellValue::from("1.10"),
        4 => CellValue::Number(1.1),
        5 => CellValue::from(true),
        6 => CellValue::from(" "),
        _ => CellValue::formula("=1+1", 2.0),
    }
}

fn columns(known: Vec<&'static str>) -> impl Strategy<Value = Vec<Col>> {
    let known = Just(known).prop_shuffle_subset();
    let strange = proptest::collection::vec(
        prop_oneof![Just(""), Just("ticket"), Just("tag:Cost"), Just("cost")],
        0..3,
    );
    (known, strange)
        .prop_flat_map(|(known, strange)| {
            let all: Vec<String> = known.into_iter().chain(strange).map(str::to_owned).collect();
            Just(all).prop_shuffle()
        })
        .prop_flat_map(|headers| {
            let cells = proptest::collection::vec(
                (proptest::collection::vec(any::<u8>(), 0..6), any::<bool>()),
                headers.len(),
            );
            (Just(headers), cells)
        })
        .prop_map(|(headers, cells)| {
            let both = headers.into_iter().zip(cells);
            both.map(|(header, (cells, noted))| Col { header, cells, noted })
                .collect()
        })
}

trait Subset {
    fn prop_shuffle_subset(self) -> BoxedStrategy<Vec<&'static str>>;
}

impl Subset for Just<Vec<&'static str>> {
    fn prop_shuffle_subset(self) -> BoxedStrategy<Vec<&'static str>> {
        let all = self.0;
        let least = all.len() / 2;
        proptest::sample::subsequence(all.clone(), least..=all.len()).boxed()
    }
}

fn guards() -> impl Strategy<Value = Vec<Guard>> {
    let row = || proptest::option::of(0_usize..12);
    proptest::collection::vec((0_usize..12, 1_usize..4, row(), row(), any::<u8>()), 0..4)
}

fn used() -> impl Strategy<Value = Used> {
    let tab = |known| (columns(known), 0_usize..4, guards());
    (
        tab([&RELEASE_HEADERS[..], &["advance"]].concat()),
        tab([&SERVER_HEADERS[..], &["canary"]].concat()),
        proptest::bool::weighted(0.9),
    )
        .prop_map(|(release, servers, has_release)| Used {
            release,
            servers,
            has_release,
        })
}

fn tab(id: i64, title: &str, (columns, spare, _): &(Vec<Col>, usize, Vec<Guard>)) -> Tab {
    let mut tab = Tab::new(id, title, 12, columns.len() + spare + usize::from(columns.is_empty()));
    for (at, column) in columns.iter().enumerate() {
        tab.rows[0].cells[at].value = CellValue::from(column.header.as_str());
        tab.rows[0].cells[at].note = column.noted.then(|| "mine".to_owned());
        for (row, kind) in column.cells.iter().enumerate() {
            tab.rows[row + 1].cells[at].value = value(*kind);
        }
    }
    tab
}

fn book(used: &Used) -> Spreadsheet {
    let mut book = Spreadsheet::new(BOOK, "Used", OWNER);
    book.add_tab("Sheet1", 3, 3);
    let sites = [
        (RELEASE, &used.release, used.has_release),
        (SERVERS, &used.servers, true),
    ];
    for (id, (title, site, there)) in (5..).zip(sites) {
        if !there {
            continue;
        }
        book.tabs.push(tab(id, title, site));
        for (at, width, first, last, kind) in &site.2 {
            if first.zip(*last).is_some_and(|(first, last)| first >= last) || *last == Some(0) {
                continue;
            }
            let range = |id: i64| GridRange {
                start_row_index: *first,
                end_row_index: *last,
                ..GridRange::columns(id, *at..at + width)
            };
            let all = [SRE, RELEASES, SERVICE_ACCOUNT];
            let range = book.protect(title, range, &all[usize::from(kind % 3)..]);
            let held = book.protected_mut(range);
            match kind % 5 {
                0 => (held.warning_only, held.users) = (true, Vec::new()),
                1 => held.domain = true,
                2 => held.description = "fleetsheet: desiredVersionA".into(),
                3 => held.description = "fleetsheet: headers".into(),
                _ => {}
            }
        }
    }
    book
}

/// Headers of a tab without blanks, in order.
fn order(book: &Spreadsheet, tab: &str) -> Vec<CellValue> {
    let Some(tab) = book.tab(tab) else { return Vec::new() };
    let cells = tab.rows[0].cells.iter().map(|cell| cell.value.clone());
    cells.filter(|value| !value.is_empty()).collect()
}

async fn init(emulator: &SheetsEmulator, key: &std::path::Path, fresh_id: u32) -> Outcome {
    let settings = Settings {
        spreadsheet_id: BOOK.into(),
        credentials_file: Some(key.to_owned()),
        endpoint: Some(emulator.endpoint().parse().unwrap()),
        request_timeout: std::time::Duration::from_secs(10),
        sheets_per_minute: 6000,
    };
    let sheets = GoogleSheets::connect(settings, Calls::default()).await.unwrap();
    let names = names();
    let templates = Templates::load(&names).unwrap();
    let request = SetupRequest {
        templates: &templates,
        names: &names,
        a_editors: &[SRE.into()],
        b_editors: &[RELEASES.into()],
        account: SERVICE_ACCOUNT,
        channel: None,
        fresh_id,
    };
    carry_out(&sheets, &request, false).await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_of_people_is_touched_and_the_second_run_is_silent(used in used()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let before = book(&used);
            let emulator = SheetsEmulator::start(before.clone()).await.unwrap();
            let dir = tempfile::tempdir().unwrap();
            let key = dir.path().join("key.json");
            std::fs::write(&key, emulator.service_account_key_json().unwrap()).unwrap();
            let first = init(&emulator, &key, 7).await;
            let after = emulator.book();
            for old in &before.tabs {
                let new = after.tab(&old.title).unwrap();
                prop_assert_eq!(old.rows.len(), new.rows.len());
                for (row, cells) in old.rows.iter().enumerate() {
                    for (column, cell) in cells.cells.iter().enumerate() {
                        // Blank columns at the right end give way to new ones.
                        if !cell.value.is_empty() {
                            prop_assert_eq!(&cell.value, new.value(row, column));
                        }
                        if cell.note.is_some() {
                            prop_assert_eq!(&cell.note, &new.cell(row, column).unwrap().note);
                        }
                    }
                }
                let order_before = order(&before, &old.title);
                let order_after = order(&after, &old.title);
                prop_assert_eq!(&order_after[..order_before.len()], &order_before[..]);
                let foreign = old.protected.iter().filter(|range| range.description.is_empty());
                for range in foreign {
                    let kept = new.protected.iter().find(|kept| kept.id == range.id).unwrap();
                    prop_assert_eq!(&kept.users, &range.users);
                    prop_assert_eq!(kept.warning_only, range.warning_only);
                }
            }
            emulator.script().forget_calls();
            let second = init(&emulator, &key, 8).await;
            prop_assert_eq!(&second.steps, &Vec::new());
            prop_assert_eq!(emulator.script().count("sheets.batchUpdate"), 0);
            prop_assert_eq!(&second.failed, &first.failed);
            prop_assert!(emulator.book() == after);
            Ok(())
        })?;
    }
}
