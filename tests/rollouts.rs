//! Rollouts: a model of their rules, searched before they are built. One channel of two to six servers in two regions, three
//! versions, waves of 25, 50 (by hand) and 100 %, a gate, a window; people, the cloud and `kill -9` do what they can between
//! any two passes. Every pass is judged by the laws of the contract, over what was done and not over what the model thinks.
//!
//! - `world`, `acts`: what there is, and what may happen to it
//! - `decider`: what is searched; the model is one, and the program can be compared with it
//! - `model`: the rules, each of which can be dropped (`model::needed`)
//! - `ghosts`, `laws`: what an onlooker knows, and what must hold
//! - `beginnings`, `search`: from each stage of a rollout every sequence of acts, and long ones at random
//! - `mutants`: without any one rule a law breaks
//! - `stories`: that a rollout ends, and the cases of the contract; `tables`: its tables
//!
//! Not in the model: several gates at once, `report_only`, `max_failures`, `after`, places, a config that changes, belts (they
//! hold as an outage does), stamps that are lost. A protection that goes off and on between two passes is seen by nobody.

mod acts;
mod beginnings;
mod decider;
mod fingerprint;
mod ghosts;
mod laws;
mod model;
mod mutants;
mod program;
mod search;
mod stories;
mod tables;
mod world;

use acts::{End, KILLS, acts};
use decider::Pair;
use ghosts::Event;
use model::{Model, Needed};
use program::Program;
use search::{Chance, Counts, Search};
use world::{CONFIG, Config};

/// How many acts follow each beginning (`ROLLOUT_DEPTH` raises it).
const DEPTH: usize = 3;

/// How often chance begins at each beginning (`ROLLOUT_WALKS` raises it), and how far it goes.
const WALKS: usize = 400;
const STEPS: usize = 60;

/// Rules that give a status.
const RULES: usize = 31;

fn from_environment(name: &str, otherwise: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(otherwise)
}

/// Gates that roll back, gates that pause, and a gate on agents where others would roll back.
fn configs() -> [Config; 3] {
    [(false, false), (true, false), (false, true)].map(|(pause, agents)| Config {
        pause,
        agents,
        ..CONFIG
    })
}

/// The model, with each kind of gates.
fn models() -> [Search<Model>; 3] {
    configs().map(|config| {
        let decider = Model { config, dropped: None };
        Search::new(decider, config)
    })
}

#[expect(clippy::print_stdout, reason = "the counts are for the reader")]
fn show(what: &str, counts: &Counts) {
    let event = |event| counts.events.get(&event).copied().unwrap_or_default();
    println!(
        "{what}: {} states, {} transitions, {} starts, {} waves, {} ends, {} rollbacks; killed: {:?}",
        counts.states,
        counts.transitions,
        event(Event::Start),
        event(Event::Wave),
        event(Event::Done),
        event(Event::Back),
        counts.kills
    );
    println!("  rules: {:?}", counts.rules);
}

/// What was searched was worth it.
fn met_everything(counts: &Counts) {
    for event in [Event::Met, Event::Start, Event::Wave, Event::Done, Event::Back] {
        assert!(counts.events.contains_key(&event), "{event:?} is not met");
    }
    let killed: Vec<&End> = counts.kills.keys().collect();
    assert_eq!(killed, KILLS.iter().collect::<Vec<_>>());
    assert_eq!(counts.rules.len(), RULES, "rules that matched");
}

#[test]
fn everything_that_can_happen_after_each_stage_of_a_rollout() {
    let depth = from_environment("ROLLOUT_DEPTH", DEPTH);
    let mut all = Counts::default();
    for search in models() {
        for servers in [3, 4] {
            for (name, first) in search.beginnings(servers) {
                match search.breadth(&first, &acts(servers), depth) {
                    Ok(counts) => all.add(&counts),
                    Err(breach) => panic!("{name}: {breach:?}"),
                }
            }
        }
    }
    show("all sequences", &all);
    met_everything(&all);
}

#[test]
fn long_stories_at_random() {
    let walks = from_environment("ROLLOUT_WALKS", WALKS);
    let mut counts = Counts::default();
    let mut chance = Chance::new(1);
    for search in models() {
        for servers in 2..=4 {
            let acts = acts(servers + 1);
            for (name, first) in search.beginnings(servers) {
                for _ in 0..walks {
                    if let Err(breach) = search.walk(&first, &acts, STEPS, &mut chance, &mut counts) {
                        panic!("{name}: {:?}", search.shrink(&first, breach));
                    }
                }
            }
        }
    }
    show("at random", &counts);
    met_everything(&counts);
}

/// The program does what the model does, in every state that a few acts lead to, and in long stories.
#[test]
fn the_program_decides_as_the_model_does() {
    let depth = from_environment("PROGRAM_DEPTH", 1);
    let walks = from_environment("PROGRAM_WALKS", 3);
    let mut counts = Counts::default();
    let mut chance = Chance::new(2);
    for config in configs() {
        let model = Model { config, dropped: None };
        let search = Search::new(Pair(model, Program::new(config)), config);
        for (name, first) in search.beginnings(4) {
            match search.breadth(&first, &acts(4), depth) {
                Ok(found) => counts.add(&found),
                Err(breach) => panic!("{name}: {breach:?}"),
            }
            for _ in 0..walks {
                if let Err(breach) = search.walk(&first, &acts(5), STEPS, &mut chance, &mut counts) {
                    panic!("{name}: {breach:?}");
                }
            }
        }
    }
    show("the program", &counts);
}

#[test]
fn two_that_decide_alike_are_not_told_apart() {
    let search = Search::new(Pair(Model::WHOLE, Model::WHOLE), CONFIG);
    for (name, first) in search.beginnings(3) {
        let found = search.breadth(&first, &acts(3), 1);
        assert!(found.is_ok(), "{name}: {found:?}");
    }
}

#[test]
#[should_panic(expected = "the two disagree")]
fn two_that_decide_differently_are() {
    let search = Search::new(Pair(Model::WHOLE, Model::without(Needed::RoundDown)), CONFIG);
    for (_, first) in search.beginnings(4) {
        assert!(search.breadth(&first, &acts(4), 2).is_ok());
    }
}
