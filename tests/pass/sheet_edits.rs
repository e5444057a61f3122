//! People who edit the sheet while a pass runs: what becomes of their row, key or header. Every edit at every point is in
//! `tests/meanwhile.rs`.

use fleetsheet_mocks::sheets::{CellValue, Spreadsheet};

use crate::stage::{ACCOUNT, REGION, RELEASE, SERVERS, Stage};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_without_notes_is_whole() {
    let (stage, _) = Stage::known(3).await;
    stage.sheets.edit(|book| {
        for tab in ["ReleaseSheet", SERVERS] {
            if let Some(column) = book.tab_mut(tab).column("notes") {
                book.tab_mut(tab).delete_columns(column..column + 1);
            }
        }
    });
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.settle().await;
    assert_eq!(
        (ran.json["changed"].as_u64(), ran.problems().len()),
        (Some(3), 0),
        "{ran:?}"
    );
    stage.assert_rows_show_their_own("2.4.0");
}
