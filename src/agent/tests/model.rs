//! The rules of what to run, of acting and of the way back, as a model that is searched exhaustively. One server with one package,
//! one file and one service; two releases that work and one that does not; tags that move, go away and cannot be read; people who
//! edit, stop, hold and ask for another try; an outage of something outside; `kill -9` before any durable step.
//!
//! - `world`: what there is, and what the agent remembers
//! - `rules`: the table of what to run, each rule of which can be dropped
//! - `pass`: one run, step by step
//! - `laws`: what must hold
//! - `search`: every story
//!
//! Without any one of the rules a law breaks: `without_any_one_rule_a_law_breaks`. Not in the model: several services, orphans,
//! secrets, and how long anything takes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "model/laws.rs"]
mod laws;
#[path = "model/pass.rs"]
mod pass;
#[path = "model/program.rs"]
mod program;
#[path = "model/rules.rs"]
mod rules;
#[path = "model/search.rs"]
mod search;
#[path = "model/world.rs"]
mod world;

use laws::Law;
use program::Program;
use rules::{Decider as _, Model, Needed};
use search::{beginnings, search};
use world::Budget;

/// The level that heals what a bad release does (the first does, the third, none), and how often it may be killed.
const CASES: [(u8, u8); 3] = [(0, 2), (3, 1), (4, 1)];

fn budget(crashes: u8) -> Budget {
    Budget {
        moves: 3,
        crashes,
        edits: 2,
    }
}

/// Each rule, and the law that breaks without it.
const RULES: [(Needed, Law); 18] = [
    (Needed::SnapshotKept, Law::Back),
    (Needed::OwedBefore, Law::Whole),
    (Needed::OwedOnDisk, Law::Whole),
    (Needed::OwedAlways, Law::Owed),
    (Needed::GoodAfterCheck, Law::Good),
    (Needed::TakenBack, Law::Settles),
    (Needed::TakenBackWithoutTag, Law::Settles),
    (Needed::BackFirst, Law::Once),
    (Needed::Hold, Law::Hold),
    (Needed::HandsOff, Law::Broken),
    (Needed::QuarantineAtOnce, Law::Once),
    (Needed::Quarantine, Law::Once),
    (Needed::Belt, Law::Belt),
    (Needed::Levels, Law::Back),
    (Needed::SickBefore, Law::Sick),
    (Needed::RestartIfOwed, Law::Restart),
    (Needed::Drift, Law::Settles),
    (Needed::Started, Law::Settles),
];

#[test]
fn every_story_keeps_the_laws() {
    for (heals_at, crashes) in CASES {
        let counts = search(&Model { dropped: None }, &beginnings(budget(crashes)), heals_at)
            .unwrap_or_else(|breach| panic!("{breach:?}"));
        println!(
            "heals at {heals_at}: {} states, {} transitions, {} kills, rules {:?}",
            counts.states, counts.transitions, counts.kills, counts.rules
        );
        for rule in (1..=12).filter(|rule| *rule != 3 || heals_at == 4) {
            assert!(counts.rules.contains_key(&rule), "rule {rule} is never reached");
        }
    }
}

#[test]
fn without_any_one_rule_a_law_breaks() {
    for (needed, law) in RULES {
        let mutant = Model { dropped: Some(needed) };
        let found = CASES.map(|(heals_at, _)| search(&mutant, &beginnings(budget(1)), heals_at).err());
        let laws: Vec<Law> = found.iter().flatten().map(|breach| breach.law).collect();
        assert!(
            laws.contains(&law),
            "without {needed:?} {law:?} does not break, but {laws:?}"
        );
    }
}

/// Both decide alike in each state that the model reaches: the search of the one is a search of the other.
#[test]
fn the_program_decides_as_the_model_does() {
    let mut compared = 0;
    for (heals_at, _) in CASES {
        let model = Model { dropped: None };
        search::visit(&model, &beginnings(budget(1)), heals_at, |world| {
            let ours = Program.decide(&world.memory, world.tag);
            assert_eq!(ours, model.decide(&world.memory, world.tag), "{world:?}");
            compared += 1;
        });
    }
    assert!(compared > 100_000, "{compared}");
    println!("{compared} states compared");
}
