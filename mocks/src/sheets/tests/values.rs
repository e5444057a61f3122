//! What the `values.*` methods read and write, over the wire.

use anyhow::Result;
use serde_json::json;

use super::client::client;
use crate::sheets::CellValue;

#[tokio::test]
async fn blank_ends_are_left_out() -> Result<()> {
    let client = client(&[&["a", "b", "c"], &["1", "", ""], &[], &["", "x"]]).await?;
    let read = client
        .get("/values:batchGet?ranges=Sheet1&ranges=Sheet1!D:E&ranges='It''s%20two'!A2:B")
        .await?
        .ok();
    let ranges = &read["valueRanges"];
    assert_eq!(ranges[0]["range"], "Sheet1!A1:F20");
    assert_eq!(ranges[0]["values"], json!([["a", "b", "c"], ["1"], [], ["", "x"]]));
    assert_eq!(ranges[1], json!({ "range": "Sheet1!D1:E20", "majorDimension": "ROWS" }));
    assert_eq!(ranges[2]["range"], "'It''s two'!A2:B10");
    let columns = client.get("/values/Sheet1!A:C?majorDimension=COLUMNS").await?.ok();
    assert_eq!(columns["values"], json!([["a", "1"], ["b", "", "", "x"], ["c"]]));
    Ok(())
}

#[tokio::test]
async fn ranges_that_do_not_exist_are_refused() -> Result<()> {
    let client = client(&[&["a"]]).await?;
    client
        .get("/values/Nope!A1")
        .await?
        .refused(400, "Unable to parse range: Nope!A1");
    client.get("/values/Sheet1!??").await?.refused(400, "");
    let beyond = "Range (Sheet1!A21:B) exceeds grid limits. Max rows: 20, max columns: 6";
    client.get("/values/Sheet1!A21:B").await?.refused(400, beyond);
    assert_eq!(client.values("A19:A900").await?["range"], "Sheet1!A19:A20");
    Ok(())
}

#[tokio::test]
async fn cells_show_by_option() -> Result<()> {
    let client = client(&[&["x"]]).await?;
    client.emulator.edit(|book| {
        book.set("Sheet1", "A2", 1.5);
        book.set("Sheet1", "B2", true);
        book.set("Sheet1", "C2", CellValue::formula("=A2", 0));
        book.set("Sheet1", "D2", CellValue::Error("#N/A".to_owned()));
        book.type_in("Sheet1", "E2", "2024-01-02");
        book.set("Sheet1", "F2", CellValue::formula("=SUM(A2)", 1.5));
    });
    let show = async |options: &str| Ok::<_, anyhow::Error>(client.get(&format!("/values/A2:F2{options}")).await?.ok());
    assert_eq!(
        show("").await?["values"],
        json!([["1.5", "TRUE", "1.5", "#N/A", "1/2/2024", "1.5"]])
    );
    let plain = show("?valueRenderOption=UNFORMATTED_VALUE").await?;
    assert_eq!(plain["values"], json!([[1.5, true, 1.5, "#N/A", 45293, 1.5]]));
    let formula = show("?valueRenderOption=FORMULA&dateTimeRenderOption=FORMATTED_STRING").await?;
    assert_eq!(
        formula["values"],
        json!([[1.5, true, "=A2", "#N/A", "1/2/2024", "=SUM(A2)"]])
    );
    client
        .get("/values/A1?valueRenderOption=PRETTY")
        .await?
        .refused(400, "PRETTY");
    client
        .get("/values/A1?pretty=1")
        .await?
        .refused(400, "Unknown name \"pretty\"");
    Ok(())
}

