//! What can be wrong on the machine itself: configuration, environment, key file, state store.

use std::sync::mpsc;

use super::{Bench, Checked, JSON};
use crate::stage::BOOK;

const GOOGLE: [&str; 8] = [
    "token",
    "spreadsheet",
    "editor",
    "tabs",
    "columns",
    "cells",
    "protection",
    "store",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_of_the_configuration_is_a_line_and_exit_2() {
    let bench = Bench::new().await;
    let path = bench.stage.path("fleetsheet.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        format!("{good}\n[belts]\nmax_rowdrop = 0.5\nmax_fleet_drop = 7\n"),
    )
    .unwrap();
    let checked = bench.check().await;
    assert_eq!(
        (checked.0.code, checked.0.json["outcome"].as_str()),
        (2, Some("failed")),
        "{checked:?}"
    );
    let says = checked.says("wrong", "config");
    assert!(
        says.contains("max_rowdrop") && says.contains("belts.max_fleet_drop"),
        "{says}"
    );
    assert_eq!(says.lines().count(), 2, "{says}");
    assert_eq!(checked.items("wrong").len(), 1);
    let unseen = checked.items("not_checked");
    for item in GOOGLE
        .into_iter()
        .chain(["credentials", "account", "create_tags", "smtp", "state"])
    {
        assert!(unseen.contains(item), "{item}: {unseen:?}");
    }
    assert!(bench.stage.sheets.script().log().is_empty());
    let page = bench.check_with(&["check"]).await.0;
    assert!(page.stdout.contains("WRONG        config"), "{}", page.stdout);
    assert_eq!(page.code, 2);

    std::fs::write(&path, good).unwrap();
    let ran = bench.stage.run_with(&JSON, &[("RUST_LOG", "fleetsheet=loud")]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stdout.contains("RUST_LOG") && ran.stdout.contains(BOOK), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_environment_changes_is_noted() {
    let bench = Bench::new().await;
    let ran = bench
        .stage
        .run_with(&JSON, &[("RUST_LOG", "warn"), ("GCE_METADATA_HOST", "x")])
        .await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let notes: Vec<&str> = ran.json["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["check"] == "environment")
        .map(|line| line["where"].as_str().unwrap())
        .collect();
    assert_eq!(
        notes,
        [
            "RUST_LOG",
            "FLEETSHEET_EMAIL__FROM, FLEETSHEET_EMAIL__SMTP_URL, FLEETSHEET_EMAIL__TO"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_that_is_missing_open_or_no_key() {
    let bench = Bench::new().await;
    for (mode, wrong) in [(0o644, true), (0o640, true), (0o400, false)] {
        bench.set_mode("key.json", mode);
        let checked = bench.check().await;
        let items: &[&str] = if wrong { &["credentials"] } else { &[] };
        checked.assert_wrong("mode", items, &[]);
        assert_eq!(
            checked.says("wrong", "credentials").contains("chmod 600"),
            wrong,
            "{mode:o}: {checked:?}"
        );
    }
    bench.set_mode("key.json", 0o600);
    let key = bench.stage.path("key.json");
    for (what, text) in [
        ("not JSON", "secret-in-a-file"),
        (
            "a user's",
            r#"{"type": "authorized_user", "refresh_token": "secret-in-a-file"}"#,
        ),
        (
            "no key in it",
            r#"{"type": "service_account", "client_email": "a@example.com", "token_uri": "https://x/"}"#,
        ),
    ] {
        std::fs::write(&key, text).unwrap();
        let checked = bench.check().await;
        checked.assert_wrong(what, &["credentials"], &GOOGLE);
        assert!(
            checked.says("wrong", "credentials").contains("key.json"),
            "{what}: {checked:?}"
        );
        assert!(!checked.0.stdout.contains("secret-in-a-file"), "{what}: {checked:?}");
    }
    std::fs::remove_file(&key).unwrap();
    let checked = bench.check().await;
    checked.assert_wrong("missing", &["credentials"], &GOOGLE);
    assert_eq!(checked.says("wrong", "credentials").lines().count(), 1, "{checked:?}");
    assert!(
        checked.says("wrong", "credentials").contains("there is no such file"),
        "{checked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_store_that_cannot_be_written_or_serves_another_sheet() {
    let mut bench = Bench::new().await;
    bench.stage.settle().await;
    let good = bench.stage.settings.clone();
    let text = bench.stage.path("text.db");
    std::fs::write(&text, "not a database, ".repeat(100)).unwrap();
    for (url, says) in [
        (format!("sqlite:{}", text.display()), "not an SQLite database"),
        ("sqlite:/proc/nowhere/state.db".to_owned(), "takes no files"),
        (format!("sqlite:{}", bench.stage.dir.path().display()), "directory"),
    ] {
        bench.stage.setting("FLEETSHEET_STATE__URL", &url);
        let checked = bench.check().await;
        checked.assert_wrong(&url, &["state"], &["store"]);
        assert!(checked.says("wrong", "state").contains(says), "{says}: {checked:?}");
    }
    let other = format!("sqlite:{}", bench.stage.path("laptop/state.db").display());
    bench.stage.setting("FLEETSHEET_STATE__URL", &other);
    let checked = bench.check().await;
    checked.assert_wrong("another store", &["store"], &[]);
    assert!(checked.says("wrong", "store").contains("--takeover"), "{checked:?}");
    bench.stage.settings = good;
    bench.check().await.assert_wrong("the store itself", &[], &[]);

    bench.stage.setting("FLEETSHEET_LOG__DIR", "/proc/nowhere");
    let checked = bench.check().await;
    checked.assert_wrong("logs", &["logs"], &[]);
    bench.stage.setting("FLEETSHEET_LOG__DIR", "logs");
    bench.check().await.assert_wrong("logs", &[], &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_runs_meanwhile_is_noted_and_not_disturbed() {
    let bench = Bench::new().await;
    bench.stage.settle().await;
    bench.stage.turn_keys("web-prod", "2.4.0");
    let (go_on, wait) = mpsc::channel::<()>();
    let (came, begun) = mpsc::channel::<()>();
    bench.stage.cloud.script().before("ec2.CreateTags", 1, move || {
        came.send(()).unwrap();
        // A worker that just blocked would stall the runtime's sockets with it.
        tokio::task::block_in_place(|| wait.recv()).unwrap();
    });
    let look = async {
        tokio::task::block_in_place(|| begun.recv().unwrap());
        let checked = bench.stage.run(&JSON).await;
        go_on.send(()).unwrap();
        checked
    };
    let (pass, checked) = tokio::join!(bench.stage.once(), look);
    assert_eq!((pass.code, pass.release("web-prod")), (0, "2.4.0"), "{pass:?}");
    assert_eq!(checked.code, 0, "{checked:?}");
    assert!(
        checked.stdout.contains("another pass holds the state store"),
        "{checked:?}"
    );
    assert!(
        checked.stdout.contains(pass.json["run"].as_str().unwrap()),
        "{checked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_mail_is_a_line_of_its_own() {
    let bench = Bench::new().await;
    let ran = bench
        .stage
        .run(&["check", "--send-test-mail", "--format", "json"])
        .await;
    let checked = Checked(ran);
    checked.assert_wrong("test mail", &[], &[]);
    assert!(checked.says("ok", "smtp").contains("login"), "{checked:?}");
    assert!(checked.says("ok", "test_mail").contains("took it"), "{checked:?}");
    assert_eq!(bench.smtp.messages().len(), 1);
}
