use chrono::TimeDelta;
use std::sync::Arc;

use super::*;
use crate::config::Cron;
use crate::gate::{Reading, Verdict};
use crate::memory::Event;
use crate::pass_end::PassEnd;
use crate::plan::{GateLine, Phase, RolloutPlan, RolloutRule, State};
use crate::problem::{Code, Kind, Problem};
use crate::report::Tally;
use crate::service::metrics::Metrics;
use crate::service::schedule::Schedule;
use crate::service::state::ServiceState;
use crate::settle::ChannelLine;
use crate::stages::Stage;

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
        followed: 0,
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
        agents: crate::plan::AgentCounts::default(),
        state: None,
        desired_a: Some(text.into()),
        desired_b: None,
        held: 0,
        unseen: 0,
        rollout: None,
        open: true,
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
    let millis = |millis| std::time::Duration::from_millis(millis);
    report.stages = [(Stage::Observe, millis(1212)), (Stage::WriteBack, millis(7))].into();
    let ended = |report: Option<Report>, at, reason: Option<&str>| EndedPass {
        at,
        report: report.map(Arc::new),
        reason: reason.map(str::to_owned),
    };
    state.ended(ended(Some(report), at("2026-01-01T00:00:05Z"), None));
    let done = page(&state.snapshot(), at("2026-01-01T00:01:10Z"));
    assert!(
        done.contains("<dt>observe</dt><dd>1,212 ms</dd>") && done.contains("<dt>write back</dt><dd>7 ms</dd>"),
        "{done}"
    );
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

/// A report of a pass that counted: web-prod is on its way, and one region was down.
fn counted() -> Report {
    let mut report = hostile();
    report.outcome = crate::pass_end::Ending::Partial;
    report.tally = Some(Tally::default());
    report.regions = Some((0, 4));
    let line = &mut report.channels[0];
    line.name = "web-prod".into();
    line.status = "in sync".into();
    line.tone = crate::plan::Tone::Good;
    line.state = Some(State::InSync);
    (line.concerned, line.carrying, line.failed, line.held, line.unseen) = (1500, 1200, 7, 3, 604);
    let sheet = "https://docs.google.com/spreadsheets/d/book/edit#gid=11&range=2:2";
    report.links.insert("web-prod".into(), sheet.into());
    let event = |what: &str, detail: &str| Event {
        time: at("2026-01-01T00:04:30Z"),
        run: "r".into(),
        channel: "web-prod".into(),
        event: what.into(),
        from: "2.4.0".into(),
        to: "2.3.9".into(),
        detail: detail.into(),
    };
    report.recent = vec![
        event("rollback", "<b>3 held"),
        event("key_spent", "key A: it was rolled back"),
    ];
    report
}

#[test]
fn channels_have_counts_and_links_and_what_happened_is_told() {
    let state = state();
    let ended = |at, report: Report| EndedPass {
        at,
        report: Some(Arc::new(report)),
        reason: None,
    };
    state.ended(ended(at("2026-01-01T00:05:00Z"), counted()));
    let shown = page(&state.snapshot(), at("2026-01-01T00:05:10Z"));
    for words in [
        "href=\"https://docs.google.com/spreadsheets/d/book/edit\"",
        "edit#gid=11&amp;range=2:2\">web-prod</a>",
        "data-of=\"servers\">1,503</td>",
        "data-of=\"on release\">1,200</td>",
        "data-of=\"failed\">7</td>",
        "data-of=\"held\">3</td>",
        "data-of=\"not seen\">604</td>",
        "<td class=\"warn\">in sync · 604 not seen</td>",
        "0 of 4 account regions answered",
        "2026-01-01 00:04:30",
        "2.4.0 → 2.3.9 · &lt;b&gt;3 held · key A is spent",
        "<dd>none</dd>",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains("as of") && !shown.contains("key_spent"), "{shown}");

    // A pass that a belt stopped counted nothing: what is known of the fleet is older, and says so wherever it is shown.
    let mut stopped = hostile();
    stopped.backlog = Some(crate::mail::Backlog {
        letters: 2,
        oldest: Some(at("2026-01-01T00:05:00Z")),
        ..Default::default()
    });
    state.ended(ended(at("2026-01-01T00:10:00Z"), stopped));
    let later = page(&state.snapshot(), at("2026-01-01T00:12:00Z"));
    assert_eq!(later.matches("as of 7 min ago").count(), 2, "{later}");
    assert!(later.contains("1,503") && later.contains("web-prod"), "{later}");
    assert!(later.contains("<dd class=\"warn\">2, for 7 min</dd>"), "{later}");
    assert!(later.contains("2026-01-01 00:04:30"), "events stay: {later}");
}

