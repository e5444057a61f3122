//! Random worlds, and what chance does to them between two passes.

use chrono::TimeDelta;
use fleetsheet::fleet::State;
use fleetsheet::plan::Rows;
use fleetsheet::sheet::Cell;
use fleetsheet::tag::ServerId;
use proptest::prelude::*;

use crate::people::{channel_row, launch, server_row, set};
use crate::world::{Crash, Options, Protection, Row, Tab, World, down, source};

/// Channels that worlds have.
pub(crate) const CHANNELS: [&str; 3] = ["api", "db", "web"];
/// Servers that worlds begin with; others are launched later.
const SERVERS: usize = 9;

/// One thing that somebody does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Types into a control cell of a channel's first row.
    Channel(usize, &'static str, Cell),
    /// Types into a cell of a server's first row.
    Server(usize, &'static str, Cell),
    /// Both keys at once, as people do who agree.
    Agree(usize, &'static str),
    /// Deletes, copies or retypes a row: of the release tab, or of the server tab.
    Delete(bool, usize),
    Copy(bool, usize),
    Retype(bool, usize),
    /// Types something that is not an instance id over a server's id.
    Misname(usize, &'static str),
    /// Types two channels' names over each other.
    Swap(usize, usize),
    /// Turns the order of all rows, or moves the first column to the end.
    Reverse,
    MoveColumn(bool),
    /// Somebody else tags a server, takes its version away, or changes its state.
    Tag(usize, &'static str, &'static str),
    Untag(usize),
    State(usize, State),
    Vanish(usize),
    Launch(usize, usize),
    /// The second source goes down or answers.
    Source(bool),
    Protection(Protection),
    Wait(i64),
}

/// How a pass goes.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) acts: Vec<Act>,
    pub(crate) crash: Option<Crash>,
    pub(crate) fail: Vec<usize>,
    pub(crate) observe: bool,
}

impl Turn {
    pub(crate) fn options(&self) -> Options {
        Options {
            crash: self.crash,
            fail: self.fail.iter().map(|i| ServerId::from(id(*i).as_str())).collect(),
            observe: self.observe,
            ..Options::default()
        }
    }
}

pub(crate) fn id(number: usize) -> String {
    format!("i-{number:08}")
}

fn key() -> impl Strategy<Value = Cell> {
    prop_oneof![
        2 => Just(Cell::Blank),
        6 => prop::sample::select(vec!["1.0", "2.0", "3.0"]).prop_map(|v| Cell::Text(v.into())),
        1 => Just(Cell::Number(1.1)),
        1 => Just(Cell::Formula { text: "=B2".into(), value: Box::new(Cell::Text("2.0".into())) }),
    ]
}

fn tick() -> impl Strategy<Value = Cell> {
    prop_oneof![
        4 => any::<bool>().prop_map(Cell::Bool),
        1 => Just(Cell::Text("maybe".into())),
        1 => Just(Cell::Blank),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let channel = 0..CHANNELS.len();
    let server = 1..=SERVERS + 3;
    let keys = prop::sample::select(vec!["desiredVersionA", "desiredVersionB"]);
    let service = prop::sample::select(vec!["releaseVersion", "previousVersion", "updatedAt", "status"]);
    let versions = prop::sample::select(vec!["1.0", "2.0", "3.0"]);
    let tagged = prop::sample::select(vec![
        ("ReleaseVersion", "6.6"),
        ("ReleaseVersion", "1.0"),
        ("ReleaseChannel", "web"),
        ("ReleaseChannel", "elsewhere"),
        ("Owner", "somebody"),
        ("Secret", "mine"),
        ("Name", "web-one"),
    ]);
    let misnames = prop::sample::select(vec!["=== API ===", "web-one", "I-0000ABCD", "i-1"]);
    let states = prop::sample::select(vec![State::Running, State::Stopped, State::Terminated]);
    let protections = vec![
        Protection::Whole,
        Protection::Whole,
        Protection::Keys,
        Protection::Off,
        Protection::Hidden,
    ];
    let owner = prop::sample::select(vec!["", "ops", "dev"]);
    let homes = prop::sample::select(vec!["api", "db", "web", "wbe", ""]);
    let text = |t: &str| {
        if t.is_empty() {
            Cell::Blank
        } else {
            Cell::Text(t.into())
        }
    };
    prop_oneof![
        4 => (channel.clone(), keys, key()).prop_map(|(c, h, k)| Act::Channel(c, h, k)),
        6 => (channel.clone(), versions).prop_map(|(c, v)| Act::Agree(c, v)),
        2 => (channel.clone(), tick()).prop_map(|(c, t)| Act::Channel(c, "enabled", t)),
        5 => (channel.clone(), tick()).prop_map(|(c, t)| Act::Channel(c, "rollback", t)),
        1 => (channel.clone(), service).prop_map(|(c, h)| Act::Channel(c, h, Cell::Text("3.0".into()))),
        2 => (server.clone(), homes).prop_map(move |(s, c)| Act::Server(s, "channel", text(c))),
        2 => (server.clone(), tick()).prop_map(|(s, t)| Act::Server(s, "hold", t)),
        2 => (server.clone(), owner).prop_map(move |(s, o)| Act::Server(s, "tag:Owner", text(o))),
        1 => (server.clone(), Just("tag:Team")).prop_map(|(s, h)| Act::Server(s, h, Cell::Text("red".into()))),
        1 => (any::<bool>(), server.clone()).prop_map(|(r, i)| Act::Delete(r, i)),
        1 => (any::<bool>(), server.clone()).prop_map(|(r, i)| Act::Copy(r, i)),
        2 => (any::<bool>(), server.clone()).prop_map(|(r, i)| Act::Retype(r, i)),
        1 => (server.clone(), misnames).prop_map(|(s, text)| Act::Misname(s, text)),
        1 => (channel.clone(), channel).prop_map(|(a, b)| Act::Swap(a, b)),
        1 => Just(Act::Reverse),
        1 => any::<bool>().prop_map(Act::MoveColumn),
        3 => (server.clone(), tagged).prop_map(|(s, (k, v))| Act::Tag(s, k, v)),
        1 => server.clone().prop_map(Act::Untag),
        2 => (server.clone(), states).prop_map(|(s, state)| Act::State(s, state)),
        1 => server.clone().prop_map(Act::Vanish),
        1 => (server, 0..CHANNELS.len()).prop_map(|(s, c)| Act::Launch(s, c)),
        1 => any::<bool>().prop_map(Act::Source),
        1 => prop::sample::select(protections).prop_map(Act::Protection),
        1 => prop::sample::select(vec![5, 60, 60 * 25]).prop_map(Act::Wait),
    ]
}

/// One turn: a few acts and a pass that may be killed or refused in part.
pub(crate) fn turn() -> impl Strategy<Value = Turn> {
    let crash = prop_oneof![
        4 => Just(None),
        1 => prop::sample::select(vec![
            Crash::BeforeCommit,
            Crash::BeforeClaim,
            Crash::Tags(0),
            Crash::Tags(2),
            Crash::AfterTags,
            Crash::BeforeSheet,
            Crash::AfterAppend,
            Crash::AfterSheet,
        ])
        .prop_map(Some),
    ];
    let fail = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(1..=SERVERS, 1..3)];
    let acts = prop::collection::vec(act(), 0..4);
    (acts, crash, fail, prop::bool::weighted(0.05)).prop_map(|(acts, crash, fail, observe)| Turn {
        acts,
        crash,
        fail,
        observe,
    })
}

/// A world with three channels; belts are narrow or wide.
pub(crate) fn beginning() -> impl Strategy<Value = World> {
    let versions = prop::collection::vec(prop::sample::select(vec!["1.0", "2.0", ""]), SERVERS);
    let rows = prop::sample::select(vec![Rows::All, Rows::Persistent, Rows::None]);
    (versions, any::<bool>(), any::<bool>(), rows).prop_map(|(versions, wide, both, rows)| {
        let mut world = World::new();
        world.policy.rows = rows;
        if wide {
            world.policy.max_unapproved_change = 2.0;
            world.policy.max_row_drop = 2.0;
        }
        world.release.rows = CHANNELS.map(|c| channel_row(c, "1.0", "1.0")).to_vec();
        for (i, version) in versions.iter().enumerate() {
            let (id, channel) = (id(i + 1), CHANNELS[i % CHANNELS.len()]);
            world.servers.rows.push(server_row(&id, channel));
            let tags = [("ReleaseChannel", channel), ("ReleaseVersion", version)];
            launch(&mut world, &id, if version.is_empty() { &tags[..1] } else { &tags });
        }
        if both {
            let second = source("second");
            world.fleet.sources.insert(second.clone(), None);
            for server in world.fleet.servers.values_mut().skip(SERVERS - 2) {
                server.source = second.clone();
            }
        }
        world
    })
}

fn tab(world: &mut World, release: bool) -> &mut Tab {
    if release {
        &mut world.release
    } else {
        &mut world.servers
    }
}

fn wrapped(rows: &[Row], at: usize) -> Option<usize> {
    (!rows.is_empty()).then(|| at % rows.len())
}

/// Does one act, where the world lets it.
pub(crate) fn apply(world: &mut World, act: &Act) {
    match act {
        Act::Channel(channel, header, cell) => set(world, CHANNELS[*channel], header, cell.clone()),
        Act::Server(server, header, cell) => set(world, &id(*server), header, cell.clone()),
        Act::Agree(channel, version) => {
            for header in ["desiredVersionA", "desiredVersionB"] {
                set(world, CHANNELS[*channel], header, Cell::Text((*version).into()));
            }
        }
        Act::Delete(release, at) => {
            let tab = tab(world, *release);
            if let Some(at) = wrapped(&tab.rows, *at) {
                tab.rows.remove(at);
            }
        }
        Act::Copy(release, at) => {
            let tab = tab(world, *release);
            if let Some(at) = wrapped(&tab.rows, *at) {
                tab.rows.push(tab.rows[at].clone());
            }
        }
        Act::Retype(true, at) => {
            let channel = CHANNELS[at % CHANNELS.len()];
            if world.row_mut(channel).is_none() {
                world.release.rows.push(channel_row(channel, "2.0", "2.0"));
            }
        }
        Act::Retype(false, at) => {
            if world.row_mut(&id(*at)).is_none() {
                world
                    .servers
                    .rows
                    .push(server_row(&id(*at), CHANNELS[at % CHANNELS.len()]));
            }
        }
        Act::Misname(server, text) => set(world, &id(*server), "serverId", Cell::Text((*text).into())),
        Act::Swap(one, two) => {
            for row in &mut world.release.rows {
                let Some(Cell::Text(name)) = row.get_mut("channel") else {
                    continue;
                };
                if name == CHANNELS[*one] {
                    *name = CHANNELS[*two].into();
                } else if name == CHANNELS[*two] {
                    *name = CHANNELS[*one].into();
                }
            }
        }
        Act::Reverse => {
            world.release.rows.reverse();
            world.servers.rows.reverse();
        }
        Act::MoveColumn(release) => tab(world, *release).headers.rotate_left(1),
        Act::Wait(minutes) => world.wait(TimeDelta::minutes(*minutes)),
        Act::Protection(protection) => world.protection = *protection,
        _ => cloud(world, act),
    }
}

fn cloud(world: &mut World, act: &Act) {
    match act {
        Act::Tag(server, key, value) => {
            if let Some(server) = world.fleet.servers.get_mut(&*id(*server)) {
                server.tags.insert((*key).into(), (*value).into());
            }
        }
        Act::Untag(server) => {
            if let Some(server) = world.fleet.servers.get_mut(&*id(*server)) {
                server.tags.remove("ReleaseVersion");
            }
        }
        Act::State(server, state) => {
            if let Some(server) = world.fleet.servers.get_mut(&*id(*server)) {
                server.state = *state;
            }
        }
        Act::Vanish(server) => drop(world.fleet.servers.remove(&*id(*server))),
        Act::Launch(server, channel) if !world.fleet.servers.contains_key(&*id(*server)) => {
            launch(world, &id(*server), &[("ReleaseChannel", CHANNELS[*channel])]);
        }
        Act::Source(up) => {
            let second = source("second");
            if world.fleet.sources.contains_key(&second) {
                world.fleet.sources.insert(second.clone(), (!up).then(down));
                if !up {
                    world.fleet.servers.retain(|_, server| server.source != second);
                }
            }
        }
        _ => {}
    }
}
