//! The status page: the last pass, the channels and what needs a person, on one page without a script.
//!
//! Everything in it that comes from a cell, a tag or a message is somebody else's text: escaped, and without characters
//! that turn the reading direction.

mod parts;
mod rollouts;

use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::state::{EndedPass, Snapshot};
use crate::alert::spreadsheet;
use crate::report::Report;
use crate::stages::millis;
use crate::text::{ago, length, plain, thousands};

const STYLE: &str = include_str!("page/style.css");

/// The whole page.
pub(super) fn page(state: &Snapshot, now: DateTime<Utc>) -> String {
    let report = state.facts.as_ref().map(|(at, report)| (*at, &**report));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content="30";
                title { "fleetsheet: " (headline(state, now).1) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "fleetsheet" }
                    @let (class, words) = headline(state, now);
                    div.state.(class) { (words) }
                    @if let Some(few) = state.last.as_ref().and_then(EndedPass::unanswered) { div.state.bad { (few) } }
                    @match state.ready(now) {
                        Err(why) => div.dim { (plain(&why)) },
                        Ok(()) => @if let Some(why) = state.last.as_ref().and_then(EndedPass::why) { div.dim { (plain(&why)) } },
                    }
                    @if state.observe { p.note { "mode = \"observe\": tags nothing, and says what it would do." } }
                    @if let Some(why) = &state.stale {
                        p.note { "Configuration or credentials cannot be used as they are now, so the previous ones stay in use: " (plain(why)) }
                    }
                }
                (times(state, now))
                (parts::problems(state.last.as_ref()))
                @match report {
                    Some((at, report)) => {
                        @let old = (state.last.as_ref().is_some_and(|last| last.at != at)).then(|| ago(now - at));
                        h2 { "Fleet" (as_of(old.as_deref())) }
                        (counts(report))
                        h2 { "Channels" (as_of(old.as_deref())) }
                        (parts::channels(report))
                        (rollouts::rollouts(report))
                    }
                    None => p.dim { "No pass has reported any channels yet." },
                }
                (parts::events(&state.recent))
                (rollouts::passes(&state.passes, now))
                (stages(state))
                footer.dim {
                    "fleetsheet " (env!("CARGO_PKG_VERSION")) " · "
                    a href=(spreadsheet(&state.spreadsheet)) { "spreadsheet " (plain(&state.spreadsheet)) } " · "
                    a href="metrics" { "metrics" } " · " a href="readyz" { "ready" } " · all times UTC · renewed every 30 s"
                }
            }
        }
    }
    .into_string()
}

fn headline(state: &Snapshot, now: DateTime<Utc>) -> (&'static str, String) {
    let ready = state.ready(now).is_ok();
    match (&state.last, ready) {
        (None, _) if state.running.is_some() => ("dim", "the first pass is running".to_owned()),
        (None, _) => ("dim", "waiting for the first pass".to_owned()),
        (Some(last), false) => ("bad", format!("not ready: last pass {}", last.word())),
        (Some(last), true) => {
            let class = if last.word() == "done" { "good" } else { "warn" };
            (class, format!("last pass {}", last.word()))
        }
    }
}

fn times(state: &Snapshot, now: DateTime<Utc>) -> Markup {
    let last = state.last.as_ref();
    let took = last
        .and_then(|last| last.report.as_ref())
        .map(|report| report.duration_ms);
    html! {
        dl {
            @if let Some(last) = last { (fact("last pass", &ago(now - last.at))) }
            @if let Some(ms) = took { (fact("took", &format!("{}.{} s", ms / 1000, ms % 1000 / 100))) }
            @match state.running {
                Some(since) => (fact("running for", &length(now - since))),
                None => @if let Some(next) = state.next_pass(now) { (fact("next pass in", &length(next - now))) },
            }
            (waiting(state, now))
            (fact("schedule", state.schedule.line()))
            (fact("up for", &length(now - state.started)))
        }
    }
}

/// Where the last pass's time went.
fn stages(state: &Snapshot) -> Markup {
    let report = state.last.as_ref().and_then(|last| last.report.as_ref());
    let took = report.map(|report| &report.stages).filter(|took| !took.is_empty());
    html! {
        @if let Some(took) = took {
            h2 { "Last pass by stage" }
            dl { @for (stage, took) in took {
                (fact(&stage.word().replace('_', " "), &format!("{} ms", thousands(millis(*took)))))
            } }
        }
    }
}

/// Mail that waits for a server to take it.
fn waiting(state: &Snapshot, now: DateTime<Utc>) -> Markup {
    let (letters, oldest) = state.waiting;
    let words = match oldest {
        Some(oldest) if letters > 0 => format!("{letters}, for {}", length(now - oldest)),
        _ => "none".to_owned(),
    };
    html! {
        @if letters == 0 { (fact("waiting mail", &words)) }
        @else { div { dt { "waiting mail" } dd.warn { (words) } } }
    }
}

fn fact(what: &str, value: &str) -> Markup {
    html! { div { dt { (what) } dd { (value) } } }
}

/// What is shown is not of the last pass.
fn as_of(old: Option<&str>) -> Markup {
    html! { @if let Some(old) = old { span.warn { " as of " (old) } } }
}

fn counts(report: &Report) -> Markup {
    let counts = report.counts;
    let all = [
        ("servers", counts.servers),
        ("changed", counts.changed),
        ("failed", counts.failed),
        ("discovered", counts.discovered),
        ("missing", counts.missing),
        ("held", counts.held),
    ];
    html! { dl { @for (what, count) in all { (fact(what, &thousands(count))) } } }
}

#[cfg(test)]
mod tests;
