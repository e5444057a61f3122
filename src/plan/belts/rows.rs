//! The belt on a shrunken sheet. It counts, by their ids, rows that were lost; servers that ended take theirs with them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::ended::has_ended;
use super::trip::{DAY, percent, percent_of, reaches, trip};
use crate::memory::{Listed, ServerMemory};
use crate::plan::inputs::Inputs;
use crate::plan::joined::{Beside, Joined};
use crate::plan::model::Plan;
use crate::plan::policy::Belt;
use crate::plan::state::State;
use crate::tag::{ChannelName, ServerId};
use crate::text::few;

/// Share of the release tab's channels that may vanish.
const RELEASE_ROW_DROP: f64 = 0.5;

/// A channel that loses all its servers trips the belt from this many on.
const WHOLE_CHANNEL: usize = 3;

/// How many lost ids a message names.
const NAMED: usize = 5;

/// When the last pass was that this belt did not hold, to the hour: the day of what counts as lost ends there, so that a belt that
/// holds for days does not open by itself.
fn last_free(inputs: Inputs<'_>) -> DateTime<Utc> {
    let readings = &inputs.memory.baselines.release_rows;
    readings.last().map_or(inputs.now, |(at, _)| *at)
}

/// The channel that a server's row named in the last pass that was not held, or in the day before it.
fn had_row(memory: &ServerMemory, last: DateTime<Utc>) -> Option<&ChannelName> {
    match memory.listed() {
        Listed::In(channel) => Some(channel),
        Listed::Lost { channel, at } => (last - at <= DAY).then_some(channel),
        Listed::Unknown | Listed::Out => None,
    }
}

/// Rows that were there, of servers that have not ended, and which of them are lost.
#[derive(Default)]
pub(in crate::plan) struct Lost<'a> {
    there: usize,
    ids: Vec<&'a ServerId>,
}

/// The same of each channel.
pub(in crate::plan) type LostRows<'a> = BTreeMap<&'a ChannelName, Lost<'a>>;

