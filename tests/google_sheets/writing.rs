use std::collections::BTreeMap;

use fleetsheet::sheet::{
    Append, ColumnWrite, MarkChange, MarkedColumn, NewCell, SheetErrorKind, SheetReader, SheetWriter,
};
use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::sheets::CellValue;

use super::world::{RELEASES, SERVERS, World, at, tab};

fn mark(column: u32, value: &str) -> MarkChange {
    MarkChange::Column {
        sheet_id: 0,
        column,
        key: "fleetsheet.column".into(),
        value: value.into(),
    }
}

fn write(mark: i64, cells: &[(u32, &str)]) -> ColumnWrite {
    ColumnWrite {
        mark,
        cells: cells.iter().map(|(row, text)| (*row, (*text).into())).collect(),
    }
}

fn marked(mark: i64) -> MarkedColumn {
    MarkedColumn {
        mark,
        header: String::new(),
    }
}

fn held(text: &str) -> CellValue {
    CellValue::from(text)
}

/// A world whose columns `status` and `updatedAt` are marked, and the marks.
async fn with_marks() -> (World, i64, i64) {
    let world = World::new().await;
    let ids = world
        .sheets
        .change_marks(&[mark(2, "status"), mark(3, "updatedAt")])
        .await
        .unwrap();
    (world, ids[0], ids[1])
}

#[tokio::test]
async fn marks_stay_with_what_they_mark() {
    let (world, status, updated) = with_marks().await;
    let store = MarkChange::Spreadsheet {
        key: "fleetsheet.store".into(),
        value: "store-1".into(),
    };
    let ids = world.sheets.change_marks(&[store]).await.unwrap();
    let spreadsheet = world.read().await;
    assert_eq!(at(&spreadsheet.marks), [(ids[0], "store-1", None)]);
    let marks = &tab(&spreadsheet, RELEASES).marks;
    assert_eq!(
        at(marks),
        [(status, "status", Some(2)), (updated, "updatedAt", Some(3))]
    );
    assert!(tab(&spreadsheet, SERVERS).marks.is_empty());

    world.emulator.edit(|book| {
        book.tab_mut(RELEASES).insert_columns(0, 1);
        book.tab_mut(RELEASES).move_column("updatedAt", 0);
    });
    let spreadsheet = world.read().await;
    let marks = &tab(&spreadsheet, RELEASES).marks;
    assert_eq!(
        at(marks),
        [(updated, "updatedAt", Some(0)), (status, "status", Some(4))]
    );

    let changed = world
        .sheets
        .change_marks(&[MarkChange::Delete { id: status }, mark(4, "status")])
        .await
        .unwrap();
    assert_eq!(changed.len(), 1);
    let spreadsheet = world.read().await;
    assert_eq!(
        at(&tab(&spreadsheet, RELEASES).marks)[1],
        (changed[0], "status", Some(4))
    );
    assert_eq!(world.counted("sheets.batchUpdate"), 3);
}

#[tokio::test]
async fn sparse_writes_touch_only_what_they_name_wherever_the_column_went() {
    let (world, status, updated) = with_marks().await;
    world.emulator.edit(|book| {
        book.set(RELEASES, "C2", "old");
        book.set(RELEASES, "C4", "kept");
        book.tab_mut(RELEASES).move_column("status", 0);
    });
    let before = world.emulator.book();
    world
        .sheets
        .write_columns(&[
            write(status, &[(2, "=HYPERLINK(\"x\")"), (5, "TRUE"), (1, "")]),
            write(updated, &[(2, "1.10")]),
        ])
        .await
        .unwrap();
    let mut expected = before;
    expected.clear(RELEASES, (2, "status"));
    expected.set(RELEASES, (3, "status"), held("=HYPERLINK(\"x\")"));
    expected.set(RELEASES, (6, "status"), held("TRUE"));
    expected.set(RELEASES, (3, "updatedAt"), held("1.10"));
    assert_eq!(world.emulator.book(), expected);
    assert_eq!(world.emulator.writes().len(), 4, "skipped cells are not written");

    let columns = world
        .sheets
        .read_columns(&[marked(updated), marked(status)])
        .await
        .unwrap();
    let shown = |mark: i64| columns[&mark].iter().map(|text| &**text).collect::<Vec<_>>();
    assert_eq!(shown(status), ["status", "", "=HYPERLINK(\"x\")", "kept", "", "TRUE"]);
    assert_eq!(shown(updated), ["updatedAt", "", "1.10"]);
    assert_eq!(world.counted("sheets.values.batchUpdateByDataFilter"), 1);
    assert_eq!(world.counted("sheets.values.batchGetByDataFilter"), 1);
}

#[tokio::test]
async fn a_mark_that_is_gone_is_absent() {
    let (world, status, updated) = with_marks().await;
    world
        .emulator
        .edit(|book| book.tab_mut(RELEASES).delete_column("status"));
    let columns = world
        .sheets
        .read_columns(&[marked(status), marked(updated)])
        .await
        .unwrap();
    assert_eq!(columns.keys().copied().collect::<Vec<_>>(), [updated]);
}

