//! The laws of blue-green, each over a whole release with something in its way.

use fleetsheet_mocks::cloud::Denial;

use super::{AT_REST, BLUE, BOTH, CHANNEL, GREEN, NEW, OLD, SWITCHED, THROUGH, WATCHED, World};

const DENIED: Denial = Denial::Explicit("service control policy");

fn deny(world: &World, id: &str, denied: bool) {
    world
        .stage
        .cloud
        .edit(|fleet| fleet.deny_instance(id, denied.then_some(DENIED)));
}

/// Passes while something is in the way: they say that a server failed, and end.
async fn try_on(world: &World, passes: usize) {
    for _ in 0..passes {
        let ran = world.stage.once().await;
        assert!([0, 4].contains(&ran.code), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b1_no_server_gives_up_active_unless_the_other_colour_is_wholly_active() {
    let world = World::new("0s", "0s", true).await;
    world.turn_keys();
    for _ in 0..4 {
        world.pass().await;
    }
    deny(&world, GREEN[1], true);
    world.stage.set(CHANNEL, "advance", true);
    try_on(&world, 5).await;
    let roles: Vec<String> = world.look().into_iter().map(|(role, _)| role).collect();
    assert_eq!(roles, ["active", "active", "active", "preview"], "{}", world.status());
    world.traffic().assert_one_colour_is_wholly_active();
    deny(&world, GREEN[1], false);
    try_on(&world, 9).await;
    world.assert_look(THROUGH);
    world.assert_lawful();
}

#[tokio::test(flavor = "multi_thread")]
async fn b2_traffic_only_reaches_a_version_whose_gates_have_passed() {
    let world = World::new("0s", "0s", false).await;
    world.gate(None);
    world.turn_keys();
    for _ in 0..6 {
        world.pass().await;
        assert_eq!(world.traffic().served(), [OLD]);
    }
    // It fails: the version is left before anybody was served by it.
    world.gate(Some(0.031));
    world.pass().await;
    world.rest().await;
    world.assert_look(AT_REST);
    assert_eq!(world.traffic().served(), [OLD]);
    // It passes.
    world.gate(Some(0.001));
    world.stage.turn_keys(CHANNEL, "");
    world.pass().await;
    world.turn_keys();
    world.until("", THROUGH).await;
    assert_eq!(world.traffic().served(), [OLD, NEW]);
}

#[tokio::test(flavor = "multi_thread")]
async fn b3_a_rollback_whose_writes_all_succeeded_leaves_no_traffic_on_what_it_left() {
    for phase in ["switching", "keep", "follow"] {
        let look = [("switching", BOTH), ("keep", SWITCHED), ("follow", THROUGH)];
        let look = look.into_iter().find(|(name, _)| *name == phase).unwrap().1;
        let overlap = if phase == "switching" { "1h" } else { "0s" };
        let keep = if phase == "keep" { "1h" } else { "0s" };
        let world = World::new(overlap, keep, false).await;
        world.turn_keys();
        world.until(phase, look).await;
        world.stage.set(CHANNEL, "rollback", true);
        let back = world.pass().await;
        assert_eq!(back.json["failed"], 0, "{back:?}");
        let left = world.look().into_iter().filter(|(role, _)| role == "active");
        let left: Vec<(String, String)> = left.filter(|(_, version)| version == NEW).collect();
        assert_eq!(left, [], "{phase}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_no_server_changes_its_version_while_it_takes_traffic() {
    // A release to its end, the next one to `keep`, and that one back.
    let world = World::new("0s", "0s", false).await;
    world.turn_keys();
    world.until("", THROUGH).await;
    world.stage.turn_keys(CHANNEL, "3.0.0");
    world.until("switching", [("active", "3.0.0"), ("active", NEW)]).await;
    world.stage.set(CHANNEL, "rollback", true);
    world.rest().await;
    world.assert_look([("preview", NEW), ("active", NEW)]);
    // A server that another hand made active gives that up before it gets a version.
    world.stage.set(CHANNEL, "rollback", false);
    world.pass().await;
    world
        .stage
        .cloud
        .edit(|fleet| assert!(fleet.set_tag(BLUE[0], "ReleaseRole", "active")));
    world.stage.turn_keys(CHANNEL, "4.0.0");
    world.until("", [("active", "4.0.0"), ("preview", "4.0.0")]).await;
    assert_eq!(world.traffic().changed_in_traffic(), [""; 0]);
    world.traffic().assert_one_colour_is_wholly_active();
}

#[tokio::test(flavor = "multi_thread")]
async fn b5_the_switch_goes_to_a_colour_of_which_all_servers_carry_the_version() {
    let world = World::new("0s", "0s", false).await;
    deny(&world, GREEN[1], true);
    world.turn_keys();
    try_on(&world, 5).await;
    assert_eq!(world.traffic().served(), [OLD], "{}", world.status());
    let status = world.status();
    assert!(
        status.starts_with("rolling out 2.0.0: phase 1/4 (preview), 1/2; waits for 1 that cannot be tagged"),
        "{status}"
    );
    deny(&world, GREEN[1], false);
    world.until("preview", WATCHED).await;
    world.until("", THROUGH).await;
    world.assert_lawful();
}
