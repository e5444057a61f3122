//! A release that could not reach all its servers at once is told again when it has: once, and no other is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chrono::TimeDelta;
use fleetsheet::plan::Happening;
use fleetsheet::settle::settle;
use fleetsheet::sheet::Cell;
use fleetsheet::tag::{ServerId, TagKey};
use proptest::prelude::*;

use crate::laws::chance::{apply, beginning, turn};
use crate::people::{channel_row, launch, server_row, set};
use crate::rows::outcomes;
use crate::world::{Crash, Options, World, down, source};

/// `web` with three servers on 1.0, which both keys name.
fn world() -> World {
    let mut world = World::new();
    world.release.rows = vec![channel_row("web", "1.0", "1.0")];
    for id in ["i-00000001", "i-00000002", "i-00000003"] {
        world.servers.rows.push(server_row(id, "web"));
        launch(&mut world, id, &[("ReleaseChannel", "web"), ("ReleaseVersion", "1.0")]);
    }
    assert_eq!(pass(&mut world, &Options::default()), Vec::new());
    world
}

fn keys(world: &mut World, version: &str) {
    for header in ["desiredVersionA", "desiredVersionB"] {
        set(world, "web", header, Cell::Text(version.into()));
    }
}

/// Makes a pass, and gives what is told as completed.
fn pass(world: &mut World, options: &Options) -> Vec<Happening> {
    world.wait(TimeDelta::minutes(5));
    let sheet = world.sheet().unwrap();
    let plan = world.decide_on(&sheet, options);
    let mut acting = world.clone();
    acting.memory.apply(&plan.update);
    let told = match (&options.crash, plan.stop.is_empty()) {
        (None, true) => {
            let policy = world.policy(options);
            settle(acting.inputs(&sheet, &policy), &plan, Some(&outcomes(&plan, options))).happenings
        }
        // What a killed pass would have said is not looked at.
        _ => Vec::new(),
    };
    world.pass(options);
    told
}

fn words(told: &[Happening]) -> Vec<String> {
    let line = |h: &Happening| format!("{} {} {} {} {}", h.event, h.channel, h.from, h.to, h.detail);
    told.iter().map(line).collect()
}

fn failing(ids: &[&str]) -> Options {
    Options {
        fail: ids.iter().map(|id| ServerId::from(*id)).collect(),
        ..Options::default()
    }
}

const DONE: [&str; 1] = ["completed web 1.0 2.0 now on all 3 servers"];

#[test]
fn a_promotion_that_failed_for_some_is_told_when_they_have_followed() {
    let mut world = world();
    keys(&mut world, "2.0");
    assert_eq!(pass(&mut world, &failing(&["i-00000001", "i-00000002"])), []);
    assert_eq!(pass(&mut world, &failing(&["i-00000002"])), []);
    assert_eq!(words(&pass(&mut world, &Options::default())), DONE);
    for _ in 0..3 {
        assert_eq!(pass(&mut world, &Options::default()), [], "it is told once");
    }
}

#[test]
fn what_was_everywhere_at_once_is_not_told_again() {
    let mut world = world();
    keys(&mut world, "2.0");
    assert_eq!(pass(&mut world, &Options::default()), []);
    // A server that is late is no news of the release.
    world
        .fleet
        .servers
        .get_mut("i-00000001")
        .unwrap()
        .tags
        .insert("ReleaseVersion".into(), "1.0".into());
    assert_eq!(pass(&mut world, &failing(&["i-00000001"])), []);
    assert_eq!(pass(&mut world, &Options::default()), []);
}

#[test]
fn a_pass_that_was_killed_and_finished_by_the_next_is_one() {
    for crash in [
        Crash::BeforeCommit,
        Crash::Tags(1),
        Crash::AfterTags,
        Crash::BeforeSheet,
        Crash::AfterSheet,
    ] {
        let mut world = world();
        keys(&mut world, "2.0");
        let killed = Options {
            crash: Some(crash),
            ..Options::default()
        };
        pass(&mut world, &killed);
        assert_eq!(pass(&mut world, &Options::default()), [], "{crash:?}");
        assert_eq!(pass(&mut world, &Options::default()), [], "{crash:?}");
    }
}

