use std::time::Duration;

use fleetsheet_mocks::sheets::{CellValue, SheetsEmulator, Spreadsheet, Tab};
use serde_json::json;

use super::*;
use crate::adapters::google_sheets::Settings;
use crate::calls::Calls;

fn grid(value: Value) -> Grid {
    serde_json::from_value(value).unwrap()
}

#[test]
fn formulas_are_told_from_text_that_looks_like_one() {
    let shown = grid(json!([["a", 1, true, "#N/A", "=x"], [], ["", 3.5]]));
    let typed = grid(json!([["a", 1, true, "=VLOOKUP(1)", "=x"], [], ["", "=1+2.5"], [""]]));
    let merged = merge(shown, typed).unwrap();
    let formula = |text: &str, value| Cell::Formula {
        text: text.into(),
        value: Box::new(value),
    };
    assert_eq!(
        merged,
        vec![
            vec![
                Cell::Text("a".into()),
                Cell::Number(1.0),
                Cell::Bool(true),
                formula("=VLOOKUP(1)", Cell::Error("#N/A".into())),
                Cell::Text("=x".into()),
            ],
            vec![],
            vec![Cell::Blank, formula("=1+2.5", Cell::Number(3.5))],
        ]
    );
}

#[test]
fn readings_of_two_moments_are_not_put_together() {
    assert_eq!(merge(grid(json!([["a"]])), grid(json!([["b"]]))), None);
    assert_eq!(merge(grid(json!([["a"]])), grid(json!([]))), None);
    assert_eq!(merge(grid(json!([])), grid(json!([[], ["x"]]))), None);
    assert_eq!(merge(grid(json!([])), grid(json!([[], [""]]))), Some(vec![]));
}

/// A sheet whose cell A2 somebody changes just before each of the first `edits` readings of formulas.
async fn edited(edits: u64) -> (Result<Vec<Vec<Vec<Cell>>>, SheetError>, u64) {
    let tab = Tab::with_rows(0, "It's", vec![vec!["h".into()], vec![CellValue::formula("=A1", "h")]]);
    let emulator = SheetsEmulator::start(Spreadsheet::new("1x", "t", "o@example.com").with_tab(tab))
        .await
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key.json");
    std::fs::write(&key, emulator.service_account_key_json().unwrap()).unwrap();
    for edit in 1..=edits {
        let desk = emulator.desk();
        emulator.script().before("sheets.values.batchGet", 2 * edit, move || {
            desk.edit(|book| book.set("It's", "A1", format!("h{edit}").as_str()));
        });
    }
    let settings = Settings {
        spreadsheet_id: "1x".into(),
        credentials_file: Some(key),
        endpoint: Some(emulator.endpoint().parse().unwrap()),
        request_timeout: Duration::from_secs(5),
        sheets_per_minute: 3000,
    };
    let sheets = GoogleSheets::connect(settings, Calls::default()).await.unwrap();
    let result = sheets.read_values(&["'It''s'".into()]).await;
    (result, emulator.script().count("sheets.values.batchGet"))
}

#[tokio::test]
async fn both_readings_are_made_again_if_they_do_not_agree() {
    let formula = |value: &str| Cell::Formula {
        text: "=A1".into(),
        value: Box::new(Cell::Text(value.into())),
    };
    let (quiet, requests) = edited(0).await;
    assert_eq!(quiet.unwrap(), [[[Cell::Text("h".into())], [formula("h")]]]);
    assert_eq!(requests, 2);
    let (busy, requests) = edited(1).await;
    assert_eq!(busy.unwrap(), [[[Cell::Text("h1".into())], [formula("h1")]]]);
    assert_eq!(requests, 4);
    let (busier, requests) = edited(2).await;
    assert_eq!(busier.unwrap_err().kind, SheetErrorKind::Nonsense);
    assert_eq!(requests, 4);
}
