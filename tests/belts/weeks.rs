//! Rows that were lost, told from servers that ended: weeks of an autoscaled fleet, and chance histories against a second
//! calculation that keeps every pass instead of what the store remembers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet::fleet::State;
use fleetsheet::plan::{Belt, Plan};
use fleetsheet::sheet::Cell;

use super::{id, settle};
use crate::people::{channel_row, launch, server_row, set};
use crate::world::{Options, World};

const HOUR: TimeDelta = TimeDelta::hours(1);

/// A fleet that comes and goes by itself: `web` with 20 servers by day and 8 by night, `db` with 5, `api` with 3.
struct Fleet {
    world: World,
    launched: usize,
}

impl Fleet {
    fn new() -> Self {
        let mut world = World::new();
        world.release.rows = ["web", "db", "api"]
            .map(|name| channel_row(name, "1.0", "1.0"))
            .to_vec();
        let mut fleet = Self { world, launched: 0 };
        for (channel, count) in [("web", 20), ("db", 5), ("api", 3)] {
            (0..count).for_each(|_| fleet.launch(channel));
        }
        fleet
    }

    fn launch(&mut self, channel: &str) {
        let tags = [("ReleaseChannel", channel), ("ReleaseVersion", "1.0")];
        launch(&mut self.world, &id(self.launched), &tags);
        self.launched += 1;
    }

    /// Live servers of a channel, oldest first.
    fn live(&self, channel: &str) -> Vec<String> {
        let servers = self.world.fleet.servers.iter();
        let own = servers.filter(|(_, s)| {
            s.state != State::Terminated && s.tags.get("ReleaseChannel").is_some_and(|c| &**c == channel)
        });
        own.map(|(id, _)| id.to_string()).collect()
    }

    fn end(&mut self, id: &str) {
        self.world.fleet.servers.get_mut(id).unwrap().state = State::Terminated;
    }

    /// As many servers as an autoscaler wants.
    fn scale(&mut self, channel: &str, count: usize) {
        let live = self.live(channel);
        live.iter()
            .take(live.len().saturating_sub(count))
            .for_each(|id| self.end(id));
        (live.len()..count).for_each(|_| self.launch(channel));
    }

    /// What the cloud and people do in an hour; then a pass.
    fn hour(&mut self, hour: usize) -> Plan {
        // What ended an hour ago is not shown any more.
        self.world
            .fleet
            .servers
            .retain(|_, server| server.state != State::Terminated);
        match hour % 24 {
            20 => self.scale("web", 8),
            7 => self.scale("web", 20),
            // Spot takes one, and another comes.
            h if h % 3 == 0 => {
                let oldest = self.live("web")[0].clone();
                self.end(&oldest);
                self.launch("web");
            }
            // A new launch template, in three steps; then everything else in one.
            h @ 10..=12 if hour / 24 == 3 => {
                let old = self.live("web");
                for id in &old[..old.len() / (13 - h)] {
                    self.end(id);
                    self.launch("web");
                }
            }
            14 if hour / 24 == 4 => {
                for channel in ["db", "api"] {
                    let all = self.live(channel);
                    all.iter().for_each(|id| self.end(id));
                    all.iter().for_each(|_| self.launch(channel));
                }
            }
            // Somebody tidies up: rows of what has ended.
            15 => {
                let ended = ["terminated", "gone"].map(|word| Some(Cell::Text(word.to_owned())));
                self.world
                    .servers
                    .rows
                    .retain(|row| !ended.contains(&row.get("status").cloned()));
            }
            _ => {}
        }
        self.world.wait(HOUR);
        self.world.pass(&Options::default())
    }
}

fn tripped(plan: &Plan) -> Vec<Belt> {
    plan.tripped.iter().map(|tripped| tripped.belt).collect()
}

#[test]
fn a_week_of_an_autoscaled_fleet_trips_nothing_and_a_release_still_goes_out() {
    let mut fleet = Fleet::new();
    for hour in 0..7 * 24 {
        let plan = fleet.hour(hour);
        assert_eq!(tripped(&plan), [], "hour {hour}: {:?}", plan.tripped);
        assert!(
            plan.servers
                .iter()
                .all(|s| !s.append || !s.changes.is_empty() || s.channel.is_some())
        );
    }
    for key in ["desiredVersionA", "desiredVersionB"] {
        set(&mut fleet.world, "web", key, Cell::Text("2.0".into()));
    }
    let plan = settle(&mut fleet.world);
    assert!(
        plan.channels
            .iter()
            .any(|c| c.name.as_str() == "web" && c.moved.is_some()),
        "{plan:?}"
    );
}

