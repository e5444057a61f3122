//! An emulator with a small spreadsheet, and the adapter connected to it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fleetsheet::adapters::google_sheets::{GoogleSheets, Settings};
use fleetsheet::calls::Calls;
use fleetsheet::sheet::{Cell, Mark, RawSpreadsheet, RawTab, SheetError, SheetErrorKind, SheetReader, TabRequest};
use fleetsheet_mocks::sheets::{CellValue, SheetsEmulator, Spreadsheet, Tab};

pub(crate) const ID: &str = "1AbC-d_2";
pub(crate) const RELEASES: &str = "ReleaseSheet";
pub(crate) const SERVERS: &str = "ServerTagAssignment";

pub(crate) struct World {
    pub(crate) emulator: SheetsEmulator,
    pub(crate) sheets: GoogleSheets,
    pub(crate) calls: Calls,
    pub(crate) key: PathBuf,
    _dir: tempfile::TempDir,
}

pub(crate) fn texts(rows: &[&[&str]]) -> Vec<Vec<CellValue>> {
    rows.iter()
        .map(|row| row.iter().map(|text| CellValue::from(*text)).collect())
        .collect()
}

pub(crate) fn book() -> Spreadsheet {
    let releases = texts(&[
        &["channel", "desiredVersionA", "status", "updatedAt"],
        &["web-prod", "2.4.0"],
        &["db"],
    ]);
    let servers = texts(&[&["serverId", "channel", "status"], &["i-1", "web-prod"], &[], &["i-2"]]);
    Spreadsheet::new(ID, "Fleet", "owner@example.com")
        .with_tab(Tab::with_rows(0, RELEASES, releases).with_grid(50, 6))
        .with_tab(Tab::with_rows(11, SERVERS, servers).with_grid(50, 6))
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::of(book()).await
    }

    pub(crate) async fn of(book: Spreadsheet) -> Self {
        let emulator = SheetsEmulator::start(book).await.unwrap();
        // Otherwise each refusal for want of quota would cost a test a minute.
        emulator.desk().set_retry_after(Some(Duration::from_secs(1)));
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key.json");
        std::fs::write(&key, emulator.service_account_key_json().unwrap()).unwrap();
        let calls = Calls::default();
        let sheets = GoogleSheets::connect(settings(&emulator, &key), calls.clone())
            .await
            .unwrap();
        Self {
            emulator,
            sheets,
            calls,
            key,
            _dir: dir,
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        settings(&self.emulator, &self.key)
    }

    /// Gives up after so many milliseconds, retries and all.
    pub(crate) fn within(&self, millis: u64) -> GoogleSheets {
        self.sheets
            .with_deadline(Instant::now() + Duration::from_millis(millis))
    }

    pub(crate) async fn read(&self) -> RawSpreadsheet {
        self.sheets
            .read(&[TabRequest::whole(RELEASES), TabRequest::whole(SERVERS)])
            .await
            .unwrap()
    }

    pub(crate) fn counted(&self, method: &str) -> u64 {
        let counted = self.calls.snapshot().get(method).copied().unwrap_or_default();
        assert_eq!(
            counted,
            self.emulator.script().count(method),
            "requests to {method} are counted as made"
        );
        counted
    }

    /// Nothing that opens anything may stand in a message.
    #[track_caller]
    pub(crate) fn failed<T: std::fmt::Debug>(&self, result: Result<T, SheetError>, kind: SheetErrorKind, words: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        let everything = format!("{error} {error:?} {:?}", self.sheets);
        assert!(error.message.contains(words), "{error}");
        assert!(
            !error.message.contains('\n') && error.message.chars().count() <= 700,
            "{error}"
        );
        for secret in ["ya29", "PRIVATE KEY", "Bearer", "eyJ"] {
            assert!(!everything.contains(secret), "{everything}");
        }
        let key = std::fs::read_to_string(&self.key).unwrap_or_default();
        for line in key.split("\\n").filter(|line| line.len() == 64) {
            assert!(!everything.contains(line), "{everything}");
        }
    }
}

fn settings(emulator: &SheetsEmulator, key: &std::path::Path) -> Settings {
    Settings {
        spreadsheet_id: ID.into(),
        credentials_file: Some(key.to_owned()),
        endpoint: Some(emulator.endpoint().parse().unwrap()),
        request_timeout: Duration::from_secs(5),
        sheets_per_minute: 3000,
    }
}

pub(crate) fn tab<'a>(spreadsheet: &'a RawSpreadsheet, title: &str) -> &'a RawTab {
    spreadsheet.tabs.iter().find(|tab| tab.title == title).unwrap()
}

pub(crate) fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

pub(crate) fn at(marks: &[Mark]) -> Vec<(i64, &str, Option<u32>)> {
    marks
        .iter()
        .map(|mark| (mark.id, mark.value.as_str(), mark.column))
        .collect()
}
