//! A test of the tests: without any one rule of the model a law breaks, and it is the law that the rule is for.
//! `ROLLOUT_TRACES=1` prints the way that was found to each: the shortest, where it has at most three acts.

use super::acts::acts;
use super::laws::Law::{self, L1, L2, L3, L4, L5, L6, L7, L8};
use super::model::{Model, Needed};
use super::search::{Breach, Chance, Counts, Search};
use super::world::CONFIG;

const REST: &str = "at rest";
const TYPED: &str = "one key is typed";
const FIRST: &str = "the first wave has started";
const ABOUT: &str = "the first wave is about to end";
const MANUAL: &str = "the manual wave waits";
const LAST: &str = "the last wave has started";
const ENDING: &str = "the last wave is about to end";
const THIRD: &str = "a third version waits";
const LATE: &str = "paused, and a member is late";
const MIXED: &str = "several versions, and no release";
/// The story is longer than what can be tried breadth first.
const LONG: &str = "";

/// Each rule, the law that breaks without it, and where a short story of it begins.
const RULES: [(Needed, Law, &str); 47] = [
    (Needed::MembersRemembered, L3, FIRST),
    (Needed::RoundDown, L3, FIRST),
    (Needed::KeysStanding, L1, ABOUT),
    (Needed::ThirdWaits, L8, FIRST),
    (Needed::TakenBack, L8, FIRST),
    (Needed::Enabled, L4, ABOUT),
    (Needed::Manual, L5, MANUAL),
    (Needed::Bake, L5, ABOUT),
    (Needed::Window, L4, ABOUT),
    (Needed::GateBeforeStart, L5, TYPED),
    (Needed::AdvanceOfItsWave, L6, FIRST),
    (Needed::AdvanceLatched, L6, LAST),
    (Needed::AdvanceInRollout, L6, TYPED),
    (Needed::AdvanceConfirmed, L6, LONG),
    (Needed::AdvanceKeepsWindow, L4, FIRST),
    (Needed::AdvanceStopsAtFailure, L5, FIRST),
    (Needed::ReadingOfThisPass, L5, FIRST),
    (Needed::NoDataKeepsFailures, L5, FIRST),
    (Needed::NoDataBreaksPasses, L5, ABOUT),
    (Needed::FailuresBeforeSettled, L5, ABOUT),
    (Needed::PassesAnew, L5, LONG),
    (Needed::Interval, L5, FIRST),
    (Needed::WorstOfInterval, L5, ABOUT),
    (Needed::LastIsAll, L5, ENDING),
    (Needed::SettledWithoutAdding, L5, LONG),
    (Needed::NeverEmpty, L5, ABOUT),
    (Needed::LateWaitForWindow, L4, FIRST),
    (Needed::LateWaitWhilePaused, L1, LATE),
    (Needed::DriftOnlyBack, L1, LATE),
    (Needed::Sources, L3, FIRST),
    (Needed::AutoSpendsKeys, L2, ABOUT),
    (Needed::AutoSpendsThird, L2, THIRD),
    (Needed::TickSpendsKeys, L2, FIRST),
    (Needed::OneStepBack, L2, FIRST),
    (Needed::LateCorrected, L7, REST),
    (Needed::FailedStands, L5, ABOUT),
    (Needed::RowTags, L1, REST),
    (Needed::AutoInAnyRow, L5, ABOUT),
    (Needed::QuietTakeover, L1, REST),
    (Needed::TakeoverSpendsKeys, L1, REST),
    (Needed::TakeoverLatches, L6, LONG),
    (Needed::MixedInWaves, L3, MIXED),
    (Needed::OnceOnlyAtFirst, L5, LONG),
    (Needed::EditSpendsKeys, L1, ABOUT),
    (Needed::RowSpendsKeys, L1, ABOUT),
    (Needed::Protection, L1, ABOUT),
    (Needed::AgentsOnlyPause, L6, ABOUT),
];

/// How many acts a short story has.
const DEPTH: usize = 3;

/// How many long ones are tried, and how long they are.
const WALKS: u64 = 20_000;
const STEPS: usize = 40;

/// The story in which the law breaks; else those in which others did.
fn hunt(rule: Needed, law: Law, beginning: &str) -> Result<Breach, Vec<Breach>> {
    let mutant = Model::without(rule);
    let search = Search::new(mutant, mutant.config);
    let beginnings = Search::new(Model::WHOLE, CONFIG).beginnings(4);
    let acts = acts(4);
    let mut others = Vec::new();
    let short = beginnings.iter().find(|(name, _)| *name == beginning);
    assert!(short.is_some() || beginning == LONG, "{beginning} is no beginning");
    for (depth, (_, first)) in (1..=DEPTH).flat_map(|depth| short.map(|short| (depth, short))) {
        if let Err(breach) = search.breadth(first, &acts, depth) {
            others.push(breach);
            break;
        }
    }
    for seed in 0..WALKS {
        if others.last().is_some_and(|breach| breach.broken.0 == law) {
            break;
        }
        let first = &beginnings[usize::try_from(seed).unwrap_or(0) % beginnings.len()].1;
        let mut chance = Chance::new(seed);
        let walk = search.walk(first, &acts, STEPS, &mut chance, &mut Counts::default());
        others.extend(walk.err().map(|breach| search.shrink(first, breach)));
    }
    match others.pop() {
        Some(breach) if breach.broken.0 == law => Ok(breach),
        last => Err(others.into_iter().chain(last).collect()),
    }
}

#[test]
fn without_any_one_rule_a_law_breaks() {
    let shows = std::env::var_os("ROLLOUT_TRACES").is_some();
    for (rule, law, beginning) in RULES {
        match hunt(rule, law, beginning) {
            Ok(breach) if shows => println!("{rule:?}: {:?}: {:?}", breach.broken, breach.path),
            Ok(_) => {}
            Err(others) => panic!("without {rule:?} {law:?} does not break, but {others:?}"),
        }
    }
}
