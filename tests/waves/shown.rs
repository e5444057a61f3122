//! What people and programs see of a rollout: reports as text and JSON, explanations, metrics, pages of plans.

use chrono::{DateTime, Utc};
use fleetsheet::calls::Calls;
use fleetsheet::explain::explain;
use fleetsheet::gate::Verdict;
use fleetsheet::observe::Observed;
use fleetsheet::pass::Preview;
use fleetsheet::pass_end::{Decided, Ending, PassEnd};
use fleetsheet::problem::{Code, Kind, Problem};
use fleetsheet::report::{Report, plan_page};
use fleetsheet::rollout::OnFailure;
use fleetsheet::service::metrics::Metrics;
use fleetsheet::settle::settle;
use fleetsheet::window::{Days, TimeOfDay, Window};
use serde_json::{Value, json};

use super::*;

/// What `plan` and `explain` know a minute later.
fn preview(world: &mut World) -> Preview {
    world.wait(TimeDelta::minutes(1));
    let options = Options {
        observe: world.policy.observe,
        ..Options::default()
    };
    let sheet = world.sheet().unwrap();
    let policy = world.policy(&options);
    let plan = world.decide_on(&sheet, &options);
    let mut then = world.clone();
    then.memory.apply(&plan.update);
    let settled = settle(then.inputs(&sheet, &policy), &plan, None);
    let observed = Observed {
        sheet,
        fleet: world.fleet.clone(),
        readings: world.readings.clone(),
        ..Observed::default()
    };
    let decided = Box::new(Decided { observed, plan });
    let end = PassEnd::Shown(decided, Box::new(settled));
    let report = Report::new("run-1", &end, Some(&world.memory));
    let PassEnd::Shown(decided, _) = end else { panic!() };
    Preview {
        decided,
        memory: world.memory.clone(),
        report,
        now: world.now,
    }
}

fn rollout(preview: &Preview) -> Value {
    preview.report.json()["channels"][0]["rollout"].clone()
}

pub(super) fn explained(world: &mut World, name: &str) -> Vec<(String, String)> {
    let preview = preview(world);
    let lines = explain(name, &preview, &world.policy, &[]).unwrap();
    lines.into_iter().map(|(what, text)| (what.to_owned(), text)).collect()
}

pub(super) fn line(lines: &[(String, String)], what: &str) -> String {
    let found = lines.iter().find(|(name, _)| name == what);
    found.map_or_else(|| panic!("no {what}: {lines:#?}"), |(_, text)| text.clone())
}

fn page(preview: &Preview) -> String {
    plan_page(&preview.decided.plan, &preview.report, false).to_string()
}

/// Eight servers, waves of 25 % and all, a bake of ten minutes and a gate.
fn baking() -> World {
    let mut careful = strategy(&["25%", "50%", "100%"], &["errors"]);
    careful.bake = Duration::from_secs(600);
    let mut world = world(8, careful);
    keys(&mut world, "2.0", "2.0");
    reads(&mut world, "errors", Some(Verdict::Pass));
    pass(&mut world);
    pass(&mut world);
    world
}

#[test]
fn reports_tell_a_rollout_in_every_field() {
    let mut calm = world(8, strategy(&["25%", "100%"], &[]));
    assert_eq!(rollout(&preview(&mut calm)), Value::Null);
    let mut world = baking();
    let began: DateTime<Utc> = world.channel("web").unwrap().rollout.as_ref().unwrap().began;
    let settled = world.channel("web").unwrap().rollout.as_ref().unwrap().settled.unwrap();
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    assert_eq!(
        rollout(&preview(&mut world)),
        json!({
            "version": "2.0", "former": "1.0", "strategy": "careful", "phase": null,
            "wave": 1, "waves": 3, "to": "25%", "members": 2, "carrying": 2,
            "state": "baking", "why": format!("bakes until {} · errors 1/3", (settled + TimeDelta::minutes(10)).format("%H:%M UTC")),
            "since": time(began), "not_before": time(settled + TimeDelta::minutes(10)),
            "gates": [{
                "gate": "errors", "reading": "pass", "value": 0.031, "compared": null, "limit": null, "samples": null,
                "passes": 1, "failures": 0, "asked": ["errors?"],
            }],
        })
    );
    keys(&mut world, "", "2.0");
    let shown = preview(&mut world).report.json();
    assert_eq!(shown["channels"][0]["state"], "paused");
    let paused = &shown["channels"][0]["rollout"];
    assert_eq!(
        (&paused["state"], &paused["why"]),
        (&json!("paused"), &json!("key A is empty"))
    );
    // A pass that was stopped knows of it what is remembered.
    let stopped = Report::new("run-1", &PassEnd::Unread(Vec::new()), Some(&world.memory));
    let known = stopped.json()["channels"][0]["rollout"].clone();
    assert_eq!(
        (&known["version"], &known["members"], &known["carrying"]),
        (&json!("2.0"), &json!(2), &json!(2)),
        "{known}"
    );
    // And the summary that the store keeps for `status` has it, too.
    assert_eq!(
        preview(&mut world).report.summary()["channels"][0]["rollout"]["version"],
        "2.0"
    );
}

