//! Rollouts as people and scripts see them: exit codes, events, mail, metrics, explanations, the command that takes one back, and
//! what they cost.

use crate::preload;
use crate::scene::{Scene, Work};
use crate::stage::{Ran, Stage};

const WHY: &str = "2.0.0 loses orders";
const PLAN: [&str; 4] = ["plan", "--exit-code", "--format", "json"];

/// Makes passes that must end well until the channel's status holds the words.
async fn until(scene: &Scene, channel: &str, words: &str) -> Vec<Ran> {
    let mut all = Vec::new();
    for _ in 0..9 {
        let ran = scene.pass().await;
        assert_eq!(ran.code, 0, "{ran:?}");
        all.push(ran);
        if all.last().unwrap().status(channel).contains(words) {
            return all;
        }
    }
    panic!("it never came to {words}: {all:?}");
}

/// The names of the events of these passes.
fn events(all: &[Ran]) -> Vec<String> {
    let events = all.iter().flat_map(|ran| ran.json["events"].as_array().unwrap());
    events
        .map(|event| event["event"].as_str().unwrap().to_owned())
        .collect()
}

fn subjects(scene: &Scene) -> Vec<String> {
    let subjects = scene.mails().iter().map(|mail| mail.subject().to_owned()).collect();
    scene.smtp.forget_messages();
    subjects
}

