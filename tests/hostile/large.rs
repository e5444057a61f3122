//! Cells, tabs and rows of the largest size: bounded time, memory and words.

use std::time::Duration;

use fleetsheet_mocks::cloud::Fleet;
use fleetsheet_mocks::sheets::{CellValue, Tab};

use super::{SHORT, assert_short, assert_visible, take, with_mail};
use crate::computed::computed;
use crate::resident::resident;
use crate::stage::{ACCOUNT, REGION, RELEASE, SERVER_HEADERS, SERVERS, Stage, fleet};

/// The most that a cell holds.
fn huge() -> String {
    "x\u{1b}y ".repeat(12_500)
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_of_50_000_characters_make_short_words() {
    let (mut stage, ids) = Stage::web(6).await;
    let smtp = with_mail(&mut stage).await;
    stage.with_audit_tab();
    let huge = huge();
    assert_eq!(huge.chars().count(), 50_000);
    stage.set("web-prod", "notes", huge.as_str());
    stage.set_server(&ids[0], "notes", huge.as_str());
    stage.settle().await;
    take(&smtp);

    stage.set("web-prod", "desiredVersionA", huge.as_str());
    stage.set("web-prod", "enabled", huge.as_str());
    stage.set_server(&ids[1], "channel", huge.as_str());
    stage.set_server(&ids[2], "hold", huge.as_str());
    stage.set_server(&ids[3], "tag:Owner", huge.as_str());
    stage.sheets.edit(|book| {
        book.tab_mut(RELEASE).add_row(&[("channel", huge.as_str().into())]);
        book.tab_mut(SERVERS).add_row(&[("serverId", huge.as_str().into())]);
        book.tab_mut(SERVERS).add_column(&format!("tag:{}", &huge[4..]));
        book.tab_mut(RELEASE).add_column(&huge);
    });
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{:.3000}", ran.stdout);
    assert!(
        ran.status("web-prod").starts_with("error: ReleaseSheet!B2 holds"),
        "{:?}",
        ran.status("web-prod")
    );
    assert!(ran.problems().len() >= 6, "{:?}", ran.problems());
    assert_short(&stage, &ran);
    assert!(ran.stdout.len() < 20_000 && ran.stderr.len() < 20_000);
    for mail in take(&smtp) {
        assert!(
            mail.text.len() < 10_000 && mail.html.len() < 40_000,
            "{}",
            mail.text.len()
        );
        assert_visible("a mail", &mail.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn service_cells_typed_over_with_50_000_characters_are_restored_and_logged_in_short() {
    let (mut stage, ids) = Stage::web(6).await;
    let smtp = with_mail(&mut stage).await;
    stage.with_audit_tab();
    stage.settle().await;
    take(&smtp);
    let huge = huge();
    for header in ["releaseVersion", "previousVersion", "updatedAt", "status"] {
        stage.set("web-prod", header, huge.as_str());
    }
    for id in &ids {
        for header in ["name", "state", "status", "updatedAt"] {
            stage.set_server(id, header, huge.as_str());
        }
    }
    stage.set_server(&ids[0], "status", format!("failed: {}", &huge[8..]).as_str());
    for name in ["web-prod", &ids[0]] {
        let told = stage.run(&["explain", name]).await;
        assert_eq!(told.code, 0, "{:.3000}", told.stdout);
        assert!(told.stdout.chars().count() < 20_000, "{name}: {}", told.stdout.len());
        assert!(told.stdout.contains("\\u{1b}y x"), "{:.3000}", told.stdout);
        assert_visible("what is explained", &told.stdout);
    }
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{:.3000}", ran.stdout);
    assert_eq!(stage.release_cell("web-prod", "releaseVersion"), "2.3.9");
    assert_eq!(stage.server_cell(&ids[5], "status"), "in sync");
    // Everything that happened stands in the audit tab: a line that no cell could hold would keep out all lines.
    let tab = stage.sheets.book().tab("AuditLog").cloned().unwrap();
    let event = tab.column("event").unwrap();
    let edits = (1..tab.rows.len()).filter(|row| *tab.value(*row, event) == CellValue::from("unauthorised_edit"));
    assert_eq!(edits.count(), 2);
    for problem in ran.problems_of("unauthorised_edit") {
        assert!(problem.chars().count() <= 4 * SHORT, "{problem:.500}");
        assert_visible("a problem", &problem);
    }
    let mails = take(&smtp);
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text.len() < 10_000, "{}", mails[0].text.len());
    // A second pass finds nothing left to say.
    stage.settle().await;
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_tabs_are_not_read() {
    let (stage, ids) = Stage::web(4).await;
    let filler = vec![vec![CellValue::from("x".repeat(1000).as_str()); 20]; 50];
    stage.sheets.edit(|book| {
        book.title = "Fleet\u{1b}[2J\u{202e} <b>".into();
        for i in 0..198 {
            let title = format!("tab {i} '\u{1b}]0;x\u{7} \u{202e}!A1:Z9 <b>");
            book.tabs.push(Tab::with_rows(1000 + i, &title, filler.clone()));
        }
    });
    stage.settle().await;
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.run_with(&["--once"], &[("RUST_LOG", "debug")]).await;
    assert_eq!((ran.code, stage.version(&ids[3])), (0, "2.4.0".into()), "{ran:?}");
    for said in [&ran.stdout, &ran.stderr] {
        assert_visible("what is printed", said);
    }
    for arguments in [&["check"][..], &["init", "--dry-run"], &["plan"]] {
        let ran = stage.run(arguments).await;
        assert_visible("what is printed", &ran.stdout);
        assert_visible("what is printed", &ran.stderr);
    }
}

/// A row of any length, most often none.
fn ragged(number: usize) -> Vec<CellValue> {
    match number % 50 {
        1 => vec![CellValue::Empty, CellValue::Empty, false.into()],
        7 => vec![CellValue::from("  ")],
        9 => (0..14).map(|_| CellValue::Empty).collect(),
        11 => vec![
            CellValue::Empty,
            CellValue::Empty,
            CellValue::Empty,
            CellValue::Empty,
            "a note".into(),
        ],
        _ => Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_ragged_rows_take_little_time_and_memory() {
    const ROWS: usize = 100_000;
    let (world, ids) = fleet(300, "web-prod", "2.3.9");
    let mut stage = Stage::new(&[("web-prod", "2.3.9", "2.3.9", true)], &[], world).await;
    let mut rows: Vec<Vec<CellValue>> = (0..ROWS).map(ragged).collect();
    rows[0] = SERVER_HEADERS.iter().map(|header| CellValue::from(*header)).collect();
    for (i, id) in ids.iter().enumerate() {
        rows[(i + 1) * 333] = vec![id.as_str().into(), "web-prod".into()];
    }
    stage.sheets.edit(|book| {
        let at = book.tabs.iter().position(|tab| tab.title == SERVERS).unwrap();
        book.tabs[at] = Tab::with_rows(22, SERVERS, rows).with_grid(ROWS, 14);
    });
    stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "2m");
    stage.setting("FLEETSHEET_SCHEDULE__PASS_TIMEOUT", "10m");
    let mut child = stage.command(&["--once", "--format", "json"]).spawn().unwrap();
    // What it computes, not how long it takes: other work on the machine is none of its own.
    let (pid, mut took, mut peak) = (child.id().unwrap(), Duration::ZERO, 0);
    let status = format!("/proc/{pid}/status");
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(resident(&status, "VmHWM").unwrap_or(0));
        took = took.max(computed(pid).unwrap_or_default());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let code = child.wait().await.unwrap().code();
    println!("{ROWS} rows: {took:?}, {} MB", peak / 1024);
    assert_eq!(code, Some(0));
    assert!(peak > 0 && peak < 400 * 1024, "{peak} kB");
    assert!(took < Duration::from_secs(40), "{took:?}");
    assert_eq!(stage.server_cell(&ids[299], "status"), "in sync");
    assert_eq!(stage.server_cell(&ids[0], "releaseVersion"), "2.3.9");
    let book = stage.sheets.book();
    assert_eq!(
        book.tab(SERVERS).unwrap().value(11, 4),
        &CellValue::from("a note"),
        "other rows stay as they were"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_of_256_characters_are_written_and_shown_whole() {
    let long = "v".repeat(256);
    let (mut world, ids) = fleet(3, "web-prod", "2.3.9");
    let new = "i-0eeeeeeeeeeeeeeee";
    world.add(
        ACCOUNT,
        REGION,
        new,
        [
            ("ReleaseChannel", long.as_str()),
            ("Name", long.as_str()),
            ("ReleaseVersion", "1.0"),
        ],
    );
    world.set_tag(&ids[0], "ReleaseVersion", &long);
    world.set_tag(&ids[0], "Name", &long);
    let rows: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    let channels = [
        ("web-prod", "2.3.9", "2.3.9", true),
        (long.as_str(), "1.1", "1.1", true),
    ];
    let stage = Stage::new(&channels, &rows, world).await;
    stage.set_server(&ids[1], "tag:Owner", long.as_str());
    stage.set_server(&ids[2], "tag:Owner", format!("{long}!"));
    stage.settle().await;
    for version in ["", "1.1"] {
        stage.turn_keys(&long, version);
        stage.settle().await;
    }
    let ran = stage.once().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(stage.tag(&ids[1], "Owner"), Some(long.clone()));
    assert_eq!(stage.tag(&ids[2], "Owner"), None, "257 characters are none of EC2's");
    assert_eq!(
        (stage.version(&ids[0]), stage.version(new)),
        ("2.3.9".into(), "1.1".into())
    );
    assert_eq!(
        (stage.server_cell(new, "name"), stage.server_cell(new, "channel")),
        (long.clone(), long)
    );
    assert_short(&stage, &ran);
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_bad_rows_are_one_short_mail() {
    let mut stage = Stage::new(&[("web-prod", "2.3.9", "2.3.9", true)], &[], Fleet::new(ACCOUNT)).await;
    let smtp = with_mail(&mut stage).await;
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        for i in 0..1000 {
            tab.add_row(&[("serverId", CellValue::from(f64::from(i)))]);
            tab.add_row(&[("channel", "web-prod".into())]);
        }
    });
    let ran = stage.run(&["--once"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.lines().count() < 60, "{}", ran.stdout);
    let mails = take(&smtp);
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text.len() < 10_000, "{}", mails[0].text);
    assert!(mails[0].text.contains("more like these"), "{}", mails[0].text);
}
