//! People who edit the sheet while a pass runs, between any two of its requests.

use fleetsheet_mocks::sheets::{CellValue, Spreadsheet};

use crate::aftermath::{Row, human_cells};
use crate::stage::{ACCOUNT, REGION, RELEASE, SERVERS, Stage};

type Edit = fn(&mut Spreadsheet);

/// What somebody may do meanwhile, and whether it changes no cell of theirs but only its place.
const EDITS: [(&str, Edit); 12] = [
    ("insert rows above", |book| book.tab_mut(SERVERS).insert_rows(1, 2)),
    ("insert a row in the middle", |book| {
        book.tab_mut(SERVERS).insert_rows(4, 1)
    }),
    ("delete a blank row and sort", |book| {
        book.tab_mut(SERVERS).insert_rows(3, 1);
        book.tab_mut(SERVERS).sort_rows("serverId", true);
    }),
    ("sort the servers", |book| {
        book.tab_mut(SERVERS).sort_rows("serverId", true)
    }),
    ("move rows", |book| book.tab_mut(SERVERS).move_rows(2..4, 7)),
    ("insert columns", |book| {
        book.tab_mut(SERVERS).insert_columns(0, 1);
        book.tab_mut(RELEASE).insert_columns(3, 2);
    }),
    ("move a service column", |book| {
        book.tab_mut(SERVERS).move_column("status", 0);
        book.tab_mut(RELEASE).move_column("updatedAt", 1);
    }),
    ("move the key column", |book| {
        book.tab_mut(SERVERS).move_column("serverId", 8)
    }),
    ("insert release rows", |book| book.tab_mut(RELEASE).insert_rows(1, 3)),
    ("move release rows", |book| {
        book.tab_mut(RELEASE).insert_rows(2, 3);
        book.tab_mut(RELEASE).move_rows(1..2, 4);
    }),
    ("add a column of their own", |book| {
        book.tab_mut(SERVERS).add_column("rack")
    }),
    ("write notes", |book| {
        book.set(SERVERS, (5, "notes"), "look at this one");
        book.set(RELEASE, (2, "notes"), "big day");
        book.tab_mut(SERVERS)
            .add_row(&[("notes", "a line of text below")].map(|(header, text)| (header, CellValue::from(text))));
    }),
];

/// Runs a promotion that also appends a row, with the edit just before the nth request, and looks whether all ends well.
/// Gives whether the appended row went astray; `None` if there was no such request.
async fn disturbed(what: &str, edit: Edit, nth: u64) -> Option<bool> {
    let (stage, _) = Stage::known(8).await;
    stage.turn_keys("web-prod", "2.4.0");
    let tags = [("Name", "new"), ("ReleaseChannel", "web-prod")];
    let new = stage.cloud.edit(|fleet| fleet.launch(ACCOUNT, REGION, tags));
    let desk = stage.sheets.desk();
    let (told, seen) = std::sync::mpsc::channel();
    stage.sheets.script().before("sheets.*", nth, move || {
        let human = desk.edit(|book| {
            edit(book);
            human_cells(book)
        });
        told.send(human).unwrap();
    });
    let ran = stage.once().await;
    let Ok(mut human) = seen.try_recv() else { return None };
    // The one window that the API leaves open: an append lays out its cells by the columns of the look before it.
    let strayed = stage
        .sheets
        .writes()
        .iter()
        .any(|w| w.header != "serverId" && w.after == CellValue::Text(new.clone()));
    let context = format!("{what}, before request {nth}: {ran:?}");
    assert!([0, 1].contains(&ran.code), "{context}");
    stage.assert_only_service_cells_were_written();
    let last = stage.once().await;
    assert_eq!(last.code, 0, "{context}\n{last:?}");
    assert_eq!(last.problems_of("unauthorised_edit"), [""; 0], "{context}");
    assert_eq!(last.release("web-prod"), "2.4.0", "{context}");
    stage.assert_only_service_cells_were_written();
    stage.assert_rows_are_single();
    // The one row that came by itself aside, everybody's cells are as they left them.
    let mut now = human_cells(&stage.sheets.book());
    for cells in [&mut human, &mut now] {
        let listed = |row: &Row| row.get("serverId").is_some_and(|id| id.starts_with("i-") && *id != new);
        let astray = |row: &Row| strayed && !listed(row);
        cells[1].retain(|row| row.get("serverId") != Some(&new) && !astray(row));
    }
    assert_eq!(now, human, "{context}");
    assert_eq!(stage.version(&new), "2.4.0", "{context}");
    assert_eq!(stage.server_cell(&new, "status"), "in sync", "{context}");
    if strayed {
        return Some(true);
    }
    stage.sheets.edit(|book| {
        let notes = book.tab_mut(SERVERS).data_rows();
        if book.get(SERVERS, (notes, "serverId")).is_empty() {
            book.tab_mut(SERVERS).delete_rows(notes - 1..notes);
        }
    });
    stage.assert_rows_show_their_own("2.4.0");
    stage.assert_silent().await;
    Some(false)
}

/// Tries an edit before each request that a pass makes.
async fn disturb(what: &str) {
    let (_, edit) = EDITS.into_iter().find(|(name, _)| *name == what).unwrap();
    let (mut tried, mut strayed) = (0, 0);
    for nth in 1.. {
        let Some(astray) = disturbed(what, edit, nth).await else {
            break;
        };
        tried += 1;
        strayed += u32::from(astray);
    }
    assert!(
        tried >= 5,
        "{tried}: two looks, an append, a write and a look at what was written"
    );
    assert!(strayed <= 1, "{strayed}: only between the look and the append");
}

