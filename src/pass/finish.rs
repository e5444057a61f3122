//! The last touches of a report, and the log's lines about it: one for each event, one for how the pass ended.

use tracing::{debug, info};

use super::input::PassInput;
use crate::report::Report;
use crate::stages::millis;
use crate::text::plain;

pub(super) fn finish(input: &PassInput<'_>, mut report: Report) -> Report {
    report.duration_ms = millis(input.began.elapsed());
    report.stages = input.stages.took();
    report.calls = input.calls.snapshot();
    for problem in &report.problems {
        debug!(problem.kind = problem.kind.word(), problem.place = %problem.place, "{}", problem.message);
    }
    if report.interrupted {
        let why = report.problems.first().map(|problem| problem.message.as_str());
        info!("{}", why.unwrap_or_default());
    } else if !report.preview {
        // A preview is not a pass.
        log(&report, "pass ended");
    }
    report
}

/// The log's lines about how something ended, which `words` say last.
pub fn log(report: &Report, words: &str) {
    for event in &report.events {
        info!(
            channel = %plain(&event.channel),
            from = %plain(&event.from),
            to = %plain(&event.to),
            detail = %plain(&event.detail),
            "{}",
            event.event
        );
    }
    info!(
        outcome = report.outcome.word(),
        servers = report.counts.servers,
        changed = report.counts.changed,
        failed = report.counts.failed,
        problems = report.problems.len(),
        duration_ms = report.duration_ms,
        reason = report.cause(),
        "{words}"
    );
}
