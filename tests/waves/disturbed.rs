//! What happens around a rollout: servers that come and go, accounts that do not answer, belts, lost stores, other channels.

use fleetsheet::fleet::State as Life;
use fleetsheet::gate::Verdict;
use fleetsheet::memory::Memory;
use fleetsheet::plan::State;
use fleetsheet::problem::Code;

use super::*;
use crate::world::{down, source};

fn rolling(servers: usize, waves: &[&str]) -> World {
    let mut world = world(servers, strategy(waves, &["errors"]));
    reads(&mut world, "errors", Some(Verdict::NoData));
    keys(&mut world, "2.0", "2.0");
    for _ in 0..2 {
        pass(&mut world);
    }
    world
}

/// A second channel, on 1.0 with four servers, met and approved.
fn join(world: &mut World, channel: &str) {
    join_on(world, channel, "1.0");
}

/// The same, on any version.
fn join_on(world: &mut World, channel: &str, version: &str) {
    world.release.rows.push(channel_row(channel, version, version));
    for n in 101..=104 {
        world.servers.rows.push(server_row(&id(n), channel));
        launch(
            world,
            &id(n),
            &[("ReleaseChannel", channel), ("ReleaseVersion", version)],
        );
    }
    pass(world);
}

fn end(world: &mut World, n: usize) {
    let server = world.fleet.servers.get_mut(id(n).as_str()).unwrap();
    server.state = Life::Terminated;
}

fn news(world: &World) -> Vec<usize> {
    let version = TagKey::from("ReleaseVersion");
    let all = world
        .fleet
        .servers
        .iter()
        .filter(|(_, server)| server.state == Life::Running);
    all.filter(|(_, server)| server.tag(&version).is_some_and(|v| **v == *"2.0"))
        .map(|(id, _)| usize::from_str_radix(id.as_str().trim_start_matches("i-"), 16).unwrap())
        .collect()
}

/// A pass some hours later.
fn pass_after(world: &mut World, hours: i64, options: &Options) -> Plan {
    world.wait(TimeDelta::hours(hours));
    pass_with(world, options)
}

/// Case 2.
#[test]
fn servers_that_end_join_are_held_or_ticked_shift_nobody() {
    let mut world = rolling(40, &["25%", "100%"]);
    let before = news(&world);
    assert_eq!(before.len(), 10);
    for n in 1..=13 {
        end(&mut world, n);
    }
    for n in 41..=53 {
        add(&mut world, n, "1.0");
    }
    for n in 20..24 {
        set(&mut world, &id(n), "hold", Cell::Bool(true));
    }
    for n in 25..=40 {
        set(&mut world, &id(n), "canary", Cell::Bool(true));
    }
    for _ in 0..5 {
        pass(&mut world);
        let now = news(&world);
        let stayed = before.iter().filter(|n| **n > 13);
        assert!(stayed.clone().all(|n| now.contains(n)), "{before:?} {now:?}");
        let held = (20..24).filter(|n| now.contains(n)).count();
        assert!(now.len() - held <= 9, "{now:?}");
    }
    assert_eq!(news(&world).iter().filter(|n| !(20..24).contains(*n)).count(), 9);
}

#[test]
fn a_member_that_moves_away_and_comes_back_is_none_any_more() {
    let mut world = world(8, strategy(&["2", "100%"], &["errors"]));
    join(&mut world, "db");
    reads(&mut world, "errors", Some(Verdict::NoData));
    keys(&mut world, "2.0", "2.0");
    for _ in 0..2 {
        pass(&mut world);
    }
    let before = news(&world);
    assert_eq!(before.len(), 2);
    let away = before[0];
    set(&mut world, &id(away), "channel", text("db"));
    for _ in 0..2 {
        pass(&mut world);
    }
    let meanwhile = news(&world);
    assert!(meanwhile.len() == 2 && !meanwhile.contains(&away), "{meanwhile:?}");
    set(&mut world, &id(away), "channel", text("web"));
    for _ in 0..3 {
        pass(&mut world);
        assert_eq!(news(&world), meanwhile);
    }
}

