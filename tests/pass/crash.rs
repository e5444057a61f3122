//! The program killed as each of its requests comes in: one more pass ends in the world of a pass that nobody killed.

use crate::aftermath::World;
use crate::stage::{ACCOUNT, REGION, Stage};

/// What the pass that is killed has to do.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// Adopt the release and mark the sheet.
    First,
    /// Promote in several calls, and append a row.
    Promotion,
    /// Go back.
    Rollback,
}

async fn stage_for(work: Work) -> Stage {
    let (mut stage, _) = Stage::web(5).await;
    stage.with_audit_tab();
    stage.setting("FLEETSHEET_LIMITS__BATCH_SIZE", "3");
    stage.setting("FLEETSHEET_LIMITS__CONCURRENCY", "1");
    if matches!(work, Work::First) {
        return stage;
    }
    stage.settle().await;
    stage.turn_keys("web-prod", "2.4.0");
    // An id of our own, so that the worlds of two stages can be compared.
    let new = [("Name", "new"), ("ReleaseChannel", "web-prod")];
    stage
        .cloud
        .edit(|fleet| fleet.add(ACCOUNT, REGION, "i-0fffffffffffffff0", new));
    if matches!(work, Work::Rollback) {
        stage.settle().await;
        stage.set("web-prod", "rollback", true);
    }
    stage
}

/// The world after an undisturbed pass, and how many requests it made to the spreadsheet and to the cloud.
async fn undisturbed(work: Work) -> (World, [u64; 2]) {
    let stage = stage_for(work).await;
    stage.sheets.script().forget_calls();
    stage.cloud.script().forget_calls();
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let counts = [stage.sheets.script().count("*"), stage.cloud.script().count("*")];
    (essence(&stage), counts)
}

/// The world without the hint that the status of a rollback gets from the second pass on.
fn essence(stage: &Stage) -> World {
    let mut world = stage.world();
    for status in world.releases.iter_mut().filter_map(|row| row.get_mut("status")) {
        *status = status.replace("; untick rollback to release again", "");
    }
    world
}

/// How often each move of the channel is in the history.
async fn moves(stage: &Stage) -> [usize; 2] {
    let history = stage.run(&["history", "--limit", "1000", "--format", "json"]).await;
    let events = history.json["events"].as_array().unwrap();
    ["promotion", "rollback"].map(|event| events.iter().filter(|e| e["event"] == event).count())
}

async fn killed_everywhere(work: Work) {
    let (world, [sheets, cloud]) = undisturbed(work).await;
    let expected = match work {
        Work::First => [0, 0],
        Work::Promotion => [1, 0],
        Work::Rollback => [1, 1],
    };
    for (requests, of_cloud) in [(sheets, false), (cloud, true)] {
        for (nth, taken) in (1..=requests).flat_map(|nth| [(nth, true), (nth, false)]) {
            let stage = stage_for(work).await;
            let what = format!("{work:?}, request {nth} of {requests}, cloud {of_cloud}, taken {taken}");
            let script = if of_cloud {
                stage.cloud.script()
            } else {
                stage.sheets.script().clone()
            };
            stage.killed_at(&script, nth, taken).await;
            let next = stage.once().await;
            assert_eq!(next.code, 0, "{what}: {next:?}");
            assert_eq!(next.problems_of("unauthorised_edit"), [""; 0], "{what}");
            assert_eq!(essence(&stage), world, "{what}");
            stage.assert_rows_are_single();
            stage.assert_only_service_cells_were_written();
            stage.settle().await;
            stage.assert_silent().await;
            assert_eq!(moves(&stage).await, expected, "{what}");
            let lines = stage.audit_lines();
            let logged = ["promotion", "rollback"].map(|event| lines.iter().filter(|line| line[0] == event).count());
            assert_eq!(logged, expected, "{what}: {lines:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_pass_killed_at_any_request_is_finished_by_the_next() {
    killed_everywhere(Work::First).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_killed_at_any_request_is_finished_by_the_next() {
    killed_everywhere(Work::Promotion).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_killed_at_any_request_is_served_once() {
    killed_everywhere(Work::Rollback).await;
}
