//! What the JSON report tells scripts of each channel: a word for its state, what each key names, and counts.

use serde_json::{Value, json};

use crate::stage::{Ran, Stage};

fn channel(ran: &Ran) -> &Value {
    let channels = ran.json["channels"].as_array().unwrap();
    channels.iter().find(|c| c["channel"] == "web-prod").unwrap()
}

/// State, both keys, and the counts `servers`, `on_release`, `held`.
fn told(ran: &Ran) -> (Value, Value, Value, [u64; 3]) {
    let channel = channel(ran);
    let count = |field: &str| channel[field].as_u64().unwrap();
    assert_eq!((count("failed"), count("not_seen")), (0, 0), "{channel}");
    (
        channel["state"].clone(),
        channel["desired_a"].clone(),
        channel["desired_b"].clone(),
        ["servers", "on_release", "held"].map(count),
    )
}

fn events(ran: &Ran) -> Vec<(&str, &str, &str, &str)> {
    let text = |value: &'static str| move |event: &'_ Value| event[value].as_str().unwrap().to_owned();
    let events = ran.json["events"].as_array().unwrap();
    assert!(events.iter().all(|event| !text("detail")(event).contains('\n')));
    events
        .iter()
        .map(|event| {
            let of = |field: &str| event[field].as_str().unwrap();
            (of("event"), of("channel"), of("from"), of("to"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_state_has_its_word_and_what_happened_is_an_event_and_no_problem() {
    let (stage, ids) = Stage::known(4).await;
    stage.set_server(&ids[3], "hold", true);
    let quiet = stage.settle().await;
    assert_eq!(
        told(&quiet),
        (json!("in_sync"), json!("2.3.9"), json!("2.3.9"), [4, 3, 1])
    );
    assert_eq!(events(&quiet), []);

    stage.set("web-prod", "desiredVersionA", "2.4.0");
    let waiting = stage.settle().await;
    assert_eq!(
        told(&waiting),
        (json!("waiting_b"), json!("2.4.0"), json!("2.3.9"), [4, 3, 1])
    );

    stage.set("web-prod", "desiredVersionB", "2.5.0");
    let differ = stage.settle().await;
    assert_eq!(
        told(&differ),
        (json!("waiting"), json!("2.4.0"), json!("2.5.0"), [4, 3, 1])
    );

    stage.set("web-prod", "desiredVersionA", "");
    assert_eq!(told(&stage.settle().await).0, json!("waiting_a"));
    stage.set("web-prod", "desiredVersionA", 2.5);
    let unreadable = stage.settle().await;
    assert_eq!(
        told(&unreadable),
        (json!("error"), Value::Null, json!("2.5.0"), [4, 3, 1])
    );

    stage.set("web-prod", "enabled", false);
    stage.turn_keys("web-prod", "2.4.0");
    assert_eq!(told(&stage.settle().await).0, json!("ready"));

    stage.set("web-prod", "enabled", true);
    let promoted = stage.settle().await;
    assert_eq!(
        told(&promoted),
        (json!("promoted"), json!("2.4.0"), json!("2.4.0"), [4, 3, 1])
    );
    assert_eq!(events(&promoted), [("promotion", "web-prod", "2.3.9", "2.4.0")]);
    assert_eq!(promoted.problems(), [""; 0], "a promotion is no problem");

    stage.set("web-prod", "rollback", true);
    let back = stage.settle().await;
    assert_eq!(
        told(&back),
        (json!("rolled_back"), json!("2.4.0"), json!("2.4.0"), [4, 3, 1])
    );
    assert!(
        events(&back).contains(&("rollback", "web-prod", "2.4.0", "2.3.9")),
        "{back:?}"
    );
    assert_eq!(back.problems_of("release"), [""; 0], "nor is a rollback");
    assert_eq!(told(&stage.settle().await).0, json!("latched"));

    stage.set("web-prod", "rollback", false);
    assert_eq!(told(&stage.settle().await).0, json!("spent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_is_stopped_asked_no_rule_and_says_so() {
    let (stage, _) = Stage::known(3).await;
    std::fs::remove_dir_all(stage.path("state")).unwrap();
    let ran = stage.once().await;
    assert_eq!(ran.code, 5, "{ran:?}");
    assert_eq!(ran.json["channels"], json!([]), "a new store knows no channel");
    assert_eq!(events(&ran).iter().map(|event| event.0).collect::<Vec<_>>(), ["belt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_a_line_of_the_log_with_its_channel_and_versions() {
    let (stage, _) = Stage::known(3).await;
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.settle().await;
    let line = ran.stderr.lines().find(|line| line.contains("promotion"));
    let line = line.unwrap_or_else(|| panic!("{ran:?}"));
    for part in ["INFO", "web-prod", "2.3.9", "2.4.0"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!stage.settle().await.stderr.contains("promotion"), "told once");
}
