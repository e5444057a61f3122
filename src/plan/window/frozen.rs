//! Freezes: whether one holds at a moment, until when, and its words.

use chrono::{DateTime, Days, NaiveDateTime, Utc};

use super::instant::first;
use crate::text::plain;
use crate::window::{Edge, Freeze};

/// The freeze that holds at a moment, and when it ends: of several the one that ends last.
pub(super) fn at<'a>(freezes: &[&'a Freeze], now: DateTime<Utc>) -> Option<(&'a Freeze, DateTime<Utc>)> {
    let holds = freezes.iter().filter(|freeze| begins(freeze) <= now);
    let holds = holds.map(|freeze| (*freeze, ends(freeze)));
    holds.filter(|(_, ends)| now < *ends).max_by_key(|(_, ends)| *ends)
}

fn begins(freeze: &Freeze) -> DateTime<Utc> {
    match freeze.from() {
        Edge::Day(day) => first(freeze.zone(), NaiveDateTime::from(day)),
        Edge::Instant(at) => at,
    }
}

/// The moment from which on it does not hold any more.
fn ends(freeze: &Freeze) -> DateTime<Utc> {
    match freeze.to() {
        Edge::Day(day) => {
            let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
            first(freeze.zone(), NaiveDateTime::from(next))
        }
        Edge::Instant(at) => at,
    }
}

/// `the freeze until 2027-01-06 (holidays)`.
pub(super) fn words(freeze: &Freeze) -> String {
    let until = match freeze.to() {
        Edge::Day(day) => day.to_string(),
        Edge::Instant(at) => at.format("%Y-%m-%d %H:%M UTC").to_string(),
    };
    match plain(freeze.reason()) {
        reason if reason.is_empty() => format!("the freeze until {until}"),
        reason => format!("the freeze until {until} ({reason})"),
    }
}
