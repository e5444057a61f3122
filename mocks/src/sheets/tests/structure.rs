//! Metadata, data filters and batches, over the wire.

use anyhow::Result;
use serde_json::{Value, json};

use super::client::{Client, client};

fn mark(key: &str, location: Value) -> Value {
    let metadata = json!({ "metadataKey": key, "metadataValue": "v", "visibility": "DOCUMENT", "location": location });
    json!({ "createDeveloperMetadata": { "developerMetadata": metadata } })
}

fn line(dimension: &str, at: usize) -> Value {
    json!({ "dimensionRange": { "sheetId": 0, "dimension": dimension, "startIndex": at, "endIndex": at + 1 } })
}

async fn marked(client: &Client) -> Result<()> {
    let requests = json!([
        mark("file", json!({ "spreadsheet": true })),
        mark("tab", json!({ "sheetId": 0 })),
        mark("column", line("COLUMNS", 1)),
        mark("row", line("ROWS", 2)),
    ]);
    client.batch(requests).await?.ok();
    Ok(())
}

fn lookup(key: &str) -> Value {
    json!({ "developerMetadataLookup": { "metadataKey": key } })
}

async fn by_key(client: &Client, key: &str) -> Result<Value> {
    let body = json!({ "dataFilters": [lookup(key)] });
    let found = client.post("/developerMetadata:search", body).await?.ok();
    Ok(found["matchedDeveloperMetadata"][0]["developerMetadata"]["location"]["dimensionRange"]["startIndex"].clone())
}

#[tokio::test]
async fn metadata_follows_its_line_and_dies_with_it() -> Result<()> {
    let client = client(&[&["id", "status"], &["b", "1"], &["a", "2"]]).await?;
    marked(&client).await?;
    client.emulator.edit(|book| {
        let tab = book.tab_mut("Sheet1");
        tab.insert_columns(0, 1);
        tab.insert_rows(1, 2);
        tab.move_column("status", 0);
    });
    assert_eq!(
        (by_key(&client, "column").await?, by_key(&client, "row").await?),
        (json!(0), json!(4))
    );
    client
        .emulator
        .edit(|book| book.tab_mut("Sheet1").sort_rows("id", false));
    assert_eq!(by_key(&client, "row").await?, json!(4));
    client
        .emulator
        .edit(|book| book.tab_mut("Sheet1").delete_column("status"));
    assert_eq!(by_key(&client, "column").await?, Value::Null);
    Ok(())
}

#[tokio::test]
async fn metadata_shows_where_it_hangs() -> Result<()> {
    let client = client(&[&["id", "status"]]).await?;
    marked(&client).await?;
    let fields = "developerMetadata.metadataKey,sheets(developerMetadata/metadataKey,\
                  data(columnMetadata(developerMetadata(metadataKey))))";
    let shown = client.get(&format!("?fields={fields}&ranges=Sheet1!A:B")).await?.ok();
    let sheet = json!({
        "developerMetadata": [{ "metadataKey": "tab" }],
        "data": [{ "columnMetadata": [{}, { "developerMetadata": [{ "metadataKey": "column" }] }] }],
    });
    assert_eq!(
        shown,
        json!({ "developerMetadata": [{ "metadataKey": "file" }], "sheets": [sheet] })
    );
    client.get("?fields=sheets.nope").await?.refused(400, "sheets.nope");
    let wide = json!({ "sheetId": 0, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 2 });
    client
        .batch(json!([mark("wide", json!({ "dimensionRange": wide }))]))
        .await?
        .refused(400, "one existing row or column");
    Ok(())
}

#[tokio::test]
async fn data_filters_read_and_write_what_they_match() -> Result<()> {
    let client = client(&[&["id", "status"], &["a", "old"]]).await?;
    marked(&client).await?;
    client.emulator.edit(|book| book.tab_mut("Sheet1").insert_columns(0, 2));
    let read = json!({ "dataFilters": [lookup("column"), lookup("none")], "majorDimension": "COLUMNS" });
    let read = client.post("/values:batchGetByDataFilter", read).await?.ok();
    let only = &read["valueRanges"][0]["valueRange"];
    assert_eq!(
        (&only["range"], &only["values"]),
        (&json!("Sheet1!D1:D20"), &json!([["status", "old"]]))
    );
    let write = async |values: Value| {
        let data = json!([{ "dataFilter": lookup("column"), "majorDimension": "COLUMNS", "values": values }]);
        let body = json!({ "valueInputOption": "RAW", "data": data });
        client.post("/values:batchUpdateByDataFilter", body).await
    };
    let answer = write(json!([[null, "new"]])).await?.ok();
    assert_eq!(
        (&answer["totalUpdatedCells"], client.emulator.book().get("Sheet1", "D2")),
        (&json!(1), "new".into())
    );
    write(json!([["x"], ["y"]]))
        .await?
        .refused(400, "tried writing to column [E]");
    let cells = json!({ "dataFilters": [lookup("column")], "includeGridData": true });
    let shown = client.post(":getByDataFilter", cells).await?.ok();
    assert_eq!(
        (
            shown["sheets"].as_array().map(Vec::len),
            &shown["sheets"][0]["data"][0]["startColumn"]
        ),
        (Some(1), &json!(3))
    );
    Ok(())
}

