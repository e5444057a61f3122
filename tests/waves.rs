//! Rollouts, decided: waves, gates, windows, order, and how a release is taken back. The cases are those of the contract.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agents;
mod asked;
mod blind;
mod course;
mod disturbed;
mod late;
mod shown;
mod steps;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use fleetsheet::gate::{Gate, Kind, Query, Reading, Readings, Taken, Template, Verdict};
use fleetsheet::plan::{ChannelPlan, Plan};
use fleetsheet::rollout::{Glob, Globs, OnFailure, Rollouts, Strategy, Tolerance, Wave};
use fleetsheet::sheet::Cell;
use fleetsheet::tag::TagKey;

use crate::people::{channel_row, launch, server_row, set};
use crate::world::{Options, World};

/// What somebody does to a world.
type Act = fn(&mut World);

fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

fn wave(to: &str) -> Wave {
    Wave {
        to: to.parse().unwrap(),
        bake: None,
        manual: false,
    }
}

fn globs(patterns: &[&str]) -> Globs {
    Globs(patterns.iter().map(|pattern| Glob::read(pattern).unwrap()).collect())
}

/// A strategy of these waves without bake, and its gates: one that looks at the version, `errors`.
pub(crate) fn strategy(waves: &[&str], gates: &[&str]) -> Strategy {
    Strategy {
        name: "careful".into(),
        channels: globs(&["web"]),
        waves: waves.iter().map(|to| wave(to)).collect(),
        bake: Duration::ZERO,
        warmup: Duration::ZERO,
        gates: gates.iter().map(|gate| (*gate).to_owned()).collect(),
        on_failure: OnFailure::Rollback,
        max_failures: Tolerance::Count(0),
        stalled_after: Duration::from_secs(7200),
        after: Vec::new(),
        colours: None,
    }
}

fn gate(name: &str, query: &str) -> Gate {
    Gate {
        name: name.into(),
        kind: Kind::Query(Query {
            query: Template::query(query).unwrap(),
            min: None,
            max: Some(0.01),
            ratio: None,
            slack: 0.0,
            samples: None,
            min_samples: None,
            window: Duration::from_secs(300),
        }),
        passes: 3,
        failures: 2,
        interval: Duration::from_secs(45),
        report_only: false,
    }
}

pub(crate) fn rollouts(strategy: Strategy) -> Rollouts {
    let gates = [
        gate("errors", "errors{version=\"{{version}}\"}"),
        gate("load", "load{channel=\"{{channel}}\"}"),
    ];
    Rollouts {
        strategies: vec![strategy],
        gates: gates.into_iter().map(|gate| (gate.name.clone(), gate)).collect(),
        ..Rollouts::default()
    }
}

/// `web` on 1.0 with so many servers, met and approved.
fn world(servers: usize, strategy: Strategy) -> World {
    let mut world = World::new();
    world.release.headers.push("advance".into());
    world.servers.headers.push("canary".into());
    world.policy.rollouts = Arc::new(rollouts(strategy));
    world.release.rows = vec![channel_row("web", "1.0", "1.0")];
    for n in 1..=servers {
        add(&mut world, n, "1.0");
    }
    pass(&mut world);
    world
}

fn id(n: usize) -> String {
    format!("i-{n:08x}")
}

fn add(world: &mut World, n: usize, version: &str) {
    world.servers.rows.push(server_row(&id(n), "web"));
    launch(world, &id(n), &[("ReleaseChannel", "web"), ("ReleaseVersion", version)]);
}

fn keys(world: &mut World, a: &str, b: &str) {
    for (header, key) in [("desiredVersionA", a), ("desiredVersionB", b)] {
        set(
            world,
            "web",
            header,
            if key.is_empty() { Cell::Blank } else { text(key) },
        );
    }
}

fn tick(world: &mut World, header: &str, on: bool) {
    set(world, "web", header, Cell::Bool(on));
}

/// A pass a minute later.
fn pass(world: &mut World) -> Plan {
    pass_with(world, &Options::default())
}

fn pass_with(world: &mut World, options: &Options) -> Plan {
    world.wait(TimeDelta::minutes(1));
    world.pass(options)
}

/// What `errors` gives from now on.
pub(crate) fn reads(world: &mut World, gate: &str, verdict: Option<Verdict>) {
    let reading = match verdict {
        None => return drop(world.readings.0.remove("web")),
        Some(verdict) => Reading {
            verdict,
            value: (verdict != Verdict::NoData).then_some(0.031),
            why: if verdict == Verdict::Fail {
                "0.031 > 0.01".into()
            } else {
                String::new()
            },
            ..Reading::no_data("")
        },
    };
    let taken = Taken {
        reading,
        asked: vec![format!("{gate}?")],
        left_out: false,
    };
    let Readings(readings) = &mut world.readings;
    readings.entry("web".into()).or_default().insert(gate.into(), taken);
}

/// Servers by the version that they carry.
fn carried(world: &World) -> BTreeMap<String, usize> {
    let mut carried = BTreeMap::new();
    for server in world
        .fleet
        .servers
        .values()
        .filter(|server| server.state.word() == "running")
    {
        let version = server.tag(&TagKey::from("ReleaseVersion")).map(ToString::to_string);
        *carried.entry(version.unwrap_or_default()).or_default() += 1;
    }
    carried
}

fn on(world: &World, version: &str) -> usize {
    carried(world).get(version).copied().unwrap_or_default()
}

fn web(plan: &Plan) -> &ChannelPlan {
    plan.channels
        .iter()
        .find(|channel| channel.name.as_str() == "web")
        .unwrap()
}

/// The status in the sheet.
fn status(world: &mut World) -> String {
    match world.row_mut("web").and_then(|row| row.get("status")) {
        Some(Cell::Text(status)) => status.clone(),
        _ => String::new(),
    }
}

fn events(plan: &Plan) -> Vec<&str> {
    plan.happenings.iter().map(|happening| happening.event).collect()
}
