//! What waits for a time: missing servers, contested tags, the belts' days. No jump makes them happen at once, or never.

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet::plan::{Plan, ServerStatus};
use fleetsheet::sheet::Cell;

use super::story::beginning;
use super::{JUMPS, Jump};
use crate::people::set;
use crate::world::{Options, World};

const SOON: TimeDelta = TimeDelta::minutes(5);
const HOUR: TimeDelta = TimeDelta::hours(1);

fn pass(world: &mut World, later: TimeDelta) -> Plan {
    world.wait(later);
    world.pass(&Options::default())
}

fn status(plan: &Plan, id: &str) -> ServerStatus {
    plan.servers
        .iter()
        .find(|s| s.id.as_str() == id)
        .unwrap()
        .status
        .clone()
}

/// A known world with some passes behind it.
fn known() -> World {
    let mut world = beginning();
    for _ in 0..3 {
        pass(&mut world, SOON);
    }
    world
}

/// Every jump, and for how many passes the clock is wrong.
fn jumps() -> impl Iterator<Item = (Jump, usize)> {
    JUMPS
        .into_iter()
        .flat_map(|jump| [1, 2, 5].map(|passes| (jump, passes)))
}

/// Those of them that end no day.
fn within_a_day() -> impl Iterator<Item = (Jump, usize)> {
    jumps().filter(|(jump, _)| !jump.ends_days())
}

/// Passes while the clock is wrong; `each` is called before each of them. Then the clock is right again.
fn while_wrong(world: &mut World, jump: Jump, passes: usize, mut each: impl FnMut(&mut World, usize)) -> Vec<Plan> {
    let off = jump.from(world.now);
    world.wait(off);
    let plans = (0..passes)
        .map(|nth| {
            each(world, nth);
            pass(world, SOON)
        })
        .collect();
    world.wait(-off);
    plans
}

#[test]
fn a_missing_server_is_gone_after_a_day_and_not_by_a_jump() {
    for (jump, passes) in within_a_day() {
        // It vanishes before the clock is wrong, or while it is.
        for before in [true, false] {
            let what = format!("{jump:?} for {passes} passes, vanished before: {before}");
            let mut world = known();
            if before {
                world.fleet.servers.remove("i-00000009");
                assert_eq!(status(&pass(&mut world, SOON), "i-00000009"), ServerStatus::Missing);
            }
            let plans = while_wrong(&mut world, jump, passes, |world, _| {
                drop(world.fleet.servers.remove("i-00000009"))
            });
            for plan in &plans {
                assert_eq!(status(plan, "i-00000009"), ServerStatus::Missing, "{what}");
            }
            let hours = (0..40).take_while(|_| status(&pass(&mut world, HOUR), "i-00000009") == ServerStatus::Missing);
            let hours = hours.count();
            // What the clock was ahead for a while may count.
            assert!((22..=24).contains(&hours), "{what}: gone after {hours} h");
        }
    }
}

#[test]
fn a_day_without_a_pass_is_a_day() {
    let mut world = known();
    world.fleet.servers.remove("i-00000009");
    let week = TimeDelta::days(7);
    let weeks = [(); 2].map(|()| status(&pass(&mut world, week), "i-00000009"));
    assert_eq!(weeks, [ServerStatus::Missing, ServerStatus::Gone]);
}

#[test]
fn a_contested_correction_is_tried_again_within_a_day() {
    for (jump, passes) in jumps() {
        let what = format!("{jump:?} for {passes} passes");
        let mut world = known();
        let contest = |world: &mut World| {
            let server = world.fleet.servers.get_mut("i-00000003").unwrap();
            server.tags.insert("ReleaseVersion".into(), "0.1".into());
        };
        for _ in 0..4 {
            contest(&mut world);
            pass(&mut world, SOON);
        }
        let plans = while_wrong(&mut world, jump, passes, |world, _| contest(world));
        for plan in &plans {
            assert!(
                matches!(status(plan, "i-00000003"), ServerStatus::Contested(_)),
                "{what}"
            );
        }
        let waits = (0..60).take_while(|_| {
            contest(&mut world);
            let plan = pass(&mut world, HOUR);
            plan.servers.iter().all(|s| s.changes.is_empty())
        });
        assert!(waits.count() <= 25, "{what}");
    }
}

