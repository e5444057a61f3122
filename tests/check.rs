//! The check refuses what a planner must never do: each good plan below is tampered with in one way, and each way is caught.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use chrono::TimeDelta;
use fleetsheet::memory::{KeyState, Latch, Move, SpentBy};
use fleetsheet::plan::check::check;
use fleetsheet::plan::{Belt, Plan, Rows, Tripped};
use fleetsheet::sheet::Cell;
use fleetsheet::tag::{Change, Reason, ServerId, Version};

use crate::people::{channel_row, launch, server_row, set};
use crate::world::{self, Crash, Options, Protection, World};

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

/// Twelve servers of `web` (one held), three of `db`, and one that is none of ours.
fn world() -> World {
    let mut world = World::new();
    world.release.rows = vec![
        channel_row("web", "1.0.0", "1.0.0"),
        channel_row("db", "5.0.0", "5.0.0"),
    ];
    for i in 1..=15 {
        let channel = if i <= 12 { "web" } else { "db" };
        let version = if i <= 12 { "1.0.0" } else { "5.0.0" };
        let id = format!("i-{i:08}");
        world.servers.rows.push(server_row(&id, channel));
        launch(
            &mut world,
            &id,
            &[("ReleaseChannel", channel), ("ReleaseVersion", version)],
        );
    }
    launch(
        &mut world,
        "i-00000099",
        &[("Name", "bastion"), ("ReleaseVersion", "0.1.0")],
    );
    set(&mut world, "i-00000012", "hold", Cell::Bool(true));
    world.pass(&Options::default());
    world
}

/// A world in which the next pass promotes `web`.
fn promoting() -> World {
    let mut world = world();
    set(&mut world, "web", "desiredVersionA", Cell::Text("2.0.0".into()));
    set(&mut world, "web", "desiredVersionB", Cell::Text("2.0.0".into()));
    world
}

/// A world in which the next pass rolls `web` back.
fn rolling_back() -> World {
    let mut world = promoting();
    world.pass(&Options::default());
    set(&mut world, "web", "rollback", Cell::Bool(true));
    world
}

fn verdict(world: &World, plan: &Plan, options: &Options) -> Result<(), Vec<String>> {
    let sheet = world.sheet().unwrap();
    check(world.inputs(&sheet, &world.policy(options)), plan).map(|_| ())
}

/// Tampers with the plan for a world, and with the world itself after the plan was made.
fn refused(what: &str, before: &World, says: &str, tamper: impl FnOnce(&mut World, &mut Plan)) {
    let options = Options::default();
    let mut world = before.clone();
    let mut plan = world.decide(&options);
    assert_eq!(
        verdict(&world, &plan, &options),
        Ok(()),
        "{what}: the plan is good before"
    );
    tamper(&mut world, &mut plan);
    let Err(faults) = verdict(&world, &plan, &options) else {
        panic!("{what}: passed");
    };
    assert!(
        faults.iter().any(|fault| fault.contains(says)),
        "{what}: {says:?} is not among {faults:#?}"
    );
}

fn server<'p>(plan: &'p mut Plan, id: &str) -> &'p mut fleetsheet::plan::ServerPlan {
    plan.servers.iter_mut().find(|s| s.id.as_str() == id).unwrap()
}

fn change(tag: &str, before: Option<&str>, after: &str, reason: Reason) -> Change {
    Change {
        tag: tag.into(),
        before: before.map(Arc::from),
        after: after.into(),
        reason,
    }
}

#[test]
fn a_good_plan_is_handed_on_in_its_order() {
    let world = promoting();
    let plan = world.decide(&Options::default());
    let sheet = world.sheet().unwrap();
    let approved = check(world.inputs(&sheet, &world.policy), &plan).unwrap();
    let ids: Vec<&ServerId> = approved.changes().map(|s| &s.id).collect();
    assert_eq!(ids.len(), 11);
    assert!(ids.is_sorted());
    assert_eq!(approved.update(), &plan.update);
}

