//! Subjects: what happened, most serious first, in words that are safe in a header.

use crate::alert::safe;
use crate::mail::{Digest, Item, News};
use crate::problem::Kind;

use super::entry;

/// The subject for a headline.
pub(super) fn of(headline: &str) -> String {
    safe::subject(&format!("[fleetsheet] {headline}"))
}

/// The most serious thing that a digest says, and how much else there is.
pub(super) fn headline(digest: &Digest) -> String {
    let happened = |event: &str| -> Vec<&News> { digest.news.iter().filter(|n| n.event == event).collect() };
    let edits = happened("unauthorised_edit");
    let stops = |item: &&Item| item.code == "observe" && item.kind == Kind::ApiFailure || stops_a_pass(item);
    let total = (digest.news.len() + digest.new.len()) as u64;
    if let Some(first) = edits.first() {
        let place = safe::word(&first.place, "a service cell");
        return format!("unauthorised edit: {place}{}", more(total));
    }
    if let Some(first) = digest.new.iter().find(stops).filter(|_| digest.failing) {
        let place = safe::word(&first.place, "the spreadsheet");
        return format!("passes fail: {place}{}", more(total));
    }
    let releases: Vec<&News> = digest
        .news
        .iter()
        .filter(|n| matches!(n.event.as_str(), "promotion" | "rollback"))
        .collect();
    // The last word on a channel is what counts, and a rollback before a promotion.
    let rollback = releases.iter().rev().find(|n| n.event == "rollback");
    if let Some(news) = rollback.or(releases.last()) {
        return format!("{}{}", release(news), more(total));
    }
    if !digest.new.is_empty() {
        let mut new: Vec<&Item> = digest.new.iter().collect();
        new.sort_by_key(|item| (entry::rank(item), item.code.clone(), item.place.clone()));
        let first = safe::word(&new[0].place, "the spreadsheet");
        return match new.len() as u64 {
            1 => format!("{}: {first}{}", short(new[0].kind), more(total)),
            n => format!(
                "{} new problems: {first} and {} more",
                safe::count(n),
                safe::count(n - 1)
            ),
        };
    }
    if let Some(news) = digest.news.first() {
        let channel = safe::word(&news.channel, "a channel");
        let what = match news.event.as_str() {
            "adoption" => format!("{channel}: first contact"),
            "takeover" => "the sheet was taken over by another store".to_owned(),
            "override" => "a belt was let through".to_owned(),
            "nothing_to_roll_back" => format!("nothing to roll back to: {}", safe::word(&news.place, "a channel")),
            _ => format!("{}: {}", short(news.kind), safe::word(&news.place, "the spreadsheet")),
        };
        return format!("{what}{}", more(total));
    }
    // Nothing new is said along with what is still open.
    let resolved = digest.resolved.len() as u64;
    if let Some(first) = digest.resolved.first() {
        let failure = first.kind == Kind::ApiFailure || stops_a_pass(first);
        let word = if failure { "works again" } else { "resolved" };
        let and = if resolved > 1 {
            format!(" and {} more", safe::count(resolved - 1))
        } else {
            String::new()
        };
        return format!("{word}: {}{and}", safe::word(&first.place, "the spreadsheet"));
    }
    match digest.open.first() {
        Some(one) if digest.open.len() == 1 => format!("still open: {}", safe::word(&one.place, "the spreadsheet")),
        _ => format!("{} still open", safe::counted(digest.open.len() as u64, "problem")),
    }
}

/// Whether a problem makes whole passes fail.
fn stops_a_pass(item: &Item) -> bool {
    item.kind == Kind::Belt && matches!(item.code.as_str(), "structure" | "store" | "tab" | "history")
}

/// How much there is besides the one thing that a subject names.
fn more(total: u64) -> String {
    match total.saturating_sub(1) {
        0 => String::new(),
        n => format!(" (+{} more)", safe::count(n)),
    }
}

fn release(news: &News) -> String {
    let channel = safe::word(&news.channel, "a channel");
    let to = safe::word(&news.to, "a version");
    let verb = if news.event == "rollback" {
        "rolled back to"
    } else {
        "released"
    };
    let Some(reach) = news.reach else {
        return match verb {
            "released" => format!("{channel}: {to} released"),
            _ => format!("{channel}: {verb} {to}"),
        };
    };
    let failed = if reach.failed > 0 {
        format!(", {} failed", safe::count(reach.failed))
    } else {
        String::new()
    };
    let behind = reach.carrying + reach.failed < reach.concerned;
    let servers = if behind {
        format!(
            "{} of {}",
            safe::count(reach.carrying),
            safe::counted(reach.concerned, "server")
        )
    } else {
        safe::counted(reach.carrying, "server")
    };
    match verb {
        "released" => format!("{channel}: {to} released to {servers}{failed}"),
        _ => format!("{channel}: {verb} {to} on {servers}{failed}"),
    }
}

fn short(kind: Kind) -> &'static str {
    match kind {
        Kind::Release => "release",
        Kind::Mismatch => "mismatch",
        Kind::UnauthorisedEdit => "unauthorised edit",
        Kind::ApiFailure => "failure",
        Kind::Belt => "held",
        Kind::BadCell => "bad cell",
    }
}
