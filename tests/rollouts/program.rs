//! The program as a decider: its sheet, its fleet and its memory are made of the small world, and what it decides is told in the
//! words of the model.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod gate;
mod rows;
mod said;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet::fleet::{Server, Source, State as Life};
use fleetsheet::gate::{Reading, Taken, Verdict};
use fleetsheet::memory::{Binding, ChannelMemory, Memory, RowMemory, ServerMemory, Stamp};
use fleetsheet::plan::check::{check, check_blind};
use fleetsheet::plan::{Blind, Inputs, Plan, Policy, plan, watch};
use fleetsheet::rollout::{Glob, Globs, OnFailure, Rollouts, Strategy, Tolerance, Wave};
use fleetsheet::sheet::Cell;
use fleetsheet::tag::{ServerId, TagKey, Version as Text};
use fleetsheet::window::{Edge, Freeze};

use super::decider::{Decider, Decision};
use super::world as small;
use super::world::{Config, IDS, NONE, ORDER, Version, World};
use crate::people::server_row;
use crate::world::{Protection, World as Sheet, down};
use gate::{gate, says};
use rows::{cells, shown};
use said::is_met;

/// The program.
#[derive(Clone)]
pub(crate) struct Program {
    ids: [ServerId; IDS],
    agents: bool,
    rollouts: Arc<Rollouts>,
}

/// Its store.
#[derive(Clone)]
pub(crate) struct Store {
    memory: Memory,
    /// Whether a takeover that came to nothing is to be made again.
    takes_over: bool,
    /// Servers that it has seen and that may have ended since.
    seen: u8,
    /// How many passes were committed, so that what an agent says is never what it said before.
    passes: u32,
}

fn version(version: Version) -> String {
    if version == NONE {
        String::new()
    } else {
        format!("{version}.0")
    }
}

fn number(text: &str) -> Version {
    text.split('.').next().and_then(|n| n.parse().ok()).unwrap_or(NONE)
}

fn stamp(n: u32) -> String {
    let base: DateTime<Utc> = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    if n == 0 {
        return String::new();
    }
    (base + TimeDelta::seconds(i64::from(n)))
        .format("%Y-%m-%dT%H:%M:%S%.6fZ")
        .to_string()
}

fn time(now: u32) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_100) + TimeDelta::minutes(i64::from(now))
}

fn minutes(ticks: u32) -> Duration {
    Duration::from_secs(u64::from(ticks) * 60)
}

/// Ids that come in the order of the small world.
fn ids() -> [ServerId; IDS] {
    let mut named: Vec<(Vec<u8>, String)> = (1..=IDS)
        .map(|n| {
            let id = format!("i-{n:08x}");
            (digest(&SHA256, format!("web\0{id}").as_bytes()).as_ref().to_vec(), id)
        })
        .collect();
    named.sort();
    let mut ids: [ServerId; IDS] = std::array::from_fn(|_| "".into());
    for (place, id) in ORDER.into_iter().enumerate() {
        ids[id] = named[place].1.as_str().into();
    }
    ids
}

fn source(id: usize) -> Source {
    crate::world::source(["near", "far"][small::region(id)])
}

impl Program {
    pub(crate) fn new(config: Config) -> Self {
        let wave = |(share, manual): (usize, bool)| Wave {
            to: format!("{share}%").parse().unwrap(),
            bake: None,
            manual,
        };
        let web = || Globs(vec![Glob::read("web").unwrap()]);
        let strategy = Strategy {
            name: "careful".into(),
            channels: web(),
            waves: config.waves.map(wave).to_vec(),
            bake: minutes(config.bake),
            warmup: minutes(config.warmup),
            gates: vec!["g".into()],
            on_failure: if config.pause {
                OnFailure::Pause
            } else {
                OnFailure::Rollback
            },
            max_failures: Tolerance::Count(0),
            stalled_after: minutes(100_000),
            after: Vec::new(),
            colours: None,
        };
        let always = |text: &str| Edge::Instant(text.parse().unwrap());
        let freeze = Freeze::new(always("2000-01-01T00:00:00Z"), always("2100-01-01T00:00:00Z"), None, "").unwrap();
        Self {
            ids: ids(),
            agents: config.agents,
            rollouts: Arc::new(Rollouts {
                strategies: vec![strategy],
                gates: BTreeMap::from([("g".into(), gate(config))]),
                windows: Vec::new(),
                freezes: vec![(web(), freeze)],
            }),
        }
    }

