//! What belts hold and what goes on; how long they remember, to the second; and what `--allow` opens.

use chrono::TimeDelta;
use fleetsheet::plan::{Belt, Moved, Plan, ServerStatus};
use fleetsheet::sheet::Cell;

use super::{id, known, settle};
use crate::people::{channel_row, launch, server_row, set};
use crate::world::{Options, World};

const DAY: TimeDelta = TimeDelta::hours(24);
const SECOND: TimeDelta = TimeDelta::seconds(1);

fn tripped(plan: &Plan) -> Vec<(Belt, bool)> {
    plan.tripped.iter().map(|t| (t.belt, t.allowed)).collect()
}

fn allowing(belts: &[Belt]) -> Options {
    Options {
        allow: belts.iter().copied().collect(),
        ..Options::default()
    }
}

#[test]
fn the_most_of_a_day_counts_for_a_day_to_the_second() {
    let mut world = known(10);
    let lose = |world: &mut World, ids: std::ops::Range<usize>| {
        world.servers.rows.drain(..ids.len());
        ids.for_each(|n| drop(world.fleet.servers.remove(&*id(n))));
    };
    lose(&mut world, 0..2);
    let lost = world.now;
    assert_eq!(tripped(&settle(&mut world)), []);
    for (age, both) in [(DAY - SECOND, true), (DAY, true), (DAY + SECOND, false)] {
        // Of the rows, the day ends with the last pass that was not held; each pass before it misses the first two still.
        let mut world = world.clone();
        world.now = lost + age;
        assert_eq!(tripped(&settle(&mut world)), [], "two of ten, {age}");
        // Four of ten are too many, two of eight are not.
        lose(&mut world, 2..4);
        let rows = tripped(&world.decide(&Options::default())).contains(&(Belt::RowDrop, false));
        assert_eq!(rows, both, "{age}");
    }
}

#[test]
fn a_server_that_a_region_showed_counts_for_a_day_to_the_second() {
    let mut world = known(10);
    (0..2).for_each(|n| drop(world.fleet.servers.remove(&*id(n))));
    let lost = world.now;
    assert_eq!(tripped(&settle(&mut world)), []);
    (2..4).for_each(|n| drop(world.fleet.servers.remove(&*id(n))));
    for (age, trips) in [(DAY - SECOND, true), (DAY, true), (DAY + SECOND, false)] {
        world.now = lost + age;
        let belts = tripped(&world.decide(&Options::default()));
        assert_eq!(belts.contains(&(Belt::FleetDrop, false)), trips, "{age}");
    }
}

#[test]
fn an_unapproved_change_counts_for_a_day_to_the_second() {
    let mut world = known(20);
    let ask = |world: &mut World, n: usize| {
        let server = world.fleet.servers.get_mut(&*id(n)).unwrap();
        server.tags.insert("Owner".into(), "b".into());
        set(world, &id(n), "tag:Owner", Cell::Text("a".into()));
    };
    (0..2).for_each(|n| ask(&mut world, n));
    let changed = world.now;
    assert_eq!(tripped(&settle(&mut world)), []);
    // A day without any pass would be a leap of the clock, and age nothing.
    world.now = changed + DAY / 2;
    assert_eq!(tripped(&settle(&mut world)), []);
    ask(&mut world, 2);
    for (age, trips) in [(DAY - SECOND, true), (DAY, true), (DAY + SECOND, false)] {
        world.now = changed + age;
        let belts = tripped(&world.decide(&Options::default()));
        assert_eq!(belts.contains(&(Belt::Unapproved, false)), trips, "{age}");
    }
}

/// Ten servers of web with a way back, two of db, and something of everything to do: a promotion, a rollback, a move, a server
/// to discover, one that is missing, one that drifted.
fn busy() -> World {
    let mut world = known(10);
    world.release.rows.push(channel_row("db", "5.0", "5.0"));
    world.release.rows.push(channel_row("api", "7.0", "7.0"));
    for n in 10..12 {
        world.servers.rows.push(server_row(&id(n), "db"));
        launch(
            &mut world,
            &id(n),
            &[("ReleaseChannel", "db"), ("ReleaseVersion", "5.0")],
        );
    }
    for (key, version) in [("desiredVersionA", "2.0"), ("desiredVersionB", "2.0")] {
        set(&mut world, "web", key, Cell::Text(version.into()));
    }
    settle(&mut world);
    settle(&mut world);
    for key in ["desiredVersionA", "desiredVersionB"] {
        set(&mut world, "db", key, Cell::Text("6.0".into()));
    }
    set(&mut world, "web", "rollback", Cell::Bool(true));
    set(&mut world, &id(10), "channel", Cell::Text("api".into()));
    launch(
        &mut world,
        "i-0000face",
        &[("ReleaseChannel", "db"), ("ReleaseVersion", "5.0")],
    );
    world.fleet.servers.remove(&*id(9));
    let drifted = world.fleet.servers.get_mut(&*id(11)).unwrap();
    drifted.tags.insert("ReleaseChannel".into(), "elsewhere".into());
    world
}

