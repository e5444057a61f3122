//! While the sheet cannot be read: gates are watched, and one that fails takes the release back; nothing else moves.

use fleetsheet::fleet::Reach;
use fleetsheet::gate::Verdict;
use fleetsheet::memory::{Binding, ChannelMemory, Move, Refused};
use fleetsheet::plan::check::check_blind;
use fleetsheet::plan::{Blind, watch};
use fleetsheet::tag::ServerId;

use super::*;

fn rolling() -> World {
    let mut world = world(8, strategy(&["50%", "100%"], &["errors"]));
    reads(&mut world, "errors", Some(Verdict::NoData));
    keys(&mut world, "2.0", "2.0");
    for _ in 0..2 {
        pass(&mut world);
    }
    assert_eq!(on(&world, "2.0"), 4);
    world
}

/// A pass that cannot read the sheet, a minute later.
fn blind(world: &mut World) -> Plan {
    world.wait(TimeDelta::minutes(1));
    let given = Blind {
        fleet: &world.fleet,
        memory: &world.memory,
        policy: &world.policy,
        readings: &world.readings,
        now: world.now,
    };
    let plan = watch(given);
    assert_eq!(check_blind(given, &plan).map(|_| ()), Ok(()), "{plan:#?}");
    world.memory.apply(&plan.update);
    for server in &plan.servers {
        let live = world.fleet.servers.get_mut(&server.id).unwrap();
        live.tags
            .extend(server.changes.iter().map(|c| (c.tag.clone(), c.after.clone())));
    }
    plan
}

#[test]
fn a_gate_that_fails_takes_it_back_without_the_sheet() {
    let mut world = rolling();
    reads(&mut world, "errors", Some(Verdict::Fail));
    assert!(blind(&mut world).servers.is_empty());
    let plan = blind(&mut world);
    assert_eq!(events(&plan), ["gate_failed", "auto_rollback"]);
    // The events are those of a pass that reads the sheet.
    let told: Vec<_> = plan.happenings.iter().map(|it| (&*it.from, &*it.to)).collect();
    assert_eq!(told, [("", "2.0"), ("2.0", "1.0")]);
    assert_eq!(on(&world, "1.0"), 8);
    assert!(blind(&mut world).update.is_empty(), "it happens once");
    // The sheet is back: the keys that name the version left are spent, and it says why.
    let says = "rolled back from 2.0: gate errors failed in wave 1/2 (0.031 > 0.01); clear both keys, let a pass see it, and type them again";
    for _ in 0..5 {
        pass(&mut world);
        assert_eq!((on(&world, "1.0"), &*status(&mut world)), (8, says));
    }
    keys(&mut world, "", "");
    pass(&mut world);
    assert_eq!(status(&mut world), "in sync");
}

/// Killed between what it remembers and what it does, or refused: the passes after it finish it, with the sheet or without.
#[test]
fn what_a_gate_took_back_is_finished_without_the_sheet() {
    let mut world = rolling();
    reads(&mut world, "errors", Some(Verdict::Fail));
    blind(&mut world);
    let tags = world.fleet.clone();
    blind(&mut world);
    world.fleet = tags;
    assert_eq!(on(&world, "2.0"), 4, "the pass was killed before it tagged anything");
    // Somebody's server is refused meanwhile, and rests until its time comes.
    let carries = |server: &fleetsheet::fleet::Server| server.tags.get("ReleaseVersion").is_some_and(|v| &**v == "2.0");
    let mut news = world.fleet.servers.iter().filter(|(_, server)| carries(server));
    let refused: ServerId = news.next().unwrap().0.clone();
    let until = world.now + TimeDelta::minutes(15);
    for (id, server) in &mut world.memory.servers {
        let alike = Arc::make_mut(server);
        alike.refused = (*id == refused).then(|| Refused {
            tags: [(world.policy.version_tag.clone(), "1.0".into())].into_iter().collect(),
            why: "denied".into(),
            reach: Reach::Alike,
            tries: 1,
            retry_at: until,
        });
    }
    let plan = blind(&mut world);
    assert_eq!(on(&world, "1.0"), 8, "one of those that were refused alike is tried");
    assert!(
        plan.happenings.is_empty() && plan.problems.is_empty(),
        "it was told when it was decided"
    );
    assert_eq!(
        plan.channels[0].status,
        "rolled back from 2.0: gate errors failed in wave 1/2 (0.031 > 0.01)"
    );
    assert!(plan.update.channels.is_empty(), "the release moved once");
    // Whom nobody took back is none of its business.
    let mut other = rolling();
    other.memory.channels.get_mut("web").unwrap().rollout = None;
    assert!(blind(&mut other).servers.is_empty());
    assert_eq!(on(&other, "2.0"), 4);
}

