use fleetsheet::sheet::{Cell, GridRange, SheetErrorKind, SheetReader, TabRequest};
use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::sheets::{CellValue, SERVICE_ACCOUNT, Spreadsheet, Tab};
use futures_util::future::join_all;

use super::world::{ID, RELEASES, SERVERS, World, tab, text, texts};

#[tokio::test]
async fn cells_come_with_their_types_in_one_request() {
    let world = World::new().await;
    world.emulator.edit(|book| {
        book.set(RELEASES, "B3", 1.1);
        book.set(RELEASES, "C3", true);
        book.set(RELEASES, "D3", CellValue::formula("=A2", "web-prod"));
        book.set(
            RELEASES,
            "E5",
            CellValue::formula("=1/0", CellValue::Error("#DIV/0!".into())),
        );
        book.set(RELEASES, "A7", CellValue::Error("#REF!".into()));
    });
    let spreadsheet = world.read().await;
    assert_eq!(spreadsheet.title, "Fleet");
    let releases = tab(&spreadsheet, RELEASES);
    assert_eq!(
        (releases.sheet_id, releases.row_count, releases.column_count),
        (0, 50, 6)
    );
    let formula = |text: &str, value| Cell::Formula {
        text: text.into(),
        value: Box::new(value),
    };
    let blank = || Cell::Blank;
    assert_eq!(
        releases.rows,
        [
            vec![
                text("channel"),
                text("desiredVersionA"),
                text("status"),
                text("updatedAt")
            ],
            vec![text("web-prod"), text("2.4.0")],
            vec![
                text("db"),
                Cell::Number(1.1),
                Cell::Bool(true),
                formula("=A2", text("web-prod"))
            ],
            vec![],
            vec![
                blank(),
                blank(),
                blank(),
                blank(),
                formula("=1/0", Cell::Error("#DIV/0!".into()))
            ],
            vec![],
            // Nobody types an error: a formula made it.
            vec![formula("=#REF!", Cell::Error("#REF!".into()))],
        ]
    );
    assert_eq!(tab(&spreadsheet, SERVERS).rows.len(), 4);
    assert_eq!((world.counted("sheets.get"), world.counted("oauth2.token")), (1, 1));
}

#[tokio::test]
async fn an_empty_tab_is_empty() {
    let world =
        World::of(Spreadsheet::new(ID, "Fleet", "owner@example.com").with_tab(Tab::new(0, RELEASES, 10, 4))).await;
    let spreadsheet = world.sheets.read(&[TabRequest::whole(RELEASES)]).await.unwrap();
    assert_eq!(spreadsheet.tabs[0].rows, Vec::<Vec<Cell>>::new());
    assert_eq!(world.calls.snapshot().len(), 2, "{:?}", world.calls);
}

#[tokio::test]
async fn a_missing_tab_is_absent_and_the_others_are_read() {
    let world = World::new().await;
    let wishes = [
        TabRequest::whole(RELEASES),
        TabRequest::header("AuditLog"),
        TabRequest::whole("Nope!A1"),
    ];
    let spreadsheet = world.sheets.read(&wishes).await.unwrap();
    let titles: Vec<_> = spreadsheet.tabs.iter().map(|tab| tab.title.as_str()).collect();
    assert_eq!(titles, [RELEASES]);
    assert_eq!(spreadsheet.tabs[0].rows.len(), 3);
    assert_eq!(world.counted("sheets.get"), 3);

    let spreadsheet = world.sheets.read(&[TabRequest::whole("Nope")]).await.unwrap();
    assert!(
        spreadsheet
            .tabs
            .iter()
            .all(|tab| tab.title != "Nope" && tab.rows.is_empty())
    );
    let structure = world.sheets.read(&[]).await.unwrap();
    assert_eq!(structure, spreadsheet);
}

#[tokio::test]
async fn only_what_is_asked_for_is_read() {
    let world = World::new().await;
    world.emulator.edit(|book| {
        book.add_tab("AuditLog", 100, 7);
        book.add_tab("Huge", 100, 7);
        for row in 1..90 {
            book.set("AuditLog", format!("A{row}").as_str(), "time");
        }
    });
    let spreadsheet = world
        .sheets
        .read(&[TabRequest::whole(RELEASES), TabRequest::header("AuditLog")])
        .await
        .unwrap();
    assert_eq!(tab(&spreadsheet, "AuditLog").rows, [vec![text("time")]]);
    assert!(spreadsheet.tabs.iter().all(|tab| tab.title != "Huge"));
    assert_eq!(world.counted("sheets.get"), 1);
}