#[tokio::test]
async fn raw_keeps_and_user_entered_parses() -> Result<()> {
    let client = client(&[&["keep", "gone"]]).await?;
    client
        .write("RAW", "A1:F1", json!([[null, "", "=A1", "1.10", true, 3]]))
        .await?
        .ok();
    assert_eq!(
        client.values("A1:F1").await?["values"],
        json!([["keep", "", "=A1", "1.10", true, 3]])
    );
    client
        .write(
            "USER_ENTERED",
            "A2:F2",
            json!([["=A1", "1.10", "true", "'1", "007", "2024-01-02"]]),
        )
        .await?
        .ok();
    assert_eq!(
        client.values("A2:F2").await?["values"],
        json!([["keep", 1.1, true, "1", 7, 45293]])
    );
    let data = json!([{ "range": "A1", "values": [["x"]] }]);
    client
        .post("/values:batchUpdate", json!({ "data": data }))
        .await?
        .refused(400, "valueInputOption");
    Ok(())
}

#[tokio::test]
async fn a_batch_of_values_counts_whole_or_not_at_all() -> Result<()> {
    let client = client(&[&["a"]]).await?;
    let bad = [
        (
            json!({ "range": "Nope!A1", "values": [["x"]] }),
            "Invalid data[1]: Unable to parse range: Nope!A1",
        ),
        (
            json!({ "range": "A2:A3", "values": [["x", "y"]] }),
            "tried writing to column [B]",
        ),
        (
            json!({ "range": "A2:B2", "values": [["x"], ["y"]] }),
            "tried writing to row [3]",
        ),
        (
            json!({ "range": "A20", "values": [["x"], ["y"]] }),
            "exceeds grid limits",
        ),
        (json!({ "range": "A2", "values": [[["x"]]] }), "list_value"),
        (
            json!({ "range": "A2", "values": [["x".repeat(50_001)]] }),
            "maximum of 50000 characters",
        ),
        (
            json!({ "range": "A2", "cells": [] }),
            "Unknown name \"cells\" at 'data[1]'",
        ),
    ];
    for (data, why) in bad {
        let data = json!([{ "range": "A1", "values": [["changed"]] }, data]);
        let body = json!({ "valueInputOption": "RAW", "data": data });
        client.post("/values:batchUpdate", body).await?.refused(400, why);
    }
    assert_eq!(client.values("Sheet1").await?["values"], json!([["a"]]));
    assert!(client.emulator.writes().is_empty());
    Ok(())
}

#[tokio::test]
async fn answers_count_what_was_written_and_show_it() -> Result<()> {
    let client = client(&[&["a", "b"]]).await?;
    let data = json!([{ "range": "B1:B3", "values": [["x"], [null], ["z"]] }]);
    let body = json!({ "valueInputOption": "RAW", "data": data, "includeValuesInResponse": true });
    let answer = client.post("/values:batchUpdate", body).await?.ok();
    assert_eq!(
        (&answer["totalUpdatedCells"], &answer["totalUpdatedRows"]),
        (&json!(2), &json!(2))
    );
    let one = &answer["responses"][0];
    assert_eq!(one["updatedRange"], "Sheet1!B1:B3");
    assert_eq!(one["updatedData"]["values"], json!([["x"], [], ["z"]]));
    Ok(())
}

#[tokio::test]
async fn append_finds_a_table_of_its_own_choice() -> Result<()> {
    let client = client(&[&["a", "b"], &["1", "2"], &[], &["", "note"]]).await?;
    let append = async |range: &str, option: &str| {
        let path = format!("/values/{range}:append?valueInputOption=RAW{option}");
        Ok::<_, anyhow::Error>(client.post(&path, json!({ "values": [["x", "y"]] })).await?.ok())
    };
    let stray = append("Sheet1", "").await?;
    assert_eq!(
        (&stray["tableRange"], &stray["updates"]["updatedRange"]),
        (&json!("Sheet1!B4"), &json!("Sheet1!B5:C5"))
    );
    let meant = append("Sheet1!A1:B2", "&insertDataOption=INSERT_ROWS").await?;
    assert_eq!(meant["updates"]["updatedRange"], "Sheet1!A3:B3");
    assert_eq!(client.values("B5:C6").await?["values"], json!([["note"], ["x", "y"]]));
    let none = append("'It''s%20two'!B2", "").await?;
    assert_eq!(
        (none.get("tableRange"), &none["updates"]["updatedRange"]),
        (None, &json!("'It''s two'!B2:C2"))
    );
    Ok(())
}
