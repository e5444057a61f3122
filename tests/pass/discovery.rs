//! Which servers a pass tags, lists and leaves alone.

use fleetsheet_mocks::cloud::State;
use fleetsheet_mocks::sheets::CellValue;

use crate::aftermath::Row;
use crate::stage::{ACCOUNT, REGION, SERVERS, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn discovered_servers_are_listed_and_tagged_in_the_same_pass_and_strangers_left_alone() {
    let (stage, _) = Stage::known(6).await;
    let launch = |tags: &[(&'static str, &'static str)]| {
        stage
            .cloud
            .edit(|fleet| fleet.launch(ACCOUNT, REGION, tags.iter().copied()))
    };
    let ours = launch(&[("Name", "new"), ("ReleaseChannel", "web-prod")]);
    let late = launch(&[
        ("Name", "old"),
        ("ReleaseChannel", "web-prod"),
        ("ReleaseVersion", "1.0.0"),
    ]);
    let other = launch(&[("ReleaseChannel", "billing"), ("ReleaseVersion", "7")]);
    let untagged = launch(&[("Name", "bastion")]);
    let strangers = [stage.cloud.tags(&other), stage.cloud.tags(&untagged)];
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json["discovered"], 2);
    assert_eq!(ran.json["servers"], 8);
    assert_eq!(ran.json["not_ours"]["billing"], 1);
    for id in [&ours, &late] {
        assert_eq!(stage.version(id), "2.3.9");
        assert_eq!(stage.server_cell(id, "channel"), "web-prod");
    }
    stage.assert_rows_show_their_own("2.3.9");
    stage.assert_rows_are_single();
    stage.assert_only_service_cells_were_written();
    assert_eq!([stage.cloud.tags(&other), stage.cloud.tags(&untagged)], strangers);
    assert!(!ran.stdout.contains(&untagged));
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_server_ends_with_the_status_that_its_row_and_its_state_give_it() {
    let (stage, ids) = Stage::known(30).await;
    stage.set_server(&ids[0], "hold", true);
    stage.set_server(&ids[1], "channel", "web-prd");
    stage.set_server(&ids[2], "channel", "");
    stage.cloud.edit(|fleet| {
        fleet.set_state(&ids[3], State::Terminated);
        fleet.vanish(&ids[4]);
        fleet.set_state(&ids[5], State::Stopped);
    });
    stage.set_server(&ids[6], "tag:Owner", "team-a");
    stage.sheets.edit(|book| {
        let twin = |id: &str, channel: &str| [("serverId", CellValue::from(id)), ("channel", CellValue::from(channel))];
        book.tab_mut(SERVERS).add_row(&twin(&ids[7], "web-prod"));
        book.tab_mut(SERVERS).add_row(&twin(&ids[8], "elsewhere"));
    });
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "rows with errors are problems, not a failure: {ran:?}");
    let status = |i: usize| stage.server_cell(&ids[i], "status");
    assert_eq!((status(0).as_str(), stage.version(&ids[0]).as_str()), ("held", "2.3.9"));
    assert_eq!(
        (status(1).as_str(), stage.version(&ids[1]).as_str()),
        ("unknown channel", "2.3.9")
    );
    assert_eq!(
        (status(2).as_str(), stage.version(&ids[2]).as_str()),
        ("unassigned: carries web-prod 2.3.9", "2.3.9")
    );
    assert_eq!((status(3).as_str(), status(4).as_str()), ("terminated", "missing"));
    assert_eq!(
        (status(5).as_str(), stage.version(&ids[5]).as_str()),
        ("in sync", "2.4.0")
    );
    assert_eq!(stage.server_cell(&ids[5], "state"), "stopped");
    assert_eq!(
        (status(6).as_str(), stage.tag(&ids[6], "Owner").as_deref()),
        ("in sync", Some("team-a"))
    );
    assert_eq!(
        (status(7).as_str(), stage.version(&ids[7]).as_str()),
        ("in sync", "2.4.0")
    );
    assert_eq!(
        (status(8).as_str(), stage.version(&ids[8]).as_str()),
        ("duplicate", "2.3.9")
    );
    assert_eq!(ran.json["missing"], 1);
    assert_eq!(ran.json["held"], 1);
    assert_eq!(
        ran.problems_of("mismatch").len(),
        3,
        "unknown, missing, duplicate: {:?}",
        ran.problems()
    );
    stage.assert_only_service_cells_were_written();
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_corrected_and_tags_that_are_not_managed_stay() {
    let (stage, ids) = Stage::known(12).await;
    stage.cloud.edit(|fleet| {
        fleet.set_tag(&ids[0], "ReleaseVersion", "9.9.9");
        fleet.delete_tag(&ids[1], "ReleaseVersion");
        fleet.set_tag(&ids[2], "Team", "them");
        fleet.set_tag(&ids[2], "Owner", "them");
    });
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.json["changed"].as_u64()), (0, Some(2)), "{ran:?}");
    assert_eq!(stage.tag(&ids[2], "Team").as_deref(), Some("them"));
    assert_eq!(
        stage.tag(&ids[2], "Owner").as_deref(),
        Some("them"),
        "the blank cell asks for nothing"
    );
    stage.assert_rows_show_their_own("2.3.9");
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_server_whose_row_was_deleted_comes_back_held() {
    let (stage, ids) = Stage::known(8).await;
    stage.set_server(&ids[3], "hold", true);
    stage.settle().await;
    stage.sheets.edit(|book| {
        let row = book.tab_mut(SERVERS).find("serverId", &ids[3]).unwrap();
        book.tab_mut(SERVERS).delete_rows(row..row + 1);
    });
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(stage.version(&ids[3]), "2.3.9");
    assert_eq!(stage.server_cell(&ids[3], "hold"), "Bool(true)");
    assert_eq!(stage.server_cell(&ids[3], "status"), "held");
    assert_eq!(stage.version(&ids[4]), "2.4.0");
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_observe_mode_nothing_is_tagged_but_rows_and_statuses_are_written() {
    let (mut stage, ids) = Stage::web(6).await;
    stage.setting("FLEETSHEET_MODE", "observe");
    stage.settle().await;
    let new = stage
        .cloud
        .edit(|fleet| fleet.launch(ACCOUNT, REGION, [("ReleaseChannel", "web-prod")]));
    stage
        .cloud
        .edit(|fleet| fleet.set_tag(&ids[1], "ReleaseVersion", "9.9.9"));
    stage.turn_keys("web-prod", "2.4.0");
    let tags = stage.cloud.audit();
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        (ran.json["discovered"].as_u64(), ran.json["changed"].as_u64()),
        (Some(1), Some(0))
    );
    assert_eq!(ran.release("web-prod"), "2.3.9");
    assert!(
        stage
            .release_cell("web-prod", "status")
            .starts_with("observe: would release 2.4.0"),
        "{ran:?}"
    );
    assert_eq!(stage.server_cell(&new, "channel"), "web-prod");
    let would = stage.server_cell(&ids[1], "status");
    assert_eq!(would, "observe: would set ReleaseVersion 9.9.9 → 2.3.9 (drift)");
    stage.set("web-prod", "rollback", true);
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(stage.cloud.audit(), tags);
    stage.assert_only_service_cells_were_written();

    // The first pass in earnest finds the keys and the box as they stand.
    stage.settings.clear();
    stage.set("web-prod", "rollback", false);
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.release("web-prod")), (0, "2.4.0"), "{ran:?}");
    stage.assert_rows_show_their_own("2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rows_that_agree_keep_their_cells_while_others_are_written() {
    let (stage, ids) = Stage::known(5).await;
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        let copy = tab.rows[2].clone();
        tab.rows.insert(4, copy);
    });
    stage.settle().await;
    let rows = |stage: &Stage| -> Vec<Row> {
        let both = stage.world().servers;
        both.into_iter().filter(|row| row["serverId"] == ids[1]).collect()
    };
    let before = rows(&stage);
    assert_eq!(before.len(), 2);
    assert!(before.iter().all(|row| row["status"] == "in sync"), "{before:?}");
    let tags = [("Name", "new"), ("ReleaseChannel", "web-prod")];
    stage.cloud.edit(|fleet| {
        fleet.launch(ACCOUNT, REGION, tags);
        assert!(fleet.set_tag(&ids[3], "Name", "another"));
    });
    stage.settle().await;
    assert_eq!(rows(&stage), before);
    stage.assert_silent().await;
}
