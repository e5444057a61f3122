//! Blue-green, decided: a switch and its ways back, as the contract tells them. That no server gives up `active` unless the other
//! colour is wholly so is held at each single write of these worlds (`support/rows.rs`).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use fleetsheet::gate::Verdict;
use fleetsheet::plan::check::check;
use fleetsheet::plan::{ChannelPlan, Plan};
use fleetsheet::rollout::Colours;
use fleetsheet::sheet::Cell;
use fleetsheet::tag::{Change, Reason, ServerId, TagKey};

use crate::people::{channel_row, launch, server_row, set};
use crate::waves::{reads, rollouts, strategy};
use crate::world::{Crash, Options, World, down};

fn colours() -> Colours {
    Colours {
        colour_tag: "Colour".into(),
        role_tag: "ReleaseRole".into(),
        first: "blue".into(),
        overlap: Duration::from_secs(120),
        keep: Duration::from_secs(600),
        manual: false,
    }
}

/// Releases of `web` switch colours from now on, and its gate `errors` has to pass.
pub(crate) fn set_up(world: &mut World, manual: bool) {
    world.release.headers.push("advance".into());
    let mut strategy = strategy(&[], &["errors"]);
    strategy.colours = Some(Colours { manual, ..colours() });
    world.policy.rollouts = Arc::new(rollouts(strategy));
}

fn id(n: usize) -> String {
    format!("i-{n:08x}")
}

fn add(world: &mut World, n: usize, colour: &str, tags: &[(&str, &str)]) {
    world.servers.rows.push(server_row(&id(n), "web"));
    let mut all = vec![("ReleaseChannel", "web"), ("Colour", colour)];
    all.extend(tags);
    launch(world, &id(n), &all);
}

/// `web` on 1.0 with so many blue and green servers, met and approved; the gate `errors` where one is asked for.
fn world_of(blue: usize, green: usize, colours: Colours, gates: &[&str]) -> World {
    let mut world = World::new();
    world.release.headers.push("advance".into());
    let mut strategy = strategy(&[], gates);
    strategy.colours = Some(colours);
    world.policy.rollouts = Arc::new(rollouts(strategy));
    world.release.rows = vec![channel_row("web", "1.0", "1.0")];
    for n in 1..=blue + green {
        let colour = if n <= blue { "blue" } else { "green" };
        add(&mut world, n, colour, &[("ReleaseVersion", "1.0")]);
    }
    pass(&mut world);
    pass(&mut world);
    world
}

fn world(each: usize) -> World {
    world_of(each, each, colours(), &[])
}

fn pass(world: &mut World) -> Plan {
    pass_with(world, &Options::default())
}

fn pass_with(world: &mut World, options: &Options) -> Plan {
    world.wait(TimeDelta::minutes(1));
    world.pass(options)
}

fn keys(world: &mut World, version: &str) {
    for header in ["desiredVersionA", "desiredVersionB"] {
        set(world, "web", header, Cell::Text(version.into()));
    }
}

fn tick(world: &mut World, header: &str, on: bool) {
    set(world, "web", header, Cell::Bool(on));
}

fn put(world: &mut World, n: usize, tag: &str, value: &str) {
    let server = world.fleet.servers.get_mut(&ServerId::from(id(n).as_str())).unwrap();
    server.tags.insert(TagKey::from(tag), value.into());
}

/// What the servers of each colour carry: `blue active 1.0`, with how many.
fn seen(world: &World) -> Vec<String> {
    let mut seen = BTreeMap::new();
    for server in world
        .fleet
        .servers
        .values()
        .filter(|server| server.state.word() == "running")
    {
        let tag = |key: &str| {
            server
                .tag(&TagKey::from(key))
                .map_or("-".to_owned(), ToString::to_string)
        };
        let all = ["Colour", "ReleaseRole", "ReleaseVersion"].map(tag).join(" ");
        *seen.entry(all).or_insert(0) += 1;
    }
    seen.into_iter()
        .map(|(what, count)| format!("{count} {what}"))
        .collect()
}

