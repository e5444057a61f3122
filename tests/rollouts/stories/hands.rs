//! What people do with keys, rows and boxes while a rollout is under way.

use super::super::acts::{Act, End};
use super::super::decider::Rule;
use super::super::world::{CONFIG, NONE, Reading};
use super::Story;

#[test]
fn a_key_that_is_cleared_stops_it_and_typed_again_goes_on_at_the_same_wave() {
    for (wave, next) in [(0, Rule::NextWave), (1, Rule::Manual), (2, Rule::Done)] {
        let mut story = Story::in_wave(4, wave);
        let before = story.tags();
        assert_eq!(story.act(Act::Key(0, NONE)), Rule::KeyElsewhere);
        for _ in 0..8 {
            assert_eq!(story.go(), Rule::KeyElsewhere);
        }
        assert_eq!(story.tags(), before);
        assert_eq!(
            story.act(Act::Key(0, 2)),
            next,
            "it has baked meanwhile, and its readings were taken"
        );
        if next != Rule::Done {
            story.ends(2);
        }
        assert!(story.all_carry(2));
    }
}

#[test]
fn a_row_that_was_deleted_edited_or_doubled_and_a_protection_that_was_off_need_both_keys_anew() {
    let troubles: [(&[Act], Rule); 4] = [
        (&[Act::DeleteFirst, Act::Undo], Rule::NoRow),
        (&[Act::Touch], Rule::Spent),
        (&[Act::Copy, Act::DeleteLast], Rule::RowError),
        (&[Act::Protection, Act::Protection], Rule::Unprotected),
    ];
    for (acts, rule) in troubles {
        let mut story = Story::in_wave(4, 1);
        let before = story.tags();
        assert_eq!(story.act(acts[0]), rule);
        for act in &acts[1..] {
            story.act(*act);
        }
        for _ in 0..8 {
            assert_eq!(story.go(), Rule::Spent, "{acts:?}");
        }
        assert_eq!(story.tags(), before);
        story.act(Act::Key(0, NONE));
        assert_eq!(story.act(Act::Key(0, 2)), Rule::Spent, "{acts:?}: key B is still spent");
        story.act(Act::Key(1, NONE));
        story.act(Act::Key(1, 2));
        story.ends(2);
    }
}

#[test]
fn a_third_version_waits_for_a_rollback_and_starts_from_the_former_one() {
    let mut story = Story::in_wave(4, 1);
    assert_eq!(story.both(3), Rule::KeyElsewhere);
    assert_eq!((story.carrying(1), story.carrying(2)), (2, 2));
    assert_eq!(story.act(Act::Rollback), Rule::RolledBack);
    assert!(story.all_carry(1));
    assert_eq!(
        story.act(Act::Rollback),
        Rule::Started,
        "keys on the third version are not spent"
    );
    assert_eq!((story.carrying(1), story.carrying(3)), (3, 1));
    story.ends(3);
}

#[test]
fn keys_on_the_former_version_take_it_back_in_one_pass_outside_the_window_and_not_enabled() {
    let mut story = Story::in_wave(4, 1);
    story.act(Act::Window);
    story.act(Act::Enabled);
    assert_eq!(story.both(1), Rule::TakenBack);
    assert!(story.all_carry(1));
    assert_eq!(story.go(), Rule::InSync);
    story.act(Act::Window);
    story.act(Act::Enabled);
    assert_eq!(story.both(2), Rule::Started, "no key is spent");
    story.ends(2);
}

