//! What ships for systemd, Kubernetes, Docker, Prometheus and Grafana, and the pages about it all, fit the program: its
//! arguments, settings and metrics.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "deploy/copied.rs"]
mod copied;
#[path = "deploy/memory.rs"]
mod memory;
#[path = "deploy/pages.rs"]
mod pages;
#[path = "deploy/server.rs"]
mod server;
#[path = "deploy/units.rs"]
mod units;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use fleetsheet::cli::{Command, Invocation, Task};
use fleetsheet::config::Config;
use fleetsheet::service::metrics::Metrics;
use serde_json::Value;

const UNITS: [&str; 2] = ["fleetsheet.service", "fleetsheet-once.service"];
const CONTAINERS: [&str; 3] = [
    "kubernetes/deployment.yaml",
    "kubernetes/cronjob.yaml",
    "kubernetes/replicas.yaml",
];

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/deploy").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What follows `key` on the lines that begin with it.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix(key))
        .map(str::trim)
        .collect()
}

fn parse(arguments: &[&str]) -> Invocation {
    let words = std::iter::once("fleetsheet")
        .chain(arguments.iter().copied())
        .map(OsString::from);
    Invocation::parse(words, None, |_| false).unwrap()
}

/// Words that begin so, up to the first character that no name has.
fn names(text: &str, start: &str) -> BTreeSet<String> {
    let word = |rest: &str| {
        rest.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    text.match_indices(start).map(|(at, _)| word(&text[at..])).collect()
}

#[test]
fn units_call_the_program_as_it_is() {
    let calls = UNITS.map(|unit| {
        let text = read(unit);
        let [call] = values(&text, "ExecStart=")[..] else {
            panic!("{unit}")
        };
        let words: Vec<&str> = call.split(' ').collect();
        assert!(words[0].ends_with("/fleetsheet"), "{call}");
        parse(&words[1..]).command
    });
    assert_eq!(calls[0], Command::Task(Task::Service));
    assert!(matches!(calls[1], Command::Task(Task::Once { .. })));
}

#[test]
fn containers_call_the_program_as_it_is() {
    let calls = CONTAINERS.map(|file| {
        let text = read(file);
        let [arguments] = values(&text, "args: ")[..] else {
            panic!("{file}")
        };
        let words: Vec<String> = serde_json::from_str(arguments).unwrap();
        parse(&words.iter().map(String::as_str).collect::<Vec<_>>()).command
    });
    assert_eq!(calls[0], Command::Task(Task::Service));
    assert!(matches!(calls[1], Command::Task(Task::Once { .. })));
    assert_eq!(calls[2], Command::Task(Task::Service));
}

#[test]
fn every_variable_that_is_set_is_a_setting() {
    let known: BTreeSet<String> = Config::keys().map(|key| key.variable).collect();
    for file in UNITS.iter().chain(&CONTAINERS).chain(&["Dockerfile"]) {
        let set = names(&read(file), "FLEETSHEET_");
        assert!(!set.is_empty(), "{file}");
        for variable in set {
            assert!(known.contains(&variable), "{file}: {variable}");
        }
    }
}

#[test]
fn there_is_time_to_stop_and_never_a_second_pass_at_once() {
    let env = [("FLEETSHEET_SANDBOX__SEED".to_owned(), "1".to_owned())].into();
    let schedule = Config::parse("", "defaults", &env).unwrap().schedule;
    let seconds = |text: &str| Duration::from_secs(text.trim_end_matches('s').parse().unwrap());
    for unit in UNITS {
        let text = read(unit);
        assert!(
            seconds(values(&text, "TimeoutStopSec=")[0]) > schedule.shutdown_grace,
            "{unit}"
        );
    }
    for file in CONTAINERS {
        let text = read(file);
        assert!(
            seconds(values(&text, "terminationGracePeriodSeconds: ")[0]) > schedule.shutdown_grace,
            "{file}"
        );
        for safe in [
            "readOnlyRootFilesystem: true",
            "runAsNonRoot: true",
            "allowPrivilegeEscalation: false",
        ] {
            assert!(text.contains(safe), "{file}: {safe}");
        }
    }
    let cronjob = read("kubernetes/cronjob.yaml");
    assert_eq!(values(&cronjob, "concurrencyPolicy: "), ["Forbid"]);
    assert!(seconds(values(&cronjob, "activeDeadlineSeconds: ")[0]) >= schedule.pass_timeout + schedule.shutdown_grace);
    let deployment = read("kubernetes/deployment.yaml");
    assert_eq!(values(&deployment, "replicas: "), ["1"]);
    assert_eq!(values(&deployment, "strategy: "), ["{type: Recreate}"]);
    let replicas = read("kubernetes/replicas.yaml");
    assert_eq!(values(&replicas, "replicas: "), ["2"]);
    assert!(values(&replicas, "strategy: ")[0].contains("RollingUpdate") && !replicas.contains("PersistentVolume"));
    assert_eq!(values(&replicas, "maxUnavailable: "), ["1"], "of the budget");
    assert!(replicas.contains("topologySpreadConstraints") && replicas.contains("value: \"postgres://"));
}

#[test]
fn rules_the_dashboard_and_the_page_name_the_metrics_that_there_are() {
    let metrics = Metrics::new().unwrap();
    let known: BTreeSet<String> = metrics.names().iter().cloned().collect();
    // What a histogram is read by.
    let series = ["_bucket", "_sum", "_count"];
    let base = |name: &str| {
        let of = series.into_iter().find_map(|series| name.strip_suffix(series));
        of.filter(|of| known.contains(*of)).unwrap_or(name).to_owned()
    };
    let rules: BTreeSet<String> = values(&read("prometheus-rules.yaml"), "expr: ")
        .iter()
        .flat_map(|expr| names(expr, "fleetsheet_"))
        .collect();
    let dashboard: Value = serde_json::from_str(&read("grafana-dashboard.json")).unwrap();
    let shown = names(&dashboard["panels"].to_string(), "fleetsheet_")
        .iter()
        .map(|name| base(name))
        .collect::<BTreeSet<_>>();
    for (file, used) in [("rules", &rules), ("dashboard", &shown)] {
        let strange: Vec<_> = used.difference(&known).collect();
        assert!(strange.is_empty() && used.len() > 5, "{file}: {strange:?} of {used:?}");
    }
    let page = read("README.md");
    let (_, section) = page.split_once("\n## Metrics\n").unwrap();
    let (table, _) = section.split_once("\n## ").unwrap();
    let listed = names(table, "fleetsheet_");
    assert_eq!(listed, known, "the table of metrics");
}

#[test]
fn the_image_holds_the_program_and_certificates() {
    let text = read("Dockerfile");
    let (_, image) = text.split_once("\nFROM scratch\n").unwrap();
    assert_eq!(values(image, "COPY "), ["--from=build /image/ /"]);
    assert!(values(image, "USER ")[0].starts_with("65532"));
    let copied: Vec<&str> = text.lines().filter(|line| line.trim().starts_with("&& cp ")).collect();
    assert_eq!(copied.len(), 2, "{copied:?}");
}

/// The features that a file's command builds the program with.
fn features(file: &str) -> Vec<String> {
    let text = read(file);
    let (_, command) = text.split_once("--locked").unwrap_or_else(|| panic!("{file}"));
    let line = command.lines().next().unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut flags = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match *word {
            "--no-default-features" => flags.push((*word).to_owned()),
            "--features" => flags.extend([(*word).to_owned(), words[at + 1].to_owned()]),
            _ => {}
        }
    }
    flags
}

/// The packages that the program is made of, built with these flags.
fn packages(flags: &[String]) -> BTreeSet<String> {
    let output = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--frozen",
            "-p",
            "fleetsheet",
            "-e",
            "normal",
            "--prefix",
            "none",
        ])
        .args(flags)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    listed
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_is_deployed_has_no_emulators() {
    assert!(packages(&[]).contains("fleetsheet-mocks"), "those who try it have them");
    for file in ["Dockerfile", "fleetsheet.service"] {
        let built = packages(&features(file));
        assert!(built.contains("aws-sdk-ec2"), "{file}: {built:?}");
        assert!(!built.contains("fleetsheet-mocks"), "{file}");
    }
}
