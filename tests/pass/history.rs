//! `history`: what happened and when, of which pass, and what of it is asked for.

use crate::stage::Stage;

/// A channel that was promoted to 2.4.0 and rolled back.
async fn rolled_back() -> Stage {
    let (stage, _) = Stage::known(3).await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    stage.set("web-prod", "rollback", true);
    stage.settle().await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_has_its_time_and_pass_and_a_spent_key_is_told_by_what_spent_it() {
    let stage = rolled_back().await;
    let ran = stage.run(&["history"]).await;
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].contains("time (UTC)"), "{ran:?}");
    let json = stage.run(&["history", "--format", "json"]).await;
    let events = json.json["events"].as_array().unwrap();
    let spent = events.iter().filter(|event| event["event"] == "key_spent").count();
    assert_eq!(spent, 2, "whole in JSON: {json:?}");
    assert_eq!(lines.len(), 1 + events.len() - spent, "{ran:?}");
    for event in events.iter().filter(|event| event["event"] != "key_spent") {
        let run = event["run"].as_str().unwrap();
        assert!(
            lines.iter().any(|line| line.ends_with(&format!("· run {run}"))),
            "{run}: {ran:?}"
        );
    }
    let rollback = lines.iter().find(|line| line.contains(" rollback ")).unwrap();
    assert!(rollback.contains("2.4.0 → 2.3.9"), "{rollback}");
    assert!(rollback.contains("keys A and B are spent"), "{rollback}");
    // So many lines as were asked for, although three events make the last one.
    let last = stage.run(&["history", "--limit", "2"]).await;
    assert_eq!(
        last.stdout.lines().skip(1).collect::<Vec<_>>(),
        lines[lines.len() - 2..]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_since_a_time() {
    let stage = rolled_back().await;
    let count = async |arguments: &[&str]| {
        let ran = stage.run(&[&["history", "--format", "json"], arguments].concat()).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json["events"].as_array().unwrap().len()
    };
    let all = count(&[]).await;
    for (since, wanted) in [
        ("1h", all),
        ("2020-01-01", all),
        ("2020-01-01T00:00:00Z", all),
        ("0s", 0),
        ("2100-01-01", 0),
    ] {
        assert_eq!(count(&["--since", since]).await, wanted, "{since}");
        assert_eq!(count(&["web-prod", "--since", since]).await, wanted, "{since}");
    }
    assert_eq!(count(&["--since", "1h", "--limit", "1"]).await, 1);
    let none = stage.run(&["history", "web-prod", "--since", "2100-01-01"]).await;
    assert_eq!(
        none.stdout,
        "nothing has happened to web-prod since 2100-01-01 00:00:00 UTC\n"
    );
    let wrong = stage.run(&["history", "--since", "yesterday"]).await;
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("2d"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_nobody_has_heard_of_is_wrong_usage() {
    let (stage, _) = Stage::known(3).await;
    for (typed, advice) in [
        ("Web-Prod", "did you mean web-prod?"),
        ("web_prod", "did you mean web-prod?"),
        ("billing", "fleetsheet status lists the channels"),
        ("web\u{1b}[31m-prod", "fleetsheet status lists the channels"),
    ] {
        for format in ["text", "json"] {
            let ran = stage.run(&["history", typed, "--format", format]).await;
            assert_eq!(ran.code, 2, "{ran:?}");
            assert!(ran.stderr.contains(advice), "{ran:?}");
            assert!(!ran.stderr.contains('\u{1b}'), "{ran:?}");
        }
    }
    // One that is known and to which nothing has happened is none of these.
    assert_eq!(stage.run(&["history", "web-prod"]).await.code, 0);
}
