//! What `.github/SECURITY.md` says each person can and cannot do alone, tried out.

use fleetsheet_mocks::sheets::CellValue;

use crate::stage::{ACCOUNT, REGION, RELEASE, SRE, Stage, fleet};

/// Twenty servers of web-prod on 2.3.9 and one of db-prod on 5.0.0, all known.
async fn two_channels() -> (Stage, Vec<String>) {
    let (mut world, ids) = fleet(20, "web-prod", "2.3.9");
    let db = "i-0ddddddddddddddd";
    world.add(
        ACCOUNT,
        REGION,
        db,
        [("ReleaseChannel", "db-prod"), ("ReleaseVersion", "5.0.0")],
    );
    let mut rows: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    rows.push((db.to_owned(), "db-prod"));
    let channels = [
        ("web-prod", "2.3.9", "2.3.9", true),
        ("db-prod", "5.0.0", "5.0.0", true),
    ];
    let stage = Stage::new(&channels, &rows, world).await;
    stage.settle().await;
    (stage, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_holder_moves_no_release_forward() {
    let (stage, ids) = Stage::known(4).await;
    stage.set("web-prod", "desiredVersionA", "2.4.0");
    let ran = stage.once().await;
    assert_eq!(ran.status("web-prod"), "waiting for key B: A=2.4.0, B=2.3.9");
    // Key B names the next version, and a formula in key A copies it.
    stage.set("web-prod", "desiredVersionB", "2.4.0");
    stage.set("web-prod", "desiredVersionA", CellValue::formula("=C2", "2.4.0"));
    let ran = stage.once().await;
    assert!(ran.status("web-prod").starts_with("error: "), "{ran:?}");
    assert_eq!(
        (ran.release("web-prod"), stage.version(&ids[0])),
        ("2.3.9", "2.3.9".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_lent_by_its_group_holds_promotions_and_spends_both() {
    let (stage, _) = Stage::known(4).await;
    let before = stage.sheets.book();
    stage.sheets.edit(|book| {
        let key_b = book.tab_mut(RELEASE).protected[2].id;
        book.protected_mut(key_b).users.push(SRE.into());
    });
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert!(
        ran.status("web-prod").contains("sre@example.com may edit it too"),
        "{ran:?}"
    );
    // Taken back once it was seen, the keys still have to be typed again.
    stage.sheets.edit(|book| {
        let protected = before.tab(RELEASE).unwrap().protected.clone();
        book.tab_mut(RELEASE).protected = protected;
    });
    let ran = stage.once().await;
    assert!(ran.status("web-prod").contains("must be approved again"), "{ran:?}");
    assert_eq!(ran.release("web-prod"), "2.3.9");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tick_goes_back_one_version_and_no_further() {
    let (stage, ids) = Stage::known(4).await;
    for version in ["2.4.0", "2.5.0"] {
        stage.turn_keys("web-prod", version);
        stage.settle().await;
    }
    for tick in [true, false, true] {
        stage.set("web-prod", "rollback", tick);
        stage.once().await;
    }
    assert_eq!(stage.once().await.release("web-prod"), "2.4.0");
    assert_eq!(stage.version(&ids[0]), "2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_moves_a_few_servers_and_not_many() {
    let (stage, ids) = two_channels().await;
    for id in &ids[..2] {
        stage.set_server(id, "channel", "db-prod");
    }
    assert_eq!(stage.once().await.code, 0);
    assert_eq!(stage.version(&ids[1]), "5.0.0");
    for id in &ids[2..6] {
        stage.set_server(id, "channel", "db-prod");
    }
    let ran = stage.once().await;
    assert_eq!((ran.code, stage.version(&ids[2])), (5, "2.3.9".into()), "{ran:?}");
    stage.set_server(&ids[10], "hold", true);
    stage.turn_keys("web-prod", "2.4.0");
    stage.once().await;
    assert_eq!(
        (stage.version(&ids[10]), stage.version(&ids[11])),
        ("2.3.9".into(), "2.4.0".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_tags_is_corrected_and_can_add_but_not_release() {
    let (stage, ids) = Stage::known(4).await;
    let extra = "i-0eeeeeeeeeeeeeeee";
    stage.cloud.edit(|fleet| {
        for id in &ids {
            fleet.set_tag(id, "ReleaseVersion", "6.6.6");
        }
        fleet.add(ACCOUNT, REGION, extra, [("ReleaseChannel", "web-prod")]);
    });
    let ran = stage.settle().await;
    assert_eq!(ran.release("web-prod"), "2.3.9");
    for id in ids.iter().map(String::as_str).chain([extra]) {
        assert_eq!(stage.version(id), "2.3.9", "{id}");
    }
    // Before the first contact, the tags of most of the servers are what is adopted, unless two keys say otherwise.
    let (stage, ids) = Stage::web(4).await;
    stage.turn_keys("web-prod", "");
    stage.cloud.edit(|fleet| {
        for id in &ids[..3] {
            fleet.set_tag(id, "ReleaseVersion", "6.6.6");
        }
    });
    assert_eq!(stage.once().await.release("web-prod"), "6.6.6");
}
