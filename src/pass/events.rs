//! What a pass did that people may ask about later: events for the history, and those that the audit tab has yet to show.

use chrono::{DateTime, Utc};

use super::input::PassInput;
use crate::memory::{Event, Memory, Update};
use crate::observe::AUDIT_LOOK;
use crate::plan::{Happening, Plan};

/// Events that wait for the audit tab; should it take none for long, the oldest are left to the store's history.
const UNLOGGED_MAX: usize = 1000;

/// What a pass that was stopped before it wrote anything remembers.
pub(super) fn of_stop(input: &PassInput<'_>, memory: &Memory, plan: &Plan) -> Update {
    let mut update = plan.update.clone();
    update.events = events(&plan.happenings, input.run, input.now);
    update.unlogged = unlogged(memory, &update.events, true, input.now);
    update
}

/// The events that the audit tab has yet to show, if that changes. Without a tab only the newest are kept, for one that was just
/// made and not yet seen.
pub(super) fn unlogged(memory: &Memory, new: &[Event], has_tab: bool, now: DateTime<Utc>) -> Option<Vec<Event>> {
    let mut all: Vec<Event> = memory.unlogged.iter().chain(new).cloned().collect();
    all.drain(..all.len().saturating_sub(UNLOGGED_MAX));
    all.retain(|event| has_tab || (now - event.time).abs() <= AUDIT_LOOK);
    (all != memory.unlogged).then_some(all)
}

pub(super) fn events(happenings: &[Happening], run: &str, now: DateTime<Utc>) -> Vec<Event> {
    let one = |happening: &Happening| Event {
        time: now,
        run: run.to_owned(),
        channel: happening.channel.clone(),
        event: happening.event.to_owned(),
        from: happening.from.clone(),
        to: happening.to.clone(),
        detail: happening.detail.clone(),
    };
    happenings.iter().map(one).collect()
}
