//! Protected ranges of somebody else over columns of the service: which they are is told, and all others are written.

use fleetsheet_mocks::sheets::SERVICE_ACCOUNT;

use crate::stage::{ACCOUNT, OWNER, REGION, RELEASE, SERVERS, Stage};

/// Somebody protects a column for themselves.
fn close(stage: &Stage, tab: &str, header: &str, description: &str) -> i64 {
    stage.sheets.edit(|book| {
        let id = book.protect_column(tab, header, &[OWNER]);
        description.clone_into(&mut book.protected_mut(id).description);
        id
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_column_is_named_with_a_way_out_and_all_others_are_written() {
    let (stage, ids) = Stage::known(3).await;
    let range = close(&stage, RELEASE, "status", "finance: do not touch");
    stage.set("web-prod", "desiredVersionA", "2.4.0");
    stage.cloud.edit(|fleet| fleet.set_tag(&ids[1], "Name", "renamed"));
    let ran = stage.once().await;
    assert_eq!(
        (ran.code, ran.status("web-prod")),
        (1, "waiting for key B: A=2.4.0, B=2.3.9"),
        "{ran:?}"
    );
    assert_eq!(stage.server_cell(&ids[1], "name"), "renamed");
    let told = ran.json["problems"].as_array().unwrap();
    let problem = told.iter().find(|p| p["kind"] == "api_failure").unwrap();
    let place = problem["where"].as_str().unwrap();
    assert!(place.starts_with("ReleaseSheet!"), "{problem}");
    let message = problem["message"].as_str().unwrap();
    for part in [
        "(status)",
        "\"finance: do not touch\"",
        SERVICE_ACCOUNT,
        "one of its editors, or remove it",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(
        !message.contains("init"),
        "it cannot repair what is somebody else's: {message}"
    );
    assert_eq!(stage.release_cell("web-prod", "status"), "in sync", "it is closed");
    // What the row shows is still the service's own: nothing is an edit, and no key is spent.
    let again = stage.once().await;
    assert_eq!(again.problems_of("unauthorised_edit"), [""; 0], "{again:?}");
    stage.set("web-prod", "desiredVersionB", "2.4.0");
    let promoted = stage.once().await;
    assert_eq!(promoted.release("web-prod"), "2.4.0", "{promoted:?}");
    assert_eq!(
        stage.release_cell("web-prod", "releaseVersion"),
        "2.4.0",
        "{promoted:?}"
    );
    stage.assert_rows_show_their_own("2.4.0");
    stage.turn_keys("web-prod", "2.5.0");
    assert_eq!(stage.once().await.release("web-prod"), "2.5.0");
    stage.sheets.edit(|book| book.unprotect(range));
    stage.settle().await;
    assert_eq!(stage.version(&ids[0]), "2.5.0");
    stage.assert_rows_show_their_own("2.5.0");
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_stamp_keeps_its_tab_as_it_was_and_the_other_is_written() {
    for header in ["releaseVersion", "updatedAt"] {
        let (stage, _) = Stage::known(3).await;
        let before = stage.release_cell("web-prod", "updatedAt");
        let range = close(&stage, RELEASE, header, "");
        stage.turn_keys("web-prod", "2.4.0");
        let ran = stage.once().await;
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(
            ran.problems_of("api_failure")[0].contains("without a description"),
            "{ran:?}"
        );
        assert_eq!(
            stage.release_cell("web-prod", "updatedAt"),
            before,
            "{header}: half a stamp would be an edit"
        );
        stage.assert_rows_show_their_own("2.4.0");
        let again = stage.once().await;
        assert_eq!(again.problems_of("unauthorised_edit"), [""; 0], "{again:?}");
        stage.sheets.edit(|book| book.unprotect(range));
        let ran = stage.settle().await;
        assert_eq!(
            (
                ran.problems().len(),
                stage.release_cell("web-prod", "releaseVersion").as_str()
            ),
            (0, "2.4.0"),
            "{ran:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_server_tab_too() {
    let (stage, ids) = Stage::known(4).await;
    close(&stage, SERVERS, "name", "ours");
    stage.cloud.edit(|fleet| fleet.set_tag(&ids[0], "Name", "renamed"));
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(stage.server_cell(&ids[0], "releaseVersion"), "2.4.0", "{ran:?}");
    assert_ne!(stage.server_cell(&ids[0], "name"), "renamed");
    let again = stage.once().await;
    assert_eq!(
        (again.problems_of("unauthorised_edit").len(), &again.json["changed"]),
        (0, &0.into()),
        "{again:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_column_beside_what_an_appended_row_holds_keeps_no_row_out() {
    for header in ["status", "updatedAt", "region"] {
        let (stage, _) = Stage::known(3).await;
        let range = close(&stage, SERVERS, header, "ours");
        let tags = [("Name", "new"), ("ReleaseChannel", "web-prod")];
        let new = stage.cloud.edit(|fleet| fleet.launch(ACCOUNT, REGION, tags));
        let ran = stage.once().await;
        assert_eq!((ran.code, &ran.json["discovered"]), (1, &1.into()), "{header}: {ran:?}");
        let told = ran.problems_of("api_failure");
        assert!(
            told.len() == 1 && told[0].contains(&format!("({header})")),
            "{header}: {told:?}"
        );
        assert_eq!(stage.server_cell(&new, "channel"), "web-prod", "{header}");
        assert_eq!(stage.server_cell(&new, header), "", "it is closed");
        assert_eq!(stage.version(&new), "2.3.9", "{header}");
        stage.sheets.edit(|book| book.unprotect(range));
        assert_eq!(stage.settle().await.problems(), [""; 0], "{header}");
        stage.assert_rows_are_single();
        stage.assert_rows_show_their_own("2.3.9");
        stage.assert_silent().await;
    }
}
