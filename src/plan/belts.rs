//! Safety limits on what vanishes, each with its arithmetic in its message: counted, total, limit and the setting's name.

mod trip;
mod unapproved;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::inputs::Inputs;
use super::model::{Plan, Tripped};
use super::policy::Belt;
use crate::fleet::Source;
use crate::memory::{Baselines, Reading, Unapproved};
use trip::{DAY, SLACK, percent, share, trip};
pub(super) use unapproved::unapproved;

/// Share of the release tab's rows that may vanish.
const RELEASE_ROW_DROP: f64 = 0.5;
/// What the belts count, once in a pass.
pub(super) struct Counts<'a> {
    /// Rows of servers that have not ended.
    server_rows: u64,
    /// Channels with a row.
    release_rows: u64,
    /// Live servers of each source that answered.
    sources: BTreeMap<&'a Source, u64>,
}

impl<'a> Counts<'a> {
    pub(super) fn new(inputs: Inputs<'a>) -> Self {
        let channels = inputs.sheet.intent.channels.iter().map(|row| &row.channel);
        Self {
            server_rows: live_rows(inputs),
            release_rows: channels.collect::<BTreeSet<_>>().len() as u64,
            sources: sources(inputs),
        }
    }
}

fn live_rows(inputs: Inputs<'_>) -> u64 {
    let dead = |id| match inputs.fleet.servers.get(id) {
        Some(server) => !server.state.is_live(),
        None => inputs
            .memory
            .servers
            .get(id)
            .is_some_and(|m| m.terminated || m.missing_since.is_some_and(|since| inputs.now - since >= DAY)),
    };
    let ids = inputs.sheet.intent.servers.iter().map(|row| &row.id);
    ids.filter(|id| !dead(*id)).collect::<BTreeSet<_>>().len() as u64
}

fn sources(inputs: Inputs<'_>) -> BTreeMap<&Source, u64> {
    let answered = inputs.fleet.sources.iter().filter(|(_, error)| error.is_none());
    let mut counts: BTreeMap<&Source, u64> = answered.map(|(source, _)| (source, 0)).collect();
    for server in inputs.fleet.servers.values().filter(|s| s.state.is_live()) {
        *counts.entry(&server.source).or_insert(0) += 1;
    }
    counts
}

/// The highest reading of the last 24 hours, or the last one if all are older: a long outage must not disable a belt.
fn most(readings: &[Reading], now: DateTime<Utc>) -> Option<u64> {
    let recent = readings.iter().filter(|(at, _)| now - *at <= DAY);
    let recent = recent.map(|(_, count)| *count).max();
    recent.or_else(|| readings.last().map(|(_, count)| *count))
}

/// What a count fell from and by which share, if that trips a belt.
fn fell(readings: &[Reading], count: u64, limit: f64, now: DateTime<Utc>) -> Option<(u64, f64)> {
    let most = most(readings, now)?;
    let drop = share(most.saturating_sub(count), most);
    (limit < 1.0 && most > count && drop + SLACK >= limit).then_some((most, drop))
}

/// Checks whether the sheet shrank; the message holds back appends, moves, `missing` and promotions.
pub(super) fn row_drop(inputs: Inputs<'_>, counts: &Counts<'_>, plan: &mut Plan) -> Option<String> {
    let base = &inputs.memory.baselines;
    let limit = inputs.policy.max_row_drop;
    // Switching the belt off means both tabs.
    let release_limit = if limit < 1.0 { RELEASE_ROW_DROP } else { 1.0 };
    let (servers, release) = (&inputs.sheet.intent.server_tab, &inputs.sheet.intent.release_tab);
    let tabs = [
        (
            servers,
            &base.server_rows,
            counts.server_rows,
            limit,
            "belts.max_row_drop",
        ),
        (release, &base.release_rows, counts.release_rows, release_limit, "fixed"),
    ];
    let (mut words, mut place) = (Vec::new(), None);
    for (title, readings, count, limit, setting) in tabs {
        if let Some((most, drop)) = fell(readings, count, limit, inputs.now) {
            words.push(format!(
                "{title} has {count} live rows, {} fewer than the {most} of the last 24 h (limit {}, {setting})",
                percent(drop),
                percent(limit)
            ));
            place.get_or_insert(title);
        }
    }
    trip(plan, inputs.policy, Belt::RowDrop, place?, words.join("; "))
}

/// Finds the sources that shrank; none of their servers is marked missing.
pub(super) fn fleet_drop(inputs: Inputs<'_>, counts: &Counts<'_>, plan: &mut Plan) -> Vec<Source> {
    let policy = inputs.policy;
    let mut shrunken = Vec::new();
    for (source, count) in &counts.sources {
        let place = source.to_string();
        let readings = inputs.memory.baselines.fleet.get(&place).map_or(&[][..], Vec::as_slice);
        let Some((most, drop)) = fell(readings, *count, policy.max_fleet_drop, inputs.now) else {
            continue;
        };
        let what = format!(
            "{place} answers with {count} servers, {} fewer than the {most} of the last 24 h (limit {}, belts.max_fleet_drop){}",
            percent(drop),
            percent(policy.max_fleet_drop),
            if policy.allow.contains(&Belt::FleetDrop) {
                ""
            } else {
                "; none of its servers is marked missing"
            }
        );
        if trip(plan, policy, Belt::FleetDrop, &place, what).is_some() {
            shrunken.push((*source).clone());
        }
    }
    shrunken
}

/// The baselines after this pass: they move only where no belt tripped, and start over where one was let through.
pub(super) fn baselines(
    inputs: Inputs<'_>,
    counts: &Counts<'_>,
    counted: Vec<Unapproved>,
    tripped: &[Tripped],
) -> Baselines {
    let Inputs { memory, now, .. } = inputs;
    let mut next = memory.baselines.clone();
    let state = |belt: Belt| tripped.iter().find(|t| t.belt == belt).map(|t| t.allowed);
    let move_on = |readings: &mut Vec<Reading>, count: u64, tripped: Option<bool>| match tripped {
        Some(false) => {}
        Some(true) => *readings = vec![(now, count)],
        None => push(readings, count, now),
    };
    // A partial view of the fleet cannot tell which rows are live.
    if inputs.fleet.complete() {
        let rows = state(Belt::RowDrop);
        move_on(&mut next.server_rows, counts.server_rows, rows);
        move_on(&mut next.release_rows, counts.release_rows, rows);
    }
    for (source, count) in &counts.sources {
        let place = source.to_string();
        let own = tripped.iter().find(|t| t.belt == Belt::FleetDrop && t.place == place);
        let own = own.map(|t| t.allowed);
        move_on(next.fleet.entry(place).or_default(), *count, own);
    }
    next.unapproved.retain(|u| now - u.at <= DAY);
    if state(Belt::Unapproved) == Some(true) {
        next.unapproved.clear();
    }
    for change in counted {
        next.unapproved
            .retain(|u| (&u.server, &u.from) != (&change.server, &change.from));
        next.unapproved.push(change);
    }
    next
}

/// Adds a reading. Two that say the same in one hour are one, so that a day of passes stays a short list.
fn push(readings: &mut Vec<Reading>, count: u64, now: DateTime<Utc>) {
    let keep = readings
        .iter()
        .rposition(|(at, _)| now - *at > DAY)
        .map_or(0, |i| i + 1);
    readings.drain(..keep.min(readings.len()));
    match readings.last() {
        Some((at, last)) if *last == count && now - *at < TimeDelta::hours(1) && now >= *at => {}
        _ => readings.push((now, count)),
    }
}