#[test]
fn plans_after_a_killed_pass_are_good() {
    let crashes = [
        Crash::BeforeCommit,
        Crash::BeforeClaim,
        Crash::Tags(3),
        Crash::AfterTags,
        Crash::BeforeSheet,
        Crash::AfterAppend,
        Crash::AfterSheet,
    ];
    for crash in crashes {
        let mut world = rolling_back();
        world.protection = Protection::Keys;
        let options = Options {
            crash: Some(crash),
            ..Options::default()
        };
        // `pass` asks the check itself.
        world.pass(&options);
        world.wait(TimeDelta::minutes(5));
        world.pass(&Options::default());
        let released = world.channel("web").and_then(|m| m.release.clone());
        assert_eq!(released, Some(version("1.0.0")), "{crash:?}");
    }
}

#[test]
fn tampered_changes_are_refused() {
    let good = promoting();
    let to = |before, after| change("ReleaseVersion", Some(before), after, Reason::Release);
    refused("a tag changed twice", &good, "changed twice", |_, plan| {
        let again = server(plan, "i-00000001").changes[0].clone();
        server(plan, "i-00000001").changes.push(again);
    });
    refused("a server twice", &good, "stands twice", |_, plan| {
        let again = server(plan, "i-00000001").clone();
        plan.servers.push(again);
    });
    refused("another before", &good, "is not", |_, plan| {
        server(plan, "i-00000001").changes[0].before = Some("9".into());
    });
    refused("another version", &good, "nothing asks for", |_, plan| {
        server(plan, "i-00000001").changes[0].after = "3.0.0".into();
    });
    refused("another tag", &good, "nothing asks for", |_, plan| {
        server(plan, "i-00000001").changes[0] = change("Name", None, "pwned", Reason::Join);
    });
    refused("a held server", &good, "is held", |_, plan| {
        server(plan, "i-00000012").changes = vec![to("1.0.0", "2.0.0")];
    });
    refused("a server of another channel", &good, "nothing asks for", |_, plan| {
        server(plan, "i-00000013").changes = vec![to("5.0.0", "2.0.0")];
    });
    refused("a server that is not ours", &good, "in no channel", |_, plan| {
        let mut foreign = server(plan, "i-00000001").clone();
        foreign.id = "i-00000099".into();
        foreign.changes = vec![to("0.1.0", "2.0.0")];
        plan.servers.push(foreign);
    });
    refused("withheld and changed", &good, "withheld and changed", |_, plan| {
        let server = server(plan, "i-00000001");
        server.withheld = server.changes.clone();
    });
    refused("another source", &good, "another source", |_, plan| {
        server(plan, "i-00000001").source = Some(world::source("other"));
    });
    refused("a stopped plan that acts", &good, "stopped", |_, plan| {
        plan.stop = vec![fleetsheet::problem::Problem::new(
            fleetsheet::problem::Kind::Belt,
            fleetsheet::problem::Code::Store,
            "sheet",
            "stop",
        )];
    });
}

#[test]
fn plans_for_another_world_are_refused() {
    let good = promoting();
    refused("terminated meanwhile", &good, "is not live", |world, _| {
        let server = world.fleet.servers.get_mut("i-00000001").unwrap();
        server.state = fleetsheet::fleet::State::Terminated;
    });
    refused("a source that is down", &good, "did not answer", |world, _| {
        world.fleet.sources.insert(world::source("main"), Some(world::down()));
    });
    refused("held meanwhile", &good, "is held", |world, _| {
        set(world, "i-00000001", "hold", Cell::Bool(true));
    });
    refused("a second row that disagrees", &good, "disagree", |world, _| {
        world.servers.rows.push(server_row("i-00000001", "db"));
    });
    refused("unassigned", &good, "in no channel", |world, _| {
        set(world, "i-00000001", "channel", Cell::Blank);
    });
    refused("unknown channel", &good, "in no channel", |world, _| {
        set(world, "i-00000001", "channel", Cell::Text("wbe".into()));
    });
    refused("observing", &good, "only observing", |world, _| {
        world.policy.observe = true
    });
}

