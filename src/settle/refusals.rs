//! What is remembered of refusals that come again: the pauses between tries grow, and end for all that were refused alike when one
//! of them is taken.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;

use crate::fleet::{Outcome, Outcomes, Reach, Source};
use crate::memory::{Refused, Update};
use crate::plan::{Inputs, Plan, ServerPlan, ServerStatus};

/// The first pause, in minutes; doubled each time up to a day.
const PAUSE: i64 = 15;

/// Remembers the refusal of a server's changes. One that was tried before its time, and refused in the same words, changes nothing.
pub(super) fn note(inputs: Inputs<'_>, server: &ServerPlan, outcome: Option<&Outcome>, update: &mut Update) {
    let Some(Outcome::Failed {
        message,
        refused: Some(reach),
        ..
    }) = outcome
    else {
        return;
    };
    let why = message.replace(server.id.as_str(), "…");
    let before = inputs.memory.servers.get(&server.id).and_then(|m| m.refused.as_ref());
    let same = before.filter(|before| before.is_of(&server.changes) && before.why == why);
    if same.is_some_and(|same| inputs.now < same.retry_at) {
        return;
    }
    let tries = same.map_or(1, |same| same.tries.saturating_add(1));
    let pause = TimeDelta::minutes((PAUSE << (tries - 1).min(7)).min(24 * 60));
    let known = update
        .servers
        .get(&server.id)
        .or_else(|| inputs.memory.servers.get(&server.id));
    let mut next = known.cloned().unwrap_or_default();
    Arc::make_mut(&mut next).refused = Some(Refused {
        tags: server
            .changes
            .iter()
            .map(|c| (c.tag.clone(), c.after.clone()))
            .collect(),
        why,
        reach: *reach,
        tries,
        retry_at: inputs.now.checked_add_signed(pause).unwrap_or(inputs.now),
    });
    update.servers.insert(server.id.clone(), next);
}

/// Lets all go that were refused like one that is taken now.
pub(super) fn end(inputs: Inputs<'_>, plan: &Plan, outcomes: Option<&Outcomes>, update: &mut Update) {
    let taken = plan
        .servers
        .iter()
        .filter(|server| outcomes.and_then(|all| all.get(&server.id)) == Some(&Outcome::Done));
    let ended: BTreeSet<(&Source, &str)> = taken
        .filter_map(|server| {
            let memory = inputs.memory.servers.get(&server.id)?;
            let refused = memory
                .refused
                .as_ref()
                .filter(|refused| refused.reach == Reach::Alike)?;
            Some((memory.source.as_ref()?, refused.why.as_str()))
        })
        .collect();
    if ended.is_empty() {
        return;
    }
    for server in &plan.servers {
        let ServerStatus::Refused(refused) = &server.status else {
            continue;
        };
        let Some(memory) = inputs.memory.servers.get(&server.id) else {
            continue;
        };
        let is_ended = memory
            .source
            .as_ref()
            .is_some_and(|source| ended.contains(&(source, refused.why.as_str())));
        if is_ended {
            let mut next = update.servers.get(&server.id).unwrap_or(memory).clone();
            Arc::make_mut(&mut next).refused = None;
            update.servers.insert(server.id.clone(), next);
        }
    }
}