#[tokio::test]
async fn nothing_to_say_is_no_request() {
    let world = World::new().await;
    world.sheets.write_columns(&[write(1, &[])]).await.unwrap();
    world.sheets.append(&[]).await.unwrap();
    assert!(world.sheets.read_columns(&[]).await.unwrap().is_empty());
    assert!(world.sheets.change_marks(&[]).await.unwrap().is_empty());
    let header = world.sheets.write_columns(&[write(1, &[(0, "x")])]).await;
    world.failed(header, SheetErrorKind::Refused, "row 1");
    assert!(world.calls.snapshot().is_empty());
}

#[tokio::test]
async fn rows_are_appended_below_everything_and_stay_text() {
    let world = World::new().await;
    world.emulator.edit(|book| book.set(SERVERS, "F9", "a note far down"));
    let row = |id: &str| vec![NewCell::Text(id.into()), NewCell::Blank, NewCell::Bool(false)];
    let appends = [
        Append {
            sheet_id: 11,
            table: None,
            rows: vec![row("i-8"), row("=i-9")],
        },
        Append {
            sheet_id: 0,
            table: None,
            rows: vec![row("canary")],
        },
    ];
    world.sheets.append(&appends).await.unwrap();
    let book = world.emulator.book();
    assert_eq!(book.get(SERVERS, "A10"), held("i-8"));
    assert_eq!(book.get(SERVERS, "A11"), held("=i-9"));
    assert_eq!(book.get(SERVERS, "C11"), CellValue::Bool(false));
    assert_eq!(book.get(RELEASES, "A4"), held("canary"));
    assert_eq!(world.counted("sheets.batchUpdate"), 1);
}

#[tokio::test]
async fn a_protected_cell_refuses_the_whole_write() {
    let (world, status, updated) = with_marks().await;
    world
        .emulator
        .edit(|book| book.protect_column(RELEASES, "updatedAt", &["somebody@example.com"]));
    let before = world.emulator.book();
    let result = world
        .sheets
        .write_columns(&[write(status, &[(1, "x")]), write(updated, &[(1, "y")])])
        .await;
    world.failed(result, SheetErrorKind::Refused, "protected range");
    assert_eq!(world.emulator.book(), before);
    assert_eq!(world.counted("sheets.values.batchUpdateByDataFilter"), 1);
}

#[tokio::test]
async fn a_write_whose_reply_is_lost_is_made_once_and_said_to_be_unknown() {
    for fault in [
        Fault::ResetAfter,
        Fault::Truncate,
        Fault::Empty200,
        Fault::Nonsense,
        Fault::ResetBefore,
        Fault::Html503,
        Fault::Status(500),
        Fault::Hang,
    ] {
        let (world, status, _) = with_marks().await;
        world.emulator.script().fail("sheets.*", When::Every, fault);
        let append = Append {
            sheet_id: 11,
            table: None,
            rows: vec![vec![NewCell::Text("i-9".into())]],
        };
        let appended = world.within(5000).append(&[append]).await;
        world.failed(appended, SheetErrorKind::OutcomeUnknown, "may or may not have happened");
        let written = world.within(5000).write_columns(&[write(status, &[(1, "x")])]).await;
        world.failed(written, SheetErrorKind::OutcomeUnknown, "may or may not have happened");
        assert_eq!(world.counted("sheets.batchUpdate"), 2, "{fault:?}");
        assert_eq!(world.counted("sheets.values.batchUpdateByDataFilter"), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_write_that_met_the_quota_was_not_made_and_is_tried_again() {
    let (world, status, _) = with_marks().await;
    world
        .emulator
        .script()
        .fail("sheets.values.*", When::First, Fault::Throttle);
    world.sheets.write_columns(&[write(status, &[(1, "x")])]).await.unwrap();
    assert_eq!(world.counted("sheets.values.batchUpdateByDataFilter"), 2);
    assert_eq!(world.emulator.writes().len(), 1);
}

#[tokio::test]
async fn columns_inserted_meanwhile_do_not_misdirect_a_write() {
    let (world, status, _) = with_marks().await;
    let desk = world.emulator.desk();
    let insert = move || desk.edit(|book| book.tab_mut(RELEASES).insert_columns(1, 2));
    world
        .emulator
        .script()
        .before("sheets.values.batchUpdateByDataFilter", 1, insert);
    world
        .sheets
        .write_columns(&[write(status, &[(1, "in sync")])])
        .await
        .unwrap();
    let writes: BTreeMap<_, _> = world
        .emulator
        .writes()
        .into_iter()
        .map(|write| (write.header, write.row))
        .collect();
    assert_eq!(writes, BTreeMap::from([("status".to_owned(), 1)]));
}
