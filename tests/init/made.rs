//! From an empty file to a first release.

use fleetsheet_mocks::sheets::{CellValue, SERVICE_ACCOUNT};

use super::headers;
use super::steps;
use crate::stage::{ACCOUNT, OWNER, REGION, RELEASE, RELEASE_HEADERS, RELEASES, SERVER_HEADERS, SERVERS, SRE, Stage};

const AUDIT: &str = "AuditLog";

/// The headers of a tab that is older, with the column that a new one has besides.
fn with<'a>(older: &[&'a str], after: &str, new: &'a str) -> Vec<&'a str> {
    let mut headers = older.to_vec();
    let at = headers.iter().position(|header| *header == after).unwrap();
    headers.insert(at + 1, new);
    headers
}

#[tokio::test]
async fn an_empty_file_gets_all_three_tabs() {
    let stage = Stage::empty().await;
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json["problems"].as_array().unwrap().len(), 0, "{ran:?}");
    assert_eq!(ran.calls("sheets.batchUpdate"), 1, "{ran:?}");
    let book = stage.sheets.book();
    let titles: Vec<&str> = book.tabs.iter().map(|tab| tab.title.as_str()).collect();
    assert_eq!(titles, ["Sheet1", RELEASE, SERVERS, AUDIT]);
    assert_eq!(headers(&book, RELEASE), with(&RELEASE_HEADERS, "rollback", "advance"));
    let servers = with(&SERVER_HEADERS, "hold", "canary");
    assert_eq!(headers(&book, SERVERS), with(&servers, "releaseVersion", "running"));
    assert_eq!(
        headers(&book, AUDIT),
        ["time", "run", "channel", "event", "from", "to", "detail"]
    );
    for tab in &book.tabs[1..] {
        assert_eq!(tab.frozen_rows, 1, "{}", tab.title);
        for cell in &tab.rows[0].cells {
            assert_eq!(cell.format.as_ref().unwrap()["textFormat"]["bold"], true);
            assert!(cell.note.is_some());
        }
        assert!(tab.columns.iter().all(|column| column.pixels.is_some()));
    }
    stage.assert_finished().await;
}

#[tokio::test]
async fn cells_are_dressed_down_to_the_last_row() {
    let stage = Stage::empty().await;
    stage.init(&[]).await;
    let book = stage.sheets.book();
    let rule = |tab: &str, header: &str, row: usize| {
        let tab = book.tab(tab).unwrap();
        let cell = tab.cell(row, tab.column(header).unwrap()).unwrap();
        let kind = cell
            .validation
            .as_ref()
            .map(|rule| rule["condition"]["type"].as_str().unwrap().to_owned());
        (cell.is_plain_text(), kind)
    };
    for row in [1, 199] {
        assert_eq!(rule(RELEASE, "desiredVersionA", row), (true, None));
        assert_eq!(rule(RELEASE, "releaseVersion", row), (true, None));
        assert_eq!(rule(RELEASE, "enabled", row), (false, Some("BOOLEAN".into())));
        assert_eq!(rule(RELEASE, "advance", row), (false, Some("BOOLEAN".into())));
        assert_eq!(rule(RELEASE, "notes", row), (false, None));
        assert_eq!(rule(SERVERS, "hold", row), (false, Some("BOOLEAN".into())));
        assert_eq!(rule(SERVERS, "canary", row), (false, Some("BOOLEAN".into())));
        assert_eq!(rule(SERVERS, "channel", row), (true, Some("ONE_OF_RANGE".into())));
        assert_eq!(rule(SERVERS, "tag:Owner", row), (true, None));
    }
    let list = &book
        .tab(SERVERS)
        .unwrap()
        .cell(1, 1)
        .unwrap()
        .validation
        .as_ref()
        .unwrap()["condition"];
    assert_eq!(list["values"][0]["userEnteredValue"], "=ReleaseSheet!$A$2:$A");
    // Below the headers nothing was written.
    let filled = |tab: &&fleetsheet_mocks::sheets::Tab| tab.data_rows() > 1;
    assert!(!book.tabs.iter().any(|tab| filled(&tab)));
    let colours = &book.tab(RELEASE).unwrap().conditional;
    assert!(colours.iter().any(|rule| {
        rule["booleanRule"]["condition"]["values"][0]["userEnteredValue"] == "held"
            && rule["ranges"][0]["startColumnIndex"] == 9
            && rule["ranges"][0]["startRowIndex"] == 1
    }));
}