fn web(plan: &Plan) -> &ChannelPlan {
    plan.channels
        .iter()
        .find(|channel| channel.name.as_str() == "web")
        .unwrap()
}

fn phase(plan: &Plan) -> &'static str {
    let rollout = web(plan).rollout.as_ref();
    rollout
        .and_then(|rollout| rollout.phase)
        .map_or("", |phase| phase.word())
}

fn events(plan: &Plan) -> Vec<&str> {
    plan.happenings.iter().map(|happening| happening.event).collect()
}

/// Passes until one is in this phase.
fn until(world: &mut World, wanted: &str) -> Plan {
    for _ in 0..40 {
        let plan = pass(world);
        if phase(&plan) == wanted {
            return plan;
        }
    }
    panic!("{wanted} is never reached: {:?}", seen(world));
}

const AT_REST: [&str; 2] = ["2 blue active 1.0", "2 green preview 1.0"];
const WATCHED: [&str; 2] = ["2 blue active 1.0", "2 green preview 2.0"];
const BOTH: [&str; 2] = ["2 blue active 1.0", "2 green active 2.0"];
const SWITCHED: [&str; 2] = ["2 blue preview 1.0", "2 green active 2.0"];
const THROUGH: [&str; 2] = ["2 blue preview 2.0", "2 green active 2.0"];

#[test]
fn roles_are_given_at_first_contact_to_the_first_colour_or_as_they_stand() {
    assert_eq!(seen(&world(2)), AT_REST);
    let mut world = World::new();
    let mut strategy = strategy(&[], &[]);
    strategy.colours = Some(colours());
    world.policy.rollouts = Arc::new(rollouts(strategy));
    world.release.rows = vec![channel_row("web", "1.0", "1.0")];
    add(&mut world, 1, "blue", &[("ReleaseVersion", "1.0")]);
    add(
        &mut world,
        2,
        "green",
        &[("ReleaseVersion", "1.0"), ("ReleaseRole", "active")],
    );
    pass(&mut world);
    assert_eq!(seen(&world), ["1 blue preview 1.0", "1 green active 1.0"]);
}

#[test]
fn a_release_goes_through_its_four_phases() {
    let mut world = world(2);
    keys(&mut world, "2.0");
    let plan = pass(&mut world);
    assert_eq!((phase(&plan), events(&plan)), ("preview", vec!["promotion"]));
    assert_eq!(web(&plan).status, "rolling out 2.0: phase 1/4 (preview), 0/2");
    assert_eq!(seen(&world), WATCHED);
    let plan = pass(&mut world);
    assert_eq!((phase(&plan), events(&plan)), ("switching", vec!["switch"]));
    assert_eq!(seen(&world), BOTH);
    let plan = pass(&mut world);
    assert_eq!(
        web(&plan).status,
        "rolling out 2.0: phase 2/4 (switching), 2/2; blue and green are active until 00:07 UTC"
    );
    assert_eq!(seen(&world), BOTH);
    pass(&mut world);
    pass(&mut world);
    assert_eq!(seen(&world), SWITCHED);
    let plan = pass(&mut world);
    assert_eq!((phase(&plan), events(&plan)), ("keep", vec!["wave"]));
    let plan = until(&mut world, "follow");
    assert_eq!(web(&plan).status, "rolling out 2.0: phase 4/4 (follow), 2/4");
    assert_eq!(seen(&world), THROUGH);
    let plan = pass(&mut world);
    assert_eq!(events(&plan), ["rollout_done"]);
    // The next one goes the other way.
    keys(&mut world, "3.0");
    pass(&mut world);
    assert_eq!(seen(&world), ["2 blue preview 3.0", "2 green active 2.0"]);
    until(&mut world, "keep");
    assert_eq!(seen(&world), ["2 blue active 3.0", "2 green preview 2.0"]);
}

