//! Lost replies, faults, half-done runs and missing rights.

use std::sync::Arc;

use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::sheets::{SERVICE_ACCOUNT, Spreadsheet};

use super::{headers, steps};
use crate::crew;
use crate::matrix::trials;
use crate::stage::{RELEASE, SERVERS, Stage};

/// The spreadsheet without ids, which differ from run to run.
fn shape(book: &Spreadsheet) -> Vec<(String, Vec<String>, usize, usize, usize)> {
    let tabs = book.tabs.iter();
    tabs.map(|tab| {
        (
            tab.title.clone(),
            headers(book, &tab.title),
            tab.protected.len(),
            tab.conditional.len(),
            tab.data_rows(),
        )
    })
    .collect()
}

/// Every fault at every call that it makes: it ends, says so if it did not finish, and the next run leaves what one that met no
/// fault makes.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_the_next_run_finishes() {
    let undisturbed = empty().await;
    let ran = undisturbed.init(&["--channel", "web-prod"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let wanted = Arc::new(shape(&undisturbed.sheets.book()));
    let calls = undisturbed.sheets.script().calls();
    let count = crew::all(
        trials(&calls),
        6,
        async || (),
        move |_, trial| {
            let wanted = Arc::clone(&wanted);
            async move {
                let stage = empty().await;
                trial.strike(stage.sheets.script());
                let ran = stage.init(&["--channel", "web-prod"]).await;
                stage.sheets.script().clear();
                assert!([0, 1].contains(&ran.code), "{ran:?}");
                let (outcome, told) = (ran.json["outcome"].as_str(), !ran.problems_of("api_failure").is_empty());
                assert_eq!(
                    (outcome, told),
                    if ran.code == 0 {
                        (Some("done"), false)
                    } else {
                        (Some("failed"), true)
                    }
                );
                // A reply that is lost once is no failure: what is there is looked at, and the rest is made.
                let refused = matches!(trial.fault, Fault::Forbidden | Fault::Unauthorized);
                assert!(ran.code == 0 || refused || trial.when == When::Every, "{ran:?}");
                assert!(
                    !ran.stdout.contains("already, in"),
                    "its own row is none of a stranger: {ran:?}"
                );
                if ran.code == 0 {
                    assert_eq!(shape(&stage.sheets.book()), *wanted);
                }
                stage.init(&["--channel", "web-prod"]).await;
                assert_eq!(shape(&stage.sheets.book()), *wanted);
                stage.assert_finished().await;
            }
        },
    )
    .await;
    println!("fault matrix: {count} faults of init");
}

/// A file as Google makes it, and a program that does not wait long.
async fn empty() -> Stage {
    let mut stage = Stage::empty().await;
    // Time enough for a busy machine: what init sends takes the emulator some.
    stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "6s");
    stage.setting("FLEETSHEET_SCHEDULE__PASS_TIMEOUT", "1m");
    stage
}

#[tokio::test]
async fn a_network_that_stays_down_is_no_success() {
    let stage = Stage::empty().await;
    stage
        .sheets
        .script()
        .fail("sheets.batchUpdate", When::Every, Fault::ResetBefore);
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json["outcome"], "failed");
    assert_eq!(steps(&ran), [""; 0]);
    assert!(
        ran.problems().join("\n").contains("could not set up the spreadsheet"),
        "{ran:?}"
    );
    stage.sheets.script().clear();
    assert_eq!(stage.init(&[]).await.code, 0);
    stage.assert_finished().await;
}

#[tokio::test]
async fn a_read_that_fails_after_the_write_is_told() {
    let stage = Stage::empty().await;
    stage
        .sheets
        .script()
        .fail("sheets.get", When::From(2), Fault::Forbidden);
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    stage.sheets.script().clear();
    stage.assert_finished().await;
}

