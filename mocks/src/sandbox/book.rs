//! The spreadsheet as people have filled it in: what the service writes is still blank.

use serde_json::{Value, json};

use crate::sheets::{CellValue, GridRange, Protected, SERVICE_ACCOUNT, Spreadsheet, Tab};

use super::names::{
    A_EDITORS, AUDIT_TAB, B_EDITORS, OWNER, RELEASE_MANAGER, RELEASE_TAB, SERVER_TAB, SPREADSHEET, SRE,
};
use super::roster::{CHANNELS, Roster, UNRELEASED};

const RELEASE_COLUMNS: [&str; 11] = [
    "channel",
    "desiredVersionA",
    "desiredVersionB",
    "enabled",
    "rollback",
    "advance",
    "notes",
    "releaseVersion",
    "previousVersion",
    "status",
    "updatedAt",
];
const SERVER_COLUMNS: [&str; 13] = [
    "serverId",
    "channel",
    "hold",
    "canary",
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
const AUDIT_COLUMNS: [&str; 7] = ["time", "run", "channel", "event", "from", "to", "detail"];

/// Widths, so that most of a tab is in view beside a fleet; the others have the usual one.
const WIDTHS: [(&str, u64); 22] = [
    ("channel", 104),
    ("desiredVersionA", 120),
    ("desiredVersionB", 120),
    ("enabled", 68),
    ("rollback", 68),
    ("advance", 70),
    ("notes", 80),
    ("releaseVersion", 110),
    ("previousVersion", 118),
    ("status", 400),
    ("updatedAt", 190),
    ("serverId", 160),
    ("hold", 48),
    ("canary", 56),
    ("tag:Owner", 92),
    ("name", 170),
    ("account", 66),
    ("region", 84),
    ("state", 80),
    ("time", 170),
    ("run", 190),
    ("detail", 420),
];

/// Columns that only the service writes, in both tabs.
const SERVICE_COLUMNS: [&str; 8] = [
    "name",
    "account",
    "region",
    "state",
    "releaseVersion",
    "previousVersion",
    "status",
    "updatedAt",
];

/// Blank rows below the data, as in every sheet that people use.
const SPARE_ROWS: usize = 50;

pub(super) fn book(roster: &Roster) -> Spreadsheet {
    let mut book = Spreadsheet::new(SPREADSHEET, "Releases (sandbox)", OWNER)
        .with_tab(tab(101, RELEASE_TAB, release_rows()))
        .with_tab(tab(102, SERVER_TAB, server_rows(roster)))
        .with_tab(tab(103, AUDIT_TAB, vec![headers(&AUDIT_COLUMNS)]));
    for (group, member) in [(A_EDITORS, SRE), (B_EDITORS, RELEASE_MANAGER)] {
        book.groups.insert(group.to_owned(), [member.to_owned()].into());
    }
    dress(&mut book);
    protect(&mut book);
    book
}

fn tab(id: i64, title: &str, rows: Vec<Vec<CellValue>>) -> Tab {
    let height = rows.len() + SPARE_ROWS;
    let mut tab = Tab::with_rows(id, title, rows).with_grid(height, 1);
    tab.frozen_rows = 1;
    for (header, pixels) in WIDTHS {
        if let Some(column) = tab.column(header) {
            tab.columns[column].pixels = Some(pixels);
        }
    }
    tab
}

fn headers(texts: &[&str]) -> Vec<CellValue> {
    texts.iter().map(|text| CellValue::from(*text)).collect()
}

fn release_rows() -> Vec<Vec<CellValue>> {
    let rows = CHANNELS.iter().map(|channel| {
        let (a, b) = match channel.name {
            UNRELEASED => ("1.9.0", "1.8.2"),
            _ => (channel.version, channel.version),
        };
        vec![
            channel.name.into(),
            a.into(),
            b.into(),
            true.into(),
            false.into(),
            false.into(),
        ]
    });
    std::iter::once(headers(&RELEASE_COLUMNS)).chain(rows).collect()
}

fn server_rows(roster: &Roster) -> Vec<Vec<CellValue>> {
    let rows = roster.servers.iter().map(|server| {
        vec![
            server.id.as_str().into(),
            server.channel.unwrap_or_default().into(),
            false.into(),
            false.into(),
            server.owner.unwrap_or_default().into(),
        ]
    });
    std::iter::once(headers(&SERVER_COLUMNS)).chain(rows).collect()
}

/// Plain text where versions are typed, so that 1.10 stays 1.10, and checkboxes where boxes are ticked.
fn dress(book: &mut Spreadsheet) {
    let text = json!({ "numberFormat": { "type": "TEXT" } });
    let checkbox = json!({ "condition": { "type": "BOOLEAN" }, "strict": true });
    for (tab, header, rule) in [
        (RELEASE_TAB, "channel", &text),
        (RELEASE_TAB, "desiredVersionA", &text),
        (RELEASE_TAB, "desiredVersionB", &text),
        (RELEASE_TAB, "enabled", &checkbox),
        (RELEASE_TAB, "rollback", &checkbox),
        (RELEASE_TAB, "advance", &checkbox),
        (SERVER_TAB, "serverId", &text),
        (SERVER_TAB, "channel", &text),
        (SERVER_TAB, "hold", &checkbox),
        (SERVER_TAB, "canary", &checkbox),
        (SERVER_TAB, "tag:Owner", &text),
    ] {
        dress_column(book.tab_mut(tab), header, rule);
    }
}

fn dress_column(tab: &mut Tab, header: &str, rule: &Value) {
    let Some(column) = tab.column(header) else { return };
    let filled = tab.data_rows();
    for (number, row) in tab.rows.iter_mut().enumerate().skip(1) {
        let Some(cell) = row.cells.get_mut(column) else {
            continue;
        };
        if rule.get("condition").is_none() {
            cell.format = Some(Box::new(rule.clone()));
        } else if number < filled {
            cell.validation = Some(Box::new(rule.clone()));
        }
    }
}

/// What `init` makes: each key to its group, the channel to nobody but the owner, headers and the service's columns to the service;
/// in the tab of servers the last two only warn, so that editors can delete, insert and sort rows.
///
/// Where the owner is named, the page in the browser lets its user play the owner.
fn protect(book: &mut Spreadsheet) {
    for (header, groups) in [
        ("desiredVersionA", &[A_EDITORS][..]),
        ("desiredVersionB", &[B_EDITORS]),
        ("enabled", &[A_EDITORS, B_EDITORS]),
        ("rollback", &[A_EDITORS, B_EDITORS]),
        ("advance", &[A_EDITORS, B_EDITORS]),
    ] {
        let id = book.protect_column(RELEASE_TAB, header, &[SERVICE_ACCOUNT]);
        let protected = describe(book, id, header);
        protected.groups = groups.iter().map(|group| (*group).to_owned()).collect();
    }
    let owners = [OWNER, SERVICE_ACCOUNT];
    let row_one = |sheet_id| GridRange::rows(sheet_id, 0..1);
    let mut strict = vec![
        (book.protect_column(RELEASE_TAB, "channel", &owners), "channel"),
        (book.protect(RELEASE_TAB, row_one, &owners), "headers"),
        (book.protect(AUDIT_TAB, GridRange::sheet, &owners), "whole tab"),
    ];
    let mut warning = vec![(book.protect(SERVER_TAB, row_one, &[]), "headers")];
    for header in SERVICE_COLUMNS {
        if RELEASE_COLUMNS.contains(&header) {
            strict.push((book.protect_column(RELEASE_TAB, header, &owners), header));
        }
        if SERVER_COLUMNS.contains(&header) {
            warning.push((book.protect_column(SERVER_TAB, header, &[]), header));
        }
    }
    for (id, what) in strict {
        describe(book, id, what);
    }
    for (id, what) in warning {
        describe(book, id, what).warning_only = true;
    }
}

/// Describes a range as `init` does, which knows its own by that.
fn describe<'b>(book: &'b mut Spreadsheet, id: i64, what: &str) -> &'b mut Protected {
    let protected = book.protected_mut(id);
    protected.description = format!("fleetsheet: {what}");
    protected
}
