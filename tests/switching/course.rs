//! A release from `preview` to its end: by itself, and where a person has to say so.

use super::{BLUE, BOTH, CHANNEL, GREEN, NEW, OLD, SWITCHED, THROUGH, WATCHED, World, events};

#[tokio::test(flavor = "multi_thread")]
async fn a_release_passes_from_preview_to_its_end_by_itself() {
    let world = World::new("1m", "90s", false).await;
    world.turn_keys();
    let starts = world.pass().await;
    assert_eq!(
        (world.phase(&starts).as_str(), events(&starts)),
        ("preview", vec!["promotion"])
    );
    let rollout = world.rollout(&starts);
    let shown = [&rollout["wave"], &rollout["waves"], &rollout["to"], &rollout["former"]];
    assert_eq!(shown.map(ToString::to_string), ["1", "4", "\"preview\"", "\"1.0.0\""]);
    world.assert_look(WATCHED);
    let switches = world.until("switching", BOTH).await;
    assert_eq!(events(&switches), ["switch"]);
    // Both take traffic until the overlap is over, however many passes there are.
    let mut both = world.pass().await;
    for _ in 0..2 {
        both = world.pass().await;
    }
    world.assert_look(BOTH);
    let words = "rolling out 2.0.0: phase 2/4 (switching), 2/2; blue and green are active until ";
    assert!(both.status(CHANNEL).starts_with(words), "{}", both.status(CHANNEL));
    assert!(world.rollout(&both)["not_before"].is_string(), "{both:?}");
    world.later(61);
    let hands_over = world.pass().await;
    world.assert_look(SWITCHED);
    assert_eq!(world.phase(&hands_over), "switching");
    let keeps = world.until("keep", SWITCHED).await;
    assert_eq!(events(&keeps), ["wave"]);
    let bakes = world.pass().await;
    assert!(
        bakes
            .status(CHANNEL)
            .starts_with("rolling out 2.0.0: phase 3/4 (keep), 2/2; bakes until "),
        "{}",
        bakes.status(CHANNEL)
    );
    assert_eq!(world.rollout(&bakes)["state"], "baking");
    for _ in 0..3 {
        world.pass().await;
    }
    world.assert_look(SWITCHED);
    world.later(91);
    let follows = world.until("follow", THROUGH).await;
    assert_eq!(events(&follows), ["wave"]);
    let done = world.until("", THROUGH).await;
    assert_eq!((done.status(CHANNEL), events(&done)), ("in sync", vec!["rollout_done"]));
    assert_eq!(world.stage.release_cell(CHANNEL, "previousVersion"), OLD);
    world.assert_lawful();
    assert_eq!(world.traffic().served(), [OLD, NEW]);
    world.stage.assert_silent().await;
    world.stage.assert_only_service_cells_were_written();
    // The next release goes the other way.
    world.stage.turn_keys(CHANNEL, "3.0.0");
    world.pass().await;
    world.assert_look([("preview", "3.0.0"), ("active", NEW)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_switch_waits_for_one_tick_of_advance() {
    let world = World::new("0s", "1h", true).await;
    world.turn_keys();
    for _ in 0..5 {
        world.pass().await;
    }
    assert_eq!(
        world.status(),
        "rolling out 2.0.0: phase 1/4 (preview), 2/2; waits for advance · 2/4 on 2.0.0"
    );
    world.assert_look(WATCHED);
    world.stage.assert_silent().await;
    world.stage.set(CHANNEL, "advance", true);
    let switches = world.pass().await;
    assert_eq!(events(&switches), ["advance", "switch"]);
    world.assert_look(BOTH);
    world.until("keep", SWITCHED).await;
    // The tick that still stands was for the switch: `keep` goes on.
    for _ in 0..4 {
        world.pass().await;
    }
    world.assert_look(SWITCHED);
    // A tick of its own ends it.
    world.stage.set(CHANNEL, "advance", false);
    world.pass().await;
    world.stage.set(CHANNEL, "advance", true);
    let follows = world.pass().await;
    assert_eq!(
        (world.phase(&follows).as_str(), events(&follows)),
        ("follow", vec!["advance", "wave"])
    );
    world.until("", THROUGH).await;
    world.assert_lawful();
}

#[tokio::test(flavor = "multi_thread")]
async fn case_16_a_preview_that_is_smaller_than_the_active_colour_is_not_switched_to() {
    let world = World::new("0s", "0s", false).await;
    world.stage.cloud.edit(|fleet| assert!(fleet.terminate(GREEN[1])));
    world.turn_keys();
    for _ in 0..4 {
        world.pass().await;
    }
    let words = "rolling out 2.0.0: phase 1/4 (preview), 1/1; waits for as many servers of green as of blue (1 of 2) · 1/3 on 2.0.0";
    assert_eq!(world.status(), words);
    for id in BLUE {
        assert_eq!(world.stage.version(id), OLD);
    }
    assert_eq!(world.traffic().served(), [OLD]);
    // Another of its colour joins: it gets the new version and a role, and the switch is made.
    world.stage.cloud.edit(|fleet| {
        let tags = [("ReleaseChannel", CHANNEL), ("Colour", "green")];
        fleet.add(super::ACCOUNT, super::REGION, "i-000000000000000e3", tags);
    });
    for _ in 0..9 {
        world.pass().await;
    }
    let green = world.stage.tag("i-000000000000000e3", "ReleaseRole");
    assert_eq!((green.as_deref(), world.status().as_str()), (Some("active"), "in sync"));
    assert_eq!(world.stage.version("i-000000000000000e3"), NEW);
    world.assert_lawful();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_without_data_holds_the_preview_and_keep_and_nothing_else() {
    let world = World::new("0s", "0s", false).await;
    world.gate(None);
    world.turn_keys();
    for _ in 0..4 {
        world.pass().await;
    }
    assert_eq!(
        world.status(),
        "rolling out 2.0.0: phase 1/4 (preview), 2/2; waits: gate errors: no data · 2/4 on 2.0.0"
    );
    world.assert_look(WATCHED);
    world.gate(Some(0.001));
    world.until("switching", BOTH).await;
    world.gate(None);
    // A switch that has begun ends.
    world.until("keep", SWITCHED).await;
    for _ in 0..4 {
        world.pass().await;
    }
    assert_eq!(
        world.status(),
        "rolling out 2.0.0: phase 3/4 (keep), 2/2; waits: gate errors: no data · 2/4 on 2.0.0"
    );
    world.gate(Some(0.001));
    world.until("", THROUGH).await;
    world.assert_lawful();
}

/// Nobody passes and nothing switches outside a window, but a switch that has begun ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_holds_the_switch_and_not_one_that_has_begun() {
    const FREEZE: &str =
        "[{ channels = ['*'], from = '2020-01-01', to = '2099-12-31', zone = 'UTC', reason = 'feast' }]";
    let mut world = World::new("0s", "0s", true).await;
    world.turn_keys();
    for _ in 0..4 {
        world.pass().await;
    }
    world.stage.set(CHANNEL, "advance", true);
    world.stage.setting("FLEETSHEET_FREEZE", FREEZE);
    for _ in 0..3 {
        world.pass().await;
    }
    world.assert_look(WATCHED);
    let words =
        "rolling out 2.0.0: phase 1/4 (preview), 2/2; waits for the freeze until 2099-12-31 (feast) · 2/4 on 2.0.0";
    assert_eq!(world.status(), words);
    let through = world
        .stage
        .run(&["--once", "--allow", "window", "--format", "json"])
        .await;
    assert_eq!(
        (through.code, world.phase(&through).as_str()),
        (0, "switching"),
        "{through:?}"
    );
    world.until("keep", SWITCHED).await;
    for _ in 0..4 {
        world.pass().await;
    }
    world.assert_look(SWITCHED);
    let words =
        "rolling out 2.0.0: phase 3/4 (keep), 2/2; waits for the freeze until 2099-12-31 (feast) · 2/4 on 2.0.0";
    assert_eq!(world.status(), words);
    world.stage.setting("FLEETSHEET_FREEZE", "[]");
    world.until("", THROUGH).await;
    world.assert_lawful();
}
