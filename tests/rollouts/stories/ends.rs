//! Whatever happens to servers, regions, windows and passes, a rollout that people want to end ends.

use super::super::acts::{Act, End};
use super::super::decider::Rule;
use super::super::world::{IDS, NONE, ORDER, World};
use super::Story;

#[test]
fn a_rollout_that_nobody_disturbs_ends_whatever_the_number_of_servers() {
    for servers in 1..=IDS {
        let mut story = Story::of(servers);
        assert_eq!(story.both(2), Rule::Started);
        story.ends(2);
        assert_eq!(story.both(3), Rule::Started, "and the next one starts");
        story.ends(3);
    }
}

#[test]
fn a_channel_at_zero_servers_starts_and_stands_until_there_are_some() {
    let mut story = Story::of(0);
    assert_eq!(story.both(2), Rule::Started);
    for _ in 0..8 {
        assert_eq!(story.go(), Rule::Unsettled, "none of it counts as passed");
    }
    story.act(Act::Join);
    assert_eq!(story.carrying(2), 1);
    story.ends(2);
}

#[test]
fn all_servers_of_the_first_wave_are_replaced_and_no_wave_is_passed_meanwhile() {
    let mut story = Story::in_wave(4, 0);
    story.act(Act::Window);
    for id in 0..4 {
        story.act(Act::Terminate(id));
    }
    for _ in 0..4 {
        assert_eq!(story.act(Act::Join), Rule::Unsettled);
    }
    assert!(
        story.all_carry(1),
        "joins get the former version, and none is taken outside the window"
    );
    for _ in 0..8 {
        assert_eq!(story.go(), Rule::Unsettled);
    }
    assert_eq!(story.act(Act::Window), Rule::Unsettled);
    assert_eq!((story.carrying(1), story.carrying(2)), (3, 1), "filled up");
    story.ends(2);
}

#[test]
fn not_enabled_stands_and_goes_on_by_itself() {
    let mut story = Story::in_wave(4, 1);
    assert_eq!(story.act(Act::Enabled), Rule::NotEnabled);
    story.act(Act::Enabled);
    story.ends(2);
}

#[test]
fn a_region_that_is_away_holds_waves_and_its_members_follow() {
    let mut story = Story::of(4);
    story.act(Act::Refuse(1));
    assert_eq!(story.both(2), Rule::Started);
    story.act(Act::Region);
    story.act(Act::Refuse(1));
    for _ in 0..20 {
        assert_eq!(story.go(), Rule::Outage);
    }
    assert_eq!(story.carrying(2), 0);
    story.act(Act::Region);
    assert_eq!(story.carrying(2), 1);
    story.ends(2);
}

#[test]
fn late_servers_wait_for_the_window() {
    let mut story = Story::of(4);
    story.act(Act::Refuse(ORDER[0]));
    story.both(2);
    story.act(Act::Window);
    story.act(Act::Refuse(ORDER[0]));
    for _ in 0..5 {
        assert_eq!(story.go(), Rule::Unsettled);
        assert_eq!(story.carrying(2), 0);
    }
    story.act(Act::Window);
    assert_eq!(story.carrying(2), 1);
    story.ends(2);
}

#[test]
fn a_rollout_that_baked_outside_the_window_goes_on_in_it_and_ends_outside() {
    let mut story = Story::in_wave(4, 0);
    story.act(Act::Window);
    for _ in 0..5 {
        story.go();
    }
    assert_eq!(story.go(), Rule::OutsideWindow);
    assert_eq!(story.act(Act::Window), Rule::NextWave);
    let mut story = Story::in_wave(4, 2);
    story.act(Act::Window);
    story.act(Act::Join);
    assert!(story.all_carry(2), "a join of the last wave is a member at once");
    story.ends(2);
}

#[test]
fn a_first_release_over_servers_that_carry_versions_goes_in_waves_and_a_tick_ends_it_where_it_stands() {
    let mixed = || {
        let mut world = World::released(NONE, 4);
        for (id, server) in world.servers.iter_mut().flatten().enumerate() {
            server.tag = if id % 2 == 0 { 1 } else { 3 };
        }
        Story::from(world)
    };
    let mut story = mixed();
    assert_eq!(story.both(2), Rule::Started);
    assert_eq!(story.carrying(2), 1);
    story.ends(2);
    let mut story = mixed();
    story.both(2);
    let before = story.tags();
    assert_eq!(story.act(Act::Rollback), Rule::RolledBack);
    for _ in 0..5 {
        story.go();
        assert_eq!(story.tags(), before);
    }
}

#[test]
fn a_first_release_over_servers_without_versions_goes_at_once() {
    let mut story = Story::from(World::released(NONE, 4));
    assert_eq!(story.both(2), Rule::AtOnce);
    assert!(story.all_carry(2));
}

#[test]
fn a_held_server_gives_its_place_to_the_next_and_nobody_is_let_go() {
    let mut story = Story::in_wave(4, 1);
    assert_eq!(story.carrying(2), 2);
    story.act(Act::Hold(ORDER[0]));
    assert_eq!(story.carrying(2), 1, "half of three, rounded down");
    story.act(Act::Hold(ORDER[0]));
    assert_eq!(story.carrying(2), 2);
    let before = story.tags();
    story.act(Act::Canary(2));
    assert_eq!(story.tags(), before, "a tick shifts nobody");
    story.ends(2);
}

#[test]
fn every_pass_is_killed_where_it_can_be_and_the_rollout_ends() {
    for end in [End::BeforeTags, End::AmongTags, End::BeforeSheet] {
        let mut story = Story::of(6);
        story.act(Act::Key(0, 2));
        let mut act = Act::Key(1, 2);
        let mut kills = 0;
        for _ in 0..60 {
            let mut killed = story.state.clone();
            if story.search.step(&mut killed, (act, end)).is_some() {
                story.state = killed;
                kills += 1;
                act = Act::Nothing;
            }
            story.act(act);
            act = story.next();
        }
        assert!(
            kills > 0 && story.state.ghosts.wave().is_none() && story.all_carry(2),
            "{end:?}: {kills}"
        );
    }
}
