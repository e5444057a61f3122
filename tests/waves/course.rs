//! An undisturbed course: sizes, members, what is done when, and what people see.

use chrono::TimeDelta;
use fleetsheet::gate::Verdict;
use std::time::Duration;

use super::*;

const WAVES: [&str; 5] = ["10%", "25%", "50%", "75%", "100%"];

/// Case 1.
#[test]
fn fifteen_hundred_servers_pass_in_five_waves() {
    let mut world = world(1500, strategy(&WAVES, &[]));
    keys(&mut world, "2.0", "2.0");
    let mut sizes = Vec::new();
    for _ in 0..12 {
        let plan = pass(&mut world);
        let now = on(&world, "2.0");
        if sizes.last() != Some(&now) {
            sizes.push(now);
        }
        if web(&plan).rollout.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [150, 375, 750, 1125, 1500]);
    assert_eq!(status(&mut world), "in sync");
    assert_eq!(world.channel("web").unwrap().prior.as_ref().unwrap().as_str(), "1.0");
}

#[test]
fn three_servers_skip_two_waves() {
    let mut world = world(3, strategy(&WAVES, &[]));
    keys(&mut world, "2.0", "2.0");
    let mut seen = Vec::new();
    for _ in 0..8 {
        let plan = pass(&mut world);
        let Some(rollout) = &web(&plan).rollout else { break };
        let now = (rollout.wave, on(&world, "2.0"));
        if seen.last() != Some(&now) {
            seen.push(now);
        }
    }
    assert_eq!(seen, [(1, 1), (4, 2), (5, 3)]);
}

#[test]
fn a_wave_says_how_far_it_is_what_it_waits_for_and_when_it_is_done() {
    let mut careful = strategy(&["25%", "100%"], &["errors"]);
    careful.bake = Duration::from_secs(600);
    careful.warmup = Duration::from_secs(60);
    let mut world = world(8, careful);
    keys(&mut world, "2.0", "2.0");
    let plan = pass(&mut world);
    assert_eq!(events(&plan), ["promotion"]);
    assert_eq!(status(&mut world), "rolling out 2.0: wave 1/2 (25%), 2/2 · 2/8 on 2.0");
    assert_eq!(world.channel("web").unwrap().release.as_ref().unwrap().as_str(), "2.0");
    reads(&mut world, "errors", Some(Verdict::Pass));
    // Settled at 00:03; the reading of that pass and those of its warm-up do not count.
    pass(&mut world);
    assert_eq!(
        status(&mut world),
        "rolling out 2.0: wave 1/2 (25%), 2/2; bakes until 00:13 UTC · errors 0/3 · 2/8 on 2.0"
    );
    for passes in ["1/3", "2/3"] {
        pass(&mut world);
        assert!(
            status(&mut world).contains(&format!("until 00:13 UTC · errors {passes}")),
            "{}",
            status(&mut world)
        );
    }
    pass(&mut world);
    assert!(
        status(&mut world).contains("bakes until 00:13 UTC ·"),
        "{}",
        status(&mut world)
    );
    reads(&mut world, "errors", Some(Verdict::NoData));
    world.wait(TimeDelta::minutes(10));
    pass(&mut world);
    assert_eq!(
        status(&mut world),
        "rolling out 2.0: wave 1/2 (25%), 2/2; waits: gate errors: no data · 2/8 on 2.0"
    );
    reads(&mut world, "errors", Some(Verdict::Pass));
    pass(&mut world);
    assert_eq!(
        status(&mut world),
        "rolling out 2.0: wave 1/2 (25%), 2/2; waits: errors 1/3 · 2/8 on 2.0"
    );
    pass(&mut world);
    let plan = pass(&mut world);
    assert_eq!(events(&plan), ["wave"]);
    assert_eq!(status(&mut world), "rolling out 2.0: wave 2/2 (100%), 8/8");
    for _ in 0..3 {
        world.wait(TimeDelta::minutes(5));
        assert_eq!(events(&pass(&mut world)), [""; 0]);
    }
    let plan = pass(&mut world);
    assert_eq!(events(&plan), ["rollout_done"], "{}", status(&mut world));
    assert_eq!(status(&mut world), "in sync");
    // A pass after it writes nothing.
    let plan = pass(&mut world);
    assert!(plan.update.is_empty(), "{:#?}", plan.update);
}

/// Case 1: no order of rows, regions or answers changes a member; the former servers stay the former ones.
#[test]
fn members_are_the_same_in_any_order_and_canaries_come_first() {
    let members = |reverse: bool, canary: Option<usize>| {
        let mut world = world(20, strategy(&["25%", "100%"], &[]));
        if reverse {
            world.servers.rows.reverse();
        }
        if let Some(n) = canary {
            set(&mut world, &id(n), "canary", Cell::Bool(true));
        }
        keys(&mut world, "2.0", "2.0");
        pass(&mut world);
        let version = TagKey::from("ReleaseVersion");
        let is_new = |n: &usize| {
            let server = &world.fleet.servers[id(*n).as_str()];
            server.tag(&version).is_some_and(|version| **version == *"2.0")
        };
        (1..=20).filter(is_new).collect::<Vec<usize>>()
    };
    let first = members(false, None);
    assert_eq!(first.len(), 5);
    assert_eq!(first, members(true, None));
    let other = (1..=20).find(|n| !first.contains(n)).unwrap();
    let with = members(false, Some(other));
    assert!(with.contains(&other));
    assert_eq!(with.iter().filter(|n| first.contains(n)).count(), 4);
}

