//! Passes that nothing disturbs: promotions, how many requests they make, and the commands that only look.

use crate::stage::{ACCOUNT, Ran, Stage};

/// Reads of and writes to the spreadsheet that a pass made.
fn requests(ran: &Ran) -> (u64, u64) {
    let reads = [
        "sheets.get",
        "sheets.values.batchGet",
        "sheets.values.batchGetByDataFilter",
    ];
    let writes = [
        "sheets.batchUpdate",
        "sheets.values.batchUpdate",
        "sheets.values.batchUpdateByDataFilter",
    ];
    let sum = |methods: [&str; 3]| methods.iter().map(|method| ran.calls(method)).sum();
    let all: u64 = ran.json["calls"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(m, _)| m.starts_with("sheets."))
        .count() as u64;
    let known = reads
        .iter()
        .chain(&writes)
        .filter(|method| ran.calls(method) > 0)
        .count() as u64;
    assert_eq!(all, known, "a method that nobody counts: {:?}", ran.json["calls"]);
    (sum(reads), sum(writes))
}

fn assert_frugal(ran: &Ran) {
    let (reads, writes) = requests(ran);
    assert!(
        reads <= 4 && writes <= 2,
        "{reads} reads and {writes} writes: {:?}",
        ran.json["calls"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_of_1500_servers_is_three_calls_and_a_second_pass_is_silent() {
    let (stage, ids) = Stage::known(1500).await;
    stage.set("web-prod", "desiredVersionA", "2.4.0");
    let waiting = stage.settle().await;
    assert_eq!(waiting.status("web-prod"), "waiting for key B: A=2.4.0, B=2.3.9");
    assert_eq!(waiting.calls("ec2.CreateTags"), 0);

    stage.set("web-prod", "desiredVersionB", "2.4.0");
    let promoted = stage.once().await;
    assert_eq!(promoted.code, 0, "{promoted:?}");
    assert_eq!(promoted.json["changed"], 1500);
    assert_eq!(promoted.calls("ec2.CreateTags"), 3, "{:?}", promoted.json["calls"]);
    assert_frugal(&promoted);
    assert_eq!(stage.version(&ids[700]), "2.4.0");
    assert_eq!(stage.release_cell("web-prod", "releaseVersion"), "2.4.0");
    assert_eq!(stage.release_cell("web-prod", "previousVersion"), "2.3.9");
    stage.assert_rows_show_their_own("2.4.0");
    stage.assert_only_service_cells_were_written();

    let silent = stage.assert_silent().await;
    assert_eq!(silent.calls("ec2.CreateTags"), 0);
    assert_eq!(requests(&silent), (1, 0), "nothing to say, so one look");
}

/// SQLite counts each transaction that writes in the head of its file.
#[tokio::test(flavor = "multi_thread")]
async fn a_pass_with_nothing_to_remember_makes_no_transaction() {
    let (stage, _) = Stage::known(12).await;
    stage.settle().await;
    let store = stage.dir.path().join("state/fleetsheet.db");
    let before = std::fs::read(&store).unwrap();
    let quiet = stage.once().await;
    assert_eq!((quiet.code, requests(&quiet)), (0, (1, 0)), "{quiet:?}");
    assert!(
        before == std::fs::read(&store).unwrap(),
        "a quiet pass wrote to its store"
    );

    stage.set("web-prod", "desiredVersionA", "2.4.0");
    assert_eq!(stage.once().await.code, 0);
    assert!(
        before != std::fs::read(&store).unwrap(),
        "a waiting key is remembered nowhere"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_pass_adopts_what_the_servers_carry_and_asks_once_more_to_leave_its_marks() {
    for audit in [false, true] {
        let (stage, ids) = Stage::web(12).await;
        if audit {
            stage.with_audit_tab();
        }
        let first = stage.once().await;
        assert_eq!(
            (first.code, first.release("web-prod"), first.status("web-prod")),
            (0, "2.3.9", "in sync")
        );
        assert_eq!(first.json["servers"], 12);
        assert_eq!(first.json["changed"], 0);
        let (reads, writes) = requests(&first);
        // One read more than later passes, too: whether another store left its mark in the same moment.
        assert!(reads <= 5 && writes <= 3, "{:?}", first.json["calls"]);
        stage.assert_rows_show_their_own("2.3.9");
        assert_eq!(stage.server_cell(&ids[3], "account"), "main");
        assert_eq!(stage.server_cell(&ids[3], "region"), "eu-west-1");
        assert_eq!(stage.server_cell(&ids[3], "state"), "running");
        stage.assert_only_service_cells_were_written();
        stage.assert_silent().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pass_keeps_within_its_requests() {
    for audit in [false, true] {
        let (stage, _) = Stage::web(8).await;
        if audit {
            stage.with_audit_tab();
        }
        stage.settle().await;
        stage.turn_keys("web-prod", "2.4.0");
        let promoted = stage.settle().await;
        assert_eq!(promoted.json["changed"], 8);
        assert_frugal(&promoted);

        let new = stage
            .cloud
            .edit(|fleet| fleet.launch(ACCOUNT, "eu-west-1", [("ReleaseChannel", "web-prod")]));
        let discovered = stage.settle().await;
        assert_eq!(discovered.json["discovered"], 1);
        assert_eq!(stage.version(&new), "2.4.0");
        assert_frugal(&discovered);

        stage.turn_keys("web-prod", "2.5.0");
        let new = stage
            .cloud
            .edit(|fleet| fleet.launch(ACCOUNT, "eu-west-1", [("ReleaseChannel", "web-prod")]));
        let both = stage.settle().await;
        assert_eq!(
            (both.json["discovered"].as_u64(), both.json["changed"].as_u64()),
            (Some(1), Some(10))
        );
        assert_eq!(stage.version(&new), "2.5.0");
        assert_frugal(&both);

        stage.set("web-prod", "rollback", true);
        let back = stage.settle().await;
        assert_eq!(back.json["changed"], 10);
        assert_frugal(&back);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_tab_tells_each_move_once() {
    let (stage, _) = Stage::web(4).await;
    stage.with_audit_tab();
    stage.settle().await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    stage.set("web-prod", "rollback", true);
    stage.settle().await;
    stage.settle().await;
    stage.assert_silent().await;
    let lines = stage.audit_lines();
    let of = |event: &str| {
        lines
            .iter()
            .filter(|line| line[0] == event)
            .cloned()
            .collect::<Vec<_>>()
    };
    let line = |event: &str, from: &str, to: &str| [event, "web-prod", from, to].map(str::to_owned);
    assert_eq!(of("promotion"), [line("promotion", "2.3.9", "2.4.0")]);
    assert_eq!(of("rollback"), [line("rollback", "2.4.0", "2.3.9")]);
    stage.assert_only_service_cells_were_written();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_tab_that_comes_later_is_used_and_one_that_goes_is_not_missed() {
    let (stage, _) = Stage::known(4).await;
    stage.with_audit_tab();
    stage.turn_keys("web-prod", "2.4.0");
    assert_eq!(stage.once().await.code, 0);
    // Whether there is a tab is looked for now and then only; what happened meanwhile is written once it is seen.
    stage.forget_the_look_for_an_audit_tab().await;
    assert_eq!(stage.once().await.code, 0);
    let promotions = |lines: &[[String; 4]]| lines.iter().filter(|line| line[0] == "promotion").count();
    assert_eq!(promotions(&stage.audit_lines()), 1);
    stage.sheets.edit(|book| book.delete_tab("AuditLog"));
    stage.turn_keys("web-prod", "2.5.0");
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.release("web-prod")), (0, "2.5.0"), "{ran:?}");
    stage.assert_rows_show_their_own("2.5.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_shows_all_changes_and_writes_nothing_anywhere() {
    let (stage, ids) = Stage::known(6).await;
    stage.turn_keys("web-prod", "2.4.0");
    stage
        .cloud
        .edit(|fleet| fleet.launch(ACCOUNT, "eu-west-1", [("ReleaseChannel", "web-prod")]));
    let book = stage.sheets.book();
    let tags = stage.cloud.audit();
    let state = stage.state_files();
    for (arguments, code) in [(&["plan"][..], 0), (&["plan", "--exit-code"], 3)] {
        let arguments = [arguments, &["--format", "json"]].concat();
        let shown = stage.run(&arguments).await;
        assert_eq!(shown.code, code, "{shown:?}");
        let changes = shown.json["changes"].as_array().unwrap();
        let of = |id: &str| changes.iter().find(|c| c["server"] == id).unwrap().clone();
        let one = of(&ids[2]);
        assert_eq!(
            (&one["before"], &one["after"], &one["reason"]),
            (&"2.3.9".into(), &"2.4.0".into(), &"release".into())
        );
        assert_eq!(changes.len(), 7, "{changes:?}");
        assert_eq!(shown.json["discovered"], 1);
        assert_eq!(shown.release("web-prod"), "2.4.0");
    }
    for arguments in [
        &["explain", "web-prod"][..],
        &["explain", &ids[1]],
        &["history"],
        &["plan", "--format", "text"],
    ] {
        let shown = stage.run(arguments).await;
        assert_eq!(shown.code, 0, "{shown:?}");
        assert!(!shown.stdout.is_empty());
    }
    assert!(stage.sheets.writes().is_empty());
    assert_eq!(stage.sheets.book(), book);
    assert_eq!(stage.cloud.audit(), tags);
    assert_eq!(stage.state_files(), state);
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_before_the_first_pass_writes_nothing_either() {
    let (stage, _) = Stage::web(3).await;
    let book = stage.sheets.book();
    let shown = stage.run(&["plan", "--exit-code", "--format", "json"]).await;
    assert_eq!((shown.code, shown.release("web-prod")), (0, "2.3.9"), "{shown:?}");
    assert_eq!(stage.sheets.book(), book);
    assert_eq!(stage.state_files(), []);
}
