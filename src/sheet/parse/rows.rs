//! Rows of the two tabs: channels with their keys and boxes, servers with their channels, and what the service shows of both.

use std::sync::Arc;

use super::cells::{
    at, bad_name, check_channel, control_text, control_tick, is_blank, key, numbered, shows_nothing, value_text,
    value_tick, wish,
};
use crate::memory::Stamp;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::RawTab;
use crate::sheet::cell::{Cell, clip, text_of};
use crate::sheet::display::{ShownRelease, ShownServer};
use crate::sheet::intent::{MisnamedRow, Origin, ReleaseRow, ServerRow, Tick};
use crate::sheet::layout::{Layout, RUNNING, SERVER_SERVICE, TagColumn};
use crate::sheet::misnamed::NOT_AN_ID;
use crate::tag::{ChannelName, ServerId};
use crate::text::shared;

/// Longest text in the place of an id by which a row is found again: that of a name, which is the value of a tag.
const SERVER_ID_MAX: usize = 256;

/// What a row of the server tab asks for.
pub(super) enum Asked {
    /// Something of a server.
    Server(ServerRow),
    /// Nothing: what it holds is not an instance id.
    Nothing(MisnamedRow),
}

/// A row's cells, found by header.
struct Row<'a> {
    cells: &'a [Cell],
    origin: Origin,
}

impl<'a> Row<'a> {
    fn new(row: u32, cells: &'a [Cell], layout: &Arc<Layout>) -> Self {
        let tab = layout.clone();
        Self {
            cells,
            origin: Origin { row, tab },
        }
    }

    fn cell(&self, header: &str) -> Option<&'a Cell> {
        at(self.cells, &self.origin.tab, header)
    }

    fn place(&self, header: &str) -> String {
        self.origin.place(header)
    }

    fn shown(&self, header: &str) -> String {
        self.cell(header).map(text_of).unwrap_or_default()
    }

    fn is_blank(&self) -> bool {
        let mut columns = self.origin.tab.columns.values();
        columns.all(|column| is_blank(self.cells.get(*column as usize)))
    }

    fn problem(&self, code: Code, header: &str, message: String) -> Problem {
        Problem::new(Kind::BadCell, code, self.place(header), message)
    }
}

