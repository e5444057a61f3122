//! `fleetsheet add`, the real program against the emulators: rows for servers that carry certain tags, each once whatever fails,
//! and no tag.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod refused;
mod rows;
mod trouble;

use fleetsheet_mocks::cloud::Fleet;
use fleetsheet_mocks::sheets::CellValue;

use crate::stage::{ACCOUNT, REGION, Ran, SERVERS, Stage, words};

const EAST: &str = "us-east-1";

/// A fleet as it is before fleetsheet: no server has a row or a channel.
struct Untagged {
    stage: Stage,
    /// Two of prod in each region, and one of staging.
    prod: Vec<String>,
    staging: String,
}

impl Untagged {
    async fn new() -> Self {
        let mut fleet = Fleet::new(ACCOUNT);
        let mut add = |region: &str, name: &str, env: &str, team: &str| {
            fleet.launch(ACCOUNT, region, [("Name", name), ("Env", env), ("Team", team)])
        };
        let prod = vec![
            add(REGION, "web-1", "prod", "web"),
            add(REGION, "web-2", "prod", "web"),
            add(EAST, "api-1", "prod", "api"),
            add(EAST, "api-2", "prod", "api"),
        ];
        let staging = add(REGION, "web-s", "staging", "web");
        let channels = [("web-prod", "", "", true), ("api-prod", "", "", true)];
        let mut stage = Stage::new(&channels, &[], fleet).await;
        stage.serve_accounts(&format!(
            "[[aws.account]]\nname = \"main\"\nregions = [\"{REGION}\", \"{EAST}\"]\n"
        ));
        Self { stage, prod, staging }
    }

    async fn add(&self, more: &[&str]) -> Ran {
        self.stage.add(more).await
    }
}

impl Stage {
    async fn add(&self, more: &[&str]) -> Ran {
        let arguments: Vec<&str> = ["add", "--format", "json"].iter().chain(more).copied().collect();
        self.run(&arguments).await
    }

    /// Every row of the server tab that holds an id: id, channel, hold; in order.
    fn listed(&self) -> Vec<[String; 3]> {
        self.sheets.edit(|book| {
            let rows = book.tab_mut(SERVERS).rows.len();
            let cell = |row: usize, header: &str| words(&book.get(SERVERS, (row, header)));
            let mut listed: Vec<[String; 3]> = (2..=rows)
                .map(|row| ["serverId", "channel", "hold"].map(|header| cell(row, header)))
                .filter(|row| !row[0].is_empty())
                .collect();
            listed.sort();
            listed
        })
    }
}

/// Rows without a box, as [`Stage::listed`] gives them.
fn rows<'a>(rows: impl IntoIterator<Item = (&'a String, &'a str)>) -> Vec<[String; 3]> {
    let row = |(id, channel): (&String, &str)| [id.clone(), channel.to_owned(), String::new()];
    let mut rows: Vec<[String; 3]> = rows.into_iter().map(row).collect();
    rows.sort();
    rows
}

/// A cell of an array formula that fills the column of `header` from another one.
fn filled(stage: &Stage, header: &str) {
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(SERVERS);
        tab.add_column("source");
        let (from, to) = (tab.column(header).unwrap(), tab.column("source").unwrap());
        for row in &mut tab.rows[1..] {
            row.cells[to].value = std::mem::take(&mut row.cells[from].value);
        }
        let letter = char::from(b'A' + u8::try_from(to).unwrap());
        tab.rows[1].cells[from].value = CellValue::formula(format!("=ARRAYFORMULA({letter}2:{letter})"), "");
    });
}