#[test]
fn in_the_same_week_rows_of_living_servers_that_vanish_trip_until_they_are_back() {
    for day in 0..7 {
        let mut fleet = Fleet::new();
        (0..day * 24 + 17).for_each(|hour| drop(fleet.hour(hour)));
        let live: BTreeSet<String> = ["web", "db", "api"].iter().flat_map(|c| fleet.live(c)).collect();
        let rows = fleet.world.servers.rows.clone();
        let of_live = |row: &crate::world::Row| matches!(&row["serverId"], Cell::Text(id) if live.contains(id));
        let mut left = live.len() * 3 / 10 + 1;
        fleet.world.servers.rows.retain(|row| {
            let goes = left > 0 && of_live(row);
            left -= usize::from(goes);
            !goes
        });
        for hour in 0..60 {
            fleet.world.wait(HOUR);
            let plan = fleet.world.pass(&Options::default());
            assert_eq!(tripped(&plan), [Belt::RowDrop], "day {day}, hour {hour}");
            assert!(
                plan.servers.iter().all(|server| !server.append),
                "no row is made up for a lost one"
            );
        }
        fleet.world.servers.rows = rows;
        assert_eq!(tripped(&settle(&mut fleet.world)), [], "day {day}: put back");
    }
}

#[test]
fn blank_channel_cells_are_lost_rows_and_a_whole_channel_is_three_or_more() {
    for (size, others, trips) in [(2, 20, false), (3, 20, true), (3, 200, true)] {
        let mut world = World::new();
        world.release.rows = ["a", "b"].map(|name| channel_row(name, "1.0", "1.0")).to_vec();
        for n in 0..size + others {
            let channel = if n < size { "a" } else { "b" };
            world.servers.rows.push(server_row(&id(n), channel));
            launch(
                &mut world,
                &id(n),
                &[("ReleaseChannel", channel), ("ReleaseVersion", "1.0")],
            );
        }
        settle(&mut world);
        for n in 0..size {
            let cell = if n == 0 {
                Cell::Error("#REF!".into())
            } else {
                Cell::Blank
            };
            set(&mut world, &id(n), "channel", cell);
        }
        assert_eq!(
            !tripped(&settle(&mut world)).is_empty(),
            trips,
            "{size} of {}",
            size + others
        );
    }
}

/// A clause of the contract that a mutant leaves out. (That a whole channel trips the belt is shown by the story above.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    Nothing,
    /// Servers that ended count, too.
    Ended,
    /// Rows whose channel is blank count as there.
    Blank,
    /// The day before the last free pass.
    Day,
    /// Passes that the belt held move the base.
    Held,
}

/// What one pass saw.
struct Seen {
    at: DateTime<Utc>,
    held: bool,
    rows: BTreeMap<String, Option<String>>,
}

/// The contract, told from every pass there was.
fn trips(history: &[Seen], now: &BTreeMap<String, Option<String>>, ended: &BTreeSet<String>, without: Without) -> bool {
    let free: Vec<&Seen> = history
        .iter()
        .filter(|seen| !seen.held || without == Without::Held)
        .collect();
    let Some(last) = free.last() else { return false };
    let mut base: BTreeMap<&str, &str> = BTreeMap::new();
    for (i, seen) in free.iter().enumerate() {
        // A row is missed from the first free pass that does not see it.
        let missed = free.get(i + 1).map_or(last.at, |next| next.at);
        let in_the_day = last.at - missed <= TimeDelta::hours(24) && without != Without::Day;
        if std::ptr::eq(*seen, *last) || in_the_day {
            let named = seen
                .rows
                .iter()
                .filter_map(|(id, channel)| Some((id.as_str(), channel.as_deref()?)));
            base.extend(named);
        }
    }
    base.retain(|id, _| without == Without::Ended || !ended.contains(*id));
    let is_there = |id: &str| {
        now.get(id)
            .is_some_and(|channel| channel.is_some() || without == Without::Blank)
    };
    let lost: Vec<&str> = base.keys().copied().filter(|id| !is_there(id)).collect();
    let mut channels: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (id, channel) in &base {
        let (all, gone) = channels.entry(channel).or_default();
        *all += 1;
        *gone += usize::from(lost.contains(id));
    }
    let whole = channels.values().any(|(all, gone)| *all >= 3 && all == gone);
    (!lost.is_empty() && lost.len() * 10 >= base.len() * 3) || whole
}