#[test]
fn a_preview_that_is_smaller_than_the_active_colour_is_not_switched_to() {
    let mut world = world_of(3, 2, colours(), &[]);
    keys(&mut world, "2.0");
    pass(&mut world);
    let plan = pass(&mut world);
    assert_eq!(
        web(&plan).status,
        "rolling out 2.0: phase 1/4 (preview), 2/2; waits for as many servers of green as of blue (2 of 3)"
    );
    add(&mut world, 9, "green", &[]);
    until(&mut world, "switching");
}

#[test]
fn a_switch_that_is_manual_waits_for_advance() {
    let manual = Colours {
        manual: true,
        ..colours()
    };
    let mut world = world_of(2, 2, manual, &[]);
    keys(&mut world, "2.0");
    pass(&mut world);
    let plan = pass(&mut world);
    assert_eq!(
        web(&plan).status,
        "rolling out 2.0: phase 1/4 (preview), 2/2; waits for advance"
    );
    tick(&mut world, "advance", true);
    let plan = pass(&mut world);
    assert_eq!(phase(&plan), "switching");
    // The tick was for the preview alone.
    until(&mut world, "follow");
}

#[test]
fn a_gate_is_passed_before_the_switch_and_anew_before_the_former_colour_follows() {
    let mut world = world_of(2, 2, colours(), &["errors"]);
    keys(&mut world, "2.0");
    for _ in 0..8 {
        let plan = pass(&mut world);
        assert_eq!(phase(&plan), "preview");
    }
    reads(&mut world, "errors", Some(Verdict::Pass));
    until(&mut world, "keep");
    reads(&mut world, "errors", Some(Verdict::NoData));
    for _ in 0..20 {
        assert_eq!(phase(&pass(&mut world)), "keep");
    }
    assert_eq!(seen(&world), SWITCHED);
    reads(&mut world, "errors", Some(Verdict::Pass));
    until(&mut world, "follow");
}

#[test]
fn a_gate_that_fails_in_each_phase_takes_the_release_back() {
    for (at, by_roles) in [
        ("preview", true),
        ("switching", true),
        ("keep", true),
        ("follow", false),
    ] {
        let mut world = world_of(2, 2, colours(), &["errors"]);
        keys(&mut world, "2.0");
        reads(&mut world, "errors", Some(Verdict::Pass));
        until(&mut world, at);
        reads(&mut world, "errors", Some(Verdict::Fail));
        let mut plan = pass(&mut world);
        if !events(&plan).contains(&"auto_rollback") {
            plan = pass(&mut world);
        }
        assert!(events(&plan).contains(&"auto_rollback"), "{at}: {:?}", events(&plan));
        reads(&mut world, "errors", None);
        for _ in 0..4 {
            pass(&mut world);
        }
        let rest = if by_roles {
            AT_REST
        } else {
            ["2 blue preview 1.0", "2 green active 1.0"]
        };
        assert_eq!(seen(&world), rest, "{at}");
    }
}

/// In `keep` no version is written before roles, and that of a server only once it takes no traffic.
#[test]
fn a_rollback_in_keep_goes_by_roles_alone() {
    let mut world = world(2);
    keys(&mut world, "2.0");
    until(&mut world, "keep");
    tick(&mut world, "rollback", true);
    let plan = pass(&mut world);
    assert!(events(&plan).contains(&"rollback"));
    assert_eq!(seen(&world), ["2 blue active 1.0", "2 green preview 2.0"]);
    pass(&mut world);
    assert_eq!(seen(&world), AT_REST);
    let quiet = pass(&mut world);
    assert!(!quiet.has_changes());
}