/// Servers of another channel that the sheet moves into a rollout: a belt holds them, in any wave, and then an operator lets them
/// through. No wave has them before they are there, and then they are like all others.
#[test]
fn servers_whose_move_into_a_rollout_is_held_can_be_let_through() {
    for (waves, passes) in [(&["50%"][..], 1), (&["50%"], 4), (&["25%", "75%"], 2)] {
        let mut world = world(12, strategy(waves, &["errors"]));
        reads(&mut world, "errors", Some(Verdict::Pass));
        join_on(&mut world, "db", "9.0");
        keys(&mut world, "2.0", "2.0");
        for _ in 0..passes {
            pass(&mut world);
        }
        for n in 101..=104 {
            set(&mut world, &id(n), "channel", text("web"));
        }
        for _ in 0..3 {
            let plan = pass(&mut world);
            assert!(plan.is_held(), "{plan:#?}");
            let rollout = plan.channels.iter().find_map(|channel| channel.rollout.as_ref());
            if let Some(rollout) = rollout {
                assert!(!rollout.why.is_empty(), "{rollout:#?}");
            }
        }
        let members = |world: &World| {
            world
                .memory
                .servers
                .values()
                .filter(|server| server.member.is_some())
                .count()
        };
        assert!(members(&world) <= 12);
        let allow = std::collections::BTreeSet::from([fleetsheet::plan::Belt::Unapproved]);
        let options = Options {
            allow,
            ..Options::default()
        };
        pass_with(&mut world, &options);
        for _ in 0..60 {
            pass(&mut world);
        }
        assert_eq!(on(&world, "2.0"), 16, "{waves:?} after {passes}: {:?}", carried(&world));
    }
}

/// The belt on a shrunken fleet is named, and where it holds.
#[test]
fn a_belt_on_a_source_is_named_where_it_holds_a_wave() {
    let mut world = rolling(8, &["50%", "100%"]);
    reads(&mut world, "errors", Some(Verdict::Pass));
    for n in 1..=5 {
        world.fleet.servers.remove(id(n).as_str());
    }
    for _ in 0..4 {
        pass(&mut world);
    }
    let said = status(&mut world);
    assert!(
        said.contains("; waits for the belt fleet_drop on main/eu-west-1"),
        "{said}"
    );
}

/// Case 11.
#[test]
fn a_channel_at_zero_stands_and_none_of_it_counts_as_passed() {
    let mut world = rolling(4, &["25%", "50%", "100%"]);
    reads(&mut world, "errors", Some(Verdict::Pass));
    for n in 1..=4 {
        end(&mut world, n);
    }
    for _ in 0..10 {
        pass(&mut world);
    }
    assert!(
        status(&mut world).contains("wave 1/3 (25%), 0/0; waits for a live server"),
        "{}",
        status(&mut world)
    );
    for n in 5..=8 {
        add(&mut world, n, "1.0");
    }
    pass(&mut world);
    assert_eq!(news(&world).len(), 1, "{}", status(&mut world));
}

#[test]
fn in_the_last_wave_whoever_joins_is_a_member_at_once() {
    let mut world = rolling(4, &["50%", "100%"]);
    tick(&mut world, "advance", true);
    pass(&mut world);
    assert_eq!(news(&world).len(), 4);
    add(&mut world, 5, "1.0");
    pass(&mut world);
    assert_eq!(news(&world).len(), 5);
    tick(&mut world, "enabled", false);
    add(&mut world, 6, "3.0");
    pass(&mut world);
    assert_eq!(carried(&world), BTreeMap::from([("1.0".into(), 1), ("2.0".into(), 5)]));
}

