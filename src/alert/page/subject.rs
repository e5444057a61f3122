//! Subjects: what happened, most serious first, in words that are safe in a header.

use crate::alert::safe;
use crate::mail::{Digest, Item, News};
use crate::problem::{Code, Kind};
use crate::text::thousands;

use super::entry;
use super::parts::MOVES;

/// The subject for a headline, and how much there is besides the one thing that it names.
pub(super) fn of(headline: &str, more: u64) -> String {
    let more = match more {
        0 => String::new(),
        n => format!(" (+{} more)", thousands(n)),
    };
    // The count is what may not be cut off.
    let room = SUBJECT_MAX - more.len();
    safe::subject(&format!("[fleetsheet] {headline}"), room) + &more
}

/// Longest subject, in characters: what a phone shows is far less, and what is longer is folded on its way.
const SUBJECT_MAX: usize = 120;

/// The most serious thing that a digest says, and how much news there is besides. A failure of the pass comes first.
pub(super) fn headline(digest: &Digest) -> (String, u64) {
    let total = (digest.news.len() + digest.new.len()) as u64;
    let Some(cause) = digest.failures.first() else {
        let (headline, said) = serious(digest);
        return (headline, total.saturating_sub(said));
    };
    let same = |item: &Item| item.fingerprint == cause.fingerprint;
    let is_new = digest.new.iter().any(same);
    let place = safe::word(&cause.place, "the spreadsheet");
    let failed = match (digest.failing, is_new || digest.open.iter().any(same)) {
        (true, true) => format!("passes fail: {place}"),
        (true, false) => format!("the pass failed: {place}"),
        (false, _) => format!("{}: {place}", entry::label(cause.kind, &cause.code)),
    };
    if digest.news.is_empty() {
        return (failed, total - u64::from(is_new));
    }
    let mut others = digest.clone();
    others.new.retain(|item| !same(item));
    others.failing = false;
    let (headline, said) = serious(&others);
    // A release that says how many servers failed says it all.
    let counted = digest
        .news
        .iter()
        .any(|news| news.reach.is_some_and(|reach| reach.failed > 0));
    if cause.code == Code::Tags.word() && counted && !is_new {
        return (headline, total.saturating_sub(said));
    }
    (
        format!("{failed}; {headline}"),
        total.saturating_sub(said + u64::from(is_new)),
    )
}

