use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::sheet::cell::SPILLED;

fn read(reply: Value) -> Result<Picture, String> {
    picture(serde_json::from_value(reply).unwrap())
}

fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

fn formula(text: &str, value: Cell) -> Cell {
    Cell::Formula {
        text: text.into(),
        value: Box::new(value),
    }
}

fn same(value: Value) -> Value {
    json!({"userEnteredValue": value, "effectiveValue": value})
}

#[test]
fn cells_keep_their_types() {
    let rows = json!([
        {"values": [same(json!({"stringValue": "a"})), same(json!({"numberValue": 1.1})), same(json!({"boolValue": true}))]},
        {},
        {"values": [
            {},
            {"userEnteredValue": {"formulaValue": "=A1"}, "effectiveValue": {"stringValue": "a"}},
            {"userEnteredValue": {"formulaValue": "=1/0"},
             "effectiveValue": {"errorValue": {"type": "DIVIDE_BY_ZERO", "message": "no"}}},
            {"userEnteredValue": {"formulaValue": "=\"\""}, "effectiveValue": {"stringValue": ""}},
            {"effectiveValue": {"stringValue": "spilled"}},
            {"userEnteredValue": {"errorValue": {"type": "N_A"}}},
            same(json!({"stringValue": "  "})),
            {},
        ]},
        {"values": [{}, same(json!({"stringValue": ""}))]},
        {},
    ]);
    let reply = json!({"sheets": [{"properties": {"title": "T"}, "data": [{"rowData": rows}]}]});
    let picture = read(reply).unwrap();
    assert_eq!(
        picture.spreadsheet.tabs[0].rows,
        vec![
            vec![text("a"), Cell::Number(1.1), Cell::Bool(true)],
            vec![],
            vec![
                Cell::Blank,
                formula("=A1", text("a")),
                formula("=1/0", Cell::Error("#DIV/0!".into())),
                formula("=\"\"", Cell::Blank),
                formula(SPILLED, text("spilled")),
                Cell::Error("#N/A".into()),
            ],
        ]
    );
}

#[test]
fn structure_marks_and_protections_are_read() {
    let reply = json!({
        "properties": {"title": "Fleet"},
        "developerMetadata": [
            {"metadataId": 5, "metadataKey": "fleetsheet.store", "metadataValue": "s",
             "location": {"locationType": "SPREADSHEET", "spreadsheet": true}},
            {"metadataId": 6, "metadataKey": "somebody.else", "metadataValue": "s"},
            {"metadataId": 7, "metadataKey": "fleetsheet.store", "location": {"locationType": "SHEET", "sheetId": 3}},
        ],
        "sheets": [{
            "properties": {"sheetId": 3, "title": "R", "gridProperties": {"rowCount": 10, "columnCount": 4}},
            "protectedRanges": [
                {"protectedRangeId": 1, "range": {"sheetId": 3, "startColumnIndex": 1, "endColumnIndex": 2},
                 "requestingUserCanEdit": true, "description": "key A",
                 "editors": {"users": ["a@x"], "groups": ["g@x"], "domainUsersCanEdit": true}},
                {"protectedRangeId": 2, "range": {"sheetId": 3}, "warningOnly": true,
                 "unprotectedRanges": [{"startRowIndex": -4, "endRowIndex": 2}]},
                {"protectedRangeId": 3, "namedRangeId": "x"},
            ],
            "data": [{"columnMetadata": [{}, {"developerMetadata": [
                {"metadataId": 8, "metadataKey": "fleetsheet.column", "metadataValue": "status"}]}, {}]}],
        }],
    });
    let Picture { spreadsheet, bare } = read(reply).unwrap();
    assert!(bare.is_empty());
    assert_eq!(spreadsheet.title, "Fleet");
    let mark = |id, key: &str, value: &str, column| Mark {
        id,
        key: key.into(),
        value: value.into(),
        column,
    };
    assert_eq!(spreadsheet.marks, [mark(5, "fleetsheet.store", "s", None)]);
    let tab = &spreadsheet.tabs[0];
    assert_eq!((tab.sheet_id, tab.row_count, tab.column_count), (3, 10, 4));
    assert_eq!(tab.marks, [mark(8, "fleetsheet.column", "status", Some(1))]);
    let columns = GridRange {
        start_column: Some(1),
        end_column: Some(2),
        ..GridRange::default()
    };
    let editors = Editors {
        users: vec!["a@x".into()],
        groups: vec!["g@x".into()],
        domain: true,
    };
    let [key, warning, named] = tab.protected.as_slice() else {
        panic!("{tab:?}")
    };
    assert_eq!(
        (key.range, key.editors.as_ref(), key.description.as_str()),
        (columns, Some(&editors), "key A")
    );
    assert_eq!(
        (warning.range, warning.warning_only, &warning.editors),
        (GridRange::default(), true, &None)
    );
    assert_eq!(
        (warning.unprotected[0].start_row, warning.unprotected[0].end_row),
        (Some(0), Some(2))
    );
    assert_eq!(
        (named.range.end_row, named.range.end_column),
        (Some(0), Some(0)),
        "covers nothing"
    );
}

#[test]
fn an_answer_without_cells_is_not_an_empty_tab() {
    let with = |data: Value| {
        let mut sheet = json!({"properties": {"title": "T"}});
        if !data.is_null() {
            sheet["data"] = data;
        }
        read(json!({"sheets": [sheet]}))
    };
    for bare in [json!(null), json!([])] {
        assert!(with(bare).unwrap().bare.contains("T"));
    }
    let empty = with(json!([{}])).unwrap();
    assert!(empty.bare.is_empty() && empty.spreadsheet.tabs[0].rows.is_empty());
    assert!(with(json!([{"startRow": 3}])).is_err());
    assert!(with(json!([{"startColumn": 1}])).is_err());
    assert!(with(json!([{}, {}])).is_err());
    assert!(read(json!({})).is_err());
    assert!(read(json!({"sheets": []})).is_err());
}

/// JSON that looks like a reply here and there: any field of any type, at any depth.
fn reply() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z=#]{0,6}".prop_map(Value::from),
        Just(json!("fleetsheet.x")),
    ];
    let field = prop::sample::select(vec![
        "sheets",
        "properties",
        "title",
        "sheetId",
        "gridProperties",
        "rowCount",
        "data",
        "startRow",
        "rowData",
        "values",
        "userEnteredValue",
        "effectiveValue",
        "formulaValue",
        "stringValue",
        "errorValue",
        "type",
        "columnMetadata",
        "developerMetadata",
        "metadataId",
        "metadataKey",
        "location",
        "locationType",
        "protectedRanges",
        "range",
        "editors",
        "users",
        "valueRange",
        "valueRanges",
        "dataFilters",
        "majorDimension",
        "developerMetadataLookup",
    ]);
    leaf.prop_recursive(8, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((field.clone(), inner), 0..6).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_reply_makes_it_panic(value in reply(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let sheet = json!({"sheets": [{"data": [{"rowData": [{"values": [value.clone()]}]}]}]});
        for value in [value.clone(), json!({ "sheets": [value.clone()] }), sheet] {
            if let Ok(reply) = serde_json::from_value(value) {
                let _ = picture(reply);
            }
        }
        if let Ok(reply) = serde_json::from_slice(&bytes) {
            let _ = picture(reply);
        }
        if let Ok(reply) = serde_json::from_value(json!({ "valueRanges": [value.clone()] })) {
            let _ = crate::adapters::google_sheets::columns::read_reply(reply);
        }
    }
}
