//! When letters are written, over many passes: once, again after a day, and never in each pass.

use std::collections::BTreeMap;

use super::*;
use crate::mail::{Mail, MailUpdate};
use crate::pass_end::PassEnd;
use crate::report::Report;

/// How a pass ends, given a problem for the ends that have one.
pub(super) type End = fn(Problem) -> PassEnd;

pub(super) const WHOLE: End = |_| PassEnd::Whole(Box::default(), Box::default(), Vec::new());
const CUT: End = |problem| PassEnd::Cut(Box::default(), Box::default(), problem);

/// A store and its passes.
pub(super) struct World {
    to: Vec<String>,
    pub(super) routes: BTreeMap<Kind, Vec<String>>,
    pub(super) failure_threshold: u32,
    pub(super) memory: Memory,
    now: DateTime<Utc>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            to: vec!["ops@example.com".into()],
            routes: BTreeMap::new(),
            failure_threshold: 2,
            memory: Memory::default(),
            now: start(),
        }
    }

    /// Makes a pass after `later` that finds these problems, and gives the letters that it writes; they count as sent.
    pub(super) fn pass(&mut self, later: TimeDelta, problems: &[Problem]) -> Vec<Letter> {
        self.end(later, problems, WHOLE);
        let sent = std::mem::take(&mut self.memory.mail.outbox);
        sent.into_values().collect()
    }

    pub(super) fn end(&mut self, later: TimeDelta, problems: &[Problem], end: End) {
        let end = end(Problem::new(Kind::ApiFailure, Code::Act, "x", "x"));
        let mut report = Report::new("run", &end, None);
        report.problems = problems.to_vec();
        self.ends(later, &end, &report);
    }

    /// Makes a pass after `later` that ended so.
    pub(super) fn ends(&mut self, later: TimeDelta, end: &PassEnd, report: &Report) {
        self.now += later;
        let names = names();
        let rules = Rules {
            audience: Some(Audience {
                to: &self.to,
                routes: &self.routes,
                repeat_after: TimeDelta::hours(24),
                failure_threshold: self.failure_threshold,
            }),
            spreadsheet: "book",
            names: &names,
            observe: false,
        };
        let input = MailInput { end, report };
        let links = Links::at(end, &self.memory, &rules);
        let update = review(&self.memory, &input, &links, &rules, self.now);
        self.memory.apply(&update);
    }

    pub(super) fn happens(&mut self, news: News) {
        let mut standing = self.memory.mail.standing.clone();
        let news = [(standing.number(), news)].into();
        let update = MailUpdate {
            standing: Some(standing),
            news,
            ..MailUpdate::default()
        };
        self.memory.mail.apply(&update);
    }
}

fn bad() -> Problem {
    Problem::new(Kind::BadCell, Code::Version, "ReleaseSheet!B4", "wrong; type it again")
}

fn failure(code: Code) -> Problem {
    Problem::new(Kind::ApiFailure, code, "spreadsheet", "cannot be read")
}

fn belt(code: Code) -> Problem {
    Problem::new(Kind::Belt, code, "ReleaseSheet", "held")
}

pub(super) const SOON: TimeDelta = TimeDelta::minutes(5);

fn subjects(letters: &[Letter]) -> Vec<&str> {
    letters.iter().map(|letter| letter.subject.as_str()).collect()
}

#[test]
fn an_open_problem_is_repeated_after_a_day_and_says_since_when() {
    let mut world = World::new();
    let mut written = Vec::new();
    for pass in 0..=(3 * 24 * 12) {
        let letters = world.pass(SOON, &[bad()]);
        written.extend(letters.iter().map(|letter| (pass, letter.subject.clone())));
        if pass == 288 {
            assert!(
                letters[0].text.contains("since 2024-10-04 10:05 UTC (24 h)"),
                "{}",
                letters[0].text
            );
        }
    }
    let still = "[fleetsheet] still open: ReleaseSheet!B4".to_owned();
    let new = "[fleetsheet] bad cell: ReleaseSheet!B4".to_owned();
    assert_eq!(
        written,
        [(0, new), (288, still.clone()), (576, still.clone()), (864, still)]
    );
}