#[tokio::test]
async fn a_tab_may_have_any_name() {
    for name in ["It's", "''", "a b", "a/b?c#d&e=f", "A1", "x!B2:C3", "Ünïcode 🚀", "'"] {
        let book = Spreadsheet::new(ID, "Fleet", "owner@example.com")
            .with_tab(Tab::new(0, "other", 5, 5))
            .with_tab(Tab::with_rows(3, name, texts(&[&["h"], &["x"]])));
        let world = World::of(book).await;
        let spreadsheet = world.sheets.read(&[TabRequest::whole(name)]).await.unwrap();
        assert_eq!(
            tab(&spreadsheet, name).rows,
            [vec![text("h")], vec![text("x")]],
            "{name}"
        );
        let spreadsheet = world.sheets.read(&[TabRequest::header(name)]).await.unwrap();
        assert_eq!(tab(&spreadsheet, name).rows, [vec![text("h")]], "{name}");
    }
}

#[tokio::test]
async fn protections_show_what_google_shows() {
    let world = World::new().await;
    world.emulator.edit(|book| {
        let open = book.protect_column(RELEASES, "desiredVersionA", &["a@example.com", SERVICE_ACCOUNT]);
        book.protected_mut(open).groups.push("sre@example.com".into());
        book.protect_column(RELEASES, "channel", &["a@example.com"]);
        let warning = book.protect(RELEASES, fleetsheet_mocks::sheets::GridRange::sheet, &[]);
        book.protected_mut(warning).warning_only = true;
    });
    let spreadsheet = world.read().await;
    let [open, hidden, warning] = tab(&spreadsheet, RELEASES).protected.as_slice() else {
        panic!("{spreadsheet:?}")
    };
    let editors = open.editors.as_ref().unwrap();
    assert!(editors.users.contains(&"a@example.com".to_owned()) && editors.users.contains(&SERVICE_ACCOUNT.to_owned()));
    assert_eq!(
        (editors.groups.as_slice(), editors.domain),
        (["sre@example.com".to_owned()].as_slice(), false)
    );
    assert_eq!(
        (open.range.start_column, open.range.end_column, open.range.end_row),
        (Some(1), Some(2), None)
    );
    assert_eq!((&hidden.editors, hidden.range.end_column), (&None, Some(1)));
    assert!(warning.warning_only && warning.range == GridRange::default());
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    for fault in [
        Fault::Throttle,
        Fault::Html503,
        Fault::Status(500),
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::Truncate,
        Fault::Empty200,
        Fault::Nonsense,
    ] {
        let world = World::new().await;
        world.emulator.script().fail("sheets.get", When::First, fault);
        let spreadsheet = world.read().await;
        assert_eq!(tab(&spreadsheet, RELEASES).rows.len(), 3, "{fault:?}");
        assert_eq!(world.counted("sheets.get"), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn what_does_not_pass_is_said() {
    let cases = [
        (Fault::Throttle, SheetErrorKind::Quota, "quota"),
        (Fault::Html503, SheetErrorKind::Transient, "Google answered 503"),
        (
            Fault::Status(500),
            SheetErrorKind::Transient,
            "Google answered 500: Internal error",
        ),
        (Fault::ResetBefore, SheetErrorKind::Transient, "connection lost"),
        (Fault::Truncate, SheetErrorKind::Transient, "cut off"),
        (Fault::Empty200, SheetErrorKind::Transient, "cut off"),
        (Fault::Nonsense, SheetErrorKind::Transient, "cut off or is not JSON"),
        (Fault::Hang, SheetErrorKind::Transient, "no answer within"),
        (Fault::Forbidden, SheetErrorKind::Denied, SERVICE_ACCOUNT),
    ];
    // Beside each other, because most of them wait for the deadline.
    join_all(cases.map(async |(fault, kind, words)| {
        let world = World::new().await;
        world.emulator.script().fail("sheets.get", When::Every, fault);
        let result = world.within(4000).read(&[TabRequest::whole(RELEASES)]).await;
        world.failed(result, kind, words);
        assert!(world.counted("sheets.get") >= 1);
    }))
    .await;
}

#[tokio::test]
async fn an_attempt_that_the_end_of_the_pass_cuts_short_does_not_hide_what_failed_before() {
    let world = World::new().await;
    world.read().await;
    let script = world.emulator.script();
    script.fail("sheets.get", When::First, Fault::Status(500));
    script.fail("sheets.get", When::Every, Fault::Hang);
    let result = world.within(4000).read(&[TabRequest::whole(RELEASES)]).await;
    world.failed(result, SheetErrorKind::Transient, "Google answered 500: Internal error");
    assert_eq!(world.emulator.script().count("sheets.get"), 3);
}
