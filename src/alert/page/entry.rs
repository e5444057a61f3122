//! Single news and problems in words: what, since when, and what to do.

use chrono::{DateTime, TimeDelta, Utc};

use super::parts::{Entry, Tone};
use crate::alert::safe;
use crate::mail::{Item, News, Reach};
use crate::problem::{Code, Kind};
use crate::text::{thousands, who_ordered};

/// Longest text of one entry, in characters.
pub(super) const WORDS_MAX: usize = 600;
/// Longest name of a place.
pub(super) const TITLE_MAX: usize = 80;

/// A time as people read it.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

fn lasted(length: TimeDelta) -> String {
    let (days, hours, minutes) = (length.num_days(), length.num_hours(), length.num_minutes());
    match (days, hours, minutes) {
        (2.., ..) => format!("{days} days"),
        (_, 2.., _) => format!("{hours} h"),
        (_, _, 1..) => format!("{minutes} min"),
        _ => "just now".into(),
    }
}

/// The most serious first.
pub(super) fn rank(item: &Item) -> u8 {
    match item.kind {
        Kind::UnauthorisedEdit => 0,
        Kind::Gate => 1,
        Kind::Belt => 2,
        Kind::ApiFailure => 3,
        Kind::BadCell => 4,
        Kind::Mismatch => 5,
        Kind::Release => 6,
    }
}

/// What sort of problem it is, in the words of a letter and of its subject.
pub(super) fn label(kind: Kind, code: &str) -> &'static str {
    match (kind, Code::from_word(code)) {
        (_, Some(Code::Missing)) => "server not found",
        (_, Some(Code::UnknownChannel)) => "unknown channel",
        (_, Some(Code::Duplicate | Code::TwoRows)) => "stands twice",
        (_, Some(Code::Contested)) => "contested tag",
        (_, Some(Code::NoRow)) => "channel without a row",
        (_, Some(Code::Protection)) => "keys not protected",
        (_, Some(Code::Tags)) => "servers failed",
        (Kind::Belt, Some(Code::Source)) => "lost source",
        (_, Some(Code::Source)) => "no answer",
        (_, Some(Code::NothingToRollBack)) => "nothing to roll back to",
        (_, Some(Code::GateFailed)) => "gate failed",
        (_, Some(Code::AutoRollback)) => "automatic rollback",
        (_, Some(Code::Advance)) => "waits for advance",
        (_, Some(Code::Stalled)) => "rollout gets nowhere",
        (_, Some(Code::GateSource)) => "no answer for a gate",
        (Kind::Release, Some(Code::Observe)) => "would be done",
        (Kind::Release, _) => "release",
        (Kind::Mismatch, _) => "mismatch",
        (Kind::UnauthorisedEdit, _) => "unauthorised edit",
        (Kind::ApiFailure, _) => "failure",
        (Kind::Belt, _) => "held by a belt",
        (Kind::Gate, _) => "gate",
        (Kind::BadCell, _) => "bad cell",
    }
}

/// A problem.
pub(super) fn of_item(item: &Item, now: DateTime<Utc>) -> Entry {
    let (what, fix) = parts(&item.code, &item.message);
    let from = time(item.since);
    let when = match item.until {
        None => {
            let unsteady = if item.unsteady { ", comes and goes" } else { "" };
            format!("since {from} ({}){unsteady}", lasted(now - item.since))
        }
        Some(until) => format!("from {from} to {}", time(until)),
    };
    let tone = match (item.until, item.kind) {
        (Some(_), _) => Tone::Good,
        (None, Kind::UnauthorisedEdit | Kind::Belt | Kind::Gate) => Tone::Alarm,
        (None, Kind::ApiFailure | Kind::BadCell | Kind::Mismatch) => Tone::Warning,
        // Nothing goes on until somebody acts.
        (None, Kind::Release) if item.code == Code::Advance.word() => Tone::Warning,
        (None, Kind::Release) => Tone::Note,
    };
    let fix = match (item.until, fix.is_empty()) {
        (Some(_), _) => String::new(),
        (None, true) => usual_fix(&item.code).to_owned(),
        (None, false) => fix,
    };
    Entry {
        tone,
        label: label(item.kind, &item.code),
        title: safe::line(&item.place, TITLE_MAX),
        link: safe::link(&item.link),
        what,
        fix,
        when,
        table: Vec::new(),
    }
}