/// History and AuditLog tell these events of web-prod, in whichever order.
fn assert_remembered(scene: &Scene, told: &[&str]) {
    let own = |events: Vec<[String; 4]>| {
        let own = events
            .into_iter()
            .filter(|event| event[1] == "web-prod" && event[0] != "adoption");
        let mut own: Vec<String> = own.map(|[event, ..]| event).collect();
        own.sort();
        own
    };
    let mut wanted: Vec<String> = told.iter().map(|event| (*event).to_owned()).collect();
    wanted.sort();
    let found = (own(scene.history()), own(scene.stage.audit_lines()));
    assert_eq!(found, (wanted.clone(), wanted));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_course_is_told_in_codes_events_and_few_mails() {
    let scene = Scene::ready(Work::Start).await;
    let stage = &scene.stage;
    assert_eq!(stage.run(&PLAN).await.code, 3, "it would start");
    let start = scene.pass().await;
    assert_eq!(
        (start.code, events(std::slice::from_ref(&start))),
        (0, vec!["promotion".to_owned()])
    );
    let begins = scene.mails();
    assert_eq!(begins.len(), 1, "{begins:?}");
    assert_eq!(begins[0].subject(), "[fleetsheet] web-prod: 2.0.0 begins to roll out");
    scene.smtp.forget_messages();
    let waves = until(&scene, "web-prod", "waits for advance").await;
    assert_eq!(events(&waves), ["wave"]);
    let problems = waves.last().unwrap().problems();
    assert!(
        matches!(&problems[..], [one] if one.contains("is over and waits for advance")),
        "{problems:?}"
    );
    let mails = scene.mails();
    assert_eq!(mails.len(), 1, "none for the wave: {mails:?}");
    assert!(mails[0].text.contains("waits for advance"), "{}", mails[0].text);
    scene.smtp.forget_messages();
    // One that waits writes nothing, and nothing would move.
    stage.assert_silent().await;
    assert_eq!(stage.run(&PLAN).await.code, 0);
    stage.set("web-prod", "enabled", false);
    let paused = scene.pass().await;
    assert_eq!(
        (paused.code, events(std::slice::from_ref(&paused))),
        (0, vec!["paused".to_owned()])
    );
    assert!(
        paused
            .status("web-prod")
            .starts_with("paused at wave 2/3 of 2.0.0: not enabled")
    );
    stage.assert_silent().await;
    stage.set("web-prod", "enabled", true);
    stage.set("web-prod", "advance", true);
    assert_eq!(stage.run(&PLAN).await.code, 3, "the last wave would start");
    subjects(&scene);
    let rest = until(&scene, "web-prod", "in sync").await;
    assert_eq!(events(&rest), ["resumed", "advance", "wave", "rollout_done"]);
    let done = scene.mails();
    let done: Vec<_> = done
        .iter()
        .filter(|mail| mail.subject().contains("has gone out"))
        .collect();
    assert_eq!(done.len(), 1);
    assert_eq!(
        done[0].html.matches("100%").count(),
        1,
        "one table of waves: {}",
        done[0].text
    );
    assert!(
        done[0].text.contains("40%") && done[0].text.contains("80%"),
        "{}",
        done[0].text
    );
    assert_remembered(
        &scene,
        &[
            "promotion",
            "wave",
            "paused",
            "resumed",
            "advance",
            "wave",
            "rollout_done",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_a_release_back_is_told_once() {
    let scene = Scene::ready(Work::Back).await;
    let back = scene.pass().await;
    assert_eq!(back.code, 0, "{back:?}");
    let told = events(std::slice::from_ref(&back));
    assert!(
        told.contains(&"gate_failed".to_owned()) && told.contains(&"auto_rollback".to_owned()),
        "{told:?}"
    );
    assert_eq!(back.problems_of("gate").len(), 1, "{back:?}");
    let mails = scene.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].text.contains("(0.031 > 0.01)"), "{}", mails[0].text);
    scene.smtp.forget_messages();
    scene.stage.assert_silent().await;
    // Keys that name the former version do it without a gate.
    let scene = Scene::ready(Work::Start).await;
    scene.pass().await;
    scene.forget();
    scene.stage.turn_keys("web-prod", "1.0.0");
    let back = scene.pass().await;
    assert_eq!(
        (back.code, back.events_of("taken_back")),
        (0, vec!["web-prod 2.0.0 1.0.0".to_owned()])
    );
    assert_eq!(
        subjects(&scene),
        ["[fleetsheet] web-prod: taken back to 1.0.0 on 2 servers"]
    );
}

/// It stands, and the mail says what lets it go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_only_pauses_is_mailed_once_with_what_lets_the_rollout_go_on() {
    let scene = Scene::ready_with(Work::Back, r#"on_failure = "pause""#).await;
    let stops = scene.pass().await;
    assert_eq!(
        (stops.code, events(std::slice::from_ref(&stops))),
        (0, vec!["gate_failed".to_owned(), "paused".to_owned()])
    );
    let status = stops.status("web-prod");
    let why = "paused at wave 2/3 of 2.0.0: gate errors failed in wave 2/3 (0.031 > 0.01)";
    assert!(status.starts_with(why), "{status}");
    let mails = scene.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    for words in [
        "gate errors failed in wave 2/3 (0.031 > 0.01)",
        "ick advance",
        "ollback",
    ] {
        assert!(mails[0].text.contains(words), "{words}: {}", mails[0].text);
    }
    scene.smtp.forget_messages();
    scene.rest().await;
    assert_eq!(subjects(&scene), Vec::<String>::new(), "it was told");
    scene.gate_fails(false);
    scene.stage.set("web-prod", "advance", true);
    until(&scene, "web-prod", "in sync").await;
}

/// Nothing but a gate without data holds it, for longer than `stalled_after`.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_gets_nowhere_is_mailed_once() {
    let scene = Scene::ready_with(Work::Start, r#"stalled_after = "1m""#).await;
    scene.gate_is_silent();
    for _ in 0..2 {
        scene.stage.settle().await;
    }
    scene.smtp.forget_messages();
    let (library, file) = (preload::library("clock"), scene.stage.path("clock"));
    std::fs::write(&file, "90").unwrap();
    let clock = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("CLOCK_FILE", file.to_str().unwrap()),
    ];
    let late = scene.stage.run_with(&["--once", "--format", "json"], &clock).await;
    assert_eq!(late.code, 0, "{late:?}");
    assert_eq!(late.problems_of("gate").len(), 1, "{late:?}");
    let mails = scene.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    let words = "wave 1/3 of 2.0.0 has been held since";
    assert!(mails[0].text.contains(words), "{}", mails[0].text);
    let again = scene.stage.run_with(&["--once", "--format", "json"], &clock).await;
    assert_eq!((again.code, scene.mails().len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_explained_and_measured() {
    let scene = Scene::ready(Work::Start).await;
    let stage = &scene.stage;
    until(&scene, "web-prod", "waits for advance").await;
    let channel = stage.run(&["explain", "web-prod"]).await.stdout;
    for part in [
        "waits for advance",
        "careful: waves 40%, 80%",
        "errors: pass",
        "version=\"2.0.0\"",
    ] {
        assert!(channel.contains(part), "{part}: {channel}");
    }
    let ids = ["1", "2", "3", "4", "5"].map(|n| format!("i-00000000000000a0{n}"));
    let places = ids
        .each_ref()
        .map(|id| async { stage.run(&["explain", id.as_str()]).await.stdout });
    let mut waits = 0;
    for (place, id) in places.into_iter().zip(&ids) {
        let place = place.await;
        let taken = stage.version(id) == "2.0.0";
        waits += u32::from(!taken);
        let says = if taken {
            "it was taken"
        } else {
            "wave 3 of 3 (100%), place 5 of 5"
        };
        assert!(place.contains(says), "{says}: {place}");
    }
    assert_eq!(waits, 1);
    let service = stage.start(&[("FLEETSHEET_SCHEDULE__CRON", "0 0 0 1 1 *")]).await;
    let text = service
        .shows("/metrics", r#"fleetsheet_rollout_wave{channel="web-prod"} 2"#)
        .await;
    for line in [
        r#"fleetsheet_rollout_state{channel="web-prod",state="waiting"} 1"#,
        r#"fleetsheet_rollout_servers{channel="web-prod",cohort="new"} 4"#,
        r#"fleetsheet_rollout_servers{channel="web-prod",cohort="former"} 1"#,
        r#"fleetsheet_rollouts_total{outcome="taken_back"} 0"#,
        r#"fleetsheet_gate_reading{channel="web-prod",gate="errors",reading="pass"} 1"#,
        r#"fleetsheet_gate_value{channel="web-prod",cohort="new",gate="errors"} 0.001"#,
        r#"fleetsheet_gate_limit{channel="web-prod",gate="errors"} 0.01"#,
        r#"fleetsheet_window_open{channel="web-prod"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_ends_a_rollout_with_the_sheet_and_without() {
    let order = ["rollback", "web-prod", "--reason", WHY, "--yes", "--format", "json"];
    for down in [false, true] {
        let scene = Scene::ready(Work::Start).await;
        let stage = &scene.stage;
        assert_eq!(scene.pass().await.json["changed"], 2);
        if down {
            scene.take_sheet_away();
        }
        let ran = stage.run(&order).await;
        assert_eq!((ran.code, ran.json["changed"].as_u64()), (0, Some(2)), "{ran:?}");
        assert_eq!(ran.events_of("rollback"), ["web-prod 2.0.0 1.0.0"]);
        stage.sheets.script().clear();
        scene.rest().await;
        assert_eq!(stage.release_cell("web-prod", "releaseVersion"), "1.0.0");
        assert!(
            stage
                .release_cell("web-prod", "status")
                .starts_with("held: 2.0.0 must be approved again")
        );
    }
    // A first release over several versions leaves none behind: it ends where its servers are.
    let scene = Scene::start_for(Work::Start).await;
    let stage = &scene.stage;
    for nth in [1, 2] {
        let id = format!("i-00000000000000a0{nth}");
        stage
            .cloud
            .edit(|fleet| assert!(fleet.set_tag(&id, "ReleaseVersion", "0.9.0")));
    }
    stage.settle().await;
    stage.turn_keys("web-prod", "");
    stage.settle().await;
    stage.turn_keys("web-prod", "2.0.0");
    assert_eq!(scene.pass().await.json["changed"], 2);
    assert_eq!(stage.release_cell("web-prod", "previousVersion"), "");
    let before = stage.world().tags;
    let ran = stage.run(&order).await;
    assert_eq!((ran.code, ran.json["changed"].as_u64()), (0, Some(0)), "{ran:?}");
    assert_eq!(ran.events_of("rollback"), ["web-prod 2.0.0 "]);
    scene.rest().await;
    assert_eq!(
        (stage.world().tags, stage.release_cell("web-prod", "releaseVersion")),
        (before, String::new())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn five_waves_of_a_large_fleet_cost_a_batch_each_and_waiting_costs_nothing() {
    let (mut stage, ids) = Stage::known(1500).await;
    stage
        .sheets
        .edit(|book| book.tab_mut("ReleaseSheet").add_column("advance"));
    stage.setting(
        "FLEETSHEET_STRATEGY",
        r#"[{ name = "careful", channels = ["web*"], waves = ["10%", "25%", "50%", { to = "75%", manual = true }], bake = "0s", warmup = "0s" }]"#,
    );
    stage.turn_keys("web-prod", "2.4.0");
    let mut called = Vec::new();
    for wave in [150, 375, 750, 1125] {
        called.push(stage.settle().await.calls("ec2.CreateTags"));
        assert_eq!(ids.iter().filter(|id| stage.version(id) == "2.4.0").count(), wave);
    }
    let waits = stage.settle().await;
    assert!(waits.status("web-prod").contains("waits for advance"), "{waits:?}");
    let silent = stage.assert_silent().await;
    assert_eq!(silent.calls("ec2.CreateTags"), 0);
    stage.set("web-prod", "advance", true);
    called.push(stage.settle().await.calls("ec2.CreateTags"));
    assert_eq!(called, [1; 5]);
    assert!(ids.iter().all(|id| stage.version(id) == "2.4.0"));
}
