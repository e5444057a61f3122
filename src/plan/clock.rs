//! When the clock leaps: (memory, now) → what is remembered, with the ages that it had when it was last looked at.
//!
//! A day without a pass and a clock that is a day ahead look alike, and so do a clock that was put back and one that had been
//! ahead. Neither may make a shrunken sheet look usual, let the day's count of unapproved changes begin anew, call a server
//! gone that is missing for five minutes, or keep any of this waiting for a time that is years away.

use chrono::{DateTime, TimeDelta, Utc};

use super::belts::DAY;
use crate::memory::{Baselines, Memory, Update};

/// Passes that are made once a day are not made on the second.
const LATE: TimeDelta = TimeDelta::minutes(1);
/// What a leap forward counts for servers that are missing: where passes are rarer than daily they come to be gone, too.
const COUNTED: TimeDelta = TimeDelta::hours(12);

/// What is remembered, if the clock leapt since the last look.
pub(super) fn after_leap(memory: &Memory, now: DateTime<Utc>) -> Option<Memory> {
    let leap = now - last_look(&memory.baselines)?;
    let back = leap < TimeDelta::zero();
    if !back && leap <= DAY + LATE {
        return None;
    }
    let by = |leap: TimeDelta| move |at: &mut DateTime<Utc>| *at = at.checked_add_signed(leap).unwrap_or(now);
    let (shift, age) = (by(leap), by(if back { leap } else { leap - COUNTED }));
    let mut memory = memory.clone();
    let base = &mut memory.baselines;
    let lists = [&mut base.server_rows, &mut base.release_rows].into_iter();
    for (at, _) in lists.chain(base.fleet.values_mut()).flatten() {
        shift(at);
    }
    base.unapproved.iter_mut().for_each(|change| shift(&mut change.at));
    for server in memory.servers.values_mut() {
        server.missing_since.iter_mut().for_each(age);
    }
    // Ahead nothing waits too long: what was to wait until now need wait no more.
    if back {
        for server in memory.servers.values_mut() {
            let retries = server
                .repeats
                .values_mut()
                .filter_map(|repeat| repeat.retry_at.as_mut());
            retries.for_each(shift);
            server.row.meant.iter_mut().for_each(|(_, at)| shift(at));
        }
        let channels = memory.channels.values_mut();
        channels.for_each(|channel| channel.row.meant.iter_mut().for_each(|(_, at)| shift(at)));
    }
    Some(memory)
}

/// When a pass last came to its end, to the hour.
fn last_look(baselines: &Baselines) -> Option<DateTime<Utc>> {
    let lists = [&baselines.server_rows, &baselines.release_rows].into_iter();
    lists.chain(baselines.fleet.values()).flatten().map(|(at, _)| *at).max()
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