#[tokio::test]
async fn a_half_done_run_is_finished() {
    let undisturbed = Stage::empty().await;
    undisturbed.init(&[]).await;
    let wanted = shape(&undisturbed.sheets.book());
    // What an older version, or a person, may have left: tabs without columns, protections without others.
    let halves: [fn(&mut Spreadsheet); 4] = [
        |book| {
            book.tabs.truncate(1);
            book.add_tab(RELEASE, 200, 1);
        },
        |book| book.tab_mut(SERVERS).protected.truncate(2),
        |book| {
            let tab = book.tab_mut(RELEASE);
            tab.conditional.truncate(3);
            tab.protected.clear();
        },
        |book| {
            book.tab_mut(SERVERS).delete_columns(8..14);
            book.tab_mut(SERVERS).protected.clear();
        },
    ];
    for half in halves {
        let stage = Stage::empty().await;
        stage.init(&[]).await;
        stage.sheets.edit(half);
        let ran = stage.init(&[]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let got = shape(&stage.sheets.book());
        for ((title, headers, protected, colours, _), want) in got.iter().zip(&wanted) {
            let named: Vec<&String> = headers.iter().filter(|h| !h.is_empty()).collect();
            assert_eq!(
                (title, named),
                (&want.0, want.1.iter().filter(|h| !h.is_empty()).collect())
            );
            assert_eq!((protected, colours), (&want.2, &want.3), "{title}");
        }
        stage.assert_finished().await;
    }
}

#[tokio::test]
async fn somebody_is_faster() {
    let stage = Stage::empty().await;
    let desk = stage.sheets.desk();
    stage.sheets.script().before("sheets.batchUpdate", 1, move || {
        desk.edit(|book| book.add_tab(RELEASE, 50, 5));
    });
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(stage.sheets.book().tabs.len(), 4);
    stage.assert_finished().await;
}

#[tokio::test]
async fn a_column_inserted_at_the_same_moment_loses_nothing() {
    let (stage, _) = Stage::web(2).await;
    stage.sheets.edit(|book| book.tab_mut(RELEASE).delete_column("status"));
    let desk = stage.sheets.desk();
    stage.sheets.script().before("sheets.batchUpdate", 1, move || {
        desk.edit(|book| {
            book.tab_mut(RELEASE).insert_columns(1, 1);
            book.set(RELEASE, "B1", "ticket");
            book.set(RELEASE, "B2", "OPS-1");
        });
    });
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let book = stage.sheets.book();
    let mut wanted: Vec<&str> = crate::stage::RELEASE_HEADERS.to_vec();
    wanted.push("ticket");
    wanted.sort_unstable();
    let mut found = headers(&book, RELEASE);
    found.retain(|header| !header.is_empty());
    found.sort();
    assert_eq!(found, wanted);
    assert_eq!(stage.release_cell("web-prod", "ticket"), "OPS-1");
    assert_eq!(stage.release_cell("web-prod", "desiredVersionA"), "2.3.9");
    stage.assert_finished().await;
}

#[tokio::test]
async fn who_may_only_look_is_told_whom_to_ask() {
    let (stage, _) = Stage::web(1).await;
    stage.sheets.desk().share_as_viewer(true);
    let before = stage.sheets.book();
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let said = ran.problems().join("\n");
    assert!(
        said.contains(&format!("share the spreadsheet with {SERVICE_ACCOUNT} as Editor")),
        "{said}"
    );
    assert!(stage.sheets.book() == before);
    stage.sheets.desk().share(false);
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains(SERVICE_ACCOUNT), "{ran:?}");
}

#[tokio::test]
async fn it_works_in_the_sandbox() {
    let stage = Stage::empty().await;
    let config = stage.path("sandbox.toml");
    std::fs::write(
        &config,
        "[sandbox]\nservers = 20\n[log]\ndir = \"\"\n[http]\nlisten = \"\"\n",
    )
    .unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_fleetsheet"));
    let output = command
        .env_clear()
        .env("HOME", stage.dir.path())
        .current_dir(stage.dir.path())
        .args(["init", "--format", "json", "--config"])
        .arg(&config)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
