//! The unit that lets a belt through, and what alerts advise about belts and channels.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use fleetsheet::plan::{Belt, State};

use super::{parse, read, values};

const ALLOW: &str = "fleetsheet-allow@.service";

/// Runs what the unit runs for `belt`, with a program that ends with each of `codes` in turn, and no pauses; gives the arguments
/// that it was called with, too.
fn start(belt: &str, codes: &[i32]) -> (Output, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("fleetsheet");
    let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
    fs::write(dir.path().join("codes"), codes.join("\n") + "\n").unwrap();
    let script = "#!/bin/sh\ncd \"$(dirname \"$0\")\" || exit 99\necho \"$@\" >>calls\nread -r code <codes\n\
                  sed -i 1d codes\nexit \"$code\"\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let unit = read(ALLOW);
    let [line] = values(&unit, "ExecStart=")[..] else {
        panic!("{ALLOW}")
    };
    let (command, words) = line
        .strip_prefix("/bin/sh -c '")
        .and_then(|rest| rest.split_once("' "))
        .unwrap();
    // As systemd reads it.
    let command = command.replace("$$", "$").replace("sleep 5", "sleep 0");
    let words: Vec<String> = words
        .split(' ')
        .map(|word| {
            word.replace("%i", belt)
                .replace("/usr/local/bin/fleetsheet", &program.display().to_string())
        })
        .collect();
    let output = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .args(words)
        .output()
        .unwrap();
    let calls = fs::read_to_string(dir.path().join("calls")).unwrap_or_default();
    (output, calls.lines().map(str::to_owned).collect())
}

#[test]
fn the_unit_lets_one_belt_through_and_waits_for_a_pass_that_runs() {
    for (codes, ends) in [(&[0][..], 0), (&[6, 6, 0], 0), (&[6, 5], 5), (&[4], 4), (&[2], 2)] {
        let (output, calls) = start("unapproved", codes);
        assert_eq!(output.status.code(), Some(ends), "{codes:?}: {output:?}");
        assert_eq!(calls.len(), codes.len());
        for call in calls {
            assert_eq!(
                call,
                "--once --allow unapproved --config /etc/fleetsheet/fleetsheet.toml"
            );
            parse(&call.split(' ').collect::<Vec<_>>());
        }
    }
    let (_, calls) = start("x; reboot $(reboot)", &[2]);
    assert_eq!(calls.len(), 1, "an instance's name is one word: {calls:?}");
}

/// What makes two units the same service to the outside: who they are, and what they are told.
#[test]
fn the_unit_has_the_user_state_and_credentials_of_the_service() {
    let (service, once, allow) = (read("fleetsheet.service"), read("fleetsheet-once.service"), read(ALLOW));
    for key in [
        "User=",
        "DynamicUser=",
        "StateDirectory=",
        "WorkingDirectory=",
        "LoadCredential=",
        "EnvironmentFile=",
        "Environment=FLEETSHEET_SHEETS__CREDENTIALS_FILE=",
        "Environment=FLEETSHEET_STATE__URL=",
    ] {
        let own = values(&service, key);
        assert_eq!(own.len(), 1, "{key}");
        assert_eq!((values(&allow, key), values(&once, key)), (own.clone(), own), "{key}");
    }
    let hardened = |text: &str| {
        text.split_once("\n# What it needs is")
            .unwrap()
            .1
            .split("\n[Install]")
            .next()
            .unwrap()
            .trim()
            .to_owned()
    };
    assert_eq!(hardened(&allow), hardened(&service));
    assert!(!allow.contains("[Install]"), "nobody enables it");
}

#[test]
fn the_units_head_lists_the_belts_that_the_flag_takes() {
    let unit = read(ALLOW);
    let head: String = unit.lines().take_while(|line| line.starts_with('#')).collect();
    for belt in Belt::ALL {
        assert!(head.contains(belt.word()), "{}", belt.word());
    }
    assert!(!head.contains("store,"));
}

/// The text of an alert for a belt: the branch of its template that is for it.
fn advice(belt: &str) -> String {
    let rules = read("prometheus-rules.yaml");
    let (_, rule) = rules.split_once("- alert: FleetsheetBeltTripped").unwrap();
    let (rule, _) = rule.split_once("- alert:").unwrap();
    let (_, template) = rule.split_once("description: >-").unwrap();
    let own = format!("eq $labels.belt \"{belt}\"");
    let branches = template.split("{{ if ").nth(1).unwrap().split("{{- else");
    let mut branches = branches.map(|branch| branch.split_once("}}").unwrap());
    let last = template.split("{{- else }}").nth(1).unwrap();
    let found = branches
        .find(|(condition, _)| condition.contains(&own))
        .map_or(last, |(_, text)| text);
    found.replace("{{ $labels.belt }}", belt)
}

#[test]
fn the_alert_about_a_belt_advises_what_can_be_done() {
    assert!(advice("store").contains("--takeover"));
    for belt in ["store", "tab", "history"] {
        assert!(!advice(belt).contains("allow"), "{belt}: {}", advice(belt));
    }
    for belt in Belt::ALL.map(Belt::word) {
        if !["tab", "history"].contains(&belt) {
            assert!(
                advice(belt).contains(&format!("fleetsheet-allow@{belt} lets it through")),
                "{}",
                advice(belt)
            );
        }
    }
}

#[test]
fn alerts_about_channels_name_states_that_there_are() {
    let rules = read("prometheus-rules.yaml");
    let mut named = Vec::new();
    for expr in values(&rules, "expr: ")
        .iter()
        .filter(|expr| expr.contains("fleetsheet_channel_info"))
    {
        let (_, states) = expr.split_once("state=~\"").unwrap();
        named.extend(states.split('"').next().unwrap().split('|').map(str::to_owned));
    }
    for state in &named {
        assert!(State::ALL.iter().any(|known| known.word() == state), "{state}");
    }
    // Each state in which nothing goes on by itself has its alert.
    let moves = ["in_sync", "promoted", "rolled_back", "observe"];
    for state in State::ALL
        .map(State::word)
        .iter()
        .filter(|state| !moves.contains(state))
    {
        assert_eq!(named.iter().filter(|named| named == state).count(), 1, "{state}");
    }
}