/// Case 12.
#[test]
fn an_account_that_does_not_answer_holds_the_next_wave() {
    let mut world = rolling(8, &["50%", "100%"]);
    let far = source("far");
    world.fleet.sources.insert(far.clone(), None);
    let moved: Vec<usize> = news(&world).into_iter().take(2).collect();
    for n in &moved {
        world.fleet.servers.get_mut(id(*n).as_str()).unwrap().source = far.clone();
    }
    pass(&mut world);
    reads(&mut world, "errors", Some(Verdict::Pass));
    let away: Vec<_> = moved
        .iter()
        .map(|n| {
            let key = id(*n);
            (key.clone(), world.fleet.servers.remove(key.as_str()).unwrap())
        })
        .collect();
    world.fleet.sources.insert(far.clone(), Some(down()));
    for _ in 0..8 {
        pass(&mut world);
    }
    assert!(
        status(&mut world).contains("; waits for far/eu-west-1, which does not answer"),
        "{}",
        status(&mut world)
    );
    assert_eq!(news(&world).len(), 2);
    world.fleet.sources.insert(far, None);
    for (key, server) in away {
        world.fleet.servers.insert(key.as_str().into(), server);
    }
    for _ in 0..8 {
        pass(&mut world);
    }
    assert_eq!(news(&world).len(), 8, "{}", status(&mut world));
}

#[test]
fn servers_that_can_never_be_tagged_hold_a_wave_and_take_nothing_back() {
    let mut world = rolling(8, &["50%", "100%"]);
    reads(&mut world, "errors", Some(Verdict::Pass));
    let stuck = news(&world)[0];
    world
        .fleet
        .servers
        .get_mut(id(stuck).as_str())
        .unwrap()
        .tags
        .insert("ReleaseVersion".into(), "1.0".into());
    let refuse = Options {
        fail: [id(stuck).as_str().into()].into(),
        reach: Some(fleetsheet::fleet::Reach::Alone),
        ..Options::default()
    };
    for _ in 0..8 {
        pass_with(&mut world, &refuse);
    }
    assert!(
        status(&mut world).contains("3/4; waits for 1 that cannot be tagged"),
        "{}",
        status(&mut world)
    );
    let told = pass_after(&mut world, 3, &refuse).problems;
    let stalled = told.iter().find(|problem| problem.code == Code::Stalled).unwrap();
    assert!(
        stalled
            .message
            .contains("tick hold for a server that can never be tagged, or tick rollback"),
        "{stalled:?}"
    );
    set(&mut world, &id(stuck), "hold", Cell::Bool(true));
    for _ in 0..8 {
        pass(&mut world);
    }
    assert_eq!(news(&world).len(), 7, "{}", status(&mut world));
}

#[test]
fn counts_are_those_that_the_pass_leaves() {
    let mut world = rolling(8, &["50%", "100%"]);
    let stuck = news(&world)[0];
    let carries = |world: &mut World, n: usize, version: &str| {
        let server = world.fleet.servers.get_mut(id(n).as_str()).unwrap();
        server.tags.insert("ReleaseVersion".into(), version.into());
    };
    carries(&mut world, stuck, "1.0");
    let refuse = Options {
        fail: [id(stuck).as_str().into()].into(),
        reach: Some(fleetsheet::fleet::Reach::Alone),
        ..Options::default()
    };
    pass_with(&mut world, &refuse);
    pass_with(&mut world, &refuse);
    let wave = "rolling out 2.0: wave 1/2 (50%)";
    let waits = format!("{wave}, 3/4; waits for 1 that cannot be tagged · 3/8 on 2.0 · 1 failed");
    assert_eq!(status(&mut world), waits);
    // The pass that tags it at last waits for nobody.
    for _ in 0..20 {
        pass(&mut world);
        if news(&world).len() == 4 {
            break;
        }
        assert_eq!(status(&mut world), waits);
    }
    assert_eq!(status(&mut world), format!("{wave}, 4/4 · 4/8 on 2.0"));
    // Whom no wave has taken, and somebody set to the release, is set back.
    pass(&mut world);
    let other = (1..=8).find(|n| !news(&world).contains(n)).unwrap();
    carries(&mut world, other, "2.0");
    pass(&mut world);
    assert_eq!(news(&world).len(), 4);
    assert!(status(&mut world).ends_with(" · 4/8 on 2.0"), "{}", status(&mut world));
}

