//! The rollout of a channel in reports: as JSON, and, where a pass did not get to decide about it, as it is remembered.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::gate::Reading;
use crate::memory::{ChannelMemory, Memory};
use crate::plan::{GateLine, Phase, RolloutPlan, RolloutRule};
use crate::rollout::{ColourPhase, Size};
use crate::tag::ChannelName;

/// The object, or null where no rollout is under way.
#[must_use]
pub fn rollout(rollout: Option<&RolloutPlan>) -> Value {
    let Some(rollout) = rollout else { return Value::Null };
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    json!({
        "version": rollout.version,
        "former": rollout.former,
        "strategy": rollout.strategy,
        // Waves have none.
        "phase": rollout.phase.map(ColourPhase::word),
        "wave": rollout.wave,
        "waves": rollout.waves,
        "to": rollout.to,
        "members": rollout.members,
        "carrying": rollout.carrying,
        "state": rollout.state.word(),
        "why": rollout.why,
        "since": time(rollout.since),
        "not_before": rollout.not_before.map(time),
        "gates": rollout.gates.iter().map(gate).collect::<Vec<_>>(),
    })
}

fn gate(line: &GateLine) -> Value {
    let reading = &line.reading;
    json!({
        "gate": line.gate,
        "reading": reading.verdict.words(),
        "value": reading.value,
        "compared": reading.compared,
        "limit": reading.limit,
        "samples": reading.samples,
        "passes": line.passes,
        "failures": line.failures,
        "asked": line.asked,
    })
}

/// The rollout as the store remembers it, where no pass has told it: `why` says so.
#[must_use]
pub fn remembered_rollout(
    name: &ChannelName,
    channel: &ChannelMemory,
    memory: &Memory,
    why: &str,
) -> Option<RolloutPlan> {
    let (rollout, version) = (channel.rollout.as_ref()?, channel.release.clone()?);
    let id = rollout.id(name);
    let servers = memory.servers.values().map(|server| &**server);
    let taken = servers.filter(|server| !server.terminated && server.is_member(&id));
    let (mut members, mut carrying) = (0, 0);
    for server in taken {
        members += 1;
        // The store does not know which tag is the version's: another with the same value is counted, too.
        carrying += u64::from(server.seen.values().any(|seen| **seen == *version.as_str()));
    }
    let gate = |(name, tally): (&String, &crate::memory::Tally)| GateLine {
        gate: name.clone(),
        reading: Reading::no_data("it was not asked"),
        left_out: false,
        report_only: false,
        passes: tally.passes_in_a_row(),
        needed: 0,
        failures: tally.failures_in_a_row(),
        asked: Vec::new(),
    };
    Some(RolloutPlan {
        version: version.clone(),
        former: channel.prior.clone(),
        strategy: rollout.strategy.clone(),
        phase: rollout.phase(),
        wave: rollout.wave + 1,
        waves: rollout.waves.len(),
        to: match rollout.phase() {
            Some(phase) => phase.to_string(),
            None => rollout
                .waves
                .get(rollout.wave)
                .map_or_else(|| Size::ALL.to_string(), |wave| wave.to.to_string()),
        },
        size: members,
        members,
        carrying,
        stuck: 0,
        state: if rollout.paused { Phase::Paused } else { Phase::Waiting },
        rule: RolloutRule::Moves,
        why: why.to_owned(),
        since: rollout.began,
        not_before: None,
        gates: rollout.gates.iter().map(gate).collect(),
    })
}
