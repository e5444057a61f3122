//! Lost replies, faults, kills, two at once, and people who edit at the same moment: each server has one row at the end.

use std::sync::Arc;

use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::sheets::CellValue;

use super::{Untagged, rows};
use crate::crew;
use crate::matrix::trials;
use crate::stage::SERVERS;

const ASKED: [&str; 4] = ["--filter", "Env=prod", "--channel", "web-prod"];

async fn impatient() -> Untagged {
    let mut fleet = Untagged::new().await;
    fleet.stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "6s");
    fleet.stage.setting("FLEETSHEET_SCHEDULE__PASS_TIMEOUT", "1m");
    fleet
}

/// Every server of prod has one row, and nobody else.
fn assert_whole(fleet: &Untagged) {
    assert_eq!(fleet.stage.listed(), rows(fleet.prod.iter().map(|id| (id, "web-prod"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_no_row_is_doubled_and_the_next_run_adds_the_rest() {
    let undisturbed = impatient().await;
    assert_eq!(undisturbed.add(&ASKED).await.code, 0);
    let mut calls = undisturbed.stage.sheets.script().calls();
    calls.retain(|method, _| method.starts_with("sheets."));
    let count = crew::all(
        trials(&calls),
        6,
        async || (),
        async |_, trial| {
            let fleet = impatient().await;
            trial.strike(fleet.stage.sheets.script());
            let ran = fleet.add(&ASKED).await;
            fleet.stage.sheets.script().clear();
            assert!([0, 1].contains(&ran.code), "{ran:?}");
            if ran.code == 0 {
                assert_eq!(
                    (&ran.json["outcome"], &ran.json["added"]),
                    (&"done".into(), &4.into()),
                    "{ran:?}"
                );
                assert_whole(&fleet);
            } else {
                assert_eq!(ran.json["outcome"], "failed", "{ran:?}");
                assert!(!ran.problems_of("api_failure").is_empty(), "{ran:?}");
            }
            // One lost reply is no failure: what is there is looked at.
            let refused = matches!(trial.fault, Fault::Forbidden | Fault::Unauthorized);
            assert!(ran.code == 0 || refused || trial.when == When::Every, "{ran:?}");
            let again = fleet.add(&ASKED).await;
            assert_eq!(again.code, 0, "{again:?}");
            assert_whole(&fleet);
            fleet.stage.settle().await;
            fleet.stage.assert_rows_are_single();
        },
    )
    .await;
    println!("fault matrix: {count} faults of add");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_request_the_next_run_adds_the_rest() {
    let undisturbed = Untagged::new().await;
    assert_eq!(undisturbed.add(&ASKED).await.code, 0);
    let requests = undisturbed.stage.sheets.script().count("*");
    let command = [&["add", "--format", "json"][..], &ASKED].concat();
    for nth in 1..=requests {
        for taken in [false, true] {
            let fleet = Untagged::new().await;
            let script = fleet.stage.sheets.script();
            fleet.stage.killed_while(&command, script, nth, taken).await;
            let ran = fleet.add(&ASKED).await;
            assert_eq!(ran.code, 0, "killed at {nth}, taken: {taken}: {ran:?}");
            assert_whole(&fleet);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_somebody_adds_at_the_same_moment_is_not_added_again() {
    let fleet = Untagged::new().await;
    let (desk, id) = (fleet.stage.sheets.desk(), fleet.prod[1].clone());
    fleet.stage.sheets.script().before("sheets.get", 3, move || {
        desk.edit(|book| {
            let cells = [
                ("serverId", CellValue::from(id.as_str())),
                ("channel", CellValue::from("api-prod")),
            ];
            book.tab_mut(SERVERS).add_row(&cells);
        });
    });
    let ran = fleet.add(&ASKED).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let wanted = fleet.prod.iter().enumerate();
    let wanted = wanted.map(|(i, id)| (id, if i == 1 { "api-prod" } else { "web-prod" }));
    assert_eq!(fleet.stage.listed(), rows(wanted));
    let told = ran.problems_of("mismatch");
    assert!(told.len() == 1 && told[0].contains(&fleet.prod[1]), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_inserted_at_the_same_moment_is_told_and_no_cell_of_people_is_lost() {
    let fleet = Untagged::new().await;
    let desk = fleet.stage.sheets.desk();
    fleet.stage.sheets.script().before("sheets.batchUpdate", 1, move || {
        desk.edit(|book| {
            book.tab_mut(SERVERS).insert_columns(0, 1);
            book.set(SERVERS, "A1", "ticket");
        });
    });
    let ran = fleet.add(&ASKED).await;
    assert_eq!(
        (ran.code, &ran.json["outcome"], &ran.json["added"]),
        (1, &"failed".into(), &0.into()),
        "{ran:?}"
    );
    assert!(
        ran.problems()[0].contains("below wrong headers: delete those rows"),
        "{ran:?}"
    );
    let again = fleet.add(&ASKED).await;
    assert_eq!((again.code, &again.json["added"]), (0, &4.into()), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_one_waits_for_its_turn() {
    let fleet = Arc::new(Untagged::new().await);
    let (one, other) = tokio::join!(fleet.add(&ASKED), fleet.add(&ASKED));
    for ran in [&one, &other] {
        assert!([0, 6].contains(&ran.code), "{ran:?}");
    }
    assert!(one.code == 0 || other.code == 0, "{one:?} {other:?}");
    assert_whole(&fleet);
}
