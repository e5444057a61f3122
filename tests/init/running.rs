//! What the agents on servers say, over the wire: the column `running`, the channel's status, what is told of trouble, and the gate.

use chrono::TimeDelta;

use crate::stage::{SERVERS, Stage, fleet};

const OLD: &str = "2.3.9";
const NEW: &str = "2.4.0";

/// The agent of a server wrote this so long ago.
fn say_before(stage: &Stage, id: &str, running: &str, word: &str, ago: TimeDelta) {
    let at = (fleetsheet::clock::now() - ago).format("%Y-%m-%dT%H:%M:%SZ");
    stage.cloud.edit(|fleet| {
        fleet.set_tag(id, "ReleaseRunning", running);
        fleet.set_tag(id, "ReleaseAgent", &format!("{word} @ {at}"));
    });
}

fn say(stage: &Stage, id: &str, running: &str, word: &str) {
    say_before(stage, id, running, word, TimeDelta::zero());
}

fn running(stage: &Stage, id: &str) -> String {
    stage.server_cell(id, "running")
}

/// A sheet in service that `init` has given the column.
async fn ready(count: usize) -> (Stage, Vec<String>) {
    let (stage, ids) = Stage::known(count).await;
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    stage.settle().await;
    (stage, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_of_before_goes_on_without_the_column_until_init_makes_it() {
    let (stage, ids) = Stage::known(4).await;
    say(&stage, &ids[0], OLD, "ok");
    let ran = stage.settle().await;
    assert_eq!(ran.problems(), Vec::<String>::new());
    assert_eq!(ran.status("web-prod"), "in sync · 1/1 run 2.3.9");
    let headers = |stage: &Stage| stage.sheets.book().tab(SERVERS).unwrap().column("running");
    assert_eq!(headers(&stage), None);

    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("running"), "{ran:?}");
    stage.assert_finished().await;
    let ran = stage.settle().await;
    assert_eq!(ran.problems(), Vec::<String>::new());
    assert_eq!(
        (running(&stage, &ids[0]), running(&stage, &ids[1])),
        (OLD.to_owned(), String::new())
    );
    stage.assert_only_service_cells_were_written();
    // Whoever types there is put right, as in every column of the service.
    stage.set_server(&ids[0], "running", "9.9.9");
    stage.settle().await;
    assert_eq!(running(&stage, &ids[0]), OLD);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_of_people_s_own_under_this_header_is_left_alone_and_reported() {
    let (stage, ids) = Stage::known(3).await;
    stage.sheets.edit(|book| {
        book.tab_mut(SERVERS).add_column("Running");
    });
    let own = |stage: &Stage| stage.server_cell(&ids[0], "Running");
    stage.set_server(&ids[0], "Running", "since 1998");
    say(&stage, &ids[0], OLD, "ok");
    let told = |problems: Vec<String>| {
        problems
            .iter()
            .any(|problem| problem.contains("the column running is left alone"))
    };
    let ran = stage.settle().await;
    assert!(told(ran.problems()), "{ran:?}");
    assert_eq!(own(&stage), "since 1998");
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("left alone"), "{ran:?}");
    let ran = stage.settle().await;
    assert!(told(ran.problems()), "{ran:?}");
    assert_eq!(own(&stage), "since 1998");
    // Renamed, it is in nobody's way.
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        let column = tab.column("Running").unwrap();
        tab.rows[0].cells[column].value = "in service".into();
    });
    assert_eq!(stage.init(&[]).await.code, 0);
    let ran = stage.settle().await;
    assert_eq!(ran.problems(), Vec::<String>::new());
    assert_eq!(running(&stage, &ids[0]), OLD);
    assert_eq!(stage.server_cell(&ids[0], "in service"), "since 1998");
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_and_status_say_what_runs_and_a_quiet_pass_stays_quiet() {
    let (stage, ids) = ready(5).await;
    say(&stage, &ids[0], OLD, "ok");
    say(&stage, &ids[1], "2.3.8", "quarantined 2.3.9: health site 502");
    say_before(&stage, &ids[2], OLD, "ok", TimeDelta::hours(13));
    stage.cloud.edit(|fleet| {
        fleet.set_tag(&ids[3], "ReleaseRunning", "=HYPERLINK(\"http://x\")");
        fleet.set_tag(&ids[3], "ReleaseAgent", "<b>\u{1b}[31m ok");
    });
    let ran = stage.settle().await;
    assert_eq!(ran.status("web-prod"), "in sync · 1/4 run 2.3.9 · 1 in trouble");
    let channel = &ran.json["channels"][0];
    assert_eq!(
        [&channel["with_agent"], &channel["running"], &channel["in_trouble"]],
        [4, 1, 1]
    );
    assert_eq!(running(&stage, &ids[0]), OLD);
    assert_eq!(running(&stage, &ids[1]), "2.3.8 · quarantined 2.3.9: health site 502");
    assert!(
        running(&stage, &ids[2]).starts_with("2.3.9 · silent since 20"),
        "{}",
        running(&stage, &ids[2])
    );
    assert_eq!(running(&stage, &ids[3]), "unreadable · unreadable report");
    assert_eq!(running(&stage, &ids[4]), "");
    // A heartbeat says nothing new, and the silent one stays silent.
    say(&stage, &ids[0], OLD, "ok");
    stage.assert_silent().await;
    // Nobody's agent is written to, nor are its tags taken for people's.
    assert_eq!(stage.tag(&ids[0], "ReleaseRunning").as_deref(), Some(OLD));
    let explained = stage.run(&["explain", &ids[1]]).await;
    assert!(
        explained.stdout.contains("2.3.8 · quarantined 2.3.9: health site 502"),
        "{explained:?}"
    );
    let explained = stage.run(&["explain", "web-prod"]).await;
    assert!(
        explained.stdout.contains("1 of 4 with an agent run it"),
        "{explained:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_is_told_once_for_a_channel_and_version() {
    let (stage, ids) = ready(4).await;
    let told = |ran: &crate::stage::Ran| ran.events_of("trouble").len();
    say(&stage, &ids[0], "2.3.8", "failed space");
    let ran = stage.once().await;
    assert_eq!(told(&ran), 1, "{ran:?}");
    say(&stage, &ids[1], "2.3.8", "broken");
    assert_eq!(told(&stage.once().await), 0);
    say(&stage, &ids[0], OLD, "ok");
    say(&stage, &ids[1], OLD, "ok");
    assert_eq!(told(&stage.once().await), 0);
    say(&stage, &ids[0], "2.3.8", "failed space");
    assert_eq!(told(&stage.once().await), 0);
    stage.turn_keys("web-prod", NEW);
    stage.once().await;
    say(&stage, &ids[0], OLD, "quarantined 2.4.0: check");
    assert_eq!(told(&stage.once().await), 1);
    let history = stage.run(&["history", "--format", "json"]).await;
    assert!(history.stdout.contains("quarantined 2.4.0: check"), "{history:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_on_agents_lets_waves_go_on_and_pauses_without_a_further_call() {
    let (servers, ids) = fleet(4, "web-prod", OLD);
    let rows: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    let mut stage = Stage::new(&[("web-prod", OLD, OLD, true)], &rows, servers).await;
    stage.setting(
        "FLEETSHEET_STRATEGY",
        r#"[{ name = "careful", channels = ["web*"], waves = ["25%", "50%"], bake = "0s", warmup = "0s", gates = ["agents"] }]"#,
    );
    stage.setting(
        "FLEETSHEET_GATE",
        r#"[{ name = "agents", agents = true, min_running = 1.0, max_bad = 0.0, passes = 1, failures = 1, interval = "0s" }]"#,
    );
    stage.settle().await;
    for id in &ids {
        say(&stage, id, OLD, "ok");
    }
    let check = stage.run(&["check", "--format", "json"]).await;
    assert!(
        check.stdout.contains("is read from the tags that agents write"),
        "{check:?}"
    );
    stage.turn_keys("web-prod", NEW);
    stage.once().await;
    let members = |stage: &Stage| {
        ids.iter()
            .filter(|id| stage.version(id) == NEW)
            .cloned()
            .collect::<Vec<_>>()
    };
    let first = members(&stage);
    assert_eq!(first.len(), 1);
    // Tagged is not running.
    let ran = stage.once().await;
    let ran = if ran.json["channels"][0]["rollout"]["gates"][0]["samples"].is_null() {
        stage.once().await
    } else {
        ran
    };
    let gate = &ran.json["channels"][0]["rollout"]["gates"][0];
    assert_eq!(
        (&gate["reading"], &gate["value"], &gate["limit"], &gate["samples"]),
        (&"no data".into(), &0.0.into(), &1.0.into(), &1.0.into())
    );
    assert_eq!(members(&stage), first);
    say(&stage, &first[0], NEW, "ok");
    for _ in 0..3 {
        stage.once().await;
    }
    let second = members(&stage);
    assert_eq!(second.len(), 2, "the next wave started");
    let bad = second.iter().find(|id| **id != first[0]).unwrap();
    say(&stage, bad, OLD, "quarantined 2.4.0: health site 502");
    let ran = stage.once().await;
    assert!(ran.status("web-prod").contains("gate agents"), "{ran:?}");
    let ran = stage.once().await;
    assert!(
        ran.status("web-prod")
            .starts_with("paused at wave 2/3 of 2.4.0: gate agents failed"),
        "{ran:?}"
    );
    assert_eq!((ran.release("web-prod"), members(&stage)), (NEW, second.clone()));
    let asked = ran.json["calls"].as_object().unwrap();
    assert!(
        asked
            .keys()
            .all(|call| !call.starts_with("prometheus") && !call.starts_with("cloudwatch")),
        "{asked:?}"
    );
}
