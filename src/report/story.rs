//! The history as a page: a line for each thing that happened, and the keys that it spent in that line.

use super::text::versions;
use crate::memory::Event;
use crate::screen::{Look, Page, Row};
use crate::text::plain;

const KEY_SPENT: &str = "key_spent";

/// Something that happened, and the keys that it spent.
#[derive(Debug)]
pub struct Told<'e> {
    /// What happened. A key that nothing else explains stands for itself.
    pub event: &'e Event,
    spent: Vec<&'e Event>,
}

impl Told<'_> {
    /// In words, with the keys that it spent.
    #[must_use]
    pub fn detail(&self) -> String {
        let keys: Vec<&str> = self.spent.iter().filter_map(|event| key(event)).collect();
        let detail = self.event.detail.as_str();
        if let Some((own, why)) = detail.strip_prefix("key ").and_then(|rest| rest.split_once(':'))
            && self.event.event == KEY_SPENT
            && let [other] = keys.as_slice()
        {
            return format!("keys {own} and {other}:{why}");
        }
        let spent = match keys.as_slice() {
            [] => return detail.to_owned(),
            [one] => format!("key {one} is spent"),
            [all @ .., last] => format!("keys {} and {last} are spent", all.join(", ")),
        };
        joined(&[detail, &spent])
    }
}

fn joined(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

/// Which key was spent, as its event says: `key A: it was rolled back`.
fn key(event: &Event) -> Option<&str> {
    let (key, _) = event.detail.strip_prefix("key ")?.split_once(':')?;
    Some(key)
}

/// What happened, the oldest first, with each spent key told by what spent it: an event of its own pass and channel.
#[must_use]
pub fn told(events: &[Event]) -> Vec<Told<'_>> {
    let passes = events.chunk_by(|a, b| a.run == b.run);
    passes.flat_map(told_of_pass).collect()
}

fn told_of_pass(events: &[Event]) -> Vec<Told<'_>> {
    let (spent, others): (Vec<&Event>, Vec<&Event>) = events.iter().partition(|event| event.event == KEY_SPENT);
    let alone = |event| Told { event, spent: vec![] };
    let mut told: Vec<Told<'_>> = others.into_iter().map(alone).collect();
    for event in spent {
        let because = |one: &&mut Told<'_>| one.event.channel == event.channel && explains(one.event, event);
        match told.iter_mut().find(because) {
            Some(one) => one.spent.push(event),
            None => told.push(alone(event)),
        }
    }
    told
}

/// Whether an event is the kind of thing that spends keys for this reason, or another key that was spent for it.
fn explains(event: &Event, spent: &Event) -> bool {
    let because = |why: &str| spent.detail.ends_with(why);
    let why = |event: &Event| event.detail.split_once(": ").map(|(_, why)| why.to_owned());
    match event.event.as_str() {
        "rollback" | "auto_rollback" => because("it was rolled back"),
        "unauthorised_edit" => because("the row was edited"),
        "adoption" => because("before the service first saw the row") || because("the store was taken over"),
        KEY_SPENT => why(event) == why(spent),
        _ => false,
    }
}

/// The newest `most` of them, a line each.
#[must_use]
pub fn story(events: &[Event], most: usize) -> Page {
    let told = told(events);
    let newest = &told[told.len().saturating_sub(most)..];
    let row = |one: &Told<'_>| -> Row {
        let event = one.event;
        let time = event.time.format("%Y-%m-%d %H:%M:%S").to_string();
        let moved = versions(&event.from, &event.to);
        let what = joined(&[&moved, &one.detail(), &format!("run {}", event.run)]);
        let cells = [&time, &event.channel, &event.event, &what];
        (cells.map(|cell| plain(cell)).to_vec(), Look::Plain)
    };
    let mut page = Page::default();
    if !newest.is_empty() {
        let head = ["time (UTC)", "channel", "event", "what"];
        page.table(&head, newest.iter().map(row).collect());
    }
    page
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn event(run: &str, channel: &str, what: &str, detail: &str) -> Event {
        Event {
            time: DateTime::UNIX_EPOCH,
            run: run.into(),
            channel: channel.into(),
            event: what.into(),
            from: if what == "rollback" { "2.4.0" } else { "" }.into(),
            to: if what == "rollback" { "2.3.9" } else { "" }.into(),
            detail: detail.into(),
        }
    }

    #[test]
    fn keys_are_told_by_what_spent_them() {
        let (a, b) = ("key A: it was rolled back", "key B: it was rolled back");
        let events = [
            event("1", "web", "promotion", ""),
            event("2", "web", KEY_SPENT, a),
            event("2", "api", "rollback", ""),
            event("2", "web", "rollback", "3 held"),
            event("2", "web", KEY_SPENT, b),
            event("2", "api", KEY_SPENT, b),
            event("3", "web", KEY_SPENT, "key A: the key columns were not protected"),
            event("3", "web", KEY_SPENT, "key B: the key columns were not protected"),
            event("4", "web", KEY_SPENT, "key B: the row was absent"),
        ];
        let told: Vec<String> = told(&events)
            .iter()
            .map(|one| {
                format!(
                    "{} {} {}: {}",
                    one.event.run,
                    one.event.channel,
                    one.event.event,
                    one.detail()
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "1 web promotion: ",
                "2 api rollback: key B is spent",
                "2 web rollback: 3 held · keys A and B are spent",
                "3 web key_spent: keys A and B: the key columns were not protected",
                "4 web key_spent: key B: the row was absent",
            ]
        );
        let page = story(&events, 3).to_string();
        assert_eq!(page.lines().count(), 4, "{page}");
        assert!(
            page.contains("2.4.0 → 2.3.9 · 3 held · keys A and B are spent · run 2\n"),
            "{page}"
        );
    }
}