    /// The sheet and the fleet as they are read.
    fn read(&self, world: &World, store: &Store) -> Sheet {
        let mut sheet = Sheet::new();
        sheet.release.headers.push("advance".into());
        sheet.servers.headers.push("canary".into());
        sheet.stores.insert(store.memory.store.clone());
        sheet.protection = if world.protected {
            Protection::Whole
        } else {
            Protection::Off
        };
        sheet.policy = Policy {
            max_row_drop: 2.0,
            max_fleet_drop: 2.0,
            max_unapproved_change: 2.0,
            rollouts: self.rollouts.clone(),
            allow_window: world.open,
            takeover: world.takeover || store.takes_over,
            ..sheet.policy
        };
        sheet.now = time(world.now);
        sheet.release.rows = world.rows.iter().flatten().map(cells).collect();
        sheet.fleet.sources.clear();
        for id in 0..IDS {
            let answer = (!world.answers(small::region(id))).then(down);
            sheet.fleet.sources.insert(source(id), answer);
        }
        for id in 0..IDS {
            let ended = world.servers[id].is_none() && small::has(store.seen, id);
            if let Some(server) = &world.servers[id] {
                let mut row = server_row(self.ids[id].as_str(), "web");
                row.insert("hold".into(), Cell::Bool(server.held));
                row.insert("canary".into(), Cell::Bool(server.canary));
                sheet.servers.rows.push(row);
            }
            if !world.answers(small::region(id)) || (world.servers[id].is_none() && !ended) {
                continue;
            }
            let mut tags: BTreeMap<TagKey, Arc<str>> = BTreeMap::from([("ReleaseChannel".into(), "web".into())]);
            if let Some(server) = world.servers[id].filter(|server| server.tag != NONE) {
                tags.insert("ReleaseVersion".into(), version(server.tag).into());
            }
            if self.agents {
                tags.extend(says(world, store));
            }
            let live = Server {
                source: source(id),
                state: if ended { Life::Terminated } else { Life::Running },
                tags: tags.into_iter().collect(),
                metadata_tags: false,
                spot: false,
                zone: None,
            };
            sheet.fleet.servers.insert(self.ids[id].clone(), live);
        }
        if self.agents {
            return sheet;
        }
        let taken = Taken {
            reading: Reading {
                verdict: match world.reading {
                    small::Reading::Pass => Verdict::Pass,
                    small::Reading::NoData => Verdict::NoData,
                    small::Reading::Fail => Verdict::Fail,
                },
                ..Reading::no_data("")
            },
            asked: Vec::new(),
            left_out: false,
        };
        let gates = BTreeMap::from([("g".to_owned(), taken)]);
        sheet.readings.0.insert("web".into(), gates);
        sheet
    }

    fn plan(&self, world: &World, sheet: &Sheet, memory: &Memory) -> Plan {
        if world.unreadable {
            let given = Blind {
                fleet: &sheet.fleet,
                memory,
                policy: &sheet.policy,
                readings: &sheet.readings,
                now: sheet.now,
            };
            let plan = watch(given);
            assert_eq!(check_blind(given, &plan).map(|_| ()), Ok(()), "{world:?}");
            return plan;
        }
        let parsed = sheet.sheet().unwrap();
        let inputs = Inputs {
            sheet: &parsed,
            fleet: &sheet.fleet,
            memory,
            policy: &sheet.policy,
            readings: &sheet.readings,
            now: sheet.now,
        };
        let plan = plan(inputs);
        assert!(plan.stop.is_empty(), "{:?}", plan.stop);
        assert_eq!(check(inputs, &plan).map(|_| ()), Ok(()), "{world:?}\n{plan:#?}");
        plan
    }
}

impl Decider for Program {
    type Memory = Store;

