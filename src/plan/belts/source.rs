//! The belt on a lost source: an account or region that the store knows servers of and that is no longer configured. It will not
//! answer again, and its servers may be as alive as before.

use std::collections::BTreeMap;

use super::trip::trip;
use crate::fleet::Source;
use crate::plan::inputs::Inputs;
use crate::plan::model::Plan;
use crate::plan::policy::Belt;

/// Finds the sources that were lost; none of their servers is marked missing.
pub(in crate::plan) fn lost_source(inputs: Inputs<'_>, plan: &mut Plan) -> Vec<Source> {
    let mut lost: BTreeMap<&Source, usize> = BTreeMap::new();
    for (id, memory) in &inputs.memory.servers {
        let Some(source) = &memory.source else { continue };
        // What was missing before is no news.
        let is_over = memory.terminated || memory.missing_since.is_some() || inputs.fleet.servers.contains_key(id);
        if !is_over && !inputs.fleet.sources.contains_key(source) {
            *lost.entry(source).or_default() += 1;
        }
    }
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
