//! Rollback: one tick is one step back, served once, whatever is wrong with the keys and however many passes see it.

use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::sheets::CellValue;

use crate::stage::Stage;

/// On 2.4.0, which was 2.3.9 before; the keys name 2.4.0.
async fn promoted(count: usize) -> (Stage, Vec<String>) {
    let (stage, ids) = Stage::known(count).await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    stage.assert_rows_show_their_own("2.4.0");
    (stage, ids)
}

fn assert_rolled_back(stage: &Stage) {
    assert_eq!(stage.release_cell("web-prod", "releaseVersion"), "2.3.9");
    assert_eq!(stage.release_cell("web-prod", "previousVersion"), "");
    assert!(
        stage
            .release_cell("web-prod", "status")
            .starts_with("rolled back from 2.4.0")
    );
    stage.assert_rows_show_their_own("2.3.9");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_goes_one_step_back_once_and_the_version_left_must_be_approved_again() {
    let (stage, _) = promoted(6).await;
    stage.set("web-prod", "enabled", false);
    stage.set("web-prod", "desiredVersionA", CellValue::Number(2.4));
    stage.set("web-prod", "rollback", true);
    let ran = stage.settle().await;
    assert_eq!(ran.json["changed"], 6);
    assert_eq!(ran.events_of("rollback"), ["web-prod 2.4.0 2.3.9"]);
    assert_rolled_back(&stage);
    for _ in 0..3 {
        let again = stage.settle().await;
        assert_eq!(
            (again.release("web-prod"), again.json["changed"].as_u64()),
            ("2.3.9", Some(0))
        );
        assert_eq!(again.events_of("rollback"), [""; 0]);
        assert_rolled_back(&stage);
    }
    stage.assert_silent().await;

    stage.set("web-prod", "desiredVersionA", "2.4.0");
    stage.set("web-prod", "enabled", true);
    stage.settle().await;
    assert_rolled_back(&stage);
    stage.set("web-prod", "rollback", false);
    let held = stage.settle().await;
    assert!(
        held.status("web-prod")
            .starts_with("held: 2.4.0 must be approved again"),
        "{held:?}"
    );
    stage.turn_keys("web-prod", "");
    stage.settle().await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    stage.assert_rows_show_their_own("2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_second_step_back() {
    let (stage, ids) = promoted(3).await;
    stage.set("web-prod", "rollback", true);
    stage.settle().await;
    stage.set("web-prod", "rollback", false);
    stage.settle().await;
    stage.set("web-prod", "rollback", true);
    let ran = stage.once().await;
    let words = "error: nothing to roll back to; name the older version in both keys";
    assert_eq!((ran.code, ran.status("web-prod")), (0, words), "{ran:?}");
    assert_eq!(ran.problems_of("mismatch").len(), 1);
    assert_eq!(stage.version(&ids[0]), "2.3.9");
    let ran = stage.once().await;
    assert_eq!(
        (ran.status("web-prod"), ran.problems_of("mismatch").len()),
        (words, 0),
        "told once: {ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_is_served_once_when_the_pass_that_served_it_could_not_say_so() {
    for fault in [Fault::ResetAfter, Fault::Truncate, Fault::Forbidden] {
        let (mut stage, _) = promoted(4).await;
        stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "1s");
        stage.set("web-prod", "rollback", true);
        stage
            .sheets
            .script()
            .fail("sheets.values.batchUpdateByDataFilter", When::Every, fault);
        let lost = stage.once().await;
        assert_eq!(lost.release("web-prod"), "2.3.9", "{lost:?}");
        stage.sheets.script().clear();
        for _ in 0..2 {
            let ran = stage.settle().await;
            assert_eq!(ran.problems_of("unauthorised_edit"), [""; 0], "{fault:?}");
            assert_rolled_back(&stage);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_stood_ticked_at_first_contact_is_not_served() {
    let (stage, _) = Stage::web(4).await;
    stage.set("web-prod", "rollback", true);
    let ran = stage.settle().await;
    assert_eq!(ran.release("web-prod"), "2.3.9");
    assert!(ran.status("web-prod").contains("untick and tick again"), "{ran:?}");
    stage.turn_keys("web-prod", "2.4.0");
    assert_eq!(
        stage.settle().await.release("web-prod"),
        "2.3.9",
        "nothing is promoted while the box is ticked"
    );
    stage.set("web-prod", "rollback", false);
    assert_eq!(stage.settle().await.release("web-prod"), "2.4.0");
    stage.set("web-prod", "rollback", true);
    assert_eq!(stage.settle().await.release("web-prod"), "2.3.9");
}

#[tokio::test(flavor = "multi_thread")]
async fn held_servers_are_left_behind_and_named() {
    let (stage, ids) = promoted(4).await;
    stage.set_server(&ids[2], "hold", true);
    stage.set("web-prod", "rollback", true);
    let ran = stage.settle().await;
    assert_eq!(
        (ran.json["changed"].as_u64(), ran.json["held"].as_u64()),
        (Some(3), Some(1))
    );
    assert_eq!(stage.version(&ids[2]), "2.4.0");
    let history = stage.run(&["history", "web-prod", "--format", "json"]).await;
    let events = history.json["events"].as_array().unwrap();
    let rollback = events.iter().find(|event| event["event"] == "rollback").unwrap();
    assert!(rollback["detail"].as_str().unwrap().contains(&ids[2]), "{rollback}");
    assert!(
        ran.stdout.contains(&ids[2]),
        "a rollback's report lists those left behind: {ran:?}"
    );
}