#[test]
fn a_rollback_in_follow_goes_back_in_place() {
    let mut world = world(2);
    keys(&mut world, "2.0");
    until(&mut world, "follow");
    tick(&mut world, "rollback", true);
    pass(&mut world);
    assert_eq!(seen(&world), ["2 blue preview 1.0", "2 green active 1.0"]);
    assert!(!pass(&mut world).has_changes());
    // Which colour is active is still known.
    tick(&mut world, "rollback", false);
    pass(&mut world);
    keys(&mut world, "3.0");
    pass(&mut world);
    assert_eq!(seen(&world), ["2 blue preview 3.0", "2 green active 1.0"]);
}

#[test]
fn a_rollback_whose_former_colour_does_not_carry_the_former_version_goes_back_in_place() {
    let mut world = world(2);
    keys(&mut world, "2.0");
    until(&mut world, "keep");
    put(&mut world, 1, "ReleaseVersion", "1.9");
    tick(&mut world, "rollback", true);
    pass(&mut world);
    assert_eq!(seen(&world), ["2 blue preview 1.0", "2 green active 1.0"]);
}

/// A switch and a rollback, with one server that refuses its tags and killed after any number of writes: one colour is always
/// wholly active, and all ends well once nothing stands in the way.
#[test]
fn one_colour_is_wholly_active_at_each_write_of_a_switch_and_of_a_rollback() {
    let mut tried = 0;
    for at in ["preview", "switching", "keep", "follow"] {
        for back in [false, true] {
            let later = if at == "switching" { 4 } else { 2 };
            for passes in 0..later {
                for fault in 0..9 {
                    let mut world = world(2);
                    keys(&mut world, "2.0");
                    until(&mut world, at);
                    tick(&mut world, "rollback", back);
                    for _ in 0..passes {
                        pass(&mut world);
                    }
                    let mut options = Options::default();
                    if fault < 4 {
                        options.fail.insert(id(fault + 1).as_str().into());
                    } else {
                        options.crash = Some(Crash::Tags(fault - 4));
                    }
                    for _ in 0..3 {
                        pass_with(&mut world, &options);
                        let wholly = |colour: &str| {
                            let active = format!("2 {colour} active");
                            seen(&world).iter().any(|line| line.starts_with(&active))
                                || seen(&world).iter().filter(|line| line.contains(&active[2..])).count() == 2
                        };
                        assert!(wholly("blue") || wholly("green"), "{at}: {:?}", seen(&world));
                    }
                    for _ in 0..30 {
                        pass(&mut world);
                    }
                    let now = seen(&world);
                    let ends: &[[&str; 2]] = if back {
                        &[AT_REST, ["2 blue preview 1.0", "2 green active 1.0"]]
                    } else {
                        &[THROUGH]
                    };
                    assert!(
                        ends.iter().any(|end| now == *end),
                        "{at}, back {back}, after {passes}, {fault}: {now:?}"
                    );
                    tried += 1;
                }
            }
        }
    }
    assert_eq!(tried, 180);
}

#[test]
fn without_just_two_colours_nothing_starts() {
    let mut world = world_of(2, 0, colours(), &[]);
    keys(&mut world, "2.0");
    let plan = pass(&mut world);
    assert!(
        web(&plan)
            .status
            .starts_with("error: 2.0 has both keys, but all its servers"),
        "{}",
        web(&plan).status
    );
    assert_eq!(seen(&world), ["2 blue active 1.0"]);
    add(&mut world, 8, "green", &[]);
    add(&mut world, 9, "red", &[]);
    let plan = pass(&mut world);
    assert!(
        web(&plan).status.contains("3 colours (blue, green, red)"),
        "{}",
        web(&plan).status
    );
    // One that nobody knows to be active.
    let other = Colours {
        first: "orange".into(),
        ..colours()
    };
    let mut world = world_of(1, 1, other, &[]);
    keys(&mut world, "2.0");
    let plan = pass(&mut world);
    assert!(
        web(&plan).status.contains("is known to be active"),
        "{}",
        web(&plan).status
    );
    assert_eq!(seen(&world), ["1 blue - 1.0", "1 green - 1.0"]);
}

