//! Which servers get a row, and what the row holds.

use fleetsheet_mocks::cloud::State;
use fleetsheet_mocks::sheets::CellValue;

use super::{EAST, Untagged, filled, rows};
use crate::stage::{ACCOUNT, REGION, SERVERS, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn each_server_that_has_the_tags_gets_one_row_and_no_tag() {
    let fleet = Untagged::new().await;
    let (stage, prod) = (&fleet.stage, &fleet.prod);
    let tags = stage.world().tags;
    let ran = fleet
        .add(&["--filter", "Env=prod", "--filter", "Team=web", "--channel", "web-prod"])
        .await;
    assert_eq!((ran.code, &ran.json["outcome"]), (0, &"done".into()), "{ran:?}");
    assert_eq!(
        (&ran.json["added"], &ran.json["listed"]),
        (&2.into(), &0.into()),
        "{ran:?}"
    );
    assert_eq!(stage.listed(), rows(prod[..2].iter().map(|id| (id, "web-prod"))));
    let row = &ran.json["rows"][0];
    for (field, value) in [
        ("account", "main"),
        ("region", REGION),
        ("state", "running"),
        ("channel", "web-prod"),
    ] {
        assert_eq!(row[field], value, "{row}");
    }
    let mut names: Vec<&str> = ran.json["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["web-1", "web-2"]);
    // Again: they have a row now.
    let ran = fleet
        .add(&["--filter", "Team=web", "--filter", "Env=prod", "--channel", "web-prod"])
        .await;
    assert_eq!(
        (ran.code, &ran.json["added"], &ran.json["listed"]),
        (0, &0.into(), &2.into()),
        "{ran:?}"
    );
    // The others are added without a channel, whatever the order of values.
    let ran = fleet.add(&["--filter", "Env=staging,prod"]).await;
    assert_eq!(
        (ran.code, &ran.json["added"], &ran.json["listed"]),
        (0, &3.into(), &2.into()),
        "{ran:?}"
    );
    let blank = prod[2..].iter().chain([&fleet.staging]).map(|id| (id, ""));
    assert_eq!(
        stage.listed(),
        rows(prod[..2].iter().map(|id| (id, "web-prod")).chain(blank))
    );
    assert_eq!(stage.world().tags, tags, "it tags nothing");
    stage.assert_only_service_cells_were_written();
    // The next pass takes the rows as it takes those that people type.
    stage.turn_keys("web-prod", "2.4.0");
    let pass = stage.settle().await;
    assert_eq!(pass.problems_of("unauthorised_edit"), [""; 0]);
    assert_eq!(stage.server_cell(&prod[0], "name"), "web-1");
    assert_eq!(stage.server_cell(&fleet.staging, "status"), "unassigned");
    assert_eq!(stage.tag(&prod[1], "ReleaseChannel").as_deref(), Some("web-prod"));
    stage.assert_rows_are_single();
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_the_rows_and_writes_nothing() {
    let fleet = Untagged::new().await;
    let (book, files) = (fleet.stage.sheets.book(), fleet.stage.state_files());
    let ran = fleet
        .add(&["--filter", "Env=prod", "--channel", "web-prod", "--dry-run"])
        .await;
    assert_eq!((ran.code, &ran.json["outcome"]), (0, &"changes".into()), "{ran:?}");
    assert_eq!(
        (&ran.json["added"], ran.json["rows"].as_array().unwrap().len()),
        (&0.into(), 4)
    );
    let page = fleet.stage.run(&["add", "--filter", "Env=prod", "--dry-run"]).await;
    assert_eq!(page.code, 0, "{page:?}");
    let first = "add to \"Fleet\": 4 rows to add, 0 servers have a row already\n";
    assert!(page.stdout.starts_with(first), "{}", page.stdout);
    for words in [
        &format!("  main/{REGION} · without a channel: 2 servers\n"),
        &format!("  main/{EAST} · without a channel: 2 servers\n"),
        &format!("web-1 ({})", fleet.prod[0]),
    ] {
        assert!(page.stdout.contains(words.as_str()), "{words}: {}", page.stdout);
    }
    assert!(fleet.stage.sheets.book() == book);
    assert_eq!(fleet.stage.state_files(), files);
    let none = fleet.add(&["--filter", "tag:Env=prod", "--dry-run"]).await;
    assert_eq!((none.code, &none.json["outcome"]), (0, &"done".into()), "{none:?}");
    assert!(
        none.problems_of("mismatch")[0].contains("write Env=VALUE, without tag:"),
        "{none:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_live_state_counts_and_no_other() {
    let (stage, ids) = Stage::known(1).await;
    let states = [
        State::Pending,
        State::Running,
        State::Stopping,
        State::Stopped,
        State::ShuttingDown,
        State::Terminated,
    ];
    let servers = states.map(|state| {
        stage.cloud.edit(|fleet| {
            let id = fleet.launch(ACCOUNT, REGION, [("Env", "prod")]);
            fleet.set_state(&id, state);
            id
        })
    });
    let ran = stage.add(&["--filter", "Env=prod"]).await;
    assert_eq!((ran.code, &ran.json["added"]), (0, &4.into()), "{ran:?}");
    let live = servers[..4].iter().map(|id| (id, ""));
    assert_eq!(stage.listed(), rows(live.chain([(&ids[0], "web-prod")])));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_channel_is_the_one_that_is_given_or_the_servers_own_if_this_sheet_has_it() {
    let (stage, _) = Stage::known(1).await;
    let launch = |channel: &str| {
        let tags = [("Env", "prod"), ("ReleaseChannel", channel), ("ReleaseVersion", "7")];
        stage.cloud.edit(|fleet| fleet.launch(ACCOUNT, REGION, tags))
    };
    let (own, other) = (launch("web-prod"), launch("billing"));
    let ran = stage.add(&["--filter", "Env=prod"]).await;
    assert_eq!((ran.code, &ran.json["added"]), (0, &2.into()), "{ran:?}");
    assert_eq!(
        (
            stage.server_cell(&own, "channel").as_str(),
            stage.server_cell(&other, "channel").as_str()
        ),
        ("web-prod", "")
    );
    let moved = launch("billing");
    let ran = stage.add(&["--filter", "Env=prod", "--channel", "web-prod"]).await;
    assert_eq!(
        (ran.code, stage.server_cell(&moved, "channel").as_str()),
        (0, "web-prod"),
        "{ran:?}"
    );
    let told = ran.problems_of("mismatch");
    assert!(
        told[0].starts_with("1 of them carries the channel billing now; the next pass moves it to web-prod"),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_held_comes_back_held() {
    let (stage, ids) = Stage::known(6).await;
    stage.set_server(&ids[1], "hold", true);
    stage.settle().await;
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        let row = tab.find("serverId", &ids[1]).unwrap();
        tab.delete_rows(row..row + 1);
    });
    let filter = ["--filter", "Name=w*b"];
    let ran = stage.add(&filter).await;
    assert_eq!(
        (ran.code, &ran.json["added"], &ran.json["rows"][0]["hold"]),
        (0, &1.into(), &true.into()),
        "{ran:?}"
    );
    assert_eq!(stage.server_cell(&ids[1], "hold"), "Bool(true)");
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    assert_eq!(
        (stage.version(&ids[1]).as_str(), stage.version(&ids[0]).as_str()),
        ("2.3.9", "2.4.0")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_grow_and_formulas_are_not_broken() {
    let (stage, _) = Stage::known(4).await;
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        let (rows, columns) = (tab.data_rows(), tab.columns.len());
        tab.make_table("101", 0..rows, 0..columns);
        book.set(SERVERS, (8, "notes"), "ask the platform team");
    });
    let launch = || {
        stage
            .cloud
            .edit(|fleet| fleet.launch(ACCOUNT, REGION, [("Env", "prod"), ("Name", "new")]))
    };
    let new = launch();
    assert_eq!(
        stage.add(&["--filter", "Env=prod", "--channel", "web-prod"]).await.code,
        0
    );
    let grown = stage
        .sheets
        .edit(|book| book.tab_mut(SERVERS).tables[0].range.end_row_index);
    assert_eq!(
        (grown, stage.server_cell(&new, "channel").as_str()),
        (Some(6), "web-prod")
    );

    filled(&stage, "channel");
    let late = launch();
    let refused = stage.add(&["--filter", "Env=prod", "--channel", "web-prod"]).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.stderr.contains("a formula fills the column channel"),
        "{refused:?}"
    );
    let ran = stage.add(&["--filter", "Env=prod"]).await;
    assert_eq!((ran.code, &ran.json["added"]), (0, &1.into()), "{ran:?}");
    stage.set_server(&late, "source", "web-prod");
    assert_eq!(stage.server_cell(&late, "channel"), "web-prod", "the formula is whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_other_peoples_text() {
    let (stage, _) = Stage::known(1).await;
    let name = "=HYPERLINK(\"http://x\")\u{1b}[2J\u{202e}";
    let id = stage.cloud.edit(|fleet| {
        let tags = [("Name", name), ("Env", "prod"), ("ReleaseChannel", "=1+1\u{1b}[31m")];
        fleet.launch(ACCOUNT, REGION, tags)
    });
    let dry = stage
        .run(&["add", "--filter", "Env=prod", "--channel", "web-prod", "--dry-run"])
        .await;
    let json = stage.add(&["--filter", "Env=prod", "--channel", "web-prod"]).await;
    for ran in [&dry, &json] {
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(
            ran.stdout.contains(&id) && !ran.stdout.contains(['\u{1b}', '\u{202e}']),
            "{ran:?}"
        );
    }
    // XML has no escape character: the far end put another in its place.
    assert_eq!(json.json["rows"][0]["name"], name.replace('\u{1b}', "\u{fffd}"));
    let cells = stage.sheets.edit(|book| {
        let row = book.tab_mut(SERVERS).find("serverId", &id).unwrap();
        ["serverId", "channel", "name"].map(|header| book.get(SERVERS, (row + 1, header)))
    });
    assert_eq!(
        cells,
        [
            CellValue::from(id.as_str()),
            CellValue::from("web-prod"),
            CellValue::Empty
        ]
    );
}
