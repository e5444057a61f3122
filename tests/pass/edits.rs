//! Service cells that somebody edits: restored, told once, and the keys of the row lose their effect.

use fleetsheet_mocks::sheets::CellValue;

use crate::aftermath::human_cells;
use crate::stage::{RELEASE, SERVERS, Stage, fleet};

/// Two channels with three servers each, both known; `db` on 5.0.0 (after 4.9.0), `web` on 2.4.0 (after 2.3.9).
async fn two_channels() -> Stage {
    let (mut world, ids) = fleet(6, "web", "2.3.9");
    let servers: Vec<(String, &str)> = ids
        .iter()
        .enumerate()
        .map(|(i, id)| (id.clone(), if i < 3 { "web" } else { "db" }))
        .collect();
    for (id, _) in &servers[3..] {
        world.set_tag(id, "ReleaseChannel", "db");
        world.set_tag(id, "ReleaseVersion", "4.9.0");
    }
    let stage = Stage::new(
        &[("web", "2.3.9", "2.3.9", true), ("db", "4.9.0", "4.9.0", true)],
        &servers,
        world,
    )
    .await;
    stage.settle().await;
    stage.turn_keys("web", "2.4.0");
    stage.turn_keys("db", "5.0.0");
    stage.settle().await;
    stage
}

/// The next pass puts all back and tells of `edited` once; a version that both keys name then waits for new approval.
async fn assert_undone(stage: &Stage, before: &crate::aftermath::World, edited: &[&str]) {
    let human = human_cells(&stage.sheets.book());
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = ran.problems_of("unauthorised_edit");
    assert_eq!(told.len(), edited.len(), "{told:?}");
    for channel in edited {
        assert!(
            told.iter().any(|t| t.contains(&format!("service cells of {channel} "))),
            "{told:?}"
        );
    }
    assert_eq!(stage.world().tags, before.tags);
    assert_eq!(stage.world().releases, before.releases);
    assert_eq!(human_cells(&stage.sheets.book()), human);
    stage.assert_only_service_cells_were_written();
    stage.assert_rows_are_single();
    stage.assert_silent().await;
    for channel in edited {
        stage.turn_keys(channel, "7.0.0");
    }
    for channel in edited {
        let ran = stage.settle().await;
        // The keys were spent at what they held then; what is typed afterwards counts.
        assert_eq!(ran.release(channel), "7.0.0", "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn typed_over_service_cells_are_restored() {
    for (header, value) in [
        ("releaseVersion", CellValue::from("1.0.0")),
        ("releaseVersion", CellValue::Empty),
        ("releaseVersion", CellValue::Number(2.4)),
        ("previousVersion", CellValue::from("1.0.0")),
        ("updatedAt", CellValue::Empty),
        ("updatedAt", CellValue::from("2001-01-01T00:00:00Z")),
    ] {
        let stage = two_channels().await;
        let before = stage.world();
        stage.set("web", header, value);
        assert_undone(&stage, &before, &["web"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_were_typed_with_the_edit_are_spent() {
    let stage = two_channels().await;
    stage.set("web", "releaseVersion", "1.0.0");
    stage.turn_keys("web", "2.5.0");
    stage.settle().await;
    let ran = stage.settle().await;
    assert_eq!(ran.release("web"), "2.4.0");
    assert!(
        ran.status("web").starts_with("held: 2.5.0 must be approved again"),
        "{ran:?}"
    );
    stage.turn_keys("web", "");
    stage.settle().await;
    stage.turn_keys("web", "2.5.0");
    assert_eq!(stage.settle().await.release("web"), "2.5.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn swapped_channel_names_move_nothing() {
    let stage = two_channels().await;
    let tags = stage.world().tags;
    stage.sheets.edit(|book| {
        book.set(RELEASE, "A2", "db");
        book.set(RELEASE, "A3", "web");
    });
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!((ran.release("web"), ran.release("db")), ("2.4.0", "5.0.0"));
    assert_eq!(ran.problems_of("unauthorised_edit").len(), 2);
    assert_eq!(stage.world().tags, tags);
    let ran = stage.once().await;
    assert_eq!(stage.world().tags, tags);
    assert!(
        ran.status("web").starts_with("held: 5.0.0 must be approved again"),
        "{ran:?}"
    );
    assert_eq!(stage.release_cell("web", "releaseVersion"), "2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_sorted_release_tab_moves_nothing() {
    let stage = two_channels().await;
    let tags = stage.world().tags;
    // Only the names and the keys were selected: every row now shows another channel's service cells.
    stage
        .sheets
        .edit(|book| book.tab_mut(RELEASE).sort_columns_only(0..5, "channel", false));
    let human = human_cells(&stage.sheets.book());
    let ran = stage.once().await;
    assert_eq!((ran.release("web"), ran.release("db")), ("2.4.0", "5.0.0"), "{ran:?}");
    assert_eq!(stage.world().tags, tags);
    assert_eq!(human_cells(&stage.sheets.book()), human);
    assert_eq!(stage.release_cell("db", "releaseVersion"), "5.0.0");
    assert_eq!(stage.release_cell("web", "previousVersion"), "2.3.9");
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_pasted_over_another_channels_rolls_nothing_back() {
    let stage = two_channels().await;
    let tags = stage.world().tags;
    stage.set("web", "rollback", false);
    stage.sheets.edit(|book| {
        let web = book.tab(RELEASE).unwrap().rows[1].cells.clone();
        let db = &mut book.tab_mut(RELEASE).rows[2].cells;
        db[1..].clone_from_slice(&web[1..]);
        db[4].value = true.into();
    });
    let ran = stage.once().await;
    assert_eq!(
        ran.release("db"),
        "5.0.0",
        "the box of a row with another channel's stamp is latched: {ran:?}"
    );
    assert_eq!(stage.world().tags, tags);
    assert_eq!(stage.release_cell("db", "previousVersion"), "4.9.0");
    assert_eq!(ran.problems_of("unauthorised_edit").len(), 1, "{:?}", ran.problems());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_of_whole_rows_is_no_edit() {
    let stage = two_channels().await;
    let before = stage.world();
    stage.sheets.edit(|book| {
        book.tab_mut(RELEASE).sort_rows("channel", false);
        book.tab_mut(SERVERS).sort_rows("serverId", true);
        book.tab_mut(RELEASE).move_column("updatedAt", 0);
        book.tab_mut(SERVERS).insert_columns(1, 2);
        book.tab_mut(RELEASE).insert_rows(1, 3);
    });
    let ran = stage.assert_silent().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(stage.world().tags, before.tags);
}

#[tokio::test(flavor = "multi_thread")]
async fn service_cells_of_a_server_are_restored_too() {
    let stage = two_channels().await;
    let before = stage.world();
    let id = before.servers[4]["serverId"].clone();
    for (header, value) in [
        ("releaseVersion", "1.0.0"),
        ("name", ""),
        ("status", "fine"),
        ("updatedAt", ""),
    ] {
        stage.set_server(&id, header, value);
        let ran = stage.settle().await;
        assert_eq!(ran.json["changed"], 0);
        assert_eq!(stage.world(), before, "{header}");
        assert!(!stage.server_cell(&id, "updatedAt").is_empty());
    }
}
