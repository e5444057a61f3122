//! Servers whose tags were refused: how often they are tried, what ends a pause, and what never waits.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet::fleet::Reach;
use fleetsheet::plan::Plan;
use fleetsheet::sheet::Cell;
use fleetsheet::tag::ServerId;

use crate::people::{channel_row, launch, server_row, set};
use crate::world::{Options, World};

const PASS: TimeDelta = TimeDelta::minutes(5);

fn id(n: usize) -> String {
    format!("i-{n:08}")
}

/// Thirty servers of web on 1.0, and both keys on 2.0.
fn promoted() -> World {
    let mut world = World::new();
    world.release.rows = vec![channel_row("web", "1.0", "1.0")];
    for n in 0..30 {
        world.servers.rows.push(server_row(&id(n), "web"));
        launch(
            &mut world,
            &id(n),
            &[("ReleaseChannel", "web"), ("ReleaseVersion", "1.0")],
        );
    }
    world.pass(&Options::default());
    world.wait(PASS);
    ask(&mut world, "2.0");
    world
}

fn ask(world: &mut World, version: &str) {
    for key in ["desiredVersionA", "desiredVersionB"] {
        set(world, "web", key, Cell::Text(version.into()));
    }
}

fn refusing(reach: Reach, servers: impl Iterator<Item = usize>) -> Options {
    Options {
        fail: servers.map(|n| ServerId::from(id(n).as_str())).collect(),
        reach: Some(reach),
        ..Options::default()
    }
}

fn tried(plan: &Plan) -> BTreeSet<String> {
    let servers = plan.servers.iter().filter(|server| !server.changes.is_empty());
    servers.map(|server| server.id.to_string()).collect()
}

fn pass(world: &mut World, options: &Options) -> BTreeSet<String> {
    let plan = world.pass(options);
    world.wait(PASS);
    tried(&plan)
}

#[test]
fn refused_alike_one_is_tried_in_each_pass_and_each_within_a_day_and_ever_more_rarely() {
    let mut world = promoted();
    let all = refusing(Reach::Alike, 0..30);
    let mut last: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
    let (mut whole, mut longest) = (Vec::new(), TimeDelta::zero());
    for nth in 0..3 * 24 * 12 {
        let now = world.now;
        let tried = pass(&mut world, &all);
        assert!(!tried.is_empty(), "pass {nth}: at least one");
        if tried.len() == 30 {
            whole.push(nth);
        } else {
            assert_eq!(tried.len(), 1, "pass {nth}");
        }
        for server in tried {
            let before = last.insert(server, now).unwrap_or(now);
            longest = longest.max(now - before);
        }
    }
    assert_eq!(whole[..6], [0, 3, 9, 21, 45, 93], "15 min, 30 min, and so on");
    assert!(longest <= TimeDelta::hours(24) + PASS, "{longest}");
}

#[test]
fn when_one_is_taken_the_others_follow_in_the_next_pass() {
    let mut world = promoted();
    let all = refusing(Reach::Alike, 0..30);
    (0..40).for_each(|_| drop(pass(&mut world, &all)));
    assert_eq!(pass(&mut world, &Options::default()).len(), 1);
    assert_eq!(pass(&mut world, &Options::default()).len(), 29);
    assert_eq!(pass(&mut world, &Options::default()).len(), 0);
    assert!(world.memory.servers.values().all(|server| server.refused.is_none()));
}

#[test]
fn other_tags_are_tried_at_once_and_a_rollback_above_all() {
    let mut world = promoted();
    let all = refusing(Reach::Alike, 0..30);
    (0..40).for_each(|_| drop(pass(&mut world, &all)));
    ask(&mut world, "3.0");
    assert_eq!(pass(&mut world, &all).len(), 30, "another version");
    assert_eq!(pass(&mut world, &all).len(), 1);
    // Ten of them got it, by hand; then it is taken back.
    for n in 0..10 {
        let server = world.fleet.servers.get_mut(&*id(n)).unwrap();
        server.tags.insert("ReleaseVersion".into(), "3.0".into());
    }
    set(&mut world, "web", "rollback", Cell::Bool(true));
    assert_eq!(pass(&mut world, &all).len(), 30, "a rollback");
}

#[test]
fn of_those_refused_for_themselves_a_few_are_tried_and_nobody_else_waits() {
    for (refused, least) in [(3, 3), (8, 8), (20, 8)] {
        let mut world = promoted();
        let alone = refusing(Reach::Alone, 0..refused);
        assert_eq!(pass(&mut world, &alone).len(), 30);
        assert_eq!(pass(&mut world, &alone).len(), least, "of {refused}");
        let tried: BTreeSet<String> = (0..24 * 12).flat_map(|_| pass(&mut world, &alone)).collect();
        assert_eq!(tried.len(), refused, "each within a day");
    }
}

#[test]
fn a_failure_that_may_pass_is_tried_in_each_pass() {
    let mut world = promoted();
    let all = Options {
        reach: None,
        ..refusing(Reach::Alike, 0..30)
    };
    assert!((0..20).all(|_| pass(&mut world, &all).len() == 30));
}

#[test]
fn a_clock_that_is_set_back_makes_no_pause_longer() {
    let mut world = promoted();
    let all = refusing(Reach::Alike, 0..30);
    (0..2).for_each(|_| drop(pass(&mut world, &all)));
    world.wait(TimeDelta::days(-400));
    let passes = (0..20).take_while(|_| pass(&mut world, &all).len() == 1);
    assert!(passes.count() < 8);
}