#[test]
fn a_server_without_a_colour_gets_the_former_colours_versions_and_no_role() {
    let mut world = world(2);
    world.servers.rows.push(server_row(&id(9), "web"));
    launch(&mut world, &id(9), &[("ReleaseChannel", "web")]);
    keys(&mut world, "2.0");
    until(&mut world, "keep");
    assert!(seen(&world).contains(&"1 - - 1.0".to_owned()), "{:?}", seen(&world));
    until(&mut world, "follow");
    assert!(seen(&world).contains(&"1 - - 2.0".to_owned()), "{:?}", seen(&world));
}

#[test]
fn roles_that_others_write_are_drift_and_a_server_in_preview_takes_no_traffic_for_it() {
    let mut world = world(2);
    put(&mut world, 3, "ReleaseRole", "active");
    keys(&mut world, "2.0");
    pass(&mut world);
    // It gave its traffic up first, and gets the version once that is seen.
    let apart = ["2 blue active 1.0", "1 green preview 1.0", "1 green preview 2.0"];
    assert_eq!(seen(&world).len(), 3);
    assert!(
        apart.iter().all(|line| seen(&world).contains(&(*line).to_owned())),
        "{:?}",
        seen(&world)
    );
    pass(&mut world);
    assert_eq!(seen(&world), WATCHED);
    put(&mut world, 1, "ReleaseRole", "preview");
    pass(&mut world);
    assert!(seen(&world).contains(&"2 blue active 1.0".to_owned()));
}

/// A source that does not answer may hide servers of the colour that takes over.
#[test]
fn nobody_gives_up_active_while_an_account_or_region_does_not_answer() {
    let mut world = world(2);
    keys(&mut world, "2.0");
    until(&mut world, "keep");
    let far = crate::world::source("far");
    let server = world.fleet.servers.get_mut(&ServerId::from(id(2).as_str())).unwrap();
    server.source = far.clone();
    world.fleet.sources.insert(far.clone(), None);
    pass(&mut world);
    let gone = world.fleet.servers.remove(&ServerId::from(id(2).as_str())).unwrap();
    world.fleet.sources.insert(far.clone(), Some(down()));
    tick(&mut world, "rollback", true);
    for _ in 0..3 {
        pass(&mut world);
        assert_eq!(seen(&world), ["1 blue active 1.0", "2 green active 2.0"]);
    }
    world.fleet.servers.insert(id(2).as_str().into(), gone);
    world.fleet.sources.insert(far, None);
    for _ in 0..3 {
        pass(&mut world);
    }
    assert_eq!(seen(&world), AT_REST);
}

#[test]
fn a_rollback_that_is_ordered_without_the_sheet_goes_by_roles_too() {
    for killed in [None, Some(0), Some(1), Some(2), Some(3), Some(4)] {
        let mut world = world(2);
        keys(&mut world, "2.0");
        until(&mut world, "keep");
        world.order("web", killed).unwrap();
        if killed.is_none() {
            assert_eq!(seen(&world), ["2 blue active 1.0", "2 green preview 2.0"]);
        }
        world.order("web", None).unwrap();
        for _ in 0..4 {
            pass(&mut world);
        }
        assert_eq!(seen(&world), AT_REST, "{killed:?}");
    }
    let mut world = world(2);
    keys(&mut world, "2.0");
    until(&mut world, "follow");
    world.order("web", None).unwrap();
    assert_eq!(seen(&world), ["2 blue preview 1.0", "2 green active 1.0"]);
}

