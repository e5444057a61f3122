//! Handles a clock that was set back: (memory, now) → the memory with the ages that it had at the last pass.
//!
//! Remembered times in the future would make everything that depends on them wait for years: a missing server, the day's count
//! of unapproved changes, a contested tag. A clock that is ahead needs no handling: it looks like time without passes, and a
//! cloud refuses requests from a clock that is far off.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::memory::{Advance, Listing, Memory, Rollout, Update};

/// The corrected memory, if the clock was set back since the last pass.
pub(super) fn after_leap(memory: &Memory, now: DateTime<Utc>) -> Option<Memory> {
    let leap = now - last_look(memory)?;
    if leap >= TimeDelta::zero() {
        return None;
    }
    let shift = |at: &mut DateTime<Utc>| *at = at.checked_add_signed(leap).unwrap_or(now);
    let mut memory = memory.clone();
    let base = &mut memory.baselines;
    let lists = [&mut base.server_rows, &mut base.release_rows].into_iter();
    for (at, _) in lists.chain(base.fleet.values_mut()).flatten() {
        shift(at);
    }
    base.let_through.values_mut().for_each(shift);
    base.channels.values_mut().flatten().for_each(shift);
    base.unapproved.iter_mut().for_each(|change| shift(&mut change.at));
    for server in memory.servers.values_mut() {
        let server = Arc::make_mut(server);
        server.missing_since.iter_mut().for_each(shift);
        server
            .refused
            .iter_mut()
            .for_each(|refused| shift(&mut refused.retry_at));
        if let Listing::Lost { at, .. } = &mut server.listing {
            shift(at);
        }
        let repeats = server.repeats.values_mut();
        repeats.filter_map(|repeat| repeat.retry_at.as_mut()).for_each(shift);
        server.row.meant.iter_mut().for_each(|(_, at)| shift(at));
    }
    for channel in memory.channels.values_mut() {
        channel.row.meant.iter_mut().for_each(|(_, at)| shift(at));
        channel.rollout.iter_mut().flat_map(Rollout::times).for_each(shift);
        if let Some(Advance::Waits { at, .. }) = &mut channel.advance {
            shift(at);
        }
    }
    Some(memory)
}

/// When the last pass ended: to the hour, and while a rollout is under way to its last reading.
fn last_look(memory: &Memory) -> Option<DateTime<Utc>> {
    let baselines = &memory.baselines;
    let lists = [&baselines.server_rows, &baselines.release_rows].into_iter();
    let looks = lists.chain(baselines.fleet.values()).flatten().map(|(at, _)| *at);
    let rollouts = memory.channels.values().filter_map(|known| known.rollout.as_ref());
    looks.chain(rollouts.map(Rollout::latest)).max()
}

/// Adds to `update` what differs from `before` and is not said there already.
pub(super) fn keep(moved: &Memory, before: &Memory, update: &mut Update) {
    if update.baselines.is_none() && moved.baselines != before.baselines {
        update.baselines = Some(moved.baselines.clone());
    }
    for (id, server) in &moved.servers {
        if before.servers.get(id) != Some(server) && !update.forget_servers.contains(id) {
            update.servers.entry(id.clone()).or_insert_with(|| server.clone());
        }
    }
    for (name, channel) in &moved.channels {
        if before.channels.get(name) != Some(channel) {
            update.channels.entry(name.clone()).or_insert_with(|| channel.clone());
        }
    }
}
