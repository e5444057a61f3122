//! `fleetsheet rollback`: what a tick does, at once, with or without the spreadsheet.

use std::time::{Duration, Instant};

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
        detail.contains("ordered by night@") && detail.ends_with(&format!(": {WHY}")),
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

/// Rows count as they are, whether or not a pass has seen them; and where nobody can read them, as they were last read.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_the_sheet_leaves_alone_are_left_alone() {
    for google_is_down in [false, true] {
        let (stage, ids) = promoted(6).await;
        stage.set_server(&ids[0], "hold", true);
        stage.set_server(&ids[1], "channel", "");
        stage.set_server(&ids[2], "channel", "wbe-prod");
        if google_is_down {
            stage.settle().await;
            down(&stage);
        }
        let ran = ordered(&stage).await;
        assert_eq!((ran.code, ran.json["changed"].as_u64()), (0, Some(3)), "{ran:?}");
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(
                stage.version(id),
                if n < 3 { "2.4.0" } else { "2.3.9" },
                "{n} {google_is_down}"
            );
        }
    }
}

/// What the page and the metrics say of a channel is what is in force, also while no pass can read the sheet.
#[tokio::test(flavor = "multi_thread")]
async fn the_service_shows_it_while_google_is_down() {
    let (stage, ids) = promoted(3).await;
    let service = stage.start(&[("FLEETSHEET_SCHEDULE__CRON", "0 0 0 1 1 *")]).await;
    let info = |release: &str, state: &str| {
        format!(
            "fleetsheet_channel_info{{channel=\"web-prod\",desired_a=\"2.4.0\",desired_b=\"2.4.0\",release=\"{release}\",state=\"{state}\"}}"
        )
    };
    // The line of a pass is logged before its figures are there.
    service
        .shows("/metrics", &format!("{} 1\n", info("2.4.0", "in_sync")))
        .await;
    down(&stage);
    assert_eq!(ordered(&stage).await.code, 0);
    assert_eq!(stage.version(&ids[0]), "2.3.9");
    service.signal("USR1");
    let page = service
        .shows("/", "moved from 2.4.0 since the last pass that read the sheet")
        .await;
    assert!(page.contains("data-of=\"release\">2.3.9<"), "{page}");
    let metrics = service.get("/metrics").await.body;
    let is_ours = |line: &&str| line.starts_with("fleetsheet_channel_info{channel=\"web-prod\"");
    let lines: Vec<&str> = metrics.lines().filter(is_ours).collect();
    assert!(lines.len() == 1 && lines[0].contains("release=\"2.3.9\""), "{lines:?}");
    stage.sheets.script().clear();
    service.signal("USR1");
    let page = service.shows("/", "must be approved again").await;
    assert!(!page.contains("moved from 2.4.0 since"), "{page}");
    service.stop().await;
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
async fn servers_that_failed_are_tried_again_after_a_pass_has_read_the_sheet() {
    let (stage, ids) = promoted(4).await;
    let script = stage.cloud.script();
    script.fail("ec2.CreateTags", When::Every, Fault::Forbidden);
    assert_eq!(ordered(&stage).await.code, 4);
    assert_eq!(stage.once().await.code, 4);
    assert_eq!(stage.version(&ids[0]), "2.4.0");
    script.clear();
    let again = ordered(&stage).await;
    assert_eq!((again.code, again.json["changed"].as_u64()), (0, Some(4)), "{again:?}");
    assert_eq!(ids.iter().map(|id| stage.version(id)).collect::<Vec<_>>(), ["2.3.9"; 4]);
}

/// No box stands ticked that would hold a third version back, so its keys are spent.
#[tokio::test(flavor = "multi_thread")]
async fn a_third_version_in_both_keys_is_not_released_by_the_pass_that_shows_the_rollback() {
    for google_is_down in [false, true] {
        let (stage, ids) = promoted(3).await;
        stage.turn_keys("web-prod", "3.0.0");
        if google_is_down {
            down(&stage);
        }
        let ran = ordered(&stage).await;
        assert_eq!((ran.code, stage.version(&ids[0])), (0, "2.3.9".into()), "{ran:?}");
        stage.sheets.script().clear();
        for _ in 0..2 {
            let after = stage.settle().await;
            assert_eq!(after.json["channels"][0]["state"], "spent", "{after:?}");
            assert_eq!(stage.version(&ids[0]), "2.3.9");
        }
        stage.turn_keys("web-prod", "");
        stage.settle().await;
        stage.turn_keys("web-prod", "3.0.0");
        stage.settle().await;
        assert_eq!(stage.version(&ids[0]), "3.0.0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_another_has_replaced_moves_nothing() {
    let (mut stage, ids) = promoted(3).await;
    let first = format!("sqlite:{}", stage.path("state/fleetsheet.db").display());
    let second = format!("sqlite:{}", stage.path("laptop/fleetsheet.db").display());
    stage.setting("FLEETSHEET_STATE__URL", &second);
    assert_eq!(stage.run(&["--once", "--takeover"]).await.code, 0);
    stage.setting("FLEETSHEET_STATE__URL", &first);
    let refused = async |stage: &Stage| {
        let ran = ordered(stage).await;
        assert_eq!(
            (ran.code, ran.json["outcome"].as_str()),
            (5, Some("stopped")),
            "{ran:?}"
        );
        assert!(
            ran.stderr.contains("the spreadsheet is served by the state store"),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("the next pass shows"), "{}", ran.stderr);
        assert_eq!(stage.version(&ids[0]), "2.4.0");
    };
    refused(&stage).await;
    // It is remembered, by the order that was refused as by a pass that is stopped for it.
    for _ in 0..2 {
        down(&stage);
        refused(&stage).await;
        stage.sheets.script().clear();
        assert_eq!(stage.once().await.code, 5);
    }
    assert_eq!(stage.run(&["--once", "--takeover"]).await.code, 0);
    stage.turn_keys("web-prod", "");
    stage.settle().await;
    stage.turn_keys("web-prod", "2.5.0");
    stage.settle().await;
    let ran = ordered(&stage).await;
    assert_eq!((ran.code, stage.version(&ids[0])), (0, "2.4.0".into()), "{ran:?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_hangs_in_reading_gives_way_to_it() {
    let (stage, ids) = promoted(2).await;
    let before = stage.run(&["status", "--format", "json"]).await.json;
    stage.sheets.script().set_latency(Duration::from_secs(25));
    let pass = stage.command(&["--once", "--format", "json"]).spawn().expect("starts");
    while stage.sheets.script().count("*") < 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let began = Instant::now();
    let order = stage.command(&ORDER).spawn().expect("starts");
    let pass = Ran::of(pass.wait_with_output().await.expect("ends"));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!((pass.code, &pass.json["outcome"]), (6, &"busy".into()), "{pass:?}");
    assert!(pass.problems()[0].contains("a rollback by command waits"), "{pass:?}");
    while stage.version(&ids[0]) != "2.3.9" {
        assert!(began.elapsed() < Duration::from_secs(15), "the order waits for nobody");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let after = stage.run(&["status", "--format", "json"]).await.json;
    assert_eq!(after["run"], before["run"], "it was no pass");
    assert_eq!(after["problems"], before["problems"]);
    stage.sheets.script().clear();
    let ran = Ran::of(order.wait_with_output().await.expect("ends"));
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_gives_way_and_goes_on() {
    let (stage, ids) = promoted(2).await;
    let service = stage.start(&[("FLEETSHEET_SCHEDULE__CRON", "0 0 0 1 1 *")]).await;
    service.says("pass ended").await;
    stage.sheets.script().set_latency(Duration::from_secs(25));
    service.signal("USR1");
    service.says("a pass was asked for").await;
    while stage.run(&["status", "--format", "json"]).await.json["running"].is_null() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let order = stage.command(&ORDER).spawn().expect("starts");
    service.says("gave way").await;
    service
        .shows("/metrics", "fleetsheet_passes_total{outcome=\"busy\"} 1")
        .await;
    stage.sheets.script().clear();
    let ran = Ran::of(order.wait_with_output().await.expect("ends"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(stage.version(&ids[0]), "2.3.9");
    let seen = service.lines("pass ended");
    service.signal("USR1");
    service.says_again("pass ended", seen).await;
    let log = service.stop().await;
    assert!(!log.contains("pass failed"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_is_tagging_is_waited_for_and_said_again_and_again() {
    let (mut stage, ids) = promoted(2).await;
    stage.turn_keys("web-prod", "2.5.0");
    stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "14s");
    stage.cloud.script().fail("ec2.CreateTags", When::First, Fault::Hang);
    let pass = stage.command(&["--once", "--format", "json"]).spawn().expect("starts");
    while stage.cloud.script().count("ec2.CreateTags") < 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ran = ordered(&stage).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.events_of("rollback"), ["web-prod 2.5.0 2.4.0"]);
    let lines: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("waiting")).collect();
    assert!(lines.len() >= 2, "{}", ran.stderr);
    assert!(
        lines[0].contains("(pass) on ") && lines[0].contains("since 2") && lines[0].contains("more at most"),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains("waiting for 10 s now"), "{}", lines[1]);
    let pass = Ran::of(pass.wait_with_output().await.expect("ends"));
    assert_eq!((pass.code, &pass.json["changed"]), (0, &2.into()), "{pass:?}");
    assert_eq!(stage.version(&ids[0]), "2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_it_and_the_mail_counts_what_moved() {
    let scene = Scene::start().await;
    let stage = &scene.stage;
    stage.settle().await;
    stage.set_server("i-00000000000000a01", "channel", "web-prd");
    stage.turn_keys("web-prod", "2.0.0");
    stage.settle().await;
    scene.forget();
    let ran = ordered(stage).await;
    assert_eq!((ran.code, ran.json["changed"].as_u64()), (0, Some(4)), "{ran:?}");
    assert_eq!(
        scene.mails()[0].subject(),
        "[fleetsheet] web-prod: rolled back to 1.0.0 on 4 servers"
    );
    let line = |words: &str| {
        let found = ran.stderr.lines().find(|line| line.contains(words));
        found
            .unwrap_or_else(|| panic!("no {words} in {}", ran.stderr))
            .to_owned()
    };
    let told = line(": rollback ordered ");
    assert!(
        told.contains(WHY) && told.contains("night@") && told.contains("web-prod"),
        "{told}"
    );
    let moved = line(": rollback channel=");
    assert!(moved.contains("web-prod"), "{moved}");
    assert!(line("rollback ended").contains("changed=4"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_does_not_answer_at_all_is_no_failure_of_the_program() {
    let (stage, ids) = promoted(2).await;
    stage.cloud.script().fail("*", When::Every, Fault::Forbidden);
    let ran = stage.once().await;
    assert_eq!((ran.code, &ran.json["outcome"]), (4, &"partial".into()), "{ran:?}");
    let plan = stage.run(&["plan", "--format", "json"]).await;
    assert_eq!(plan.code, 4, "{plan:?}");
    let refused = ordered(&stage).await;
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(
        refused.stderr.contains("no live server of web-prod was seen"),
        "{refused:?}"
    );
    stage.cloud.script().clear();
    assert_eq!(stage.version(&ids[0]), "2.4.0");
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
