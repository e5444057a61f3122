//! Windows and freezes: every opening of four years against a scan of clocks, and what people are told at a moment.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scan;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet::plan::window::{Closed, Hours, Span, hours, openings};
use fleetsheet::window::{Days, Edge, Freeze, TimeOfDay, Window, zone};
use scan::{Clock, Seen};

const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn window(days: &[&str], start: &str, end: &str, place: &str, cutoff: u64) -> Window {
    let time = |text| TimeOfDay::read(text).unwrap();
    let cutoff = Duration::from_secs(cutoff * 60);
    Window::new(
        Days::read(days).unwrap(),
        time(start),
        time(end),
        zone(place).unwrap(),
        cutoff,
    )
    .unwrap()
}

fn freeze(from: &str, to: &str, place: Option<&str>, reason: &str) -> Freeze {
    let edge = |text| Edge::read(text).unwrap();
    Freeze::new(edge(from), edge(to), place.map(|place| zone(place).unwrap()), reason).unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// All openings of 2024 to 2027, by the program.
fn listed(window: &Window) -> Vec<Span> {
    let (mut now, end) = (at("2023-12-31T12:00:00Z"), at("2028-01-01T12:00:00Z"));
    let mut spans: Vec<Span> = Vec::new();
    loop {
        let more = openings(window, &[], now, 300);
        let Some(last) = more.last() else { return spans };
        now = last.span.opens;
        spans.extend(more.iter().map(|opening| opening.span).filter(|span| span.opens < end));
        if now >= end {
            return spans;
        }
    }
}

/// Holds the openings of one window against the scan, and returns what the scan saw of changed clocks.
fn compare(clock: &Clock, days: &[&str], start: &str, end: &str, cutoff: u64, step: i64) -> Seen {
    let window = window(days, start, end, &clock.zone, cutoff);
    let (wanted, seen) = clock.openings(days, start, end, cutoff, step);
    let found = listed(&window);
    let name = format!("{} {start}-{end} {days:?} cutoff {cutoff}", clock.zone);
    let pairs: Vec<(i64, i64, i64)> = found
        .iter()
        .map(|span| (span.opens.timestamp(), span.until.timestamp(), span.closes.timestamp()))
        .collect();
    let first = pairs.iter().zip(&wanted).find(|(found, wanted)| found != wanted);
    assert_eq!(first, None, "{name}");
    assert_eq!(pairs.len(), wanted.len(), "{name}");
    // A day beyond the last one is missing here.
    for n in 1..found.len() - 1 {
        let (before, span, next) = (&found[n - 1], &found[n], &found[n + 1]);
        // Openings around a change of clocks, and some others.
        if n % 40 == 0 || clock.changes_near(span.opens.timestamp()) {
            let (follows, followed) = (before.until == span.opens, span.until == next.opens);
            edges(&window, span, follows, followed, &name);
        }
    }
    seen
}

/// What is said at the edges of an opening: it is open from the first moment to the last one. Where a whole day is open, the opening of
/// the next day follows at once.
fn edges(window: &Window, span: &Span, follows: bool, followed: bool, name: &str) {
    let open = |at| hours(&[window], &[], at) == Hours::Open;
    let second = TimeDelta::seconds(1);
    assert!(open(span.opens) && open(span.until - second), "{name}: {span:?}");
    assert_eq!(open(span.until), followed, "{name}: {span:?}");
    match hours(&[window], &[], span.opens - second) {
        Hours::Open => assert!(follows, "{name}: {span:?}"),
        Hours::Closed(Closed { opens, .. }) => assert!(!follows && opens == Some(span.opens), "{name}: {span:?}"),
    }
}

#[test]
fn every_opening_of_four_years_is_that_of_the_clocks() {
    let mut sum = Seen::default();
    for clock in Clock::all() {
        let few = &["fri", "sun"][..];
        for (days, start, end, cutoff) in [
            (&WEEK[..], "22:00", "04:00", 30),
            (&WEEK[..], "02:00", "03:00", 0),
            (&WEEK[..], "02:30", "03:30", 15),
            (&WEEK[..], "01:15", "01:45", 0),
            (&WEEK[..], "23:30", "00:30", 0),
            (&WEEK[..], "00:00", "24:00", 0),
            (&WEEK[..], "00:15", "00:00", 0),
            (&WEEK[..], "00:00", "01:00", 45),
            (few, "22:00", "04:00", 0),
            (few, "09:00", "17:00", 60),
        ] {
            sum = sum + compare(&clock, days, start, end, cutoff, 15);
        }
    }
    println!("{sum:?}");
    // Enough of each kind: otherwise this shows nothing.
    assert!(sum.openings > 150_000, "{sum:?}");
    assert!(
        sum.shortened > 100 && sum.left_out > 30 && sum.kept_short > 100,
        "{sum:?}"
    );
}

#[test]
fn every_opening_at_odd_minutes_is_that_of_the_clocks() {
    for clock in Clock::all() {
        if !["Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll"].contains(&&*clock.zone) {
            continue;
        }
        for (start, end) in [("02:17", "03:05"), ("01:59", "02:01"), ("23:59", "02:59")] {
            let seen = compare(&clock, &WEEK, start, end, 0, 1);
            assert!(seen.shortened + seen.left_out > 0, "{} {start}", clock.zone);
        }
    }
}

/// What is waited for, and until when.
fn closed(windows: &[&Window], freezes: &[&Freeze], now: &str) -> (String, String) {
    match hours(windows, freezes, at(now)) {
        Hours::Open => ("open".to_owned(), String::new()),
        Hours::Closed(Closed { what, opens }) => {
            let opens = opens.map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
            (what, opens.unwrap_or_default())
        }
    }
}

#[test]
fn a_window_over_both_changes_of_summer_time() {
    let friday = window(&["fri", "sat"], "22:00", "04:00", "Europe/Berlin", 0);
    for (day, opens, closes) in [
        // Set forward in the night to Sunday: an hour is missing.
        ("2026-03-27", "2026-03-27T21:00:00Z", "2026-03-28T03:00:00Z"),
        ("2026-03-28", "2026-03-28T21:00:00Z", "2026-03-29T02:00:00Z"),
        // Set back in the night to Sunday: an hour is repeated, and the window no longer for it.
        ("2026-10-23", "2026-10-23T20:00:00Z", "2026-10-24T02:00:00Z"),
        ("2026-10-24", "2026-10-24T20:00:00Z", "2026-10-25T02:00:00Z"),
    ] {
        let span = openings(&friday, &[], at(&format!("{day}T12:00:00Z")), 1)[0].span;
        assert_eq!((span.opens, span.closes), (at(opens), at(closes)), "{day}");
        edges(&friday, &span, false, false, day);
    }
    let night = window(&WEEK, "02:00", "03:00", "Europe/Berlin", 0);
    let next = openings(&night, &[], at("2026-03-28T12:00:00Z"), 1);
    assert_eq!(
        next[0].span.opens,
        at("2026-03-30T00:00:00Z"),
        "none on the day of the gap"
    );
}

#[test]
fn people_are_told_what_is_waited_for() {
    let tuesday = window(&["tue"], "22:00", "04:00", "Europe/Berlin", 30);
    let noon = window(&["thu"], "12:00", "13:00", "UTC", 0);
    for (windows, freezes, now, what, opens) in [
        (&[][..], &[][..], "2026-12-01T10:00:00Z", "open", ""),
        (
            &[&tuesday],
            &[],
            "2026-12-01T10:00:00Z",
            "the window Tue 22:00 Europe/Berlin",
            "2026-12-01T21:00:00Z",
        ),
        (&[&tuesday], &[], "2026-12-01T21:00:00Z", "open", ""),
        (&[&tuesday], &[], "2026-12-02T02:29:59Z", "open", ""),
        // In the cutoff and after it.
        (
            &[&tuesday],
            &[],
            "2026-12-02T02:30:00Z",
            "the window Tue 22:00 Europe/Berlin",
            "2026-12-08T21:00:00Z",
        ),
        // One of two is enough, the next one is named.
        (
            &[&tuesday, &noon],
            &[],
            "2026-12-02T02:30:00Z",
            "the window Thu 12:00 UTC",
            "2026-12-03T12:00:00Z",
        ),
        (&[&tuesday, &noon], &[], "2026-12-03T12:59:59Z", "open", ""),
    ] {
        assert_eq!(
            closed(windows, freezes, now),
            (what.to_owned(), opens.to_owned()),
            "{now}"
        );
    }
}

#[test]
fn people_are_told_of_a_freeze_and_of_what_opens_after_it() {
    let tuesday = window(&["tue"], "22:00", "04:00", "Europe/Berlin", 30);
    let holidays = freeze("2026-12-20", "2027-01-06", Some("Europe/Berlin"), "holidays");
    let nothing = freeze("2026-12-01T18:00:00Z", "2026-12-01T21:30:00Z", None, "");
    for (windows, freezes, now, what, opens) in [
        // A freeze closes all, and lets go into a window or before one.
        (&[][..], &[&holidays][..], "2026-12-19T22:59:59Z", "open", ""),
        (
            &[],
            &[&holidays],
            "2026-12-19T23:00:00Z",
            "the freeze until 2027-01-06 (holidays)",
            "2027-01-06T23:00:00Z",
        ),
        (
            &[],
            &[&holidays],
            "2027-01-06T22:59:59Z",
            "the freeze until 2027-01-06 (holidays)",
            "2027-01-06T23:00:00Z",
        ),
        (&[], &[&holidays], "2027-01-06T23:00:00Z", "open", ""),
        (
            &[&tuesday],
            &[&holidays],
            "2026-12-22T22:00:00Z",
            "the freeze until 2027-01-06 (holidays)",
            "2027-01-12T21:00:00Z",
        ),
        (
            &[&tuesday],
            &[&nothing],
            "2026-12-01T21:15:00Z",
            "the freeze until 2026-12-01 21:30 UTC",
            "2026-12-01T21:30:00Z",
        ),
        // The next opening is the next one that no freeze closes, with its date where it is far away.
        (
            &[&tuesday],
            &[&nothing],
            "2026-12-01T10:00:00Z",
            "the window Tue 22:30 Europe/Berlin",
            "2026-12-01T21:30:00Z",
        ),
        (
            &[&tuesday],
            &[&holidays],
            "2026-12-17T10:00:00Z",
            "the window Tue 2027-01-12 22:00 Europe/Berlin",
            "2027-01-12T21:00:00Z",
        ),
        // Of several freezes the one that ends last.
        (
            &[],
            &[&holidays, &nothing],
            "2026-12-01T19:00:00Z",
            "the freeze until 2026-12-01 21:30 UTC",
            "2026-12-01T21:30:00Z",
        ),
    ] {
        assert_eq!(
            closed(windows, freezes, now),
            (what.to_owned(), opens.to_owned()),
            "{now}"
        );
    }
    let whole = freeze("2026-01-01", "2026-12-31", Some("UTC"), "a");
    let then = freeze("2027-01-01", "2027-02-01", Some("UTC"), "b");
    let now = "2026-06-01T00:00:00Z";
    let until = "2027-02-02T21:00:00Z".to_owned();
    assert_eq!(
        closed(&[&tuesday], &[&then, &whole], now),
        ("the freeze until 2026-12-31 (a)".to_owned(), until)
    );
}

#[test]
fn a_freeze_and_its_reason_fit_a_line() {
    let lines = freeze("2026-12-20", "2026-12-20", Some("UTC"), "end\nof \u{202e}year");
    let (what, _) = closed(&[], &[&lines], "2026-12-20T10:00:00Z");
    assert_eq!(what, "the freeze until 2026-12-20 (end\\u{a}of \\u{202e}year)");
}

#[test]
fn the_next_openings_are_listed_with_the_freeze_that_closes_them() {
    let tuesday = window(&["tue"], "22:00", "04:00", "Europe/Berlin", 30);
    let holidays = freeze("2026-12-20", "2027-01-06", Some("Europe/Berlin"), "holidays");
    let next = openings(&tuesday, &[&holidays], at("2026-12-15T21:00:00Z"), 3);
    let listed: Vec<(&str, Option<&str>)> = next.iter().map(|it| (&*it.words, it.frozen.as_deref())).collect();
    let frozen = Some("the freeze until 2027-01-06 (holidays)");
    assert_eq!(
        listed,
        [
            ("Tue 2026-12-22 22:00 to Wed 04:00 Europe/Berlin", frozen),
            ("Tue 2026-12-29 22:00 to Wed 04:00 Europe/Berlin", frozen),
            ("Tue 2027-01-05 22:00 to Wed 04:00 Europe/Berlin", frozen),
        ]
    );
    let noon = window(&["thu"], "12:00", "13:00", "UTC", 0);
    assert_eq!(
        openings(&noon, &[], at("2026-12-15T21:00:00Z"), 1)[0].words,
        "Thu 2026-12-17 12:00 to 13:00 UTC"
    );
}