fn allowed(plan: &Plan) -> bool {
    plan.stop.is_empty() && plan.tripped.is_empty()
}

#[test]
fn baselines_neither_open_at_a_jump_nor_stay_for_ever() {
    for (jump, passes) in jumps() {
        let what = format!("{jump:?} for {passes} passes");
        // Ten rows of thirty vanish while the clock is wrong: that is a third.
        let mut world = known();
        let plans = while_wrong(&mut world, jump, passes, |world, nth| {
            if nth == 0 {
                world.servers.rows.drain(..10);
            }
        });
        assert!(plans.iter().all(|plan| !allowed(plan)), "{what}");
        assert!(!allowed(&pass(&mut world, SOON)), "{what}");
        assert!(
            !allowed(&pass(&mut world, TimeDelta::days(3))),
            "{what}: waiting does not open it"
        );

        // A sheet that is whole while it is wrong, and shrinks by a quarter on each of two days after it.
        let mut world = known();
        while_wrong(&mut world, jump, passes, |_, _| ());
        for gone in [1..=8, 25..=30] {
            let gone: Vec<Cell> = gone.map(|n| Cell::Text(format!("i-{n:08}"))).collect();
            let is_gone = |id: &str| gone.contains(&Cell::Text(id.to_owned()));
            world.fleet.servers.retain(|id, _| !is_gone(id.as_str()));
            world.servers.rows.retain(|row| !gone.contains(&row["serverId"]));
            let plan = world.decide(&Options::default());
            assert!(allowed(&plan), "{what}: {:?}", plan.tripped);
            for _ in 0..26 {
                pass(&mut world, HOUR);
            }
        }
    }
}

#[test]
fn the_days_count_of_unapproved_changes_neither_begins_anew_at_a_jump_nor_stays_for_ever() {
    let go = |world: &mut World, ids: std::ops::RangeInclusive<u32>| {
        for n in ids {
            set(world, &format!("i-{n:08}"), "channel", Cell::Text("db".into()));
        }
    };
    for (jump, passes) in within_a_day() {
        let what = format!("{jump:?} for {passes} passes");
        let mut world = known();
        go(&mut world, 1..=2);
        assert!(allowed(&pass(&mut world, SOON)), "{what}");
        // A third of the twelve would be too many.
        let plans = while_wrong(&mut world, jump, passes, |world, _| go(world, 3..=3));
        assert!(plans.iter().all(|plan| !allowed(plan)), "{what}");
        assert!(!allowed(&pass(&mut world, SOON)), "{what}");

        let mut world = known();
        let plans = while_wrong(&mut world, jump, passes, |world, _| go(world, 1..=2));
        assert!(plans.iter().all(allowed), "{what}");
        for _ in 0..26 {
            pass(&mut world, HOUR);
        }
        go(&mut world, 3..=4);
        assert!(allowed(&pass(&mut world, HOUR)), "{what}");
    }
}

#[test]
fn no_time_is_too_extreme_to_decide() {
    let mut world = known();
    world.fleet.servers.remove("i-00000009");
    for _ in 0..4 {
        let server = world.fleet.servers.get_mut("i-00000003").unwrap();
        server.tags.insert("ReleaseVersion".into(), "0.1".into());
        pass(&mut world, SOON);
    }
    let server = world.fleet.servers.get_mut("i-00000003").unwrap();
    server.tags.insert("ReleaseVersion".into(), "0.1".into());
    // The kernel sets no clock beyond 2262.
    let times = ["1970-01-01T00:00:00Z", "2262-04-11T23:47:16Z", "9999-12-31T23:59:59Z"].map(|t| t.parse().unwrap());
    for now in times
        .into_iter()
        .chain([DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC])
    {
        world.now = now;
        let plan = world.decide(&Options::default());
        assert_eq!(plan.stop, [], "{now}");
        let gone = [ServerStatus::Missing, ServerStatus::Gone];
        assert!(gone.contains(&status(&plan, "i-00000009")), "{now}");
        assert!(
            matches!(status(&plan, "i-00000003"), ServerStatus::Contested(_)),
            "{now}"
        );
    }
}