fn serious(digest: &Digest) -> (String, u64) {
    let happened = |event: &str| -> Vec<&News> { digest.news.iter().filter(|n| n.event == event).collect() };
    let edits = happened("unauthorised_edit");
    let blind = |item: &Item| item.code == Code::Observe.word() && item.kind == Kind::ApiFailure;
    let stops = |item: &&Item| blind(item) || stops_a_pass(item);
    if let Some(first) = edits.first() {
        let place = safe::word(&first.place, "a service cell");
        return (format!("unauthorised edit: {place}"), 1);
    }
    if !happened("takeover").is_empty() {
        return ("the sheet was taken over by another state store".to_owned(), 1);
    }
    if let Some(first) = digest.new.iter().find(stops).filter(|_| digest.failing) {
        let place = safe::word(&first.place, "the spreadsheet");
        return (format!("passes fail: {place}"), 1);
    }
    let releases: Vec<&News> = digest
        .news
        .iter()
        .filter(|n| MOVES.contains(&n.event.as_str()) || matches!(n.event.as_str(), "completed" | "rollout_done"))
        .collect();
    // The last word on a channel is what counts, and a rollback before a promotion.
    let last = |event: &str| releases.iter().rev().find(|n| n.event == event);
    let rollback = last("auto_rollback").or(last("rollback"));
    if let Some(news) = rollback.or(releases.last()) {
        return (release(news), 1);
    }
    if !digest.new.is_empty() {
        let mut new: Vec<&Item> = digest.new.iter().collect();
        new.sort_by_key(|item| (entry::rank(item), item.code.clone(), item.place.clone()));
        let first = place(new[0]);
        let all = new.len() as u64;
        return match all {
            1 => (format!("{}: {first}", entry::label(new[0].kind, &new[0].code)), 1),
            n => (
                format!("{} new problems: {first} and {} more", thousands(n), thousands(n - 1)),
                n,
            ),
        };
    }
    if let Some(news) = digest.news.first() {
        let channel = safe::name(&news.channel, "a channel");
        let what = match news.event.as_str() {
            "adoption" => format!("{channel}: {} adopted", safe::name(&news.to, "no release")),
            "trouble" => format!("{channel}: {} in trouble", safe::name(&news.to, "its release")),
            "override" if entry::is_of_a_window(news) => format!("{channel}: a window was let through"),
            "override" => "a belt was let through".to_owned(),
            "nothing_to_roll_back" => format!("nothing to roll back to: {}", safe::word(&news.place, "a channel")),
            _ => format!(
                "{}: {}",
                entry::label(news.kind, &news.event),
                safe::word(&news.place, "the spreadsheet")
            ),
        };
        return (what, 1);
    }
    // Nothing new is said along with what is still open.
    let resolved = digest.resolved.len() as u64;
    if let Some(first) = digest.resolved.first() {
        let failure = first.kind == Kind::ApiFailure || stops_a_pass(first);
        let word = if failure { "works again" } else { "resolved" };
        let and = if resolved > 1 {
            format!(" and {} more", thousands(resolved - 1))
        } else {
            String::new()
        };
        return (format!("{word}: {}{and}", place(first)), 0);
    }
    let headline = match digest.open.first() {
        Some(one) if digest.open.len() == 1 => format!("still open: {}", place(one)),
        _ => format!("{} still open", safe::counted(digest.open.len() as u64, "problem")),
    };
    (headline, 0)
}

/// Where a problem is: of a rollout, which channel it is in, which its message begins with.
fn place(item: &Item) -> String {
    let of_a_rollout = matches!(
        Code::from_word(&item.code),
        Some(Code::GateFailed | Code::AutoRollback | Code::Advance | Code::Stalled)
    );
    let channel = item.message.split_once(": ").filter(|_| of_a_rollout);
    let place = channel.map_or(&*item.place, |(channel, _)| channel);
    safe::word(place, "the spreadsheet")
}

/// Whether a problem makes whole passes fail.
fn stops_a_pass(item: &Item) -> bool {
    let code = Code::from_word(&item.code);
    item.kind == Kind::Belt && matches!(code, Some(Code::Structure | Code::Store | Code::Tab | Code::History))
}

fn release(news: &News) -> String {
    let channel = safe::name(&news.channel, "a channel");
    let to = safe::name(&news.to, "a version");
    if news.event == "completed" {
        return format!("{channel}: {to} is {}", safe::line(&news.text, 60));
    }
    let verb = match news.event.as_str() {
        "rollout" => return format!("{channel}: {to} begins to roll out"),
        "rollout_done" => return format!("{channel}: {to} has gone out in all waves"),
        "auto_rollback" => "a gate failed, rolled back to",
        "taken_back" => "taken back to",
        "rollback" => "rolled back to",
        _ => "released",
    };
    let Some(reach) = news.reach else {
        return match verb {
            "released" => format!("{channel}: {to} released"),
            _ => format!("{channel}: {verb} {to}"),
        };
    };
    let failed = if reach.failed > 0 {
        format!(", {} failed", thousands(reach.failed))
    } else {
        String::new()
    };
    // What was there before is not moved.
    let (carrying, concerned) = (
        reach.carrying.saturating_sub(reach.already),
        reach.concerned.saturating_sub(reach.already),
    );
    let behind = reach.carrying + reach.failed < reach.concerned;
    let servers = if behind {
        format!("{} of {}", thousands(carrying), safe::counted(concerned, "server"))
    } else {
        safe::counted(carrying, "server")
    };
    match verb {
        "released" => format!("{channel}: {to} released to {servers}{failed}"),
        _ => format!("{channel}: {verb} {to} on {servers}{failed}"),
    }
}
