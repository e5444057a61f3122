//! What is remembered, as of a clock that was set back, worked out anew: every time is as long ago as it was when last looked at.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::memory::{Advance, Baselines, ChannelMemory, Listing, Memory, Rollout, ServerMemory};

/// Moves a time.
struct Move {
    by: TimeDelta,
    now: DateTime<Utc>,
}

/// The memory by which a pass of this time decides.
pub(super) fn aged(memory: &Memory, now: DateTime<Utc>) -> Memory {
    let mut aged = memory.clone();
    let Some(last) = last(memory).filter(|last| *last > now) else {
        return aged;
    };
    let back = Move { by: last - now, now };
    back.baselines(&mut aged.baselines);
    for server in aged.servers.values_mut() {
        back.server(Arc::make_mut(server));
    }
    aged.channels.values_mut().for_each(|channel| back.channel(channel));
    aged
}

/// The latest time at which a pass looked at something.
fn last(memory: &Memory) -> Option<DateTime<Utc>> {
    let base = &memory.baselines;
    let counts = base.fleet.values().chain([&base.server_rows, &base.release_rows]);
    let mut looks: Vec<DateTime<Utc>> = counts.flatten().map(|(at, _)| *at).collect();
    for rollout in memory.channels.values().filter_map(|known| known.rollout.as_ref()) {
        looks.push(rollout.began);
        looks.extend(rollout.first_move);
        looks.extend(rollout.settled);
        looks.extend(rollout.gates.values().filter_map(|tally| tally.began));
    }
    looks.into_iter().max()
}

impl Move {
    fn one(&self, at: &mut DateTime<Utc>) {
        *at = at.checked_sub_signed(self.by).unwrap_or(self.now);
    }

    fn all<'t>(&self, times: impl IntoIterator<Item = &'t mut DateTime<Utc>>) {
        times.into_iter().for_each(|at| self.one(at));
    }

    fn baselines(&self, base: &mut Baselines) {
        for counts in base.fleet.values_mut() {
            self.all(counts.iter_mut().map(|(at, _)| at));
        }
        self.all(base.server_rows.iter_mut().map(|(at, _)| at));
        self.all(base.release_rows.iter_mut().map(|(at, _)| at));
        self.all(base.let_through.values_mut());
        self.all(base.channels.values_mut().flatten());
        self.all(base.unapproved.iter_mut().map(|change| &mut change.at));
    }

    fn server(&self, server: &mut ServerMemory) {
        self.all(&mut server.missing_since);
        if let Some(refused) = &mut server.refused {
            self.one(&mut refused.retry_at);
        }
        self.all(
            server
                .repeats
                .values_mut()
                .filter_map(|repeat| repeat.retry_at.as_mut()),
        );
        if let Listing::Lost { at, .. } = &mut server.listing {
            self.one(at);
        }
        self.all(server.row.meant.iter_mut().map(|(_, at)| at));
    }

    fn channel(&self, channel: &mut ChannelMemory) {
        self.all(channel.row.meant.iter_mut().map(|(_, at)| at));
        if let Some(rollout) = &mut channel.rollout {
            self.rollout(rollout);
        }
        if let Some(Advance::Waits { at, .. }) = &mut channel.advance {
            self.one(at);
        }
    }

    fn rollout(&self, rollout: &mut Rollout) {
        self.one(&mut rollout.began);
        self.all(&mut rollout.first_move);
        self.all(&mut rollout.settled);
        self.all(&mut rollout.held_since);
        self.all(rollout.switch.iter_mut().filter_map(|switch| switch.whole.as_mut()));
        if let Some(failed) = &mut rollout.failed {
            self.one(&mut failed.at);
        }
        self.all(rollout.gates.values_mut().filter_map(|tally| tally.began.as_mut()));
        for wave in &mut rollout.past {
            self.one(&mut wave.began);
            self.one(&mut wave.ended);
        }
    }
}
