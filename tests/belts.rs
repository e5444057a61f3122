//! The edge of each belt: for every size the first count that trips it, compared with whole-number arithmetic; its day to the
//! second; what it holds and what it lets go on; and what `--allow` opens, for how long.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod deserted;
mod held;
mod rowless;
mod weeks;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use fleetsheet::fleet::State;
use fleetsheet::plan::{Belt, Plan};
use fleetsheet::sheet::Cell;

use crate::people::{channel_row, launch, server_row, set};
use crate::world::{self, Options, World};

/// Sizes of sheets, regions and channels of which every edge is tried: all up to this one, and some larger.
const ALL: usize = 120;
/// Up to here every count and every limit is tried; above, the counts around the edge.
const EVERY: usize = 20;
/// Limits in percent: what is set, besides the default.
const LIMITS: [usize; 5] = [0, 5, 30, 50, 100];

/// Counts that were tried.
static TRIED: AtomicUsize = AtomicUsize::new(0);

fn sizes() -> impl Iterator<Item = usize> {
    (1..=ALL).chain([149, 150, 151, 199, 200, 201])
}

fn share(percent: usize) -> f64 {
    f64::from(u32::try_from(percent).unwrap()) / 100.0
}

fn id(n: usize) -> String {
    format!("i-{n:08}")
}

/// `count` servers of web on 1.0, which no keys approved, in the sheet and in the cloud.
fn fleet_of(count: usize) -> World {
    let mut world = World::new();
    world.release.rows = vec![channel_row("web", "1.0", "1.0")];
    // Fewer columns, faster plans.
    world
        .servers
        .headers
        .retain(|h| !["name", "account", "region", "tag:Team"].contains(&h.as_str()));
    for n in 0..count {
        world.servers.rows.push(server_row(&id(n), "web"));
        launch(
            &mut world,
            &id(n),
            &[("ReleaseChannel", "web"), ("ReleaseVersion", "1.0")],
        );
    }
    world
}

/// The same after a pass, five minutes ago.
fn known(count: usize) -> World {
    let mut world = fleet_of(count);
    settle(&mut world);
    world
}

fn settle(world: &mut World) -> Plan {
    let plan = world.pass(&Options::default());
    world.wait(TimeDelta::minutes(5));
    plan
}

/// What a belt says of the world; `None` if it does not trip.
fn says(world: &World, belt: Belt) -> Option<String> {
    TRIED.fetch_add(1, Ordering::Relaxed);
    let plan = world.decide(&Options::default());
    let stopped = plan
        .stop
        .iter()
        .find(|p| p.code == belt.code())
        .map(|p| p.message.clone());
    let tripped = plan.tripped.iter().find(|t| t.belt == belt).map(|t| t.message.clone());
    stopped.or(tripped)
}

/// The first count of 1 to `most` that trips, with what the belt says; `expected` is where it should be.
///
/// For small sizes every count is tried; for larger ones the counts below, at and above the edge, and the ends.
fn first(most: usize, expected: Option<usize>, trips: impl Fn(usize) -> Option<String>) -> Option<(usize, String)> {
    let counts: BTreeSet<usize> = match expected {
        _ if most <= EVERY => (0..=most).collect(),
        Some(at) => [0, at - 1, at, (at + 1).min(most)].into(),
        None => [0, most - 1, most].into(),
    };
    let mut found = None;
    for count in counts {
        let says = trips(count);
        assert!(found.is_none() || says.is_some(), "{count} does not trip, but fewer do");
        found = found.or(says.map(|says| (count, says)));
    }
    found
}

/// The first count of which `is_over` holds.
fn expected(most: usize, is_over: impl Fn(usize) -> bool) -> Option<usize> {
    (1..=most).find(|count| is_over(*count))
}

#[expect(
    clippy::print_stdout,
    reason = "how much was tried is for readers of the test's output"
)]
fn print(what: &str, edges: usize) {
    println!(
        "{what}: {edges} edges; {} counts tried so far",
        TRIED.load(Ordering::Relaxed)
    );
}