#[test]
fn a_shrunken_sheet_holds_appends_moves_missing_and_promotions_and_nothing_else() {
    // Three of twelve rows may vanish, four are too many.
    for gone in [3, 4] {
        let mut world = busy();
        world.servers.rows.drain(..gone);
        let plan = world.pass(&Options::default());
        let held = gone == 4;
        assert_eq!(tripped(&plan), if held { vec![(Belt::RowDrop, false)] } else { vec![] });
        let status = |id: &str| {
            plan.servers
                .iter()
                .find(|s| s.id.as_str() == id)
                .map(|s| s.status.clone())
        };
        let changes = |id: &str| {
            plan.servers
                .iter()
                .find(|s| s.id.as_str() == id)
                .map_or(0, |s| s.changes.len())
        };
        let channel = |name: &str| plan.channels.iter().find(|c| c.name.as_str() == name).unwrap();
        // Held: a promotion, a move, rows to append, a server to call missing.
        assert_eq!(matches!(channel("db").moved, Some(Moved::Promotion { .. })), !held);
        assert_eq!(changes(&id(10)) > 0, !held);
        assert_eq!(matches!(status(&id(10)), Some(ServerStatus::Waiting(_))), held);
        assert_eq!(plan.servers.iter().any(|s| s.append), !held);
        assert_eq!(status(&id(9)) == Some(ServerStatus::Missing), !held);
        // Not held: the rollback, on servers with and without rows, and the correction of what drifted.
        assert!(matches!(channel("web").moved, Some(Moved::Rollback { .. })));
        for n in 0..9 {
            assert!(changes(&id(n)) > 0, "{} with {gone} rows gone", id(n));
        }
        let drifted = &world.fleet.servers[&*id(11)];
        assert_eq!(drifted.tag(&"ReleaseChannel".into()).map(|t| &**t), Some("db"));
    }
}

/// Worlds in which each belt trips that lets a pass go on, or stops it.
fn each() -> Vec<(Belt, World)> {
    let mut rows = known(10);
    rows.servers.rows.drain(..3);
    let mut fleet = known(10);
    (0..3).for_each(|n| drop(fleet.fleet.servers.remove(&*id(n))));
    let mut unapproved = known(10);
    for n in 0..3 {
        let server = unapproved.fleet.servers.get_mut(&*id(n)).unwrap();
        server.tags.insert("Owner".into(), "b".into());
        set(&mut unapproved, &id(n), "tag:Owner", Cell::Text("a".into()));
    }
    let mut tab = known(10);
    tab.servers.sheet_id += 1;
    let mut sheet = known(10);
    let old = sheet.servers.rows.clone();
    sheet.fleet.servers.get_mut(&*id(0)).unwrap().state = fleetsheet::fleet::State::Stopped;
    settle(&mut sheet);
    sheet.servers.rows = old;
    let mut store = known(10);
    let old = store.memory.clone();
    store.fleet.servers.get_mut(&*id(0)).unwrap().state = fleetsheet::fleet::State::Stopped;
    settle(&mut store);
    store.memory = old;
    vec![
        (Belt::RowDrop, rows),
        (Belt::FleetDrop, fleet),
        (Belt::Unapproved, unapproved),
        (Belt::Tab, tab),
        (Belt::History, sheet),
        (Belt::History, store),
    ]
}

#[test]
fn what_is_allowed_is_let_through_alone_and_for_one_pass() {
    let holds = |plan: &Plan, belt: Belt| {
        plan.tripped.iter().any(|t| t.belt == belt && !t.allowed) || plan.stop.iter().any(|p| p.code == belt.code())
    };
    for (belt, world) in each() {
        let others: Vec<Belt> = Belt::ALL.into_iter().filter(|b| *b != belt).collect();
        for allow in [&[][..], &others] {
            assert!(
                holds(&world.decide(&allowing(allow)), belt),
                "{belt:?} though {allow:?} are allowed"
            );
        }
        let mut through = world.clone();
        let plan = through.pass(&allowing(&[belt]));
        assert_eq!(tripped(&plan), [(belt, true)], "{belt:?}");
        assert_eq!((&plan.stop[..], plan.is_held()), (&[][..], false), "{belt:?}");
        // What was let through is usual from now on.
        through.wait(TimeDelta::minutes(5));
        let plan = settle(&mut through);
        assert_eq!((&plan.stop[..], tripped(&plan)), (&[][..], vec![]), "{belt:?}");
    }
}

