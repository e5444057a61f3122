//! A stage for whole passes: emulators, a temporary directory, and the real program run as a user runs it.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use fleetsheet::adapters::sqlite::{Access, SqliteStore};
use fleetsheet::memory::{Binding, Store as _, StoreReader as _, Update};
use fleetsheet_mocks::cloud::{ACCESS_KEY, CloudEmulator, Fleet, SECRET_KEY};
use fleetsheet_mocks::sheets::{CellValue, SERVICE_ACCOUNT, SheetsEmulator, Spreadsheet, Tab};
use serde_json::Value;

pub(crate) const OWNER: &str = "owner@example.com";
pub(crate) const SRE: &str = "sre@example.com";
pub(crate) const RELEASES: &str = "releases@example.com";
pub(crate) const BOOK: &str = "test-book";
pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const ACCOUNT: &str = "111111111111";
pub(crate) const RELEASE: &str = "ReleaseSheet";
pub(crate) const SERVERS: &str = "ServerTagAssignment";
pub(crate) const RELEASE_HEADERS: [&str; 10] = [
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
pub(crate) const SERVER_HEADERS: [&str; 12] = [
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
pub(crate) struct Stage {
    pub(crate) sheets: SheetsEmulator,
    pub(crate) cloud: CloudEmulator,
    pub(crate) dir: tempfile::TempDir,
    /// Settings for all runs, spelt as in the environment; they win over the file.
    pub(crate) settings: Vec<(&'static str, String)>,
    accounts: String,
}

/// One run of the program.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) json: Value,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// What a run left behind; its standard output is parsed where it is JSON.
    pub(crate) fn of(output: Output) -> Self {
        let stdout = String::from_utf8(output.stdout).expect("text");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let json = serde_json::from_str(&stdout).unwrap_or(Value::Null);
        Self {
            code: output.status.code().unwrap_or(-1),
            json,
            stdout,
            stderr,
        }
    }

    pub(crate) fn status(&self, channel: &str) -> &str {
        let channels = self.json["channels"].as_array().expect("channels");
        let found = channels.iter().find(|c| c["channel"] == channel);
        found
            .and_then(|c| c["status"].as_str())
            .unwrap_or_else(|| panic!("no channel {channel}: {self:?}"))
    }

    pub(crate) fn release(&self, channel: &str) -> &str {
        let channels = self.json["channels"].as_array().expect("channels");
        let found = channels.iter().find(|c| c["channel"] == channel);
        found
            .and_then(|c| c["release"].as_str())
            .unwrap_or_else(|| panic!("no channel {channel}: {self:?}"))
    }

    pub(crate) fn calls(&self, method: &str) -> u64 {
        self.json["calls"][method].as_u64().unwrap_or(0)
    }

    /// Problems of a kind, in words.
    pub(crate) fn problems_of(&self, kind: &str) -> Vec<String> {
        let problems = self.json["problems"].as_array().expect("problems");
        let own = problems.iter().filter(|p| p["kind"] == kind);
        own.map(|p| p["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Channel, before and after of each event of that name.
    pub(crate) fn events_of(&self, name: &str) -> Vec<String> {
        let events = self.json["events"].as_array().expect("events");
        let own = events.iter().filter(|event| event["event"] == name);
        let text = |event: &serde_json::Value, field: &str| event[field].as_str().expect("text").to_owned();
        own.map(|event| ["channel", "from", "to"].map(|field| text(event, field)).join(" "))
            .collect()
    }

    pub(crate) fn problems(&self) -> Vec<String> {
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

/// Where nobody asks for a certificate one root is enough: it loads in a tenth of the time that all roots take each start.
fn one_root(dir: &Path) -> Vec<(&'static str, String)> {
    const END: &str = "-----END CERTIFICATE-----";
    let all = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
    let first = all.split_once(END).map(|(first, _)| format!("{first}{END}\n"));
    let written = first.map(|first| {
        let path = dir.join("root.pem");
        std::fs::write(&path, first).expect("root.pem");
        ("SSL_CERT_FILE", path.display().to_string())
    });
    written.into_iter().collect()
}

impl Stage {
    /// A protected sheet with the given rows `(channel, key A, key B, enabled)`, and servers `(id, channel)`.
    pub(crate) async fn new(channels: &[(&str, &str, &str, bool)], servers: &[(String, &str)], fleet: Fleet) -> Self {
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
        let (channels, count) = (release.len(), rows.len());
        let book = Spreadsheet::new(BOOK, "Fleet", OWNER)
            .with_tab(Tab::with_rows(11, "ReleaseSheet", release).with_grid(channels.max(150) + 50, 12))
            .with_tab(Tab::with_rows(22, "ServerTagAssignment", rows).with_grid(count + 50, 14));
        let sheets = SheetsEmulator::start(book).await.expect("sheets");
        // Otherwise each refusal for want of quota would cost a suite a minute.
        sheets.desk().set_retry_after(Some(Duration::from_secs(1)));
        sheets.edit(|book| {
            book.protect_column("ReleaseSheet", "channel", &[OWNER, SERVICE_ACCOUNT]);
            book.protect_column("ReleaseSheet", "desiredVersionA", &[SRE, SERVICE_ACCOUNT]);
            book.protect_column("ReleaseSheet", "desiredVersionB", &[RELEASES, SERVICE_ACCOUNT]);
        });
        let cloud = CloudEmulator::start(fleet).await.expect("cloud");
        let dir = tempfile::tempdir().expect("directory");
        let accounts = format!("[[aws.account]]\nname = \"main\"\nregions = [\"{REGION}\"]\n");
        let settings = one_root(dir.path());
        let stage = Self {
            sheets,
            cloud,
            dir,
            settings,
            accounts,
        };
        stage.write_config();
        stage
    }

    /// `count` servers of the channel web-prod, all on 2.3.9, which both keys name; their ids.
    pub(crate) async fn web(count: usize) -> (Self, Vec<String>) {
        let (fleet, ids) = fleet(count, "web-prod", "2.3.9");
        let servers: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
        let channels = [("web-prod", "2.3.9", "2.3.9", true)];
        (Self::new(&channels, &servers, fleet).await, ids)
    }

    /// The same after a first pass, which adopted the release; its writes are forgotten.
    pub(crate) async fn known(count: usize) -> (Self, Vec<String>) {
        let (stage, ids) = Self::web(count).await;
        stage.settle().await;
        (stage, ids)
    }

    /// Makes a pass that must end well, and forgets what it wrote and asked.
    pub(crate) async fn settle(&self) -> Ran {
        let ran = self.once().await;
        assert_eq!(ran.code, 0, "{ran:?}");
        self.sheets.desk().forget_writes();
        self.sheets.script().forget_calls();
        self.cloud.script().forget_calls();
        ran
    }

    /// Gives the spreadsheet an audit tab.
    pub(crate) fn with_audit_tab(&self) {
        self.sheets.edit(|book| {
            book.add_tab("AuditLog", 5, 7);
            for header in ["time", "run", "channel", "event", "from", "to", "detail"] {
                book.tab_mut("AuditLog").add_column(header);
            }
        });
    }

    /// As if it were long ago that the program looked whether there is an audit tab.
    pub(crate) async fn forget_the_look_for_an_audit_tab(&self) {
        let url = format!("sqlite:{}", self.path("state/fleetsheet.db").display());
        let store = SqliteStore::open(&url, Access::Write, fleetsheet::clock::now())
            .await
            .expect("store");
        let memory = store.load().await.expect("memory");
        let binding = Binding {
            audit: None,
            ..memory.binding.expect("binding")
        };
        let update = Update {
            binding: Some(binding),
            ..Update::default()
        };
        store.commit(&update).await.expect("commit");
    }

    /// The accounts of the configuration.
    pub(crate) fn accounts(&self) -> String {
        self.accounts.clone()
    }

    /// Replaces the accounts of the configuration.
    pub(crate) fn serve_accounts(&mut self, accounts: &str) {
        accounts.clone_into(&mut self.accounts);
        self.write_config();
    }

    /// Settles how the program is configured from now on.
    pub(crate) fn setting(&mut self, name: &'static str, value: &str) {
        self.settings.push((name, value.to_owned()));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write_config(&self) {
        let key = self.path("key.json");
        std::fs::write(&key, self.sheets.service_account_key_json().expect("key")).expect("key file");
        let text = format!(
            r#"[sheets]
spreadsheet_id = "{BOOK}"
credentials_file = "{key}"
endpoint = "{sheets}"
[aws]
endpoint_url = "{cloud}"
{accounts}
[tags]
managed = ["Owner"]
[dual_key]
a_editors = ["{SRE}"]
b_editors = ["{RELEASES}"]
owners = ["{OWNER}"]
[state]
url = "sqlite:{state}"
[limits]
create_tags_per_second = 100
sheets_per_minute = 300
[log]
dir = ""
[http]
listen = ""
"#,
            accounts = self.accounts,
            key = key.display(),
            sheets = self.sheets.endpoint(),
            cloud = self.cloud.endpoint(),
            state = self.path("state/fleetsheet.db").display(),
        );
        std::fs::write(self.path("fleetsheet.toml"), text).expect("config");
    }

    /// Runs the program; its standard output is parsed where it is JSON.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[]).await
    }

    pub(crate) async fn run_with(&self, arguments: &[&str], env: &[(&str, &str)]) -> Ran {
        let mut command = self.command(arguments);
        let output: Output = command.envs(env.iter().copied()).output().await.expect("runs");
        Ran::of(output)
    }

    /// The program with its configuration, ready to be started.
    pub(crate) fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_fleetsheet"));
        command
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("HOME", self.dir.path())
            .envs(self.settings.iter().map(|(name, value)| (*name, value.as_str())))
            .current_dir(self.dir.path())
            .arg("--config")
            .arg(self.path("fleetsheet.toml"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs the program on a terminal of so many columns, which gets both of its streams.
    pub(crate) async fn on_terminal(&self, columns: u16, arguments: &[&str], env: &[(&str, &str)]) -> Ran {
        let program = self.command(arguments);
        let program = program.as_std();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/terminal.py");
        let mut command = tokio::process::Command::new("python3");
        command
            .arg(script)
            .arg(columns.to_string())
            .arg(program.get_program())
            .args(program.get_args())
            .envs(
                program
                    .get_envs()
                    .filter_map(|(name, value)| value.map(|value| (name, value))),
            )
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .envs(env.iter().copied())
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let mut ran = Ran::of(command.output().await.expect("python3 runs"));
        ran.stdout = ran.stdout.replace("\r\n", "\n");
        ran
    }

    /// One pass with a JSON report.
    pub(crate) async fn once(&self) -> Ran {
        self.run(&["--once", "--format", "json"]).await
    }

    pub(crate) fn cell(&self, tab: &str, key: &str, header: &str) -> String {
        let column = if tab == RELEASE { "channel" } else { "serverId" };
        self.sheets.edit(|book| {
            let row = book
                .tab_mut(tab)
                .find(column, key)
                .unwrap_or_else(|| panic!("no row {key} in {tab}"));
            words(&book.get(tab, (row + 1, header)))
        })
    }

    pub(crate) fn set(&self, channel: &str, header: &str, value: impl Into<CellValue>) {
        let value = value.into();
        self.sheets.edit(|book| {
            let row = book.tab_mut("ReleaseSheet").find("channel", channel).expect("row");
            book.set("ReleaseSheet", (row + 1, header), value);
        });
    }

    /// Lets both groups type the version into their keys.
    pub(crate) fn turn_keys(&self, channel: &str, version: &str) {
        self.set(channel, "desiredVersionA", version);
        self.set(channel, "desiredVersionB", version);
    }

    /// A cell of the channel's row.
    pub(crate) fn release_cell(&self, channel: &str, header: &str) -> String {
        self.cell(RELEASE, channel, header)
    }

    /// A cell of the server's row.
    pub(crate) fn server_cell(&self, id: &str, header: &str) -> String {
        self.cell(SERVERS, id, header)
    }

    /// Lets somebody type into a cell of the server's row.
    pub(crate) fn set_server(&self, id: &str, header: &str, value: impl Into<CellValue>) {
        let value = value.into();
        self.sheets.edit(|book| {
            let row = book.tab_mut(SERVERS).find("serverId", id).expect("row");
            book.set(SERVERS, (row + 1, header), value);
        });
    }

    /// The version tag of a server; blank if it carries none.
    pub(crate) fn version(&self, id: &str) -> String {
        self.tag(id, "ReleaseVersion").unwrap_or_default()
    }

    pub(crate) fn tag(&self, id: &str, key: &str) -> Option<String> {
        self.cloud.tags(id).get(key).cloned()
    }
}

/// What a cell holds, in words that tell text from everything else.
pub(crate) fn words(value: &CellValue) -> String {
    match value {
        CellValue::Text(text) => text.clone(),
        CellValue::Empty => String::new(),
        other => format!("{other:?}"),
    }
}

/// A fleet of `count` running servers in one region, all in `channel` and on `version`, with their ids.
pub(crate) fn fleet(count: usize, channel: &str, version: &str) -> (Fleet, Vec<String>) {
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
