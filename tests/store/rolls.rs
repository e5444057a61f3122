//! What is remembered of rollouts, at random.

use fleetsheet::gate::Verdict;
use fleetsheet::memory::{Advance, Failed, PastWave, Rollout, StartedWave, TakenBack, Tally};
use fleetsheet::rollout::Size;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::{text, time, version};

pub(super) type Rolls = (Option<Rollout>, Option<Advance>, Option<TakenBack>);

pub(super) fn rolls() -> impl Strategy<Value = Rolls> {
    let size = prop_oneof![
        (1..=10_000_u64).prop_map(Size::Share),
        (1..9_u64).prop_map(Size::Count),
        Just(Size::Canary),
        "[a-z]{1,8}".prop_map(Size::Zone),
    ];
    let wave = (size, any::<bool>()).prop_map(|(to, manual)| StartedWave { to, manual });
    let verdict = prop_oneof![Just(Verdict::Pass), Just(Verdict::NoData), Just(Verdict::Fail)];
    let tally = (
        any::<u32>(),
        any::<u32>(),
        option::of(time()),
        option::of(verdict),
        any::<[bool; 5]>(),
    )
        .prop_map(
            |(passes, failures, began, worst, [pass_counts, failure_counts, failed, forgiven, only_shown])| Tally {
                passes,
                failures,
                began,
                worst,
                pass_counts,
                failure_counts,
                failed,
                forgiven,
                only_shown,
            },
        );
    let failed = (text(), time()).prop_map(|(what, at)| Failed { what, at });
    let times = (time(), option::of(time()), option::of(time()), option::of(time()));
    let over = (0..5_usize, any::<u64>(), time(), time()).prop_map(|(wave, members, began, ended)| PastWave {
        wave,
        to: Size::Share(2500),
        members,
        began,
        ended,
    });
    let rollout = (
        any::<i64>(),
        text(),
        vec(wave, 1..4),
        times,
        btree_map(text(), tally, 0..3),
        option::of(failed),
        vec(over, 0..3),
    );
    let rollout = rollout.prop_map(
        |(id, strategy, waves, (began, first_move, settled, held_since), gates, failed, past)| Rollout {
            id,
            strategy,
            wave: waves.len() - 1,
            waves,
            began,
            first_move,
            settled,
            held_since,
            gates,
            adopted: failed.is_none(),
            paused: failed.is_some(),
            past,
            switch: None,
            failed,
        },
    );
    let advance = prop_oneof![
        Just(Advance::Void),
        (any::<i64>(), 0..5_usize, time()).prop_map(|(rollout, wave, at)| Advance::Waits { rollout, wave, at }),
    ];
    let taken_back = (version(), text(), [option::of(text()), option::of(text())])
        .prop_map(|(from, why, keys)| TakenBack { from, why, keys });
    (option::of(rollout), option::of(advance), option::of(taken_back))
}
