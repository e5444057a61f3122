//! What somebody sees who tries fleetsheet without an account.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use fleetsheet::clients::{connect, policy};
use fleetsheet::config::Config;
use fleetsheet::locked_pass::{PassOptions, once};
use fleetsheet::report::Report;
use fleetsheet::sandbox::{Embedded, embed};
use fleetsheet_mocks::sandbox::{RELEASE_TAB, SERVER_TAB, VERSION_TAG};
use fleetsheet_mocks::sheets::CellValue;
use serde_json::Value;

fn config(servers: u32) -> Config {
    let env = BTreeMap::from([("FLEETSHEET_SANDBOX__SERVERS".to_owned(), servers.to_string())]);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/sandbox.toml");
    Config::load(&path, &env).unwrap()
}

async fn shown(servers: u32) -> (Report, Embedded) {
    let (config, credentials, sandbox) = embed(config(servers)).await.unwrap();
    let clients = connect(config, credentials).await.unwrap();
    let policy = policy(&clients.config, &fleetsheet::plan::Allowed::default(), false);
    let report = once(&clients, &policy, PassOptions::silent()).await.unwrap();
    (report, sandbox.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_pass_shows_the_product() {
    let (report, sandbox) = shown(500).await;
    let line = |name: &str| report.channels.iter().find(|c| c.name.as_str() == name).unwrap();
    for (channel, release, previous, status) in [
        ("api-prod", "8.2.1", "", "waiting for key B: A=8.3.0, B=8.2.1"),
        ("api-staging", "8.3.0", "", "in sync"),
        ("batch-prod", "", "", "not released: servers carry "),
        ("billing-prod", "3.11.2", "", "ready: 3.12.0 has both keys; not enabled"),
        ("search-prod", "1.9", "", "error: ReleaseSheet!B7 holds the number 1.1"),
        ("search-staging", "3.0.4", "", "held: 3.1.0 must be approved again"),
        ("web-prod", "2.4.0", "2.3.9", "in sync"),
        ("web-staging", "2.5.0-rc.1", "", "in sync"),
        ("worker-prod", "5.1.3", "", "rolled back from 5.2.0"),
    ] {
        let line = line(channel);
        assert_eq!((&*line.release, &*line.previous), (release, previous), "{channel}");
        assert!(line.status.starts_with(status), "{channel}: {}", line.status);
    }
    let words: Vec<&str> = report.problems.iter().map(|p| p.message.as_str()).collect();
    for what in [
        "that disagree",
        "was not found in any",
        "has the channel api-prd",
        "holds the number 1.1",
    ] {
        assert_eq!(
            words.iter().filter(|w| w.contains(what)).count(),
            1,
            "{what}: {words:#?}"
        );
    }
    assert_eq!(words.len(), 4, "{words:#?}");
    let happened: Vec<&str> = report.events.iter().map(|event| event.event).collect();
    assert!(happened.contains(&"rollback"), "{happened:?}");
    assert!(
        report
            .events
            .iter()
            .any(|event| event.detail.starts_with("1 held and left behind")),
        "{happened:?}"
    );
    let counts = report.counts;
    assert_eq!(
        (counts.discovered, counts.missing, counts.held, counts.failed),
        (4, 1, 1, 0)
    );
    assert_eq!(report.not_ours.get("data-prod"), Some(&12));
    let page = report.text().to_string();
    assert!(page.lines().count() <= 30, "it fits one screen:\n{page}");

    let world = sandbox.world();
    let book = world.sheets().book();
    let tab = book.tab(SERVER_TAB).unwrap();
    let (status, state) = (tab.column("status").unwrap(), tab.column("state").unwrap());
    let count = |column, text: &str| {
        let held = CellValue::from(text);
        (1..tab.data_rows())
            .filter(|row| *tab.value(*row, column) == held)
            .count()
    };
    let statuses = ["held", "missing", "terminated", "unknown channel"];
    assert_eq!(statuses.map(|word| count(status, word)), [1; 4]);
    assert_eq!((count(status, "duplicate"), count(state, "terminated")), (2, 1));
    let versions = world.cloud().edit(|fleet| {
        let tags = fleet.instances().map(|i| i.tags.clone());
        tags.filter_map(|tags| tags.get(VERSION_TAG).cloned())
            .collect::<Vec<_>>()
    });
    assert!(!versions.contains(&"2.6.0-dev".to_owned()), "drift is put right");
    assert_eq!(
        versions.iter().filter(|v| *v == "2.3.9").count(),
        2,
        "the held one and the terminated one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_size_trips_a_belt() {
    for servers in [1, 12, 40] {
        let (report, _sandbox) = shown(servers).await;
        let belts: Vec<_> = report.problems.iter().filter(|p| p.kind.word() == "belt").collect();
        assert!(belts.is_empty(), "{servers}: {belts:#?}");
    }
}

/// A running `fleetsheet sandbox` and what its page says.
struct Served {
    child: Child,
    page: String,
    output: Option<BufReader<std::process::ChildStdout>>,
}

impl Served {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fleetsheet"))
            .arg("sandbox")
            .args(more)
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .env("FLEETSHEET_SANDBOX__SERVERS", "60")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut page = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        while !page.contains("Ctrl-C") {
            assert!(output.read_line(&mut page).unwrap() > 0, "{page}");
        }
        Self {
            child,
            page,
            output: Some(output),
        }
    }

    /// Runs fleetsheet in the environment that the page tells to set.
    fn run(&self, args: &[&str]) -> Output {
        let exports = self.page.lines().filter_map(|line| line.trim().strip_prefix("export "));
        let env: Vec<(String, String)> = exports
            .flat_map(str::split_whitespace)
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        assert_eq!(env.len(), 3, "{}", self.page);
        Command::new(env!("CARGO_BIN_EXE_fleetsheet"))
            .args(args)
            .envs(env)
            .output()
            .unwrap()
    }

    fn pass(&self) -> Value {
        let output = self.run(&["--once", "--format", "json"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_the_page_says_works_again_and_again() {
    let mut served = Served::start();
    let first = served.pass();
    assert_eq!(first["outcome"], "done", "{first:#}");
    assert!(first["changed"].as_u64().unwrap() > 20, "{first:#}");
    let second = served.pass();
    assert_eq!(
        (&second["changed"], &second["discovered"]),
        (&0.into(), &0.into()),
        "{second:#}"
    );
    assert!(served.page.contains("Tick hold in row "), "{}", served.page);
    let history = served.run(&["history"]);
    let history = String::from_utf8_lossy(&history.stdout).into_owned();
    for event in [
        "adoption",
        "promotion",
        "unauthorised_edit",
        "rollback",
        "keys A and B are spent",
    ] {
        assert!(history.contains(event), "{event}:\n{history}");
    }
    let word = |word: &&str| word.ends_with("fleetsheet.toml");
    let file = served
        .page
        .split(|c: char| c.is_whitespace() || c == '=')
        .find(word)
        .unwrap();
    let dir = PathBuf::from(file).parent().unwrap().to_owned();
    assert!(dir.join("state.db").exists());
    let pid = served.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(served.child.wait().unwrap().success());
    assert!(!dir.exists(), "nothing is left behind");
}

#[test]
fn its_protections_are_those_that_init_makes() {
    let served = Served::start();
    let output = served.run(&["init", "--dry-run", "--format", "json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let steps = said["steps"].as_array().unwrap();
    assert!(!steps.is_empty(), "it has no help on its headers: {said:#}");
    // Its servers have no agents, and its sheet no column for what they say.
    let is_there = |step: &Value| !step["where"].as_str().unwrap().ends_with("(running)");
    let protects = |step: &&Value| step["what"].as_str().unwrap().contains("protect") && is_there(step);
    assert_eq!(steps.iter().find(protects), None, "{said:#}");
    let checked = served.run(&["check", "--format", "json"]);
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    let text = checked.to_string();
    for fault in ["nothing warns", "may rename", "keeps other editors", "people may type"] {
        assert!(!text.contains(fault), "{checked:#}");
    }
}

#[test]
fn history_of_a_configured_sandbox_is_its_own() {
    let output = Command::new(env!("CARGO_BIN_EXE_fleetsheet"))
        .args(["history", "--config", "config/sandbox.toml", "--format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("FLEETSHEET_SANDBOX__SERVERS", "60")
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let events = said["events"].as_array().unwrap();
    assert!(events.iter().any(|event| event["event"] == "promotion"), "{said:#}");
}

#[test]
fn a_sandbox_of_a_configuration_that_is_not_there_is_wrong_usage() {
    let output = Command::new(env!("CARGO_BIN_EXE_fleetsheet"))
        .args(["sandbox", "--config", "nowhere.toml"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("nowhere.toml"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_every_channel_is_stamped_by_the_service() {
    let (_, sandbox) = shown(60).await;
    let book = sandbox.world().sheets().book();
    let tab = book.tab(RELEASE_TAB).unwrap();
    let updated = tab.column("updatedAt").unwrap();
    assert!((1..tab.data_rows()).all(|row| matches!(tab.value(row, updated), CellValue::Text(_))));
}

/// What `plan` shows of the sandbox's day, whole: `UPDATE_GOLDEN=1` writes it anew, to be read before it is kept.
#[tokio::test(flavor = "multi_thread")]
async fn the_plan_of_the_sandboxs_day_reads_as_it_should() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran = tokio::process::Command::new(env!("CARGO_BIN_EXE_fleetsheet"))
        .args(["plan", "--config", "config/sandbox.toml"])
        .current_dir(root)
        .output()
        .await
        .unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let page = String::from_utf8(ran.stdout).unwrap();
    let line = |line: &str| match line.split_once(' ') {
        Some(("plan", rest)) if rest.contains(": ") => format!("plan RUN: {}", rest.split_once(": ").unwrap().1),
        Some(("time", _)) => "time    SOME".to_owned(),
        _ => match line.split_once(" since 20") {
            // A minute, as in `2026-11-27 18:24`.
            Some((before, after)) => format!("{before} since MINUTE{}", &after["26-11-27 18:24".len()..]),
            None => line.to_owned(),
        },
    };
    let page: String = page.lines().map(|text| line(text) + "\n").collect();
    let golden = root.join("tests/sandbox/plan.txt");
    if std::env::var("UPDATE_GOLDEN").is_ok_and(|update| update == "1") {
        std::fs::write(&golden, &page).unwrap();
    }
    assert_eq!(page, std::fs::read_to_string(&golden).unwrap());
}

/// A new world takes the place of the old one, on the same port.
#[test]
fn a_sandbox_starts_over_when_it_is_told_to() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    let ask = || {
        Command::new(env!("CARGO_BIN_EXE_fleetsheet"))
            .args(["sandbox", "--port", &port, "--fresh"])
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let strange = std::thread::spawn(move || {
        let (mut stream, _) = free.accept().unwrap();
        std::io::Write::write_all(&mut stream, b"SSH-2.0-x\r\n").unwrap();
    });
    let refused = ask();
    strange.join().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("is not a sandbox"),
        "{refused:?}"
    );

    let mut served = Served::start_with(&["--port", &port, "--servers", "30"]);
    assert_eq!(ask().status.code(), Some(0));
    let mut output = served.output.take().unwrap();
    let mut said = String::new();
    while !said.contains("Ctrl-C") || !said.contains("once more from the beginning") {
        assert!(output.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let (_, again) = said.split_once("once more from the beginning").unwrap();
    assert!(again.contains(&format!("http://127.0.0.1:{port}/")), "{said}");
}
