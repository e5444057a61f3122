//! Safety limits on what vanishes, each with its arithmetic in its message: counted, total, limit and the setting's name.

mod ended;
mod fleet;
mod rows;
mod source;
mod trip;
mod unapproved;

use chrono::{DateTime, TimeDelta, Utc};

use super::inputs::Inputs;
use super::model::Tripped;
use super::policy::Belt;
use crate::memory::{Baselines, Reading, Unapproved};
pub(super) use fleet::fleet_drop;
pub(super) use rows::{LostRows, deserted, listings, lost, row_drop};
pub(super) use source::lost_source;
use trip::DAY;
pub(super) use unapproved::unapproved;

/// The baselines after this pass: they move only where no belt tripped, and start over where one was let through.
pub(super) fn baselines(inputs: Inputs<'_>, counted: Vec<Unapproved>, tripped: &[Tripped]) -> Baselines {
    let Inputs { memory, now, .. } = inputs;
    let mut next = memory.baselines.clone();
    let state = |belt: Belt| tripped.iter().find(|t| t.belt == belt).map(|t| t.allowed);
    next.server_rows.clear();
    let rows = state(Belt::RowDrop);
    if rows != Some(false) {
        next.channels = rows::channels(inputs, rows == Some(true));
        push(&mut next.release_rows, next.channels.len() as u64, now);
    }
    next.let_through.retain(|_, at| now - *at <= DAY);
    for (place, count) in fleet::counts(inputs) {
        let is_it = |t: &&Tripped| t.belt == Belt::FleetDrop && t.allowed && t.place == place;
        if tripped.iter().any(|t| is_it(&t)) {
            next.let_through.insert(place.clone(), now);
        }
        push(next.fleet.entry(place).or_default(), count, now);
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
