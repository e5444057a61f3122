//! `status`: what the state store tells without a network.

use fleetsheet_mocks::faults::{Fault, When};
use serde_json::{Value, json};

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn status_asks_nobody_and_leaves_no_trace() {
    let (stage, _) = Stage::known(3).await;
    stage.set("web-prod", "desiredVersionA", 2.5);
    stage.settle().await;
    let before = files(&stage);
    let status = stage.run(&["status", "--format", "json"]).await;
    assert_eq!(status.code, 0, "{status:?}");
    assert_eq!(status.json["outcome"], "done");
    assert_eq!(status.json["channels"][0]["state"], "error");
    assert_eq!(status.json["channels"][0]["servers"], 3);
    let problem = &status.json["problems"][0];
    assert_eq!(
        (problem["kind"].as_str(), problem["where"].as_str()),
        (Some("bad_cell"), Some("ReleaseSheet!B2"))
    );
    assert!(problem["since"].as_str().unwrap().ends_with('Z'), "{problem}");
    assert_eq!(
        status.json["mail"],
        json!({"waiting": 0, "oldest": null, "trouble": ""})
    );
    assert_eq!(status.json["running"], Value::Null);
    let text = stage.run(&["status"]).await;
    for words in [
        "last pass: done, ",
        "web-prod",
        "open problems (1)",
        "bad_cell",
        "no mail waits",
    ] {
        assert!(text.stdout.contains(words), "{words}: {text:?}");
    }
    assert_eq!(stage.sheets.script().calls().len(), 0, "no network");
    assert_eq!(stage.cloud.script().calls().len(), 0, "no network");
    assert_eq!(files(&stage), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_pass_that_could_not_read_the_sheet_status_still_tells_the_channels() {
    let (stage, _) = Stage::known(3).await;
    stage.sheets.script().fail("sheets.*", When::Every, Fault::Forbidden);
    assert_eq!(stage.once().await.code, 1);
    let status = stage.run(&["status", "--format", "json"]).await;
    assert_eq!(status.json["outcome"], "failed", "{status:?}");
    let channel = &status.json["channels"][0];
    assert_eq!(
        (&channel["channel"], &channel["release"]),
        (&"web-prod".into(), &"2.3.9".into())
    );
}

/// Names and contents of the state directory.
fn files(stage: &Stage) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(stage.path("state")).unwrap().map(Result::unwrap);
    let mut files: Vec<_> = entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                std::fs::read(entry.path()).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_last_pass_nobody_noted_still_tells_what_it_remembers() {
    let (stage, _) = Stage::web(3).await;
    let fresh = stage.run(&["status", "--format", "json"]).await;
    assert_eq!((fresh.code, &fresh.json["outcome"]), (0, &Value::Null), "{fresh:?}");
    assert!(!stage.path("state").exists(), "looking makes nothing");
    stage.settle().await;
    let note = stage.path("state/fleetsheet.db.last");
    for damage in [None, Some("{"), Some("\u{1b}[31m"), Some("[]")] {
        match damage {
            None => std::fs::remove_file(&note).unwrap(),
            Some(text) => std::fs::write(&note, text).unwrap(),
        }
        let status = stage.run(&["status", "--format", "json"]).await;
        assert_eq!((status.code, &status.json["outcome"]), (0, &Value::Null), "{damage:?}");
        assert_eq!(status.json["channels"][0]["release"], "2.3.9", "{damage:?}");
    }
    let again = stage.settle().await;
    let status = stage.run(&["status", "--format", "json"]).await;
    assert_eq!(status.json["run"], again.json["run"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_pass_and_one_that_runs_are_told() {
    let (stage, _) = Stage::known(3).await;
    stage.sheets.script().fail("sheets.get", When::Every, Fault::Forbidden);
    let failed = stage.once().await;
    assert_eq!(failed.code, 1, "{failed:?}");
    let status = stage.run(&["status", "--format", "json"]).await;
    assert_eq!(
        (status.code, &status.json["outcome"]),
        (0, &json!("failed")),
        "{status:?}"
    );

    let lock = std::fs::File::open(stage.path("state/fleetsheet.db.lock")).unwrap();
    lock.lock().unwrap();
    std::fs::write(stage.path("state/fleetsheet.db.lock"), "{}").unwrap();
    let busy = stage.run(&["status"]).await;
    assert!(
        busy.stdout.contains("now: another pass holds the state store"),
        "{busy:?}"
    );
}
