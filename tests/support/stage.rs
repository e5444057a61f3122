//! A stage for whole passes: emulators, a temporary directory, and the real program run as a user runs it.

#![allow(dead_code, reason = "each test file uses its own part of the stage")]

use std::path::PathBuf;
use std::process::Output;

use fleetsheet_mocks::cloud::{ACCESS_KEY, CloudEmulator, Fleet, SECRET_KEY};
use fleetsheet_mocks::sheets::{CellValue, SERVICE_ACCOUNT, SheetsEmulator, Spreadsheet, Tab};
use serde_json::Value;

pub const OWNER: &str = "owner@example.com";
pub const SRE: &str = "sre@example.com";
pub const RELEASES: &str = "releases@example.com";
pub const BOOK: &str = "test-book";
pub const REGION: &str = "eu-west-1";
pub const ACCOUNT: &str = "111111111111";
pub const RELEASE_HEADERS: [&str; 10] = [
    "channel",
    "desiredVersionA",
    "desiredVersionB",
    "enabled",
    "rollback",
    "notes",
    "releaseVersion",
    "previousVersion",
    "status",
    "updatedAt",
];
pub const SERVER_HEADERS: [&str; 12] = [
    "serverId",
    "channel",
    "hold",
    "tag:Owner",
    "notes",
    "name",
    "account",
    "region",
    "state",
    "releaseVersion",
    "status",
    "updatedAt",
];

/// Emulators with a program to run against them.
pub struct Stage {
    pub sheets: SheetsEmulator,
    pub cloud: CloudEmulator,
    pub dir: tempfile::TempDir,
    pub extra: String,
}

/// One run of the program.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub json: Value,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn status(&self, channel: &str) -> &str {
        let channels = self.json["channels"].as_array().expect("channels");
        let found = channels.iter().find(|c| c["channel"] == channel);
        found
            .and_then(|c| c["status"].as_str())
            .unwrap_or_else(|| panic!("no channel {channel}: {self:?}"))
    }

    pub fn release(&self, channel: &str) -> &str {
        let channels = self.json["channels"].as_array().expect("channels");
        let found = channels.iter().find(|c| c["channel"] == channel);
        found
            .and_then(|c| c["release"].as_str())
            .unwrap_or_else(|| panic!("no channel {channel}: {self:?}"))
    }

    pub fn calls(&self, method: &str) -> u64 {
        self.json["calls"][method].as_u64().unwrap_or(0)
    }

    pub fn problems(&self) -> Vec<String> {
        let problems = self.json["problems"].as_array().expect("problems");
        problems
            .iter()
            .map(|p| format!("{} {}: {}", p["kind"], p["where"], p["message"]))
            .collect()
    }
}

fn header(headers: &[&str]) -> Vec<CellValue> {
    headers.iter().map(|h| CellValue::from(*h)).collect()
}

