//! The belt on a shrunken fleet: servers that a region showed and that vanish from its answer without having been seen to end.

use std::collections::BTreeMap;

use super::trip::{DAY, percent, percent_of, reaches, trip};
use crate::fleet::Source;
use crate::plan::inputs::Inputs;
use crate::plan::joined::Joined;
use crate::plan::model::Plan;
use crate::plan::policy::Belt;

/// Live servers of each source that answered, by its display name.
pub(super) fn counts(inputs: Inputs<'_>) -> BTreeMap<String, u64> {
    let answered = inputs.fleet.sources.iter().filter(|(_, error)| error.is_none());
    let mut live: BTreeMap<&Source, u64> = answered.map(|(source, _)| (source, 0)).collect();
    for server in inputs.fleet.servers.values().filter(|s| s.state.is_live()) {
        *live.entry(&server.source).or_insert(0) += 1;
    }
    let mut counts = BTreeMap::new();
    for (source, count) in live {
        *counts.entry(source.to_string()).or_insert(0) += count;
    }
    counts
}

/// Finds the sources that shrank; none of their servers is marked missing.
pub(in crate::plan) fn fleet_drop(inputs: Inputs<'_>, known: &[Joined<'_>], plan: &mut Plan) -> Vec<Source> {
    let policy = inputs.policy;
    let mut shrunken = Vec::new();
    for (source, (lost, shown)) in drops(inputs, known) {
        if !reaches(lost, shown, policy.max_fleet_drop) {
            continue;
        }
        let place = source.to_string();
        let held = if policy.allow.contains(&Belt::FleetDrop) {
            ""
        } else {
            "; none of its servers is marked missing"
        };
        let what = format!(
            "{place} does not show {lost} of the {shown} servers that it showed in the last 24 h and that were not seen to end \
             ({}; limit {}, belts.max_fleet_drop){held}",
            percent(lost, shown),
            percent_of(policy.max_fleet_drop),
        );
        if trip(plan, policy, Belt::FleetDrop, &place, what).is_some() {
            shrunken.push(source.clone());
        }
    }
    shrunken
}

/// Of each source that answered, by servers that are remembered and have not ended: how many its answer lacks, of how many that it
/// showed in the last day.
fn drops<'a>(inputs: Inputs<'a>, known: &[Joined<'a>]) -> BTreeMap<&'a Source, (u64, u64)> {
    let let_through = |source: &Source| inputs.memory.baselines.let_through.get(&source.to_string());
    let mut drops: BTreeMap<&Source, (u64, u64)> = BTreeMap::new();
    for joined in known {
        let Some(memory) = joined.memory else { continue };
        let Some(source) = &memory.source else { continue };
        let old = memory
            .missing_since
            .is_some_and(|since| inputs.now - since > DAY || let_through(source).is_some_and(|at| since <= *at));
        let ended = match joined.server {
            Some(server) => !server.state.is_live(),
            None => memory.terminated,
        };
        if old || ended || inputs.fleet.sources.get(source) != Some(&None) {
            continue;
        }
        let (lost, shown) = drops.entry(source).or_default();
        *shown += 1;
        *lost += u64::from(joined.server.is_none());
    }
    drops
}