#[test]
fn a_rollout_is_drawn_as_a_bar_of_its_waves() {
    let state = state();
    let mut report = counted();
    report.channels[0].rollout = Some(RolloutPlan {
        phase: None,
        version: crate::tag::Version::parse("2.0").unwrap(),
        former: None,
        strategy: "careful".into(),
        wave: 2,
        waves: 4,
        to: "zone:\"><b>".into(),
        size: 4,
        members: 4,
        carrying: 4,
        stuck: 0,
        state: Phase::Moving,
        rule: RolloutRule::Moves,
        why: String::new(),
        since: at("2026-01-01T00:00:00Z"),
        not_before: None,
        gates: vec![GateLine {
            gate: "<i>errors".into(),
            reading: Reading {
                verdict: Verdict::Fail,
                value: Some(0.031),
                compared: Some(0.004),
                limit: Some(0.01),
                why: "0.031 > 0.01".into(),
                ..Reading::no_data("")
            },
            left_out: false,
            report_only: false,
            passes: 0,
            needed: 3,
            failures: 1,
            asked: Vec::new(),
        }],
    });
    state.ended(EndedPass {
        at: at("2026-01-01T00:05:00Z"),
        report: Some(Arc::new(report)),
        reason: None,
    });
    let shown = page(&state.snapshot(), at("2026-01-01T00:05:10Z"));
    let bar = "<span class=\"over\"></span><span class=\"now\"></span><span class=\"next\"></span><span class=\"next\"></span>";
    assert!(shown.contains(bar), "{shown}");
    for words in [
        "wave 2 of 4 (zone:&quot;&gt;&lt;b&gt;), 4 of 4 servers",
        "&lt;i&gt;errors</td><td class=\"bad\">fail</td>",
        "data-of=\"value\">0.031</td><td class=\"n\" data-of=\"former\">0.004</td><td class=\"n\" data-of=\"limit\">0.01</td>",
        "data-of=\"passes\">0/3 · 1 failed</td><td>0.031 &gt; 0.01</td>",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn problems_come_first_and_passes_are_remembered() {
    let state = state();
    for minute in 0..20 {
        let mut report = counted();
        report.duration_ms = 1234;
        report.calls = [("ec2.CreateTags".to_owned(), 1000 + minute)].into();
        state.ended(EndedPass {
            at: at("2026-01-01T00:00:00Z") + TimeDelta::minutes(i64::try_from(minute).unwrap()),
            report: Some(Arc::new(report)),
            reason: Some("<b>why".to_owned()).filter(|_| minute == 19),
        });
    }
    let shown = page(&state.snapshot(), at("2026-01-01T00:20:00Z"));
    let place = |words: &str| shown.find(words).unwrap_or_else(|| panic!("{words}: {shown}"));
    assert!(place("Open problems") < place("<h2>Fleet"), "{shown}");
    assert!(
        place("data-of=\"requests\">1,019") < place("data-of=\"requests\">1,018"),
        "the newest first"
    );
    assert_eq!(shown.matches("data-of=\"requests\"").count(), 12, "{shown}");
    assert!(
        shown.contains("1.2 s</td>") && shown.contains("<td>&lt;b&gt;why</td>"),
        "{shown}"
    );
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
