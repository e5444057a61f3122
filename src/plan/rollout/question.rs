//! Which gates are asked in a pass: those of rollouts under way beside sheet and fleet, others once the sheet is read.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::gate::Gate;
use crate::memory::{ChannelMemory, Memory};
use crate::plan::gate::{Ask, Cohorts, ask};
use crate::plan::policy::Policy;
use crate::sheet::intent::{Intent, ReleaseRow};
use crate::tag::{ChannelName, Version};

/// One gate of one channel, and what to ask for it.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The channel.
    pub channel: ChannelName,
    /// The gate.
    pub gate: &'a Gate,
    /// What to ask.
    pub ask: Ask,
}

/// The gates of rollouts under way. They follow from what is remembered, so they can be asked while the sheet is still being read, and
/// where it cannot be read.
#[must_use]
pub fn questions_under_way<'a>(memory: &Memory, policy: &'a Policy, now: DateTime<Utc>) -> Vec<Question<'a>> {
    let channels = memory.channels.iter();
    channels
        .flat_map(|(name, known)| under_way(name, known, policy, now))
        .collect()
}

/// The gates that look at no version, of rollouts that could start: both keys in the sheet name another version.
#[must_use]
pub fn questions_before_start<'a>(
    intent: &Intent,
    memory: &Memory,
    policy: &'a Policy,
    now: DateTime<Utc>,
) -> Vec<Question<'a>> {
    let rollouts = &policy.rollouts;
    let rows = || intent.channels.iter();
    let names: BTreeSet<&ChannelName> = rows().map(|row| &row.channel).collect();
    let mut all = Vec::new();
    for name in names {
        let known = memory.channels.get(name);
        let is_under_way = known.is_some_and(|known| known.rollout.is_some());
        let Some(strategy) = rollouts.strategy_of(name).filter(|_| !is_under_way) else {
            continue;
        };
        let release = known.and_then(|known| known.release.as_ref());
        let mixed = known.is_some_and(|known| known.mixed);
        let own = rows().filter(|row| row.channel == *name);
        let could_start = |version: &&Version| mixed || release != Some(*version);
        let Some(version) = own.filter_map(asked_for).find(could_start) else {
            continue;
        };
        for gate in rollouts
            .gates_of(strategy)
            .filter(|gate| gate.is_asked() && !gate.is_of_a_version())
        {
            let cohorts = Cohorts {
                channel: name.as_str(),
                version: version.as_str(),
                former: release.map(Version::as_str),
                last_wave: false,
            };
            all.push(Question {
                channel: name.clone(),
                gate,
                ask: ask(gate, &cohorts, None, now),
            });
        }
    }
    all
}

/// The version that both keys of a row name.
fn asked_for(row: &ReleaseRow) -> Option<&Version> {
    row.key_a.version().filter(|a| Some(*a) == row.key_b.version())
}

fn under_way<'a>(
    name: &ChannelName,
    known: &ChannelMemory,
    policy: &'a Policy,
    now: DateTime<Utc>,
) -> Vec<Question<'a>> {
    let (Some(rollout), Some(release)) = (&known.rollout, &known.release) else {
        return Vec::new();
    };
    let Some(strategy) = policy.rollouts.strategy(&rollout.strategy) else {
        return Vec::new();
    };
    let cohorts = Cohorts {
        channel: name.as_str(),
        version: release.as_str(),
        former: known.prior.as_ref().map(Version::as_str),
        last_wave: rollout.is_last_wave(),
    };
    let since = rollout.settled.or(rollout.first_move);
    let question = |gate: &'a Gate| Question {
        channel: name.clone(),
        gate,
        ask: ask(gate, &cohorts, since, now),
    };
    let asked = policy.rollouts.gates_of(strategy).filter(|gate| gate.is_asked());
    asked.map(question).collect()
}
