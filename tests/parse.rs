//! What cells mean: every kind of wrong cell is named with its fix, and no grid, however wild, makes the parser fall over.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeSet;

use fleetsheet::sheet::intent::{Key, Tick};
use fleetsheet::sheet::misnamed::{owners_shown, problem};
use fleetsheet::sheet::names::Keyholders;
use fleetsheet::sheet::names::Names;
use fleetsheet::sheet::parse::{Sheet, parse};
use fleetsheet::sheet::{Cell, RawSpreadsheet, RawTab};
use proptest::prelude::*;

const RELEASE: [&str; 10] = [
    "channel",
    "desiredVersionA",
    "desiredVersionB",
    "enabled",
    "rollback",
    "notes",
    "releaseVersion",
    "previousVersion",
    "status",
    "updatedAt",
];
const SERVERS: [&str; 5] = ["serverId", "channel", "hold", "tag:Owner", "notes"];

fn names() -> Names {
    Names {
        release_tab: "ReleaseSheet".into(),
        server_tab: "ServerTagAssignment".into(),
        audit_tab: "AuditLog".into(),
        managed: vec!["Owner".into()],
        server_authority: BTreeSet::new(),
        keyholders: Keyholders::default(),
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

fn formula(text: &str, value: Cell) -> Cell {
    Cell::Formula {
        text: text.into(),
        value: Box::new(value),
    }
}

fn book(release: Vec<Vec<Cell>>, servers: Vec<Vec<Cell>>) -> RawSpreadsheet {
    let tab = |sheet_id, title: &str, rows| RawTab {
        sheet_id,
        title: title.into(),
        rows,
        ..RawTab::default()
    };
    RawSpreadsheet {
        tabs: vec![tab(1, "ReleaseSheet", release), tab(2, "ServerTagAssignment", servers)],
        ..RawSpreadsheet::default()
    }
}

fn header(names: &[&str]) -> Vec<Cell> {
    names.iter().map(|name| text(name)).collect()
}

fn with_rows(release: Vec<Vec<Cell>>, servers: Vec<Vec<Cell>>) -> Sheet {
    let rows = |head: &[&str], rows: Vec<Vec<Cell>>| std::iter::once(header(head)).chain(rows).collect();
    parse(&book(rows(&RELEASE, release), rows(&SERVERS, servers)), &names()).unwrap()
}

/// The messages about one release row with this cell as key A.
fn key_a(cell: Cell) -> (Key, Vec<String>) {
    let sheet = with_rows(vec![vec![text("web"), cell, text("2.4.0"), Cell::Bool(true)]], vec![]);
    let row = &sheet.intent.channels[0];
    (
        row.key_a.clone(),
        row.errors.iter().map(|e| e.message.clone()).collect(),
    )
}

#[test]
fn a_number_in_a_key_is_named_with_its_cell_and_fix() {
    let (key, errors) = key_a(Cell::Number(1.1));
    assert_eq!(key, Key::Unreadable);
    let expected = "ReleaseSheet!B2 holds the number 1.1; a version must be text: format the column as Plain text and type it again";
    assert_eq!(errors, [expected]);
}

#[test]
fn every_wrong_key_says_what_it_holds() {
    for (cell, holds) in [
        (Cell::Bool(true), "the boolean TRUE"),
        (Cell::Error("#REF!".into()), "the error #REF!"),
        (formula("=B2", text("2.4.0")), "the formula =B2"),
        (text("2.4.0\u{200b}"), "a zero-width space (U+200B)"),
        (text("2.4.0-\u{430}lpha"), "the Cyrillic letter \u{430} (U+0430)"),
        (text("2.4 .0"), "a space"),
        (text("-1"), "a version that starts with '-'"),
        (text(&"9".repeat(129)), "129 characters"),
    ] {
        let (key, errors) = key_a(cell.clone());
        assert_eq!(key, Key::Unreadable, "{cell:?}");
        assert_eq!(errors.len(), 1, "{cell:?}");
        assert!(
            errors[0].starts_with(&format!("ReleaseSheet!B2 holds {holds}")),
            "{}",
            errors[0]
        );
    }
}

#[test]
fn white_space_around_a_version_and_blank_cells_are_no_errors() {
    let (key, errors) = key_a(text("  2.4.0\t"));
    assert_eq!((key.text(), errors.len()), (Some("2.4.0"), 0));
    for blank in [Cell::Blank, text("   ")] {
        assert_eq!(key_a(blank), (Key::Empty, vec![]));
    }
}

#[test]
fn a_checkbox_is_a_boolean_or_its_text_and_nothing_else() {
    for (cell, tick) in [
        (Cell::Bool(true), Tick::On),
        (text("TRUE"), Tick::On),
        (text("FALSE"), Tick::Off),
        (Cell::Blank, Tick::Off),
        (text("yes"), Tick::Unreadable),
        (Cell::Number(1.0), Tick::Unreadable),
        (formula("=TRUE", Cell::Bool(true)), Tick::Unreadable),
    ] {
        let row = vec![text("web"), Cell::Blank, Cell::Blank, cell.clone(), Cell::Blank];
        let sheet = with_rows(vec![row], vec![]);
        assert_eq!(sheet.intent.channels[0].enabled, tick, "{cell:?}");
        assert_eq!(
            sheet.intent.channels[0].errors.len(),
            usize::from(tick == Tick::Unreadable),
            "{cell:?}"
        );
    }
}

#[test]
fn a_servers_channel_may_be_looked_up_but_not_still_be_loading() {
    let found = formula("=VLOOKUP(A2,x,2)", text("web"));
    let loading = formula("=IMPORTRANGE(1)", text("Loading..."));
    let rows = [found, loading, Cell::Number(7.0)]
        .map(|cell| vec![text("i-00000001"), cell])
        .to_vec();
    let sheet = with_rows(vec![], rows);
    let rows = &sheet.intent.servers;
    assert_eq!(rows[0].channel.as_ref().map(|c| c.as_str()), Some("web"));
    assert!(rows[1].unreadable && rows[2].unreadable);
    assert!(
        rows[2].errors[0]
            .message
            .starts_with("ServerTagAssignment!B4 holds the number 7"),
        "{:?}",
        rows[2].errors
    );
}

#[test]
fn only_an_instance_id_is_a_server() {
    let short = "i-0123abcd";
    let long = "i-0123456789abcdef0";
    let none = [
        "=== API ===",
        "web-prod-euw1-0003",
        "I-0ABCDEF0",
        "i-0123abc",
        "i-0123abcde",
        "i-0123456789abcdef",
        "i-0123456789abcdefg",
        "0123abcd",
        "ec2:instance/i-0123abcd",
    ];
    let rows = [short, long].into_iter().chain(none);
    let sheet = with_rows(vec![], rows.map(|id| vec![text(id), text("web")]).collect());
    let ids: Vec<&str> = sheet.intent.servers.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, [short, long]);
    let owners = owners_shown(&sheet.display.servers);
    let told: Vec<String> = sheet
        .intent
        .misnamed
        .iter()
        .map(|row| problem(row, &owners).message)
        .collect();
    assert_eq!(told.len(), none.len());
    for (row, (message, text)) in (4..).zip(told.iter().zip(none)) {
        let start = format!(
            "ServerTagAssignment!A{row} holds {text:?}, which is not an instance id (i- and 8 or 17 hexadecimal digits); "
        );
        assert!(message.starts_with(&start), "{message}");
    }
    assert!(
        told[2].ends_with("; it is i-0abcdef0 in capitals: write it in lower case"),
        "{}",
        told[2]
    );
    assert!(told[0].contains("no server that was seen has this name"), "{}", told[0]);
}

#[test]
fn headers_are_found_in_any_order_and_case_and_a_double_or_missing_one_is_fatal() {
    let shuffled = header(&[
        "UpdatedAt",
        " rollback ",
        "ENABLED",
        "desiredversionb",
        "notes",
        "mine",
        "desiredVersionA",
        "Channel",
    ]);
    let mut row = vec![Cell::Blank; 8];
    row[7] = text("web");
    row[6] = text("1");
    let sheet = parse(&book(vec![shuffled.clone(), row], vec![header(&SERVERS)]), &names()).unwrap();
    assert_eq!(sheet.intent.channels[0].key_a.text(), Some("1"));

    let mut double = shuffled;
    double.push(text("desiredVersionA"));
    let servers = vec![header(&["serverId", "NOTES"])];
    let messages: Vec<String> = parse(&book(vec![double], servers), &names())
        .unwrap_err()
        .into_iter()
        .map(|p| p.message)
        .collect();
    assert_eq!(messages.len(), 2, "all at once: {messages:?}");
    assert!(
        messages[0].contains("desiredVersionA stands twice, in columns G and I"),
        "{messages:?}"
    );
    assert!(
        messages[1].contains("ServerTagAssignment has no column channel"),
        "{messages:?}"
    );

    let none = parse(&RawSpreadsheet::default(), &names()).unwrap_err();
    assert_eq!(none.len(), 2, "both tabs are missing");
}

/// What the parser says of a server tab with these rows.
fn refusal(servers: Vec<Vec<Cell>>) -> Vec<String> {
    let refused = parse(&book(vec![header(&RELEASE)], servers), &names()).unwrap_err();
    refused.into_iter().map(|problem| problem.message).collect()
}

#[test]
fn headers_below_row_1_are_found_and_the_way_up_is_said() {
    let title = || vec![text("Our servers")];
    let server = || vec![text("i-0123abcd"), text("web")];
    let says = |row: u32, fix: &str| {
        let holds = "holds serverId, channel, hold and 1 more; headers must stand in row 1";
        vec![format!("ServerTagAssignment: row {row} {holds}: {fix}")]
    };
    let headers = || header(&["serverId", "channel", "HOLD", " notes"]);
    let above = refusal(vec![title(), headers(), server()]);
    assert_eq!(above, says(2, "delete the row above"));
    let wide = vec![title(), vec![], vec![text("see the wiki")], headers(), server()];
    assert_eq!(refusal(wide), says(4, "delete the 3 rows above"));
    // Rows that hold something are not to be deleted.
    let sorted: Vec<_> = (0..30).map(|_| server()).chain([headers(), server()]).collect();
    assert_eq!(
        refusal(sorted),
        says(31, "move row 31 up to the top (drag it by its number)")
    );
    // A header that is there, and a word that a header has, too, are no header row.
    let lacks = refusal(vec![header(&["serverId", "hold"]), vec![text("channel"), text("web")]]);
    assert!(
        lacks.len() == 1 && lacks[0].contains("has no column channel"),
        "{lacks:?}"
    );

    let release = vec![title(), header(&RELEASE), vec![text("web")]];
    let refused = parse(&book(release, vec![header(&SERVERS)]), &names()).unwrap_err();
    assert_eq!(refused.len(), 1, "{refused:?}");
    let says =
        "ReleaseSheet: row 2 holds channel, desiredVersionA, desiredVersionB and 7 more; headers must stand in row 1";
    assert_eq!(refused[0].message, format!("{says}: delete the row above"));
}

#[test]
fn an_unmanaged_tag_column_is_reported_and_left_alone() {
    let sheet = parse(
        &book(
            vec![header(&RELEASE)],
            vec![header(&["serverId", "channel", "tag:aws:x", "TAG:owner", "notes"])],
        ),
        &names(),
    )
    .unwrap();
    assert_eq!(
        sheet.intent.tags.iter().map(|t| t.key.as_str()).collect::<Vec<_>>(),
        ["Owner"]
    );
    assert_eq!(
        sheet
            .problems
            .iter()
            .filter(|p| p.place == "ServerTagAssignment!C1")
            .count(),
        1,
        "{:?}",
        sheet.problems
    );
}

fn any_cell() -> impl Strategy<Value = Cell> {
    let leaf = prop_oneof![
        Just(Cell::Blank),
        any::<String>().prop_map(Cell::Text),
        prop::sample::select(vec!["web", "2.4.0", "TRUE", "i-00000001", "=A1", "#REF!"]).prop_map(text),
        any::<f64>().prop_map(Cell::Number),
        any::<bool>().prop_map(Cell::Bool),
        any::<String>().prop_map(Cell::Error),
    ];
    (leaf, prop::option::of(any::<String>())).prop_map(|(cell, wrap)| match wrap {
        Some(formula) => Cell::Formula {
            text: formula,
            value: Box::new(cell),
        },
        None => cell,
    })
}

fn any_header(known: &'static [&'static str]) -> impl Strategy<Value = Cell> {
    prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(text), 1 => any_cell()]
}

