//! What stops a pass before anything is written, and what an operator may say to let one through.

use std::collections::BTreeSet;
use std::sync::mpsc;

use fleetsheet_mocks::sheets::{CellValue, SERVICE_ACCOUNT, Spreadsheet};

use crate::stage::{RELEASE, Ran, SERVERS, Stage};

const JSON: [&str; 3] = ["--once", "--format", "json"];

type Damage = fn(&mut Spreadsheet);

/// A pass that must stop with exit 5 and leave cells, marks, tags and memory as they are.
async fn assert_stops(stage: &Stage, says: &str) -> Ran {
    let (book, tags) = (stage.sheets.book(), stage.cloud.audit());
    let ran = stage.once().await;
    assert_eq!(
        (ran.code, ran.json["outcome"].as_str()),
        (5, Some("stopped")),
        "{ran:?}"
    );
    assert!(
        ran.problems().iter().any(|problem| problem.contains(says)),
        "{says}: {:?}",
        ran.problems()
    );
    assert_eq!(stage.sheets.book(), book);
    assert_eq!(stage.cloud.audit(), tags);
    ran
}

/// Known servers with a release that waits to be promoted, so that a pass that does not stop shows.
async fn waiting() -> (Stage, Vec<String>) {
    let (stage, ids) = Stage::known(6).await;
    stage.turn_keys("web-prod", "2.4.0");
    (stage, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_tab_or_column_or_a_doubled_header_stops_the_pass() {
    let (stage, _) = waiting().await;
    let good = stage.sheets.book();
    let damages: [(&str, Damage, &str); 6] = [
        ("no server tab", |book| book.delete_tab(SERVERS), SERVERS),
        ("no release tab", |book| book.rename_tab(RELEASE, "Releases"), RELEASE),
        (
            "no key",
            |book| book.tab_mut(RELEASE).delete_column("desiredVersionB"),
            "desiredVersionB",
        ),
        (
            "no box",
            |book| book.tab_mut(RELEASE).rename_column("rollback", "rolback"),
            "rollback",
        ),
        (
            "no ids",
            |book| book.tab_mut(SERVERS).delete_column("serverId"),
            "serverId",
        ),
        (
            "two keys A",
            |book| book.tab_mut(RELEASE).add_column(" DESIREDVERSIONa "),
            "desiredVersionA",
        ),
    ];
    for (what, damage, says) in damages {
        stage.sheets.edit(damage);
        let ran = assert_stops(&stage, says).await;
        assert_eq!(ran.release("web-prod"), "2.3.9", "{what}");
        let plan = stage.run(&["plan", "--exit-code"]).await;
        assert_eq!(plan.code, 5, "{what}: {plan:?}");
        stage.sheets.edit(|book| book.clone_from(&good));
    }
    assert_eq!(stage.once().await.release("web-prod"), "2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tab_under_the_old_name_stops_until_it_is_allowed() {
    let (stage, _) = waiting().await;
    stage.sheets.edit(|book| {
        book.copy_tab(SERVERS, "copy");
        book.delete_tab(SERVERS);
        book.rename_tab("copy", SERVERS);
    });
    assert_stops(&stage, "belt tab").await;
    let allowed = stage.run(&[&JSON[..], &["--allow", "tab"]].concat()).await;
    assert_eq!((allowed.code, allowed.release("web-prod")), (0, "2.4.0"), "{allowed:?}");
    stage.assert_rows_show_their_own("2.4.0");
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_store_stops_and_may_take_over() {
    let (mut stage, ids) = waiting().await;
    let first = format!("sqlite:{}", stage.path("state/fleetsheet.db").display());
    let second = format!("sqlite:{}", stage.path("laptop/fleetsheet.db").display());
    stage.setting("FLEETSHEET_STATE__URL", &second);
    assert_stops(&stage, "belt store").await;
    stage.set("web-prod", "rollback", true);
    let takeover = [&JSON[..], &["--takeover"]].concat();
    let taken = stage.run_with(&takeover, &[("SUDO_USER", "night")]).await;
    let event = &taken.json["events"]
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["event"] == "takeover");
    let detail = event.unwrap()["detail"].as_str().unwrap();
    assert!(detail.starts_with("ordered by night@"), "{detail}");
    assert_eq!((taken.code, taken.release("web-prod")), (0, "2.3.9"), "{taken:?}");
    assert!(taken.status("web-prod").contains("untick and tick again"), "{taken:?}");
    stage.set("web-prod", "rollback", false);
    let held = stage.once().await;
    assert_eq!(held.code, 0, "{held:?}");
    assert!(
        held.status("web-prod").contains("must be approved again"),
        "all keys are spent: {held:?}"
    );
    assert_eq!(stage.version(&ids[0]), "2.3.9");

    stage.setting("FLEETSHEET_STATE__URL", &first);
    assert_stops(&stage, "belt store").await;
    let back = stage.run(&[&JSON[..], &["--takeover"]].concat()).await;
    assert_eq!(back.code, 0, "{back:?}");
    stage.turn_keys("web-prod", "");
    stage.settle().await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    stage.assert_rows_show_their_own("2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_store_stops_and_a_takeover_keeps_the_way_back_of_protected_columns() {
    let (stage, _) = waiting().await;
    stage.settle().await;
    std::fs::remove_dir_all(stage.path("state")).unwrap();
    assert_stops(&stage, "belt store").await;
    stage.sheets.edit(|book| {
        for header in ["releaseVersion", "previousVersion", "status", "updatedAt"] {
            book.protect_column(RELEASE, header, &[SERVICE_ACCOUNT]);
        }
    });
    let taken = stage.run(&[&JSON[..], &["--takeover"]].concat()).await;
    assert_eq!((taken.code, taken.release("web-prod")), (0, "2.4.0"), "{taken:?}");
    assert_eq!(stage.release_cell("web-prod", "previousVersion"), "2.3.9");
    stage.set("web-prod", "rollback", true);
    stage.settle().await;
    stage.assert_rows_show_their_own("2.3.9");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shrunken_sheet_holds_promotions_until_it_is_allowed() {
    let (stage, ids) = Stage::known(10).await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.sheets.edit(|book| book.tab_mut(SERVERS).delete_rows(1..5));
    stage.cloud.edit(|fleet| fleet.set_tag(&ids[7], "ReleaseVersion", "9"));
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.json["outcome"].as_str()), (5, Some("held")), "{ran:?}");
    let belts = ran.problems_of("belt");
    assert!(
        belts
            .iter()
            .any(|b| b.contains("4 of the 10") && b.contains("40 %") && b.contains("30 %")),
        "{belts:?}"
    );
    assert_eq!(
        (ran.release("web-prod"), ran.json["discovered"].as_u64()),
        ("2.3.9", Some(0))
    );
    assert_eq!(
        (stage.version(&ids[7]), stage.version(&ids[0])),
        ("2.3.9".into(), "2.3.9".into())
    );

    let allowed = stage.run(&[&JSON[..], &["--allow", "row_drop"]].concat()).await;
    assert_eq!((allowed.code, allowed.release("web-prod")), (0, "2.4.0"), "{allowed:?}");
    assert_eq!(allowed.json["discovered"], 4);
    stage.assert_rows_show_their_own("2.4.0");
    stage.assert_rows_are_single();
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_goes_through_a_shrunken_sheet_and_reaches_servers_without_rows() {
    let (stage, ids) = Stage::known(10).await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    stage.sheets.edit(|book| book.tab_mut(SERVERS).delete_rows(1..5));
    stage.set("web-prod", "rollback", true);
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.release("web-prod")), (5, "2.3.9"), "{ran:?}");
    let versions: BTreeSet<String> = ids.iter().map(|id| stage.version(id)).collect();
    assert_eq!(versions, BTreeSet::from(["2.3.9".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_without_two_keys_wait_until_they_are_allowed() {
    let (stage, ids) = Stage::known(20).await;
    for id in &ids[..6] {
        stage.set_server(id, "tag:Owner", "team-a");
    }
    stage.cloud.edit(|fleet| {
        ids[..10]
            .iter()
            .for_each(|id| assert!(fleet.set_tag(id, "Owner", "team-b")))
    });
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.json["outcome"].as_str()), (5, Some("held")), "{ran:?}");
    assert!(
        ran.problems_of("belt").iter().any(|b| b.starts_with("belt unapproved")),
        "{:?}",
        ran.problems()
    );
    assert_eq!(stage.tag(&ids[0], "Owner").as_deref(), Some("team-b"));
    assert_eq!(
        (stage.version(&ids[0]), stage.version(&ids[19])),
        ("2.4.0".into(), "2.4.0".into())
    );
    let plan = stage.run(&["plan", "--exit-code", "--format", "json"]).await;
    assert_eq!(plan.code, 5);
    let held = plan.json["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["held"] == true)
        .count();
    assert_eq!(held, 6, "what is held is still shown whole");

    let allowed = stage.run(&[&JSON[..], &["--allow", "unapproved"]].concat()).await;
    assert_eq!(
        (allowed.code, allowed.json["changed"].as_u64()),
        (0, Some(6)),
        "{allowed:?}"
    );
    assert_eq!(stage.tag(&ids[5], "Owner").as_deref(), Some("team-a"));
    assert_eq!(stage.tag(&ids[6], "Owner").as_deref(), Some("team-b"));
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_version_of_the_file_stops_until_it_is_allowed() {
    let (stage, ids) = Stage::known(6).await;
    let old = stage.sheets.book();
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    stage.sheets.edit(|book| book.restore(&old));
    assert_stops(&stage, "belt history").await;
    let allowed = stage.run(&[&JSON[..], &["--allow", "history"]].concat()).await;
    assert_eq!((allowed.code, allowed.release("web-prod")), (0, "2.4.0"), "{allowed:?}");
    stage.assert_rows_show_their_own("2.4.0");
    assert_eq!(stage.version(&ids[0]), "2.4.0");
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shrunken_region_marks_nothing_missing_until_it_is_allowed() {
    let (stage, ids) = Stage::known(10).await;
    stage
        .cloud
        .edit(|fleet| ids[..4].iter().for_each(|id| assert!(fleet.vanish(id))));
    let before = stage.world().servers;
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.json["missing"].as_u64()), (5, Some(0)), "{ran:?}");
    assert_eq!(stage.world().servers, before);
    let allowed = stage.run(&[&JSON[..], &["--allow", "fleet_drop"]].concat()).await;
    assert_eq!(
        (allowed.code, allowed.json["missing"].as_u64()),
        (0, Some(4)),
        "{allowed:?}"
    );
    assert_eq!(stage.server_cell(&ids[0], "status"), "missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_pass_at_the_same_time_says_who_is_at_it_and_leaves() {
    let (stage, _) = waiting().await;
    let (go_on, wait) = mpsc::channel::<()>();
    let (came, begun) = mpsc::channel::<()>();
    stage.cloud.script().before("ec2.CreateTags", 1, move || {
        came.send(()).unwrap();
        // A worker that just blocked would stall the runtime's sockets with it.
        tokio::task::block_in_place(|| wait.recv()).unwrap();
    });
    let second = async {
        tokio::task::block_in_place(|| begun.recv().unwrap());
        let asked = stage.sheets.script().log().len();
        let second = stage.once().await;
        assert_eq!(stage.sheets.script().log().len(), asked, "it asks nobody anything");
        go_on.send(()).unwrap();
        second
    };
    let (first, second) = tokio::join!(stage.once(), second);
    assert_eq!(
        (second.code, second.json["outcome"].as_str()),
        (6, Some("busy")),
        "{second:?}"
    );
    assert!(
        second.problems()[0].contains(first.json["run"].as_str().unwrap()),
        "{:?}",
        second.problems()
    );
    assert_eq!((first.code, first.release("web-prod")), (0, "2.4.0"), "{first:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_configuration_cannot_mean_is_exit_2_with_every_mistake_named() {
    let (mut stage, _) = waiting().await;
    let path = stage.path("fleetsheet.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        format!("{text}\n[belts]\nmax_rowdrop = 0.5\nmax_fleet_drop = 7\n"),
    )
    .unwrap();
    let ran = stage.once().await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("max_rowdrop") && ran.stderr.contains("max_fleet_drop"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.json["outcome"], "failed", "{ran:?}");
    std::fs::write(&path, text).unwrap();
    stage.setting("FLEETSHEET_DUAL_KEY__B_EDITORS", "[\"sre@example.com\"]");
    assert_eq!(stage.once().await.code, 2, "the two lists share somebody");
    stage.settings.clear();
    assert_eq!(stage.run(&["--takeover"]).await.code, 2);
    assert_eq!(stage.run(&["--once", "--allow", "everything"]).await.code, 2);
    assert_eq!(stage.run(&["plann"]).await.code, 2);
    assert!(stage.sheets.script().log().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_that_cannot_be_read_fails_and_says_what_to_do() {
    let (stage, _) = waiting().await;
    stage.sheets.desk().share(false);
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.json["outcome"].as_str()), (1, Some("failed")), "{ran:?}");
    assert!(ran.problems()[0].contains(SERVICE_ACCOUNT), "{:?}", ran.problems());
    stage.sheets.desk().share(true);
    stage
        .sheets
        .edit(|book| book.set(RELEASE, "F2", CellValue::from("a note")));
    assert_eq!(stage.once().await.release("web-prod"), "2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_begin_is_an_object_too_when_json_is_asked_for() {
    let (stage, _) = Stage::known(3).await;
    std::fs::write(
        stage.path("state/fleetsheet.db"),
        "not a database, and long enough to be looked at".repeat(20),
    )
    .unwrap();
    for arguments in [&["--once"][..], &["plan"], &["history"], &["explain", "web-prod"]] {
        let ran = stage.run(&[arguments, &["--format", "json"]].concat()).await;
        assert_eq!((ran.code, ran.json["outcome"].as_str()), (1, Some("failed")), "{ran:?}");
        let problems = ran.problems();
        assert!(
            problems.len() == 1 && problems[0].contains("fleetsheet.db"),
            "{problems:?}"
        );
    }
}