#[test]
fn a_store_that_takes_over_adopts_a_rollout_as_it_stands() {
    for (at, then, after) in [
        ("preview", "preview", WATCHED),
        ("switching", "preview", WATCHED),
        ("keep", "keep", SWITCHED),
    ] {
        let mut world = world(2);
        keys(&mut world, "2.0");
        until(&mut world, at);
        world.memory = fleetsheet::memory::Memory {
            store: "another".into(),
            ..Default::default()
        };
        let takeover = Options {
            takeover: true,
            ..Options::default()
        };
        let plan = pass_with(&mut world, &takeover);
        assert_eq!(phase(&plan), then, "{at}: {}", web(&plan).status);
        for _ in 0..3 {
            let plan = pass(&mut world);
            assert_eq!(phase(&plan), then, "{at}");
        }
        assert_eq!(seen(&world), after, "{at}");
        for version in ["", "2.0"] {
            keys(&mut world, version);
            pass(&mut world);
        }
        until(&mut world, "follow");
        for _ in 0..2 {
            pass(&mut world);
        }
        assert_eq!(seen(&world), THROUGH, "{at}");
    }
}

/// Plans these changes of a server instead of its own.
fn plan_changes(plan: &mut Plan, n: usize, changes: &[(&str, &str, &str)]) {
    let own = id(n);
    let server = plan
        .servers
        .iter_mut()
        .find(|server| server.id.as_str() == own)
        .unwrap();
    let change = |(tag, before, after): &(&str, &str, &str)| Change {
        tag: (*tag).into(),
        before: Some((*before).into()),
        after: (*after).into(),
        reason: Reason::Release,
    };
    server.changes = changes.iter().map(change).collect();
}

/// What no planner may do is refused, worked out anew.
#[test]
fn the_check_refuses_what_takes_traffic_away_or_brings_it_to_another_version() {
    let refuses = |at: &str, tamper: &dyn Fn(&mut World, &mut Plan), fault: &str| {
        let mut world = world(2);
        keys(&mut world, "2.0");
        until(&mut world, at);
        world.wait(TimeDelta::minutes(1));
        let mut plan = world.decide(&Options::default());
        tamper(&mut world, &mut plan);
        let (sheet, policy) = (world.sheet().unwrap(), world.policy(&Options::default()));
        let faults = check(world.inputs(&sheet, &policy), &plan).unwrap_err();
        assert!(faults.iter().any(|it| it.contains(fault)), "{at}, {fault}: {faults:#?}");
    };
    let role = "ReleaseRole";
    let gone = "it gives its traffic up, and the other colour does not take it";
    refuses(
        "switching",
        &|_, plan| plan_changes(plan, 1, &[(role, "active", "preview")]),
        "its colour is not to be in preview",
    );
    refuses(
        "keep",
        &|world, plan| {
            put(world, 1, role, "active");
            put(world, 3, role, "preview");
            plan_changes(plan, 1, &[(role, "active", "preview")]);
        },
        gone,
    );
    refuses(
        "keep",
        &|_, plan| plan_changes(plan, 1, &[(role, "preview", "active")]),
        "its colour is not to be active",
    );
    refuses(
        "keep",
        &|world, plan| {
            put(world, 3, role, "preview");
            put(world, 3, "ReleaseVersion", "1.9");
            plan_changes(
                plan,
                3,
                &[(role, "preview", "active"), ("ReleaseVersion", "1.9", "2.0")],
            );
        },
        "traffic comes while its version changes",
    );
    refuses(
        "keep",
        &|world, plan| {
            put(world, 1, role, "active");
            put(world, 1, "ReleaseVersion", "1.9");
            plan_changes(plan, 1, &[("ReleaseVersion", "1.9", "1.0")]);
        },
        "its version changes while it takes traffic",
    );
    refuses(
        "preview",
        &|world, _| put(world, 3, "ReleaseVersion", "1.0"),
        "switches to a colour that does not wholly carry the version",
    );
    refuses(
        "preview",
        &|_, plan| {
            let web = plan.update.channels.get_mut("web").unwrap();
            web.colour.as_mut().unwrap().active = "green".into();
        },
        "another colour counts as active",
    );
}
