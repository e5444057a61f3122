//! Rows of the two tabs: channels with their keys and boxes, servers with their channels.

use std::sync::Arc;

use super::cells::{
    at, bad_name, check_channel, control_text, control_tick, effective, is_blank, key, numbered, text_of, tick,
    value_text, wish,
};
use super::{Layout, ReleaseRow, SERVER_SERVICE, ServerRow, TagColumn, Tick};
use crate::memory::Stamp;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::RawTab;

/// Longest server id that is looked at; EC2's have 19 characters.
const SERVER_ID_MAX: usize = 64;

pub(super) fn release_rows(tab: &RawTab, layout: &Layout, problems: &mut Vec<Problem>) -> Vec<ReleaseRow> {
    let mut rows = Vec::new();
    for (row, cells) in numbered(tab) {
        let cell = |header: &str| at(cells, layout, header);
        if layout
            .columns
            .values()
            .all(|column| is_blank(cells.get(*column as usize)))
        {
            continue;
        }
        let place = |header: &str| layout.place(header, row);
        let channel = match control_text(cell("channel")) {
            Ok(text) if text.is_empty() => {
                // Boxes that were only formatted hold FALSE: a row that says nothing needs no channel.
                if ["desiredVersionA", "desiredVersionB"]
                    .iter()
                    .any(|h| !is_blank(cell(h)))
                {
                    let message = format!(
                        "{} is blank, so the row counts for no channel; name one or clear the row",
                        place("channel")
                    );
                    problems.push(Problem::new(Kind::BadCell, Code::NoChannel, place("channel"), message));
                }
                continue;
            }
            Ok(text) => check_channel(&text),
            Err(what) => Err(format!(
                "{what}; a channel must be text: format the column as Plain text and type it again"
            )),
        };
        let channel = match channel {
            Ok(channel) => channel,
            Err(what) => {
                let message = format!("{} holds {what}", place("channel"));
                problems.push(Problem::new(Kind::BadCell, Code::Channel, place("channel"), message));
                continue;
            }
        };
        let mut errors = Vec::new();
        let key_a = key(cell("desiredVersionA"), place("desiredVersionA"), &mut errors);
        let key_b = key(cell("desiredVersionB"), place("desiredVersionB"), &mut errors);
        let enabled = control_tick(cell("enabled"), place("enabled"), &mut errors);
        let rollback = control_tick(cell("rollback"), place("rollback"), &mut errors);
        let shown = |header: &str| cell(header).map(text_of).unwrap_or_default();
        let stamp = Stamp {
            release: shown("releaseVersion"),
            previous: shown("previousVersion"),
            updated_at: shown("updatedAt"),
        };
        rows.push(ReleaseRow {
            row,
            channel,
            key_a,
            key_b,
            enabled,
            rollback,
            stamp,
            status: shown("status"),
            errors,
        });
    }
    rows
}

pub(super) fn server_rows(
    tab: &RawTab,
    layout: &Layout,
    tags: &[TagColumn],
    shown: &[TagColumn],
    problems: &mut Vec<Problem>,
) -> Vec<ServerRow> {
    let service: Vec<Arc<str>> = SERVER_SERVICE
        .iter()
        .map(|h| Arc::from(*h))
        .chain(shown.iter().map(|t| t.header.clone()))
        .collect();
    let has_hold = layout.columns.contains_key("hold");
    let mut rows = Vec::new();
    for (row, cells) in numbered(tab) {
        let cell = |header: &str| at(cells, layout, header);
        let place = |header: &str| layout.place(header, row);
        let mut errors = Vec::new();
        let id = match value_text(cell("serverId")) {
            Ok(id) => id,
            Err(what) => {
                let message = format!("{} holds {what}; type the instance id as text", place("serverId"));
                problems.push(Problem::new(Kind::BadCell, Code::ServerId, place("serverId"), message));
                continue;
            }
        };
        if id.is_empty() {
            if tags
                .iter()
                .map(|t| &*t.header)
                .chain(["channel"])
                .any(|h| !is_blank(cell(h)))
            {
                let message = format!("{} is blank, so the row counts for no server", place("serverId"));
                problems.push(Problem::new(Kind::BadCell, Code::ServerId, place("serverId"), message));
            }
            continue;
        }
        if let Some(what) = bad_name(&id, SERVER_ID_MAX) {
            let message = format!("{} holds {what}; type the instance id again", place("serverId"));
            problems.push(Problem::new(Kind::BadCell, Code::ServerId, place("serverId"), message));
            continue;
        }
        let mut unreadable = false;
        let channel = value_text(cell("channel")).and_then(|text| {
            if text.is_empty() {
                Ok(None)
            } else {
                check_channel(&text).map(Some)
            }
        });
        let channel = channel.unwrap_or_else(|what| {
            unreadable = true;
            let message = format!(
                "{} holds {what}; format the column as Plain text and type the channel again",
                place("channel")
            );
            errors.push(Problem::new(Kind::BadCell, Code::Channel, place("channel"), message));
            None
        });
        let hold = has_hold.then(|| tick(cell("hold").map(effective), place("hold"), &mut errors));
        unreadable |= hold == Some(Tick::Unreadable);
        let wishes = tags
            .iter()
            .map(|t| wish(cell(&t.header), &place(&t.header), &mut errors))
            .collect();
        let service = service
            .iter()
            .map(|h| (h.clone(), cell(h).map(text_of).unwrap_or_default()))
            .collect();
        rows.push(ServerRow {
            row,
            id: (&*id).into(),
            channel,
            hold,
            tags: wishes,
            unreadable,
            errors,
            service,
        });
    }
    rows
}
