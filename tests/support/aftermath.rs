//! What a pass left behind, to compare with what it should have; and the ways to disturb one.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fleetsheet_mocks::faults::{Fault, Script, When};
use fleetsheet_mocks::sheets::{CellValue, Spreadsheet};

use super::stage::{RELEASE, Ran, SERVERS, Stage, words};

pub(crate) const SERVICE_COLUMNS: [&str; 8] = [
    "releaseVersion",
    "previousVersion",
    "status",
    "updatedAt",
    "name",
    "account",
    "region",
    "state",
];

/// A row's cells that hold anything, by header.
pub(crate) type Row = BTreeMap<String, String>;

/// Tags and rows, without what differs from pass to pass: the times.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct World {
    pub(crate) tags: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) releases: Vec<Row>,
    pub(crate) servers: Vec<Row>,
}

/// The rows of a tab that hold anything, each by header; in order of their keys and then of their cells.
fn rows(book: &Spreadsheet, tab: &str, keep: impl Fn(&str) -> bool) -> Vec<Row> {
    let tab = book.tab(tab).expect("tab");
    let headers: Vec<String> = tab.rows[0]
        .cells
        .iter()
        .map(|cell| words(&cell.value).trim().to_owned())
        .collect();
    let mut rows: Vec<Row> = tab.rows[1..]
        .iter()
        .map(|row| {
            headers
                .iter()
                .zip(&row.cells)
                .map(|(header, cell)| (header.clone(), words(&cell.value)))
        })
        .map(|cells| {
            cells
                .filter(|(header, text)| keep(header) && !text.is_empty())
                .collect()
        })
        .filter(|row: &Row| !row.is_empty())
        .collect();
    rows.sort();
    rows
}

/// Every cell that people own, whichever row and column it stands in by now.
pub(crate) fn human_cells(book: &Spreadsheet) -> [Vec<Row>; 2] {
    [RELEASE, SERVERS].map(|tab| rows(book, tab, |header| !SERVICE_COLUMNS.contains(&header)))
}

impl Stage {
    pub(crate) fn world(&self) -> World {
        let book = self.sheets.book();
        let timeless = |header: &str| header != "updatedAt";
        World {
            tags: self
                .cloud
                .edit(|fleet| fleet.instances().map(|i| (i.id.clone(), i.tags.clone())).collect()),
            releases: rows(&book, RELEASE, timeless),
            servers: rows(&book, SERVERS, timeless),
        }
    }

    /// Names and contents of all files of the state directory.
    pub(crate) fn state_files(&self) -> Vec<(String, Vec<u8>)> {
        let Ok(entries) = std::fs::read_dir(self.path("state")) else {
            return Vec::new();
        };
        let paths = entries.map(|entry| entry.expect("entry").path());
        let mut files: Vec<_> = paths
            .map(|path| (path.display().to_string(), std::fs::read(&path).expect("file")))
            .collect();
        files.sort();
        files
    }

    /// What the audit tab says in detail, a line each.
    pub(crate) fn audit_details(&self) -> Vec<String> {
        let lines = rows(&self.sheets.book(), "AuditLog", |header| header == "detail");
        lines.into_iter().filter_map(|mut line| line.remove("detail")).collect()
    }

    /// Lines of the audit tab: event, channel, from, to.
    pub(crate) fn audit_lines(&self) -> Vec<[String; 4]> {
        let lines = rows(&self.sheets.book(), "AuditLog", |_| true);
        let cell = |line: &Row, header: &str| line.get(header).cloned().unwrap_or_default();
        lines
            .iter()
            .map(|line| ["event", "channel", "from", "to"].map(|header| cell(line, header)))
            .collect()
    }

