//! Two keys: when a version moves, when it waits, and what makes a key lose its effect.

use fleetsheet_mocks::sheets::{CellValue, SERVICE_ACCOUNT};

use crate::stage::{RELEASE, RELEASES, SRE, Stage, fleet};

const AGAIN: &str = "must be approved again; clear both keys, let a pass see it, and type them again";

/// Types both keys anew, with a pass in between that sees them blank.
async fn approve_again(stage: &Stage, version: &str) {
    stage.turn_keys("web-prod", "");
    stage.settle().await;
    stage.turn_keys("web-prod", version);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_waits_two_without_the_box_are_ready_and_the_box_lets_go() {
    let (stage, ids) = Stage::known(5).await;
    let shows = async |status: &str| {
        let ran = stage.settle().await;
        assert_eq!(ran.status("web-prod"), status);
        assert_eq!(stage.release_cell("web-prod", "status"), status);
        assert_eq!(
            (stage.version(&ids[0]), stage.version(&ids[4])),
            ("2.3.9".into(), "2.3.9".into())
        );
    };
    stage.set("web-prod", "enabled", false);
    stage.set("web-prod", "desiredVersionB", "2.4.0");
    shows("waiting for key A: A=2.3.9, B=2.4.0").await;
    stage.set("web-prod", "desiredVersionB", "");
    shows("waiting for key B: A=2.3.9, B=empty").await;
    stage.set("web-prod", "desiredVersionB", "2.4.0");
    stage.set("web-prod", "desiredVersionA", "2.4.1");
    shows("waiting for key A or key B: A=2.4.1, B=2.4.0").await;
    stage.set("web-prod", "desiredVersionA", " 2.4.0 ");
    shows("ready: 2.4.0 has both keys; not enabled").await;
    stage.set("web-prod", "enabled", "TRUE");
    let ran = stage.settle().await;
    assert_eq!(ran.status("web-prod"), "in sync");
    stage.assert_rows_show_their_own("2.4.0");
    stage.turn_keys("web-prod", "");
    assert_eq!(
        stage.settle().await.status("web-prod"),
        "in sync",
        "empty keys ask for nothing"
    );
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_text_in_a_control_cell_is_named_with_its_fix_and_promotes_nothing() {
    let bad: [(&str, CellValue, &str); 6] = [
        (
            "desiredVersionA",
            CellValue::Number(1.1),
            "ReleaseSheet!B2 holds the number 1.1",
        ),
        ("desiredVersionB", CellValue::Bool(true), "ReleaseSheet!C2"),
        ("desiredVersionB", CellValue::formula("=B2", "2.4.0"), "ReleaseSheet!C2"),
        ("desiredVersionA", CellValue::Error("#REF!".into()), "ReleaseSheet!B2"),
        ("desiredVersionA", CellValue::from("2.4.0 beta"), "ReleaseSheet!B2"),
        ("enabled", CellValue::formula("=TRUE()", true), "ReleaseSheet!D2"),
    ];
    let (stage, ids) = Stage::known(4).await;
    for (header, value, names) in bad {
        stage.turn_keys("web-prod", "2.4.0");
        stage.set("web-prod", header, value);
        let ran = stage.once().await;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(
            ran.status("web-prod").starts_with(&format!("error: {names}")),
            "{}",
            ran.status("web-prod")
        );
        assert_eq!(ran.problems_of("bad_cell").len(), 1, "{:?}", ran.problems());
        assert_eq!(stage.version(&ids[0]), "2.3.9");
        stage.turn_keys("web-prod", "2.3.9");
        stage.settle().await;
    }
    stage.turn_keys("web-prod", "2.4.0");
    stage.set("web-prod", "enabled", true);
    stage.settle().await;
    stage.assert_rows_show_their_own("2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_without_their_protection_are_held_and_spent() {
    let (stage, ids) = Stage::known(4).await;
    let column = stage.sheets.edit(|book| {
        let range = book
            .tab(RELEASE)
            .unwrap()
            .protected
            .iter()
            .find(|p| p.users.contains(&RELEASES.to_owned()));
        let id = range.unwrap().id;
        book.unprotect(id);
        id
    });
    stage.turn_keys("web-prod", "2.4.0");
    let held = stage.once().await;
    assert_eq!(held.code, 5, "rule 8 holds part of the pass: {held:?}");
    assert!(held.status("web-prod").starts_with("held: "), "{held:?}");
    assert!(held.status("web-prod").contains("desiredVersionB"), "{held:?}");
    assert_eq!(held.problems_of("belt").len(), 1, "{:?}", held.problems());
    assert_eq!(stage.version(&ids[0]), "2.3.9");
    let plan = stage.run(&["plan", "--exit-code"]).await;
    assert_eq!(plan.code, 5, "{plan:?}");

    stage
        .sheets
        .edit(|book| book.protect_column(RELEASE, "desiredVersionB", &[RELEASES, SERVICE_ACCOUNT]));
    assert!(
        stage
            .sheets
            .book()
            .tab(RELEASE)
            .unwrap()
            .protected
            .iter()
            .all(|p| p.id != column)
    );
    let spent = stage.once().await;
    assert_eq!(spent.code, 0, "{spent:?}");
    assert!(
        spent.status("web-prod").starts_with(&format!("held: 2.4.0 {AGAIN}")),
        "{spent:?}"
    );
    approve_again(&stage, "2.4.0").await;
    stage.settle().await;
    stage.assert_rows_show_their_own("2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_may_edit_both_keys_releases_nothing_unless_that_is_allowed() {
    let (mut stage, ids) = Stage::known(3).await;
    stage.sheets.edit(|book| {
        let tab = book.tab(RELEASE).unwrap();
        let id = tab
            .protected
            .iter()
            .find(|p| p.users.contains(&RELEASES.to_owned()))
            .unwrap()
            .id;
        book.protected_mut(id).users.push(SRE.into());
    });
    stage.turn_keys("web-prod", "2.4.0");
    let held = stage.once().await;
    assert_eq!((held.code, stage.version(&ids[0]).as_str()), (5, "2.3.9"), "{held:?}");
    assert!(held.status("web-prod").contains(SRE), "{held:?}");
    stage.setting("FLEETSHEET_DUAL_KEY__REQUIRE_PROTECTION", "false");
    approve_again(&stage, "2.4.0").await;
    assert_eq!(stage.settle().await.release("web-prod"), "2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_in_two_rows_keeps_its_release_and_spends_its_keys() {
    let (stage, ids) = Stage::known(4).await;
    stage.sheets.edit(|book| {
        let twin = ["channel", "desiredVersionA", "desiredVersionB"]
            .into_iter()
            .zip(["web-prod", "2.4.0", "2.4.0"]);
        let twin: Vec<_> = twin.map(|(header, text)| (header, CellValue::from(text))).collect();
        book.tab_mut(RELEASE).add_row(&twin);
    });
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        ran.status("web-prod"),
        "error: channel web-prod stands in rows 2 and 3; keep one of them"
    );
    assert_eq!(stage.version(&ids[0]), "2.3.9");
    stage.assert_only_service_cells_were_written();
    stage.sheets.edit(|book| book.tab_mut(RELEASE).delete_rows(2..3));
    let ran = stage.once().await;
    assert!(ran.status("web-prod").contains(AGAIN), "{ran:?}");
    assert_eq!(ran.problems_of("unauthorised_edit"), [""; 0]);
    approve_again(&stage, "2.4.0").await;
    stage.settle().await;
    stage.assert_rows_show_their_own("2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_away_comes_back_with_spent_keys() {
    let (stage, ids) = Stage::known(4).await;
    let away = stage.sheets.book();
    stage.sheets.edit(|book| {
        book.tab_mut(RELEASE).add_row(&[("channel", "other".into())]);
    });
    stage.settle().await;
    let cells = stage
        .sheets
        .edit(|book| std::mem::take(&mut book.tab_mut(RELEASE).rows[1].cells));
    stage
        .sheets
        .edit(|book| book.tab_mut(RELEASE).rows[1].cells = vec![Default::default(); cells.len()]);
    let ran = stage.run(&["--once", "--format", "json", "--allow", "row_drop"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.problems_of("mismatch").iter().any(|p| p.contains("web-prod")),
        "{:?}",
        ran.problems()
    );
    assert_eq!(stage.version(&ids[0]), "2.3.9");
    stage.sheets.edit(|book| book.tab_mut(RELEASE).rows[1].cells = cells);
    assert_eq!(
        stage.sheets.book().tab(RELEASE).unwrap().rows[1].cells[0],
        away.tab(RELEASE).unwrap().rows[1].cells[0]
    );
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert!(ran.status("web-prod").contains(AGAIN), "{ran:?}");
    assert_eq!(stage.version(&ids[0]), "2.3.9");
}

#[tokio::test(flavor = "multi_thread")]
async fn first_contact_takes_no_release_from_a_cell_and_writes_no_version_without_a_majority() {
    let (mut world, ids) = fleet(6, "web-prod", "2.3.9");
    for id in &ids[..3] {
        world.set_tag(id, "ReleaseVersion", "2.3.8");
    }
    let servers: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    let stage = Stage::new(&[("web-prod", "", "", true)], &servers, world).await;
    stage.set("web-prod", "releaseVersion", "6.6.6");
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!((ran.release("web-prod"), ran.json["changed"].as_u64()), ("", Some(0)));
    assert_eq!(
        ran.status("web-prod"),
        "not released: servers carry 2.3.8 on 3, 2.3.9 on 3"
    );
    assert!(
        ran.problems_of("mismatch").iter().any(|p| p.contains("6.6.6")),
        "{:?}",
        ran.problems()
    );
    assert_eq!(stage.release_cell("web-prod", "releaseVersion"), "");
    assert_eq!(
        (stage.version(&ids[0]), stage.version(&ids[5])),
        ("2.3.8".into(), "2.3.9".into())
    );

    stage.turn_keys("web-prod", "2.4.0");
    // They were spent at blank, so what is typed now counts.
    stage.settle().await;
    stage.assert_rows_show_their_own("2.4.0");
    assert_eq!(stage.release_cell("web-prod", "previousVersion"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_were_there_before_the_first_pass_do_not_count() {
    let (world, ids) = fleet(4, "web-prod", "2.3.9");
    let servers: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    let stage = Stage::new(&[("web-prod", "2.4.0", "2.4.0", true)], &servers, world).await;
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.release("web-prod")), (0, "2.3.9"), "{ran:?}");
    assert!(
        ran.status("web-prod").starts_with("held: 2.4.0 must be approved again"),
        "{ran:?}"
    );
    stage.assert_silent().await;
    // Each types their own again, with a pass in between.
    stage.turn_keys("web-prod", "");
    stage.settle().await;
    stage.turn_keys("web-prod", "2.4.0");
    assert_eq!(stage.settle().await.release("web-prod"), "2.4.0");
    stage.assert_rows_show_their_own("2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_channel_that_is_added_later_count_if_the_service_watched() {
    for watched in [true, false] {
        let (stage, ids) = Stage::known(4).await;
        if !watched {
            stage.sheets.edit(|book| {
                let tab = book.tab_mut(RELEASE);
                tab.protected.iter_mut().for_each(|range| range.warning_only = true);
            });
            stage.once().await;
            stage.sheets.edit(|book| {
                let tab = book.tab_mut(RELEASE);
                tab.protected.iter_mut().for_each(|range| range.warning_only = false);
            });
        }
        stage.sheets.edit(|book| {
            let cells = [
                ("channel", "api"),
                ("desiredVersionA", "1.0.0"),
                ("desiredVersionB", "1.0.0"),
            ];
            let row = book
                .tab_mut(RELEASE)
                .add_row(&cells.map(|(header, text)| (header, CellValue::from(text))));
            book.set(RELEASE, (row, "enabled"), true);
        });
        stage.set_server(&ids[0], "channel", "api");
        let release = stage.once().await.release("api").to_owned();
        assert_eq!(release == "1.0.0", watched, "{release}");
    }
}