#[test]
fn a_plan_says_what_would_start_and_who_would_move() {
    let mut world = world(8, strategy(&["25%", "50%", "100%"], &[]));
    assert_eq!(preview(&mut world).report.outcome, Ending::Done);
    keys(&mut world, "2.0", "2.0");
    let start = preview(&mut world);
    assert_eq!(start.report.outcome, Ending::Changes);
    let text = page(&start);
    for words in [
        "next pass: promotion 1.0 → 2.0, would start to roll out 2.0: wave 1/3 (25%) with 2 servers",
        "ReleaseVersion 1.0 → 2.0 (release)  2 servers",
        "2 servers to change",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(rollout(&start)["carrying"], 0, "nobody has it yet");
    pass(&mut world);
    // Settled in this pass, without bake and gates: the next wave starts at once.
    let wave = preview(&mut world);
    assert_eq!(wave.report.outcome, Ending::Changes);
    let text = page(&wave);
    let words = "next pass: would start wave 2/3 (50%) of 2.0: 2 servers more, to 4";
    assert!(text.contains(words), "{text}");
    // A wave that has nobody to tag is a change as well: a manual one.
    let mut by_hand = strategy(&["25%", "25%", "100%"], &[]);
    by_hand.waves[1].manual = true;
    let mut world = super::world(8, by_hand);
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    let wave = preview(&mut world);
    assert!(wave.decided.plan.servers.iter().all(|server| server.changes.is_empty()));
    assert_eq!(wave.report.outcome, Ending::Changes);
    pass(&mut world);
    assert_eq!(preview(&mut world).report.outcome, Ending::Done, "it waits for people");
}

#[test]
fn a_channel_is_explained_by_its_rule_its_gates_and_its_windows() {
    let mut world = baking();
    let rollouts = Arc::make_mut(&mut world.policy.rollouts);
    let time = |text| TimeOfDay::read(text).unwrap();
    let window = Window::new(
        Days::ALL,
        time("22:00"),
        time("04:00"),
        fleetsheet::window::zone("UTC").unwrap(),
        Duration::ZERO,
    )
    .unwrap();
    rollouts.windows.push((globs(&["web"]), window));
    let lines = explained(&mut world, "web");
    assert_eq!(
        line(&lines, "rule"),
        "R8: the wave has not baked, or a gate has not passed often enough, or does not pass now"
    );
    assert_eq!(line(&lines, "strategy"), "careful: waves 25%, 50%, 100%; gates errors");
    assert!(
        line(&lines, "rollout").starts_with("2.0 after 1.0, by strategy careful: wave 1 of 3 (25%) since "),
        "{lines:#?}"
    );
    assert_eq!(
        line(&lines, "gate"),
        "errors: pass, 0.031; passed 1 of 3 times in a row, failed 0"
    );
    assert_eq!(line(&lines, "asked"), "errors?");
    assert_eq!(line(&lines, "window"), "open");
    assert_eq!(line(&lines, "next opening"), "Thu 2026-01-01 22:00 to Fri 04:00 UTC");
    reads(&mut world, "errors", Some(Verdict::Fail));
    let lines = explained(&mut world, "web");
    assert!(line(&lines, "rule").starts_with("R7: "), "{lines:#?}");
    assert_eq!(
        line(&lines, "gate"),
        "errors: fail, 0.031: 0.031 > 0.01; passed 0 of 3 times in a row, failed 1"
    );
    pass(&mut world);
    let lines = explained(&mut world, "web");
    assert!(line(&lines, "rule").starts_with("2a: "), "{lines:#?}");
    let mut world = baking();
    world.wait(TimeDelta::hours(6));
    for (a, b, number) in [("2.0", "", "R2: "), ("1.0", "1.0", "R1: ")] {
        keys(&mut world, a, b);
        let lines = explained(&mut world, "web");
        assert!(line(&lines, "rule").starts_with(number), "{lines:#?}");
    }
    keys(&mut world, "2.0", "2.0");
    tick(&mut world, "enabled", false);
    assert!(line(&explained(&mut world, "web"), "rule").starts_with("R3: "));
}

#[test]
fn gates_are_shown_before_a_rollout_starts_and_as_it_does() {
    let mut careful = strategy(&["25%", "100%"], &["errors"]);
    careful.after = vec!["db".into()];
    let mut world = world(8, careful);
    keys(&mut world, "2.0", "2.0");
    reads(&mut world, "errors", Some(Verdict::Pass));
    let lines = explained(&mut world, "web");
    assert_eq!(
        line(&lines, "gate"),
        "errors: pass, 0.031; passed 0 of 3 times in a row, failed 0"
    );
    let said = line(&lines, "next pass");
    assert!(
        said.contains("2.0 has both keys; waits for db, which has no row"),
        "{said}"
    );
    let rollouts = Arc::make_mut(&mut world.policy.rollouts);
    rollouts.strategies[0].after.clear();
    let gates = rollout(&preview(&mut world))["gates"].clone();
    assert_eq!((&gates[0]["gate"], &gates[0]["passes"]), (&json!("errors"), &json!(0)));
}

#[test]
fn who_can_never_be_tagged_is_to_be_held() {
    let mut world = world(8, strategy(&["25%", "100%"], &[]));
    keys(&mut world, "2.0", "2.0");
    let all = world.fleet.servers.keys().cloned().collect();
    let refuse = Options {
        fail: all,
        reach: Some(fleetsheet::fleet::Reach::Alone),
        ..Options::default()
    };
    for _ in 0..2 {
        pass_with(&mut world, &refuse);
    }
    let lines = explained(&mut world, "web");
    let because = line(&lines, "because");
    assert_eq!(
        because,
        "waits for 2 that cannot be tagged; tick hold for a server that can never be tagged"
    );
}

#[test]
fn a_server_is_explained_by_its_wave_and_its_place() {
    let mut world = baking();
    let places = |world: &mut World| -> BTreeMap<String, usize> {
        let mut places = BTreeMap::new();
        for n in 1..=8 {
            *places.entry(line(&explained(world, &id(n)), "wave")).or_default() += 1;
        }
        places
    };
    let found = places(&mut world);
    assert_eq!(found.values().sum::<usize>(), 8);
    for (begins, ends) in [
        ("wave 1 of 3 (25%), place 1 of 2", "it was taken"),
        ("wave 1 of 3 (25%), place 2 of 2", "it was taken"),
        ("wave 2 of 3 (50%), place 3 of 4", "UTC · errors 1/3"),
        ("wave 3 of 3 (100%), place 8 of 8", "UTC · errors 1/3"),
    ] {
        let is_it = |words: &&String| words.starts_with(begins) && words.ends_with(ends);
        assert_eq!(found.keys().filter(is_it).count(), 1, "{begins}: {found:#?}");
    }
    // One that is held has no turn, and its place goes to the next.
    set(&mut world, &id(1), "hold", Cell::Bool(true));
    let lines = explained(&mut world, &id(1));
    assert!(lines.iter().all(|(what, _)| what != "wave"), "{lines:#?}");
    // Without a rollout it says when its turn will be; the order is the same.
    let mut calm = super::world(8, strategy(&["25%", "50%", "100%"], &[]));
    let next = places(&mut calm);
    assert!(
        next.keys()
            .any(|words| words == "in the next rollout wave 2 of 3 (50%), place 4 of 4"),
        "{next:#?}"
    );
}

#[test]
fn metrics_tell_waves_gates_and_endings() {
    let metrics = Metrics::new().unwrap();
    let mut world = baking();
    let ended = |world: &mut World| {
        let shown = preview(world);
        metrics.ended(Some(&shown.report), world.now);
        let text = metrics.text(&Calls::default()).unwrap();
        String::from_utf8(text).unwrap()
    };
    let shown = ended(&mut world);
    for line in [
        "fleetsheet_rollout_wave{channel=\"web\"} 1\n",
        "fleetsheet_rollout_state{channel=\"web\",state=\"baking\"} 1\n",
        "fleetsheet_rollout_state{channel=\"web\",state=\"moving\"} 0\n",
        "fleetsheet_rollout_servers{channel=\"web\",cohort=\"new\"} 2\n",
        "fleetsheet_rollout_servers{channel=\"web\",cohort=\"former\"} 6\n",
        "fleetsheet_gate_reading{channel=\"web\",gate=\"errors\",reading=\"pass\"} 1\n",
        "fleetsheet_gate_reading{channel=\"web\",gate=\"errors\",reading=\"no data\"} 0\n",
        "fleetsheet_gate_value{channel=\"web\",cohort=\"new\",gate=\"errors\"} 0.031\n",
        "fleetsheet_window_open{channel=\"web\"} 1\n",
        "fleetsheet_rollouts_total{outcome=\"done\"} 0\n",
        "fleetsheet_rollouts_total{outcome=\"auto_rolled_back\"} 0\n",
    ] {
        assert!(shown.contains(line), "{line}{shown}");
    }
    // Each way to end is counted, and a rollback without a rollout is none of them.
    let ways: [(&str, Act); 3] = [
        ("rolled_back", |w| tick(w, "rollback", true)),
        ("taken_back", |w| keys(w, "1.0", "1.0")),
        ("auto_rolled_back", |w| {
            reads(w, "errors", Some(Verdict::Fail));
            pass(w);
        }),
    ];
    for (outcome, act) in ways {
        let mut world = baking();
        act(&mut world);
        let shown = ended(&mut world);
        assert!(
            shown.contains(&format!("fleetsheet_rollouts_total{{outcome=\"{outcome}\"}} 1\n")),
            "{shown}"
        );
        assert!(!shown.contains("fleetsheet_rollout_wave{"), "it is over: {shown}");
    }
    let mut world = world_done();
    let shown = ended(&mut world);
    assert!(
        shown.contains("fleetsheet_rollouts_total{outcome=\"done\"} 1\n"),
        "{shown}"
    );
    pass(&mut world);
    tick(&mut world, "rollback", true);
    let shown = ended(&mut world);
    assert!(
        shown.contains("fleetsheet_rollouts_total{outcome=\"rolled_back\"} 1\n"),
        "{shown}"
    );
}

/// The next pass finds that the last wave is over.
fn world_done() -> World {
    let mut world = world(4, strategy(&["50%", "100%"], &[]));
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    pass(&mut world);
    world
}

#[test]
fn what_a_paused_gate_says_has_a_fix() {
    let mut careful = strategy(&["25%", "100%"], &["errors"]);
    careful.on_failure = OnFailure::Pause;
    let mut world = world(8, careful);
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    reads(&mut world, "errors", Some(Verdict::Fail));
    pass(&mut world);
    let plan = pass(&mut world);
    assert_eq!(events(&plan), ["gate_failed", "paused"]);
    let lines = explained(&mut world, "web");
    assert!(line(&lines, "rule").starts_with("R4: "), "{lines:#?}");
    assert_eq!(line(&lines, "to change it"), "tick rollback: that rolls back to 1.0");
}

#[test]
fn a_wave_that_could_not_be_remembered_is_not_told() {
    let mut world = world(8, strategy(&["25%", "100%"], &[]));
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    let before = world.memory.clone();
    let plan = pass(&mut world);
    assert_eq!(events(&plan), ["wave"]);
    let end = PassEnd::Cut(
        Box::new(Decided {
            plan,
            ..Decided::default()
        }),
        Box::default(),
        Problem::new(Kind::ApiFailure, Code::Act, "state", "the disk is full"),
    );
    let told = |memory| {
        let report = Report::new("run", &end, Some(memory));
        report.events.iter().map(|event| event.event).collect::<Vec<_>>()
    };
    assert_eq!(told(&before), [""; 0]);
    assert_eq!(told(&world.memory), ["wave"]);
}