#[tokio::test]
async fn each_column_is_open_to_its_own_people() {
    let stage = Stage::empty().await;
    stage.init(&["--channel", "web-prod"]).await;
    let book = stage.sheets.book();
    let everybody = [SRE, RELEASES, "anna@example.com", SERVICE_ACCOUNT, OWNER];
    let may = |tab: &str, row: usize, header: &str| -> Vec<&str> {
        let allowed = everybody
            .iter()
            .filter(|person| book.may_type(person, tab, (row, header)));
        allowed.copied().collect()
    };
    let service = [SERVICE_ACCOUNT, OWNER];
    // The last row of the grid is as closed as the first.
    for row in [2, 200] {
        assert_eq!(may(RELEASE, row, "channel"), service);
        assert_eq!(may(RELEASE, row, "desiredVersionA"), [SRE, SERVICE_ACCOUNT, OWNER]);
        assert_eq!(may(RELEASE, row, "desiredVersionB"), [RELEASES, SERVICE_ACCOUNT, OWNER]);
        assert_eq!(may(RELEASE, row, "enabled"), [SRE, RELEASES, SERVICE_ACCOUNT, OWNER]);
        assert_eq!(may(RELEASE, row, "rollback"), [SRE, RELEASES, SERVICE_ACCOUNT, OWNER]);
        assert_eq!(may(RELEASE, row, "advance"), [SRE, RELEASES, SERVICE_ACCOUNT, OWNER]);
        assert_eq!(may(RELEASE, row, "notes"), everybody);
        assert_eq!(may(RELEASE, row, "status"), service);
        assert_eq!(may(SERVERS, row, "serverId"), everybody);
        assert_eq!(may(SERVERS, row, "channel"), everybody);
        assert_eq!(may(SERVERS, row, "canary"), everybody);
        // What is typed there is undone, and a strict range would keep every editor from deleting and sorting rows.
        assert_eq!(may(SERVERS, row, "status"), everybody);
    }
    for header in RELEASE_HEADERS {
        assert_eq!(may(RELEASE, 1, header), service, "{header}");
    }
    for header in SERVER_HEADERS {
        assert_eq!(may(SERVERS, 1, header), everybody, "{header}");
    }
    assert_eq!(may("AuditLog", 1, "run"), service);
    assert_eq!(may("AuditLog", 50, "run"), service);
}

#[tokio::test]
async fn a_first_release_needs_nothing_but_init() {
    let stage = Stage::empty().await;
    stage.init(&["--channel", "web-prod"]).await;
    for id in ["i-00000000000000001", "i-00000000000000002"] {
        stage.cloud.edit(|fleet| {
            let tags = [
                ("Name", "web"),
                ("ReleaseChannel", "web-prod"),
                ("ReleaseVersion", "1.9"),
            ];
            fleet.add(ACCOUNT, REGION, id, tags);
        });
    }
    // The first pass adopts what runs, and finds the servers itself.
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.release("web-prod"), "1.9");
    assert_eq!(ran.json["discovered"], 2, "{ran:?}");
    // What people type in the browser stays as typed.
    stage.sheets.edit(|book| {
        for (person, header) in [(SRE, "desiredVersionA"), (RELEASES, "desiredVersionB")] {
            assert!(book.may_type(person, RELEASE, (2, header)));
            book.type_in(RELEASE, (2, header), "1.10");
            assert_eq!(book.get(RELEASE, (2, header)), CellValue::from("1.10"));
        }
        book.set(RELEASE, (2, "enabled"), true);
    });
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.release("web-prod"), "1.10");
    assert_eq!(stage.version("i-00000000000000001"), "1.10");
    assert_eq!(stage.release_cell("web-prod", "status"), "in sync");
    assert!(stage.audit_lines().iter().any(|line| line[3] == "1.10"));
    stage.assert_finished().await;
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let stage = Stage::empty().await;
    let before = stage.sheets.book();
    let ran = stage.init(&["--dry-run", "--channel", "web-prod"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json["outcome"], "changes");
    assert!(stage.sheets.book() == before);
    assert_eq!(stage.sheets.script().count("sheets.batchUpdate"), 0);
    assert!(!stage.path("state").exists());
    let promised = steps(&ran);
    assert!(
        promised.contains(&format!(
            "ReleaseSheet!B (desiredVersionA): protect it: only {SRE} may edit"
        )),
        "{promised:?}"
    );
    // It promises exactly what the real run then does.
    assert_eq!(steps(&stage.init(&["--channel", "web-prod"]).await), promised);
    let page = stage.run(&["init", "--dry-run"]).await;
    assert!(page.stdout.contains("0 to make, 0 to repair"), "{page:?}");
}

