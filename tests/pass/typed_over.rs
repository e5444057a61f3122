//! Service cells of servers that somebody typed over: written anew, and told once with before and found.

use crate::stage::{SERVERS, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_service_cell_typed_over_is_restored_and_told_once() {
    let (stage, ids) = Stage::known(4).await;
    stage.with_audit_tab();
    stage.forget_the_look_for_an_audit_tab().await;
    stage.settle().await;
    let keys = [
        stage.release_cell("web-prod", "desiredVersionA"),
        stage.release_cell("web-prod", "updatedAt"),
    ];
    stage.set_server(&ids[1], "status", "all fine, do not touch");
    stage.set_server(&ids[2], "releaseVersion", "9.9.9");
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = ran.problems_of("unauthorised_edit");
    assert_eq!(told.len(), 1, "{told:?}");
    for words in [
        "2 rows",
        &ids[1],
        "in sync",
        "all fine, do not touch",
        &ids[2],
        "2.3.9",
        "9.9.9",
        "restored",
    ] {
        assert!(told[0].contains(words), "{words}: {told:?}");
    }
    stage.assert_rows_show_their_own("2.3.9");
    let edits = |stage: &Stage| {
        stage
            .audit_lines()
            .iter()
            .filter(|line| line[0] == "unauthorised_edit")
            .count()
    };
    assert_eq!(edits(&stage), 1);
    stage.assert_silent().await;
    assert_eq!(edits(&stage), 1);
    // Nobody's key is spent by it: the row of the channel was not touched.
    assert_eq!(
        keys,
        [
            stage.release_cell("web-prod", "desiredVersionA"),
            stage.release_cell("web-prod", "updatedAt")
        ]
    );
    stage.turn_keys("web-prod", "2.4.0");
    assert_eq!(stage.settle().await.release("web-prod"), "2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_sort_or_insert_whole_rows_are_told_nothing() {
    let (stage, ids) = Stage::known(6).await;
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        tab.sort_rows("serverId", true);
        tab.insert_rows(2, 2);
        tab.insert_columns(1, 1);
    });
    let ran = stage.assert_silent().await;
    assert_eq!(ran.problems(), [""; 0]);
    stage.set_server(&ids[0], "notes", "mine");
    assert_eq!(stage.assert_silent().await.problems(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_sorted_tab_is_put_right_and_told() {
    let (stage, ids) = Stage::known(6).await;
    // Ids and channels are sorted, the rest stays where it is.
    stage
        .sheets
        .edit(|book| book.tab_mut(SERVERS).sort_columns_only(0..2, "serverId", true));
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.problems_of("unauthorised_edit").len(), 1, "{ran:?}");
    stage.assert_rows_show_their_own("2.3.9");
    assert_eq!(stage.version(&ids[0]), "2.3.9");
    assert_eq!(stage.assert_silent().await.problems(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_deleted_and_is_typed_again_is_no_edit() {
    let (mut stage, ids) = Stage::known(6).await;
    stage.setting("FLEETSHEET_DISCOVERY__ROWS", "none");
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        let row = tab.find("serverId", &ids[5]).expect("row");
        tab.delete_rows(row..row + 1);
    });
    stage.settle().await;
    stage.sheets.edit(|book| {
        let row = book.tab_mut(SERVERS).data_rows();
        book.set(SERVERS, (row + 1, "serverId"), ids[5].as_str());
        book.set(SERVERS, (row + 1, "channel"), "web-prod");
        book.set(SERVERS, (row + 1, "hold"), true);
    });
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.problems()), (0, Vec::new()), "{ran:?}");
    assert_eq!(stage.server_cell(&ids[5], "status"), "held");
}
