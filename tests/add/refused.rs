//! What it refuses, with the exit code that says why, and without a trace in sheet, cloud and store.

use fleetsheet::adapters::sqlite::{Holder, StoreLock};
use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::sheets::CellValue;

use super::{EAST, Untagged, filled, rows};
use crate::stage::{ACCOUNT, REGION, Ran, SERVERS, Stage};

/// Runs it; it must end so and write nothing.
async fn assert_refused(stage: &Stage, arguments: &[&str], code: i32, says: &str) -> Ran {
    let (book, tags) = (stage.sheets.book(), stage.cloud.audit());
    let ran = stage.add(arguments).await;
    assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
    let said = format!("{}\n{}", ran.problems().join("\n"), ran.stderr);
    assert!(said.contains(says), "{says}: {said}");
    assert!(stage.sheets.book() == book, "{arguments:?}");
    assert_eq!(stage.cloud.audit(), tags);
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_wrong_usage() {
    let fleet = Untagged::new().await;
    let known = "--channel web-prd has no row in ReleaseSheet: it has api-prod, web-prod";
    for dry in [&[][..], &["--dry-run"]] {
        let asked = [&["--filter", "Env=prod", "--channel", "web-prd"], dry].concat();
        assert_refused(&fleet.stage, &asked, 2, known).await;
    }
    let asked = ["--filter", "Env=prod", "--channel", "=web"];
    assert_refused(&fleet.stage, &asked, 2, "looks like a formula").await;
    for arguments in [&["add"][..], &["add", "--filter", "Env"], &["add", "--filter", "=prod"]] {
        let ran = fleet.stage.run(arguments).await;
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("KEY=VALUE"), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_nobody_who_holds_the_store() {
    let fleet = Untagged::new().await;
    let url = format!("sqlite:{}", fleet.stage.path("state/fleetsheet.db").display());
    let holder = Holder {
        run: "run-7".into(),
        host: "elsewhere".into(),
        pid: 1,
        since: fleetsheet::clock::now(),
        what: "pass".into(),
    };
    let lock = StoreLock::acquire(&url, &holder).unwrap();
    let ran = assert_refused(
        &fleet.stage,
        &["--filter", "Env=prod"],
        6,
        "run run-7 (pass) on elsewhere",
    )
    .await;
    assert_eq!(ran.json["outcome"], "busy");
    drop(lock);
    assert_eq!(fleet.add(&["--filter", "Env=prod"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_pass_would_be_stopped_no_row_is_added() {
    let (mut stage, ids) = Stage::known(6).await;
    stage
        .cloud
        .edit(|fleet| fleet.launch(ACCOUNT, REGION, [("Env", "prod")]));
    let good = stage.sheets.book();
    stage.sheets.edit(|book| book.tab_mut(SERVERS).delete_column("channel"));
    let ran = assert_refused(&stage, &["--filter", "Env=prod"], 5, "channel").await;
    assert_eq!(ran.json["outcome"], "stopped");
    stage.sheets.edit(|book| book.clone_from(&good));
    // Rows are lost, and nobody knows which servers had one.
    stage.sheets.edit(|book| {
        for id in &ids[..3] {
            let row = book.tab_mut(SERVERS).find("serverId", id).unwrap();
            for header in ["serverId", "channel"] {
                book.set(SERVERS, (row + 1, header), CellValue::Empty);
            }
        }
    });
    assert_refused(&stage, &["--filter", "Name=web"], 5, "belt row_drop").await;
    stage.sheets.edit(|book| book.clone_from(&good));
    // A laptop with an empty store.
    let state = format!("sqlite:{}", stage.path("other.db").display());
    stage.setting("FLEETSHEET_STATE__URL", &state);
    assert_refused(&stage, &["--filter", "Env=prod"], 5, "belt store").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_is_added_where_a_formula_fills_the_ids() {
    let (stage, _) = Stage::known(3).await;
    stage
        .cloud
        .edit(|fleet| fleet.launch(ACCOUNT, REGION, [("Env", "prod")]));
    filled(&stage, "serverId");
    assert_refused(
        &stage,
        &["--filter", "Env=prod"],
        1,
        "a formula fills the column serverId",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_down_keeps_nobody_elses_rows_away() {
    let fleet = Untagged::new().await;
    fleet.stage.cloud.switch_off(ACCOUNT, EAST, Fault::Status(500));
    let ran = fleet.add(&["--filter", "Env=prod"]).await;
    assert_eq!(
        (ran.code, &ran.json["outcome"], &ran.json["added"]),
        (4, &"partial".into(), &2.into()),
        "{ran:?}"
    );
    assert!(ran.problems()[0].contains("main/us-east-1 did not answer"), "{ran:?}");
    assert_eq!(fleet.stage.listed(), rows(fleet.prod[..2].iter().map(|id| (id, ""))));
    fleet.stage.cloud.scoped_script().clear();
    let ran = fleet.add(&["--filter", "Env=prod"]).await;
    assert_eq!(
        (ran.code, &ran.json["added"], &ran.json["listed"]),
        (0, &2.into(), &2.into()),
        "{ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_that_cannot_be_read_is_a_failure() {
    let fleet = Untagged::new().await;
    fleet
        .stage
        .sheets
        .script()
        .fail("sheets.get", When::Every, Fault::Forbidden);
    assert_refused(&fleet.stage, &["--filter", "Env=prod"], 1, "spreadsheet").await;
}