#[test]
fn a_rollback_works_in_every_state_and_the_version_stays_away() {
    let states: [(&str, u8, &[Act]); 8] = [
        ("moving", 1, &[Act::Refuse(0)]),
        ("baking", 0, &[]),
        ("in the last wave", 2, &[]),
        ("paused", 1, &[Act::Key(1, NONE)]),
        ("frozen", 1, &[Act::Window]),
        ("a region is away", 1, &[Act::Region]),
        ("the row is doubled", 1, &[Act::Copy]),
        ("not protected", 1, &[Act::Protection]),
    ];
    for (name, wave, acts) in states {
        for end in [End::Whole, End::BeforeTags] {
            let mut story = Story::in_wave(4, wave);
            for act in acts {
                story.act(*act);
            }
            let (rule, _) = story.step((Act::Rollback, end));
            assert_eq!(rule, Rule::RolledBack, "{name}");
            if story.state.world.servers[0].is_some_and(|server| server.refuses) {
                story.act(Act::Refuse(0));
            }
            if story.state.world.away {
                story.act(Act::Region);
            }
            for _ in 0..10 {
                story.go();
                assert!(story.all_carry(1), "{name}: {:?}", story.tags());
            }
            story.act(Act::Rollback);
            for _ in 0..10 {
                story.go();
                assert!(story.all_carry(1), "{name}: {:?}", story.tags());
            }
        }
    }
}

#[test]
fn a_lost_store_moves_nobody_and_keys_typed_anew_finish_it() {
    for wave in 0..2 {
        let mut story = Story::in_wave(4, wave);
        let before = story.tags();
        assert_eq!(story.act(Act::Lost), Rule::Spent);
        for _ in 0..10 {
            assert_eq!(story.go(), Rule::Spent);
        }
        assert_eq!(story.tags(), before);
        assert_eq!(story.state.ghosts.wave(), Some(wave));
        story.anew(2);
        story.ends(2);
    }
}

#[test]
fn a_lost_store_can_still_go_back() {
    for wave in 0..2 {
        let mut story = Story::in_wave(4, wave);
        story.act(Act::Lost);
        assert_eq!(story.act(Act::Rollback), Rule::RolledBack);
        assert!(story.all_carry(1));
    }
}

#[test]
fn advance_goes_over_bake_and_missing_data_once_and_over_nothing_else() {
    let mut story = Story::in_wave(4, 0);
    story.act(Act::Reading(Reading::NoData));
    assert_eq!(story.act(Act::Advance), Rule::NextWave);
    for _ in 0..10 {
        let rule = story.act(Act::Nothing);
        assert!(
            matches!(rule, Rule::Unsettled | Rule::Baking),
            "one tick, one wave: {rule:?}"
        );
    }
    story.act(Act::Advance);
    story.act(Act::Reading(Reading::Fail));
    assert_eq!(story.state.ghosts.wave(), Some(1));
    assert_eq!(
        story.act(Act::Advance),
        Rule::AutoRollback,
        "not over a gate that has failed"
    );
}

#[test]
fn advance_that_lapses_with_its_wave_serves_no_other() {
    let mut story = Story::in_wave(4, 0);
    while story
        .state
        .ghosts
        .settled
        .is_none_or(|settled| story.state.world.now < settled + CONFIG.bake - 1)
    {
        assert_eq!(story.go(), Rule::Baking);
    }
    assert_eq!(
        story.act(Act::Advance),
        Rule::NextWave,
        "the wave ends by itself as the tick is seen"
    );
    for _ in 0..10 {
        let rule = story.act(Act::Nothing);
        assert!(matches!(rule, Rule::Baking | Rule::Manual), "{rule:?}");
    }
}

#[test]
fn advance_that_was_ticked_before_the_start_is_void() {
    let mut story = Story::of(4);
    story.act(Act::Advance);
    assert_eq!(story.both(2), Rule::Started);
    assert_eq!(story.act(Act::Nothing), Rule::Baking);
}

#[test]
fn advance_of_a_pass_that_is_killed_after_its_commit_is_served_once() {
    let mut story = Story::in_wave(4, 0);
    assert_eq!(story.step((Act::Advance, End::BeforeTags)).0, Rule::NextWave);
    for _ in 0..20 {
        story.act(Act::Nothing);
        assert_eq!(story.state.ghosts.wave(), Some(1));
    }
    assert_eq!(story.carrying(2), 2);
}