#[tokio::test]
async fn a_channel_is_added_once() {
    let stage = Stage::empty().await;
    stage.init(&[]).await;
    let ran = stage.init(&["--channel", "web-prod"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(steps(&ran), ["ReleaseSheet: add a row for the channel web-prod"]);
    let row = |book: &fleetsheet_mocks::sheets::Spreadsheet| {
        let at = book.tab(RELEASE).unwrap().find("channel", "web-prod").unwrap() + 1;
        ["desiredVersionA", "enabled", "rollback", "advance", "releaseVersion"]
            .map(|header| book.get(RELEASE, (at, header)))
    };
    let blank = CellValue::Empty;
    assert_eq!(
        stage.sheets.edit(|book| row(book)),
        [blank.clone(), false.into(), false.into(), false.into(), blank]
    );
    let again = stage.init(&["--channel", "web-prod"]).await;
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(steps(&again), [""; 0]);
    assert!(
        again.problems()[0].contains("is there already, in ReleaseSheet!A2"),
        "{again:?}"
    );
    assert_eq!(stage.sheets.book().tab(RELEASE).unwrap().data_rows(), 2);
}

#[tokio::test]
async fn a_name_that_no_channel_can_have_is_refused() {
    let stage = Stage::empty().await;
    for (name, why) in [("web\u{200b}prod", "cannot be seen"), ("=A1", "looks like a formula")] {
        let ran = stage.init(&["--channel", name]).await;
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(why), "{ran:?}");
    }
    assert_eq!(stage.sheets.script().count("sheets.*"), 0);
}

#[tokio::test]
async fn a_managed_tag_that_servers_decide_is_warned_of_like_all_that_the_service_writes() {
    let mut stage = Stage::empty().await;
    stage.setting("FLEETSHEET_TAGS__MANAGED", r#"["Owner", "Team"]"#);
    stage.setting("FLEETSHEET_AUTHORITY__TAGS", r#"{Team = "server"}"#);
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let book = stage.sheets.book();
    let tab = book.tab(SERVERS).unwrap();
    let warned = |header: &str| {
        let column = tab.column(header).unwrap();
        tab.protected
            .iter()
            .any(|range| range.warning_only && range.range.covers(1, column))
    };
    assert_eq!(
        (warned("tag:Owner"), warned("tag:Team"), warned("status")),
        (false, true, true)
    );
    assert!(
        [SRE, SERVICE_ACCOUNT]
            .iter()
            .all(|person| book.may_type(person, SERVERS, (2, "tag:Team")))
    );
}

#[tokio::test]
async fn a_filter_view_hides_what_has_ended_and_is_made_once() {
    let stage = Stage::empty().await;
    stage.init(&[]).await;
    let views = || {
        let book = stage.sheets.book();
        let tab = book.tabs.iter().find(|tab| tab.title == SERVERS).unwrap();
        let status = tab.column("status").unwrap();
        (tab.filter_views.clone(), status)
    };
    let (made, status) = views();
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0]["title"], "Live servers");
    assert_eq!(made[0]["filterSpecs"][0]["columnIndex"], status);
    assert_eq!(
        made[0]["filterSpecs"][0]["filterCriteria"]["hiddenValues"],
        serde_json::json!(["terminated", "gone"])
    );
    // Somebody changes it, as it is theirs to change.
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        tab.filter_views[0]["filterSpecs"] = serde_json::json!([]);
    });
    let (changed, _) = views();
    let again = stage.init(&[]).await;
    assert_eq!(again.json["steps"], serde_json::json!([]), "{again:?}");
    assert_eq!(views().0, changed);
}
