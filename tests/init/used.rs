//! Sheets that people have used for a year.

use fleetsheet_mocks::sheets::{CellValue, GridRange};

use super::{headers, steps};
use crate::aftermath::human_cells;
use crate::stage::{RELEASE, RELEASES, SERVERS, SRE, Stage};

#[tokio::test]
async fn what_is_missing_comes_to_the_right_end() {
    let (stage, ids) = Stage::known(3).await;
    stage.sheets.edit(|book| {
        book.tab_mut(SERVERS).insert_columns(0, 1);
        book.set(SERVERS, "A1", "seen by");
        book.set(SERVERS, "A2", "anna");
        book.tab_mut(SERVERS).move_column("channel", 9);
        book.tab_mut(SERVERS).delete_column("hold");
        book.tab_mut(SERVERS).delete_column("updatedAt");
        book.tab_mut(SERVERS).add_column("cost");
        // A column of somebody's without a header, at the edge of the grid.
        let edge = book.tab_mut(RELEASE).columns.len() - 1;
        book.tab_mut(RELEASE).rows[3].cells[edge].value = CellValue::from("mine");
        book.tab_mut(RELEASE).delete_column("status");
    });
    let before = stage.sheets.book();
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let after = stage.sheets.book();
    assert_eq!(human_cells(&after)[1], human_cells(&before)[1]);
    for tab in [RELEASE, SERVERS] {
        let (old, new) = (before.tab(tab).unwrap(), after.tab(tab).unwrap());
        for (row, cells) in old.rows.iter().enumerate() {
            for (column, cell) in cells
                .cells
                .iter()
                .enumerate()
                .filter(|(_, cell)| !cell.value.is_empty())
            {
                assert_eq!(new.value(row, column), &cell.value, "{tab} {row} {column}");
            }
        }
        assert_eq!(old.rows.len(), new.rows.len());
    }
    let width = before.tab(RELEASE).unwrap().columns.len();
    assert_eq!(headers(&after, RELEASE)[width], "status");
    // An optional column that somebody took away stays away.
    let servers = headers(&after, SERVERS);
    assert!(!servers.contains(&"hold".to_owned()), "{servers:?}");
    assert!(servers.iter().position(|h| h == "updatedAt") > servers.iter().position(|h| h == "cost"));
    stage.assert_finished().await;
    // And the next pass goes on as before.
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(stage.server_cell(&ids[0], "status"), "in sync");
}

/// Whoever wants a rollout to wait for people gives the tab the column by its header.
#[tokio::test]
async fn an_optional_column_that_people_added_gets_its_boxes_and_its_protection() {
    let (stage, _) = Stage::known(3).await;
    assert_eq!(stage.init(&[]).await.code, 0);
    assert!(!headers(&stage.sheets.book(), RELEASE).contains(&"advance".to_owned()));
    stage.sheets.edit(|book| {
        book.tab_mut(RELEASE).add_column("advance");
        book.tab_mut(SERVERS).add_column("canary");
    });
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let book = stage.sheets.book();
    for (tab, header) in [(RELEASE, "advance"), (SERVERS, "canary")] {
        let tab = book.tab(tab).unwrap();
        let cell = tab.cell(1, tab.column(header).unwrap()).unwrap();
        assert_eq!(
            cell.validation.as_ref().unwrap()["condition"]["type"],
            "BOOLEAN",
            "{header}"
        );
    }
    for (person, may) in [(SRE, true), (RELEASES, true), ("anna@example.com", false)] {
        assert_eq!(book.may_type(person, RELEASE, (2, "advance")), may, "{person}");
    }
    stage.assert_finished().await;
}

/// Headers below a title are neither made anew beside themselves, nor protected there.
#[tokio::test]
async fn headers_under_a_title_are_left_until_the_title_is_gone() {
    for tab in [RELEASE, SERVERS, "AuditLog"] {
        let (stage, ids) = Stage::known(3).await;
        stage.with_audit_tab();
        assert_eq!(stage.init(&[]).await.code, 0);
        stage.sheets.edit(|book| {
            book.tab_mut(tab).insert_rows(0, 1);
            book.set(tab, "A1", "Please read the wiki first");
        });
        let before = stage.sheets.book();
        for arguments in [&["--dry-run"][..], &[], &["--channel", "new"]] {
            let ran = stage.init(arguments).await;
            // A dry run ends as the run that it shows would.
            assert_eq!((ran.code, steps(&ran)), (1, vec![]), "{tab}: {ran:?}");
            assert_eq!(ran.json["outcome"], "failed", "{tab}: {ran:?}");
            let told = ran.problems();
            let says = "headers must stand in row 1: delete the row above";
            assert!(
                told.len() == 1 && told[0].contains("row 2 holds") && told[0].contains(says),
                "{told:?}"
            );
            assert!(stage.sheets.book() == before, "{tab}");
        }
        stage.forget_the_look_for_an_audit_tab().await;
        let ran = stage.once().await;
        let told = ran.problems();
        if tab == "AuditLog" {
            assert!(
                ran.code == 0 && told.len() == 1 && told[0].contains("delete the rows above them"),
                "{ran:?}"
            );
        } else {
            assert_eq!((ran.code, told.len()), (5, 1), "{ran:?}");
            assert!(told[0].contains("row 2 holds"), "{told:?}");
        }
        stage.sheets.edit(|book| book.tab_mut(tab).delete_rows(0..1));
        let ran = stage.once().await;
        assert_eq!((ran.code, ran.problems()), (0, vec![]), "{tab}: {ran:?}");
        assert_eq!(stage.server_cell(&ids[0], "status"), "in sync");
        stage.assert_finished().await;
    }
}