/// Case 14.
#[test]
fn a_first_release_over_servers_that_carry_versions_passes_in_waves() {
    let mut world = World::new();
    world.policy.rollouts = Arc::new(rollouts(strategy(&["25%", "100%"], &[])));
    world.release.rows = vec![channel_row("web", "", "")];
    for n in 1..=8 {
        add(&mut world, n, if n % 2 == 0 { "1.0" } else { "1.1" });
    }
    pass(&mut world);
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    assert_eq!(carried(&world)["2.0"], 2, "{}", status(&mut world));
    tick(&mut world, "rollback", true);
    pass(&mut world);
    let before = carried(&world);
    assert!(
        status(&mut world).starts_with("rolled back from 2.0; untick"),
        "{}",
        status(&mut world)
    );
    for _ in 0..3 {
        pass(&mut world);
        assert_eq!(carried(&world), before, "it ends where it stands");
    }
    assert_eq!(world.channel("web").unwrap().release, None);
}

/// Case 13.
#[test]
fn a_takeover_adopts_the_rollout_as_it_stands() {
    for waves in [1, 2, 3] {
        let mut world = rolling(8, &["25%", "50%", "75%", "100%"]);
        for _ in 1..waves {
            tick(&mut world, "advance", true);
            pass(&mut world);
            tick(&mut world, "advance", false);
            pass(&mut world);
        }
        let before = news(&world);
        assert_eq!(before.len(), 2 * waves);
        world.memory = Memory {
            store: "store-2".into(),
            ..Memory::default()
        };
        let takeover = Options {
            takeover: true,
            ..Options::default()
        };
        let plan = pass_with(&mut world, &takeover);
        // What people are told is what was done.
        let other = |problem: &fleetsheet::problem::Problem| problem.code == fleetsheet::problem::Code::Adopted;
        assert!(!plan.problems.iter().any(other), "{:?}", plan.problems);
        let adoption = plan.happenings.iter().find(|it| it.event == "adoption").unwrap();
        assert_eq!((&*adoption.from, &*adoption.to), ("2.0", "2.0"));
        let plan = pass(&mut world);
        assert_eq!(web(&plan).state, State::Paused, "{}", status(&mut world));
        assert!(
            status(&mut world).starts_with(&format!("paused at wave {waves}/4 of 2.0: ")),
            "{}",
            status(&mut world)
        );
        assert_eq!(news(&world), before);
        let mut back = world.clone();
        tick(&mut back, "rollback", true);
        pass(&mut back);
        assert_eq!(on(&back, "1.0"), 8, "{}", status(&mut back));
        reads(&mut world, "errors", Some(Verdict::Pass));
        keys(&mut world, "", "");
        pass(&mut world);
        keys(&mut world, "2.0", "2.0");
        for _ in 0..30 {
            pass(&mut world);
        }
        assert_eq!(on(&world, "2.0"), 8, "{}", status(&mut world));
    }
}

/// An adopted release corrects nobody before both keys approve it, and then in waves.
#[test]
fn an_adopted_release_of_a_mixed_fleet_passes_in_waves_once_it_is_approved() {
    let mut world = World::new();
    world.policy.rollouts = Arc::new(rollouts(strategy(&["75%", "100%"], &[])));
    world.release.rows = vec![channel_row("web", "", "")];
    for n in 1..=8 {
        add(&mut world, n, if n <= 5 { "1.0" } else { "0.9" });
    }
    for _ in 0..3 {
        pass(&mut world);
    }
    assert_eq!(carried(&world), BTreeMap::from([("0.9".into(), 3), ("1.0".into(), 5)]));
    keys(&mut world, "1.0", "1.0");
    let plan = pass(&mut world);
    assert_eq!(web(&plan).rollout.as_ref().unwrap().former, None);
    for _ in 0..4 {
        pass(&mut world);
    }
    assert_eq!(on(&world, "1.0"), 8, "{}", status(&mut world));
}

