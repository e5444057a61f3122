//! The ways back: by tick, by a gate that fails, by keys and by command, in each phase.

use fleetsheet_mocks::faults::{Fault, When};

use super::{AT_REST, BLUE, BOTH, CHANNEL, Look, NEW, OLD, SWITCHED, THROUGH, WATCHED, World, events};
use crate::mailbox::Mail;
use crate::stage::Ran;

/// A rollback in place: the colour that takes traffic goes back to the former version as it is.
const IN_PLACE: Look = [("preview", OLD), ("active", OLD)];

/// Each phase, how servers look in it, and how they do once a release was taken back from there.
const PHASES: [(&str, Look, Look); 4] = [
    ("preview", WATCHED, AT_REST),
    ("switching", BOTH, AT_REST),
    ("keep", SWITCHED, AT_REST),
    ("follow", THROUGH, IN_PLACE),
];

/// In this phase of a release, whose gate passes until then.
async fn at(phase: &str, look: Look) -> World {
    let overlap = if phase == "switching" { "1h" } else { "0s" };
    let keep = if phase == "keep" { "1h" } else { "0s" };
    let world = World::new(overlap, keep, phase == "preview").await;
    world.turn_keys();
    world.until(phase, look).await;
    world.forget();
    world
}

/// It is back, nobody is left on what was taken back, and it stays so.
async fn assert_back(world: &World, phase: &str, rest: Look) {
    world.rest().await;
    world.assert_look(rest);
    let traffic = world.traffic();
    traffic.assert_one_colour_is_wholly_active();
    traffic.assert_traffic_comes_to_whole_colours();
    let in_place = if phase == "follow" { 2 } else { 0 };
    assert_eq!(traffic.changed_in_traffic().len(), in_place, "{phase}");
    assert_eq!(world.stage.release_cell(CHANNEL, "releaseVersion"), OLD, "{phase}");
    for _ in 0..2 {
        world.pass().await;
    }
    world.assert_look(rest);
    world.stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_takes_the_release_back_in_each_phase() {
    for (phase, look, rest) in PHASES {
        let world = at(phase, look).await;
        world.stage.set(CHANNEL, "rollback", true);
        let back = world.pass().await;
        assert_eq!(
            back.events_of("rollback"),
            [format!("{CHANNEL} {NEW} {OLD}")],
            "{phase}"
        );
        assert!(
            world.status().starts_with("rolled back from 2.0.0"),
            "{}",
            world.status()
        );
        assert_back(&world, phase, rest).await;
        assert_mailed(&world, phase, "rolled back to 1.0.0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_fails_takes_the_release_back_in_each_phase() {
    for (phase, look, rest) in PHASES {
        let world = at(phase, look).await;
        world.gate(Some(0.031));
        let back = world.pass().await;
        let told = events(&back);
        assert!(
            told.contains(&"gate_failed") && told.contains(&"auto_rollback"),
            "{phase}: {told:?}"
        );
        let wave = PHASES.iter().position(|(name, ..)| *name == phase).unwrap() + 1;
        let words = format!("rolled back from 2.0.0: gate errors failed in phase {wave}/4 ({phase}) (0.031 > 0.01)");
        assert!(world.status().starts_with(&words), "{phase}: {}", world.status());
        assert_back(&world, phase, rest).await;
        let told = assert_mailed(&world, phase, "a gate failed, rolled back to 1.0.0");
        assert!(told.text.contains("(0.031 > 0.01)"), "{}", told.text);
    }
}

/// Keys that name the former version do it without a tick, and nothing is spent.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_name_the_former_version_take_it_back_by_roles() {
    let world = at("keep", SWITCHED).await;
    world.stage.turn_keys(CHANNEL, OLD);
    let back = world.pass().await;
    assert_eq!(back.events_of("taken_back"), [format!("{CHANNEL} {NEW} {OLD}")]);
    world.assert_look([("active", OLD), ("preview", NEW)]);
    assert_back(&world, "keep", AT_REST).await;
}

/// One mail tells of the rollback, and where roles go back first another that all carry the former version. Gives the first.
fn assert_mailed(world: &World, phase: &str, words: &str) -> Mail {
    let mut mails = world.mails();
    let by_roles = ["switching", "keep"].contains(&phase);
    assert_eq!(mails.len(), if by_roles { 2 } else { 1 }, "{phase}: {mails:?}");
    if by_roles {
        assert_eq!(
            mails[1].subject(),
            "[fleetsheet] web-prod: 1.0.0 is now on all 4 servers"
        );
    }
    let told = mails.remove(0);
    assert!(told.subject().contains(words), "{phase}: {}", told.subject());
    told
}

fn order() -> [&'static str; 7] {
    [
        "rollback",
        CHANNEL,
        "--reason",
        "2.0.0 loses orders",
        "--yes",
        "--format",
        "json",
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_takes_it_back_by_roles_with_the_sheet_and_without() {
    for down in [false, true] {
        let world = at("keep", SWITCHED).await;
        if down {
            world.stage.sheets.script().fail("*", When::Every, Fault::Forbidden);
        }
        let ran: Ran = world.stage.run(&order()).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(ran.events_of("rollback"), [format!("{CHANNEL} {NEW} {OLD}")]);
        // By roles: whoever gave its traffic up keeps the new version until it is seen, in the pass that follows where there is a sheet.
        world.assert_look(if down {
            [("active", OLD), ("preview", NEW)]
        } else {
            AT_REST
        });
        world.stage.sheets.script().clear();
        assert_back(&world, "keep", AT_REST).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_fails_while_nobody_can_read_the_sheet_takes_it_back_by_roles() {
    for (phase, look, rest) in PHASES {
        let world = at(phase, look).await;
        world.gate(Some(0.031));
        world.stage.sheets.script().fail("*", When::Every, Fault::Forbidden);
        for _ in 0..4 {
            let blind = world.stage.once().await;
            assert_eq!(blind.code, 1, "{blind:?}");
        }
        world.assert_look(rest);
        world.stage.sheets.script().clear();
        world.gate(Some(0.001));
        assert_back(&world, phase, rest).await;
    }
}

/// In `keep` roles are written first, all of those that take over before any that gives up, and versions last.
#[tokio::test(flavor = "multi_thread")]
async fn case_16_a_rollback_in_keep_writes_no_version_before_roles() {
    let world = at("keep", SWITCHED).await;
    let before = world.stage.cloud.audit().len();
    world.stage.set(CHANNEL, "rollback", true);
    world.rest().await;
    world.assert_look(AT_REST);
    let audit = world.stage.cloud.audit();
    let written: Vec<(bool, &str)> = audit[before..]
        .iter()
        .map(|line| (BLUE.contains(&line.instance.as_str()), line.key.as_str()))
        .collect();
    let [comes, leaves, version] = [(true, "ReleaseRole"), (false, "ReleaseRole"), (false, "ReleaseVersion")];
    assert_eq!(written, [comes, comes, leaves, leaves, version, version]);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_16_a_rollback_in_follow_goes_back_in_place() {
    let world = at("follow", THROUGH).await;
    let before = world.stage.cloud.audit().len();
    world.stage.set(CHANNEL, "rollback", true);
    world.rest().await;
    world.assert_look(IN_PLACE);
    let audit = world.stage.cloud.audit();
    assert!(
        audit[before..].iter().all(|line| line.key == "ReleaseVersion"),
        "roles are as they were"
    );
    // Which colour is active is known: the next release is previewed on the other.
    world.stage.set(CHANNEL, "rollback", false);
    world.pass().await;
    world.stage.turn_keys(CHANNEL, "3.0.0");
    world.pass().await;
    world.assert_look([("preview", "3.0.0"), ("active", OLD)]);
}
