//! Rows that hold something else than an instance id, channels whose name is misspelt, and servers by the names that people call
//! them.

use fleetsheet_mocks::cloud::Fleet;
use fleetsheet_mocks::sheets::CellValue;

use crate::stage::{ACCOUNT, REGION, RELEASE, SERVERS, Stage, fleet};

/// Servers with a name each, of the channel web-prod, all on 2.3.9.
fn named(count: usize) -> (Fleet, Vec<String>) {
    let (mut fleet, ids) = fleet(count, "web-prod", "2.3.9");
    for (n, id) in ids.iter().enumerate() {
        assert!(fleet.set_tag(id, "Name", &format!("web-prod-euw1-{n:04}")));
    }
    (fleet, ids)
}

async fn stage(count: usize) -> (Stage, Vec<String>) {
    let (fleet, ids) = named(count);
    let servers: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    let stage = Stage::new(&[("web-prod", "2.3.9", "2.3.9", true)], &servers, fleet).await;
    stage.settle().await;
    (stage, ids)
}

fn add(stage: &Stage, id: &str, channel: &str) {
    stage.sheets.edit(|book| {
        book.tab_mut(SERVERS)
            .add_row(&[("serverId", id.into()), ("channel", channel.into())]);
    });
}

/// Makes a pass, which must write nothing.
async fn assert_quiet(stage: &Stage) {
    // What was read back is remembered with the next look.
    stage.settle().await;
    stage.sheets.desk().forget_writes();
    let store = stage.path("state/fleetsheet.db");
    let before = std::fs::read(&store).unwrap();
    assert_eq!(stage.once().await.code, 0);
    let writes = stage.sheets.desk().writes();
    assert!(writes.is_empty(), "a quiet pass writes nothing: {writes:?}");
    assert!(
        before == std::fs::read(&store).unwrap(),
        "a quiet pass wrote to its store"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_an_instance_id_is_told_and_is_no_server() {
    let (stage, ids) = stage(4).await;
    let stranger = "i-00000000000000abc";
    stage.cloud.edit(|fleet| {
        fleet.add(ACCOUNT, REGION, stranger, [("Name", "db-one")]);
    });
    for text in [
        "=== API ===",
        "web-prod-euw1-0003",
        "I-0ABCDEF0123456789",
        "db-one",
        "nobody",
    ] {
        add(&stage, text, "nowhere");
    }
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.problems_of("mismatch"), [""; 0], "{ran:?}");
    let told = ran.problems_of("bad_cell");
    let which = "is not an instance id (i- and 8 or 17 hexadecimal digits)";
    let expected = [
        format!(
            "ServerTagAssignment!A6 holds \"=== API ===\", which {which}; no server that was seen has this name: type the instance id, or clear the row"
        ),
        format!(
            "ServerTagAssignment!A7 holds \"web-prod-euw1-0003\", which {which}; it is the name of {}, which has row 5: delete this row",
            ids[3]
        ),
        format!(
            "ServerTagAssignment!A8 holds \"I-0ABCDEF0123456789\", which {which}; it is i-0abcdef0123456789 in capitals: write it in lower case"
        ),
        format!(
            "ServerTagAssignment!A9 holds \"db-one\", which {which}; it is the name of {stranger}: put that id there"
        ),
        format!(
            "ServerTagAssignment!A10 holds \"nobody\", which {which}; no server that was seen has this name: type the instance id, or clear the row"
        ),
    ];
    for message in &expected {
        assert!(told.contains(message), "{message}\n{told:#?}");
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    assert_eq!(
        (&ran.json["servers"], &ran.json["missing"]),
        (&4.into(), &0.into()),
        "{ran:?}"
    );
    for (text, message) in [("=== API ===", &expected[0]), ("db-one", &expected[3])] {
        let said = message.split_once(" holds ").unwrap().1;
        assert_eq!(stage.server_cell(text, "status"), format!("error: {said}"));
    }
    let checked = stage.run(&["check"]).await.stdout;
    assert!(checked.contains("holds \"=== API ===\""), "{checked}");
    assert_quiet(&stage).await;

    // The cell is put right: a server, and nobody's edit.
    stage.set_server("db-one", "channel", "web-prod");
    stage.set_server("db-one", "serverId", stranger);
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.problems_of("unauthorised_edit"), [""; 0], "{ran:?}");
    assert_eq!(
        (stage.server_cell(stranger, "status"), stage.version(stranger)),
        ("in sync".into(), "2.3.9".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_typed_over_is_a_lost_row() {
    let (stage, ids) = stage(10).await;
    for (n, id) in ids[..3].iter().enumerate() {
        stage.set_server(id, "serverId", format!("web-prod-euw1-{n:04}"));
    }
    let ran = stage.once().await;
    assert_eq!(ran.code, 5, "{ran:?}");
    let belt = ran.problems_of("belt");
    assert!(belt.len() == 1 && belt[0].starts_with("belt row_drop"), "{belt:?}");
    assert_eq!(ran.problems_of("bad_cell").len(), 3, "{ran:?}");
    for (n, id) in ids[..3].iter().enumerate() {
        let text = format!("web-prod-euw1-{n:04}");
        let status = stage.server_cell(&text, "status");
        assert!(
            status.starts_with("error: ") && status.contains(&format!("it is the name of {id}: put that id there")),
            "{status}"
        );
        stage.set_server(&text, "serverId", id.as_str());
    }
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.problems()), (0, vec![]), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_channel_is_told_once_with_its_servers_and_the_name_that_may_be_meant() {
    let (stage, ids) = stage(12).await;
    stage.sheets.edit(|book| {
        book.tab_mut(RELEASE)
            .add_row(&[("channel", "Web Staging".into()), ("enabled", false.into())]);
    });
    for id in &ids[..7] {
        stage.set_server(id, "channel", "web-staging");
    }
    stage.set_server(&ids[7], "channel", "WebProd");
    stage.set_server(&ids[8], "channel", "mail");
    let ran = stage.run(&["--once", "--allow", "row_drop", "--format", "json"]).await;
    let told = ran.problems_of("mismatch");
    let unknown: Vec<&String> = told
        .iter()
        .filter(|message| message.contains("which has no row in"))
        .collect();
    let called = |n: usize| format!("{} (web-prod-euw1-{n:04})", ids[n]);
    let says = |servers: &str, meant: &str, which: &str| {
        format!("{servers}, which has no row in ReleaseSheet{meant}: {which}; correct the name, or add the channel")
    };
    let (one, seven) = ("1 server has the channel", "7 servers have the channel web-staging");
    let few: Vec<String> = (0..5).map(called).collect();
    let expected = [
        says(&format!("{one} WebProd"), " (did you mean web-prod?)", &called(7)),
        says(&format!("{one} mail"), "", &called(8)),
        says(
            seven,
            " (did you mean Web Staging?)",
            &format!("{} and 2 more", few.join(", ")),
        ),
    ];
    assert_eq!(unknown, expected.iter().collect::<Vec<_>>());
    for (id, status) in [
        (&ids[0], "unknown channel"),
        (&ids[7], "unknown channel"),
        (&ids[8], "unknown channel"),
    ] {
        assert_eq!(stage.server_cell(id, "status"), status);
    }
    let said = stage.run(&["explain", &ids[7]]).await.stdout;
    assert!(said.contains("did you mean web-prod?"), "{said}");
    let said = stage.run(&["explain", "web-staging"]).await.stdout;
    assert!(said.contains("7 servers have the channel web-staging"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_in_capitals_beside_a_row_of_its_server_is_to_go() {
    let (stage, ids) = stage(8).await;
    stage.settle().await;
    let capital = ids[2].to_uppercase();
    stage.set_server(&ids[2], "serverId", capital.as_str());
    for says in [
        "which gets a row of its own: delete this row",
        "which has row 10: delete this row",
    ] {
        let ran = stage.settle().await;
        let told = ran.problems_of("bad_cell");
        let expected = format!("it is {}, {says}", ids[2]);
        assert!(told.len() == 1 && told[0].ends_with(&expected), "{told:?}");
    }
    let explained = stage.run(&["explain", &capital]).await;
    assert!(
        explained.code == 0 && explained.stdout.contains(&ids[2]),
        "{explained:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_takes_names_and_says_what_may_be_meant() {
    let (stage, ids) = stage(4).await;
    stage
        .cloud
        .edit(|fleet| assert!(fleet.set_tag(&ids[2], "Owner", "team web")));
    let said = stage.run(&["explain", "web-prod-euw1-0002"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("Owner=team web"), "{said:?}");
    assert_eq!(said.stdout, stage.run(&["explain", &ids[2]]).await.stdout);
    for (name, meant) in [
        ("Web-Prod", "did you mean web-prod?"),
        ("web-prod-euw1-002", "did you mean web-prod-euw1-0002?"),
        ("I-00000000000000001", "did you mean i-00000000000000001?"),
    ] {
        let ran = stage.run(&["explain", name]).await;
        assert!(ran.code == 2 && ran.stderr.contains(meant), "{name}: {ran:?}");
    }
    for command in [
        &["plan", "Web-Prod"][..],
        &["history", "Web-Prod"],
        &["rollback", "Web-Prod", "--reason", "x", "--yes"],
    ] {
        let ran = stage.run(command).await;
        assert!(
            ran.code != 0 && ran.stderr.contains("did you mean web-prod?"),
            "{command:?}: {ran:?}"
        );
    }
    let ran = stage.run(&["explain", "postgres"]).await;
    assert!(ran.code == 2 && !ran.stderr.contains("did you mean"), "{ran:?}");
    stage.cloud.edit(|fleet| {
        for id in &ids[..2] {
            assert!(fleet.set_tag(id, "Name", "twin"));
        }
    });
    let said = stage.run(&["explain", "twin"]).await.stdout;
    assert!(
        said.contains("2 servers are called twin") && said.contains(&ids[0]) && said.contains(&ids[1]),
        "{said}"
    );
    // A server that is gone is still found by the name that the sheet shows.
    stage.cloud.edit(|fleet| assert!(fleet.vanish(&ids[3])));
    let said = stage.run(&["explain", "web-prod-euw1-0003"]).await.stdout;
    assert!(said.contains(&ids[3]), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_rows_with_gaps_between_them_are_served() {
    let (fleet, ids) = fleet(600, "web-prod", "2.3.9");
    let servers: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    let stage = Stage::new(&[("web-prod", "2.3.9", "2.3.9", true)], &servers, fleet).await;
    stage.sheets.edit(|book| {
        // A gap after each seventh row, of one to four rows, some of them with boxes that were only formatted.
        for (nth, at) in (1..=600).step_by(7).enumerate().collect::<Vec<_>>().into_iter().rev() {
            book.tab_mut(SERVERS).insert_rows(at, 1 + nth % 4);
            if nth % 3 == 0 {
                book.set(SERVERS, (at + 1, "hold"), CellValue::from(false));
                book.set(SERVERS, (at + 1, "notes"), CellValue::from("  "));
            }
        }
        book.tab_mut(RELEASE).insert_rows(1, 3);
    });
    stage.settle().await;
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.problems()), (0, vec![]), "{ran:?}");
    assert_eq!(
        (&ran.json["servers"], &ran.json["changed"]),
        (&600.into(), &600.into()),
        "{ran:?}"
    );
    for id in &ids {
        assert_eq!(
            (stage.version(id), stage.server_cell(id, "releaseVersion")),
            ("2.4.0".into(), "2.4.0".into())
        );
        assert_eq!(stage.server_cell(id, "status"), "in sync");
    }
    assert_quiet(&stage).await;
    let book = stage.sheets.book();
    let tab = book.tab(SERVERS).unwrap();
    let (id, status) = (tab.column("serverId").unwrap(), tab.column("status").unwrap());
    let stray = (1..tab.rows.len()).filter(|row| tab.value(*row, id).is_empty() && !tab.value(*row, status).is_empty());
    assert_eq!(stray.count(), 0, "nothing is written into a gap");
}

/// As bash does when somebody presses the tab key.
#[tokio::test(flavor = "multi_thread")]
async fn a_shell_completes_channels_and_no_name_of_one_is_run() {
    let (fleet, ids) = crate::stage::fleet(1, "web-prod", "2.3.9");
    let servers = [(ids[0].clone(), "web-prod")];
    let bad = "x$(touch pwned)";
    let channels = ["web-prod", "web-staging", "api-prod", bad].map(|name| (name, "", "", true));
    let stage = Stage::new(&channels, &servers, fleet).await;
    stage.settle().await;
    let named = stage.run(&["names"]).await;
    assert_eq!(named.stdout, "api-prod\nweb-prod\nweb-staging\n");
    let script = stage.run(&["completions", "bash"]).await.stdout;
    let program = env!("CARGO_BIN_EXE_fleetsheet");
    let config = stage.path("fleetsheet.toml");
    let shell = format!(
        "fleetsheet() {{ FLEETSHEET_CONFIG={} {program} \"$@\"; }}\n{script}\n\
         COMP_WORDS=(fleetsheet plan \"$1\"); COMP_CWORD=2; _fleetsheet_channels fleetsheet \"$1\" plan 2>/dev/null; echo \"${{COMPREPLY[*]}}\"",
        config.display()
    );
    for (typed, expected) in [("web", "web-prod web-staging"), ("x", "")] {
        let ran = tokio::process::Command::new("bash")
            .args(["-c", &shell, "bash", typed])
            .current_dir(stage.dir.path())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        assert_eq!(said.trim(), expected, "{typed}: {ran:?}");
    }
    assert!(!stage.path("pwned").exists());
}
