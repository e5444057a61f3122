//! Puts a digest in words: what the plain text and the HTML of a letter both say.

mod entry;
mod parts;
mod rollouts;
mod subject;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::input::Rules;
use super::links::Links;
use super::safe;
use crate::mail::{Digest, Item, News};
use crate::text::thousands;
pub(super) use parts::{Entry, Line, MOVES, Section, Tone};

/// A letter in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) subject: String,
    pub(super) tone: Tone,
    /// The subject without the rest.
    pub(super) headline: String,
    /// What to do: the first line that is read.
    pub(super) lead: String,
    pub(super) sections: Vec<Section>,
    /// The spreadsheet's address.
    pub(super) sheet: String,
    pub(super) footer: Vec<String>,
}

/// How many entries of one sort are shown whole.
const SHOWN: usize = 5;
/// Longest text of a failure in the first lines; all of it is below.
const FIRST_WORDS: usize = 300;

impl Page {
    /// The page that says what a digest says.
    pub(super) fn of(digest: &Digest) -> Self {
        let happened: Vec<Entry> = digest.news.iter().map(of_news).collect();
        let problems = |items: &[Item]| -> Vec<(String, Entry)> {
            let mut sorted: Vec<&Item> = items.iter().collect();
            sorted.sort_by_key(|item| (entry::rank(item), item.code.clone(), item.place.clone()));
            let entry = |item: &Item| (item.code.clone(), entry::of_item(item, digest.at));
            sorted.into_iter().map(entry).collect()
        };
        let (new, failed, open, resolved) = (
            problems(&digest.new),
            problems(&unlisted(digest)),
            problems(&digest.open),
            problems(&digest.resolved),
        );
        let fresh: Vec<&Entry> = new.iter().chain(&failed).map(|(_, entry)| entry).collect();
        let lead = lead(digest, &happened, &fresh, &open);
        let tones = happened.iter().chain(fresh).chain(open.iter().map(|(_, entry)| entry));
        let tone = tones.map(|entry| entry.tone).min().unwrap_or(Tone::Good);
        let is_reminder = happened.is_empty() && new.is_empty() && failed.is_empty() && resolved.is_empty();
        let open = if is_reminder { open } else { briefly(open) };
        let mut by_event: Vec<(String, Entry)> = digest.news.iter().map(|n| n.event.clone()).zip(happened).collect();
        by_event.sort_by_key(|(_, entry)| entry.tone);
        let sections = [
            ("Failed in this pass", failed),
            (HAPPENED, by_event),
            ("New problems", new),
            ("Still open", open),
            (RESOLVED, resolved),
        ];
        let (headline, more) = subject::headline(digest);
        Self {
            subject: subject::of(&headline, more),
            tone,
            headline,
            lead,
            sections: sections.into_iter().filter_map(section).collect(),
            sheet: digest.sheet.clone(),
            footer: footer(digest),
        }
    }

    /// The page of a letter that only tries whether mail arrives.
    pub(super) fn test(rules: &Rules<'_>, host: &str, now: DateTime<Utc>) -> Self {
        let headline = "test mail".to_owned();
        Self {
            subject: subject::of(&headline, 0),
            tone: Tone::Good,
            headline,
            lead: "Nothing to do: mail from fleetsheet arrives here.".into(),
            sections: Vec::new(),
            sheet: Links::new(rules, None, &crate::memory::Memory::default()).sheet,
            footer: vec![format!(
                "Asked for with fleetsheet check --send-test-mail on {}, {}.",
                safe::line(host, 100),
                entry::time(now)
            )],
        }
    }
}

/// Something that happened.
fn of_news(news: &News) -> Entry {
    rollouts::of_news(news).unwrap_or_else(|| entry::of_news(news))
}

/// Heading of what happened.
const HAPPENED: &str = "What happened";
/// Heading of what is over.
const RESOLVED: &str = "Resolved";

/// The heading with the count, and the entries of each sort with the rest folded.
fn section((title, entries): (&str, Vec<(String, Entry)>)) -> Option<Section> {
    if entries.is_empty() {
        return None;
    }
    // What is over is in the history; what is still so is in the plan.
    let happened = title == HAPPENED || title == RESOLVED;
    let title = format!("{title} ({})", thousands(entries.len() as u64));
    let mut lines: Vec<Line> = Vec::new();
    let mut rest = entries.into_iter().peekable();
    while let Some((sort, first)) = rest.next() {
        let label = first.label;
        lines.push(Line::Entry(first));
        let mut more = 0;
        let mut shown = 1;
        while let Some((_, next)) = rest.next_if(|(other, _)| *other == sort) {
            if shown < SHOWN {
                lines.push(Line::Entry(next));
                shown += 1;
            } else {
                more += 1;
            }
        }
        if more > 0 {
            let words = format!(
                "… and {} more like these ({label}); fleetsheet {} shows them all",
                thousands(more),
                if happened { "history" } else { "plan" }
            );
            lines.push(Line::Folded(words));
        }
    }
    Some(Section { title, lines })
}