/// Case 15.
#[test]
fn a_channel_waits_for_another_to_be_at_rest() {
    let mut web_after_db = strategy(&["50%", "100%"], &[]);
    web_after_db.after = vec!["db".into()];
    let mut db = strategy(&["50%", "100%"], &[]);
    (db.name, db.channels) = ("db".into(), globs(&["db"]));
    let mut both = rollouts(web_after_db.clone());
    both.strategies.push(db);
    assert_eq!(in_turn(world(4, web_after_db), both), ["db", "web"]);
}

#[test]
fn a_channel_that_its_own_strategy_names_first_waits_for_nobody_and_the_others_for_it() {
    let mut db_first = strategy(&["50%", "100%"], &[]);
    (db_first.channels, db_first.after) = (globs(&["*"]), vec!["db".into()]);
    let both = rollouts(db_first.clone());
    assert_eq!(in_turn(world(4, db_first), both), ["db", "web"]);
}

#[test]
fn a_rollout_keeps_the_order_of_its_own_strategy() {
    let mut after_zoo = strategy(&["50%", "100%"], &[]);
    after_zoo.after = vec!["zoo".into()];
    let mut world = world(4, after_zoo.clone());
    join(&mut world, "zoo");
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    assert_eq!(on(&world, "2.0"), 2, "{}", status(&mut world));
    // Another strategy names the channel from now on, for the rollouts to come.
    let mut both = rollouts(after_zoo.clone());
    after_zoo.after.clear();
    after_zoo.name = "new".into();
    both.strategies.insert(0, after_zoo);
    world.policy.rollouts = Arc::new(both);
    for header in ["desiredVersionA", "desiredVersionB"] {
        set(&mut world, "zoo", header, text("2.0"));
    }
    set(&mut world, "zoo", "enabled", Cell::Bool(false));
    for _ in 0..3 {
        pass(&mut world);
        assert_eq!(on(&world, "2.0"), 2, "{}", status(&mut world));
    }
    for header in ["desiredVersionA", "desiredVersionB"] {
        set(&mut world, "zoo", header, text("1.0"));
    }
    for _ in 0..2 {
        pass(&mut world);
    }
    assert_eq!(on(&world, "2.0"), 4, "{}", status(&mut world));
}

/// The channels web and db, keyed together, in the order in which their rollouts end. web waits for db.
fn in_turn(mut world: World, both: Rollouts) -> Vec<String> {
    world.policy.rollouts = Arc::new(both);
    join(&mut world, "db");
    keys(&mut world, "2.0", "2.0");
    for header in ["desiredVersionA", "desiredVersionB"] {
        set(&mut world, "db", header, text("2.0"));
    }
    pass(&mut world);
    assert_eq!(status(&mut world), "ready: 2.0 has both keys; waits for db");
    let mut first = Vec::new();
    for _ in 0..10 {
        let plan = pass(&mut world);
        if events(&plan).contains(&"rollout_done") {
            first.push(
                plan.happenings
                    .iter()
                    .find(|h| h.event == "rollout_done")
                    .unwrap()
                    .channel
                    .clone(),
            );
        }
    }
    first
}

/// It is shown and told as one that stands, until the row is back and both keys are typed anew.
#[test]
fn a_rollout_whose_row_is_gone_stands_in_sight() {
    let mut world = rolling(8, &["25%", "100%"]);
    let row = world.release.rows.remove(0);
    let plan = pass(&mut world);
    assert!(events(&plan).contains(&"paused"), "{:?}", events(&plan));
    let channel = &plan.channels[0];
    assert!(
        channel
            .status
            .starts_with("paused at wave 1/2 of 2.0: it has no row in ReleaseSheet"),
        "{}",
        channel.status
    );
    let shown = channel.rollout.as_ref().unwrap();
    assert_eq!((shown.members, shown.carrying), (2, 2));
    assert_eq!(
        channel.advice.to_string(),
        "bring its row back with undo, or with fleetsheet init --channel"
    );
    let again = pass(&mut world);
    assert!(again.happenings.is_empty() && !again.has_changes(), "{again:#?}");
    world.release.rows.push(row);
    pass(&mut world);
    assert!(
        status(&mut world).contains("2.0 must be approved again"),
        "{}",
        status(&mut world)
    );
}
