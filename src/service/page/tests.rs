use chrono::TimeDelta;
use std::sync::Arc;

use super::*;
use crate::config::Cron;
use crate::pass_end::PassEnd;
use crate::problem::{Code, Kind};
use crate::service::metrics::Metrics;
use crate::service::schedule::Schedule;
use crate::service::state::ServiceState;
use crate::settle::ChannelLine;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn state() -> ServiceState {
    let now = at("2026-01-01T00:00:00Z");
    let schedule = Schedule::new(&Cron::parse("0 */5 * * * *").unwrap(), "a", now);
    ServiceState::new(Metrics::new().unwrap(), schedule, "book", false, now)
}

fn hostile() -> Report {
    let text = "<script>alert(1)</script>\u{202e}\" onload=\"x";
    let problems = vec![Problem::new(Kind::BadCell, Code::Version, text, text)];
    let mut report = Report::new("r", &PassEnd::Unread(problems), None);
    report.channels.push(ChannelLine {
        concerned: 0,
        carrying: 0,
        failed: 0,
        cause: text.into(),
        name: text.into(),
        release: text.into(),
        previous: text.into(),
        status: text.into(),
        tone: crate::plan::Tone::Waiting,
        moved: String::new(),
        left_behind: Vec::new(),
        state: None,
        desired_a: Some(text.into()),
        desired_b: None,
        held: 0,
        unseen: 0,
    });
    report
}

#[test]
fn nothing_from_a_cell_is_markup() {
    let state = state();
    let ended = EndedPass {
        at: at("2026-01-01T00:05:00Z"),
        report: Some(Arc::new(hostile())),
        reason: Some("<b>".to_owned()),
    };
    state.ended(ended);
    state.files(Some("<i>bad".to_owned()));
    let page = page(&state.snapshot(), at("2026-01-01T00:06:00Z"));
    assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
    for never in ["<script", "<b>", "<i>", "\u{202e}", "\" onload"] {
        assert!(!page.contains(never), "{never}: {page}");
    }
}

#[test]
fn a_page_says_what_it_knows_at_each_time() {
    let state = state();
    let first = page(&state.snapshot(), at("2026-01-01T00:00:01Z"));
    assert!(
        first.contains("waiting for the first pass") && first.contains("No pass has reported"),
        "{first}"
    );
    state.began(at("2026-01-01T00:00:01Z"));
    let running = page(&state.snapshot(), at("2026-01-01T00:00:04Z"));
    assert!(
        running.contains("the first pass is running") && running.contains("<dd>3 s</dd>"),
        "{running}"
    );
    let mut report = hostile();
    report.outcome = crate::pass_end::Ending::Done;
    let ended = |report: Option<Report>, at, reason: Option<&str>| EndedPass {
        at,
        report: report.map(Arc::new),
        reason: reason.map(str::to_owned),
    };
    state.ended(ended(Some(report), at("2026-01-01T00:00:05Z"), None));
    let done = page(&state.snapshot(), at("2026-01-01T00:01:10Z"));
    assert!(
        done.contains("last pass done") && done.contains("<dd>1 min 5 s ago</dd>"),
        "{done}"
    );
    state.ended(ended(None, at("2026-01-01T00:05:00Z"), Some("no network")));
    let failed = page(&state.snapshot(), at("2026-01-01T00:30:00Z"));
    assert!(
        failed.contains("not ready: last pass failed") && failed.contains("no network"),
        "{failed}"
    );
    assert!(failed.contains("as of 29 min 55 s ago"), "the channels stay: {failed}");
}

#[test]
fn lengths_are_read_at_a_glance() {
    for (seconds, words) in [
        (0, "0 s"),
        (-5, "0 s"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (3601, "1 h"),
        (90_000, "1 d 1 h"),
    ] {
        assert_eq!(length(TimeDelta::seconds(seconds)), words);
    }
}
