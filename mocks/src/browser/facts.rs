//! The world as the story and the page's side see it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::board::Board;
use super::story::{self, Facts, Happened};
use super::switches::Switches;
use crate::cloud::{Fleet, State};
use crate::sandbox::{ACCOUNTS, AUDIT_TAB, CHANNEL_TAG, RELEASE_TAB, SERVER_TAB, VERSION_TAG};
use crate::sheets::{CellValue, Spreadsheet, Tab};

fn text(tab: &Tab, row: usize, header: &str) -> String {
    match tab.column(header).map(|column| tab.value(row, column)) {
        Some(CellValue::Text(text)) => text.trim().to_owned(),
        _ => String::new(),
    }
}

fn of_channel(book: &Spreadsheet, channel: &str, header: &str) -> String {
    let tab = book.tab(RELEASE_TAB);
    tab.and_then(|tab| Some(text(tab, tab.find("channel", channel)?, header)))
        .unwrap_or_default()
}

/// Rows of the audit tab, its header among them.
pub(super) fn audit_rows(book: &Spreadsheet) -> usize {
    book.tab(AUDIT_TAB).map_or(0, Tab::data_rows)
}

/// What the audit tab says happened, from this row on. Passes from another terminal write there, too.
fn audited(book: &Spreadsheet, first: usize) -> impl Iterator<Item = Happened> {
    let tab = book.tab(AUDIT_TAB).into_iter();
    tab.flat_map(move |tab| {
        (first..tab.data_rows()).map(|row| Happened {
            channel: text(tab, row, "channel"),
            event: text(tab, row, "event"),
            from: text(tab, row, "from"),
            to: text(tab, row, "to"),
            detail: text(tab, row, "detail"),
        })
    })
}

/// What the story looks at. `began` is how many rows the audit tab had when it began.
pub(super) fn facts(book: &Spreadsheet, board: &Board, switches: &Switches, began: usize) -> Facts {
    let of = |header| of_channel(book, story::CHANNEL, header);
    let numbers = board.channels().iter().filter_map(|channel| {
        let status = channel["status"].as_str()?;
        let other = channel["channel"] != story::NUMBER && status.contains("holds the number");
        other.then(|| status.to_owned())
    });
    let ended = book.tab(SERVER_TAB).map_or(0, |tab| {
        let column = tab.column("status");
        let is = |row: &usize| column.is_some_and(|at| *tab.value(*row, at) == CellValue::from("terminated"));
        (1..tab.rows.len()).filter(is).count()
    });
    Facts {
        key_a: of("desiredVersionA"),
        key_b: of("desiredVersionB"),
        release: of("releaseVersion"),
        status: of("status"),
        other_status: of_channel(book, story::TAKEN_BACK, "status"),
        happened: board.happened().into_iter().chain(audited(book, began)).collect(),
        numbers: numbers.collect(),
        ended,
        away: switches.is_on("away"),
        unanswered: board.said_of(story::REGION),
        passes: board.count(),
    }
}

/// The servers by channel, in the order of the release tab: id, name, version, state, account and region of each.
pub(super) fn fleet(book: &Spreadsheet, fleet: &Fleet) -> Value {
    let mut order: Vec<String> = Vec::new();
    if let Some(tab) = book.tab(RELEASE_TAB) {
        let names = (1..tab.data_rows()).map(|row| text(tab, row, "channel"));
        order.extend(names.filter(|name| !name.is_empty()));
    }
    let mut channels: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let mut others = 0;
    for server in fleet.instances() {
        let tag = |key: &str| server.tags.get(key).map(String::as_str).unwrap_or_default();
        let channel = tag(CHANNEL_TAG);
        if !order.iter().any(|known| known == channel) {
            others += 1;
            continue;
        }
        let account = ACCOUNTS.iter().find(|account| account.number == server.account);
        let place = format!(
            "{}/{}",
            account.map_or(&*server.account, |account| account.name),
            server.region
        );
        let state = match server.state {
            State::Running => "",
            state => state.name(),
        };
        let dot = json!([server.id, tag("Name"), tag(VERSION_TAG), state, place]);
        channels.entry(channel).or_default().push(dot);
    }
    let shown: Vec<Value> = order
        .iter()
        .map(|name| json!({ "name": name, "servers": channels.remove(name.as_str()).unwrap_or_default() }))
        .collect();
    json!({ "channels": shown, "others": others })
}