/// Of each channel, the rows that were there and those that are lost.
pub(in crate::plan) fn lost<'a>(inputs: Inputs<'a>, known: &[Joined<'a>]) -> LostRows<'a> {
    let last = last_free(inputs);
    let mut channels: BTreeMap<&ChannelName, Lost<'_>> = BTreeMap::new();
    for joined in known {
        let Some(memory) = joined.memory else { continue };
        // An earlier version took any text for the id of a server.
        let counts = || joined.id.is_instance() && !has_ended(joined, Some(memory), inputs);
        let Some(channel) = had_row(memory, last).filter(|_| counts()) else {
            continue;
        };
        let entry = channels.entry(channel).or_default();
        entry.there += 1;
        if joined.named().is_none() {
            entry.ids.push(joined.id);
        }
    }
    channels
}

/// Checks whether the sheet shrank; the message holds back appends, moves, `missing` and promotions.
pub(in crate::plan) fn row_drop(inputs: Inputs<'_>, lost: &LostRows<'_>, plan: &mut Plan) -> Option<String> {
    let limit = inputs.policy.max_row_drop;
    // Switching the belt off means both tabs.
    if limit >= 1.0 {
        return None;
    }
    let tabs = [
        servers_lost(inputs, lost, limit).map(|words| (&inputs.sheet.intent.server_tab, words)),
        channels_lost(inputs).map(|words| (&inputs.sheet.intent.release_tab, words)),
    ];
    let tripped: Vec<_> = tabs.into_iter().flatten().collect();
    let (place, _) = tripped.first()?;
    let words: Vec<&str> = tripped.iter().map(|(_, words)| words.as_str()).collect();
    trip(plan, inputs.policy, Belt::RowDrop, place, words.join("; "))
}

fn servers_lost(inputs: Inputs<'_>, channels: &LostRows<'_>, limit: f64) -> Option<String> {
    let tab = &inputs.sheet.intent.server_tab;
    let there: usize = channels.values().map(|lost| lost.there).sum();
    let ids: Vec<&ServerId> = channels.values().flat_map(|lost| lost.ids.iter().copied()).collect();
    let names = |ids: &[&ServerId]| {
        let called: Vec<String> = ids.iter().map(|id| inputs.fleet.called(id)).collect();
        few(called.iter().map(String::as_str), NAMED)
    };
    let rows = "rows of servers that have not ended are gone or name no channel any more";
    let mut words = Vec::new();
    if reaches(ids.len() as u64, there as u64, limit) {
        words.push(format!(
            "{tab}: {} of the {there} {rows} ({}; limit {}, belts.max_row_drop): {}",
            ids.len(),
            percent(ids.len() as u64, there as u64),
            percent_of(limit),
            names(&ids)
        ));
    }
    let whole = channels
        .iter()
        .filter(|(_, lost)| lost.there >= WHOLE_CHANNEL && lost.ids.len() == lost.there);
    for (channel, lost) in whole {
        words.push(format!(
            "{tab}: all {} of the channel {channel} (limit: not all of {WHOLE_CHANNEL} or more, fixed): {}",
            lost.there,
            names(&lost.ids)
        ));
    }
    (!words.is_empty()).then(|| words.join("; "))
}

fn channels_lost(inputs: Inputs<'_>) -> Option<String> {
    let (there, last) = (present(inputs), last_free(inputs));
    let base = &inputs.memory.baselines.channels;
    let recent = base.iter().filter(|(_, since)| since.is_none_or(|at| last - at <= DAY));
    let recent: Vec<&ChannelName> = recent.map(|(name, _)| name).collect();
    let gone: Vec<&str> = recent
        .iter()
        .filter(|name| !there.contains(*name))
        .map(|name| name.as_str())
        .collect();
    let (lost, all) = (gone.len() as u64, recent.len() as u64);
    reaches(lost, all, RELEASE_ROW_DROP).then(|| {
        format!(
            "{}: {lost} of the {all} channels of the last 24 h have no row ({}; limit {}, fixed): {}",
            inputs.sheet.intent.release_tab,
            percent(lost, all),
            percent_of(RELEASE_ROW_DROP),
            few(gone.iter().copied(), NAMED)
        )
    })
}

/// Channels with a row.
fn present(inputs: Inputs<'_>) -> BTreeSet<&ChannelName> {
    inputs.sheet.intent.channels.iter().map(|row| &row.channel).collect()
}

/// What is remembered of the channels' rows after a pass that this belt did not hold. One that was let through starts over.
pub(super) fn channels(inputs: Inputs<'_>, anew: bool) -> BTreeMap<ChannelName, Option<DateTime<Utc>>> {
    let (there, now) = (present(inputs), inputs.now);
    let mut next = inputs.memory.baselines.channels.clone();
    for (name, since) in &mut next {
        *since = match (there.contains(name), *since) {
            (true, _) => None,
            (false, since) => since.or(Some(now)),
        };
    }
    next.retain(|_, since| since.is_none_or(|at| !anew && now - at <= DAY));
    next.extend(there.into_iter().map(|name| (name.clone(), None)));
    next
}

/// Channels that had servers in the last pass and have none now, although those have not ended: how many they were. A promotion
/// there would reach nobody.
pub(in crate::plan) fn deserted(
    inputs: Inputs<'_>,
    known: &[Joined<'_>],
    lost: &LostRows<'_>,
) -> BTreeMap<ChannelName, usize> {
    if inputs.policy.allow.contains(&Belt::RowDrop) {
        return BTreeMap::new();
    }
    let mut members: BTreeSet<&str> = BTreeSet::new();
    for joined in known {
        let channel = if joined.rows.is_empty() {
            // A live server without a row is where its tag says.
            let live = joined.live();
            live.and_then(|server| server.tag(&inputs.policy.channel_tag))
                .map(|tag| &**tag)
        } else {
            let counts = !joined.disputed() && !has_ended(joined, joined.before(), inputs);
            joined.named().filter(|_| counts).map(ChannelName::as_str)
        };
        members.extend(channel);
    }
    let channels = lost.iter().filter(|(name, _)| !members.contains(name.as_str()));
    channels.map(|(name, lost)| ((*name).clone(), lost.there)).collect()
}

/// Notes which servers have a row that names a channel, unless the belt holds. Those of a channel whose promotion waits for them
/// stay as they were.
pub(in crate::plan) fn listings(inputs: Inputs<'_>, known: &[Joined<'_>], plan: &mut Plan) {
    let own = plan.tripped.iter().find(|tripped| tripped.belt == Belt::RowDrop);
    let allowed = own.map(|tripped| tripped.allowed);
    if allowed == Some(false) {
        return;
    }
    let waiting = plan.channels.iter().filter(|channel| channel.state == State::Belt);
    let waiting: BTreeSet<&ChannelName> = waiting.map(|channel| &channel.name).collect();
    let (mut updated, mut changed) = (Beside::new(&plan.update.servers), Vec::new());
    for joined in known {
        let named = joined.named();
        if joined.memory.is_none() && named.is_none() {
            continue;
        }
        let memory = updated.at(joined.id).or(joined.memory);
        let before = memory.map_or(Listed::Unknown, |memory| memory.listed());
        let next = match (named, before) {
            (_, Listed::In(channel) | Listed::Lost { channel, .. }) if waiting.contains(channel) => continue,
            // Until its rows agree it stays where it was.
            (Some(_), Listed::In(_)) if joined.disputed() => continue,
            (Some(channel), _) => Listed::In(channel),
            (None, Listed::In(_) | Listed::Lost { .. })
                if allowed == Some(true) || has_ended(joined, memory.map(|memory| &**memory), inputs) =>
            {
                Listed::Out
            }
            (None, Listed::In(channel)) => Listed::Lost {
                channel,
                at: inputs.now,
            },
            (None, Listed::Lost { at, .. }) if inputs.now - at > DAY => Listed::Out,
            (None, before) => before,
        };
        if memory.map(|m| Listed::of(&m.listing)) != Some(next) {
            let listing = next.into();
            let mut memory = memory.cloned().unwrap_or_default();
            Arc::make_mut(&mut memory).listing = listing;
            changed.push((joined.id.clone(), memory));
        }
    }
    plan.update.servers.extend(changed);
}