#[test]
fn releases_that_nobody_asked_for_are_refused() {
    let good = promoting();
    refused("one key", &good, "do not name", |world, _| {
        set(world, "web", "desiredVersionB", Cell::Text("1.0.0".into()));
    });
    refused("not enabled", &good, "does not allow", |world, _| {
        set(world, "web", "enabled", Cell::Bool(false));
    });
    refused("not protected", &good, "not protected", |world, _| {
        world.protection = Protection::Off;
    });
    refused("an edited row", &good, "do not count", |world, _| {
        set(world, "web", "releaseVersion", Cell::Text("9.9.9".into()));
    });
    refused("a spent key", &good, "do not count", |world, _| {
        let memory = world.memory.channels.get_mut("web").unwrap();
        memory.key_a = KeyState::Spent {
            held: Some("2.0.0".into()),
            by: SpentBy::Rollback,
        };
    });
    refused("two rows", &good, "without a row of its own", |world, _| {
        let row = world.release.rows[0].clone();
        world.release.rows.push(row);
    });
    refused("a release without a move", &good, "", |_, plan| {
        let mut memory = plan.update.channels["web"].clone();
        memory.release = Some(version("7.0.0"));
        plan.update.channels.insert("db".into(), memory);
    });
    refused("another version than the keys'", &good, "do not name", |_, plan| {
        plan.update.channels.get_mut("web").unwrap().release = Some(version("2.0.1"));
    });
    refused("a prior version made up", &good, "what it leaves", |_, plan| {
        plan.update.channels.get_mut("web").unwrap().prior = Some(version("0.0.1"));
    });
    refused(
        "a release shown otherwise",
        &good,
        "shows another release",
        |_, plan| {
            plan.channels[1].release = Some(version("1.0.0"));
        },
    );
    refused(
        "a belt that holds promotions",
        &good,
        "while nothing may be",
        |_, plan| {
            plan.tripped.push(Tripped {
                belt: Belt::RowDrop,
                place: "ServerTagAssignment".into(),
                message: String::new(),
                allowed: false,
            });
        },
    );
    refused("approved by nobody", &rolling_back(), "remembering it", |_, plan| {
        let memory = plan.update.channels.get_mut("web").unwrap();
        memory.approved = !memory.approved;
    });
}

#[test]
fn a_promotion_that_reaches_nobody_is_refused() {
    let good = promoting();
    let all = |world: &mut World, lost: usize, cell: &Cell| {
        for i in 1..=lost {
            set(world, &format!("i-{i:08}"), "channel", cell.clone());
        }
    };
    for cell in [Cell::Blank, Cell::Error("#REF!".into()), Cell::Text("db".into())] {
        refused("all servers left", &good, "all its servers left", |world, _| {
            all(world, 12, &cell);
        });
        let mut one_stays = good.clone();
        let plan = one_stays.decide(&Options::default());
        all(&mut one_stays, 11, &cell);
        let faults = verdict(&one_stays, &plan, &Options::default()).unwrap_err();
        assert!(!faults.iter().any(|f| f.contains("all its servers left")), "{faults:?}");
    }
    refused("rows that disagree", &good, "all its servers left", |world, _| {
        for i in 1..=12 {
            world.servers.rows.push(server_row(&format!("i-{i:08}"), "db"));
        }
    });
}

#[test]
fn rows_that_the_configuration_does_not_want_are_refused() {
    let mut world = world();
    let tags = [("ReleaseChannel", "web"), ("ReleaseVersion", "1.0.0")];
    launch(&mut world, "i-00000020", &tags);
    for rows in [Rows::None, Rows::Persistent] {
        refused("a row", &world, "does not want", |world, _| {
            world.policy.rows = rows;
            world.fleet.servers.get_mut("i-00000020").unwrap().spot = true;
        });
    }
}

