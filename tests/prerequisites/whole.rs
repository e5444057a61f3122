//! A world in which a pass would work, and one in which nothing does.

use std::time::{Duration, Instant};

use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::sheets::{CellValue, SERVICE_ACCOUNT};

use super::{Bench, JSON, PASSWORD};
use crate::stage::{RELEASE, SERVERS};

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_good_every_line_is_and_a_pass_works() {
    let bench = Bench::new().await;
    let checked = bench.check().await;
    checked.assert_wrong("all good", &[], &[]);
    let items: Vec<&str> = checked
        .lines()
        .iter()
        .filter_map(|line| line["check"].as_str())
        .collect();
    for item in [
        "config",
        "environment",
        "state",
        "credentials",
        "token",
        "spreadsheet",
        "editor",
        "tabs",
        "columns",
        "cells",
        "protection",
        "store",
        "account",
        "describe_instances",
        "create_tags",
        "smtp",
    ] {
        assert!(items.contains(&item), "{item}: {items:?}");
    }
    for line in checked.lines() {
        assert_eq!(line["ok"], true, "{line}");
        assert!(
            line["where"].is_string() && !line["message"].as_str().unwrap().is_empty(),
            "{line}"
        );
    }
    let json = &checked.0.json;
    assert_eq!(json["problems"].as_array().map(Vec::len), Some(0));
    assert!(json["run"].as_str().is_some_and(|run| run.len() > 16), "{json}");
    assert_eq!(
        (checked.0.calls("oauth2.token"), checked.0.calls("ec2.CreateTags")),
        (1, 1),
        "{json}"
    );
    assert!(!bench.stage.path("state").exists());
    assert!(checked.says("ok", "state").contains("first pass can make it"));
    assert!(checked.says("ok", "store").contains("no store serves"), "{checked:?}");
    // What the first pass does, the next check finds.
    bench.stage.settle().await;
    let checked = bench.check().await;
    checked.assert_wrong("after a pass", &[], &[]);
    assert!(checked.says("ok", "store").contains("this store serves"), "{checked:?}");
    assert_eq!(bench.stage.release_cell("web-prod", "releaseVersion"), "2.3.9");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_a_line_for_each_and_cells_cannot_reach_the_terminal() {
    let bench = Bench::new().await;
    bench.stage.set("web-prod", "desiredVersionA", "2\u{1b}[2J");
    let checked = bench.check_with(&["check", "-vv"]).await;
    let page = &checked.0.stdout;
    assert_eq!(checked.0.code, 0, "{page}");
    assert!(!page.contains('\u{1b}'), "{page}");
    assert!(
        page.contains("note  cells               ReleaseSheet!B2 holds"),
        "{page}"
    );
    assert!(page.contains("ok    token "), "{page}");
    assert!(page.ends_with("\na pass would work\n"), "{page}");
    assert!(!page.contains("WRONG"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_everything_is_wrong_everything_is_said_at_once() {
    let mut bench = Bench::new().await;
    bench.set_mode("key.json", 0o644);
    bench.stage.cloud.edit(|fleet| {
        fleet.deny(crate::stage::ACCOUNT, "ec2:CreateTags");
    });
    bench.stage.sheets.edit(|book| {
        book.tab_mut(SERVERS).delete_column("channel");
        book.tab_mut(RELEASE).delete_column("enabled");
        book.tab_mut(RELEASE).add_column("Channel");
        book.tab_mut(RELEASE).protected.clear();
        book.set(RELEASE, "B2", CellValue::from(1.1));
    });
    bench.smtp.refuse_connections().await;
    let state = format!("sqlite:{}/x.db", bench.stage.path("key.json").display());
    bench.stage.setting("FLEETSHEET_STATE__URL", &state);
    let checked = bench.check().await;
    checked.assert_wrong(
        "all",
        &["state", "credentials", "columns", "protection", "create_tags", "smtp"],
        &["store"],
    );
    let columns = checked.says("wrong", "columns");
    for says in [
        "no column channel",
        "no column enabled",
        "the header channel stands twice",
    ] {
        assert!(columns.contains(says), "{says}: {columns}");
    }
    for header in ["desiredVersionA", "desiredVersionB", "channel"] {
        assert!(checked.says("wrong", "protection").contains(header), "{checked:?}");
    }
    assert!(
        checked
            .says("note", "cells")
            .contains("ReleaseSheet!B2 holds the number 1.1"),
        "{checked:?}"
    );
    assert!(checked.says("ok", "describe_instances").contains("main/eu-west-1"));
    let page = bench.check_with(&["check"]).await.0;
    assert_eq!(page.code, 1);
    let wrong = checked.lines().iter().filter(|line| line["verdict"] == "wrong").count();
    let conclusion = format!("a pass would not work as it should: {wrong} wrong, 1 not checked\n");
    assert!(page.stdout.ends_with(&conclusion), "{}", page.stdout);
    assert_eq!(page.stdout.matches("WRONG  ").count(), wrong, "{}", page.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn far_ends_that_hang_are_given_up_in_time() {
    let mut bench = Bench::new().await;
    bench.stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "1s");
    for (method, wrong, not_checked) in [
        (
            "oauth2.token",
            "token",
            &[
                "spreadsheet",
                "editor",
                "tabs",
                "columns",
                "cells",
                "protection",
                "store",
            ][..],
        ),
        (
            "sheets.*",
            "spreadsheet",
            &["editor", "tabs", "columns", "cells", "protection", "store"],
        ),
    ] {
        let began = Instant::now();
        bench.stage.sheets.script().fail(method, When::Every, Fault::Hang);
        let checked = bench.check().await;
        checked.assert_wrong(method, &[wrong], not_checked);
        assert!(
            began.elapsed() < Duration::from_secs(12),
            "{method}: {:?}",
            began.elapsed()
        );
        bench.stage.sheets.script().clear();
    }
    bench.stage.sheets.script().fail("*", When::Every, Fault::Hang);
    bench.stage.cloud.script().fail("*", When::Every, Fault::Hang);
    bench.smtp.script().fail("*", When::Every, Fault::Hang);
    let began = Instant::now();
    let checked = bench.check().await;
    checked.assert_wrong(
        "all hang",
        &["token", "describe_instances", "smtp"],
        &[
            "spreadsheet",
            "editor",
            "tabs",
            "columns",
            "cells",
            "protection",
            "store",
            "create_tags",
        ],
    );
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_that_pass_are_weathered() {
    for fault in [Fault::Throttle, Fault::Status(503), Fault::ResetBefore] {
        let bench = Bench::new().await;
        bench.stage.sheets.script().fail("oauth2.token", When::First, fault);
        bench
            .stage
            .cloud
            .script()
            .fail("ec2.DescribeInstances", When::First, fault);
        bench.stage.cloud.script().fail("ec2.CreateTags", When::First, fault);
        let checked = bench.check().await;
        checked.assert_wrong(&format!("{fault:?}"), &[], &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_can_be_checked() {
    let bench = Bench::new().await;
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/config/sandbox.toml");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_fleetsheet"));
    let output = command
        .env_clear()
        .env("FLEETSHEET_SANDBOX__SERVERS", "60")
        .args(JSON)
        .args(["--config", config])
        .current_dir(bench.stage.dir.path())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    let smtp = json["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|line| line["check"] == "smtp");
    assert_eq!(smtp.unwrap()["verdict"], "ok", "{said}");
    assert!(said.contains(SERVICE_ACCOUNT) && !said.contains(PASSWORD));
}