/// Something that happened.
pub(super) fn of_news(news: &News) -> Entry {
    let (channel, from, to) = (
        safe::line(&news.channel, TITLE_MAX),
        safe::line(&news.from, TITLE_MAX),
        safe::line(&news.to, TITLE_MAX),
    );
    let (mut what, mut fix) = (String::new(), String::new());
    let (tone, label, title) = match news.event.as_str() {
        "promotion" => {
            let before = after_which(" after", &from);
            what = format!("{to} was released{before}{}.", reach(news.reach));
            left_behind(news, &mut what);
            (failing(news, Tone::Good, &mut what, &mut fix), "release", channel)
        }
        "rollback" => {
            what = format!("Rolled back from {from} to {to}{}.", reach(news.reach));
            left_behind(news, &mut what);
            fix = after(
                news,
                &format!("when you are ready to leave {to}"),
                "put the new version into both keys and untick rollback: it goes out with the next pass",
            );
            (failing(news, Tone::Warning, &mut what, &mut fix), "rollback", channel)
        }
        "completed" => {
            let before = after_which(", after", &from);
            what = format!("{to} is {}{before}.", safe::line(&news.text, WORDS_MAX));
            (Tone::Good, "completed", channel)
        }
        "adoption" => {
            let release = if to.is_empty() { "no release".to_owned() } else { to };
            what = format!(
                "{} is taken as in force: {}.",
                safe::capital(&release),
                safe::line(&news.text, WORDS_MAX)
            );
            (Tone::Note, "adopted", channel)
        }
        "trouble" => {
            what = format!("{to} is in trouble: {}.", safe::line(&news.text, WORDS_MAX));
            fix = after(
                news,
                "run fleetsheet-agent status on the server; to leave the version",
                "tick rollback",
            );
            (Tone::Warning, "in trouble", channel)
        }
        "takeover" => {
            let by = who_ordered(&news.text);
            let by = by.map_or_else(|| "Somebody".to_owned(), |by| safe::line(by, TITLE_MAX));
            what = format!("{by} let another state store serve the sheet. All keys have lost their effect.");
            fix = "if nobody of you did, find out who ran fleetsheet --once --takeover; to release anything, clear both keys of the \
                   channel, let a pass see it, and type them again"
                .to_owned();
            (Tone::Alarm, "takeover", "the spreadsheet".to_owned())
        }
        "override" => let_through(news, channel),
        "unauthorised_edit" => (Tone::Alarm, "unauthorised edit", safe::line(&news.place, TITLE_MAX)),
        _ => (
            Tone::Warning,
            self::label(news.kind, &news.event),
            safe::line(&news.place, TITLE_MAX),
        ),
    };
    if what.is_empty() {
        (what, fix) = parts(&news.event, &news.text);
    }
    if news.event == "unauthorised_edit" && !news.advice.is_empty() {
        fix = format!("{FIND_OUT}; {}", after(news, "to release anything", ""));
    }
    Entry {
        tone,
        label,
        title,
        link: safe::link(&news.link),
        what,
        fix,
        when: time(news.at),
        table: Vec::new(),
    }
}

/// The version that was left, after these words; nothing where there was none.
pub(super) fn after_which(words: &str, from: &str) -> String {
    if from.is_empty() {
        return String::new();
    }
    format!("{words} {from}")
}

/// What to do about the edit itself.
const FIND_OUT: &str = "find out who it was (right-click the cell, Show edit history)";

/// The channel's advice under a condition, or other words where there is none.
pub(super) fn after(news: &News, condition: &str, otherwise: &str) -> String {
    let advice = safe::line(&news.advice, WORDS_MAX);
    format!("{condition}, {}", if advice.is_empty() { otherwise } else { &advice })
}