#[test]
fn a_problem_that_flaps_for_two_days_is_six_mails_not_six_hundred() {
    let mut world = World::new();
    let mut written = Vec::new();
    for pass in 0..(2 * 24 * 12) {
        let problems: &[Problem] = if pass % 2 == 0 { &[bad()] } else { &[] };
        written.extend(world.pass(SOON, problems));
    }
    assert_eq!(written.len(), 6, "{:?}", subjects(&written));
    // It comes to rest, and that is told once.
    let mut rest = Vec::new();
    for _ in 0..(2 * 24 * 12) {
        rest.extend(world.pass(SOON, &[]));
    }
    assert!(
        subjects(&rest)
            .iter()
            .all(|s| *s == "[fleetsheet] resolved: ReleaseSheet!B4")
            && rest.len() <= 1
    );
    assert_eq!(world.memory.open, [].into(), "nothing of it is kept for ever");
    assert_eq!(
        subjects(&world.pass(SOON, &[bad()])),
        ["[fleetsheet] bad cell: ReleaseSheet!B4"]
    );
}

#[test]
fn failures_and_what_stops_passes_wait_for_the_threshold_and_all_else_does_not() {
    let sources = Problem::new(Kind::ApiFailure, Code::Source, "main/eu-west-1", "no answer");
    for (problem, at_once) in [
        (sources, false),
        (failure(Code::Tags), false),
        (belt(Code::Store), false),
        (belt(Code::RowDrop), true),
        (belt(Code::Protection), true),
        (bad(), true),
        (Problem::new(Kind::Mismatch, Code::Missing, "i-1", "gone"), true),
    ] {
        let mut world = World::new();
        let first = world.pass(SOON, std::slice::from_ref(&problem)).len();
        let second = world.pass(SOON, std::slice::from_ref(&problem)).len();
        assert_eq!((first, second), if at_once { (1, 0) } else { (0, 1) }, "{problem:?}");
        assert_eq!(world.pass(SOON, &[]).len(), 1, "resolved: {problem:?}");

        let mut world = World::new();
        world.pass(SOON, std::slice::from_ref(&problem));
        let resolved = world.pass(SOON, &[]).len();
        assert_eq!(
            resolved,
            usize::from(at_once),
            "what was not told is not taken back: {problem:?}"
        );
    }
}

#[test]
fn passes_that_fail_one_after_the_other_are_one_failure_wherever_each_fails() {
    let mut world = World::new();
    world.end(SOON, &[failure(Code::Observe)], PassEnd::Blind);
    assert_eq!(world.memory.mail.outbox.len(), 0);
    world.end(SOON, &[failure(Code::Act)], CUT);
    assert_eq!(world.memory.mail.outbox.len(), 1);
    let letters = world.pass(SOON, &[]);
    assert_eq!(letters.len(), 1, "{:?}", subjects(&letters));
}

#[test]
fn a_threshold_of_one_tells_at_once() {
    let mut world = World::new();
    world.failure_threshold = 1;
    world.end(SOON, &[failure(Code::Observe)], PassEnd::Blind);
    assert_eq!(world.memory.mail.outbox.len(), 1);
}

#[test]
fn what_a_pass_did_not_see_is_not_resolved() {
    let unseeing: [End; 4] = [
        PassEnd::Blind,
        PassEnd::Interrupted,
        |_| PassEnd::Unread(Vec::new()),
        |_| PassEnd::Stopped(Box::default(), Vec::new()),
    ];
    for end in unseeing {
        let mut world = World::new();
        assert_eq!(world.pass(SOON, &[bad()]).len(), 1);
        for _ in 0..5 {
            world.end(SOON, &[], end);
        }
        assert_eq!(
            world.memory.mail,
            Mail {
                standing: world.memory.mail.standing.clone(),
                ..Mail::default()
            }
        );
        assert!(world.memory.open.values().all(|problem| problem.closed.is_none()));
    }
}

#[test]
fn letters_that_wait_become_one_but_not_those_that_a_server_may_have() {
    let mut world = World::new();
    world.end(SOON, &[bad()], WHOLE);
    world.happens(news("promotion", Kind::Release));
    world.end(SOON, &[], WHOLE);
    assert_eq!(world.memory.mail.outbox.len(), 1, "both in one");
    let letter = world.memory.mail.outbox.values().next().cloned().unwrap();
    assert_eq!((letter.digest.news.len(), letter.digest.resolved.len()), (1, 1));
    assert_eq!(letter.waits_since, start() + SOON, "it is as old as its oldest part");
    assert_eq!(world.memory.mail.news, [].into());

    world
        .memory
        .mail
        .outbox
        .values_mut()
        .for_each(|letter| letter.sealed = true);
    world.happens(news("rollback", Kind::Release));
    world.end(SOON, &[], WHOLE);
    let letters: Vec<&Letter> = world.memory.mail.outbox.values().collect();
    assert_eq!(letters.len(), 2);
    assert_eq!(*letters[0], Letter { sealed: true, ..letter });
    assert_eq!(letters[1].digest.news.len(), 1);
}