fn any_tab(known: &'static [&'static str]) -> impl Strategy<Value = Vec<Vec<Cell>>> {
    let rows = prop::collection::vec(prop::collection::vec(any_cell(), 0..12), 0..6);
    (prop::collection::vec(any_header(known), 0..14), rows).prop_map(|(head, mut rows)| {
        rows.insert(0, head);
        rows
    })
}

proptest! {
    /// Any grid either parses or is refused with words; a readable key is always a version that reads back as itself.
    #[test]
    fn no_grid_makes_the_parser_fall_over(release in any_tab(&RELEASE), servers in any_tab(&SERVERS)) {
        match parse(&book(release, servers), &names()) {
            Ok(sheet) => {
                for row in &sheet.intent.channels {
                    for key in [&row.key_a, &row.key_b] {
                        if let Some(version) = key.version() {
                            prop_assert_eq!(fleetsheet::tag::Version::parse(version.as_str()), Ok(version.clone()));
                        }
                    }
                    let wrong = [&row.key_a, &row.key_b].into_iter().filter(|k| **k == Key::Unreadable).count()
                        + [row.enabled, row.rollback].into_iter().filter(|t| *t == Tick::Unreadable).count();
                    prop_assert_eq!(row.errors.len(), wrong, "each unreadable cell has its error");
                }
                for error in sheet.intent.channels.iter().flat_map(|r| &r.errors).chain(sheet.intent.servers.iter().flat_map(|r| &r.errors)) {
                    prop_assert!(error.message.starts_with(&error.place), "{}", error.message);
                    prop_assert!(!error.message.chars().any(char::is_control), "{:?}", error.message);
                }
            }
            Err(problems) => prop_assert!(!problems.is_empty() && problems.iter().all(|p| !p.message.is_empty())),
        }
    }
}
