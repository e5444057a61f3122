//! `fleetsheet rollback`: what a tick does, at once, with or without the spreadsheet.

use std::time::Duration;

use fleetsheet_mocks::faults::{Fault, When};

use crate::scene::{Scene, Work};
use crate::stage::{Ran, Stage};

const WHY: &str = "2.4.0 loses orders";
const ORDER: [&str; 7] = ["rollback", "web-prod", "--reason", WHY, "--yes", "--format", "json"];

/// On 2.4.0, which was 2.3.9 before; the keys name 2.4.0.
async fn promoted(count: usize) -> (Stage, Vec<String>) {
    let (stage, ids) = Stage::known(count).await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    (stage, ids)
}

async fn ordered(stage: &Stage) -> Ran {
    stage.run_with(&ORDER, &[("SUDO_USER", "night")]).await
}

fn down(stage: &Stage) {
    stage.sheets.script().fail("*", When::Every, Fault::Html503);
}

fn is_logged(stage: &Stage) -> bool {
    stage.audit_details().iter().any(|detail| detail.ends_with(WHY))
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_sheet_at_hand_it_is_shown_logged_and_mailed_at_once() {
    let scene = Scene::start().await;
    let stage = &scene.stage;
    stage.settle().await;
    stage.turn_keys("web-prod", "2.0.0");
    stage.settle().await;
    scene.forget();
    let ran = ordered(stage).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        (ran.json["outcome"].as_str(), ran.json["changed"].as_u64()),
        (Some("done"), Some(5))
    );
    assert_eq!(ran.events_of("rollback"), ["web-prod 2.0.0 1.0.0"]);
    let detail = ran.json["events"][0]["detail"].as_str().unwrap_or_default();
    assert!(
        detail.starts_with("ordered by night@") && detail.ends_with(&format!(": {WHY}")),
        "{detail}"
    );
    assert_eq!(stage.version("i-00000000000000a05"), "1.0.0");
    assert_eq!(stage.release_cell("web-prod", "releaseVersion"), "1.0.0");
    assert_eq!(stage.release_cell("web-prod", "previousVersion"), "");
    assert!(
        stage
            .release_cell("web-prod", "status")
            .starts_with("held: 2.0.0 must be approved again")
    );
    assert!(is_logged(stage), "{:?}", stage.audit_details());
    let mails = scene.mails();
    assert_eq!(
        mails[0].subject(),
        "[fleetsheet] web-prod: rolled back to 1.0.0 on 5 servers"
    );
    assert!(
        mails[0].text.replace('\n', " ").contains(WHY) && mails[0].text.contains("night@"),
        "{}",
        mails[0].text
    );
    let history = stage.run(&["history", "web-prod"]).await;
    assert!(history.stdout.contains(WHY), "{}", history.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_google_down_tags_go_back_and_the_sheet_learns_of_it_later() {
    let (stage, ids) = promoted(6).await;
    stage.with_audit_tab();
    stage.forget_the_look_for_an_audit_tab().await;
    stage.settle().await;
    stage.set_server(&ids[5], "hold", true);
    stage.settle().await;
    down(&stage);
    let ran = ordered(&stage).await;
    assert_eq!((ran.code, ran.json["changed"].as_u64()), (0, Some(5)), "{ran:?}");
    assert!(
        ran.stderr.contains("the next pass shows the rollback in the sheet"),
        "{}",
        ran.stderr
    );
    assert_eq!(stage.version(&ids[0]), "2.3.9");
    assert_eq!(stage.version(&ids[5]), "2.4.0", "held");
    assert_eq!(stage.release_cell("web-prod", "releaseVersion"), "2.4.0");
    // Somebody else's pass meanwhile changes nothing.
    assert_eq!(stage.once().await.code, 1);
    assert_eq!(stage.version(&ids[0]), "2.3.9");
    stage.sheets.script().clear();
    stage.set("web-prod", "rollback", true);
    let ran = stage.settle().await;
    assert_eq!(ran.json["changed"], 0, "the tick was served already");
    assert_eq!(stage.release_cell("web-prod", "releaseVersion"), "2.3.9");
    assert!(is_logged(&stage), "{:?}", stage.audit_details());
    stage.set("web-prod", "rollback", false);
    for _ in 0..2 {
        let ran = stage.settle().await;
        assert_eq!(ran.json["channels"][0]["state"], "spent", "{ran:?}");
        assert_eq!(stage.version(&ids[0]), "2.3.9");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_done_says_why_and_changes_nothing() {
    let (stage, ids) = promoted(3).await;
    let unasked = stage.run(&["rollback", "web-prod", "--reason", WHY]).await;
    assert_eq!(unasked.code, 2, "{unasked:?}");
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
    for (arguments, environment, code, says) in [
        (&["rollback", "web-prod", "--yes"][..], None, 2, "--reason"),
        (&["rollback", "web-prod", "--reason", " ", "--yes"], None, 2, "say why"),
        (
            &["rollback", "web", "--reason", WHY, "--yes"],
            None,
            2,
            "knows no channel called web",
        ),
        (
            &ORDER[..5],
            Some(("FLEETSHEET_MODE", "observe")),
            2,
            "mode is \"observe\"",
        ),
    ] {
        let ran = stage.run_with(arguments, environment.as_slice()).await;
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
    let cloud = stage.cloud.editor();
    cloud.edit(|fleet| {
        ids[..2]
            .iter()
            .for_each(|id| assert!(fleet.set_tag(id, "ReleaseVersion", "7.0.0")))
    });
    let old = ordered(&stage).await;
    assert_eq!(
        (old.code, old.json["outcome"].as_str()),
        (5, Some("stopped")),
        "{old:?}"
    );
    assert!(
        old.stderr.contains("2 of 3 servers of web-prod carry neither 2.4.0"),
        "{}",
        old.stderr
    );
    cloud.edit(|fleet| {
        ids[..2]
            .iter()
            .for_each(|id| assert!(fleet.set_tag(id, "ReleaseVersion", "2.4.0")))
    });
    assert_eq!(ids.iter().map(|id| stage.version(id)).collect::<Vec<_>>(), ["2.4.0"; 3]);
    assert_eq!(stage.settle().await.release("web-prod"), "2.4.0");
    assert_eq!(ordered(&stage).await.code, 0);
    let second = ordered(&stage).await;
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.stderr.contains("no version to go back to"), "{}", second.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_fail_are_tried_again_by_the_same_command() {
    let (stage, ids) = promoted(4).await;
    down(&stage);
    stage
        .cloud
        .script()
        .fail("ec2.CreateTags", When::Every, Fault::Forbidden);
    let ran = ordered(&stage).await;
    assert_eq!((ran.code, ran.json["failed"].as_u64()), (4, Some(4)), "{ran:?}");
    stage.cloud.script().clear();
    let again = ordered(&stage).await;
    assert_eq!((again.code, again.json["changed"].as_u64()), (0, Some(4)), "{again:?}");
    assert_eq!(again.events_of("rollback"), [""; 0], "it happened once");
    assert_eq!(ids.iter().map(|id| stage.version(id)).collect::<Vec<_>>(), ["2.3.9"; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_a_pass_that_is_running() {
    let (stage, ids) = promoted(2).await;
    stage.sheets.script().set_latency(Duration::from_secs(2));
    let pass = stage.command(&["--once"]).spawn().expect("starts");
    while stage.sheets.script().count("*") < 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stage.sheets.script().clear();
    let ran = ordered(&stage).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stderr.contains("waiting for the pass that is running"),
        "{}",
        ran.stderr
    );
    assert_eq!(stage.version(&ids[0]), "2.3.9");
    drop(pass);
}

/// Killed at each request to the cloud, before and after it takes effect: the same command, or the next pass, finishes it.
#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_it_is_finished_by_the_next_pass() {
    let scene = Scene::ready(Work::Rollback).await;
    scene.stage.set("api-prod", "rollback", false);
    scene.forget();
    let moment = scene.moment();
    let order = ["rollback", "api-prod", "--reason", WHY, "--yes"];
    assert_eq!(scene.stage.run(&order).await.code, 0);
    scene.stage.settle().await;
    let wanted = scene.essence();
    let mut tried = 0;
    for nth in 1.. {
        let mut reached = false;
        for taken in [false, true] {
            scene.go_back(&moment);
            down(&scene.stage);
            let mut child = scene.stage.command(&order).spawn().expect("starts");
            let pid = child.id().expect("runs");
            let kill = move || {
                let killed = std::process::Command::new("kill")
                    .args(["-9", &pid.to_string()])
                    .status();
                assert!(killed.is_ok_and(|status| status.success()));
            };
            let script = scene.stage.cloud.script();
            if taken {
                script.after("*", nth, kill);
            } else {
                script.before("*", nth, kill);
            }
            let ended = child.wait().await.expect("ends");
            reached |= ended.code().is_none();
            scene.stage.sheets.script().clear();
            scene.stage.cloud.script().clear();
            scene.stage.settle().await;
            let again = scene.stage.run(&order).await;
            assert!([0, 1].contains(&again.code), "{again:?}");
            scene.stage.settle().await;
            assert_eq!(scene.essence(), wanted, "killed at request {nth}, taken: {taken}");
            tried += 1;
        }
        if !reached {
            break;
        }
    }
    assert!(tried > 8, "{tried}");
}
