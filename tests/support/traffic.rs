//! Who took traffic at each single write of a tag: the log of the emulated cloud, played again from its beginning, and held against
//! the laws of blue-green that an onlooker can see.

use std::collections::BTreeMap;

use fleetsheet_mocks::cloud::{State, TagWrite, Tags};

use super::stage::Stage;

pub(crate) const COLOUR: &str = "Colour";
pub(crate) const ROLE: &str = "ReleaseRole";
const VERSION: &str = "ReleaseVersion";
const ACTIVE: &str = "active";

/// The servers of a channel and every write to their tags.
pub(crate) struct Traffic {
    first: BTreeMap<String, Tags>,
    calls: Vec<Vec<TagWrite>>,
}

/// One call, with the servers as they were before it and as they were after it.
pub(crate) struct Step<'a> {
    pub(crate) call: &'a [TagWrite],
    pub(crate) before: BTreeMap<String, Tags>,
    pub(crate) after: BTreeMap<String, Tags>,
}

fn write(servers: &mut BTreeMap<String, Tags>, id: &str, key: &str, value: Option<&String>) {
    let Some(tags) = servers.get_mut(id) else { return };
    match value {
        Some(value) => drop(tags.insert(key.to_owned(), value.clone())),
        None => drop(tags.remove(key)),
    }
}

fn has(tags: &Tags, key: &str, value: &str) -> bool {
    tags.get(key).is_some_and(|now| now == value)
}

/// The servers of a colour.
fn of<'s>(servers: &'s BTreeMap<String, Tags>, colour: &str) -> Vec<&'s Tags> {
    servers.values().filter(|tags| has(tags, COLOUR, colour)).collect()
}

fn wholly_active(servers: &BTreeMap<String, Tags>, colour: &str) -> bool {
    let own = of(servers, colour);
    !own.is_empty() && own.iter().all(|tags| has(tags, ROLE, ACTIVE))
}

impl Traffic {
    /// What there is to see in a channel, as far as the emulator's log goes back.
    pub(crate) fn of(stage: &Stage, channel: &str) -> Self {
        let mut first: BTreeMap<String, Tags> = stage.cloud.edit(|fleet| {
            let live = fleet.instances().filter(|one| one.state == State::Running);
            let own = live.filter(|one| has(&one.tags, "ReleaseChannel", channel));
            own.map(|one| (one.id.clone(), one.tags.clone())).collect()
        });
        let mut audit = stage.cloud.audit();
        audit.retain(|line| first.contains_key(&line.instance));
        for line in audit.iter().rev() {
            write(&mut first, &line.instance, &line.key, line.before.as_ref());
        }
        let mut calls: Vec<Vec<TagWrite>> = Vec::new();
        for line in audit {
            match calls.last_mut() {
                Some(call) if is_one_call(call, &line) => call.push(line),
                _ => calls.push(vec![line]),
            }
        }
        Self { first, calls }
    }

    /// Call by call.
    pub(crate) fn steps(&self) -> Vec<Step<'_>> {
        let mut servers = self.first.clone();
        let step = |call| {
            let before = servers.clone();
            for line in call {
                let line: &TagWrite = line;
                write(&mut servers, &line.instance, &line.key, line.after.as_ref());
            }
            let after = servers.clone();
            Step { call, before, after }
        };
        self.calls.iter().map(Vec::as_slice).map(step).collect()
    }

    /// No server gives its traffic up unless the other colour takes it, and from the first time that a colour is wholly active there
    /// always is one.
    pub(crate) fn assert_one_colour_is_wholly_active(&self) {
        let mut begun = false;
        for step in self.steps() {
            let whole = ["blue", "green"].map(|colour| wholly_active(&step.after, colour));
            begun |= whole.contains(&true);
            assert!(!begun || whole.contains(&true), "no colour is: {:?}", step.after);
            for line in step.gives_up() {
                let other = if has(&step.before[&line.instance], COLOUR, "blue") {
                    "green"
                } else {
                    "blue"
                };
                assert!(
                    wholly_active(&step.before, other),
                    "{} gives up active, and {other} is not wholly so: {:?}",
                    line.instance,
                    step.before
                );
            }
        }
        assert!(begun, "no colour ever is");
    }

    /// Whoever begins to take traffic is of a colour that carries one version.
    pub(crate) fn assert_traffic_comes_to_whole_colours(&self) {
        for step in self.steps() {
            for line in step.comes() {
                let own = &step.before[&line.instance];
                let colour = own.get(COLOUR).map(String::as_str).unwrap_or_default();
                let version = own.get(VERSION);
                let same = of(&step.before, colour).iter().all(|tags| tags.get(VERSION) == version);
                let written: Vec<String> = self.calls.iter().flatten().map(shown).collect();
                assert!(
                    same,
                    "{} of {colour} becomes active: {:?}, {written:#?}",
                    line.instance, step.before
                );
            }
        }
    }

    /// Servers that got another version while they took traffic.
    pub(crate) fn changed_in_traffic(&self) -> Vec<String> {
        let mut changed = Vec::new();
        for step in self.steps() {
            let versions = step.call.iter().filter(|line| line.key == VERSION);
            let in_traffic = versions.filter(|line| has(&step.before[&line.instance], ROLE, ACTIVE));
            changed.extend(in_traffic.map(|line| line.instance.clone()));
        }
        changed.sort();
        changed
    }

    /// All versions that took traffic at any time, in order.
    pub(crate) fn served(&self) -> Vec<String> {
        let mut served = Vec::new();
        let mut note = |servers: &BTreeMap<String, Tags>| {
            for tags in servers.values().filter(|tags| has(tags, ROLE, ACTIVE)) {
                let version = tags.get(VERSION).cloned().unwrap_or_default();
                if !served.contains(&version) {
                    served.push(version);
                }
            }
        };
        note(&self.first);
        self.steps().iter().for_each(|step| note(&step.after));
        served
    }
}

/// Whether a write belongs to this call, which gives the same tags to all its servers. The number of a request alone does not tell:
/// the emulator counts anew once it is put back to an earlier moment.
fn is_one_call(call: &[TagWrite], line: &TagWrite) -> bool {
    let first = &call[0];
    let alike = |known: &TagWrite| (&known.key, &known.after) == (&line.key, &line.after);
    line.request.is_some()
        && first.request == line.request
        && (call.iter().any(alike)
            || (first.instance == line.instance && call.iter().all(|known| known.key < line.key)))
}

/// A write, to read.
fn shown(line: &TagWrite) -> String {
    let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    format!(
        "{} {}: {} → {}",
        line.instance,
        line.key,
        side(&line.before),
        side(&line.after)
    )
}

impl Step<'_> {
    /// The lines that take traffic away.
    fn gives_up(&self) -> impl Iterator<Item = &TagWrite> {
        let lines = self
            .call
            .iter()
            .filter(|line| line.key == ROLE && line.request.is_some());
        lines.filter(|line| line.before.as_deref() == Some(ACTIVE) && line.after.as_deref() != Some(ACTIVE))
    }

    /// The lines that bring it.
    fn comes(&self) -> impl Iterator<Item = &TagWrite> {
        let lines = self
            .call
            .iter()
            .filter(|line| line.key == ROLE && line.request.is_some());
        lines.filter(|line| line.before.as_deref() != Some(ACTIVE) && line.after.as_deref() == Some(ACTIVE))
    }
}
