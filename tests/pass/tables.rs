//! Tabs that people made into tables: rows that are appended belong to the table, whatever stands below and beside it.

use fleetsheet_mocks::sheets::CellValue;

use crate::stage::{ACCOUNT, REGION, SERVERS, Stage};

/// Rows and columns of the only table, and all that stands in the tab's first column.
fn world(stage: &Stage) -> ((Option<usize>, Option<usize>), Vec<String>) {
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        let range = &tab.tables[0].range;
        let first = (0..tab.data_rows()).map(|row| match tab.value(row, 0) {
            CellValue::Text(text) => text.clone(),
            _ => String::new(),
        });
        ((range.start_row_index, range.end_row_index), first.collect())
    })
}

fn launch(stage: &Stage) -> String {
    let tags = [("Name", "new"), ("ReleaseChannel", "web-prod")];
    stage.cloud.edit(|fleet| fleet.launch(ACCOUNT, REGION, tags))
}

/// Makes a table of these columns over all rows that hold something.
fn make_table(stage: &Stage, columns: std::ops::Range<usize>) {
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        let rows = tab.data_rows();
        tab.make_table("101", 0..rows, columns);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appended_row_belongs_to_the_table_and_what_stands_below_it_stays_below() {
    let (stage, _) = Stage::known(4).await;
    let width = stage.sheets.edit(|book| book.tab_mut(SERVERS).columns.len());
    make_table(&stage, 0..width);
    stage
        .sheets
        .edit(|book| book.set(SERVERS, (8, "notes"), "ask the platform team"));
    let new = [launch(&stage), launch(&stage)];
    let ran = stage.settle().await;
    assert_eq!(ran.json["discovered"], 2, "{ran:?}");
    let (rows, first) = world(&stage);
    assert_eq!(rows, (Some(0), Some(7)), "the table grew");
    assert_eq!(
        first[5..7].iter().collect::<std::collections::BTreeSet<_>>(),
        new.iter().collect()
    );
    let note = stage.sheets.edit(|book| book.get(SERVERS, (10, "notes")));
    assert_eq!(note, CellValue::Text("ask the platform team".to_owned()));
    stage.assert_rows_show_their_own("2.3.9");
    stage.assert_rows_are_single();
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_the_list_of_servers_gets_no_rows() {
    let (stage, _) = Stage::known(4).await;
    // It begins right of the ids, so a row through it would have none.
    make_table(&stage, 1..3);
    let new = launch(&stage);
    stage.settle().await;
    let (rows, first) = world(&stage);
    assert_eq!((rows, &first[5]), ((Some(0), Some(5)), &new));
    stage.assert_rows_show_their_own("2.3.9");
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_begins_further_right_and_leaves_service_columns_out_gets_its_own_cells() {
    let (stage, _) = Stage::known(3).await;
    let end = stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        tab.insert_columns(0, 1);
        tab.column("notes").unwrap().max(tab.column("hold").unwrap()) + 1
    });
    stage.settle().await;
    make_table(&stage, 1..end);
    let new = launch(&stage);
    stage.settle().await;
    let (rows, first) = world(&stage);
    assert_eq!((rows, first.len()), ((Some(0), Some(5)), 5));
    assert_eq!(stage.server_cell(&new, "channel"), "web-prod");
    stage.assert_rows_show_their_own("2.3.9");
    stage.assert_silent().await;
}