#[test]
fn what_nobody_got_goes_to_those_whom_the_configuration_names_now() {
    let mut world = World::new();
    world.happens(news("promotion", Kind::Release));
    world.end(SOON, &[bad()], WHOLE);
    world.to = vec!["new@example.com".into()];
    world.routes = [(Kind::Release, vec!["releases@example.com".into()])].into();
    world.end(SOON, &[bad()], WHOLE);
    let letters: Vec<&Letter> = world.memory.mail.outbox.values().collect();
    let told: Vec<(&str, usize, usize)> = letters
        .iter()
        .map(|letter| (letter.to[0].as_str(), letter.digest.news.len(), letter.digest.new.len()))
        .collect();
    assert_eq!(told, [("new@example.com", 0, 1), ("releases@example.com", 1, 0)]);
    world.end(SOON, &[bad()], WHOLE);
    assert_eq!(world.memory.mail.outbox.len(), 2, "and that is all");
}

#[test]
fn an_outage_of_an_hour_leaves_one_letter_with_everything_in_it() {
    let mut world = World::new();
    for pass in 0..60 {
        let mut release = news("promotion", Kind::Release);
        release.to = format!("3.{pass}.0");
        world.happens(release);
        let flapping = [bad()];
        world.end(SOON, &flapping[..pass % 2], WHOLE);
    }
    assert_eq!(world.memory.mail.outbox.len(), 1);
    let letter = world.memory.mail.outbox.values().next().unwrap();
    assert_eq!(letter.digest.news.len(), 60);
    let backlog = world.memory.mail.backlog();
    assert_eq!((backlog.letters, backlog.oldest), (1, Some(start() + SOON)));
}

/// Problems that the letters of a pass tell as new, still open, or resolved.
fn tells(letters: &[Letter]) -> [usize; 3] {
    let digests = || letters.iter().map(|letter| &letter.digest);
    [
        digests().map(|d| d.new.len()).sum(),
        digests().map(|d| d.open.len()).sum(),
        digests().map(|d| d.resolved.len()).sum(),
    ]
}

#[test]
fn whatever_the_clock_did_a_problem_is_told_and_repeated_after_a_day_and_resolved() {
    let years = TimeDelta::days(3652);
    let jumps = [
        TimeDelta::seconds(1),
        HOUR,
        TimeDelta::days(1),
        years,
        start() - DateTime::UNIX_EPOCH,
    ];
    for jump in jumps.into_iter().flat_map(|jump| [jump, -jump]) {
        for wrong in 1..4 {
            // The problem comes before, while, or after the clock is wrong.
            for comes in 0..wrong + 2 {
                let what = format!("{jump} for {wrong} passes, from pass {comes} on");
                let mut world = World::new();
                let (mut new, mut resolved) = (0, 0);
                for nth in 0..wrong + 2 {
                    let leap = match nth {
                        1 => jump,
                        n if n == wrong + 1 => -jump,
                        _ => TimeDelta::zero(),
                    };
                    let found: &[Problem] = if nth >= comes { &[bad()] } else { &[] };
                    let tells = tells(&world.pass(SOON + leap, found));
                    new += tells[0];
                    resolved += tells[2];
                }
                assert_eq!((new, resolved), (1, 0), "{what}");
                // The clock is right again: not in every pass, and not never.
                let repeats = |world: &mut World, passes: usize| -> usize {
                    (0..passes).map(|_| tells(&world.pass(HOUR, &[bad()]))[1]).sum()
                };
                assert!(repeats(&mut world, 2) <= 1, "{what}");
                assert!((1..=3).contains(&repeats(&mut world, 48)), "{what}");
                assert_eq!(tells(&world.pass(SOON, &[])), [0, 0, 1], "{what}");
                assert_eq!(tells(&world.pass(SOON, &[])), [0, 0, 0], "{what}");
                let letters = world.pass(SOON, &[bad()]);
                assert_eq!(tells(&letters), [1, 0, 0], "{what}");
                assert!(letters[0].digest.new[0].since <= world.now, "{what}");
            }
        }
    }
}
