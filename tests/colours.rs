//! Blue-green: a model of its rules, searched. Two colours of two or three servers in two regions; people, the cloud, a gate and
//! `kill -9` do what they can between any two passes and between any two writes. The laws B1 to B5 are judged at each single
//! write, over what was done and not over what the model thinks.
//!
//! - `world`: what there is, and what may happen to it
//! - `model`: the rules, each of which can be dropped
//! - `laws`: what an onlooker knows, and what must hold
//! - `search`: every sequence of acts from each phase, and long ones at random

mod laws;
mod model;
mod search;
mod world;

use std::collections::BTreeMap;

use laws::Law;
use model::{Model, Needed};
use search::{Counts, Search};

/// How many acts follow each beginning (`COLOUR_DEPTH` raises it).
const DEPTH: usize = 2;
/// How many long stories there are (`COLOUR_WALKS` raises it), and how long they are.
const WALKS: u64 = 20_000;
const STEPS: usize = 60;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(otherwise)
}

#[expect(clippy::print_stdout, reason = "the counts are for the reader")]
fn show(what: &str, counts: &Counts) {
    println!(
        "{what}: {} states, {} passes, {} killed; {:?}",
        counts.states, counts.passes, counts.killed, counts.events
    );
}

/// What was searched was worth it.
fn met_everything(counts: &Counts) {
    for event in [
        "start",
        "switch",
        "demote",
        "keep",
        "follow",
        "done",
        "by roles",
        "in place",
        "in preview",
    ] {
        assert!(counts.events.contains_key(event), "{event} is not met");
    }
    assert!(counts.killed > 0);
}

#[test]
fn everything_that_can_happen_in_each_phase() {
    let depth = usize::try_from(from_environment("COLOUR_DEPTH", DEPTH as u64)).unwrap_or(DEPTH);
    let mut counts = Counts::default();
    for servers in [2, 3] {
        let search = Search::new(Model { dropped: None }, servers);
        for (name, first) in search.beginnings() {
            if let Err(breach) = search.breadth(&first, depth, &mut counts) {
                panic!("{name}: {breach:?}");
            }
        }
    }
    show("all sequences", &counts);
}

#[test]
fn long_stories_at_random() {
    let mut counts = Counts::default();
    for seed in 0..from_environment("COLOUR_WALKS", WALKS) {
        let search = Search::new(Model { dropped: None }, 2 + usize::from(seed % 2 == 0));
        if let Err(breach) = search.walk(seed, STEPS, &mut counts) {
            panic!("{breach:?}");
        }
    }
    show("at random", &counts);
    met_everything(&counts);
}

/// Each rule, and the law that breaks without it.
const RULES: [(Needed, Law); 12] = [
    (Needed::TwoStages, Law::B1),
    (Needed::WhollyBefore, Law::B1),
    (Needed::Sources, Law::B1),
    (Needed::Gate, Law::B2),
    (Needed::WholeForRoles, Law::B3),
    (Needed::BackAtOnce, Law::B3),
    (Needed::DemoteBeforeVersion, Law::B4),
    (Needed::PreviewTakesNoTraffic, Law::B4),
    (Needed::RolesWhileFormer, Law::B4),
    (Needed::AllCarry, Law::B5),
    (Needed::AsMany, Law::B5),
    (Needed::CarryToPromote, Law::B4),
];

#[test]
fn without_any_one_rule_a_law_breaks() {
    for (rule, law) in RULES {
        let mut others = BTreeMap::new();
        let found = (0..60_000_u64).any(|seed| {
            let search = Search::new(Model { dropped: Some(rule) }, 2);
            match search.walk(seed, STEPS, &mut Counts::default()) {
                Err(breach) if breach.law == law => true,
                Err(breach) => {
                    *others.entry(breach.law).or_insert(0) += 1;
                    false
                }
                Ok(()) => false,
            }
        });
        assert!(found, "without {rule:?} {law:?} does not break, but {others:?}");
    }
}

/// Whatever was done to it, a rollout that is then left alone ends, and so does a rollback.
#[test]
fn what_nobody_disturbs_any_more_comes_to_rest() {
    for seed in 0..2_000 {
        let search = Search::new(Model { dropped: None }, 2);
        if let Err(state) = search.settles(seed, 25) {
            panic!("does not end: {state:?}");
        }
    }
}
