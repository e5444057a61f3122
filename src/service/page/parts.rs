//! The parts of the status page that are lists: channels, events, problems.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use crate::memory::Event;
use crate::plan::{RolloutPlan, Tone};
use crate::problem::Problem;
use crate::report::{Report, told, versions, with_unseen};
use crate::service::state::EndedPass;
use crate::settle::ChannelLine;
use crate::text::{plain, thousands};

/// The most problems that are listed; `fleetsheet plan` shows all.
const MOST_PROBLEMS: usize = 100;
/// So many things that happened are listed; `fleetsheet history` shows all.
const MOST_EVENTS: usize = 10;
/// So many waves are drawn.
const MOST_WAVES: usize = 50;
/// Bytes of a name that fits a column.
const SHORT: usize = 32;

/// Something that the sheet holds, as a link to it where it is known where that is.
fn place(name: &str, report: &Report) -> Markup {
    html! {
        @match report.links.get(name).filter(|link| !link.is_empty()) {
            Some(link) => a href=(link) { (plain(name)) },
            None => (plain(name)),
        }
    }
}

pub(super) fn channels(report: &Report) -> Markup {
    let counts = ["servers", "on release", "failed", "held", "not seen"];
    html! {
        div.wide {
            table {
                thead { tr {
                    th { "channel" } th { "release" } th { "previous" }
                    @for count in counts { th.n { (count) } }
                    th { "status" }
                } }
                tbody {
                    @for line in &report.channels {
                        tr {
                            td.name.(width(line.name.as_str())) { (place(line.name.as_str(), report)) }
                            td.name.(width(&line.release)) data-of="release" { (plain(&line.release)) }
                            td.name.(width(&line.previous)) data-of="previous" { (plain(&line.previous)) }
                            @for (name, count) in counts.into_iter().zip(numbers(line)) {
                                td.n data-of=(name) { (count) }
                            }
                            @let (status, seen) = with_unseen(&line.status, line.tone, line.unseen);
                            td.(tone(seen)) { (plain(&status)) @if let Some(rollout) = &line.rollout { (waves(rollout)) } }
                        }
                    }
                }
            }
        }
    }
}

/// A bar of a rollout's waves: those that are over, the one that is under way, and those to come.
pub(super) fn waves(rollout: &RolloutPlan) -> Markup {
    let class = |wave: usize| match wave.cmp(&rollout.wave) {
        Ordering::Less => "over",
        Ordering::Equal => "now",
        Ordering::Greater => "next",
    };
    let name = if rollout.phase.is_some() { "phase" } else { "wave" };
    let words = format!("{name} {} of {} ({})", rollout.wave, rollout.waves, rollout.to);
    html! {
        div.waves role="img" aria-label=(words) title=(words) {
            @for wave in 1..=rollout.waves.min(MOST_WAVES) { span.(class(wave)) {} }
        }
    }
}

/// Servers, those on the release, failed, held and not seen. Blank where nothing was counted or is worth a look.
fn numbers(line: &ChannelLine) -> [String; 5] {
    // A pass that was stopped decided nothing about it, and counted none.
    let Some(_) = line.state else { return Default::default() };
    let few = |count: u64| {
        if count == 0 { String::new() } else { thousands(count) }
    };
    [
        thousands(line.concerned + line.held),
        thousands(line.carrying),
        few(line.failed),
        few(line.held),
        few(line.unseen),
    ]
}

/// The class of a name by its length: a short one is not broken at its hyphens.
fn width(name: &str) -> &'static str {
    if name.len() <= SHORT { "short" } else { "long" }
}

/// The class of a status, by how it reads.
fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Waiting => "warn",
        Tone::Bad => "bad",
    }
}

/// The last things that happened, the newest first.
pub(super) fn events(events: &[Event]) -> Markup {
    let told = told(events);
    html! {
        h2 { "Last events" }
        @if told.is_empty() { p.dim { "None yet." } }
        @else {
            div.wide {
                table {
                    thead { tr { th { "time" } th { "channel" } th { "event" } th { "what" } } }
                    tbody {
                        @for one in told.iter().rev().take(MOST_EVENTS) {
                            tr {
                                td.time.dim { (time(one.event.time)) }
                                td.name.(width(&one.event.channel)) { (plain(&one.event.channel)) }
                                td.word { (plain(&one.event.event)) }
                                @let parts = [versions(&one.event.from, &one.event.to), one.detail()];
                                @let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                                td { (plain(&parts.join(" · "))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

pub(super) fn problems(last: Option<&EndedPass>) -> Markup {
    let Some(last) = last else { return Markup::default() };
    let report = last.report.as_deref();
    let problems: &[Problem] = report.map_or(&[], |report| &report.problems);
    html! {
        h2 { "Open problems" @if !problems.is_empty() { span.dim { " (" (problems.len()) ")" } } }
        @match (&last.reason, report, problems) {
            (None, _, []) => p.good { "None." },
            (Some(why), _, []) => p.bad { (plain(why)) },
            (_, None, _) => {},
            (_, Some(report), problems) => {
                div.wide {
                    table {
                        thead { tr { th { "kind" } th { "where" } th { "what to do" } } }
                        tbody {
                            @for problem in problems.iter().take(MOST_PROBLEMS) {
                                tr {
                                    td.word { (problem.kind.word()) }
                                    td.name { (place(&problem.place, report)) }
                                    td { (plain(&problem.message)) }
                                }
                            }
                        }
                    }
                }
                @if problems.len() > MOST_PROBLEMS {
                    p.dim { "And " (problems.len() - MOST_PROBLEMS) " more; fleetsheet plan lists all." }
                }
            }
        }
    }
}
