//! Turns raw cells into what people meant and what the service shows.
//!
//! Collects every error of a sheet instead of stopping at the first, and never guesses: a cell that is not what its column
//! holds becomes an error that names the cell and the fix.

mod cells;
mod rows;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::display::Display;
use super::filled::filled;
use super::intent::Intent;
use super::layout::{
    Layout, NOTES, RELEASE_NEEDS, RELEASE_SERVICE, RUNNING, SERVER_NEEDS, SERVER_SERVICE, audit_layout, find_running,
    find_tab, layout, missing_service, tag_columns,
};
use super::names::Names;
use super::protection::{Approval, closed};
use super::{RawSpreadsheet, RawTab, STORE_MARK};
use crate::problem::Problem;

pub use cells::check_channel;
use rows::{Asked, release_rows, server_rows};

/// A spreadsheet that could be understood as a whole; single rows may still have errors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// What people ask for.
    pub intent: Intent,
    /// What the service shows.
    pub display: Display,
    /// Who may turn the keys.
    pub approval: Approval,
    /// What is wrong besides the rows' own errors, and stops nothing.
    pub problems: Vec<Problem>,
}

/// Understands a spreadsheet.
///
/// # Errors
/// All reasons why nothing may be decided from it: a missing tab, a missing human column, a known header that stands twice.
pub fn parse(raw: &RawSpreadsheet, names: &Names) -> Result<Sheet, Vec<Problem>> {
    let (sheet, fatal) = inspect(raw, names);
    if fatal.is_empty() { Ok(sheet) } else { Err(fatal) }
}

/// The stores that claim a spreadsheet, by their ids.
#[must_use]
pub fn claims(raw: &RawSpreadsheet) -> BTreeSet<String> {
    let marks = raw.marks.iter().filter(|mark| mark.key == STORE_MARK);
    marks.map(|mark| mark.value.clone()).collect()
}

/// As much of a spreadsheet as can be understood, and all reasons why nothing may be decided from it.
#[must_use]
pub(crate) fn inspect(raw: &RawSpreadsheet, names: &Names) -> (Sheet, Vec<Problem>) {
    let mut fatal = Vec::new();
    let mut sheet = Sheet::default();
    let release_tab = find_tab(raw, &names.release_tab, &mut fatal);
    let server_tab = find_tab(raw, &names.server_tab, &mut fatal);
    sheet.display.stores = claims(raw);
    if let Some(tab) = release_tab {
        sheet.read_release(tab, names, &mut fatal);
    }
    if let Some(tab) = server_tab {
        sheet.read_servers(tab, names, &mut fatal);
    }
    let audit = raw.tabs.iter().find(|tab| tab.title == names.audit_tab);
    sheet.display.audit = audit.and_then(|tab| audit_layout(tab, &mut sheet.problems));
    (sheet, fatal)
}

impl Sheet {
    fn read_release(&mut self, tab: &RawTab, names: &Names, fatal: &mut Vec<Problem>) {
        let known = RELEASE_NEEDS
            .iter()
            .chain(&RELEASE_SERVICE)
            .chain(&["advance", NOTES])
            .map(|h| Arc::from(*h));
        let mut layout = layout(tab, &known.collect::<Vec<_>>(), &RELEASE_NEEDS, fatal);
        layout.closed = closed(tab, &layout, &RELEASE_SERVICE);
        missing_service(&layout, &RELEASE_SERVICE, &mut self.problems);
        self.approval = Approval::of(tab, &layout, &names.keyholders);
        let layout: Arc<Layout> = layout.into();
        self.intent.release_tab.clone_from(&layout.title);
        for (asked, shown) in release_rows(tab, &layout, &mut self.problems) {
            self.intent.channels.push(asked);
            self.display.release.rows.push(shown);
        }
        self.display.release.layout = layout;
    }

    fn read_servers(&mut self, tab: &RawTab, names: &Names, fatal: &mut Vec<Problem>) {
        let (tags, shown_tags) = tag_columns(tab, names, &mut self.problems);
        let fixed = SERVER_NEEDS
            .iter()
            .chain(&SERVER_SERVICE)
            .chain(&["hold", "canary", NOTES]);
        let fixed = fixed.map(|h| Arc::from(*h));
        let known: Vec<Arc<str>> = fixed
            .chain(tags.iter().chain(&shown_tags).map(|t| t.header.clone()))
            .collect();
        let mut layout = layout(tab, &known, &SERVER_NEEDS, fatal);
        let shown = shown_tags.iter().map(|tag| &*tag.header);
        find_running(tab, &mut layout, &mut self.problems);
        let written: Vec<&str> = SERVER_SERVICE.iter().copied().chain([RUNNING]).chain(shown).collect();
        layout.closed = closed(tab, &layout, &written);
        let layout: Arc<Layout> = layout.into();
        missing_service(&layout, &SERVER_SERVICE, &mut self.problems);
        self.intent.server_tab.clone_from(&layout.title);
        for (asked, shown) in server_rows(tab, &layout, (&tags, &shown_tags), &mut self.problems) {
            match asked {
                Asked::Server(asked) => {
                    self.intent.servers.push(asked);
                    self.display.servers.rows.push(shown);
                }
                Asked::Nothing(misnamed) => {
                    self.intent.misnamed.push(misnamed);
                    self.display.servers.misnamed.push(shown);
                }
            }
        }
        self.intent.tags = tags;
        self.display.servers.shown_tags = shown_tags;
        self.display.servers.filled = filled(tab, &layout);
        self.display.servers.layout = layout;
    }
}
