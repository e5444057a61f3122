//! `discovery.rows`: servers that come and go by themselves, in the channel that their tag names, without a row.

use fleetsheet_mocks::cloud::State;
use fleetsheet_mocks::sheets::CellValue;

use crate::stage::{ACCOUNT, REGION, SERVERS, Stage};

const GROUP: (&str, &str) = ("aws:autoscaling:groupName", "web");

fn launch(stage: &Stage, more: &[(&'static str, &'static str)]) -> String {
    let ours = [("Name", "new"), ("ReleaseChannel", "web-prod")];
    let tags: Vec<_> = ours.iter().chain(more).copied().collect();
    stage.cloud.edit(|fleet| fleet.launch(ACCOUNT, REGION, tags))
}

fn rows(stage: &Stage) -> usize {
    stage.sheets.edit(|book| book.tab_mut(SERVERS).data_rows()) - 1
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_and_goes_by_itself_is_served_without_a_row_and_counted() {
    let (mut stage, ids) = Stage::known(4).await;
    stage.setting("FLEETSHEET_DISCOVERY__ROWS", "persistent");
    let scaled = launch(&stage, &[GROUP]);
    let fleet = launch(&stage, &[("aws:ec2:fleet-id", "fleet-1")]);
    let request = launch(&stage, &[("aws:ec2spot:fleet-request-id", "sfr-1")]);
    let spot = launch(&stage, &[]);
    stage.cloud.edit(|fleet| fleet.set_spot(&spot, true));
    let lasting = launch(&stage, &[("aws:cloudformation:stack-name", "web")]);
    let rowless = [&scaled, &fleet, &request, &spot];

    let ran = stage.settle().await;
    assert_eq!(
        (ran.json["servers"].as_u64(), ran.json["discovered"].as_u64()),
        (Some(9), Some(1)),
        "{ran:?}"
    );
    assert_eq!(rows(&stage), 5);
    assert_eq!(stage.server_cell(&lasting, "status"), "in sync");
    assert_eq!(stage.release_cell("web-prod", "status"), "in sync · 4 without a row");
    assert_eq!(ran.json["channels"][0]["servers"], 9);
    assert!(rowless.iter().all(|id| stage.version(id) == "2.3.9"));
    stage.assert_silent().await;

    stage.turn_keys("web-prod", "2.4.0");
    assert_eq!(stage.settle().await.json["changed"], 9);
    assert!(rowless.iter().all(|id| stage.version(id) == "2.4.0"));
    // One ends, another comes: no row, no alert, no belt.
    stage.cloud.edit(|fleet| fleet.set_state(&scaled, State::Terminated));
    let another = launch(&stage, &[GROUP]);
    let ran = stage.settle().await;
    assert_eq!(ran.problems(), [""; 0]);
    assert_eq!(stage.version(&another), "2.4.0");
    stage.cloud.edit(|fleet| fleet.vanish(&scaled));
    stage.assert_silent().await;
    stage.set("web-prod", "rollback", true);
    assert_eq!(stage.settle().await.json["changed"], 9);
    let said = stage.run(&["explain", &another]).await.stdout;
    assert!(said.contains("it follows its channel tag"), "{said}");
    assert_eq!(stage.version(&ids[0]), "2.3.9");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_rows_a_channel_is_its_tag() {
    let (mut stage, _) = Stage::known(1).await;
    stage.setting("FLEETSHEET_DISCOVERY__ROWS", "none");
    let new: Vec<String> = (0..6).map(|_| launch(&stage, &[])).collect();
    let ran = stage.settle().await;
    assert_eq!((rows(&stage), ran.json["discovered"].as_u64()), (1, Some(0)), "{ran:?}");
    assert_eq!(stage.release_cell("web-prod", "status"), "in sync · 6 without a row");
    assert!(new.iter().all(|id| stage.version(id) == "2.3.9"));
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_server_always_gets_a_row_so_that_somebody_can_let_it_go() {
    let (mut stage, ids) = Stage::known(6).await;
    stage.setting("FLEETSHEET_DISCOVERY__ROWS", "none");
    stage.set_server(&ids[1], "hold", true);
    stage.settle().await;
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        let row = tab.find("serverId", &ids[1]).unwrap();
        tab.delete_rows(row..row + 1);
    });
    let ran = stage.settle().await;
    assert_eq!(ran.json["discovered"], 1, "{ran:?}");
    let hold = stage.sheets.edit(|book| {
        let row = book.tab_mut(SERVERS).find("serverId", &ids[1]).unwrap();
        book.get(SERVERS, (row + 1, "hold"))
    });
    assert_eq!(hold, CellValue::Bool(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_from_before_go_when_somebody_deletes_them_and_allows_it_once() {
    let (mut stage, ids) = Stage::known(6).await;
    stage
        .cloud
        .edit(|fleet| ids[..4].iter().for_each(|id| assert!(fleet.set_spot(id, true))));
    stage.setting("FLEETSHEET_DISCOVERY__ROWS", "persistent");
    stage.settle().await;
    assert_eq!(rows(&stage), 6, "a row that is there counts");
    stage.sheets.edit(|book| book.tab_mut(SERVERS).delete_rows(1..5));
    let held = stage.once().await;
    assert_eq!(held.code, 5, "{held:?}");
    let allowed = stage.run(&["--once", "--allow", "row_drop", "--format", "json"]).await;
    assert_eq!((allowed.code, rows(&stage)), (0, 2), "{allowed:?}");
    assert_eq!(stage.release_cell("web-prod", "status"), "in sync · 4 without a row");
    stage.assert_silent().await;
}

/// What a year of 100 new servers a day leaves in the sheet when nobody deletes a row, and what a pass over it costs.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "reads and writes 38,000 rows, for a minute"]
async fn a_year_of_a_hundred_servers_a_day_is_a_sheet_that_still_works() {
    const ENDED: usize = 36_500;
    let (fleet, ids) = crate::stage::fleet(ENDED + 1_500, "web-prod", "2.3.9");
    let servers: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    let mut stage = Stage::new(&[("web-prod", "2.3.9", "2.3.9", true)], &servers, fleet).await;
    stage.setting("FLEETSHEET_SCHEDULE__PASS_TIMEOUT", "1h");
    stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "2m");
    stage.cloud.edit(|fleet| {
        ids[..ENDED]
            .iter()
            .for_each(|id| assert!(fleet.set_state(id, State::Terminated)))
    });
    stage.settle().await;
    stage
        .cloud
        .edit(|fleet| ids[..ENDED].iter().for_each(|id| assert!(fleet.vanish(id))));
    stage.settle().await;
    stage.turn_keys("web-prod", "2.4.0");
    for (what, changed) in [
        ("a promotion of the 1,500 that live", 1_500),
        ("a pass with nothing to do", 0),
    ] {
        let began = std::time::Instant::now();
        let ran = stage.settle().await;
        assert_eq!(
            (ran.json["changed"].as_u64(), ran.problems().len()),
            (Some(changed), 0),
            "{what}"
        );
        let (width, height) = stage.sheets.edit(|book| {
            let tab = book.tab_mut(SERVERS);
            (tab.columns.len(), tab.rows.len())
        });
        eprintln!(
            "{what}: {:.1} s over {height} rows, {} cells of 10,000,000",
            began.elapsed().as_secs_f64(),
            width * height
        );
    }
}
