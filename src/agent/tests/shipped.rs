//! What ships for servers fits the program: cookbooks, configuration, policy, unit, and the page's example.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fleetsheet_agent::config;
use fleetsheet_agent::cookbook::read::{Allowed, read};

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../config/deploy/agent")
        .join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(deploy(name)).unwrap()
}

#[test]
fn lint_passes_the_cookbooks_that_ship_and_tells_what_is_wrong_with_others() {
    let lint = |dir: &Path| {
        let out = Command::new(env!("CARGO_BIN_EXE_fleetsheet-agent"))
            .arg("lint")
            .arg(dir)
            .output()
            .unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    let (code, said) = lint(&deploy("cookbooks"));
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "2 cookbooks are well: base.yaml, web.yaml\n")
    );
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("web.yaml"), "name: Web\nsurprise: x\n").unwrap();
    let (code, said) = lint(dir.path());
    assert!(
        code == Some(1) && said.starts_with("web.yaml:2:1: unknown key `surprise`"),
        "{said}"
    );
}

#[test]
fn the_examples_of_the_page_are_read() {
    let page = include_str!("../README.md");
    let block = |kind: &str| {
        page.split(&format!("```{kind}\n"))
            .nth(1)
            .unwrap()
            .split("```")
            .next()
            .unwrap()
    };
    let allowed = Allowed {
        shell: false,
        timeout: Duration::from_secs(1),
    };
    read("web.yaml", block("yaml"), allowed).unwrap();
    config::read(block("toml"), Path::new("agent.toml"), &BTreeMap::new()).unwrap();
}

#[test]
fn the_policy_names_the_tags_that_are_written_and_the_script_holds_the_unit() {
    let policy: serde_json::Value = serde_json::from_str(&text("iam-policy.json")).unwrap();
    let keys = &policy["Statement"][0]["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"];
    let tags = config::Tags::default();
    assert_eq!(keys, &serde_json::json!([tags.running, tags.agent]));
    assert!(text("bootstrap.sh").contains(&text("fleetsheet-agent.service")));
}

#[test]
fn a_configuration_that_is_not_safe_is_refused() {
    let wrong = |text: &str, environment: &[(&str, &str)]| {
        let environment = environment
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let found = config::read(text, Path::new("agent.toml"), &environment);
        found
            .err()
            .map(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    assert_eq!(
        wrong("", &[("FLEETSHEET_AGENT_SOURCE__URL", "https://git.example.com/x")]),
        None
    );
    for (text, word) in [
        ("surprise = 1\n", "surprise"),
        ("[source]\nurl = \"ext::sh -c x\"\n", "source.url"),
        ("[source]\nurl = \"http://git.example.com/x\"\n", "source.url"),
        ("[imds]\nendpoint = \"http://10.0.0.1\"\n", "imds.endpoint"),
        ("[schedule]\nevery = \"soon\"\n", "no length of time"),
        ("[tags]\nsource = \"api\"\n", "schedule.every"),
    ] {
        let said = wrong(text, &[]).unwrap_or_default();
        assert!(said.contains(word), "{text}: {said}");
    }
}