/// One test for each edit, so that they run side by side and a failure names its edit.
macro_rules! each_edit {
    ($($name:ident: $what:literal,)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            disturb($what).await;
        })*

        #[test]
        fn each_edit_has_its_test() {
            assert_eq!(EDITS.map(|(name, _)| name), [$($what),*]);
        }
    };
}

each_edit! {
    rows_inserted_above: "insert rows above",
    a_row_inserted_in_the_middle: "insert a row in the middle",
    a_row_inserted_and_all_sorted: "delete a blank row and sort",
    servers_sorted: "sort the servers",
    rows_moved: "move rows",
    columns_inserted: "insert columns",
    service_columns_moved: "move a service column",
    the_key_column_moved: "move the key column",
    release_rows_inserted: "insert release rows",
    release_rows_moved: "move release rows",
    a_column_added: "add a column of their own",
    notes_written: "write notes",
}

/// A pass that promotes, with one edit before its nth request of the method.
async fn meanwhile(
    method: &str,
    nth: u64,
    edit: impl FnOnce(&mut Spreadsheet, &[String]) + Send + 'static,
) -> (Stage, Vec<String>) {
    let (stage, ids) = Stage::known(8).await;
    stage.turn_keys("web-prod", "2.4.0");
    let (desk, own) = (stage.sheets.desk(), ids.clone());
    stage
        .sheets
        .script()
        .before(method, nth, move || desk.edit(|book| edit(book, &own)));
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    stage.assert_only_service_cells_were_written();
    (stage, ids)
}

const WRITE: &str = "sheets.values.batchUpdateByDataFilter";
const LOOK: &str = "sheets.values.batchGetByDataFilter";

#[tokio::test(flavor = "multi_thread")]
async fn a_row_deleted_meanwhile_comes_back_as_a_discovered_one_and_others_stay_right() {
    for (method, nth) in [(LOOK, 1), (WRITE, 1), (LOOK, 2)] {
        let (stage, ids) = meanwhile(method, nth, |book, ids| {
            let row = book.tab_mut(SERVERS).find("serverId", &ids[2]).unwrap();
            book.tab_mut(SERVERS).delete_rows(row..row + 1);
        })
        .await;
        let ran = stage.settle().await;
        assert_eq!(ran.json["discovered"], 1, "{ran:?}");
        assert_eq!(stage.server_cell(&ids[2], "channel"), "web-prod");
        stage.assert_rows_are_single();
        stage.assert_rows_show_their_own("2.4.0");
        stage.assert_silent().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_row_deleted_meanwhile_leaves_no_ghost_of_service_cells() {
    for (method, nth) in [(WRITE, 1), (LOOK, 2)] {
        let (stage, ids) = meanwhile(method, nth, |book, ids| {
            let row = book.tab_mut(SERVERS).find("serverId", &ids[7]).unwrap();
            book.tab_mut(SERVERS).delete_rows(row..row + 1);
        })
        .await;
        stage.settle().await;
        assert_eq!(stage.world().servers.len(), 8);
        assert!(
            stage.world().servers.iter().all(|row| row.contains_key("serverId")),
            "{:?}",
            stage.world().servers
        );
        stage.assert_rows_show_their_own("2.4.0");
        assert_eq!(stage.server_cell(&ids[7], "status"), "in sync");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_somebody_adds_meanwhile_is_not_added_again() {
    for nth in 1..=3 {
        let (stage, _) = Stage::known(6).await;
        let new = stage
            .cloud
            .edit(|fleet| fleet.launch(ACCOUNT, REGION, [("ReleaseChannel", "web-prod")]));
        let (desk, id) = (stage.sheets.desk(), new.clone());
        stage.sheets.script().before("sheets.get", nth, move || {
            desk.edit(|book| {
                let cells = [("serverId", id.as_str()), ("channel", "web-prod"), ("notes", "mine")];
                book.tab_mut(SERVERS)
                    .add_row(&cells.map(|(header, text)| (header, CellValue::from(text))));
            });
        });
        stage.settle().await;
        // A hook that waits for a third look has not run yet: there are two.
        stage.sheets.script().clear();
        stage.settle().await;
        stage.assert_rows_are_single();
        assert_eq!(stage.server_cell(&new, "notes"), if nth <= 2 { "mine" } else { "" });
        stage.assert_rows_show_their_own("2.3.9");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_taken_back_after_the_read_counts_from_the_next_pass_on() {
    let (stage, _) = meanwhile("sheets.values.batchGetByDataFilter", 1, |book, _| {
        book.set(RELEASE, (2, "desiredVersionB"), "2.3.9");
    })
    .await;
    assert_eq!(stage.release_cell("web-prod", "desiredVersionB"), "2.3.9");
    let ran = stage.settle().await;
    assert_eq!(ran.status("web-prod"), "waiting for key A: A=2.4.0, B=2.3.9");
    stage.assert_rows_show_their_own("2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_renamed_meanwhile_is_written_under_no_other_name() {
    let (stage, ids) = Stage::known(5).await;
    stage.turn_keys("web-prod", "2.4.0");
    let desk = stage.sheets.desk();
    stage.sheets.script().before(LOOK, 1, move || {
        desk.edit(|book| book.tab_mut(SERVERS).rename_column("status", "mine"))
    });
    stage.once().await;
    assert!(
        stage.sheets.writes().iter().all(|write| write.header != "mine"),
        "{:?}",
        stage.sheets.writes()
    );
    assert_eq!(stage.version(&ids[0]), "2.4.0");
    stage
        .sheets
        .edit(|book| book.tab_mut(SERVERS).rename_column("mine", "status"));
    let ran = stage.settle().await;
    assert_eq!(ran.problems_of("unauthorised_edit"), [""; 0]);
    stage.assert_rows_show_their_own("2.4.0");
}