/// Failures that are in no other list: they may be gone by the next pass, so nobody was told of them.
fn unlisted(digest: &Digest) -> Vec<Item> {
    let listed: BTreeSet<&str> = digest
        .new
        .iter()
        .chain(&digest.open)
        .map(|item| item.fingerprint.as_str())
        .collect();
    let failures = digest.failures.iter();
    failures
        .filter(|item| !listed.contains(item.fingerprint.as_str()))
        .cloned()
        .collect()
}

/// What is still open beside something new, with its place and its link alone: it was told in full when it was new, and is again
/// when it is repeated.
fn briefly(open: Vec<(String, Entry)>) -> Vec<(String, Entry)> {
    let brief = |(code, entry): (String, Entry)| {
        let entry = Entry {
            what: String::new(),
            fix: String::new(),
            ..entry
        };
        (code, entry)
    };
    open.into_iter().map(brief).collect()
}

/// The first lines: what failed, if anything did, and what to do, most urgent first.
fn lead(digest: &Digest, happened: &[Entry], fresh: &[&Entry], open: &[(String, Entry)]) -> String {
    let cause = digest.failures.first().map(|item| entry::of_item(item, digest.at));
    let mut todo: Vec<&Entry> = happened
        .iter()
        .chain(fresh.iter().copied())
        .filter(|entry| entry.tone <= Tone::Warning && Some(*entry) != cause.as_ref())
        .chain(&cause)
        .filter(|entry| !entry.fix.is_empty())
        .collect();
    todo.sort_by_key(|entry| (Some(*entry) != cause.as_ref(), entry.tone));
    let open: Vec<&Entry> = open.iter().map(|(_, entry)| entry).collect();
    let others = open.iter().filter(|entry| Some(**entry) != cause.as_ref()).count() as u64;
    let still = match others {
        0 => String::new(),
        1 => " One earlier problem is still open.".into(),
        n => format!(" {} earlier problems are still open.", thousands(n)),
    };
    let failed = failed(digest, cause.as_ref());
    let lead = match (&todo[..], open.first()) {
        ([], _) if digest.failing => "To do: run fleetsheet check, which says what is wrong.".to_owned(),
        ([], None) => "Nothing to do.".to_owned(),
        ([], Some(first)) if !first.fix.is_empty() => format!("Still to do: {} ({}).", first.fix, first.title),
        ([], Some(_)) => "Nothing new to do.".to_owned(),
        ([one], _) => format!("To do: {} ({}).", one.fix, one.title),
        ([first, rest @ ..], _) => {
            let more = rest.len() as u64;
            let are = if more == 1 { "is" } else { "are" };
            format!(
                "To do: {} ({}); {} more {are} below.",
                first.fix,
                first.title,
                thousands(more)
            )
        }
    };
    format!("{failed}{lead}{still}")
}

/// What kept the pass from its work, in two sentences; nothing for a pass that was done.
fn failed(digest: &Digest, cause: Option<&Entry>) -> String {
    let how = match digest.ended.as_str() {
        "stopped" => "The pass was stopped before it changed a tag.",
        "partial" => "The pass did only part of its work.",
        "held" => "Part of the pass is held back.",
        _ if digest.failing => "The pass failed.",
        _ => return String::new(),
    };
    let what = cause.map_or_else(String::new, |entry| safe::line(&entry.what, FIRST_WORDS));
    let gap = if what.is_empty() { "" } else { " " };
    format!("{how}{gap}{what} ")
}

fn footer(digest: &Digest) -> Vec<String> {
    let mut footer = Vec::new();
    if digest.failing {
        footer.push("The pass could not do its work, so problems listed as open may be out of date.".to_owned());
    }
    if digest.observe {
        footer.push("fleetsheet only observes (mode = \"observe\"): it changed no tag and served no key.".to_owned());
    }
    footer.push(format!(
        "Pass {}, {}. Why something is as it is: fleetsheet explain NAME. Who gets which mail: [email] in the configuration.",
        safe::line(&digest.run, 60),
        entry::time(digest.at)
    ));
    footer
}
