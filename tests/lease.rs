//! The right to make a pass, for two instances over one database: every order of what they, the network, the clocks and the
//! server can do, to depth 12, against what must never happen. Without any one rule of the model some law breaks.

#[path = "lease/model.rs"]
mod model;
#[path = "lease/search.rs"]
mod search;

use model::{Breach, Needed};
use search::search;

/// How many acts a story has at most.
const DEPTH: usize = 12;

/// Each rule, and the law that breaks without it.
const RULES: [(Needed, Breach); 13] = [
    (Needed::FenceInCommit, Breach::StaleCommit),
    (Needed::FenceLocksRow, Breach::StaleCommit),
    (Needed::OnlyWhenOver, Breach::TwoActing),
    (Needed::EpochGrowsOnTake, Breach::EpochSeenTwice),
    (Needed::RowStaysOnRelease, Breach::EpochSeenTwice),
    (Needed::RenewOwnEpoch, Breach::RenewedByAnother),
    (Needed::RenewOnlyLiving, Breach::RaisedFromTheDead),
    (Needed::CountedFromSending, Breach::CallOutlivesLease),
    (Needed::CheckBeforeCall, Breach::CallWithoutLease),
    (Needed::RoomForTheAnswer, Breach::CallOutlivesLease),
    (Needed::ClockThatCountsSleep, Breach::CallWithoutLease),
    (Needed::ReleaseWaitsForCalls, Breach::CallOutlivesLease),
    (Needed::IdleTransactionEnds, Breach::Stuck),
];

#[test]
fn no_order_of_events_lets_a_stale_one_commit_or_call() {
    let found = search(None, DEPTH);
    println!(
        "lease: {} states, {} transitions to depth {DEPTH}, {} commits, {} fenced, {} calls, {} left over",
        found.states,
        found.transitions,
        found.counts.commits,
        found.counts.fenced,
        found.counts.calls,
        found.counts.left_over
    );
    assert_eq!(found.breach, None);
    assert!(found.states > 10_000, "{}", found.states);
    let counts = found.counts;
    // A search that never got there shows nothing.
    assert!(counts.commits > 0 && counts.fenced > 0 && counts.calls > 0 && counts.left_over > 0 && counts.expired > 0);
}

#[test]
fn without_any_one_rule_a_law_breaks() {
    for (rule, law) in RULES {
        let found = search(Some(rule), DEPTH);
        let (breach, story) = found.breach.unwrap_or_else(|| panic!("{rule:?} is not needed"));
        assert_eq!(breach, law, "{rule:?}: {story:?}");
    }
}
