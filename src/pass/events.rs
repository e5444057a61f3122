//! What a pass did that people may ask about later: events for the history, and those that the audit tab has yet to show.

use chrono::{DateTime, Utc};

use super::{AUDIT_LOOK, Order};
use crate::memory::{Event, Memory, Store, StoreError, Update};
use crate::plan::Plan;

/// Events that wait for the audit tab; should it take none for long, the oldest are left to the store's history.
const UNLOGGED_MAX: usize = 1000;

/// A stopped pass writes nothing but that it was stopped, in its own store.
pub(super) async fn remember_stop(
    order: &Order<'_>,
    store: &dyn Store,
    planned: &Plan,
    memory: &Memory,
) -> Result<(), StoreError> {
    let mut update = planned.update.clone();
    update.events = events(planned, order);
    update.unlogged = unlogged(memory, &update.events, true, order.now);
    if update == Update::default() {
        return Ok(());
    }
    store.commit(&update).await
}

/// The events that the audit tab has yet to show, if that changes. Without a tab only the newest are kept, for one that was just
/// made and not yet seen.
pub(super) fn unlogged(memory: &Memory, new: &[Event], has_tab: bool, now: DateTime<Utc>) -> Option<Vec<Event>> {
    let mut all: Vec<Event> = memory.unlogged.iter().chain(new).cloned().collect();
    all.drain(..all.len().saturating_sub(UNLOGGED_MAX));
    all.retain(|event| has_tab || (now - event.time).abs() <= AUDIT_LOOK);
    (all != memory.unlogged).then_some(all)
}

pub(super) fn events(planned: &Plan, order: &Order<'_>) -> Vec<Event> {
    let one = |h: &crate::plan::Happening| Event {
        time: order.now,
        run: order.run.to_owned(),
        channel: h.channel.clone(),
        event: h.event.to_owned(),
        from: h.from.clone(),
        to: h.to.clone(),
        detail: h.detail.clone(),
    };
    planned.happenings.iter().map(one).collect()
}
