//! The program's gate, and what the agents of servers say where it asks them.

use std::collections::BTreeMap;
use std::sync::Arc;

use fleetsheet::gate::{Agents, Gate, Kind, Query, Template};
use fleetsheet::tag::{TagKey, Version as Text};

use super::super::world::{Config, Reading, World};
use super::{Store, minutes, time};

pub(super) fn gate(config: Config) -> Gate {
    Gate {
        name: "g".into(),
        kind: if config.agents {
            Kind::Agents(Agents {
                min_running: 1.0,
                max_bad: 0.0,
            })
        } else {
            Kind::Query(Query {
                query: Template::query("up").unwrap(),
                min: None,
                max: Some(1.0),
                ratio: None,
                slack: 0.0,
                samples: None,
                min_samples: None,
                window: minutes(5),
            })
        },
        passes: u32::from(config.passes),
        failures: u32::from(config.failures),
        interval: minutes(config.interval),
        report_only: false,
    }
}

/// What the agent of a server says, so that the gate gives what the world has it give.
pub(super) fn says(world: &World, store: &Store) -> BTreeMap<TagKey, Arc<str>> {
    let web = store.memory.channels.get("web");
    let release = web.and_then(|web| web.release.as_ref());
    let release = release.map_or("none", Text::as_str);
    let state = match world.reading {
        Reading::Pass => "ok",
        Reading::NoData => return BTreeMap::new(),
        Reading::Fail => "failed",
    };
    let at = time(world.now).format("%Y-%m-%dT%H:%M:%SZ");
    let report = format!("{state} {} @ {at}", store.passes);
    BTreeMap::from([
        ("ReleaseRunning".into(), release.into()),
        ("ReleaseAgent".into(), report.into()),
    ])
}
