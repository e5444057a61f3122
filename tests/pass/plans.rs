//! `plan`: what the next pass will do, whole or of one channel, and as if a belt were let through or the store taken over.

use crate::stage::{Stage, fleet};

/// Two channels, each with a promotion to come.
async fn two() -> Stage {
    let (world, ids) = fleet(8, "web-prod", "2.3.9");
    let servers: Vec<(String, &str)> = ids
        .iter()
        .enumerate()
        .map(|(n, id)| (id.clone(), if n < 6 { "web-prod" } else { "api" }))
        .collect();
    let channels = [("web-prod", "2.3.9", "2.3.9", true), ("api", "2.3.9", "2.3.9", true)];
    let stage = Stage::new(&channels, &servers, world).await;
    stage.settle().await;
    stage.settle().await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.turn_keys("api", "3.0.0");
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn alike_changes_are_one_line_and_a_few_are_named() {
    let stage = two().await;
    let page = stage.run(&["plan"]).await.stdout;
    for part in [
        "~ web-prod",
        "ReleaseVersion 2.3.9 → 2.4.0 (release)  6 servers (main/eu-west-1 6)",
        "next pass: promotion 2.3.9 → 2.4.0, on 6 of 6 servers",
        "      i-00000000000000006",
        "plan    8 servers to change, 0 rows to add, 0 problems",
    ] {
        assert!(page.contains(part), "{part}:\n{page}");
    }
    assert!(!page.contains("i-00000000000000001"), "six are not named:\n{page}");
    assert!(
        page.trim_end().lines().last().unwrap().starts_with("plan "),
        "the sum is last:\n{page}"
    );
    let all = stage.run(&["plan", "--all"]).await.stdout;
    assert!(all.contains("      i-00000000000000001"), "{all}");
    stage.settle().await;
    let quiet = stage.run(&["plan"]).await.stdout;
    assert!(quiet.starts_with("no tag and no row will change"), "{quiet}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_channel_nothing_else_is_shown_or_counted() {
    let stage = two().await;
    let api = stage.run(&["plan", "api", "--exit-code", "--format", "json"]).await;
    assert_eq!(api.code, 3, "{api:?}");
    let names = |list: &str| -> Vec<String> {
        let entries = api.json[list].as_array().unwrap().iter();
        entries
            .map(|entry| entry["channel"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        (names("channels"), names("changes"), names("events")),
        (
            vec!["api".to_owned()],
            vec!["api".to_owned(); 2],
            vec!["api".to_owned()]
        )
    );
    let page = stage.run(&["plan", "api"]).await.stdout;
    assert!(page.contains("~ api") && !page.contains("~ web-prod"), "{page}");
    stage.turn_keys("api", "2.3.9");
    assert_eq!(
        stage.run(&["plan", "api", "--exit-code"]).await.code,
        0,
        "the other channel's changes do not count"
    );
    let unknown = stage.run(&["plan", "apu"]).await;
    assert!(
        unknown.code == 1 && unknown.stderr.contains("no channel is called apu"),
        "{unknown:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_belt_or_a_takeover_would_let_through_can_be_seen_before() {
    let stage = two().await;
    stage
        .sheets
        .edit(|book| book.tab_mut(crate::stage::SERVERS).delete_rows(1..5));
    let held = stage.run(&["plan", "--exit-code"]).await;
    assert_eq!(held.code, 5, "{held:?}");
    let allowed = stage.run(&["plan", "--exit-code", "--allow", "row_drop"]).await;
    assert_eq!(allowed.code, 3, "{allowed:?}");
    std::fs::remove_dir_all(stage.path("state")).unwrap();
    assert_eq!(stage.run(&["plan"]).await.code, 5, "another store serves the sheet");
    let takeover = stage.run(&["plan", "--takeover", "--format", "json"]).await;
    assert_eq!(
        (takeover.code, &takeover.json["channels"][0]["state"]),
        (0, &"spent".into()),
        "{takeover:?}"
    );
    assert!(!stage.path("state").exists(), "it is only shown");
}
