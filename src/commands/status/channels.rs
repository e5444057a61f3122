//! The channels as `status` shows them: as a pass told them, as long as their releases have not moved since; else as the store
//! remembers them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::memory::{ChannelMemory, Latch, Memory, Move, Told};
use crate::plan::{Phase, State};
use crate::report::{self, remembered_rollout};
use crate::tag::{ChannelName, TagKey, Version};

/// One line each, by name. A rollback by command, or a pass that was killed, moves a release that no pass has told yet.
pub(super) fn channels(told: Option<&Told>, memory: &Memory, version_tag: &TagKey) -> Vec<Value> {
    let told = told.map_or(&[][..], |told| &told.channels);
    let named = |line: &Value| Some((line["channel"].as_str()?.to_owned(), line.clone()));
    let mut lines: BTreeMap<String, Value> = told.iter().filter_map(named).collect();
    for (name, known) in &memory.channels {
        let is_current = lines.get(name.as_str()).is_some_and(|line| tells(line, known));
        if !is_current {
            lines.insert(name.to_string(), remembered(name, known, memory, version_tag));
        }
    }
    lines.into_values().collect()
}

fn text(version: Option<&Version>) -> &str {
    version.map_or("", Version::as_str)
}

/// Whether a line tells of the versions that are remembered.
fn tells(line: &Value, known: &ChannelMemory) -> bool {
    line["release"] == text(known.release.as_ref()) && line["previous"] == text(known.prior.as_ref())
}

fn remembered(name: &ChannelName, known: &ChannelMemory, memory: &Memory, version_tag: &TagKey) -> Value {
    let (mut servers, mut on_release, mut held) = (0_u64, 0_u64, 0_u64);
    for server in memory.servers.values() {
        if server.channel.as_ref() != Some(name) || server.terminated || server.missing_since.is_some() {
            continue;
        }
        servers += 1;
        held += u64::from(server.held);
        let seen = server.seen.get(version_tag).map(|seen| &**seen);
        on_release += u64::from(!server.held && seen.is_some() && seen == known.release.as_ref().map(Version::as_str));
    }
    let (mut words, state) = match (&known.latch, known.moved) {
        (Some(Latch::Served { from }), Move::Rollback) => {
            (vec![format!("rolled back from {from}")], Some(State::RolledBack.word()))
        }
        _ => (Vec::new(), None),
    };
    let rollout = remembered_rollout(name, known, memory, "not told by a pass yet");
    let state = match &rollout {
        Some(rollout) => {
            words.push(rollout.status(rollout.carrying));
            let paused = rollout.state == Phase::Paused;
            Some(if paused { State::Paused } else { State::Rolling }.word())
        }
        None => state,
    };
    let concerned = servers - held;
    if let Some(release) = known.release.as_ref().filter(|_| on_release < concerned) {
        words.push(format!("{on_release}/{concerned} on {release}"));
    }
    json!({
        "channel": name, "release": text(known.release.as_ref()), "previous": text(known.prior.as_ref()),
        "status": words.join(" · "), "state": state, "servers": servers, "on_release": on_release, "held": held,
        "rollout": report::rollout(rollout.as_ref()),
    })
}