#[test]
fn rows_of_the_server_tab() {
    let mut edges = 0;
    for n in sizes() {
        let world = known(n);
        // Every limit for small tabs, the default for all.
        for percent in LIMITS.into_iter().filter(|p| n <= EVERY || *p == 30) {
            // 30 % fewer, or any fewer with a limit of 0; 100 % switches it off.
            let at = expected(n, |gone| percent < 100 && 100 * gone >= percent * n);
            let found = first(n, at, |gone| {
                let mut world = world.clone();
                world.policy.max_row_drop = share(percent);
                world.servers.rows.drain(..gone);
                says(&world, Belt::RowDrop)
            });
            assert_eq!(found.as_ref().map(|(gone, _)| *gone), at, "{n} rows, {percent} %");
            if let Some((gone, says)) = found {
                assert!(says.contains(&format!("{gone} of the {n} rows of servers")), "{says}");
                let limit = format!("limit {percent} %, belts.max_row_drop)");
                assert!(says.contains(&limit), "{says}");
                assert!(says.contains("fleetsheet --once --allow row_drop"), "{says}");
            }
            edges += 1;
        }
    }
    print("row_drop, server tab", edges);
}

#[test]
fn rows_of_the_release_tab() {
    let mut edges = 0;
    for n in sizes() {
        let mut world = World::new();
        world.release.rows = (0..n).map(|c| channel_row(&format!("c{c}"), "", "")).collect();
        settle(&mut world);
        let at = expected(n, |gone| 2 * gone >= n);
        let found = first(n, at, |gone| {
            let mut world = world.clone();
            world.release.rows.drain(..gone);
            says(&world, Belt::RowDrop)
        });
        let (gone, says) = found.unwrap();
        assert_eq!(Some(gone), at, "{n} channels");
        let sum = format!("ReleaseSheet: {gone} of the {n} channels");
        assert!(says.contains(&sum), "{says}");
        edges += 1;
    }
    print("row_drop, release tab", edges);
}

#[test]
fn rows_of_servers_that_are_dead_do_not_count() {
    let mut edges = 0;
    for n in 4..=EVERY {
        for dead in 1..n {
            let mut world = fleet_of(n);
            for d in 0..dead {
                world.fleet.servers.get_mut(&*id(d)).unwrap().state = State::Terminated;
            }
            settle(&mut world);
            let live = n - dead;
            let trips = |gone: usize, of_the_dead: usize| {
                let mut world = world.clone();
                world.servers.rows.truncate(n - gone);
                world.servers.rows.drain(..of_the_dead);
                says(&world, Belt::RowDrop)
            };
            assert_eq!(trips(0, dead), None, "{dead} of {n} are dead and go");
            let at = expected(live, |gone| 10 * gone >= 3 * live);
            let found = first(live, at, |gone| trips(gone, dead / 2));
            assert_eq!(found.map(|(gone, _)| gone), at, "{dead} of {n} are dead");
            edges += 1;
        }
    }
    print("row_drop, dead rows", edges);
}

#[test]
fn servers_of_a_region() {
    let mut edges = 0;
    for n in sizes() {
        let mut world = fleet_of(n);
        // Two regions of an account; the other one is whole.
        world.fleet.sources.insert(world::source("main/us-east-1"), None);
        for o in 0..3 {
            let other = format!("i-f{o:07}");
            launch(&mut world, &other, &[]);
            world.fleet.servers.get_mut(&*other).unwrap().source = world::source("main/us-east-1");
        }
        settle(&mut world);
        for percent in LIMITS.into_iter().filter(|p| n <= EVERY || *p == 30) {
            let at = expected(n, |gone| percent < 100 && 100 * gone >= percent * n);
            let found = first(n, at, |gone| {
                let mut world = world.clone();
                world.policy.max_fleet_drop = share(percent);
                (0..gone).for_each(|g| drop(world.fleet.servers.remove(&*id(g))));
                says(&world, Belt::FleetDrop)
            });
            assert_eq!(found.as_ref().map(|(gone, _)| *gone), at, "{n} servers, {percent} %");
            if let Some((gone, says)) = found {
                let sum = format!("main/eu-west-1 does not show {gone} of the {n} servers");
                assert!(says.contains(&sum), "{says}");
            }
            edges += 1;
        }
    }
    print("fleet_drop", edges);
}

#[test]
fn unapproved_changes_of_the_fleet() {
    let mut edges = 0;
    for n in sizes() {
        let world = known(n);
        for percent in [10, 0, 5, 50, 100].into_iter().filter(|p| n <= EVERY || *p == 10) {
            let at = expected(n, |count| count >= 3 && 100 * count > percent * n);
            let found = first(n, at, |count| {
                let mut world = world.clone();
                world.policy.max_unapproved_change = share(percent);
                for c in 0..count {
                    world
                        .fleet
                        .servers
                        .get_mut(&*id(c))
                        .unwrap()
                        .tags
                        .insert("Owner".into(), "b".into());
                    set(&mut world, &id(c), "tag:Owner", Cell::Text("a".into()));
                }
                says(&world, Belt::Unapproved)
            });
            assert_eq!(found.as_ref().map(|(count, _)| *count), at, "{n} servers, {percent} %");
            if let Some((count, says)) = found {
                assert!(says.contains(&format!("{count} of {n} servers of the fleet")), "{says}");
            }
            edges += 1;
        }
    }
    print("unapproved, the fleet", edges);
}

