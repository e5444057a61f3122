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
    assert_eq!(
        (&channel["status"], &channel["state"], &channel["servers"]),
        (&"in sync".into(), &"in_sync".into(), &3.into())
    );
    assert!(status.json["channels_at"].is_string(), "{status:?}");
    let text = stage.run(&["status"]).await.stdout;
    assert!(text.contains("channels as of ") && text.contains("in sync"), "{text}");
    // However many of them there were.
    assert_eq!(stage.once().await.code, 1);
    assert_eq!(status_of(&stage).await, "in sync");
    // And after one that a belt stopped.
    stage.sheets.script().clear();
    stage.sheets.edit(|book| book.rename_tab("ReleaseSheet", "Releases"));
    assert_eq!(stage.once().await.code, 5);
    assert_eq!(status_of(&stage).await, "in sync");
}

/// The status of the first channel.
async fn status_of(stage: &Stage) -> String {
    let status = stage.run(&["status", "--format", "json"]).await;
    status.json["channels"][0]["status"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rollback_by_command_status_tells_it_while_google_is_down() {
    let (stage, ids) = Stage::known(4).await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    stage.sheets.script().fail("*", When::Every, Fault::Html503);
    stage
        .cloud
        .script()
        .fail("ec2.CreateTags", When::Every, Fault::Forbidden);
    let order = ["rollback", "web-prod", "--reason", "2.4.0 loses orders", "--yes"];
    assert_eq!(stage.run(&order).await.code, 4);
    assert_eq!(
        status_of(&stage).await,
        "rolled back from 2.4.0 · 0/4 on 2.3.9 · 4 failed"
    );
    stage.cloud.script().clear();
    assert_eq!(stage.run(&order).await.code, 0);
    let status = stage.run(&["status", "--format", "json"]).await;
    let channel = &status.json["channels"][0];
    assert_eq!(channel["status"], "rolled back from 2.4.0");
    assert_eq!(
        (&channel["state"], &channel["release"], &channel["on_release"]),
        (&"rolled_back".into(), &"2.3.9".into(), &4.into())
    );
    assert_eq!(stage.version(&ids[0]), "2.3.9");
    // Killed before it was noted, or the note lost: the store itself knows.
    let note = stage.path("state/fleetsheet.db.last");
    std::fs::remove_file(&note).unwrap();
    assert_eq!(status_of(&stage).await, "rolled back from 2.4.0");
    stage.sheets.script().clear();
    stage.settle().await;
    let told = status_of(&stage).await;
    assert!(told.starts_with("held: 2.4.0 must be approved again"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_moved_after_it_was_told_is_told_by_the_store() {
    let (stage, ids) = Stage::known(4).await;
    let note = stage.path("state/fleetsheet.db.last");
    let old = std::fs::read(&note).unwrap();
    stage.turn_keys("web-prod", "2.4.0");
    stage.cloud.edit(|fleet| fleet.deny("111111111111", "ec2:CreateTags"));
    assert_eq!(stage.once().await.code, 4);
    // As if the pass had been killed before it noted its end.
    std::fs::write(&note, old).unwrap();
    let status = stage.run(&["status", "--format", "json"]).await;
    let channel = &status.json["channels"][0];
    assert_eq!(
        (&channel["release"], &channel["status"], &channel["state"]),
        (&"2.4.0".into(), &"0/4 on 2.4.0".into(), &Value::Null),
        "{status:?}"
    );
    assert_eq!(stage.version(&ids[0]), "2.3.9");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_there_is_said_to_be_so_and_never_made() {
    let (mut stage, ids) = Stage::known(2).await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    for empty in [false, true] {
        let path = stage.path("elsewhere/fleetsheet.db");
        if empty {
            std::fs::create_dir(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
        }
        stage.setting("FLEETSHEET_STATE__URL", &format!("sqlite:{}", path.display()));
        let says = format!("there is no state store at {}", path.display());
        let status = stage.run(&["status"]).await;
        assert!(status.code == 0 && status.stdout.contains(&says), "{status:?}");
        let status = stage.run(&["status", "--format", "json"]).await;
        assert_eq!(status.json["store_found"], false, "{status:?}");
        let history = stage.run(&["history"]).await;
        assert!(history.code == 0 && history.stdout.contains(&says), "{history:?}");
        let history = stage.run(&["history", "--format", "json"]).await;
        assert_eq!(
            (&history.json["store_found"], &history.json["store"]),
            (&false.into(), &path.display().to_string().into()),
            "{history:?}"
        );
        let history = stage.run(&["history", "web-prod"]).await;
        assert!(history.code == 2 && history.stderr.contains(&says), "{history:?}");
        let order = ["rollback", "web-prod", "--reason", "because", "--yes"];
        let refused = stage.run(&order).await;
        assert!(refused.code == 2 && refused.stderr.contains(&says), "{refused:?}");
        assert_eq!(stage.version(&ids[0]), "2.4.0");
        for look in [&["explain", "web-prod"][..], &["plan"], &["check"]] {
            stage.run(look).await;
        }
        let made = std::fs::read_dir(path.parent().unwrap()).map_or(0, Iterator::count);
        assert_eq!(made, usize::from(empty), "nothing was made");
    }
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
