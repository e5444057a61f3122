//! Whole tools over the emulators: each promotes the same fleet and is measured from outside.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fleetsheet_mocks::cloud::{ACCESS_KEY, Fleet, SECRET_KEY};
use fleetsheet_mocks::faults::{Fault, Traffic, When};
use tokio::process::Command;

use crate::stage::{ACCOUNT, REGION, Stage};
use crate::venv::venv;
use crate::world::{BEFORE, Shape, channel, id, role, version};

/// The versions that the figures were made with.
const PACKAGES: [&str; 2] = ["boto3==1.43.103", "c7n==0.9.53"];

/// How long the emulators wait before each answer.
pub(crate) const LATENCY: Duration = Duration::from_millis(50);

/// What a run took.
#[derive(Clone, Debug)]
pub(crate) struct Cost {
    pub(crate) seconds: f64,
    pub(crate) calls: u64,
    pub(crate) throttled: u64,
    pub(crate) traffic: Option<Traffic>,
    pub(crate) peak_kb: u64,
}

/// The tools that tag a fleet of one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tool {
    Fleetsheet,
    OneByOne { threads: usize },
    Custodian,
}

impl Tool {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Fleetsheet => "fleetsheet".to_owned(),
            Self::OneByOne { threads: 1 } => "script, one call after the other".to_owned(),
            Self::OneByOne { threads } => format!("script, {threads} threads and backoff"),
            Self::Custodian => "Cloud Custodian".to_owned(),
        }
    }
}

/// A stage with a fleet that is in step with its sheet, and the keys of all channels turned since.
async fn stage(shape: Shape) -> Stage {
    let mut fleet = Fleet::new(ACCOUNT);
    let places = shape.places();
    for (account, _) in &places {
        fleet.add_role(&role(account));
    }
    let channels: Vec<String> = (0..shape.sets).map(channel).collect();
    let mut rows = Vec::new();
    for server in 0..shape.servers {
        let (place, of) = shape.of(server);
        let ((account, region), channel) = (&places[place], channels[of].as_str());
        let tags = [("Name", "web"), ("ReleaseChannel", channel), ("ReleaseVersion", BEFORE)];
        fleet.add(account, region, &id(server), tags);
        rows.push((id(server), channel));
    }
    let keys: Vec<_> = channels
        .iter()
        .map(|name| (name.as_str(), BEFORE, BEFORE, true))
        .collect();
    let mut stage = Stage::new(&keys, &rows, fleet).await;
    stage.serve_accounts(&shape.accounts());
    // One that is throttled for long goes on in the next pass; here it is to end.
    stage.setting("FLEETSHEET_SCHEDULE__PASS_TIMEOUT", "1h");
    // As shipped.
    stage.setting("FLEETSHEET_LIMITS__CREATE_TAGS_PER_SECOND", "8");
    stage.setting("FLEETSHEET_LIMITS__SHEETS_PER_MINUTE", "50");
    stage.settle().await;
    for (n, channel) in channels.iter().enumerate() {
        stage.turn_keys(channel, &version(n));
    }
    for script in [stage.sheets.script().clone(), stage.cloud.script()] {
        script.set_latency(LATENCY);
    }
    if shape.throttled {
        for nth in (3..10_000).step_by(10) {
            stage.cloud.script().fail("ec2.*", When::Nth(nth), Fault::Throttle);
        }
    }
    stage
}

