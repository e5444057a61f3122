//! `[[window]]` and `[[freeze]]`: when servers may pass to a new version, and when none may.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::strategies::channels;
use crate::config::read::Reader;
use crate::config::syntax::DAY;
use crate::config::table::{FREEZE, Table, WINDOW};
use crate::rollout::Globs;
use crate::window::{Days, Edge, Freeze, TimeOfDay, Window, zone};

/// How to name the channels of a window or a freeze.
const ALL: &str = "[\"*\"] for all";
const CUTOFF: Duration = Duration::from_secs(30 * 60);
const CUTOFFS: RangeInclusive<Duration> = Duration::ZERO..=DAY;

/// The windows.
pub(super) fn windows(r: &mut Reader) -> Option<Vec<(Globs, Window)>> {
    each(r, "window", window)
}

/// The freezes.
pub(super) fn freezes(r: &mut Reader) -> Option<Vec<(Globs, Freeze)>> {
    each(r, "freeze", freeze)
}

fn each<T>(r: &mut Reader, path: &'static str, read: impl Fn(&mut Table<'_>) -> Option<T>) -> Option<Vec<T>> {
    let tables = r.tables(path)?;
    let all: Vec<Option<T>> = tables
        .into_iter()
        .enumerate()
        .map(|(i, fields)| read(&mut Table::new(r, path, format!("{path}[{i}]"), fields)))
        .collect();
    all.into_iter().collect()
}

fn window(table: &mut Table<'_>) -> Option<(Globs, Window)> {
    table.refuse_unknown(WINDOW, |_| None);
    let channels = channels(table, ALL);
    let days = days(table);
    let start = table.required("start", "write when it opens, such as \"22:00\"", TimeOfDay::read);
    let end = table.required("end", "write when it closes, such as \"04:00\"", TimeOfDay::read);
    let zone = table.required("zone", "write whose clock counts, such as \"Europe/Berlin\"", zone);
    let cutoff = table.duration("cutoff", CUTOFF, &CUTOFFS);
    let window = Window::new(days?, start?, end?, zone?, cutoff?);
    let window = window.map_err(|message| table.fail_whole(message)).ok();
    Some((channels?, window?))
}

fn days(table: &mut Table<'_>) -> Option<Days> {
    let words = table.list("days", |word| Ok(word.to_owned()))?;
    let days = Days::read(&words.unwrap_or_default());
    days.map_err(|message| table.fail("days", message)).ok()
}

fn freeze(table: &mut Table<'_>) -> Option<(Globs, Freeze)> {
    table.refuse_unknown(FREEZE, |_| None);
    let channels = channels(table, ALL);
    let from = table.required("from", "write its first day, such as \"2026-12-20\"", Edge::read);
    let to = table.required("to", "write its last day, such as \"2027-01-06\"", Edge::read);
    let zone = table.text("zone", zone);
    let reason = table.text("reason", |reason| Ok(reason.to_owned()));
    let freeze = Freeze::new(from?, to?, zone?, &reason?.unwrap_or_default());
    let freeze = freeze.map_err(|message| table.fail_whole(message)).ok();
    Some((channels?, freeze?))
}