#[test]
fn rollbacks_that_nobody_asked_for_are_refused() {
    let good = rolling_back();
    refused("no tick", &good, "", |world, _| {
        set(world, "web", "rollback", Cell::Bool(false));
    });
    refused("a latched box", &good, "latched", |world, _| {
        world.memory.channels.get_mut("web").unwrap().latch = Some(Latch::FoundTicked);
    });
    refused("somewhere else", &good, "something else", |_, plan| {
        plan.update.channels.get_mut("web").unwrap().release = Some(version("0.5.0"));
    });
    refused("a second step", &good, "something else", |_, plan| {
        plan.update.channels.get_mut("web").unwrap().prior = Some(version("0.5.0"));
    });
    refused("the latch left open", &good, "remembering it", |_, plan| {
        plan.update.channels.get_mut("web").unwrap().latch = None;
    });
    refused("keys that still count", &good, "still counts", |_, plan| {
        plan.update.channels.get_mut("web").unwrap().key_a = KeyState::Live;
    });
    refused("taken for a promotion", &good, "remembering it", |_, plan| {
        plan.update.channels.get_mut("web").unwrap().moved = Move::Promotion;
    });
    let mut served = good.clone();
    served.pass(&Options::default());
    refused(
        "a key that comes back",
        &served,
        "seen to hold something else",
        |world, plan| {
            let mut memory = world.memory.channels["web"].clone();
            memory.key_a = KeyState::Live;
            plan.update.channels.insert("web".into(), memory);
        },
    );
    refused("a latch that opens by itself", &served, "latch opens", |world, plan| {
        let mut memory = world.memory.channels["web"].clone();
        memory.latch = None;
        plan.update.channels.insert("web".into(), memory);
    });
}

#[test]
fn what_a_belt_holds_is_refused() {
    let mut moving = world();
    for i in 1..=4 {
        set(&mut moving, &format!("i-{i:08}"), "channel", Cell::Text("db".into()));
    }
    let trip = |plan: &Plan| plan.tripped.iter().any(|t| t.belt == Belt::Unapproved);
    assert!(trip(&moving.decide(&Options::default())));
    refused("moves that wait", &moving, "approval of two keys", |_, plan| {
        let server = server(plan, "i-00000001");
        server.changes = std::mem::take(&mut server.withheld);
    });
    let mut tags = world();
    for i in 1..=6 {
        set(&mut tags, &format!("i-{i:08}"), "tag:Owner", Cell::Text("me".into()));
        let server = tags.fleet.servers.get_mut(&*format!("i-{i:08}")).unwrap();
        server.tags.insert("Owner".into(), "ops".into());
    }
    assert!(trip(&tags.decide(&Options::default())));
    refused("tags that wait", &tags, "approval of two keys", |_, plan| {
        let server = server(plan, "i-00000001");
        server.changes = std::mem::take(&mut server.withheld);
    });
    let mut fewer = world();
    fewer.servers.rows.truncate(9);
    refused("appends that wait", &fewer, "that a belt holds", |_, plan| {
        server(plan, "i-00000010").append = true;
    });
}

#[test]
fn an_adoption_that_the_servers_do_not_bear_out_is_refused() {
    let mut fresh = World::new();
    fresh.release.rows = vec![channel_row("web", "", "")];
    for i in 1..=3 {
        let id = format!("i-{i:08}");
        fresh.servers.rows.push(server_row(&id, "web"));
        let version = if i < 3 { "1.0.0" } else { "2.0.0" };
        launch(
            &mut fresh,
            &id,
            &[("ReleaseChannel", "web"), ("ReleaseVersion", version)],
        );
    }
    refused("a minority", &fresh, "most servers carry", |_, plan| {
        plan.update.channels.get_mut("web").unwrap().release = Some(version("2.0.0"));
    });
    refused("approved", &fresh, "may not", |_, plan| {
        plan.update.channels.get_mut("web").unwrap().approved = true;
    });
    refused("half a fleet", &fresh, "cannot be adopted", |world, _| {
        world.fleet.sources.insert(world::source("b/c"), Some(world::down()));
    });
    refused("a ticked box", &fresh, "not latched", |world, _| {
        set(world, "web", "rollback", Cell::Bool(true));
    });
}
