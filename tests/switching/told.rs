//! A switch as people and scripts see it: plans, explanations, status, history, mail, metrics.

use super::{BLUE, BOTH, CHANNEL, GREEN, NEW, OLD, SWITCHED, THROUGH, World};

const PLAN: [&str; 4] = ["plan", "--exit-code", "--format", "json"];

async fn explained(world: &World, name: &str, parts: &[&str]) {
    let text = world.stage.run(&["explain", name]).await.stdout;
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// What `explain` says of the channel and of a server of each colour while the switch waits.
async fn explains_what_waits(world: &World) {
    let strategy =
        "colours: blue-green by the tag Colour, role tag ReleaseRole (the switch waits for advance); gates errors";
    explained(
        world,
        CHANNEL,
        &[
            strategy,
            "phase 1 of 4 (preview)",
            "waits for advance",
            "errors: pass",
            "version=\"2.0.0\"",
        ],
    )
    .await;
    explained(
        world,
        GREEN[0],
        &["green, role preview", "phase 1 of 4 (preview) takes it; it was taken"],
    )
    .await;
    explained(
        world,
        BLUE[0],
        &[
            "blue, role active",
            "phase 4 of 4 (follow) takes it",
            "has yet to take it",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_is_planned_explained_and_told() {
    let world = World::new("0s", "1h", true).await;
    explained(
        &world,
        GREEN[0],
        &[
            "green, role preview",
            "in the next rollout phase 1 of 4 (preview) takes it",
        ],
    )
    .await;
    world.turn_keys();
    assert_eq!(world.stage.run(&PLAN).await.code, 3, "it would start");
    world.pass().await;
    let begins = world.mails();
    assert_eq!(begins.len(), 1, "{begins:?}");
    assert_eq!(begins[0].subject(), "[fleetsheet] web-prod: 2.0.0 begins to roll out");
    let words = "in 4 phases, by strategy colours; phase 1 (preview) takes 2 servers";
    assert!(
        begins[0]
            .text
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .contains(words),
        "{}",
        begins[0].text
    );
    for _ in 0..4 {
        world.pass().await;
    }
    let waits = world.mails();
    assert_eq!(waits.len(), 1, "{waits:?}");
    let words = "tick advance to let the other colour take over, or rollback to leave 2.0.0";
    assert!(
        waits[0]
            .text
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .contains(words),
        "{}",
        waits[0].text
    );
    assert_eq!(world.stage.run(&PLAN).await.code, 0, "nothing would move");
    explains_what_waits(&world).await;
    let status = world.stage.run(&["status", "--format", "json"]).await;
    assert_eq!(world.phase(&status), "preview", "{status:?}");
    world.stage.set(CHANNEL, "advance", true);
    assert_eq!(world.stage.run(&PLAN).await.code, 3, "it would switch");
    explained(&world, GREEN[0], &["ReleaseRole preview → active (release)"]).await;
    let before = world.look();
    let plan = world.stage.run(&["plan"]).await;
    assert!(plan.stdout.contains("ReleaseRole"), "{plan:?}");
    assert_eq!(world.look(), before, "it was only looked at");
    world.until("switching", BOTH).await;
    let status = world.stage.run(&["status"]).await.stdout;
    assert!(status.contains("phase 2/4 (switching)"), "{status}");
    world.until("keep", SWITCHED).await;
    assert_eq!(world.mails(), [], "a switch and a phase are no mail");
    explained(&world, BLUE[0], &["blue, role preview"]).await;
    explained(&world, GREEN[0], &["green, role active"]).await;
    let history = world.stage.run(&["history", CHANNEL]).await.stdout;
    assert!(history.contains("switch") && history.contains("phase 2/4"), "{history}");
    let logged: Vec<String> = world.stage.audit_lines().into_iter().map(|[event, ..]| event).collect();
    assert!(logged.contains(&"switch".to_owned()), "{logged:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_is_measured_and_its_end_is_mailed_with_its_phases() {
    let world = World::new("0s", "90s", false).await;
    world.turn_keys();
    world.until("keep", SWITCHED).await;
    let service = world
        .stage
        .start(&[
            ("FLEETSHEET_SCHEDULE__CRON", "0 0 0 1 1 *"),
            ("FLEETSHEET_SCHEDULE__ROLLOUT_EVERY", "0s"),
        ])
        .await;
    let text = service
        .shows("/metrics", r#"fleetsheet_rollout_wave{channel="web-prod"} 3"#)
        .await;
    for line in [
        r#"fleetsheet_rollout_state{channel="web-prod",state="baking"} 1"#,
        r#"fleetsheet_rollout_servers{channel="web-prod",cohort="new"} 2"#,
        r#"fleetsheet_rollout_servers{channel="web-prod",cohort="former"} 2"#,
        r#"fleetsheet_gate_value{channel="web-prod",cohort="new",gate="errors"} 0.001"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    service.stop().await;
    world.forget();
    world.later(91);
    world.until("", THROUGH).await;
    let mails = world.mails();
    let done: Vec<_> = mails
        .iter()
        .filter(|mail| mail.subject().contains("has gone out"))
        .collect();
    assert_eq!(done.len(), 1, "{mails:?}");
    let text = done[0].text.replace('\n', " ");
    assert!(
        text.contains(&format!("{NEW} has gone out in all phases after {OLD}")),
        "{text}"
    );
    for phase in ["preview", "switching", "keep", "follow"] {
        assert!(text.contains(phase), "{phase}: {text}");
    }
    assert!(!text.contains("wave"), "{text}");
}
