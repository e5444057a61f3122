//! A1 notation, typed values and field masks, without a server.

use serde_json::json;

use crate::sheets::a1::{corner, letters, parse, quote};
use crate::sheets::mask::Mask;
use crate::sheets::value::typed;
use crate::sheets::{CellValue, GridRange, Spreadsheet, Tab};

#[test]
fn masks_in_all_their_forms() {
    let whole = json!({ "sheets": [{ "properties": { "title": "a", "index": 0 }, "data": [{ "startRow": 1 }] }] });
    let cut = |mask: &str| {
        Mask::parse(mask, "Spreadsheet")
            .map(|mask| mask.apply(whole.clone()))
            .ok()
    };
    let title = json!({ "sheets": [{ "properties": { "title": "a" } }] });
    for mask in [
        "sheets.properties.title",
        "sheets/properties/title",
        "sheets(properties(title))",
        "sheets.properties(title)",
    ] {
        assert_eq!(cut(mask).as_ref(), Some(&title), "{mask}");
    }
    assert_eq!(cut("*").as_ref(), Some(&whole));
    assert_eq!(cut("spreadsheetId,sheets(properties,data)").as_ref(), Some(&whole));
    assert_eq!(cut("sheets(*)").as_ref(), Some(&whole));
    assert_eq!(
        cut("sheets.properties.title,sheets.properties.index,sheets.data").as_ref(),
        Some(&whole)
    );
    for mask in [
        "",
        "sheets(",
        "sheets)",
        "sheets,,data",
        "sheet",
        "sheets.data.rowData.values.userEntered",
    ] {
        assert_eq!(cut(mask), None, "{mask}");
    }
}

#[test]
fn a_mask_confines_an_update() {
    let mut to = json!({ "a": 1, "textFormat": { "bold": true, "italic": true } });
    let from = json!({ "numberFormat": { "type": "TEXT" }, "textFormat": { "italic": false } });
    if let Ok(mask) = Mask::parse("numberFormat,textFormat.bold,textFormat.italic", "CellFormat") {
        mask.merge(&mut to, &from);
    }
    let merged = json!({ "a": 1, "numberFormat": { "type": "TEXT" }, "textFormat": { "italic": false } });
    assert_eq!(to, merged);
}

#[test]
fn names_of_columns_tabs_and_cells() {
    let names: Vec<String> = [0, 25, 26, 701, 702].into_iter().map(letters).collect();
    assert_eq!(names, ["A", "Z", "AA", "ZZ", "AAA"]);
    assert_eq!(corner("$ZZ$10"), Some((Some(701), Some(9))));
    assert_eq!(corner("A0"), None);
    let quoted: Vec<String> = ["AuditLog", "It's", "A1", "2x", "ünï"].into_iter().map(quote).collect();
    assert_eq!(quoted, ["AuditLog", "'It''s'", "'A1'", "'2x'", "'ünï'"]);
    let book = Spreadsheet::new("x", "x", "o@example.com").with_tab(Tab::new(4, "a!b", 10, 5));
    let range = |text: &str| parse(&book, text).map(|a1| a1.range).ok();
    assert_eq!(range("'a!b'"), Some(GridRange::sheet(4)));
    assert_eq!(range("'a!b'!2:3"), Some(GridRange::rows(4, 1..3)));
    assert_eq!(range("C:B"), Some(GridRange::columns(4, 1..3)));
    assert_eq!(range("nope"), None);
}

#[test]
fn what_is_typed_turns_into_something_else() {
    let numbers = [
        ("1.10", 1.1),
        ("007", 7.0),
        ("1e3", 1_000.0),
        ("1,234", 1_234.0),
        ("50%", 0.5),
        ("2024-01-02", 45_293.0),
    ];
    for (text, value) in numbers {
        assert_eq!(typed(text, false).0, CellValue::Number(value), "{text}");
        assert_eq!(typed(text, true).0, text.into(), "{text}");
    }
    assert!(matches!(typed("1-2", false), (CellValue::Number(_), Some("DATE"))));
    for text in ["1.2.3", "v1", "nan", "2024-13-45", "-"] {
        assert_eq!(typed(text, false).0, text.into(), "{text}");
    }
}

#[test]
fn formulas_follow_references_but_not_in_circles() {
    let mut book = Spreadsheet::new("x", "x", "o@example.com")
        .with_tab(Tab::new(0, "one", 9, 3))
        .with_tab(Tab::new(1, "the other", 9, 3));
    book.set("the other", "B2", "2.4.0");
    book.type_in("one", "A1", "='the other'!$B$2");
    book.type_in("one", "A2", "=A1");
    book.type_in("one", "A3", "=A3");
    book.type_in("one", "B1", "=gone!A1");
    book.set("one", "B2", CellValue::formula("=NOW()", 7));
    assert_eq!(book.get("one", "A2"), "2.4.0".into());
    assert_eq!(book.get("one", "A3"), CellValue::Error("#REF!".to_owned()));
    assert_eq!(book.get("one", "B1"), CellValue::Error("#REF!".to_owned()));
    assert_eq!(book.get("one", "B2"), 7.into());
}
