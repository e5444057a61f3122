use google_sheets4::common::remove_json_null_values;

use super::*;
use crate::sheet::GridRange;

fn read(reply: Value) -> Result<Columns, String> {
    read_reply(serde_json::from_value(reply).unwrap())
}

fn matched(marks: &[i64], values: Value) -> Value {
    let filters: Vec<_> = marks
        .iter()
        .map(|mark| json!({"developerMetadataLookup": {"metadataId": mark}}))
        .collect();
    let mut range = json!({"range": "T!B1:B9", "majorDimension": "COLUMNS"});
    if !values.is_null() {
        range["values"] = values;
    }
    json!({"valueRange": range, "dataFilters": filters})
}

#[test]
fn columns_are_matched_by_the_filters_that_the_reply_repeats() {
    let reply = json!({"valueRanges": [
        matched(&[9], json!([["status", "", "in sync", 4, true, "#REF!", ""]])),
        matched(&[3, 4], json!([["updatedAt"]])),
        matched(&[5], json!(null)),
    ]});
    let columns = read(reply).unwrap();
    let status = ["status", "", "in sync", "4", "TRUE", "#REF!"];
    assert_eq!(columns[&9].iter().map(|text| &**text).collect::<Vec<_>>(), status);
    assert_eq!(columns[&3], columns[&4]);
    assert!(columns[&5].is_empty());
    assert!(!columns.contains_key(&6));
    assert_eq!(read(json!({})), Ok(Columns::new()));
}

#[test]
fn replies_that_cannot_be_told_apart_are_not_guessed_at() {
    assert!(read(json!({"valueRanges": [matched(&[], json!([["x"]]))]})).is_err());
    assert!(read(json!({"valueRanges": [matched(&[1], json!([["x"], ["y"]]))]})).is_err());
    assert!(read(json!({"valueRanges": [matched(&[1], json!([["x"]])), matched(&[1], json!([["y"]]))]})).is_err());
    let mut rows = matched(&[1], json!([["x"]]));
    rows["valueRange"]["majorDimension"] = json!("ROWS");
    assert!(read(json!({"valueRanges": [rows]})).is_err());
}

/// A request as the API crate sends it.
fn sent(request: impl serde::Serialize) -> Value {
    let mut json = serde_json::to_value(request).unwrap();
    remove_json_null_values(&mut json);
    json
}

fn write(mark: i64, cells: &[(u32, &str)]) -> ColumnWrite {
    ColumnWrite {
        mark,
        cells: cells.iter().map(|(row, text)| (*row, (*text).into())).collect(),
    }
}

#[test]
fn a_sparse_write_skips_what_it_does_not_name() {
    let request = write_request(&[write(7, &[(3, "=x"), (1, "")]), write(8, &[])])
        .unwrap()
        .unwrap();
    let expected = json!({
        "valueInputOption": "RAW",
        "data": [{
            "dataFilter": {"developerMetadataLookup": {"metadataId": 7}},
            "majorDimension": "COLUMNS",
            "values": [[null, "", null, "=x"]],
        }],
    });
    assert_eq!(serde_json::from_str::<Value>(&request).unwrap(), expected);
    assert!(write_request(&[write(8, &[])]).unwrap().is_none());
    assert!(write_request(&[write(8, &[(0, "status")])]).is_err());
    assert!(write_request(&[write(1 << 40, &[(1, "x")])]).is_err());
}

#[test]
fn marks_are_made_for_all_credentials_and_their_ids_read_back() {
    let changes = [
        MarkChange::Delete { id: 4 },
        MarkChange::Spreadsheet {
            key: "fleetsheet.store".into(),
            value: "s".into(),
        },
        MarkChange::Column {
            sheet_id: 0,
            column: 2,
            key: "fleetsheet.column".into(),
            value: "status".into(),
        },
    ];
    let request = sent(mark_request(&changes).unwrap());
    let create = |key: &str, value: &str, location: Value| {
        json!({"createDeveloperMetadata": {"developerMetadata": {
            "metadataKey": key, "metadataValue": value, "location": location, "visibility": "DOCUMENT"}}})
    };
    let columns = json!({"dimensionRange": {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 2, "endIndex": 3}});
    let expected = json!({"requests": [
        {"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": {"metadataId": 4}}}},
        create("fleetsheet.store", "s", json!({"spreadsheet": true})),
        create("fleetsheet.column", "status", columns),
    ]});
    assert_eq!(request, expected);

    let made = |id: i64| json!({"createDeveloperMetadata": {"developerMetadata": {"metadataId": id}}});
    let reply = |replies: Value| serde_json::from_value(json!({ "replies": replies })).unwrap();
    let deleted = json!({"deleteDeveloperMetadata": {}});
    assert_eq!(
        mark_reply(&changes, reply(json!([deleted, made(11), made(12)]))),
        Some(vec![11, 12])
    );
    assert_eq!(mark_reply(&changes, reply(json!([deleted, made(11), {}]))), None);
    assert_eq!(mark_reply(&changes, BatchUpdateSpreadsheetResponse::default()), None);
}

#[test]
fn appended_text_is_text() {
    let append = |rows| Append {
        sheet_id: 0,
        table: None,
        rows,
    };
    let rows = vec![vec![NewCell::Text("=1".into()), NewCell::Blank, NewCell::Bool(false)]];
    let request = append_request(&[append(vec![]), append(rows)]).unwrap().unwrap();
    let expected = json!({"requests": [{"appendCells": {
        "sheetId": 0,
        "fields": "userEnteredValue",
        "rows": [{"values": [
            {"userEnteredValue": {"stringValue": "=1"}}, {}, {"userEnteredValue": {"boolValue": false}}]}],
    }}]});
    assert_eq!(sent(request), expected);
    assert!(append_request(&[append(vec![])]).unwrap().is_none());
}

#[test]
fn an_appended_row_ends_with_its_last_cell_that_holds_anything() {
    let text = |text: &str| NewCell::Text(text.into());
    let blank = || NewCell::Blank;
    let rows = vec![
        vec![text("i-1"), blank(), text("web"), blank(), blank()],
        vec![text("i-2"), blank(), blank(), blank(), NewCell::Bool(true)],
    ];
    let lengths = |table| {
        let append = Append {
            sheet_id: 0,
            table,
            rows: rows.clone(),
        };
        let sent = sent(append_request(&[append]).unwrap().unwrap());
        let rows = sent["requests"][0]["appendCells"]["rows"].as_array().unwrap().clone();
        let length = |row: &Value| row["values"].as_array().unwrap().len();
        rows.iter().map(length).collect::<Vec<_>>()
    };
    assert_eq!(lengths(None), [3, 5]);
    let table = Table {
        id: "t".into(),
        range: GridRange {
            start_column: Some(0),
            end_column: Some(4),
            ..GridRange::default()
        },
    };
    assert_eq!(lengths(Some(table)), [3, 1], "what lies beside the table is left out");
}