/// Lets a tool promote a fleet of this shape.
pub(crate) async fn promote(tool: Tool, shape: Shape) -> Cost {
    let stage = stage(shape).await;
    let before = [stage.sheets.traffic(), stage.cloud.traffic()];
    let command = match tool {
        Tool::Fleetsheet => fleetsheet(&stage),
        Tool::OneByOne { threads } => one_by_one(&stage, threads),
        Tool::Custodian => custodian(&stage),
    };
    let (seconds, peak_kb) = measured(&stage, command).await;
    let moved = stage.cloud.edit(|fleet| {
        let is_moved = |server: &usize| {
            let tags = fleet.tags(&id(*server));
            tags.get("ReleaseVersion") == Some(&version(shape.of(*server).1))
        };
        (0..shape.servers).filter(is_moved).count()
    });
    assert_eq!(moved, shape.servers, "{tool:?}: servers that carry the new version");
    let after = [stage.sheets.traffic(), stage.cloud.traffic()];
    let sum =
        |of: fn(&Traffic) -> u64| -> u64 { after.iter().map(of).sum::<u64>() - before.iter().map(of).sum::<u64>() };
    let log: Vec<_> = [stage.sheets.script().log(), stage.cloud.script().log()].concat();
    Cost {
        seconds,
        calls: log.len() as u64,
        throttled: log.iter().filter(|call| [429, 503].contains(&call.status)).count() as u64,
        traffic: Some(Traffic {
            sent: sum(|t| t.sent),
            received: sum(|t| t.received),
        }),
        peak_kb,
    }
}

/// A program with its arguments and all of its environment.
struct Line {
    words: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
}

impl Line {
    fn new(words: &[&str], env: &[(&str, &str)]) -> Self {
        Self {
            words: words.iter().map(Into::into).collect(),
            env: env.iter().map(|(name, value)| (name.into(), value.into())).collect(),
        }
    }
}

fn fleetsheet(stage: &Stage) -> Line {
    let command = stage.command(&["--once", "--format", "json"]);
    let command = command.as_std();
    let env = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.into(), value?.into())));
    let words = [command.get_program()].into_iter().chain(command.get_args());
    Line {
        words: words.map(Into::into).collect(),
        env: env.collect(),
    }
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/bench/side_by_side")
        .join(name)
}

fn python(stage: &Stage, words: &[&str]) -> Line {
    let endpoint = stage.cloud.endpoint();
    let env = [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("HOME", &stage.dir.path().display().to_string()),
    ];
    Line::new(words, &env)
}

fn one_by_one(stage: &Stage, threads: usize) -> Line {
    let python3 = venv("side", &PACKAGES).join("bin/python");
    let words = [
        &python3.display().to_string(),
        &file("one_by_one.py").display().to_string(),
        &channel(0),
        &version(0),
        &threads.to_string(),
    ];
    python(stage, &words.map(String::as_str))
}

fn custodian(stage: &Stage) -> Line {
    let (channel, version) = (channel(0), version(0));
    let policy = format!(
        "policies:\n- name: promote\n  resource: aws.ec2\n  filters:\n  - \"tag:ReleaseChannel\": {channel}\n  actions:\n  \
         - type: tag\n    tags:\n      ReleaseVersion: \"{version}\"\n"
    );
    let path = stage.path("policy.yml");
    std::fs::write(&path, policy).expect("the policy can be written");
    let words = [
        &venv("side", &PACKAGES).join("bin/custodian").display().to_string(),
        "run",
        "--cache-period",
        "0",
        "--region",
        REGION,
        "--output-dir",
        &stage.path("custodian").display().to_string(),
        &path.display().to_string(),
    ];
    python(stage, &words)
}

/// Runs it, and gives the seconds and the most resident memory.
async fn measured(stage: &Stage, line: Line) -> (f64, u64) {
    let result = stage.path("measured");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let output = Command::new("python3")
        .arg(file("measured.py"))
        .arg(&result)
        .args(&line.words)
        .env_clear()
        .env("PATH", path)
        .envs(line.env)
        .current_dir(stage.dir.path())
        .output()
        .await
        .expect("python3 runs");
    read_measured(&result, &String::from_utf8_lossy(&output.stderr))
}

/// What `measured.py` wrote of a command that must have ended well.
pub(crate) fn read_measured(result: &Path, said: &str) -> (f64, u64) {
    let text = std::fs::read_to_string(result).expect("measured.py wrote its result");
    let words: Vec<&str> = text.split_whitespace().collect();
    let [code, seconds, peak] = words.as_slice() else {
        panic!("measured.py wrote {text:?}")
    };
    assert_eq!(*code, "0", "{said}");
    (seconds.parse().expect("seconds"), peak.parse().expect("kB"))
}
