//! The status page: the last pass, the channels and what needs a person, on one page without a script.
//!
//! Everything in it that comes from a cell, a tag or a message is somebody else's text: escaped, and without characters
//! that turn the reading direction.

use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::state::{EndedPass, Snapshot};
use crate::plan::Tone;
use crate::problem::Problem;
use crate::report::{Report, with_unseen};
use crate::text::{ago, length, plain};

/// The most problems that are listed; `fleetsheet plan` shows all.
const MOST_PROBLEMS: usize = 100;

const STYLE: &str = "
:root{color-scheme:light dark;--back:#fff;--text:#1b1f24;--dim:#59636e;--line:#d1d9e0;--card:#f6f8fa;--good:#1a7f37;--bad:#b42318;--warn:#8a5a00}
@media(prefers-color-scheme:dark){:root{--back:#0d1117;--text:#e6edf3;--dim:#9198a1;--line:#3d444d;--card:#151b23;--good:#3fb950;--bad:#ff7b72;--warn:#e3b341}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1rem;background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.3rem;margin:.2rem 0}h2{font-size:1.05rem;margin:1.6rem 0 .5rem}
.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
.state{font-weight:600}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:.6rem;margin:.8rem 0}
dl div{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.4rem .7rem}
dt{color:var(--dim);font-size:.8rem}dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}th,td.name{overflow-wrap:break-word}
a{color:inherit}
th{color:var(--dim);font-weight:500;font-size:.85rem}
td.name,td.word{font-family:ui-monospace,monospace;font-size:.88rem}
td.word{white-space:nowrap}
p.note{background:var(--card);border-left:4px solid var(--warn);padding:.5rem .8rem;overflow-wrap:anywhere}
@media(max-width:40rem){table,tbody,tr,td{display:block}thead{display:none}td{border:0;padding:.1rem 0}tr{display:block;border-bottom:1px solid var(--line);padding:.5rem 0}
td[data-of]:not(:empty)::before{content:attr(data-of) \": \";color:var(--dim);font-family:system-ui,sans-serif}td.name{font-weight:600}}
footer{margin-top:2rem;font-size:.85rem}
";

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
                @match report {
                    Some((at, report)) => {
                        (counts(report))
                        (channels(at, report, state, now))
                    }
                    None => p.dim { "No pass has reported any channels yet." },
                }
                (problems(state.last.as_ref()))
                footer.dim {
                    "fleetsheet " (env!("CARGO_PKG_VERSION")) " · spreadsheet " (plain(&state.spreadsheet)) " · "
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
                None => @if let Some(next) = state.schedule.next(now) { (fact("next pass in", &length(next - now))) },
            }
            (fact("schedule", state.schedule.line()))
            (fact("up for", &length(now - state.started)))
        }
    }
}

fn fact(what: &str, value: &str) -> Markup {
    html! { div { dt { (what) } dd { (value) } } }
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
    html! { dl { @for (what, count) in all { (fact(what, &count.to_string())) } } }
}

fn channels(at: DateTime<Utc>, report: &Report, state: &Snapshot, now: DateTime<Utc>) -> Markup {
    let is_last = state.last.as_ref().is_none_or(|last| last.at == at);
    html! {
        h2 { "Channels" @if !is_last { span.dim { " as of " (ago(now - at)) } } }
        div.wide {
            table {
                thead { tr { th { "channel" } th { "release" } th { "previous" } th { "status" } } }
                tbody {
                    @for line in &report.channels {
                        tr {
                            td.name { (plain(line.name.as_str())) }
                            td.name data-of="release" { (plain(&line.release)) }
                            td.name data-of="previous" { (plain(&line.previous)) }
                            @let (status, seen) = with_unseen(&line.status, line.tone, line.unseen);
                            td.(tone(seen)) { (plain(&status)) }
                        }
                    }
                }
            }
        }
    }
}

/// The class of a status, by how it reads.
fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Waiting => "warn",
        Tone::Bad => "bad",
    }
}

fn problems(last: Option<&EndedPass>) -> Markup {
    let Some(last) = last else { return Markup::default() };
    let problems: &[Problem] = last.report.as_ref().map_or(&[], |report| &report.problems);
    html! {
        h2 { "Open problems" @if !problems.is_empty() { span.dim { " (" (problems.len()) ")" } } }
        @match (&last.reason, problems) {
            (None, []) => p.good { "None." },
            (Some(why), []) => p.bad { (plain(why)) },
            (_, problems) => {
                div.wide {
                    table {
                        thead { tr { th { "kind" } th { "where" } th { "what to do" } } }
                        tbody {
                            @for problem in problems.iter().take(MOST_PROBLEMS) {
                                tr {
                                    td.word { (problem.kind.word()) }
                                    td.name { (plain(&problem.place)) }
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

#[cfg(test)]
mod tests;
