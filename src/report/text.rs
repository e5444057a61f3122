//! The report and the plan as pages for people.

use std::fmt::Write as _;

use serde_json::Value;

use super::Report;
use crate::pass_end::Ending;
use crate::plan::Happening;
use crate::text::{plain, thousands, write_shown};

/// How many of a long list are shown.
const SHOWN: usize = 12;

/// JSON on one line, with escapes for hidden characters beyond those that JSON asks for: it may be read on a terminal.
#[must_use]
pub fn json_line(value: &Value) -> String {
    let mut line = String::new();
    for c in value.to_string().chars() {
        let _ = write_shown(&mut line, c);
    }
    line
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// A table whose columns are two spaces apart, for a terminal. Its cells are shown as they are.
#[must_use]
pub fn aligned(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    table(&mut out, head, rows);
    out
}

fn table(out: &mut String, head: &[&str], rows: &[Vec<String>]) {
    let columns = head.len();
    let widths: Vec<usize> = (0..columns)
        .map(|i| {
            rows.iter()
                .filter_map(|r| r.get(i))
                .map(|c| width(c))
                .chain([width(head[i])])
                .max()
                .unwrap_or(0)
                .min(60)
        })
        .collect();
    let mut line = |cells: &[String]| {
        let mut text = String::from("  ");
        for (i, cell) in cells.iter().enumerate() {
            text.push_str(cell);
            if i + 1 < columns {
                text.extend(std::iter::repeat_n(' ', widths[i].saturating_sub(width(cell)) + 2));
            }
        }
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(&head.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>());
    for row in rows {
        line(row);
    }
}

fn fold<T>(out: &mut String, list: &[T], mut show: impl FnMut(&mut String, &T)) {
    for item in list.iter().take(SHOWN) {
        show(out, item);
    }
    if list.len() > SHOWN {
        let _ = writeln!(out, "  … and {} more", thousands(list.len()));
    }
}

impl Report {
    /// The page of `--format text`.
    #[must_use]
    pub fn text(&self) -> String {
        page(self)
    }
}

/// What was counted: servers, tags by reason, servers of other sheets.
fn counts(out: &mut String, report: &Report) {
    let c = report.counts;
    let would = if report.preview { "to change" } else { "changed" };
    let _ = writeln!(
        out,
        "\nservers {} · {would} {} · failed {} · discovered {} · missing {} · held {}",
        c.servers, c.changed, c.failed, c.discovered, c.missing, c.held
    );
    let reasons = report.tally.iter().flat_map(|tally| &tally.changes);
    let reasons: Vec<String> = reasons.map(|(reason, n)| format!("{reason} {n}")).collect();
    if !reasons.is_empty() {
        let _ = writeln!(out, "tags changed by reason: {}", reasons.join(", "));
    }
    if !report.not_ours.is_empty() {
        let list: Vec<String> = report
            .not_ours
            .iter()
            .map(|(name, n)| format!("{} {n}", plain(name)))
            .collect();
        let _ = writeln!(
            out,
            "servers of other sheets' channels, left alone: {}",
            list.join(", ")
        );
    }
}

pub(super) fn page(report: &Report) -> String {
    let mut out = String::new();
    let headline = match report.outcome {
        Ending::Done if report.preview => "nothing to change",
        Ending::Done => "done",
        Ending::Failed => "FAILED",
        Ending::Changes => "changes to make",
        Ending::Held if report.preview => "something would be held back, see below",
        Ending::Partial if report.preview => "a source was down, so part of the fleet was not seen",
        Ending::Partial => "done in part: some servers failed or a source was down",
        Ending::Held => "done in part: something is held back, see below",
        Ending::Stopped => "STOPPED before anything was written",
        Ending::Busy => "not begun: another pass holds the state store",
    };
    let verb = if report.preview { "plan" } else { "pass" };
    let _ = writeln!(out, "{verb} {}: {headline}", report.run);
    if let Some(cause) = report.cause() {
        let _ = writeln!(out, "because: {}", plain(&cause));
    }
    if !report.channels.is_empty() {
        out.push('\n');
        let rows: Vec<Vec<String>> = report
            .channels
            .iter()
            .map(|c| {
                // What moved in this pass is what people look for first.
                let behind = c.concerned.saturating_sub(c.carrying);
                let status = match (c.moved.as_str(), report.preview) {
                    ("", _) => c.status.clone(),
                    (moved, true) => format!(
                        "next pass: {moved}, on {} of {} servers",
                        thousands(behind),
                        thousands(c.concerned)
                    ),
                    (moved, false) => format!("{moved}: {}", c.status),
                };
                [c.name.as_str(), &c.release, &c.previous, &status]
                    .iter()
                    .map(|cell| plain(cell))
                    .collect()
            })
            .collect();
        table(&mut out, &["channel", "release", "previous", "status"], &rows);
    }
    counts(&mut out, report);
    // A key that is spent follows from something else that is told.
    let events: Vec<&Happening> = report
        .events
        .iter()
        .filter(|event| event.event != "key_spent")
        .collect();
    if !events.is_empty() {
        let _ = writeln!(out, "\n{}", if report.preview { "would happen" } else { "happened" });
        fold(&mut out, &events, |out, event| {
            let _ = writeln!(out, "  {:<17} {}", plain(event.event), happening(event));
        });
    }
    if !report.problems.is_empty() {
        let _ = writeln!(out, "\nproblems");
        fold(&mut out, &report.problems, |out, p| {
            let _ = writeln!(out, "  {:<17} {}", p.kind.word(), plain(&p.message));
        });
    }
    let calls: Vec<String> = report.calls.iter().map(|(method, n)| format!("{method} {n}")).collect();
    let _ = writeln!(
        out,
        "\ncalls   {}",
        if calls.is_empty() {
            "none".to_owned()
        } else {
            calls.join(", ")
        }
    );
    #[expect(clippy::cast_precision_loss, reason = "a pass lasts minutes")]
    let seconds = report.duration_ms as f64 / 1000.0;
    let _ = writeln!(out, "time    {seconds:.2} s");
    out
}

fn happening(event: &Happening) -> String {
    let versions = match (event.from.as_str(), event.to.as_str()) {
        ("", to) => to.to_owned(),
        (from, to) => format!("{from} → {to}"),
    };
    let words = [event.channel.as_str(), &versions, &event.detail].map(plain);
    words
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