/// Says why most of the servers that failed did, and what to do about that.
pub(super) fn failing(news: &News, otherwise: Tone, what: &mut String, fix: &mut String) -> Tone {
    if news.reach.is_none_or(|reach| reach.failed == 0) {
        return otherwise;
    }
    let (cause, advice) = parts(Code::Tags.word(), &news.cause);
    if !cause.is_empty() {
        what.push_str(" Most failed so: ");
        what.push_str(&cause);
    }
    *fix = if advice.is_empty() {
        "see why the servers failed; the next pass tries them again".to_owned()
    } else {
        format!("{advice}; the next pass tries these servers again")
    };
    Tone::Warning
}

pub(super) fn reach(reach: Option<Reach>) -> String {
    let Some(Reach {
        carrying,
        concerned,
        failed,
        already,
    }) = reach
    else {
        return "; servers follow".into();
    };
    let failed = if failed > 0 {
        format!("; {} failed", safe::counted(failed, "server"))
    } else {
        String::new()
    };
    let already = match already {
        0 => String::new(),
        1 => " (one of them did before)".to_owned(),
        n => format!(" ({} of them did before)", thousands(n)),
    };
    format!(
        "; {} of {} it{already}{failed}",
        thousands(carrying),
        format_args!(
            "{} {}",
            safe::counted(concerned, "server"),
            if concerned == 1 { "carries" } else { "carry" }
        )
    )
}

pub(super) fn left_behind(news: &News, what: &mut String) {
    if !news.text.is_empty() {
        what.push(' ');
        what.push_str(&safe::capital(&safe::line(&news.text, WORDS_MAX)));
        what.push('.');
    }
}

/// Whether a news of an override is about a channel's window, and not about a belt.
pub(super) fn is_of_a_window(news: &News) -> bool {
    !news.channel.is_empty() && news.place == news.channel
}

fn let_through(news: &News, channel: String) -> (Tone, &'static str, String) {
    if is_of_a_window(news) {
        (Tone::Warning, "window let through", channel)
    } else {
        (Tone::Warning, "belt let through", "the spreadsheet".to_owned())
    }
}

/// Parts a message into what is wrong and what to do, which by custom follows the last semicolon, after the reason for it:
/// `B4 holds 1.1; a version must be text: type it again`.
fn parts(code: &str, message: &str) -> (String, String) {
    let message = safe::line(message, WORDS_MAX);
    if code == "unauthorised_edit" {
        let (what, done) = message.rsplit_once("; ").unwrap_or((&message, ""));
        let fix = if done.contains("both keys") {
            format!("{FIND_OUT}; keys that stand there count again once a pass saw their cells hold something else")
        } else {
            FIND_OUT.to_owned()
        };
        return (format!("{} They are restored.", sentence(what)), fix);
    }
    if code == "override" {
        let what = message.rsplit_once("; ").map_or(message.as_str(), |(what, _)| what);
        return (
            sentence(what),
            "nothing if an operator meant it; else find out who ran fleetsheet".to_owned(),
        );
    }
    let protection = Code::from_word(code) == Some(Code::Protection);
    let (what, fix) = match protection {
        // What to repair is a list of its own.
        true => message.split_once(": "),
        false => message.rsplit_once("; "),
    }
    .unwrap_or((&message, ""));
    match fix.split_once(": ") {
        Some((reason, fix)) if !protection => (sentence(&format!("{what}; {reason}")), fix.to_owned()),
        _ => (sentence(what), fix.to_owned()),
    }
}

fn sentence(text: &str) -> String {
    let text = safe::capital(text);
    if text.is_empty() || text.ends_with(['.', '!', '?', '…']) {
        text
    } else {
        format!("{text}.")
    }
}

/// What to do about problems whose message does not say.
fn usual_fix(code: &str) -> &'static str {
    match Code::from_word(code) {
        Some(Code::Source) => "run fleetsheet check if it goes on; the next pass tries again",
        Some(Code::Tags) => {
            "correct what the message names; the next pass tries these servers again; tick hold for one that can never be tagged"
        }
        Some(Code::Observe | Code::Act | Code::WriteBack) => {
            "run fleetsheet check if it goes on; the next pass tries again"
        }
        _ => "correct what it names; the next pass looks again",
    }
}