#[test]
fn unapproved_moves_out_of_a_channel() {
    let mut edges = 0;
    for n in sizes() {
        // A second channel as large, so that a tenth of the fleet is a fifth of the channel.
        let mut world = fleet_of(2 * n);
        world.release.rows.push(channel_row("db", "5.0", "5.0"));
        for d in n..2 * n {
            set(&mut world, &id(d), "channel", Cell::Text("db".into()));
            launch(
                &mut world,
                &id(d),
                &[("ReleaseChannel", "db"), ("ReleaseVersion", "5.0")],
            );
        }
        settle(&mut world);
        let at = expected(n, |count| count >= 3 && 10 * count > n);
        let found = first(n, at, |count| {
            let mut world = world.clone();
            (0..count).for_each(|c| set(&mut world, &id(c), "channel", Cell::Text("db".into())));
            says(&world, Belt::Unapproved)
        });
        assert_eq!(found.as_ref().map(|(count, _)| *count), at, "{n} servers");
        if let Some((count, says)) = found {
            assert!(
                says.contains(&format!("{count} of {n} servers of the channel web")),
                "{says}"
            );
        }
        edges += 1;
    }
    print("unapproved, a channel", edges);
}

#[test]
fn unapproved_changes_add_up_over_passes() {
    let mut edges = 0;
    for n in [10, 20, 29, 30, 31, 40, 59, 60, 61] {
        let mut world = known(n);
        let at = expected(n, |count| count >= 3 && 10 * count > n).unwrap();
        for c in 0..at {
            world
                .fleet
                .servers
                .get_mut(&*id(c))
                .unwrap()
                .tags
                .insert("Owner".into(), "b".into());
            set(&mut world, &id(c), "tag:Owner", Cell::Text("a".into()));
            let plan = settle(&mut world);
            let tripped = plan.tripped.iter().any(|t| t.belt == Belt::Unapproved);
            assert_eq!(tripped, c + 1 == at, "{n} servers, the {}th", c + 1);
            edges += 1;
        }
    }
    print("unapproved, one by one", edges);
}

#[test]
fn rows_of_another_time() {
    let mut edges = 0;
    for n in sizes() {
        let before = known(n);
        let mut after = before.clone();
        for server in after.fleet.servers.values_mut() {
            server.state = State::Stopped;
        }
        settle(&mut after);
        // The sheet's rows were set back, or the store was.
        for (world, rows) in [(&after, &before.servers.rows), (&before, &after.servers.rows)] {
            let at = expected(n, |count| 10 * count >= n);
            let found = first(n, at, |count| {
                let mut world = world.clone();
                world.now = after.now;
                world.servers.rows[..count].clone_from_slice(&rows[..count]);
                says(&world, Belt::History)
            });
            let (count, says) = found.unwrap();
            assert_eq!(Some(count), at, "{n} servers");
            assert!(
                says.contains(&format!("0 channels and {count} of {n} servers")),
                "{says}"
            );
            edges += 1;
        }
    }
    for n in 1..=8 {
        let mut before = World::new();
        before.release.rows = (0..n).map(|c| channel_row(&format!("c{c}"), "1.0", "1.0")).collect();
        settle(&mut before);
        let mut after = before.clone();
        for c in 0..n {
            set(
                &mut after,
                &format!("c{c}"),
                "desiredVersionA",
                Cell::Text("2.0".into()),
            );
        }
        settle(&mut after);
        for (world, rows) in [(&after, &before.release.rows), (&before, &after.release.rows)] {
            let at = (n >= 2).then_some(2);
            let found = first(n, at, |count| {
                let mut world = world.clone();
                world.now = after.now;
                world.release.rows[..count].clone_from_slice(&rows[..count]);
                says(&world, Belt::History)
            });
            assert_eq!(
                found.as_ref().map(|(count, _)| *count),
                (n >= 2).then_some(2),
                "{n} channels"
            );
            edges += 1;
        }
    }
    print("history", edges);
}
