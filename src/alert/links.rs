//! Addresses of cells in the spreadsheet, as its editor understands them.

use std::collections::BTreeMap;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::input::Rules;
use crate::memory::Memory;
use crate::pass_end::PassEnd;
use crate::report::Report;
use crate::sheet::parse::Sheet;

/// What an id or a range is left as it is for.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b':');

/// Where everything is that a problem may name as its place.
#[derive(Clone, Debug)]
pub struct Links {
    /// The spreadsheet itself.
    pub sheet: String,
    id: String,
    /// Ids of tabs, by title.
    tabs: BTreeMap<String, i64>,
    /// Tab id and row of channels and servers.
    rows: BTreeMap<Arc<str>, (i64, u32)>,
}

impl Links {
    /// From the sheet where it could be read, else from what is remembered of its tabs.
    #[must_use]
    pub fn new(rules: &Rules<'_>, sheet: Option<&Sheet>, memory: &Memory) -> Self {
        let mut links = Self {
            sheet: spreadsheet(rules.spreadsheet),
            id: rules.spreadsheet.to_owned(),
            tabs: BTreeMap::new(),
            rows: BTreeMap::new(),
        };
        if let Some(bound) = memory.binding.as_ref().filter(|b| b.spreadsheet == rules.spreadsheet) {
            links.tabs.insert(rules.names.release_tab.clone(), bound.release_tab);
            links.tabs.insert(rules.names.server_tab.clone(), bound.server_tab);
        }
        let Some(sheet) = sheet else { return links };
        let (release, servers) = (&sheet.display.release.layout, &sheet.display.servers.layout);
        for layout in [release, servers] {
            links.tabs.insert(layout.title.clone(), layout.sheet_id);
        }
        let of_servers = sheet.display.servers.rows.iter();
        links
            .rows
            .extend(of_servers.map(|r| ((&r.id).into(), (servers.sheet_id, r.row))));
        let of_channels = sheet.display.release.rows.iter();
        links
            .rows
            .extend(of_channels.map(|r| ((&r.channel).into(), (release.sheet_id, r.row))));
        // A channel that has no row is where a server names it.
        for asked in &sheet.intent.servers {
            if let Some(channel) = &asked.channel
                && !links.rows.contains_key(channel.as_str())
            {
                let first = (servers.sheet_id, asked.origin.row);
                links.rows.insert(channel.into(), first);
            }
        }
        links
    }

    /// Where everything is that the end of a pass may name.
    #[must_use]
    pub fn at(end: &PassEnd, memory: &Memory, rules: &Rules<'_>) -> Self {
        let sheet = end.decided().map(|decided| &decided.observed.sheet);
        Self::new(rules, sheet, memory)
    }

    /// The address of a cell, a tab, a channel or a server; empty when it is not in the sheet.
    #[must_use]
    pub fn to(&self, place: &str) -> String {
        if let Some((gid, row)) = self.rows.get(place) {
            return self.address(*gid, &format!("{row}:{row}"));
        }
        if let Some(gid) = self.tabs.get(&unquoted(place)) {
            return format!("{}#gid={gid}", self.sheet);
        }
        if place == self.id || place == "spreadsheet" {
            return self.sheet.clone();
        }
        let cell = |(tab, cell): (&str, &str)| is_cell(cell).then(|| (unquoted(tab), cell.to_owned()));
        let row = |(tab, row): (&str, &str)| is_row(row).then(|| (unquoted(tab), format!("{row}:{row}")));
        let split = place.rsplit_once('!').and_then(cell);
        let split = split.or_else(|| place.rsplit_once(" row ").and_then(row));
        split
            .and_then(|(tab, range)| Some(self.address(*self.tabs.get(&tab)?, &range)))
            .unwrap_or_default()
    }

    /// Where what a report names is in the spreadsheet: its channels, and the places of its problems.
    #[must_use]
    pub fn of(&self, report: &Report) -> BTreeMap<String, String> {
        let channels = report.channels.iter().map(|line| line.name.as_str());
        let places = report.problems.iter().map(|problem| problem.place.as_str());
        let found = channels.chain(places).map(|place| (place.to_owned(), self.to(place)));
        found.filter(|(_, address)| !address.is_empty()).collect()
    }

    fn address(&self, gid: i64, range: &str) -> String {
        format!("{}#gid={gid}&range={}", self.sheet, utf8_percent_encode(range, PLAIN))
    }
}

/// The address of a spreadsheet.
#[must_use]
pub fn spreadsheet(id: &str) -> String {
    format!(
        "https://docs.google.com/spreadsheets/d/{}/edit",
        utf8_percent_encode(id, PLAIN)
    )
}

fn is_row(text: &str) -> bool {
    (1..=7).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_cell(text: &str) -> bool {
    let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
    (1..=3).contains(&letters) && is_row(&text[letters..])
}

/// A tab's title as it is, from the way formulas and messages write it.
fn unquoted(title: &str) -> String {
    match title.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')) {
        Some(inner) => inner.replace("''", "'"),
        None => title.to_owned(),
    }
}