    fn beginning(&self, world: &World) -> Store {
        let mut store = self.empty();
        let row = world.row().expect("a world begins with a row");
        let text = |v: Version| Text::parse(&version(v)).ok();
        store.memory.channels.insert(
            "web".into(),
            ChannelMemory {
                release: text(row.release),
                approved: row.release != NONE,
                prior: text(row.previous),
                row: RowMemory {
                    written: Some(shown(row)),
                    ..RowMemory::default()
                },
                ..ChannelMemory::default()
            },
        );
        for (id, server) in world.servers.iter().enumerate() {
            let Some(server) = server else { continue };
            let mut seen: BTreeMap<TagKey, Arc<str>> = BTreeMap::from([("ReleaseChannel".into(), "web".into())]);
            if server.tag != NONE {
                seen.insert("ReleaseVersion".into(), version(server.tag).into());
            }
            let known = ServerMemory {
                source: Some(source(id)),
                channel: Some("web".into()),
                seen: seen.into_iter().collect(),
                ..ServerMemory::default()
            };
            store.memory.servers.insert(self.ids[id].clone(), Arc::new(known));
            store.seen |= 1 << id;
        }
        store.memory.binding = Some(Binding {
            spreadsheet: "sheet-1".into(),
            release_tab: 11,
            server_tab: 12,
            protected: true,
            ..Binding::default()
        });
        store
    }

    fn empty(&self) -> Store {
        Store {
            memory: Memory {
                store: "store-1".into(),
                ..Memory::default()
            },
            takes_over: false,
            seen: 0,
            passes: 0,
        }
    }

    fn decide(&self, world: &World, store: &Store) -> Decision<Store> {
        let sheet = self.read(world, store);
        let mut memory = store.memory.clone();
        // The model does not know that keys of a channel that is added to a sheet in service count.
        if !is_met(&memory)
            && let Some(binding) = &mut memory.binding
        {
            binding.protected = false;
        }
        let plan = self.plan(world, &sheet, &memory);
        let mut next = store.clone();
        next.memory.apply(&plan.update);
        next.passes += 1;
        next.takes_over = sheet.policy.takeover && world.unreadable;
        for id in 0..IDS {
            if world.seen(id).is_some() {
                next.seen |= 1 << id;
            } else if world.answers(small::region(id)) {
                next.seen &= !(1 << id);
                // Ids are few here, and a number that comes again is another server.
                next.memory.servers.remove(&self.ids[id]);
            }
        }
        let said = self.said(world, &plan, &next.memory);
        Decision { said, memory: next }
    }

    fn settle(&self, mut store: Store, after: &World) -> Store {
        let tag = TagKey::from("ReleaseVersion");
        for (id, name) in self.ids.iter().enumerate() {
            let (Some(server), Some(known)) = (after.servers[id], store.memory.servers.get_mut(name)) else {
                continue;
            };
            let known = Arc::make_mut(known);
            let carries: Arc<str> = version(server.tag).into();
            if known.meant.get(&tag) == Some(&carries) {
                known.seen.insert(tag.clone(), carries);
                known.meant.remove(&tag);
            }
            let channel = TagKey::from("ReleaseChannel");
            known.meant.remove(&channel);
            known.seen.insert(channel, "web".into());
        }
        let Some(web) = store.memory.channels.get_mut("web") else {
            return store;
        };
        let text = |v: &Option<Text>| v.as_ref().map(ToString::to_string).unwrap_or_default();
        let (release, previous) = (text(&web.release), text(&web.prior));
        let rows = after.rows.iter().flatten().filter(|_| !after.unreadable);
        let mut writes = after.writes;
        for row in rows {
            let now = shown(row);
            if row.touched || (&now.release, &now.previous) != (&release, &previous) {
                writes += 1;
                let meant = Stamp {
                    release: release.clone(),
                    previous: previous.clone(),
                    updated_at: stamp(writes),
                };
                web.row.meant.push((meant, time(after.now)));
            }
        }
        store
    }

    fn written(&self, mut store: Store, after: &World) -> Store {
        let rows: Vec<Stamp> = after
            .rows
            .iter()
            .flatten()
            .filter(|_| !after.unreadable)
            .map(shown)
            .collect();
        if let (Some(web), Some(first)) = (store.memory.channels.get_mut("web"), rows.first()) {
            let others = rows[1..].iter().map(|stamp| (stamp.clone(), time(after.now)));
            web.row = RowMemory {
                written: Some(first.clone()),
                meant: others.collect(),
                ..RowMemory::default()
            };
        }
        store
    }

    fn fingerprint(&self, _: &Store, _: u32) -> u64 {
        0
    }
}