pub(super) fn release_rows(
    tab: &RawTab,
    layout: &Arc<Layout>,
    problems: &mut Vec<Problem>,
) -> Vec<(ReleaseRow, ShownRelease)> {
    let mut rows = Vec::new();
    for (number, cells) in numbered(tab) {
        let row = Row::new(number, cells, layout);
        if row.is_blank() {
            continue;
        }
        match channel_of(&row) {
            Ok(Some(channel)) => rows.push(release_row(row, channel, problems)),
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    rows
}

/// The channel that a row of the release tab is about; `None` where the row says nothing.
fn channel_of(row: &Row<'_>) -> Result<Option<ChannelName>, Problem> {
    let place = row.place("channel");
    let text = control_text(row.cell("channel"), "a channel");
    match text.and_then(|text| {
        if text.is_empty() {
            Ok(None)
        } else {
            check_channel(&text).map(Some)
        }
    }) {
        Ok(Some(channel)) => Ok(Some(channel)),
        Ok(None) => {
            // Boxes that were only formatted hold FALSE: a row that says nothing needs no channel.
            let keys = ["desiredVersionA", "desiredVersionB"];
            if keys.iter().all(|header| is_blank(row.cell(header))) {
                return Ok(None);
            }
            let message = format!("{place} is blank, so the row counts for no channel; name one or clear the row");
            Err(row.problem(Code::NoChannel, "channel", message))
        }
        Err(what) => Err(row.problem(Code::Channel, "channel", format!("{place} holds {what}"))),
    }
}

fn release_row(row: Row<'_>, channel: ChannelName, problems: &mut Vec<Problem>) -> (ReleaseRow, ShownRelease) {
    let mut errors = Vec::new();
    let mut key_in = |header: &str| key(row.cell(header), row.place(header), &mut errors);
    let (key_a, key_b) = (key_in("desiredVersionA"), key_in("desiredVersionB"));
    let mut tick_in = |header: &str| control_tick(row.cell(header), row.place(header), &mut errors);
    let (enabled, rollback) = (tick_in("enabled"), tick_in("rollback"));
    // A box that nobody needs to have stops nothing else of its row.
    let has_advance = row.origin.tab.columns.contains_key("advance");
    let advance = has_advance.then(|| control_tick(row.cell("advance"), row.place("advance"), problems));
    let stamp = Stamp {
        release: row.shown("releaseVersion"),
        previous: row.shown("previousVersion"),
        updated_at: row.shown("updatedAt"),
    };
    let shown = ShownRelease {
        row: row.origin.row,
        channel: channel.clone(),
        stamp,
        status: row.shown("status"),
    };
    let asked = ReleaseRow {
        origin: row.origin,
        channel,
        key_a,
        key_b,
        enabled,
        rollback,
        advance,
        errors,
    };
    (asked, shown)
}

/// `columns` are the `tag:` columns that the sheet decides, and those that show what the server carries.
pub(super) fn server_rows(
    tab: &RawTab,
    layout: &Arc<Layout>,
    (tags, shown_tags): (&[TagColumn], &[TagColumn]),
    problems: &mut Vec<Problem>,
) -> Vec<(Asked, ShownServer)> {
    let running = layout.columns.get_key_value(RUNNING).map(|(header, _)| header.clone());
    let fixed = SERVER_SERVICE.iter().map(|h| Arc::from(*h)).chain(running);
    let service: Vec<Arc<str>> = fixed.chain(shown_tags.iter().map(|t| t.header.clone())).collect();
    let mut rows = Vec::new();
    for (number, cells) in numbered(tab) {
        let row = Row::new(number, cells, layout);
        let id = match server_of(&row, tags) {
            Ok(Some(id)) => id,
            Ok(None) => continue,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let shown = ShownServer {
            row: number,
            id: id.clone(),
            service: service.iter().map(|h| (h.clone(), shared(&row.shown(h)))).collect(),
        };
        let asked = if id.is_instance() {
            Asked::Server(server_row(row, id, tags, problems))
        } else {
            let origin = row.origin;
            Asked::Nothing(MisnamedRow { origin, text: id })
        };
        rows.push((asked, shown));
    }
    rows
}

/// What a row of the server tab holds in the place of an id; `None` where the row says nothing.
fn server_of(row: &Row<'_>, tags: &[TagColumn]) -> Result<Option<ServerId>, Problem> {
    let place = row.place("serverId");
    let problem = |message| Err(row.problem(Code::ServerId, "serverId", message));
    let id = match value_text(row.cell("serverId"), "an instance id") {
        Ok(id) => id,
        Err(what) => return problem(format!("{place} holds {what}")),
    };
    if id.is_empty() {
        let mut asks = tags.iter().map(|t| &*t.header).chain(["channel"]);
        if asks.all(|header| shows_nothing(row.cell(header))) {
            return Ok(None);
        }
        return problem(format!(
            "{place} is blank, so the row counts for no server; type the instance id, or clear the row"
        ));
    }
    match bad_name(&id, SERVER_ID_MAX) {
        Some(_) if id.chars().count() > SERVER_ID_MAX => problem(format!(
            "{place} holds \"{}\", which {NOT_AN_ID}; type the instance id, or clear the row",
            clip(&id)
        )),
        Some(what) => problem(format!("{place} holds {what}")),
        None => Ok(Some((&*id).into())),
    }
}

fn server_row(row: Row<'_>, id: ServerId, tags: &[TagColumn], problems: &mut Vec<Problem>) -> ServerRow {
    let mut errors = Vec::new();
    let channel = value_text(row.cell("channel"), "a channel");
    let channel = channel.and_then(|text| {
        if text.is_empty() {
            Ok(None)
        } else {
            check_channel(&text).map(Some)
        }
    });
    let mut unreadable = channel.is_err();
    let channel = channel.unwrap_or_else(|what| {
        let message = format!("{} holds {what}", row.place("channel"));
        errors.push(row.problem(Code::Channel, "channel", message));
        None
    });
    let has_hold = row.origin.tab.columns.contains_key("hold");
    let hold = has_hold.then(|| value_tick(row.cell("hold"), row.place("hold"), &mut errors));
    unreadable |= hold == Some(Tick::Unreadable);
    let has_canary = row.origin.tab.columns.contains_key("canary");
    let canary = has_canary && value_tick(row.cell("canary"), row.place("canary"), problems) == Tick::On;
    let wishes = tags.iter().map(|t| &t.header);
    let wishes = wishes.map(|h| wish(row.cell(h), &row.place(h), &mut errors)).collect();
    ServerRow {
        origin: row.origin,
        id,
        channel,
        hold,
        canary,
        tags: wishes,
        unreadable,
        errors,
    }
}