#[tokio::test]
async fn what_people_made_of_the_looks_stays() {
    let (stage, _) = Stage::known(2).await;
    let rule =
        serde_json::json!({ "condition": { "type": "ONE_OF_LIST", "values": [{ "userEnteredValue": "web-prod" }] } });
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        tab.rows[1].cells[1].validation = Some(Box::new(rule.clone()));
        tab.rows[0].cells[0].note = Some("ask anna".into());
        tab.rows[0].cells[0].format = Some(Box::new(serde_json::json!({ "textFormat": { "bold": true, "italic": true } })));
        tab.rows[1].cells[0].format = Some(Box::new(serde_json::json!({ "numberFormat": { "type": "TEXT" }, "wrapStrategy": "CLIP" })));
        tab.columns[0].pixels = Some(77);
        tab.frozen_rows = 3;
        let colour = serde_json::json!({ "ranges": [{ "sheetId": 22, "startColumnIndex": 10, "endColumnIndex": 11 }],
            "booleanRule": { "condition": { "type": "TEXT_STARTS_WITH", "values": [{ "userEnteredValue": "held" }] }, "format": {} } });
        tab.conditional.push(colour);
    });
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let book = stage.sheets.book();
    let tab = book.tab(SERVERS).unwrap();
    assert_eq!(tab.cell(1, 1).unwrap().validation.as_deref(), Some(&rule));
    let dropdown = tab.cell(2, 1).unwrap().validation.as_deref().unwrap();
    assert_eq!(dropdown["condition"]["type"], "ONE_OF_RANGE");
    let corner = tab.cell(0, 0).unwrap();
    assert_eq!(corner.note.as_deref(), Some("ask anna"));
    assert_eq!(corner.format.as_ref().unwrap()["textFormat"]["italic"], true);
    assert_eq!(tab.cell(1, 0).unwrap().format.as_ref().unwrap()["wrapStrategy"], "CLIP");
    assert_eq!((tab.columns[0].pixels, tab.frozen_rows), (Some(77), 3));
    let held = |rule: &&serde_json::Value| rule["booleanRule"]["condition"]["values"][0]["userEnteredValue"] == "held";
    assert_eq!(tab.conditional.iter().filter(held).count(), 1);
    stage.assert_finished().await;
}

#[tokio::test]
async fn a_number_among_versions_is_told_and_left() {
    let (stage, _) = Stage::web(1).await;
    stage.set("web-prod", "desiredVersionA", 1.1);
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(stage.release_cell("web-prod", "desiredVersionA"), "Number(1.1)");
    let said = ran.problems_of("bad_cell");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("ReleaseSheet!B2 holds the number 1.1"), "{said:?}");
}

#[tokio::test]
async fn a_header_that_stands_twice_stops_it() {
    let (stage, _) = Stage::web(1).await;
    stage.sheets.edit(|book| book.tab_mut(RELEASE).add_column("Status "));
    let before = stage.sheets.book();
    let ran = stage.init(&["--channel", "api-prod"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(stage.sheets.book() == before);
    let said = ran.problems().join("\n");
    assert!(said.contains("columns I and K of ReleaseSheet"), "{said}");
}

#[tokio::test]
async fn a_tab_whose_name_differs_in_letter_case_is_not_made_again() {
    let (stage, _) = Stage::web(1).await;
    stage.sheets.edit(|book| book.rename_tab(RELEASE, "releasesheet"));
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.problems()[0].contains("rename it"), "{ran:?}");
    assert_eq!(stage.sheets.book().tabs.len(), 2);
}

#[tokio::test]
async fn what_a_pass_appended_is_dressed_by_the_next_run() {
    let stage = Stage::empty().await;
    stage.init(&[]).await;
    stage.sheets.edit(|book| {
        let rows = book.tab(SERVERS).unwrap().rows.len();
        let tab = book.tab_mut(SERVERS);
        tab.insert_rows(rows, 2);
        tab.insert_rows(3, 1);
    });
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        steps(&ran).iter().all(|step| step.starts_with("ServerTagAssignment!")),
        "{ran:?}"
    );
    let book = stage.sheets.book();
    let tab = book.tab(SERVERS).unwrap();
    for row in [3, 1001, 1002] {
        assert!(tab.cell(row, 2).unwrap().validation.is_some(), "{row}");
        assert!(tab.cell(row, 0).unwrap().is_plain_text(), "{row}");
    }
    stage.assert_finished().await;
}

#[tokio::test]
async fn a_column_that_moved_keeps_its_protection() {
    let stage = Stage::empty().await;
    stage.init(&[]).await;
    stage.sheets.edit(|book| {
        book.tab_mut(RELEASE).move_column("desiredVersionA", 7);
        book.tab_mut(RELEASE).insert_columns(2, 1);
    });
    stage.assert_finished().await;
    let book = stage.sheets.book();
    let at = book.tab(RELEASE).unwrap().column("desiredVersionA").unwrap();
    let mine = book
        .tab(RELEASE)
        .unwrap()
        .protected
        .iter()
        .find(|p| p.description.ends_with("desiredVersionA"));
    assert_eq!(
        mine.unwrap().range,
        GridRange::columns(mine.unwrap().range.sheet_id, at..at + 1)
    );
}