    /// The API wrote to service columns only; human cells it only filled in rows that it appended itself.
    pub(crate) fn assert_only_service_cells_were_written(&self) {
        for write in self.sheets.writes() {
            let appended = write.method == "sheets.batchUpdate" && write.before == CellValue::Empty;
            let service = SERVICE_COLUMNS.contains(&write.header.as_str());
            // An append lays a row over all columns, and what it leaves empty is written as nothing.
            let untouched = write.before == CellValue::Empty && write.after == CellValue::Empty;
            assert!(appended || service || untouched, "{write:?}");
        }
    }

    /// No server stands in two rows, and no two rows carry the same time.
    pub(crate) fn assert_rows_are_single(&self) {
        let book = self.sheets.book();
        for (tab, key) in [(RELEASE, "channel"), (SERVERS, "serverId")] {
            for header in [key, "updatedAt"] {
                let mut seen: Vec<String> = rows(&book, tab, |h| h == header)
                    .into_iter()
                    .filter_map(|mut row| row.remove(header))
                    .collect();
                let all = seen.len();
                seen.dedup();
                assert_eq!(seen.len(), all, "{header} of {tab}: {seen:?}");
            }
        }
    }

    /// Each row shows what the cloud says of its own server, and each channel its release.
    pub(crate) fn assert_rows_show_their_own(&self, release: &str) {
        for row in rows(&self.sheets.book(), SERVERS, |_| true) {
            let Some(id) = row.get("serverId") else { continue };
            assert_eq!(row.get("name"), self.tag(id, "Name").as_ref(), "{row:?}");
            assert_eq!(row.get("releaseVersion").map(String::as_str), Some(release), "{row:?}");
            assert_eq!(row.get("status").map(String::as_str), Some("in sync"), "{row:?}");
            assert!(row.contains_key("updatedAt"), "{row:?}");
            assert_eq!(self.version(id), release, "{row:?}");
        }
    }

    /// Makes a pass that must find nothing to do and write nothing.
    pub(crate) async fn assert_silent(&self) -> Ran {
        self.sheets.desk().forget_writes();
        let tags = self.cloud.audit().len();
        let ran = self.once().await;
        assert_eq!(ran.json["changed"], 0, "{ran:?}");
        assert_eq!(self.sheets.writes(), [], "{ran:?}");
        assert_eq!(self.cloud.audit().len(), tags, "{ran:?}");
        assert_eq!(ran.problems_of("unauthorised_edit"), [""; 0]);
        ran
    }

    /// Makes a pass that is killed when its nth request to an emulator has come in. `taken` says whether the request
    /// still takes effect.
    pub(crate) async fn killed_at(&self, script: &Script, nth: u64, taken: bool) {
        let pass = ["--once", "--format", "json"];
        self.killed_while(&pass, script, nth, taken).await;
    }

    /// The same of any command.
    pub(crate) async fn killed_while(&self, arguments: &[&str], script: &Script, nth: u64, taken: bool) {
        self.killed_in(arguments, script, "*", nth, taken).await;
    }

    /// The same at the nth request of a method.
    pub(crate) async fn killed_in(&self, arguments: &[&str], script: &Script, method: &str, nth: u64, taken: bool) {
        let pid = Arc::new(OnceLock::new());
        let victim = Arc::clone(&pid);
        if !taken {
            script.fail(method, When::Nth(nth), Fault::ResetBefore);
        }
        // A worker that just blocked would stall the runtime's sockets with it.
        script.before(method, nth, move || {
            tokio::task::block_in_place(|| kill(*victim.wait()))
        });
        let mut command = self.command(arguments);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        pid.set(child.id().expect("runs")).expect("once");
        let status = child.wait().await.expect("ends");
        assert_eq!(status.signal(), Some(9), "it made no request {nth} of {method}");
        script.clear();
    }
}

/// Kills a process the hard way and waits until it is dead.
fn kill(pid: u32) {
    let killed = Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status()
        .expect("kill");
    assert!(killed.success());
    let is_alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    while is_alive() {
        std::thread::sleep(Duration::from_millis(1));
    }
}
