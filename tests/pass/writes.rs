//! Writes to the spreadsheet whose replies are lost, that are refused, or that have to wait.

use std::time::{Duration, Instant};

use fleetsheet_mocks::cloud::Fleet;
use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::sheets::GridRange;

use crate::stage::{ACCOUNT, OWNER, REGION, RELEASE, SERVERS, Stage};

/// The call takes effect, and the program never hears of it.
const LOST: [Fault; 3] = [Fault::ResetAfter, Fault::Truncate, Fault::Empty200];
/// Nothing happened, which the program cannot always tell.
const NOT_DONE: [Fault; 5] = [
    Fault::ResetBefore,
    Fault::Hang,
    Fault::Status(503),
    Fault::Html503,
    Fault::Nonsense,
];

/// A pass that does all there is: it promotes, appends a row and, with the tab, writes audit lines.
async fn busy_stage(audit: bool) -> (Stage, String) {
    let (mut stage, _) = Stage::web(6).await;
    if audit {
        stage.with_audit_tab();
    }
    stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "1s");
    stage.settle().await;
    stage.turn_keys("web-prod", "2.4.0");
    let new = stage
        .cloud
        .edit(|fleet| fleet.launch(ACCOUNT, REGION, [("Name", "new"), ("ReleaseChannel", "web-prod")]));
    (stage, new)
}

/// After at most one more pass all is right, nothing stands twice, and nobody is accused of an edit.
async fn assert_ends_well(stage: &Stage, what: &str) {
    stage.sheets.script().clear();
    let next = stage.once().await;
    assert_eq!(next.code, 0, "{what}: {next:?}");
    assert_eq!(next.problems_of("unauthorised_edit"), [""; 0], "{what}");
    stage.assert_only_service_cells_were_written();
    stage.assert_rows_are_single();
    stage.assert_rows_show_their_own("2.4.0");
    assert_eq!(stage.world().servers.len(), 7, "{what}");
    stage.assert_silent().await;
}

