//! Order between channels: which are decided first, and which are at rest.

use std::collections::{BTreeMap, BTreeSet};

use super::cohort::Cohort;
use crate::memory::ChannelMemory;
use crate::plan::state::State;
use crate::rollout::{Rollouts, Strategy};
use crate::tag::{ChannelName, Version};

/// The channels that are known to be at rest, of those decided so far.
pub(in crate::plan) type AtRest = BTreeSet<ChannelName>;

/// The strategy that each channel goes by: that of its rollout under way, else the one that names it.
pub(in crate::plan) type GoBy<'a> = BTreeMap<&'a ChannelName, Option<&'a Strategy>>;

/// The strategies that these channels go by.
pub(in crate::plan) fn go_by<'a>(
    names: BTreeSet<&'a ChannelName>,
    rollouts: &'a Rollouts,
    memory: &BTreeMap<ChannelName, ChannelMemory>,
) -> GoBy<'a> {
    let strategy = |name: &ChannelName| match memory.get(name).and_then(|known| known.rollout.as_ref()) {
        Some(rollout) => rollouts.strategy(&rollout.strategy),
        None => rollouts.strategy_of(name),
    };
    names.into_iter().map(|name| (name, strategy(name))).collect()
}

/// The names, each after those that it waits for. A circle is a fault of the configuration; here it only loses its order.
pub(in crate::plan) fn in_order<'a>(strategies: &GoBy<'a>) -> Vec<&'a ChannelName> {
    let mut ordered = Vec::with_capacity(strategies.len());
    let mut met = BTreeSet::new();
    for name in strategies.keys() {
        visit(name, strategies, &mut met, &mut ordered);
    }
    ordered
}

fn visit<'a>(
    name: &'a ChannelName,
    strategies: &GoBy<'a>,
    met: &mut BTreeSet<&'a ChannelName>,
    ordered: &mut Vec<&'a ChannelName>,
) {
    if !met.insert(name) {
        return;
    }
    let strategy = strategies.get(name).copied().flatten();
    for other in strategy.into_iter().flat_map(|strategy| strategy.first(name)) {
        if let Some((other, _)) = strategies.get_key_value(other) {
            visit(other, strategies, met, ordered);
        }
    }
    ordered.push(name);
}

/// Whether a channel is at rest: released, no rollout under way, no version waiting that both keys name, no server behind but for
/// those that its own strategy bears, its row readable.
pub(in crate::plan) fn is_at_rest(
    memory: &ChannelMemory,
    state: State,
    agreed: Option<&Version>,
    cohort: &Cohort<'_>,
    strategy: Option<&Strategy>,
) -> bool {
    let Some(release) = &memory.release else { return false };
    let waits = agreed.is_some_and(|version| version != release);
    let stops = matches!(
        state,
        State::Error
            | State::Latched
            | State::NothingToRollBack
            | State::NotReleased
            | State::Unprotected
            | State::Belt
    );
    if memory.rollout.is_some() || waits || stops || !cohort.silent.is_empty() || !cohort.held.is_empty() {
        return false;
    }
    let behind = || {
        cohort
            .sites
            .iter()
            .filter(|site| site.carries != Some(release.as_str()))
    };
    let most = strategy.map_or(0, |strategy| strategy.max_failures.of(cohort.len()));
    behind().all(|site| site.stuck) && behind().count() as u64 <= most
}

/// The channels that a channel waits for, because they are not at rest.
pub(in crate::plan) fn waits_for(name: &ChannelName, strategies: &GoBy<'_>, at_rest: &AtRest) -> Vec<String> {
    let strategy = strategies.get(name).copied().flatten();
    let first = strategy.into_iter().flat_map(|strategy| strategy.first(name));
    let waits = first.filter(|other| !at_rest.contains(*other));
    let words = |other: &ChannelName| {
        // For one that nobody has it would wait for ever.
        let lacks = if strategies.contains_key(other) {
            ""
        } else {
            ", which has no row"
        };
        format!("{}{lacks}", crate::text::plain(other.as_str()))
    };
    waits.map(words).collect()
}

/// All channels whose servers an order between channels is about.
pub(in crate::plan) fn named<'a>(
    strategies: &GoBy<'a>,
    memory: &BTreeMap<ChannelName, ChannelMemory>,
) -> BTreeSet<&'a ChannelName> {
    let mut asked = BTreeSet::new();
    for (name, strategy) in strategies {
        let rolls = memory.get(*name).is_some_and(|known| known.rollout.is_some());
        if strategy.is_some() || rolls {
            asked.insert(*name);
        }
        let first = strategy.iter().flat_map(|strategy| strategy.first(name));
        asked.extend(first.filter_map(|other| Some(*strategies.get_key_value(other)?.0)));
    }
    asked
}