/// Servers of a story.
const SERVERS: usize = 16;
/// Those of the smallest channel: all of them are fewer than 30 % of the servers.
const SMALL: [usize; 3] = [2, 6, 10];

/// How many stories are told.
const STORIES: u64 = 120;

/// Numbers that are the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// One story of 40 passes, an hour or five apart: in how many of them the program and the contract without one clause differ.
fn differs(seed: u64, without: Without) -> usize {
    let mut chance = Chance(seed);
    let mut world = World::new();
    world.release.rows = ["a", "b", "c"].map(|name| channel_row(name, "1.0", "1.0")).to_vec();
    for n in 0..SERVERS {
        let channel = if SMALL.contains(&n) { "c" } else { ["a", "b"][n % 2] };
        world.servers.rows.push(server_row(&id(n), channel));
        launch(
            &mut world,
            &id(n),
            &[("ReleaseChannel", channel), ("ReleaseVersion", "1.0")],
        );
    }
    let (mut history, mut ended, mut different) = (Vec::new(), BTreeSet::new(), 0);
    let mut lost: Vec<crate::world::Row> = Vec::new();
    for _ in 0..40 {
        // Sometimes much happens between two passes.
        for _ in 0..[1, 1, 1, 1, 8][chance.below(5)] {
            // In every third story it all befalls the smallest channel.
            let name = if seed.is_multiple_of(3) {
                id(SMALL[chance.below(SMALL.len())])
            } else {
                id(chance.below(SERVERS))
            };
            let place = world
                .servers
                .rows
                .iter()
                .position(|row| row["serverId"] == Cell::Text(name.clone()));
            match (chance.below(10), place) {
                (0..=2, Some(at)) => lost.push(world.servers.rows.remove(at)),
                (3, Some(_)) => set(&mut world, &name, "channel", Cell::Blank),
                (4, Some(_)) => set(&mut world, &name, "channel", Cell::Text("a".into())),
                (5 | 6, _) => {
                    if let Some(server) = world.fleet.servers.get_mut(&*name) {
                        server.state = State::Terminated;
                        ended.insert(name);
                    }
                }
                (7 | 8, _) => world.servers.rows.extend(lost.pop()),
                _ => {}
            }
        }
        world.wait(HOUR * [1, 1, 5][chance.below(3)]);
        let text = |cell: Option<&Cell>| match cell {
            Some(Cell::Text(text)) => Some(text.clone()),
            _ => None,
        };
        // Of two rows of one server, one that names a channel is enough.
        let mut rows: BTreeMap<String, Option<String>> = BTreeMap::new();
        for row in &world.servers.rows {
            let named = rows.entry(text(row.get("serverId")).unwrap()).or_default();
            *named = named.take().or(text(row.get("channel")));
        }
        let expected = trips(&history, &rows, &ended, without);
        let plan = world.pass(&Options::default());
        // Rows that are put back may look like an old version of the file: such a pass decides nothing.
        let stopped = !plan.stop.is_empty();
        let held = stopped || tripped(&plan).contains(&Belt::RowDrop);
        different += usize::from(held != expected && !stopped);
        // A row that the pass itself appended for a server that never had one is there from then on.
        for row in &world.servers.rows {
            let name = text(row.get("serverId")).unwrap();
            let is_new = history.iter().all(|seen: &Seen| !seen.rows.contains_key(&name));
            if is_new && !rows.contains_key(&name) {
                rows.insert(name, text(row.get("channel")));
            }
        }
        // The story that goes on is the program's.
        history.push(Seen {
            at: world.now,
            held,
            rows,
        });
    }
    different
}

#[test]
fn chance_stories_trip_where_the_contract_says_and_each_clause_of_it_is_needed() {
    for seed in 0..STORIES {
        assert_eq!(differs(seed, Without::Nothing), 0, "story {seed}");
    }
    for without in [Without::Ended, Without::Blank, Without::Day, Without::Held] {
        assert!(
            (0..STORIES).any(|seed| differs(seed, without) > 0),
            "nothing shows that {without:?} matters"
        );
    }
}
