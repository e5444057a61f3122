use proptest::prelude::*;
use serde_json::json;

use super::super::grid::{Picture, picture};
use super::super::reply::Pictured;
use super::*;

fn in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Picture, Error> {
    let mut incoming = Incoming::<Pictured>::new();
    pieces.into_iter().for_each(|piece| incoming.push(piece));
    picture(incoming.end()?).map_err(Error::custom)
}

fn at_once(text: &[u8]) -> Result<Picture, Error> {
    let reply = serde_json::from_str::<Spreadsheet<Pictured>>(&String::from_utf8_lossy(text))?;
    picture(reply).map_err(Error::custom)
}

fn reply() -> serde_json::Value {
    let cell = |text: &str| json!({"userEnteredValue": {"stringValue": text}, "effectiveValue": {"stringValue": text}});
    let rows = json!([
        {"values": [cell("channel"), cell("say \"rowData\": [ ] } ü"), {}]},
        {},
        {"values": [{}, {}]},
        {"values": [cell("web \\"), {"userEnteredValue": {"numberValue": 1.5}, "asked": {"not": [-0.25, -1e-9, true, null]}}]},
        {"values": [{}]},
        {},
    ]);
    json!({
        "properties": {"title": "rowData\":["},
        "sheets": [
            {"properties": {"title": "A", "rowData": [1]}, "data": [{"rowData": rows, "startRow": 0,
                "columnMetadata": [{}, {"developerMetadata": [{"metadataId": 1, "metadataKey": "fleetsheet.column"}]}]}]},
            {"properties": {"title": "B"}, "protectedRanges": [{"unprotectedRanges": [{}]}], "data": [{"rowData": []}]},
            {"properties": {"title": "C"}, "data": [{"rowData": null}]},
            {"properties": {"title": "D"}, "data": [{"rowData": rows}]},
        ],
        "data": [{"rowData": [7]}],
    })
}

#[test]
fn it_is_the_same_wherever_it_is_cut() {
    for text in [reply().to_string(), serde_json::to_string_pretty(&reply()).unwrap()] {
        let whole = at_once(text.as_bytes()).unwrap();
        assert_eq!(whole.spreadsheet.tabs[0].rows.len(), 4, "{whole:?}");
        assert_eq!(whole.spreadsheet.tabs[0].rows[3].len(), 2, "{whole:?}");
        for size in (1..40).chain([100, 1000, text.len()]) {
            assert_eq!(in_pieces(text.as_bytes().chunks(size)).unwrap(), whole, "{size}");
        }
        for at in 0..text.len() {
            let (one, other) = text.as_bytes().split_at(at);
            assert_eq!(in_pieces([one, other]).unwrap(), whole, "{at}");
            // What breaks off is no answer, however much of it was read.
            assert!(in_pieces([one]).unwrap_err().is_eof(), "{at}");
        }
    }
}

#[test]
fn rows_that_make_no_sense_are_told_from_text_that_is_not_json() {
    let with = |rows: &str| format!(r#"{{"sheets": [{{"data": [{{"rowData": {rows}}}]}}]}}"#);
    for data in [
        "[7]",
        "[{}, null]",
        "[{\"values\": {}}]",
        "0",
        "{}",
        "\"[]\"",
        "[{\"values\": [{\"userEnteredValue\": 1}]}]",
    ] {
        let text = with(data);
        let error = in_pieces([text.as_bytes()]).unwrap_err();
        assert!(error.is_data(), "{data}: {error}");
    }
    for syntax in ["[{} {}]", "[{},]", "[,{}]", "[{}}", "[{}] []", "[{}];", "[nil]"] {
        let text = with(syntax);
        let error = in_pieces([text.as_bytes()]).unwrap_err();
        assert!(error.is_syntax(), "{syntax}: {error}");
    }
    for cut in [
        "[{}",
        "[{},",
        "[",
        "[{\"values\": [{\"userEnteredValue\": {\"stringValue\": \"ab",
    ] {
        let text = format!(r#"{{"sheets": [{{"data": [{{"rowData": {cut}"#);
        let error = in_pieces([text.as_bytes()]).unwrap_err();
        assert!(error.is_eof(), "{cut}: {error}");
    }
    assert!(in_pieces([&b"<html>no</html>"[..]]).unwrap_err().is_syntax());
    assert!(in_pieces([]).unwrap_err().is_eof());
}

#[test]
fn a_number_is_not_taken_for_rows_that_came_elsewhere() {
    let text = r#"{"sheets": [{"data": [{"rowData": 0}]}, {"data": [{"rowData": [{}]}]}]}"#;
    assert!(in_pieces([text.as_bytes()]).is_err());
    let text = r#"{"sheets": [{"data": [{"rowData": [{}]}]}, {"data": [{"rowData": 0}]}]}"#;
    assert!(in_pieces([text.as_bytes()]).is_err());
}

#[test]
fn formatted_blank_rows_cost_next_to_nothing() {
    let blank = format!(",{{\"values\": [{}]}}", ["{}"; 26].join(","));
    let mut incoming = Incoming::<Pictured>::new();
    incoming
        .push(br#"{"sheets": [{"data": [{"rowData": [{"values": [{"userEnteredValue": {"stringValue": "channel"}}]}"#);
    let mut most = 0;
    for _ in 0..500 {
        incoming.push(blank.repeat(100).as_bytes());
        let rows = incoming.rows.items.capacity() * size_of::<Vec<Pictured>>();
        most = most.max(incoming.text.capacity() + incoming.frame.capacity() + rows);
    }
    assert!(most < 64 * 1024, "{most} bytes held of 50,000 blank rows");
    incoming.push(b"]}]}]}");
    let picture = picture(incoming.end().unwrap()).unwrap();
    let rows = &picture.spreadsheet.tabs[0].rows;
    assert_eq!((rows.len(), rows[0].len()), (1, 1));
}

proptest! {
    #[test]
    fn whatever_comes_is_read_as_at_once(
        (at, flip) in (any::<prop::sample::Index>(), any::<u8>()), size in 1..200_usize
    ) {
        let mut text = reply().to_string().into_bytes();
        let at = at.index(text.len());
        text[at] = flip;
        match (in_pieces(text.chunks(size)), at_once(&text)) {
            (Ok(pieces), Ok(whole)) => prop_assert_eq!(pieces, whole),
            (Err(_), Err(_)) => {}
            (pieces, whole) => prop_assert!(false, "{pieces:?} {whole:?}"),
        }
    }
}
