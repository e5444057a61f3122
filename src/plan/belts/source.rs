//! The belt on a lost source: an account or region that the store knows servers of and that is no longer configured. It will not
//! answer again, and its servers may be as alive as before.

use std::collections::{BTreeMap, BTreeSet};

use super::trip::trip;
use crate::fleet::Source;
use crate::plan::inputs::Inputs;
use crate::plan::joined::{Joined, Rows, release_rows};
use crate::plan::model::Plan;
use crate::plan::policy::Belt;

/// Whether a server that is not found may be called missing.
fn may_be_missing(joined: &Joined<'_>, rows: &Rows<'_>) -> bool {
    let [first, ..] = joined.rows else { return true };
    let assigned = first.channel.as_ref().is_some_and(|channel| rows.contains_key(channel));
    assigned && !first.unreadable && !joined.disagree() && !joined.held()
}

/// Finds the sources that were lost; none of their servers is marked missing.
pub(in crate::plan) fn lost_source(inputs: Inputs<'_>, known: &[Joined<'_>], plan: &mut Plan) -> Vec<Source> {
    let mut lost: BTreeMap<&Source, usize> = BTreeMap::new();
    // Some are never called missing (on hold, in no channel): they alone would trip it again in each pass that it is let through.
    let mut at_risk: BTreeSet<&Source> = BTreeSet::new();
    let rows = release_rows(inputs);
    for joined in known {
        let Some(memory) = joined.memory else { continue };
        let Some(source) = &memory.source else { continue };
        // What was missing before is no news.
        let is_over = memory.terminated || memory.missing_since.is_some() || joined.server.is_some();
        if !is_over && !inputs.fleet.sources.contains_key(source) {
            *lost.entry(source).or_default() += 1;
            if may_be_missing(joined, &rows) {
                at_risk.insert(source);
            }
        }
    }
    lost.retain(|source, _| at_risk.contains(source));
    let mut held = Vec::new();
    for (source, count) in lost {
        let place = source.to_string();
        let servers = if count == 1 {
            "1 server".to_owned()
        } else {
            format!("{count} servers")
        };
        let so = if inputs.policy.allow.contains(&Belt::Source) {
            "they are taken for missing"
        } else {
            "nothing of it is marked missing, and no row of it should be deleted; put it back into [[aws.account]] regions"
        };
        let what = format!("{place} is no longer in the configuration, and had {servers}, which may be alive: {so}");
        if trip(plan, inputs.policy, Belt::Source, &place, what).is_some() {
            held.push(source.clone());
        }
    }
    held
}
