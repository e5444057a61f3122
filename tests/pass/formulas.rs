//! Columns of people's that an array formula fills: no append breaks one, and what it shows is what people asked for.

use fleetsheet_mocks::sheets::CellValue;

use crate::stage::{ACCOUNT, REGION, SERVERS, Stage};

/// Lets an array formula in row 2 fill a column from another one, which holds what each row shows now.
fn fill(stage: &Stage, header: &str) {
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        tab.add_column("source");
        let (from, to) = (tab.column(header).unwrap(), tab.column("source").unwrap());
        for row in &mut tab.rows[1..] {
            row.cells[to].value = std::mem::take(&mut row.cells[from].value);
        }
        let letter = char::from(b'A' + u8::try_from(to).unwrap());
        let formula = format!("=ARRAYFORMULA({letter}2:{letter})");
        tab.rows[1].cells[from].value = CellValue::formula(formula, "");
    });
}

fn launch(stage: &Stage) -> String {
    let tags = [("Name", "new"), ("ReleaseChannel", "web-prod")];
    stage.cloud.edit(|fleet| fleet.launch(ACCOUNT, REGION, tags))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appended_row_leaves_the_column_that_a_formula_fills_blank() {
    let (stage, ids) = Stage::known(6).await;
    fill(&stage, "channel");
    stage.assert_silent().await;
    let new = launch(&stage);
    let ran = stage.settle().await;
    assert_eq!(ran.json["discovered"], 1, "{ran:?}");
    assert_eq!(
        stage.version(&new),
        "2.3.9",
        "it is served in the pass that discovers it"
    );
    assert_eq!(
        (
            stage.server_cell(&new, "channel").as_str(),
            stage.server_cell(&ids[5], "channel").as_str()
        ),
        ("", "web-prod")
    );
    // From now on the sheet decides, and its formula says nothing of the new one.
    stage.turn_keys("web-prod", "2.4.0");
    let promoted = stage.settle().await;
    assert_eq!(promoted.json["changed"], 6, "{promoted:?}");
    assert_eq!(stage.server_cell(&new, "status"), "unassigned: carries web-prod 2.3.9");
    stage.assert_silent().await;
    stage.set_server(&new, "source", "web-prod");
    stage.settle().await;
    assert_eq!(stage.version(&new), "2.4.0");
    stage.assert_rows_are_single();
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_formula_that_somebody_broke_is_not_broken_further() {
    let (stage, ids) = Stage::known(4).await;
    fill(&stage, "channel");
    stage.settle().await;
    stage.set_server(&ids[3], "channel", "web-prod");
    let new = launch(&stage);
    // All channels are blank at once, so the belt on rows holds, and no row is appended to make it worse.
    let broken = stage.once().await;
    assert_eq!((broken.code, &broken.json["discovered"]), (5, &0.into()), "{broken:?}");
    assert_eq!(stage.server_cell(&ids[0], "channel"), "Error(\"#REF!\")");
    stage.set_server(&ids[3], "channel", "");
    let whole = stage.settle().await;
    assert_eq!(whole.json["discovered"], 1, "{whole:?}");
    assert_eq!(stage.server_cell(&new, "channel"), "");
    assert_eq!(stage.server_cell(&ids[0], "channel"), "web-prod", "as it was");
    stage.set_server(&new, "source", "web-prod");
    stage.settle().await;
    stage.assert_rows_show_their_own("2.3.9");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_formula_fills_the_ids_no_row_is_appended_and_people_are_told() {
    let (stage, _) = Stage::known(3).await;
    fill(&stage, "serverId");
    stage.settle().await;
    let new = launch(&stage);
    for _ in 0..2 {
        let ran = stage.settle().await;
        let told = ran.problems_of("mismatch");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("a formula fills the column serverId"), "{told:?}");
        assert_eq!((&ran.json["discovered"], &ran.json["failed"]), (&0.into(), &0.into()));
    }
    assert_eq!(stage.version(&new), "2.3.9", "it follows its channel tag");
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    assert_eq!(stage.version(&new), "2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_server_whose_row_went_comes_back_held_or_not_at_all() {
    let (stage, ids) = Stage::known(4).await;
    stage.set_server(&ids[1], "hold", true);
    stage.settle().await;
    fill(&stage, "hold");
    stage.settle().await;
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        let row = tab.find("serverId", &ids[1]).unwrap();
        for cell in &mut tab.rows[row].cells {
            cell.value = CellValue::Empty;
        }
    });
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.settle().await;
    assert!(ran.problems_of("mismatch")[0].contains("the column hold"), "{ran:?}");
    assert_eq!(
        (stage.version(&ids[1]).as_str(), stage.version(&ids[0]).as_str()),
        ("2.3.9", "2.4.0")
    );
}

/// Copies a formula in each of these columns down over the rows below the last one, as many as `tall`, each of which shows this.
fn copy_down(stage: &Stage, headers: &[&str], tall: usize, shown: &CellValue) {
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        let (height, first) = (tab.rows.len(), tab.data_rows());
        tab.insert_rows(height, tall);
        let columns: Vec<usize> = headers.iter().map(|header| tab.column(header).unwrap()).collect();
        for column in columns {
            for row in first..first + tall {
                let formula = format!("=IF(M{0}=\"\",\"\",M{0})", row + 1);
                tab.rows[row].cells[column].value = CellValue::formula(formula, shown.clone());
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn formulas_that_show_nothing_below_the_last_row_make_no_rows() {
    let nothing = || CellValue::Text(String::new());
    for (headers, shown) in [
        (&["channel"][..], nothing()),
        (&["serverId"], nothing()),
        (&["serverId", "channel", "hold", "tag:Owner", "notes"], CellValue::Empty),
        (&["hold"], CellValue::Bool(false)),
        (&["tag:Owner"], CellValue::Text("  ".to_owned())),
        (&["notes"], CellValue::from("see the wiki")),
    ] {
        let (stage, ids) = Stage::known(3).await;
        copy_down(&stage, headers, 4, &shown);
        let checked = stage.run(&["check", "--format", "json"]).await;
        assert!(!checked.stdout.contains("is blank"), "{headers:?}: {checked:?}");
        assert_eq!(stage.settle().await.problems(), [""; 0], "{headers:?}");
        stage.turn_keys("web-prod", "2.4.0");
        let ran = stage.settle().await;
        assert_eq!(ran.json["changed"], ids.len(), "{headers:?}: {ran:?}");
        // Google appends below what formulas hold, and rows are found wherever they are.
        let new = launch(&stage);
        let ran = stage.settle().await;
        assert_eq!(
            (&ran.json["discovered"], ran.problems()),
            (&1.into(), Vec::new()),
            "{headers:?}"
        );
        assert_eq!(stage.server_cell(&new, "status"), "in sync", "{headers:?}");
        for id in ids.iter().chain([&new]) {
            let shown = stage.server_cell(id, "releaseVersion");
            assert_eq!(
                (stage.version(id), shown),
                ("2.4.0".into(), "2.4.0".into()),
                "{headers:?}"
            );
        }
        stage.assert_rows_are_single();
        stage.assert_silent().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_formula_that_shows_something_without_an_id_is_told() {
    for shown in [CellValue::from("web-prod"), CellValue::Error("#N/A".to_owned())] {
        let (stage, _) = Stage::known(3).await;
        copy_down(&stage, &["channel"], 2, &shown);
        let ran = stage.once().await;
        let told = ran.problems_of("bad_cell");
        assert!(
            told.len() == 2 && told[0].contains("ServerTagAssignment!A5 is blank"),
            "{shown:?}: {told:?}"
        );
    }
}
