//! What each message advises is true: a problem is provoked, somebody does what the advice says, and the next pass has it no more.
#![expect(clippy::too_many_lines, reason = "each of these functions is a table")]
#![expect(clippy::expect_used, reason = "a test stops where it fails")]

mod cells;
pub(crate) mod channels;
mod fleet;
mod releases;
mod rollouts;
mod sheets;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use fleetsheet::fleet::{Server, State};
use fleetsheet::problem::{Code, Problem};
use fleetsheet::settle::settle;
use fleetsheet::sheet::Cell;

use crate::rows::outcomes;
use crate::world::{Options, Row, World, source};

/// One kind of problem, one cause, and one way to do what its message says.
pub(crate) struct Case {
    pub(crate) code: Code,
    /// What the advice must say.
    pub(crate) says: &'static str,
    /// Brings it about, and says how the pass is made that finds it.
    pub(crate) provoke: fn(&mut World) -> Options,
    /// Does what it says, and says how the next pass is made.
    pub(crate) apply: fn(&mut World) -> Options,
}

/// Problems that no world without a network has, and the suite that provokes them.
const ELSEWHERE: [(Code, &str); 21] = [
    (Code::Act, "faults"),
    (Code::Audit, "parse"),
    (Code::Barred, "init"),
    (Code::Busy, "service"),
    (Code::Call, "init"),
    (Code::Check, "check"),
    (Code::Editors, "init"),
    (Code::GateSource, "gates"),
    (Code::Hidden, "init"),
    (Code::Interrupted, "service"),
    (Code::Late, "pass"),
    (Code::LeftOver, "init"),
    (Code::NoEditors, "init"),
    (Code::NotText, "init"),
    (Code::Observe, "mail"),
    (Code::Prerequisite, "prerequisites"),
    (Code::Refused, "hostile"),
    (Code::ShutOut, "init"),
    (Code::TabName, "init"),
    (Code::TabProtection, "init"),
    (Code::WriteBack, "mail"),
];

fn cases() -> Vec<Case> {
    let all = [
        cells::cases(),
        sheets::cases(),
        releases::cases(),
        rollouts::cases(),
        fleet::cases(),
    ];
    all.into_iter().flatten().collect()
}

pub(crate) fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

pub(crate) fn formula(formula: &str, value: Cell) -> Cell {
    Cell::Formula {
        text: formula.to_owned(),
        value: Box::new(value),
    }
}

/// Puts a cell into the row of a channel or a server.
pub(crate) fn set(world: &mut World, name: &str, header: &str, cell: Cell) {
    let row = world.row_mut(name).unwrap_or_else(|| panic!("no row {name}"));
    row.insert(header.to_owned(), cell);
}

/// Types one version into both keys.
pub(crate) fn turn_keys(world: &mut World, channel: &str, version: &str) {
    for header in ["desiredVersionA", "desiredVersionB"] {
        set(world, channel, header, text(version));
    }
}

pub(crate) fn channel_row(name: &str, version: &str) -> Row {
    [
        ("channel", text(name)),
        ("desiredVersionA", text(version)),
        ("desiredVersionB", text(version)),
        ("enabled", Cell::Bool(true)),
        ("rollback", Cell::Bool(false)),
    ]
    .map(|(header, cell)| (header.to_owned(), cell))
    .into()
}

pub(crate) fn server_row(id: &str, channel: &str) -> Row {
    [("serverId", text(id)), ("channel", text(channel))]
        .map(|(header, cell)| (header.to_owned(), cell))
        .into()
}

/// A live server with its tags.
pub(crate) fn launch(world: &mut World, id: &str, channel: &str, version: &str) {
    let tags = [("ReleaseChannel", channel), ("ReleaseVersion", version)];
    let server = Server {
        source: source("main"),
        state: State::Running,
        tags: tags.map(|(key, value)| (key.into(), Arc::from(value))).into(),
        metadata_tags: false,
        spot: false,
        zone: None,
    };
    world.fleet.servers.insert(id.into(), server);
}

/// Ten servers of web, two of api and two of db, all on the release that both keys of their channels name.
pub(crate) fn world() -> World {
    let mut world = World::new();
    for (channel, version, servers) in [
        ("web", "1.0.0", 1..=10),
        ("api", "5.0.0", 11..=12),
        ("db", "9.0.0", 13..=14),
    ] {
        world.release.rows.push(channel_row(channel, version));
        for n in servers {
            let id = format!("i-{n:08}");
            world.servers.rows.push(server_row(&id, channel));
            launch(&mut world, &id, channel, version);
        }
    }
    world
}

/// Makes a pass and gives all its problems.
pub(crate) fn pass(world: &mut World, options: &Options) -> Vec<Problem> {
    let settled = world.sheet().ok().map(|sheet| {
        let plan = world.decide_on(&sheet, options);
        let policy = world.policy(options);
        settle(world.inputs(&sheet, &policy), &plan, Some(&outcomes(&plan, options)))
    });
    let mut problems = world.pass(options).problems;
    problems.extend(settled.into_iter().flat_map(|settled| settled.problems));
    world.wait(TimeDelta::minutes(5));
    problems
}

#[test]
fn whoever_does_what_a_message_says_is_rid_of_the_problem_with_the_next_pass() {
    let mut wrong = Vec::new();
    for (n, case) in cases().into_iter().enumerate() {
        let what = format!("case {n}, {}: {}", case.code.word(), case.says);
        wrong.extend(try_case(&case).err().map(|why| format!("{what}: {why}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is not as it should be.
fn try_case(case: &Case) -> Result<(), String> {
    let mut world = world();
    let own = |found: &[Problem]| -> Vec<Problem> { found.iter().filter(|p| p.code == case.code).cloned().collect() };
    let calm = pass(&mut world, &Options::default());
    let found = own(&pass_after(&mut world, case.provoke));
    let told = |p: &Problem| {
        p.message
            .rsplit_once("; ")
            .is_some_and(|(_, fix)| fix.contains(case.says))
    };
    pass_after(&mut world, case.apply);
    let left = own(&pass(&mut world, &Options::default()));
    if !calm.is_empty() {
        Err(format!("problems before: {calm:#?}"))
    } else if found.is_empty() {
        Err("it is not brought about".to_owned())
    } else if !found.iter().all(told) {
        Err(format!("says something else: {found:#?}"))
    } else if !left.is_empty() {
        Err(format!("is still there: {left:#?}"))
    } else {
        Ok(())
    }
}

fn pass_after(world: &mut World, act: fn(&mut World) -> Options) -> Vec<Problem> {
    let options = act(world);
    pass(world, &options)
}

#[test]
fn every_code_is_tried_here_or_elsewhere() {
    let far_ends = [Code::Source, Code::Tags];
    let here: BTreeSet<Code> = cases().iter().map(|case| case.code).chain(far_ends).collect();
    let elsewhere: BTreeSet<Code> = ELSEWHERE.iter().map(|(code, _)| *code).collect();
    assert_eq!(here.intersection(&elsewhere).count(), 0);
    let all: BTreeSet<Code> = here.union(&elsewhere).copied().collect();
    assert_eq!(all, Code::ALL.iter().copied().collect());
}
