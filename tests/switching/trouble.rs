//! A switch and its ways back in bad weather: a tag that is refused, a region away, a pass that is killed at any write.

use fleetsheet_mocks::cloud::Denial;
use fleetsheet_mocks::faults::{Fault, When};

use super::{ACCOUNT, AT_REST, BOTH, CHANNEL, EAST, GREEN, OLD, OTHER, SWITCHED, THROUGH, WATCHED, World};

const DENIED: Denial = Denial::Explicit("service control policy");

/// One server refuses the role tag: its stage stands, and what does not depend on it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_one_server_refuses_holds_its_stage_and_nothing_else() {
    let world = World::new("0s", "1h", false).await;
    world.turn_keys();
    world.until("keep", SWITCHED).await;
    world.stage.cloud.edit(|fleet| {
        fleet.deny_instance(super::BLUE[1], Some(DENIED));
        assert!(fleet.set_tag(OTHER, "ReleaseVersion", "6.6.6"));
    });
    world.stage.set(CHANNEL, "rollback", true);
    let back = world.stage.once().await;
    assert_eq!(back.code, 4, "{back:?}");
    // The first of the colour takes over, the second refused, so nobody gives up; the other channel's server was corrected.
    let roles: Vec<String> = world.look().into_iter().map(|(role, _)| role).collect();
    assert_eq!(roles, ["active", "preview", "active", "active"]);
    assert_eq!(world.stage.version(OTHER), OLD);
    for id in GREEN {
        let status = world.stage.server_cell(id, "status");
        assert!(
            status.starts_with("failed: not sent: waits: not all servers of the other colour became active"),
            "{status}"
        );
    }
    world
        .stage
        .cloud
        .edit(|fleet| fleet.deny_instance(super::BLUE[1], None));
    for _ in 0..6 {
        assert!([0, 4].contains(&world.stage.once().await.code));
    }
    world.assert_look(AT_REST);
    world.assert_lawful();
}

/// A region away hides servers of both colours: nobody gives up, nothing ends, and it goes on once it is back.
#[tokio::test(flavor = "multi_thread")]
async fn while_a_region_is_away_nothing_switches_and_nobody_gives_up() {
    for (phase, look) in [("preview", WATCHED), ("switching", BOTH), ("keep", SWITCHED)] {
        let world = World::new("0s", "0s", false).await;
        if phase == "preview" {
            world.gate(None);
        }
        world.turn_keys();
        world.until(phase, look).await;
        world.gate(Some(0.001));
        world.stage.cloud.switch_off(ACCOUNT, EAST, Fault::Status(403));
        for _ in 0..4 {
            let ran = world.stage.once().await;
            assert_eq!(ran.code, 4, "{ran:?}");
            let status = world.status();
            assert!(
                status.contains("waits for main/us-east-1, which does not answer"),
                "{phase}: {status}"
            );
        }
        assert_eq!(world.look(), World::of(look), "{phase}");
        // A rollback does what it can: whoever is seen and takes over does, and whoever would give up waits.
        world.stage.set(CHANNEL, "rollback", true);
        for _ in 0..3 {
            assert_eq!(world.stage.once().await.code, 4);
        }
        world.traffic().assert_one_colour_is_wholly_active();
        world.stage.cloud.scoped_script().clear();
        world.rest().await;
        world.assert_look(AT_REST);
        world.assert_lawful();
    }
}

/// The passes that write roles: which, and what each begins from.
async fn writes_roles(what: &str) -> World {
    let keep = if what == "back" { "1h" } else { "0s" };
    let world = World::new("0s", keep, true).await;
    world.turn_keys();
    for _ in 0..4 {
        world.pass().await;
    }
    world.stage.set(CHANNEL, "advance", true);
    match what {
        "take over" => {}
        "give up" => drop(world.until("switching", BOTH).await),
        _ => {
            world.until("keep", SWITCHED).await;
            world.stage.set(CHANNEL, "rollback", true);
        }
    }
    world
}

/// Each write fails, or the pass is killed once it was made: one colour is wholly active at each of them, and all ends well.
#[tokio::test(flavor = "multi_thread")]
async fn case_16_at_each_write_of_a_switch_and_of_a_rollback_one_colour_is_wholly_active() {
    for (what, writes, ends) in [("take over", 2, THROUGH), ("give up", 2, THROUGH), ("back", 4, AT_REST)] {
        for nth in 1..=writes {
            for how in ["fails", "is the last"] {
                let world = writes_roles(what).await;
                let script = world.stage.cloud.script();
                if how == "fails" {
                    script.fail("ec2.CreateTags", When::Nth(nth), Fault::Forbidden);
                    let ran = world.stage.once().await;
                    assert_eq!(ran.code, 4, "{what} {nth}: {ran:?}");
                } else {
                    let pass = ["--once", "--format", "json"];
                    world.stage.killed_in(&pass, &script, "ec2.CreateTags", nth, true).await;
                }
                script.clear();
                world.traffic().assert_one_colour_is_wholly_active();
                world.comes_to(ends).await;
                world.assert_lawful();
            }
        }
    }
}
