//! A letter that goes out names the failure of its pass first, however the pass ended and whoever gets failures.

use super::time::{SOON, WHOLE, World};
use super::*;
use crate::pass_end::{Decided, PassEnd};
use crate::plan::{Belt, Plan, Tripped};
use crate::report::Report;
use crate::settle::{Counts, Settled};

fn problem(kind: Kind, code: Code, place: &str) -> Problem {
    Problem::new(kind, code, place, "it went wrong so and so; do this and that")
}

fn settled(problems: Vec<Problem>, failed: u64) -> Box<Settled> {
    Box::new(Settled {
        problems,
        counts: Counts {
            failed,
            ..Counts::default()
        },
        ..Settled::default()
    })
}

fn held() -> Box<Decided> {
    let trip = Tripped {
        belt: Belt::RowDrop,
        place: String::new(),
        allowed: false,
        message: String::new(),
    };
    let plan = Plan {
        tripped: vec![trip],
        problems: vec![problem(Kind::Belt, Code::RowDrop, "ServerTagAssignment")],
        ..Plan::default()
    };
    Box::new(Decided {
        plan,
        ..Decided::default()
    })
}

/// Every way to end that is not "done", with how subject and text begin.
fn endings() -> Vec<(PassEnd, &'static str, &'static str)> {
    let failure = |code, place| problem(Kind::ApiFailure, code, place);
    let belt = |code, place| problem(Kind::Belt, code, place);
    let (failed, stopped, part) = (
        "The pass failed. ",
        "The pass was stopped before it changed a tag. ",
        "The pass did only part of its work. ",
    );
    let decided = Box::<Decided>::default;
    vec![
        (
            PassEnd::Blind(failure(Code::Observe, "spreadsheet")),
            "the pass failed: spreadsheet",
            failed,
        ),
        (
            PassEnd::Blind(failure(Code::Late, "pass")),
            "the pass failed: pass",
            failed,
        ),
        (
            PassEnd::Faulty(decided(), failure(Code::Check, "plan")),
            "the pass failed: plan",
            failed,
        ),
        (
            PassEnd::Cut(decided(), settled(Vec::new(), 3), failure(Code::Act, "state")),
            "the pass failed: state",
            failed,
        ),
        (
            PassEnd::Whole(
                held(),
                settled(vec![failure(Code::Source, "main/eu-west-1")], 0),
                vec![failure(Code::WriteBack, "spreadsheet")],
            ),
            "the pass failed: spreadsheet",
            failed,
        ),
        (
            PassEnd::Unread(vec![belt(Code::Structure, "ReleaseSheet")]),
            "the pass failed: ReleaseSheet",
            stopped,
        ),
        (
            PassEnd::Stopped(decided(), vec![belt(Code::Store, "book")]),
            "the pass failed: book",
            stopped,
        ),
        (
            PassEnd::Whole(
                decided(),
                settled(vec![failure(Code::Source, "main/eu-west-1")], 0),
                Vec::new(),
            ),
            "no answer: main/eu-west-1",
            part,
        ),
        (
            PassEnd::Whole(decided(), settled(vec![failure(Code::Tags, "i-1")], 1), Vec::new()),
            "web-prod: 2.4.0 released to 1,412 servers, 3 failed",
            part,
        ),
        (
            PassEnd::Whole(held(), settled(Vec::new(), 0), Vec::new()),
            "held by a belt: ServerTagAssignment",
            "Part of the pass is held back. ",
        ),
    ]
}

/// It was told to stop: nobody has to do anything, and what happened earlier is told by the next pass.
#[test]
fn a_pass_that_was_told_to_stop_before_it_decided_is_no_failure_to_tell() {
    let mut world = World::new();
    world.failure_threshold = 1;
    world.happens(news("promotion", Kind::Release));
    let end = PassEnd::Interrupted(problem(Kind::ApiFailure, Code::Interrupted, "pass"));
    let before = world.memory.mail.clone();
    world.ends(SOON, &end, &Report::new("run", &end, None));
    assert_eq!(world.memory.mail, before);
    assert!(world.memory.open.is_empty());
    world.end(SOON, &[], WHOLE);
    let letter = world.memory.mail.outbox.values().next().expect("what happened is told");
    assert_eq!(letter.digest.news.len(), 1);
    assert!(letter.digest.new.is_empty());
}

#[test]
fn a_letter_names_the_failure_of_its_pass_first_however_it_ended_and_whoever_gets_failures() {
    for routed in [false, true] {
        for (end, subject, text) in endings() {
            let mut world = World::new();
            if routed {
                world.routes = [(Kind::ApiFailure, vec!["cloud@example.com".into()])].into();
            }
            world.happens(news("promotion", Kind::Release));
            let report = Report::new("run", &end, None);
            world.ends(SOON, &end, &report);
            let letters: Vec<Letter> = std::mem::take(&mut world.memory.mail.outbox).into_values().collect();
            assert_eq!(
                letters.len(),
                1,
                "one failure is no reason for a letter of its own: {end:?}"
            );
            let letter = &letters[0];
            let begins = format!("[fleetsheet] {subject}");
            assert!(letter.subject.starts_with(&begins), "{}: {end:?}", letter.subject);
            assert!(letter.subject.contains("2.4.0 released"), "{}", letter.subject);
            let whole = format!("{text}It went wrong so and so");
            let unwrapped = letter.text.replace('\n', " ");
            assert!(unwrapped.starts_with(&whole), "{}: {end:?}", letter.text);
            assert!(letter.html.contains(&whole), "{}", letter.html);
            let (first, _) = unwrapped.split_once("--").unwrap();
            assert!(first.contains("To do: "), "{}", letter.text);
            for body in [&letter.text, &letter.html] {
                assert!(!body.contains("Nothing to do"), "{body}");
            }
        }
    }
}

#[test]
fn a_failure_that_is_over_with_the_next_pass_is_not_told_as_resolved() {
    let mut world = World::new();
    world.happens(news("promotion", Kind::Release));
    let end = PassEnd::Whole(
        Box::default(),
        Box::default(),
        vec![problem(Kind::ApiFailure, Code::WriteBack, "spreadsheet")],
    );
    world.ends(SOON, &end, &Report::new("run", &end, None));
    let letter = world.memory.mail.outbox.pop_first().unwrap().1;
    assert!(letter.text.contains("Failed in this pass (1)"), "{}", letter.text);
    assert_eq!(world.pass(SOON, &[]).len(), 0);
}

#[test]
fn what_fails_for_days_is_named_first_in_each_letter_of_these_days() {
    let mut world = World::new();
    let end = |problem: &Problem| PassEnd::Blind(problem.clone());
    let down = problem(Kind::ApiFailure, Code::Observe, "spreadsheet");
    for day in 0..3 {
        let mut told = Vec::new();
        for _ in 0..288 {
            world.ends(SOON, &end(&down), &Report::new("run", &end(&down), None));
            told.extend(std::mem::take(&mut world.memory.mail.outbox).into_values());
        }
        assert_eq!(told.len(), 1, "day {day}");
        assert_eq!(told[0].subject, "[fleetsheet] passes fail: spreadsheet");
        assert!(
            told[0].text.starts_with("The pass failed. It went wrong"),
            "{}",
            told[0].text
        );
    }
}
