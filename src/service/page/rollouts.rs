//! The parts of the status page that are about time: rollouts with their gates, and the last passes.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::parts::waves;
use crate::gate::Verdict;
use crate::plan::{GateLine, RolloutPlan};
use crate::report::Report;
use crate::service::state::EndedPass;
use crate::text::{ago, plain, thousands};

/// The most rollouts that are shown one by one.
const MOST_ROLLOUTS: usize = 50;

/// Each rollout that is under way: how far it is, and what its gates gave.
pub(super) fn rollouts(report: &Report) -> Markup {
    let under_way = || {
        let lines = report.channels.iter();
        lines.filter_map(|line| Some((line, line.rollout.as_ref()?)))
    };
    html! {
        @for (line, rollout) in under_way().take(MOST_ROLLOUTS) {
            section.rollout {
                h3 {
                    (plain(line.name.as_str())) " "
                    @if let Some(former) = &rollout.former { (plain(former.as_str())) " → " }
                    (plain(rollout.version.as_str()))
                    span.dim { " · " (plain(&rollout.strategy)) }
                }
                (waves(rollout))
                p { (how_far(rollout)) }
                @if !rollout.why.is_empty() { p.dim { (plain(&rollout.why)) } }
                @if !rollout.gates.is_empty() { (gates(&rollout.gates)) }
            }
        }
        @if let Some(more) = under_way().count().checked_sub(MOST_ROLLOUTS).filter(|more| *more > 0) {
            p.dim { "And " (more) " more; fleetsheet explain CHANNEL tells each." }
        }
    }
}

fn how_far(rollout: &RolloutPlan) -> String {
    let (wave, waves) = (rollout.wave, rollout.waves);
    let (carrying, size) = (thousands(rollout.carrying), thousands(rollout.size));
    let state = rollout.state.word();
    let name = if rollout.phase.is_some() { "phase" } else { "wave" };
    format!(
        "{state} · {name} {wave} of {waves} ({}), {carrying} of {size} servers",
        plain(&rollout.to)
    )
}

fn gates(gates: &[GateLine]) -> Markup {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    html! {
        div.wide {
            table {
                thead { tr {
                    th { "gate" } th { "reading" }
                    @for name in ["value", "former", "limit", "passes"] { th.n { (name) } }
                    th { "why" }
                } }
                tbody {
                    @for line in gates {
                        tr {
                            td.name.short { (plain(&line.gate)) }
                            @let verdict = line.reading.verdict;
                            td.(tone(verdict)) {
                                (verdict.words()) @if line.left_out { " · left out" } @if line.report_only { " · only shown" }
                            }
                            td.n data-of="value" { (number(line.reading.value)) }
                            td.n data-of="former" { (number(line.reading.compared)) }
                            td.n data-of="limit" { (number(line.reading.limit)) }
                            td.n data-of="passes" {
                                (line.passes) @if line.needed > 0 { "/" (line.needed) }
                                @if line.failures > 0 { " · " (line.failures) " failed" }
                            }
                            td { (plain(&line.reading.why)) }
                        }
                    }
                }
            }
        }
    }
}

fn tone(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "good",
        Verdict::Fail => "bad",
        Verdict::NoData => "warn",
    }
}

/// The last passes, the newest first.
pub(super) fn passes(passes: &[EndedPass], now: DateTime<Utc>) -> Markup {
    html! {
        h2 { "Last passes" }
        @if passes.is_empty() { p.dim { "None yet." } }
        @else {
            div.wide {
                table {
                    thead { tr {
                        th { "ended" } th { "outcome" }
                        @for name in ["took", "changed", "failed", "requests"] { th.n { (name) } }
                        th { "why" }
                    } }
                    tbody { @for pass in passes.iter().rev() { (pass_line(pass, now)) } }
                }
            }
        }
    }
}

fn pass_line(pass: &EndedPass, now: DateTime<Utc>) -> Markup {
    let report = pass.report.as_deref();
    let class = match pass.word() {
        "done" => "good",
        "failed" => "bad",
        _ => "warn",
    };
    let took = report.map(|report| format!("{}.{} s", report.duration_ms / 1000, report.duration_ms % 1000 / 100));
    let count = |of: fn(&Report) -> u64| report.map(|report| thousands(of(report))).unwrap_or_default();
    html! {
        tr {
            td.time { (ago(now - pass.at)) }
            td.(class) { (pass.word()) }
            td.n data-of="took" { (took.unwrap_or_default()) }
            td.n data-of="changed" { (count(|report| report.counts.changed)) }
            td.n data-of="failed" { (count(|report| report.counts.failed)) }
            td.n data-of="requests" { (count(|report| report.calls.values().sum())) }
            td { (plain(&pass.why().unwrap_or_default())) }
        }
    }
}
