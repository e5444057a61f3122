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
async fn before_a_promotion_people_are_told_what_keeps_it_from_going_out_and_what_takes_it_back_after() {
    let stage = two().await;
    let told = stage.run(&["explain", "web-prod"]).await.stdout;
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "untick enabled before the next pass to keep it from going out",
        "to go back once it is out, tick rollback: that rolls back to 2.3.9",
    ] {
        assert!(told.contains(part), "{part}:\n{told}");
    }
    stage.set("web-prod", "enabled", false);
    let kept = stage.settle().await;
    assert_eq!(
        (kept.release("web-prod"), kept.json["changed"].as_u64()),
        ("2.3.9", Some(2))
    );
    stage.set("web-prod", "enabled", true);
    assert_eq!(stage.settle().await.release("web-prod"), "2.4.0");
    stage.set("web-prod", "rollback", true);
    assert_eq!(stage.settle().await.release("web-prod"), "2.3.9");
}

/// What is, and what the next pass will make of it, are told apart: until then nothing was rolled back, and the tick can go.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_is_to_come_is_not_told_as_one_that_was() {
    let stage = two().await;
    stage.settle().await;
    stage.set("web-prod", "rollback", true);
    let explained = async || {
        let told = stage.run(&["explain", "web-prod", "--format", "json"]).await.json;
        let lines = told["explanation"].as_array().unwrap().clone();
        move |what: &str| -> String {
            let line = lines.iter().find(|line| line["what"] == what);
            line.map_or_else(String::new, |line| line["text"].as_str().unwrap().to_owned())
        }
    };
    let told = explained().await;
    assert_eq!(
        (told("status"), told("release")),
        ("in sync".into(), "2.4.0, previous 2.3.9".into())
    );
    assert_eq!(
        (told("keys"), told("rollback")),
        ("both keys are valid".into(), String::new())
    );
    assert!(
        told("next pass").starts_with("rollback 2.4.0 → 2.3.9, on 6 of 6 servers; "),
        "{}",
        told("next pass")
    );
    assert!(
        told("to change it").starts_with("wait for the next pass; after it, "),
        "{}",
        told("to change it")
    );
    stage.set("web-prod", "rollback", false);
    let told = explained().await;
    assert_eq!(told("next pass"), "leaves it as it is");
    assert_eq!(told("to go back"), "tick rollback: that rolls back to 2.3.9");
    stage.set("web-prod", "rollback", true);
    stage.settle().await;
    let told = explained().await;
    assert_eq!(told("release"), "2.3.9, previous none");
    assert!(
        told("status").starts_with("rolled back from 2.4.0"),
        "{}",
        told("status")
    );
    // The version that was left is not offered again.
    assert!(
        told("to change it").contains("type another version into both keys and untick rollback"),
        "{}",
        told("to change it")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_v_the_time_of_each_stage_is_shown() {
    let stage = two().await;
    let shown = stage.run(&["-v", "plan"]).await.stdout;
    assert!(
        shown
            .lines()
            .any(|line| line.starts_with("stages  ") && line.contains("observe")),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_pass_would_be_stopped_it_is_said_in_the_future() {
    let stage = two().await;
    stage.sheets.edit(|book| book.delete_tab(crate::stage::SERVERS));
    let shown = stage.run(&["plan"]).await;
    assert_eq!(shown.code, 5, "{shown:?}");
    assert!(
        shown
            .stdout
            .contains("a pass would be STOPPED before it writes anything"),
        "{shown:?}"
    );
    assert!(!shown.stdout.lines().any(|line| line == "happened"), "{shown:?}");
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
        unknown.code == 2 && unknown.stderr.contains("no channel is called apu"),
        "{unknown:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_channel_sums_outcome_and_code_are_its_own() {
    let stage = two().await;
    // What is wrong in the rows of the other channel.
    stage.set("web-prod", "desiredVersionA", 2.5);
    stage.set_server("i-00000000000000000", "hold", "perhaps");
    stage.set_server("i-00000000000000007", "hold", true);
    let own = stage
        .run(&["plan", "api", "--all", "--exit-code", "--format", "json"])
        .await;
    assert_eq!((own.code, &own.json["outcome"]), (3, &"changes".into()), "{own:?}");
    let count = |field: &str| own.json[field].as_u64();
    assert_eq!(
        (count("servers"), count("changed"), count("held")),
        (Some(2), Some(1), Some(1)),
        "{own:?}"
    );
    assert_eq!(own.problems(), [""; 0]);
    let page = stage.run(&["plan", "api"]).await.stdout;
    for part in [
        "servers 2 · to change 1",
        "plan    1 server to change, 0 rows to add, 0 problems",
        "api ",
    ] {
        assert!(page.contains(part), "{part}:\n{page}");
    }
    assert!(
        !page.contains("web-prod") && !page.contains("ReleaseSheet!B2"),
        "{page}"
    );
    let other = stage.run(&["plan", "web-prod", "--format", "json"]).await;
    assert_eq!(other.problems().len(), 2, "{other:?}");
    let whole = stage.run(&["plan", "--format", "json"]).await;
    assert_eq!(whole.problems().len(), 2, "{whole:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_channel_a_belt_counts_where_it_holds_something_of_it() {
    let (world, ids) = fleet(12, "web-prod", "2.3.9");
    let channel = |n: usize| if n < 8 { "web-prod" } else { "api" };
    let servers: Vec<(String, &str)> = ids.iter().enumerate().map(|(n, id)| (id.clone(), channel(n))).collect();
    let channels = ["web-prod", "api", "db"].map(|name| (name, "2.3.9", "2.3.9", true));
    let stage = Stage::new(&channels, &servers, world).await;
    stage.settle().await;
    stage.settle().await;
    // Four servers move to a channel of another version: the belt holds them.
    stage.turn_keys("api", "3.0.0");
    stage.settle().await;
    for id in &ids[..4] {
        stage.set_server(id, "channel", "api");
    }
    for (name, code) in [("web-prod", 5), ("api", 5), ("db", 0)] {
        let plan = stage.run(&["plan", name, "--exit-code", "--format", "json"]).await;
        assert_eq!(plan.code, code, "{name}: {plan:?}");
        assert_eq!(
            plan.problems_of("belt").len(),
            usize::from(code == 5),
            "{name}: {plan:?}"
        );
    }
    assert_eq!(stage.run(&["plan", "--exit-code"]).await.code, 5);
    // One that stops the whole pass counts for all of them.
    stage.sheets.edit(|book| book.rename_tab("ReleaseSheet", "Releases"));
    assert_eq!(stage.run(&["plan", "db", "--exit-code"]).await.code, 5);
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
    // What is remembered of keys would change, though no tag does.
    for arguments in [
        &["plan", "--takeover", "--exit-code"][..],
        &["plan", "api", "--takeover", "--exit-code"],
    ] {
        assert_eq!(stage.run(arguments).await.code, 3, "{arguments:?}");
    }
    assert_eq!(takeover.json["outcome"], "changes");
}
