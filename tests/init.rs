//! `fleetsheet init`, the real program against the emulated spreadsheet: what it makes of an empty file, what it leaves
//! alone in a used one, what it does about protections that do not hold, and what editors can do after it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it fails")]

mod editing;
mod laws;
mod made;
mod protections;
mod running;
mod templates;
mod trouble;
mod used;

use fleetsheet_mocks::cloud::Fleet;
use fleetsheet_mocks::sheets::Spreadsheet;

use crate::stage::{self, ACCOUNT, Ran, Stage};

impl Stage {
    /// A file as Google makes it.
    async fn empty() -> Self {
        let stage = Self::new(&[], &[], Fleet::new(ACCOUNT)).await;
        stage.sheets.edit(|book| {
            book.tabs.clear();
            book.add_tab("Sheet1", 1000, 26);
        });
        stage
    }

    async fn init(&self, more: &[&str]) -> Ran {
        let arguments: Vec<&str> = ["init", "--format", "json"].iter().chain(more).copied().collect();
        self.run(&arguments).await
    }

    /// Runs it; it must find a finished sheet and change nothing.
    async fn assert_finished(&self) {
        let before = self.sheets.book();
        let writes = self.sheets.script().count("sheets.batchUpdate");
        let ran = self.init(&[]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(ran.json["outcome"], "done", "{ran:?}");
        assert_eq!(steps(&ran), [""; 0]);
        assert_eq!(self.sheets.script().count("sheets.batchUpdate"), writes, "{ran:?}");
        assert!(self.sheets.book() == before);
    }
}

/// What was done, each with its place.
fn steps(ran: &Ran) -> Vec<String> {
    let steps = ran.json["steps"]
        .as_array()
        .unwrap_or_else(|| panic!("no steps: {ran:?}"));
    let words = |step: &serde_json::Value| {
        format!(
            "{}: {}",
            step["where"].as_str().unwrap(),
            step["what"].as_str().unwrap()
        )
    };
    steps.iter().map(words).collect()
}

/// Headers of a tab, blank ones too.
fn headers(book: &Spreadsheet, tab: &str) -> Vec<String> {
    let cells = &book.tab(tab).expect("tab").rows[0].cells;
    cells.iter().map(|cell| stage::words(&cell.value)).collect()
}