#[test]
fn what_was_allowed_once_trips_again_when_it_happens_again() {
    let mut world = known(20);
    for (round, rows) in [(1, 6), (2, 5)] {
        world.servers.rows.drain(..rows);
        let left: Vec<Cell> = world
            .servers
            .rows
            .iter()
            .filter_map(|row| row.get("serverId").cloned())
            .collect();
        world
            .fleet
            .servers
            .retain(|id, _| left.contains(&Cell::Text(id.to_string())));
        let both = [Belt::RowDrop, Belt::FleetDrop];
        let held = world.decide(&Options::default());
        assert_eq!(tripped(&held), both.map(|belt| (belt, false)), "round {round}");
        // One of two is not the other.
        let one = world.decide(&allowing(&both[..1]));
        assert_eq!(tripped(&one), [(both[0], true), (both[1], false)], "round {round}");
        assert_eq!(
            tripped(&world.pass(&allowing(&both))),
            both.map(|belt| (belt, true)),
            "round {round}"
        );
        world.wait(TimeDelta::minutes(5));
        assert_eq!(tripped(&settle(&mut world)), []);
    }
}

/// What the six servers of web and the three of api carry: channel and version.
fn carried(world: &World) -> Vec<(String, String)> {
    let tag = |n: usize, key: &str| {
        let server = &world.fleet.servers[&*id(n)];
        server
            .tag(&key.into())
            .map_or_else(String::new, |text| text.to_string())
    };
    let both = |n| (tag(n, "ReleaseChannel"), tag(n, "ReleaseVersion"));
    (0..9).map(both).collect()
}

/// Six servers of web on 2.0, which was 1.0, and three of api on 8.0, which was 7.0, all by both keys.
fn two_channels() -> World {
    let mut world = known(6);
    world.release.rows.push(channel_row("api", "7.0", "7.0"));
    for n in 6..9 {
        world.servers.rows.push(server_row(&id(n), "api"));
        launch(
            &mut world,
            &id(n),
            &[("ReleaseChannel", "api"), ("ReleaseVersion", "7.0")],
        );
    }
    settle(&mut world);
    for (channel, version) in [("web", "2.0"), ("api", "8.0")] {
        for key in ["desiredVersionA", "desiredVersionB"] {
            set(&mut world, channel, key, Cell::Text(version.into()));
        }
    }
    settle(&mut world);
    assert_eq!(carried(&world)[0], ("web".into(), "2.0".into()));
    assert_eq!(carried(&world)[8], ("api".into(), "8.0".into()));
    world
}

/// Whoever's move waits is in its channel still: it goes back with it, whatever came first, and nothing else befalls it.
#[test]
fn a_rollback_reaches_those_whose_move_a_belt_holds() {
    #[derive(Clone, Copy, PartialEq)]
    enum Comes {
        Before,
        Together,
        After,
    }
    let mut tried = 0;
    for comes in [Comes::Before, Comes::Together, Comes::After] {
        for (moved, web, api, refuse, let_through) in (0..=6)
            .flat_map(|moved| (0..16).map(move |bits| (moved, bits & 1 > 0, bits & 2 > 0, bits & 4 > 0, bits & 8 > 0)))
        {
            let mut world = two_channels();
            let tick = |world: &mut World| {
                for channel in [("web", web), ("api", api)].iter().filter(|(_, ticked)| *ticked) {
                    set(world, channel.0, "rollback", Cell::Bool(true));
                }
            };
            // In the pass of the rollback one server refuses its tags: it is late.
            let refused = || Options {
                fail: refuse.then(|| id(0).as_str().into()).into_iter().collect(),
                ..Options::default()
            };
            if comes == Comes::Before {
                tick(&mut world);
                world.pass(&refused());
            }
            for n in 0..moved {
                set(&mut world, &id(n), "channel", Cell::Text("api".into()));
            }
            if comes == Comes::After {
                settle(&mut world);
            }
            if comes != Comes::Before {
                tick(&mut world);
                world.pass(&refused());
            }
            world.wait(TimeDelta::hours(30));
            let plan = settle(&mut world);
            let held = tripped(&plan).contains(&(Belt::Unapproved, false));
            assert_eq!(held, moved >= 3, "{moved} of six");
            let web_release = if web { "1.0" } else { "2.0" };
            let api_release = if api { "7.0" } else { "8.0" };
            let expected = |gone: usize| -> Vec<(String, String)> {
                let of = |n: usize| {
                    if n < gone || n > 5 {
                        ("api", api_release)
                    } else {
                        ("web", web_release)
                    }
                };
                (0..9).map(of).map(|(c, v)| (c.to_owned(), v.to_owned())).collect()
            };
            assert_eq!(
                carried(&world),
                expected(if held { 0 } else { moved }),
                "{moved} {web} {api} {refuse}"
            );
            if let_through {
                world.pass(&allowing(&[Belt::Unapproved]));
                assert_eq!(
                    carried(&world),
                    expected(moved),
                    "let through: {moved} {web} {api} {refuse}"
                );
            }
            tried += 1;
        }
    }
    println!("moves that wait: {tried} stories");
}
