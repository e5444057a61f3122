//! Servers without a row (`discovery.rows`) under the belts: they count like listed ones, and those that were seen to end do not.

use std::ops::Range;

use chrono::TimeDelta;
use fleetsheet::fleet::State;
use fleetsheet::plan::{Belt, Rows};

use super::{id, says, settle};
use crate::people::{channel_row, launch};
use crate::world::World;

const DAY: TimeDelta = TimeDelta::hours(24);

/// Twenty servers of web on 1.0 that have no row and get none; db and api are on 5.0, with one each.
fn rowless() -> World {
    let mut world = World::new();
    world.policy.rows = Rows::None;
    let versions = [("web", "1.0"), ("db", "5.0"), ("api", "5.0")];
    world.release.rows = versions
        .map(|(name, version)| channel_row(name, version, version))
        .to_vec();
    for n in 0..22_usize {
        let (channel, version) = versions[n.saturating_sub(19)];
        launch(
            &mut world,
            &id(n),
            &[("ReleaseChannel", channel), ("ReleaseVersion", version)],
        );
    }
    assert!(settle(&mut world).servers.iter().all(|server| !server.append));
    world
}

fn each(world: &mut World, ids: Range<usize>, mut what: impl FnMut(&mut World, &str)) {
    ids.for_each(|n| what(world, &id(n)));
}

fn end(world: &mut World, id: &str) {
    world.fleet.servers.get_mut(id).unwrap().state = State::Terminated;
}

fn vanish(world: &mut World, id: &str) {
    world.fleet.servers.remove(id);
}

#[test]
fn a_night_that_ends_most_of_them_trips_nothing_however_soon_the_cloud_forgets_them() {
    let mut world = rowless();
    each(&mut world, 0..15, end);
    assert_eq!(settle(&mut world).tripped, []);
    each(&mut world, 0..15, vanish);
    for _ in 0..3 {
        assert_eq!(settle(&mut world).tripped, []);
    }
    assert_eq!(world.memory.servers.len(), 7, "what ended is forgotten");
}

#[test]
fn those_that_vanish_bit_by_bit_within_a_day_shrink_the_fleet_and_are_forgotten_after_it() {
    for (hours, trips) in [(1, true), (23, true), (25, false)] {
        let mut world = rowless();
        each(&mut world, 0..5, vanish);
        assert!(says(&world, Belt::FleetDrop).is_none());
        settle(&mut world);
        let quiet = world.memory.clone();
        settle(&mut world);
        assert_eq!(
            world.memory.servers, quiet.servers,
            "a quiet pass remembers nothing new"
        );
        world.wait(TimeDelta::hours(hours));
        assert!(says(&world, Belt::FleetDrop).is_none(), "{hours}");
        each(&mut world, 5..9, vanish);
        assert_eq!(says(&world, Belt::FleetDrop).is_some(), trips, "{hours}");
    }
    let mut world = rowless();
    each(&mut world, 0..5, vanish);
    settle(&mut world);
    world.wait(DAY);
    settle(&mut world);
    settle(&mut world);
    assert_eq!(world.memory.servers.len(), 17);
}

#[test]
fn one_hand_on_their_channel_tags_is_held_like_one_hand_on_cells() {
    for (to, count, trips) in [("db", 2, false), ("db", 3, true), ("db", 19, true), ("web", 3, false)] {
        let mut world = rowless();
        let retag = |world: &mut World, id: &str| {
            let server = world.fleet.servers.get_mut(id).unwrap();
            server.tags.insert("ReleaseChannel".into(), to.into());
        };
        each(&mut world, 0..count, retag);
        for pass in 0..3 {
            let plan = settle(&mut world);
            let belts: Vec<Belt> = plan.tripped.iter().map(|t| t.belt).collect();
            let held = if trips { vec![Belt::Unapproved] } else { vec![] };
            assert_eq!(belts, held, "{count} to {to}, pass {pass}");
            let version = world.fleet.servers[&*id(0)].tag(&"ReleaseVersion".into()).unwrap();
            let moves = to == "db" && !trips;
            assert_eq!(
                &**version,
                if moves { "5.0" } else { "1.0" },
                "{count} to {to}, pass {pass}"
            );
        }
        // Where the tags are put back, nothing is left of it.
        let back = |world: &mut World, id: &str| {
            let server = world.fleet.servers.get_mut(id).unwrap();
            server.tags.insert("ReleaseChannel".into(), "web".into());
        };
        each(&mut world, 0..count, back);
        assert_eq!(settle(&mut world).tripped, [], "{count} to {to}");
        for server in world.fleet.servers.values().take(20) {
            assert_eq!(server.tag(&"ReleaseVersion".into()).map(|v| &**v), Some("1.0"));
        }
    }
}