#[tokio::test]
async fn a_batch_that_fails_at_its_end_changes_nothing() -> Result<()> {
    let client = client(&[&["id"]]).await?;
    let add = json!({ "addSheet": { "properties": { "title": "New" } } });
    let bad = [
        (
            json!({ "addSheet": { "properties": { "title": "sheet1" } } }),
            "already exists",
        ),
        (
            json!({ "paintItBlack": {} }),
            "Unknown name \"paintItBlack\" at 'requests[1]'",
        ),
        (
            json!({ "deleteSheet": { "sheetId": 99 } }),
            "Invalid requests[1].deleteSheet: No sheet with id: 99",
        ),
        (
            json!({ "appendCells": { "sheetId": 0, "rows": [] } }),
            "At least one field must be listed",
        ),
        (
            json!({ "repeatCell": { "range": { "sheetId": 0, "startRowIndex": 20 }, "cell": {}, "fields": "*" } }),
            "exceeds grid limits",
        ),
        (
            json!({ "deleteSheet": { "sheetId": "x" } }),
            "Invalid value at 'requests[1].delete_sheet.sheet_id'",
        ),
    ];
    for (request, why) in bad {
        client.batch(json!([add, request])).await?.refused(400, why);
    }
    assert_eq!(client.emulator.book().tabs.len(), 2);
    Ok(())
}

#[tokio::test]
async fn what_a_setup_makes_can_be_read_back() -> Result<()> {
    let client = client(&[&["id", "enabled"]]).await?;
    let boxes = json!({ "sheetId": 0, "startRowIndex": 1, "startColumnIndex": 1, "endColumnIndex": 2 });
    let rule = json!({ "condition": { "type": "BOOLEAN" }, "strict": true });
    let text = json!({ "userEnteredFormat": { "numberFormat": { "type": "TEXT" } }, "note": "two people" });
    let marks = json!({ "ranges": [boxes], "booleanRule": { "condition": { "type": "NOT_BLANK" }, "format": {} } });
    let frozen = json!({ "sheetId": 0, "gridProperties": { "frozenRowCount": 1 } });
    let wide = json!({ "sheetId": 0, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1 });
    client.batch(json!([
        { "setDataValidation": { "range": boxes, "rule": rule } },
        { "repeatCell": { "range": { "sheetId": 0, "endRowIndex": 1, "endColumnIndex": 1 }, "cell": text,
                          "fields": "userEnteredFormat.numberFormat,note" } },
        { "addConditionalFormatRule": { "rule": marks, "index": 0 } },
        { "updateSheetProperties": { "properties": frozen, "fields": "gridProperties.frozenRowCount" } },
        { "updateDimensionProperties": { "range": wide, "properties": { "pixelSize": 180 }, "fields": "pixelSize" } },
    ])).await?.ok();
    let shown = client.get("?ranges=Sheet1!A1:B2&includeGridData=true").await?.ok();
    let sheet = &shown["sheets"][0];
    assert_eq!(sheet["properties"]["gridProperties"]["frozenRowCount"], 1);
    assert_eq!(sheet["conditionalFormats"][0], marks);
    let data = &sheet["data"][0];
    assert_eq!(data["columnMetadata"][0]["pixelSize"], 180);
    let corner = &data["rowData"][0]["values"][0];
    assert_eq!(
        (&corner["note"], &corner["formattedValue"]),
        (&json!("two people"), &json!("id"))
    );
    assert_eq!(
        (&corner["userEnteredFormat"], &corner["effectiveValue"]),
        (&text["userEnteredFormat"], &json!({ "stringValue": "id" }))
    );
    assert_eq!(data["rowData"][1]["values"][1]["dataValidation"], rule);
    assert_eq!(client.values("Sheet1").await?["values"], json!([["id", "enabled"]]));
    client.emulator.edit(|book| book.type_in("Sheet1", "A1", "1.10"));
    assert_eq!(client.emulator.book().get("Sheet1", "A1"), "1.10".into());
    Ok(())
}

#[tokio::test]
async fn appended_cells_go_below_all_data_and_extend_the_grid() -> Result<()> {
    let client = client(&[&["id"], &["a"]]).await?;
    client.emulator.edit(|book| book.set("Sheet1", "F20", "stray"));
    let cell = |text: &str| json!({ "userEnteredValue": { "stringValue": text } });
    let rows = json!([{ "values": [cell("b"), {}, cell("=x")] }]);
    let append = json!({ "appendCells": { "sheetId": 0, "fields": "userEnteredValue", "rows": rows } });
    client.batch(json!([append])).await?.ok();
    assert_eq!(client.values("A21:F21").await?["values"], json!([["b", "", "=x"]]));
    let earlier = client.emulator.book().snapshot();
    client.emulator.edit(|book| {
        book.clear("Sheet1", "A21");
        book.restore(&earlier);
    });
    assert_eq!(client.emulator.book().get("Sheet1", (21, "id")), "b".into());
    Ok(())
}
