//! Protected ranges: what they refuse, and whom.

use anyhow::Result;
use serde_json::{Value, json};

use super::client::client;
use crate::sheets::{GridRange, SERVICE_ACCOUNT};

const PROTECTED: &str = "You are trying to edit a protected cell or object. Please contact the spreadsheet owner to \
                         remove protection if you need to edit.";

#[tokio::test]
async fn a_protected_cell_refuses_the_whole_batch() -> Result<()> {
    let client = client(&[&["id", "key"], &["a", "1"]]).await?;
    let id = client
        .emulator
        .edit(|book| book.protect_column("Sheet1", "key", &["sre@example.com"]));
    let body = json!({ "valueInputOption": "RAW", "data": [
        { "range": "A2", "values": [["changed"]] }, { "range": "B2", "values": [["2"]] },
    ] });
    client
        .post("/values:batchUpdate", body.clone())
        .await?
        .refused(400, PROTECTED);
    let cell = json!({ "userEnteredValue": { "stringValue": "x" } });
    let append = json!({ "appendCells": { "sheetId": 0, "fields": "*", "rows": [{ "values": [cell, cell] }] } });
    client.batch(json!([append])).await?.refused(400, PROTECTED);
    let column = json!({ "sheetId": 0, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2 });
    client
        .batch(json!([{ "deleteDimension": { "range": column } }]))
        .await?
        .refused(400, PROTECTED);
    client
        .batch(json!([{ "deleteProtectedRange": { "protectedRangeId": id } }]))
        .await?
        .refused(400, PROTECTED);
    let shown = client
        .get("?fields=sheets.protectedRanges(requestingUserCanEdit,editors)")
        .await?
        .ok();
    assert_eq!(shown["sheets"][0]["protectedRanges"], json!([{}]));
    assert_eq!(client.emulator.book().get("Sheet1", "A2"), "a".into());

    // A skipped cell, a hole, a warning and a place among the editors are no hindrance.
    client.write("RAW", "A2:B2", json!([["a", null]])).await?.ok();
    client
        .emulator
        .edit(|book| book.protected_mut(id).unprotected = vec![GridRange::rows(0, 1..2)]);
    client.post("/values:batchUpdate", body.clone()).await?.ok();
    client.emulator.edit(|book| {
        book.protected_mut(id).unprotected.clear();
        book.protected_mut(id).users.push(SERVICE_ACCOUNT.to_owned());
    });
    client.post("/values:batchUpdate", body).await?.ok();
    let shown = client
        .get("?fields=sheets.protectedRanges(requestingUserCanEdit,editors)")
        .await?
        .ok();
    let users = json!(["owner@example.com", "sre@example.com", SERVICE_ACCOUNT]);
    let seen = json!([{ "requestingUserCanEdit": true, "editors": { "users": users } }]);
    assert_eq!(shown["sheets"][0]["protectedRanges"], seen);
    Ok(())
}

#[tokio::test]
async fn rows_are_worked_on_where_ranges_of_others_only_warn() -> Result<()> {
    let client = client(&[&["id", "key"], &["b", "1"], &["a", "2"], &["c", "3"]]).await?;
    let id = client
        .emulator
        .edit(|book| book.protect_column("Sheet1", "key", &["sre@example.com"]));
    let row = json!({ "sheetId": 0, "dimension": "ROWS", "startIndex": 1, "endIndex": 2 });
    let all = json!({ "sheetId": 0, "startRowIndex": 1, "endRowIndex": 4 });
    let specs = json!([{ "dimensionIndex": 0, "sortOrder": "ASCENDING" }]);
    let work = [
        json!({ "sortRange": { "range": all, "sortSpecs": specs } }),
        json!({ "moveDimension": { "source": row, "destinationIndex": 3 } }),
        json!({ "insertDimension": { "range": row, "inheritFromBefore": true } }),
        json!({ "deleteDimension": { "range": row } }),
    ];
    let before = client.emulator.book();
    for request in &work {
        client.batch(json!([request])).await?.refused(400, PROTECTED);
    }
    assert!(client.emulator.book() == before);
    // Another column may be sorted alone, and a range that warns keeps nobody out.
    let alone = json!({ "sheetId": 0, "startRowIndex": 1, "endRowIndex": 4, "endColumnIndex": 1 });
    let sort = json!({ "sortRange": { "range": alone, "sortSpecs": specs } });
    client.batch(json!([sort])).await?.ok();
    client.emulator.edit(|book| {
        let range = book.protected_mut(id);
        (range.warning_only, range.users) = (true, Vec::new());
    });
    for request in &work {
        client.batch(json!([request])).await?.ok();
    }
    Ok(())
}

#[tokio::test]
async fn protection_is_made_and_changed() -> Result<()> {
    let client = client(&[&["id"]]).await?;
    let protect = |range: Value, more: Value| {
        let mut protected = json!({ "range": range });
        for (field, value) in more.as_object().into_iter().flatten() {
            protected[field] = value.clone();
        }
        json!([{ "addProtectedRange": { "protectedRange": protected } }])
    };
    let warns = json!({ "warningOnly": true, "editors": { "users": ["a@example.com"] } });
    let refusal = "ProtectedRange is warningOnly. Editors cannot be set on it.";
    client
        .batch(protect(json!({ "sheetId": 0 }), warns))
        .await?
        .refused(400, refusal);
    client.batch(protect(json!({ "sheetId": 0 }), json!({}))).await?.ok();
    client
        .batch(protect(json!({ "sheetId": 0 }), json!({})))
        .await?
        .refused(400, "already has sheet protection");
    let column = json!({ "sheetId": 0, "startColumnIndex": 0, "endColumnIndex": 1 });
    let made = client
        .batch(protect(
            column.clone(),
            json!({ "editors": { "groups": ["g@example.com"] } }),
        ))
        .await?
        .ok();
    let made = &made["replies"][0]["addProtectedRange"]["protectedRange"];
    assert_eq!(
        (&made["range"], &made["editors"]["groups"]),
        (&column, &json!(["g@example.com"]))
    );
    let change = json!({ "protectedRangeId": made["protectedRangeId"], "editors": { "users": ["b@example.com"] } });
    let change = json!({ "protectedRange": change, "fields": "editors" });
    client.batch(json!([{ "updateProtectedRange": change }])).await?.ok();
    let kept = &client.emulator.book().tabs[0].protected[1];
    assert_eq!(
        (kept.users.as_slice(), kept.groups.len()),
        (["b@example.com".into(), SERVICE_ACCOUNT.into()].as_slice(), 0)
    );
    Ok(())
}
