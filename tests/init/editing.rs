//! What editors can do in the tab of servers after `init`: delete, insert and sort rows, and look at live servers alone.

use std::slice::from_ref;

use fleetsheet_mocks::sheets::{SERVICE_ACCOUNT, Spreadsheet};
use serde_json::{Value, json};

use super::steps;
use crate::stage::{OWNER, RELEASE, SERVERS, Stage};

const ANNA: &str = "anna@example.com";

/// What an editor of the file does to the rows of a tab: deletes one, inserts one, sorts them.
fn row_work(book: &mut Spreadsheet, tab: &str) -> [(&'static str, Value); 3] {
    let tab = book.tab_mut(tab);
    let row = json!({ "sheetId": tab.sheet_id, "dimension": "ROWS", "startIndex": 2, "endIndex": 3 });
    let all = json!({ "sheetId": tab.sheet_id, "startRowIndex": 1, "endRowIndex": tab.data_rows() });
    let by = json!([{ "dimensionIndex": 0, "sortOrder": "DESCENDING" }]);
    [
        ("delete", json!({ "deleteDimension": { "range": row } })),
        (
            "insert",
            json!({ "insertDimension": { "range": row, "inheritFromBefore": true } }),
        ),
        ("sort", json!({ "sortRange": { "range": all, "sortSpecs": by } })),
    ]
}

/// What Anna is refused.
fn refused(stage: &Stage, tab: &str) -> Vec<&'static str> {
    stage.sheets.edit(|book| {
        let work = row_work(book, tab);
        let tried = work
            .into_iter()
            .filter(|(_, request)| book.clone().attempt(ANNA, from_ref(request)).is_err());
        tried.map(|(what, _)| what).collect()
    })
}

/// As the version before protected the tab of servers.
fn as_before(book: &mut Spreadsheet) {
    for range in &mut book.tab_mut(SERVERS).protected {
        assert!(range.warning_only, "{range:?}");
        range.warning_only = false;
        range.users = vec![SERVICE_ACCOUNT.to_owned()];
    }
}

#[tokio::test]
async fn editors_delete_insert_and_sort_rows_and_what_they_type_over_is_undone() {
    let (stage, ids) = Stage::web(4).await;
    assert_eq!(stage.init(&[]).await.code, 0);
    stage.settle().await;
    assert_eq!(refused(&stage, SERVERS), [""; 0]);
    assert_eq!(
        refused(&stage, RELEASE),
        ["delete", "insert", "sort"],
        "the keys stay closed"
    );
    stage.sheets.edit(|book| {
        let [_, (_, insert), (_, sort)] = row_work(book, SERVERS);
        book.attempt(ANNA, &[sort, insert]).expect("allowed");
        assert!(book.may_type(ANNA, SERVERS, (2, "status")));
    });
    stage.set_server(&ids[0], "status", "all fine");
    let ran = stage.once().await;
    assert_eq!(ran.problems_of("unauthorised_edit").len(), 1, "{ran:?}");
    assert_eq!(stage.server_cell(&ids[0], "status"), "in sync");
    stage.assert_rows_show_their_own("2.3.9");
}

#[tokio::test]
async fn strict_ranges_of_the_version_before_are_told_and_turned_into_warnings() {
    let (stage, _) = Stage::web(4).await;
    assert_eq!(stage.init(&[]).await.code, 0);
    stage.sheets.edit(as_before);
    assert_eq!(refused(&stage, SERVERS), ["delete", "insert", "sort"]);
    let check = stage.run(&["check", "--format", "json"]).await.stdout;
    assert!(
        check.contains("deleting, inserting and sorting rows") && check.contains("fleetsheet init lets it only warn"),
        "{check}"
    );
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let done = steps(&ran);
    assert!(
        done.len() == 9
            && done
                .iter()
                .all(|step| step.contains("repair its protection: Google warns")),
        "{done:?}"
    );
    assert_eq!(refused(&stage, SERVERS), [""; 0]);
    let check = stage.run(&["check", "--format", "json"]).await.stdout;
    assert!(!check.contains("deleting, inserting"), "{check}");
    stage.assert_finished().await;
}

#[tokio::test]
async fn a_strict_range_of_somebody_else_is_told_and_left() {
    let (stage, _) = Stage::web(4).await;
    let id = stage
        .sheets
        .edit(|book| book.protect_column(SERVERS, "channel", &[OWNER, SERVICE_ACCOUNT]));
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(refused(&stage, SERVERS), ["delete", "insert", "sort"]);
    let notes = ran.problems().join("\n");
    let words =
        "the protection of ServerTagAssignment!B:B keeps other editors from deleting, inserting and sorting rows";
    assert!(notes.contains(words), "{notes}");
    let check = stage.run(&["check", "--format", "json"]).await.stdout;
    assert!(check.contains(words), "{check}");
    stage.sheets.edit(|book| book.unprotect(id));
    assert_eq!(refused(&stage, SERVERS), [""; 0]);
}

#[tokio::test]
async fn a_strict_range_of_a_tag_that_the_sheet_decides_again_is_let_go() {
    let (mut stage, _) = Stage::web(4).await;
    let authority = |who: &str| format!(r#"{{Owner = "{who}"}}"#);
    stage.setting("FLEETSHEET_AUTHORITY__TAGS", &authority("server"));
    assert_eq!(stage.init(&[]).await.code, 0);
    stage.sheets.edit(as_before);
    stage.setting("FLEETSHEET_AUTHORITY__TAGS", &authority("sheet"));
    let promised = steps(&stage.init(&["--dry-run"]).await);
    assert!(
        promised.len() == 10
            && promised[9].contains("let the protection \"fleetsheet: tag:Owner\" only warn: it keeps other editors"),
        "{promised:?}"
    );
    assert_eq!(
        refused(&stage, SERVERS),
        ["delete", "insert", "sort"],
        "nothing is written"
    );
    assert_eq!(steps(&stage.init(&[]).await), promised);
    assert_eq!(refused(&stage, SERVERS), [""; 0]);
    let check = stage.run(&["check", "--format", "json"]).await.stdout;
    assert!(!check.contains("deleting, inserting"), "{check}");
    stage.assert_finished().await;
}

#[tokio::test]
async fn a_pass_serves_a_sheet_with_strict_ranges_of_the_version_before() {
    let (stage, ids) = Stage::web(4).await;
    assert_eq!(stage.init(&[]).await.code, 0);
    stage.sheets.edit(as_before);
    stage.settle().await;
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.settle().await;
    assert_eq!(
        (ran.release("web-prod"), ran.problems()),
        ("2.4.0", Vec::new()),
        "{ran:?}"
    );
    assert_eq!(stage.version(&ids[0]), "2.4.0");
    stage.assert_rows_show_their_own("2.4.0");
    stage.assert_silent().await;
}

#[tokio::test]
async fn a_column_of_a_tag_that_servers_decide_without_a_warning_is_told() {
    let (mut stage, _) = Stage::web(2).await;
    assert_eq!(stage.init(&[]).await.code, 0);
    let says = "nothing warns people who type into tag:Owner, which is undone";
    let check = stage.run(&["check", "--format", "json"]).await.stdout;
    assert!(!check.contains("nothing warns"), "{check}");
    stage.setting("FLEETSHEET_AUTHORITY__TAGS", r#"{Owner = "server"}"#);
    let check = stage.run(&["check", "--format", "json"]).await.stdout;
    assert!(check.contains(says), "{check}");
    assert_eq!(stage.init(&[]).await.code, 0);
    let check = stage.run(&["check", "--format", "json"]).await.stdout;
    assert!(!check.contains("nothing warns"), "{check}");
}
