//! `fleetsheet check` against the emulators: all good, each thing broken alone, several at once, and nothing written ever.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it fails")]

mod broken;
mod machine;
mod rollouts;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fleetsheet_mocks::cloud::TagWrite;
use fleetsheet_mocks::sheets::Spreadsheet;
use fleetsheet_mocks::smtp::{SmtpEmulator, SmtpOptions};
use serde_json::Value;

use crate::stage::{Ran, Stage};

const USER: &str = "fleet";
const PASSWORD: &str = "s3cret-Pa55word";
const JSON: [&str; 3] = ["check", "--format", "json"];

/// A stage on which a pass would work, with a mail server.
struct Bench {
    stage: Stage,
    smtp: SmtpEmulator,
    ids: Vec<String>,
}

/// Everything that a check could have changed.
#[derive(Debug, PartialEq)]
struct World {
    book: Spreadsheet,
    tags: Vec<TagWrite>,
    mails: usize,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Bench {
    async fn new() -> Self {
        let (mut stage, ids) = Stage::web(3).await;
        let options = SmtpOptions {
            login: Some((USER.to_owned(), PASSWORD.to_owned())),
            auth_required: true,
            ..SmtpOptions::default()
        };
        let smtp = SmtpEmulator::start(options).await.expect("mail server");
        let url = format!("smtp://{USER}:{PASSWORD}@{}", smtp.addr());
        stage.setting("FLEETSHEET_EMAIL__SMTP_URL", &url);
        stage.setting("FLEETSHEET_EMAIL__FROM", "fleetsheet@example.com");
        stage.setting("FLEETSHEET_EMAIL__TO", "[\"ops@example.com\"]");
        let bench = Self { stage, smtp, ids };
        bench.set_mode("key.json", 0o600);
        bench
    }

    fn set_mode(&self, file: &str, mode: u32) {
        std::fs::set_permissions(self.stage.path(file), Permissions::from_mode(mode)).expect("mode");
    }

    fn world(&self) -> World {
        World {
            book: self.stage.sheets.book(),
            tags: self.stage.cloud.audit(),
            mails: self.smtp.messages().len(),
            files: files(self.stage.dir.path()),
        }
    }

    /// Runs `check`, which must change nothing and show no secret.
    async fn check(&self) -> Checked {
        self.check_with(&JSON).await
    }

    async fn check_with(&self, arguments: &[&str]) -> Checked {
        let before = self.world();
        let ran = self.stage.run(arguments).await;
        assert_eq!(self.world(), before, "{ran:?}");
        let key: Value =
            serde_json::from_slice(&std::fs::read(self.stage.path("key.json")).unwrap_or_default()).unwrap_or_default();
        let private = key["private_key"].as_str().unwrap_or_default().lines().nth(1);
        let secrets = [PASSWORD, fleetsheet_mocks::cloud::SECRET_KEY, "ya29."];
        for secret in secrets.into_iter().chain(private) {
            let shown = ran.stdout.contains(secret) || ran.stderr.contains(secret);
            assert!(!shown, "{secret}: {ran:?}");
        }
        Checked(ran)
    }
}

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).expect("directory") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            found.insert(path.clone(), Vec::new());
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).expect("file"));
        }
    }
    found
}

/// What a check said.
#[derive(Debug)]
struct Checked(Ran);

impl Checked {
    fn lines(&self) -> &Vec<Value> {
        self.0.json["checks"]
            .as_array()
            .unwrap_or_else(|| panic!("no checks: {:?}", self.0))
    }

    /// The items with a line of this verdict.
    fn items(&self, verdict: &str) -> BTreeSet<&str> {
        let lines = self.lines().iter().filter(|line| line["verdict"] == verdict);
        lines.map(|line| line["check"].as_str().expect("name")).collect()
    }

    /// What an item's lines of this verdict say, place and fix included.
    fn says(&self, verdict: &str, item: &str) -> String {
        let lines = self.lines().iter();
        let lines = lines.filter(|line| line["verdict"] == verdict && line["check"] == item);
        let word = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
        lines
            .map(|line| ["where", "message", "fix"].map(|field| word(line, field)).join(" | "))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Exactly these items are wrong, and exactly these could not be looked at.
    #[track_caller]
    fn assert_wrong(&self, what: &str, wrong: &[&str], not_checked: &[&str]) {
        let set = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect::<BTreeSet<_>>();
        let found = |verdict| self.items(verdict).into_iter().map(str::to_owned).collect();
        assert_eq!(
            (set(wrong), set(not_checked)),
            (found("wrong"), found("not_checked")),
            "{what}: {self:#?}"
        );
        let code = i32::from(!wrong.is_empty());
        let outcome = if wrong.is_empty() { "done" } else { "failed" };
        assert_eq!(
            (self.0.code, self.0.json["outcome"].as_str()),
            (code, Some(outcome)),
            "{what}"
        );
        let bad = self.lines().iter().filter(|line| line["ok"] == false).count();
        assert_eq!(self.0.json["problems"].as_array().unwrap().len(), bad, "{what}");
    }
}