#[test]
fn another_move_takes_the_place_of_one_that_was_not_finished() {
    let mut world = world();
    keys(&mut world, "2.0");
    pass(&mut world, &failing(&["i-00000001"]));
    set(&mut world, "web", "rollback", Cell::Bool(true));
    assert_eq!(pass(&mut world, &failing(&["i-00000002"])), []);
    let told = words(&pass(&mut world, &Options::default()));
    assert_eq!(told, ["completed web 2.0 1.0 now on all 3 servers"]);
}

#[test]
fn held_servers_are_not_waited_for_and_those_that_nobody_sees_are() {
    let mut world = world();
    set(&mut world, "i-00000001", "hold", Cell::Bool(true));
    let far = source("far");
    world.fleet.servers.get_mut("i-00000002").unwrap().source = far.clone();
    world.fleet.sources.insert(far.clone(), None);
    pass(&mut world, &Options::default());
    let gone = world.fleet.servers.remove("i-00000002").unwrap();
    world.fleet.sources.insert(far.clone(), Some(down()));
    keys(&mut world, "2.0");
    assert_eq!(pass(&mut world, &Options::default()), []);
    assert_eq!(pass(&mut world, &Options::default()), []);
    world.fleet.servers.insert("i-00000002".into(), gone);
    world.fleet.sources.insert(far, None);
    let told = words(&pass(&mut world, &Options::default()));
    assert_eq!(told, ["completed web 1.0 2.0 now on all 2 servers"]);
}

#[test]
fn an_ordered_rollback_that_is_finished_by_a_pass_is_told() {
    let mut world = world();
    keys(&mut world, "2.0");
    pass(&mut world, &Options::default());
    let far = source("far");
    world.fleet.servers.get_mut("i-00000003").unwrap().source = far.clone();
    world.fleet.sources.insert(far.clone(), None);
    pass(&mut world, &Options::default());
    let hidden = world.fleet.servers.remove("i-00000003").unwrap();
    world.fleet.sources.insert(far.clone(), Some(down()));
    let plan = world.order("web", None).unwrap();
    assert_eq!((plan.channels[0].concerned, plan.channels[0].unseen), (3, 1));
    world.fleet.servers.insert("i-00000003".into(), hidden);
    world.fleet.sources.insert(far, None);
    let told = words(&pass(&mut world, &Options::default()));
    assert_eq!(told, ["completed web 2.0 1.0 now on all 3 servers"]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens: what is told as completed was not told as completed before, and is on all servers that follow it.
    #[test]
    fn what_is_told_as_completed_is_everywhere(start in beginning(), turns in proptest::collection::vec(turn(), 1..8)) {
        let mut world = start;
        let mut open: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
        for turn in &turns {
            for act in &turn.acts {
                apply(&mut world, act);
            }
            if world.sheet().is_err() {
                continue;
            }
            let options = turn.options();
            let moving = world.clone();
            let told = pass(&mut world, &options);
            for name in ["api", "db", "web"] {
                let release = |world: &World| world.channel(name).and_then(|c| c.release.clone());
                if release(&moving) != release(&world) {
                    open.insert(name.to_owned());
                }
            }
            for done in told {
                prop_assert!(open.remove(&done.channel), "told twice, or without a move: {done:?}");
                let tag = TagKey::from("ReleaseVersion");
                let after = world.clone();
                for (id, memory) in &after.memory.servers {
                    let Some(server) = after.fleet.servers.get(id) else { continue };
                    let follows = memory.channel.as_ref().is_some_and(|c| c.as_str() == done.channel);
                    // Rows that cannot be read, or that say two things, follow nothing.
                    let in_sync = Some(Cell::Text("in sync".into()));
                    let synced = world.row_mut(id.as_str()).is_some_and(|row| row.get("status").cloned() == in_sync);
                    if follows && synced && server.state == fleetsheet::fleet::State::Running {
                        prop_assert_eq!(server.tag(&tag).map(|v| v.to_string()), Some(done.to.clone()));
                    }
                }
            }
        }
    }
}
