//! What a person sees on a terminal: lines of its width, broken between words, in colour unless somebody said no.

use fleetsheet_mocks::faults::{Fault, When};

use crate::stage::{Ran, Stage};

/// A channel that waits for key B, one that is in order, and a problem that needs many words.
async fn scene() -> Stage {
    let (stage, ids) = Stage::known(3).await;
    stage.set("web-prod", "desiredVersionA", 2.5);
    stage.set_server(&ids[0], "channel", "no-such-channel");
    stage
}

const COMMANDS: [&[&str]; 5] = [
    &["plan"],
    &["check"],
    &["explain", "web-prod"],
    &["status"],
    &["history"],
];

/// What is shown, without colours.
fn bare(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once('m').map_or(part, |(_, rest)| rest));
    first + &rest.collect::<String>()
}

fn words(text: &str) -> Vec<&str> {
    // What changes from run to run is not compared.
    let own = |word: &&str| !word.contains("20") && word.parse::<f64>().is_err();
    text.split_whitespace().filter(own).collect()
}

fn assert_fits(ran: &Ran, columns: usize, command: &[&str]) {
    for line in bare(&ran.stdout).lines() {
        // A path that has no room is not broken.
        let long = line.split_whitespace().any(|word| word.chars().count() > columns / 2);
        assert!(
            line.chars().count() <= columns || long,
            "{command:?} on {columns} columns: {line:?}\n{}",
            ran.stdout
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_fit_the_terminal_and_lose_no_word() {
    let stage = scene().await;
    stage.settle().await;
    for command in COMMANDS {
        let piped = stage.run(command).await;
        assert!(!piped.stdout.contains('\u{1b}'), "{piped:?}");
        for columns in [60, 100] {
            let shown = stage.on_terminal(columns, command, &[]).await;
            assert_eq!(shown.code, piped.code, "{shown:?}");
            assert_fits(&shown, usize::from(columns), command);
            let shown = bare(&shown.stdout);
            assert_eq!(words(&shown), words(&piped.stdout), "{command:?}");
        }
    }
    // So does what is refused.
    let refused = stage.on_terminal(60, &["history", "web"], &[]).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert_fits(&refused, 60, &["history", "web"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn colour_is_for_terminals_that_want_it() {
    let stage = scene().await;
    let coloured = stage.on_terminal(100, &["plan"], &[]).await;
    assert!(coloured.stdout.contains("\u{1b}[31merror: "), "{coloured:?}");
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = stage.on_terminal(100, &["plan"], &[(name, value)]).await;
        assert!(!plain.stdout.contains('\u{1b}'), "{name}: {plain:?}");
    }
    let empty = stage.on_terminal(100, &["plan"], &[("NO_COLOR", "")]).await;
    assert!(
        empty.stdout.contains('\u{1b}'),
        "an empty NO_COLOR says nothing: {empty:?}"
    );
    let json = stage.on_terminal(60, &["plan", "--format", "json"], &[]).await;
    assert!(json.json["run"].is_string(), "JSON stays one line: {json:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_cannot_colour_a_terminal() {
    let (stage, _) = Stage::known(3).await;
    stage.sheets.edit(|book| {
        let row = book.tab_mut("ReleaseSheet").find("channel", "web-prod").unwrap();
        book.set("ReleaseSheet", (row + 1, "channel"), "evil\u{1b}[31m\u{202e}");
    });
    for (id, name) in [
        ("explain", "evil\u{1b}[31m"),
        ("history", "\u{202e}evil"),
        ("plan", "e\u{1b}"),
    ] {
        let shown = stage.on_terminal(60, &[id, name], &[("NO_COLOR", "1")]).await;
        assert!(shown.stdout.contains("\\u{"), "{shown:?}");
        assert!(!shown.stdout.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_told_what_for_and_a_pipe_is_not() {
    // What only looks asks once in the time for a request.
    tokio::join!(
        assert_told(&["plan"], "reading the sheet (try 2 of 5) …"),
        assert_told(&["check"], "reading the sheet …"),
        assert_told(&["explain", "web-prod"], "reading the sheet (try 2 of 5) …"),
        assert_told(&["--once"], "reading the sheet (try 2 of 5) …"),
    );
}

async fn assert_told(command: &[&str], told: &str) {
    let (mut stage, _) = Stage::known(3).await;
    stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "2s");
    let hang = || {
        let script = stage.sheets.script();
        script.clear();
        script.fail("sheets.get", When::Range(1..=2), Fault::Hang);
    };
    hang();
    let shown = stage.on_terminal(80, command, &[]).await;
    assert!(shown.stdout.contains(told), "{command:?}: {shown:?}");
    // It is taken away before the report.
    let report = shown.stdout.rsplit("\u{1b}[2K").next().unwrap();
    assert!(!report.contains("reading the sheet"), "{command:?}: {shown:?}");
    assert!(report.lines().count() > 3, "{command:?}: {shown:?}");
    hang();
    let piped = stage.run(command).await;
    assert!(!piped.stderr.contains("reading the sheet"), "{piped:?}");
    assert!(!piped.stdout.contains("reading the sheet"), "{piped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_need_not_wait_is_told_nothing() {
    let (stage, _) = Stage::known(3).await;
    for command in [&["plan"][..], &["check"], &["--once"]] {
        let shown = stage.on_terminal(80, command, &[]).await;
        assert!(!shown.stdout.contains("reading the sheet"), "{command:?}: {shown:?}");
    }
}