#[test]
fn a_rollback_that_is_finished_without_the_sheet_is_checked_anew() {
    let mut world = rolling();
    reads(&mut world, "errors", Some(Verdict::Fail));
    blind(&mut world);
    let tags = world.fleet.clone();
    blind(&mut world);
    world.fleet = tags;
    world.wait(TimeDelta::minutes(1));
    let forgets: [fn(&mut ChannelMemory); 5] = [
        |_| (),
        |web| web.taken_back = None,
        |web| web.unfinished = None,
        |web| web.moved = Move::Promotion,
        |web| {
            web.release
                .clone_from(&web.taken_back.as_ref().map(|back| back.from.clone()))
        },
    ];
    let memories = forgets.map(|forget| {
        let mut memory = world.memory.clone();
        forget(memory.channels.get_mut("web").unwrap());
        memory
    });
    let given = |memory| Blind {
        fleet: &world.fleet,
        memory,
        policy: &world.policy,
        readings: &world.readings,
        now: world.now,
    };
    let [all, less @ ..] = &memories;
    let plan = watch(given(all));
    assert_eq!(
        plan.servers.iter().filter(|server| !server.changes.is_empty()).count(),
        4
    );
    assert!(check_blind(given(all), &plan).is_ok());
    for less in less {
        assert!(check_blind(given(less), &plan).is_err(), "{:?}", less.channels["web"]);
    }
}

/// Failures within an interval are one, and an interval that a clock's leap makes a day long would hide all of them.
#[test]
fn failures_count_when_the_clock_was_set_back() {
    for back in [TimeDelta::minutes(10), TimeDelta::days(1), TimeDelta::days(20_000)] {
        let mut world = rolling();
        pass(&mut world);
        world.wait(-back);
        reads(&mut world, "errors", Some(Verdict::Fail));
        assert!(blind(&mut world).servers.is_empty());
        assert_eq!(events(&blind(&mut world)), ["gate_failed", "auto_rollback"], "{back}");
        assert_eq!(on(&world, "1.0"), 8, "{back}");
        assert!(blind(&mut world).update.is_empty(), "it happens once");
        // Times were moved once: the pass that sees the sheet again finds them as old as they are.
        pass(&mut world);
        assert_eq!(on(&world, "1.0"), 8);
    }
}

#[test]
fn a_clock_that_was_set_back_is_no_reason_to_change_anything_else() {
    let mut world = rolling();
    pass(&mut world);
    world.wait(TimeDelta::hours(-5));
    reads(&mut world, "errors", Some(Verdict::Fail));
    let given = Blind {
        fleet: &world.fleet,
        memory: &world.memory,
        policy: &world.policy,
        readings: &world.readings,
        now: world.now,
    };
    let plan = watch(given);
    assert!(check_blind(given, &plan).is_ok());
    let tampered: [Tampered; 3] = [
        ("more is remembered than what its gates gave", |plan| {
            let web = plan.update.channels.get_mut("web").unwrap();
            web.rollout.as_mut().unwrap().began -= TimeDelta::days(1);
        }),
        ("more than channels and servers", |plan| {
            let base = plan.update.baselines.as_mut().unwrap();
            base.release_rows.clear();
        }),
        ("is remembered anew, and does not change", |plan| {
            let id = fleetsheet::tag::ServerId::from(&*id(1));
            plan.update.servers.insert(id, Arc::default());
        }),
    ];
    for (says, tamper) in tampered {
        let mut plan = plan.clone();
        tamper(&mut plan);
        let faults = check_blind(given, &plan).map(|_| ()).unwrap_err();
        assert!(faults.iter().any(|fault| fault.contains(says)), "{says}: {faults:?}");
    }
}