impl Stage {
    /// A protected sheet with the given rows `(channel, key A, key B, enabled)`, and servers `(id, channel)`.
    pub async fn new(channels: &[(&str, &str, &str, bool)], servers: &[(String, &str)], fleet: Fleet) -> Self {
        let mut release = vec![header(&RELEASE_HEADERS)];
        for (channel, a, b, enabled) in channels {
            let cells = [CellValue::from(*channel), CellValue::from(*a), CellValue::from(*b)];
            release.push(
                cells
                    .into_iter()
                    .chain([CellValue::from(*enabled), CellValue::from(false)])
                    .collect(),
            );
        }
        let mut rows = vec![header(&SERVER_HEADERS)];
        rows.extend(
            servers
                .iter()
                .map(|(id, channel)| vec![CellValue::from(id.as_str()), CellValue::from(*channel)]),
        );
        let count = rows.len();
        let book = Spreadsheet::new(BOOK, "Fleet", OWNER)
            .with_tab(Tab::with_rows(11, "ReleaseSheet", release).with_grid(200, 12))
            .with_tab(Tab::with_rows(22, "ServerTagAssignment", rows).with_grid(count + 50, 14));
        let sheets = SheetsEmulator::start(book).await.expect("sheets");
        sheets.edit(|book| {
            book.protect_column("ReleaseSheet", "channel", &[OWNER, SERVICE_ACCOUNT]);
            book.protect_column("ReleaseSheet", "desiredVersionA", &[SRE, SERVICE_ACCOUNT]);
            book.protect_column("ReleaseSheet", "desiredVersionB", &[RELEASES, SERVICE_ACCOUNT]);
        });
        let cloud = CloudEmulator::start(fleet).await.expect("cloud");
        let dir = tempfile::tempdir().expect("directory");
        let stage = Self {
            sheets,
            cloud,
            dir,
            extra: String::new(),
        };
        stage.write_config("");
        stage
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write_config(&self, top: &str) {
        let key = self.path("key.json");
        std::fs::write(&key, self.sheets.service_account_key_json().expect("key")).expect("key file");
        let text = format!(
            r#"{top}
[sheets]
spreadsheet_id = "{BOOK}"
credentials_file = "{key}"
endpoint = "{sheets}"
[aws]
endpoint_url = "{cloud}"
[[aws.account]]
name = "main"
regions = ["{REGION}"]
[tags]
managed = ["Owner"]
[dual_key]
a_editors = ["{SRE}"]
b_editors = ["{RELEASES}"]
owners = ["{OWNER}"]
[state]
url = "sqlite:{state}"
[log]
dir = ""
[http]
listen = ""
"#,
            key = key.display(),
            sheets = self.sheets.endpoint(),
            cloud = self.cloud.endpoint(),
            state = self.path("state.db").display(),
        );
        std::fs::write(self.path("fleetsheet.toml"), text).expect("config");
    }

    /// Runs the program; its standard output is parsed where it is JSON.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[]).await
    }

    pub async fn run_with(&self, arguments: &[&str], env: &[(&str, &str)]) -> Ran {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_fleetsheet"));
        command
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("HOME", self.dir.path())
            .envs(env.iter().copied())
            .arg("--config")
            .arg(self.path("fleetsheet.toml"))
            .args(arguments)
            .kill_on_drop(true);
        let output: Output = command.output().await.expect("runs");
        let stdout = String::from_utf8(output.stdout).expect("text");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let json = serde_json::from_str(&stdout).unwrap_or(Value::Null);
        Ran {
            code: output.status.code().unwrap_or(-1),
            json,
            stdout,
            stderr,
        }
    }

    /// One pass with a JSON report.
    pub async fn once(&self) -> Ran {
        self.run(&["--once", "--format", "json"]).await
    }

    pub fn cell(&self, tab: &str, key: &str, header: &str) -> String {
        let column = if tab == "ReleaseSheet" { "channel" } else { "serverId" };
        self.sheets.edit(|book| {
            let row = book
                .tab_mut(tab)
                .find(column, key)
                .unwrap_or_else(|| panic!("no row {key} in {tab}"));
            match book.get(tab, (row + 1, header)) {
                CellValue::Text(text) => text.clone(),
                CellValue::Empty => String::new(),
                other => format!("{other:?}"),
            }
        })
    }

    pub fn set(&self, channel: &str, header: &str, value: impl Into<CellValue>) {
        let value = value.into();
        self.sheets.edit(|book| {
            let row = book.tab_mut("ReleaseSheet").find("channel", channel).expect("row");
            book.set("ReleaseSheet", (row + 1, header), value);
        });
    }

    pub fn tag(&self, id: &str, key: &str) -> Option<String> {
        self.cloud.tags(id).get(key).cloned()
    }
}

/// A fleet of `count` running servers in one region, all in `channel` and on `version`, with their ids.
pub fn fleet(count: usize, channel: &str, version: &str) -> (Fleet, Vec<String>) {
    let mut fleet = Fleet::new(ACCOUNT);
    let ids: Vec<String> = (0..count).map(|i| format!("i-{i:017x}")).collect();
    for id in &ids {
        fleet.add(
            ACCOUNT,
            REGION,
            id,
            [
                ("Name", "web"),
                ("ReleaseChannel", channel),
                ("ReleaseVersion", version),
            ],
        );
    }
    (fleet, ids)
}
