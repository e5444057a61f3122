//! What gates stop, what they take back, and how often they are asked.

use super::super::acts::Act;
use super::super::decider::Rule;
use super::super::model::Model;
use super::super::search::Search;
use super::super::world::{CONFIG, Config, ORDER, Reading};
use super::Story;

#[test]
fn a_gate_that_fails_twice_rolls_back_once_whatever_else_is_wrong() {
    let states: [(&str, &[Act]); 6] = [
        ("nothing", &[]),
        ("not enabled", &[Act::Enabled]),
        ("in a freeze", &[Act::Window]),
        ("in two rows", &[Act::Copy]),
        ("a key elsewhere", &[Act::Key(0, 3)]),
        ("not protected", &[Act::Protection]),
    ];
    for (name, acts) in states {
        let mut story = Story::in_wave(4, 1);
        for act in acts {
            story.act(*act);
        }
        assert_ne!(story.act(Act::Reading(Reading::Fail)), Rule::AutoRollback, "{name}");
        assert_eq!(story.go(), Rule::AutoRollback, "{name}");
        assert!(story.all_carry(1), "{name}");
        for _ in 0..10 {
            assert_ne!(story.go(), Rule::AutoRollback, "{name}");
            assert!(story.all_carry(1), "{name}");
        }
    }
}

#[test]
fn a_bad_version_is_left_although_one_server_keeps_its_wave_from_settling() {
    let mut story = Story::of(4);
    story.act(Act::Refuse(ORDER[0]));
    assert_eq!(story.both(2), Rule::Started);
    story.act(Act::Reading(Reading::Fail));
    assert_eq!(
        story.go(),
        Rule::Unsettled,
        "the first failure that counts comes after the warm-up"
    );
    assert_eq!(story.go(), Rule::AutoRollback);
}

#[test]
fn a_version_that_a_gate_left_returns_by_keys_typed_anew() {
    let mut story = Story::in_wave(4, 0);
    story.act(Act::Reading(Reading::Fail));
    assert_eq!(story.go(), Rule::AutoRollback);
    assert_eq!(story.act(Act::Reading(Reading::Pass)), Rule::Spent);
    assert_eq!(story.anew(2), Rule::Started);
    story.ends(2);
}

#[test]
fn a_gate_without_data_waits_and_goes_on_without_a_new_rollout() {
    let mut story = Story::in_wave(4, 0);
    story.act(Act::Reading(Reading::NoData));
    for _ in 0..20 {
        assert_eq!(story.go(), Rule::Baking);
    }
    assert_eq!(
        story.act(Act::Reading(Reading::Pass)),
        Rule::Baking,
        "one pass is not two"
    );
    assert_eq!(story.go(), Rule::NextWave);
    story.ends(2);
}

#[test]
fn fail_no_data_fail_has_failed_and_pass_no_data_pass_is_one_of_two() {
    let mut story = Story::in_wave(4, 0);
    assert_eq!(story.act(Act::Reading(Reading::Fail)), Rule::Failing);
    assert_eq!(
        story.act(Act::Reading(Reading::NoData)),
        Rule::Failing,
        "its last word was a failure"
    );
    assert_eq!(story.act(Act::Reading(Reading::Fail)), Rule::AutoRollback);
    let mut story = Story::in_wave(4, 0);
    story.act(Act::Wait);
    story.act(Act::Reading(Reading::NoData));
    assert_eq!(story.act(Act::Reading(Reading::Pass)), Rule::Baking);
}

#[test]
fn readings_of_one_interval_are_one_and_the_worst_of_them() {
    let mut story = Story::in_wave(4, 0);
    story.act(Act::Reading(Reading::Fail));
    for _ in 0..3 {
        assert_eq!(
            story.act(Act::Soon(Reading::Fail)),
            Rule::Failing,
            "three passes, one failure"
        );
    }
    assert_eq!(
        story.act(Act::Soon(Reading::Pass)),
        Rule::Failing,
        "and no pass undoes it"
    );
    assert_eq!(story.go(), Rule::Baking, "but the next interval's");
}

#[test]
fn a_third_version_that_both_keys_name_does_not_follow_a_rollback_by_the_gate() {
    for end in [Act::Nothing, Act::Unreadable] {
        let mut story = Story::in_wave(4, 1);
        story.both(3);
        story.act(Act::Reading(Reading::Fail));
        // With the sheet or without it.
        assert_eq!(story.act(end), Rule::AutoRollback);
        assert_eq!(story.act(Act::Reading(Reading::Pass)), Rule::Spent);
        for _ in 0..10 {
            assert_eq!(story.go(), Rule::Spent);
            assert!(story.all_carry(1));
        }
        assert_eq!(story.anew(3), Rule::Started);
        story.ends(3);
    }
}

#[test]
fn a_gate_on_agents_stops_a_rollout_in_any_state_and_never_takes_it_back() {
    let mut story = Story::of(4);
    let config = Config { agents: true, ..CONFIG };
    story.search = Search::new(Model { config, ..Model::WHOLE }, config);
    assert_eq!(story.both(2), Rule::Started);
    story.act(Act::Reading(Reading::Fail));
    while story.go() != Rule::GateFailed {
        assert!(story.carrying(2) > 0);
    }
    for _ in 0..10 {
        assert_eq!(story.go(), Rule::GateFailed);
    }
    // Without the sheet, too.
    assert_eq!(story.act(Act::Unreadable), Rule::Unreadable);
    assert!(story.carrying(2) > 0);
    assert_eq!(story.go(), Rule::GateFailed);
    // A tick lets it go on once it passes.
    story.act(Act::Reading(Reading::Pass));
    assert_ne!(story.act(Act::Advance), Rule::GateFailed);
    story.ends(2);
}