#[test]
fn passes_and_no_data_move_nothing_and_failures_count_on_when_the_sheet_is_back() {
    let mut world = rolling();
    for verdict in [Verdict::Pass, Verdict::NoData, Verdict::Pass, Verdict::Fail] {
        reads(&mut world, "errors", Some(verdict));
        let plan = blind(&mut world);
        assert!(plan.servers.is_empty() && plan.happenings.is_empty());
    }
    assert_eq!(on(&world, "2.0"), 4);
    pass(&mut world);
    assert_eq!(on(&world, "1.0"), 8, "one failure without the sheet and one with it");
}

#[test]
fn a_pass_that_observes_and_a_store_that_was_replaced_take_nothing_back() {
    for replaced in [false, true] {
        let mut world = rolling();
        if replaced {
            let binding = world.memory.binding.clone().unwrap();
            world.memory.binding = Some(Binding {
                rival: Some("store-2".into()),
                ..binding
            });
        } else {
            world.policy.observe = true;
        }
        reads(&mut world, "errors", Some(Verdict::Fail));
        for _ in 0..4 {
            assert!(blind(&mut world).update.is_empty());
        }
        assert_eq!(on(&world, "2.0"), 4);
    }
}

#[test]
fn an_old_store_says_so_and_takes_nothing_back() {
    let mut world = rolling();
    for server in world.fleet.servers.values_mut().take(5) {
        server.tags.insert("ReleaseVersion".into(), "9.0".into());
    }
    reads(&mut world, "errors", Some(Verdict::Fail));
    blind(&mut world);
    let plan = blind(&mut world);
    assert!(plan.servers.is_empty());
    assert!(
        plan.problems[0].message.contains("is not rolled back"),
        "{:?}",
        plan.problems
    );
}

/// What the check says, and what is done to the plan.
type Tampered = (&'static str, fn(&mut Plan));

#[test]
fn the_check_refuses_more() {
    let cases: [Tampered; 4] = [
        ("more is changed than its version", |plan| {
            plan.servers[0].changes[0].after = Arc::from("9.0")
        }),
        ("moves the latch", |plan| {
            let web = plan.update.channels.get_mut("web").unwrap();
            web.latch = Some(fleetsheet::memory::Latch::Nothing);
        }),
        ("keys that name the version left would count", |plan| {
            plan.update.channels.get_mut("web").unwrap().recalled = [None, None];
        }),
        ("a second step back", |plan| {
            let web = plan.update.channels.get_mut("web").unwrap();
            web.prior.clone_from(&web.release);
        }),
    ];
    for (says, tamper) in cases {
        let mut world = rolling();
        reads(&mut world, "errors", Some(Verdict::Fail));
        blind(&mut world);
        world.wait(TimeDelta::minutes(1));
        let mut given = Blind {
            fleet: &world.fleet,
            memory: &world.memory,
            policy: &world.policy,
            readings: &world.readings,
            now: world.now,
        };
        let mut plan = watch(given);
        assert!(check_blind(given, &plan).is_ok());
        tamper(&mut plan);
        let faults = check_blind(given, &plan).map(|_| ()).unwrap_err();
        assert!(faults.iter().any(|fault| fault.contains(says)), "{says}: {faults:?}");
        // Without a failing gate nothing is taken back.
        let plan = watch(given);
        let quiet = Readings::default();
        let mut memory = world.memory.clone();
        let web = memory.channels.get_mut("web").unwrap();
        web.rollout.as_mut().unwrap().gates.clear();
        (given.readings, given.memory) = (&quiet, &memory);
        assert!(check_blind(given, &plan).is_err());
    }
}