/// The pass with this fault on the next call, or on all calls, of the method.
async fn faulted(method: &str, when: When, fault: Fault, audit: bool) {
    let (stage, new) = busy_stage(audit).await;
    let what = format!("{method} {when:?} {fault:?}");
    stage.sheets.script().fail(method, when, fault);
    let ran = stage.once().await;
    assert!([0, 1].contains(&ran.code), "{what}: {ran:?}");
    assert_eq!(stage.version(&new), "2.4.0", "{what}: {ran:?}");
    assert_ends_well(&stage, &what).await;
    if audit {
        let lines = stage.audit_lines();
        let moves = lines.iter().filter(|line| line[0] == "promotion").count();
        assert_eq!(moves, 1, "{what}: {lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_to_an_append_doubles_nothing() {
    for fault in LOST {
        for audit in [false, true] {
            faulted("sheets.batchUpdate", When::First, fault, audit).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_failed_is_made_up_for() {
    for fault in NOT_DONE {
        faulted("sheets.batchUpdate", When::First, fault, true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_to_a_write_of_cells_is_no_edit() {
    for fault in LOST {
        for when in [When::First, When::Every] {
            faulted("sheets.values.batchUpdateByDataFilter", when, fault, false).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_of_cells_that_failed_is_made_up_for() {
    for fault in NOT_DONE {
        faulted("sheets.values.batchUpdateByDataFilter", When::First, fault, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_fail_on_the_way_lose_nothing() {
    for fault in [
        Fault::ResetAfter,
        Fault::Truncate,
        Fault::Empty200,
        Fault::Nonsense,
        Fault::Status(503),
        Fault::Hang,
    ] {
        for nth in 1..=2 {
            faulted("sheets.values.batchGetByDataFilter", When::Nth(nth), fault, false).await;
        }
        faulted("sheets.get", When::Nth(2), fault, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_replies_to_the_first_marks_leave_one_of_each() {
    for fault in LOST.into_iter().chain(NOT_DONE) {
        let (mut stage, _) = Stage::web(5).await;
        stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "1s");
        stage.sheets.script().fail("sheets.batchUpdate", When::First, fault);
        let first = stage.once().await;
        assert!([0, 1].contains(&first.code), "{fault:?}: {first:?}");
        stage.sheets.script().clear();
        let next = stage.settle().await;
        assert_eq!(next.problems_of("unauthorised_edit"), [""; 0], "{fault:?}");
        stage.assert_rows_show_their_own("2.3.9");
        let book = stage.sheets.book();
        assert_eq!(book.metadata.len(), 1, "{fault:?}: one store serves the sheet");
        for tab in &book.tabs {
            assert!(
                tab.columns.iter().all(|column| column.metadata.len() <= 1),
                "{fault:?}: {:?}",
                tab.columns
            );
        }
        stage.assert_silent().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_that_never_takes_a_write_fails_the_pass_but_not_the_servers() {
    for fault in [Fault::Forbidden, Fault::Status(500), Fault::ResetBefore] {
        let (stage, new) = busy_stage(false).await;
        let what = format!("{fault:?}");
        stage
            .sheets
            .script()
            .fail("sheets.values.batchUpdateByDataFilter", When::Every, fault);
        let ran = stage.once().await;
        let ending = (ran.code, ran.json["outcome"].as_str());
        assert_eq!(ending, (1, Some("failed")), "{what}: {ran:?}");
        assert!(!ran.problems_of("api_failure").is_empty(), "{what}");
        assert_eq!(stage.version(&new), "2.4.0", "{what}");
        let release = ran.release("web-prod");
        assert_eq!(
            release, "2.4.0",
            "{what}: the tags were written, and the report says so"
        );
        assert_ends_well(&stage, &what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_that_somebody_deleted_are_made_anew() {
    let (stage, _) = Stage::known(6).await;
    stage.sheets.edit(|book| {
        for column in &mut book.tab_mut("ReleaseSheet").columns {
            column.metadata.clear();
        }
    });
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.settle().await;
    assert_eq!(ran.release("web-prod"), "2.4.0", "{ran:?}");
    assert_eq!(stage.release_cell("web-prod", "releaseVersion"), "2.4.0");
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_minute_is_waited_for() {
    let (stage, _) = busy_stage(true).await;
    stage.sheets.desk().set_quota(2, 1, Duration::from_secs(3));
    let began = Instant::now();
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.release("web-prod")), (0, "2.4.0"), "{ran:?}");
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    stage.sheets.desk().set_quota(1000, 1000, Duration::from_secs(1));
    assert_ends_well(&stage, "quota").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_tab_that_takes_no_lines_keeps_nothing_else_from_being_written() {
    let (stage, _) = Stage::known(4).await;
    stage.with_audit_tab();
    stage.forget_the_look_for_an_audit_tab().await;
    stage.settle().await;
    let id = stage
        .sheets
        .edit(|book| book.protect("AuditLog", GridRange::sheet, &[OWNER]));
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = ran.problems_of("api_failure");
    assert!(
        told.len() == 1 && told[0].contains("AuditLog takes no lines"),
        "{told:?}"
    );
    stage.assert_rows_show_their_own("2.4.0");
    assert_eq!(stage.release_cell("web-prod", "releaseVersion"), "2.4.0");
    let promotions = |stage: &Stage| stage.audit_lines().iter().filter(|line| line[0] == "promotion").count();
    assert_eq!(promotions(&stage), 0);
    stage.sheets.edit(|book| book.unprotect(id));
    assert_eq!(stage.settle().await.problems(), [""; 0]);
    assert_eq!(promotions(&stage), 1);
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_tab_with_a_doubled_header_or_none_is_told_and_logs_once_it_is_mended() {
    for broken in ["time", ""] {
        let (stage, _) = Stage::known(4).await;
        stage.with_audit_tab();
        stage.forget_the_look_for_an_audit_tab().await;
        stage.settle().await;
        let good = stage.sheets.book();
        stage.sheets.edit(|book| {
            let tab = book.tab_mut("AuditLog");
            match broken {
                "" => ["time", "run", "channel", "event", "from", "to", "detail"]
                    .iter()
                    .for_each(|h| tab.rename_column(h, "")),
                header => tab.add_column(header),
            }
        });
        stage.turn_keys("web-prod", "2.4.0");
        let ran = stage.once().await;
        assert_eq!(ran.release("web-prod"), "2.4.0", "{ran:?}");
        let told = ran.problems_of("mismatch");
        assert!(told.len() == 1 && told[0].contains("AuditLog"), "{told:?}");
        stage.sheets.edit(|book| {
            book.delete_tab("AuditLog");
            let tab = good.tabs.iter().find(|tab| tab.title == "AuditLog").unwrap();
            book.tabs.push(tab.clone());
        });
        stage.settle().await;
        let lines = stage.audit_lines();
        assert_eq!(
            lines.iter().filter(|line| line[0] == "promotion").count(),
            1,
            "{lines:?}"
        );
    }
}

/// Rows change places under the write, and nobody sees how it ended: each service cell that stands wrong then was written by the
/// service itself, so nobody is accused and no key is spent.
#[tokio::test(flavor = "multi_thread")]
async fn a_sort_under_a_write_whose_end_nobody_saw_is_nobodys_edit() {
    for tab in [RELEASE, SERVERS] {
        for read_back_fails in [true, false] {
            let channels = [("db", "4.9.0", "4.9.0", true), ("web", "2.3.9", "2.3.9", true)];
            let mut fleet = Fleet::new(ACCOUNT);
            let servers: Vec<(String, &str)> = (0..6)
                .map(|i| (format!("i-{i:017x}"), if i < 3 { "db" } else { "web" }))
                .collect();
            for (id, channel) in &servers {
                let version = if *channel == "db" { "4.9.0" } else { "2.3.9" };
                fleet.add(
                    ACCOUNT,
                    REGION,
                    id,
                    [("ReleaseChannel", *channel), ("ReleaseVersion", version)],
                );
            }
            let mut stage = Stage::new(&channels, &servers, fleet).await;
            stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "1s");
            stage.setting("FLEETSHEET_SCHEDULE__PASS_TIMEOUT", "10s");
            stage.settle().await;
            stage.turn_keys("db", "5.0.0");
            stage.turn_keys("web", "2.4.0");
            let (script, desk) = (stage.sheets.script().clone(), stage.sheets.desk());
            stage
                .sheets
                .script()
                .before("sheets.values.batchUpdateByDataFilter", 1, move || {
                    let key = if tab == RELEASE { "channel" } else { "serverId" };
                    desk.edit(|book| book.tab_mut(tab).sort_rows(key, true));
                    if read_back_fails {
                        script.fail("sheets.values.batchGetByDataFilter", When::Every, Fault::Status(500));
                    } else {
                        script.fail("sheets.*", When::From(2), Fault::ResetBefore);
                    }
                });
            let ran = stage.once().await;
            let what = format!("{tab}, {read_back_fails}: {ran:?}");
            assert_ne!(ran.code, 0, "{what}");
            stage.sheets.script().clear();
            let astray = if tab == RELEASE {
                stage.release_cell("db", "releaseVersion")
            } else {
                stage.server_cell(&servers[0].0, "releaseVersion")
            };
            assert_eq!(astray, "2.4.0", "{what}");
            let next = stage.once().await;
            assert_eq!(
                (next.code, next.problems_of("unauthorised_edit")),
                (0, vec![]),
                "{what}\n{next:?}"
            );
            for (channel, release) in [("db", "5.0.0"), ("web", "2.4.0")] {
                assert_eq!(stage.release_cell(channel, "releaseVersion"), release, "{what}");
                assert_eq!(stage.release_cell(channel, "status"), "in sync", "{what}");
            }
            for (id, channel) in &servers {
                let release = if *channel == "db" { "5.0.0" } else { "2.4.0" };
                let cell = |header| stage.server_cell(id, header);
                assert_eq!(
                    (cell("releaseVersion"), cell("status")),
                    (release.into(), "in sync".into()),
                    "{what}"
                );
            }
            // No key was spent by it.
            stage.turn_keys("web", "2.5.0");
            stage.settle().await;
            assert_eq!(stage.release_cell("web", "releaseVersion"), "2.5.0", "{what}");
            stage.assert_only_service_cells_were_written();
        }
    }
}