#[test]
fn no_data_never_ends_a_wave_and_never_takes_it_back() {
    let mut world = world(4, strategy(&["50%", "100%"], &["errors"]));
    keys(&mut world, "2.0", "2.0");
    reads(&mut world, "errors", Some(Verdict::NoData));
    for _ in 0..20 {
        pass(&mut world);
    }
    assert_eq!(on(&world, "2.0"), 2);
    reads(&mut world, "errors", Some(Verdict::Pass));
    for _ in 0..20 {
        pass(&mut world);
    }
    assert_eq!(on(&world, "2.0"), 4);
    assert_eq!(status(&mut world), "in sync");
}

/// What a gate said while it was only shown counts for nothing once it decides.
#[test]
fn readings_that_decided_nothing_decide_nothing_later() {
    let only_shown = |world: &mut World, shown: bool| {
        let mut rollouts = (*world.policy.rollouts).clone();
        rollouts.gates.get_mut("errors").unwrap().report_only = shown;
        world.policy.rollouts = Arc::new(rollouts);
    };
    for said in [Verdict::Fail, Verdict::Pass] {
        let mut world = world(4, strategy(&["50%", "100%"], &["errors"]));
        world.policy.rollouts = Arc::new(Rollouts {
            strategies: vec![Strategy {
                waves: vec![
                    Wave {
                        manual: true,
                        ..wave("50%")
                    },
                    wave("100%"),
                ],
                ..strategy(&["50%", "100%"], &["errors"])
            }],
            ..(*world.policy.rollouts).clone()
        });
        only_shown(&mut world, true);
        keys(&mut world, "2.0", "2.0");
        reads(&mut world, "errors", Some(said));
        for _ in 0..10 {
            pass(&mut world);
        }
        only_shown(&mut world, false);
        reads(&mut world, "errors", Some(Verdict::NoData));
        for _ in 0..3 {
            pass(&mut world);
            assert_eq!(on(&world, "2.0"), 2, "{said:?}");
        }
        assert!(
            status(&mut world).contains("waits: gate errors: no data"),
            "{}",
            status(&mut world)
        );
        // Its own failures count from here.
        reads(&mut world, "errors", Some(Verdict::Fail));
        pass(&mut world);
        assert_eq!(on(&world, "2.0"), 2, "{said:?}: one is not two");
        pass(&mut world);
        assert_eq!(on(&world, "2.0"), 0, "{said:?}");
    }
}

#[test]
fn a_channel_that_no_strategy_names_moves_whole() {
    let mut other = strategy(&["10%", "100%"], &[]);
    other.channels = globs(&["db*"]);
    let mut world = world(10, other);
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    assert_eq!((on(&world, "2.0"), &*status(&mut world)), (10, "in sync"));
}

#[test]
fn what_has_baked_stays_so_when_the_clock_is_set_back() {
    let mut careful = strategy(&["25%", "100%"], &["errors"]);
    careful.bake = Duration::from_secs(1800);
    let mut world = world(8, careful);
    reads(&mut world, "errors", Some(Verdict::Pass));
    keys(&mut world, "2.0", "2.0");
    // Settled in the second pass.
    for _ in 0..30 {
        pass(&mut world);
    }
    assert_eq!(on(&world, "2.0"), 2, "{}", status(&mut world));
    // Half an hour by the clock that was set back, which is one minute more.
    world.wait(TimeDelta::minutes(-20));
    pass(&mut world);
    assert_eq!(on(&world, "2.0"), 2, "{}", status(&mut world));
    for _ in 0..2 {
        pass(&mut world);
    }
    assert_eq!(on(&world, "2.0"), 8, "{}", status(&mut world));
}

#[test]
fn a_wave_starts_in_the_pass_that_finds_the_clock_set_back() {
    let mut careful = strategy(&["25%", "100%"], &["errors"]);
    careful.bake = Duration::from_secs(1800);
    let mut world = world(8, careful);
    reads(&mut world, "errors", Some(Verdict::Pass));
    keys(&mut world, "2.0", "2.0");
    for _ in 0..10 {
        pass(&mut world);
    }
    tick(&mut world, "enabled", false);
    for _ in 0..40 {
        pass(&mut world);
    }
    assert_eq!(on(&world, "2.0"), 2, "{}", status(&mut world));
    tick(&mut world, "enabled", true);
    world.wait(TimeDelta::hours(-2));
    pass(&mut world);
    assert_eq!(on(&world, "2.0"), 8, "{}", status(&mut world));
}
