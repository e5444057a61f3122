//! What a pass wants to see in the sheet: the difference between what stands there and what was settled, and nothing else.
//!
//! Pure: each row that is rewritten gets a time of its own, later than any that this store ever gave out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::enrol::WantedRow;
use crate::memory::{Event, Memory, Stamp, Update};
use crate::settle::{Cells, Settled};
use crate::sheet::display::ShownServer;
use crate::sheet::layout::Layout;
use crate::sheet::parse::Sheet;
use crate::sheet::{NewCell, stamp_text};
use crate::tag::{ChannelName, ServerId};

/// What a pass wants to see in the sheet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Release rows to rewrite, each with its new stamp.
    pub(super) channels: BTreeMap<ChannelName, Cells>,
    /// Server rows to rewrite, each with its new `updatedAt`.
    pub(super) servers: BTreeMap<ServerId, Cells>,
    /// Rows to append, with people's cells alone: an append goes by the order of the columns, which may change under it, and a
    /// text of the service must never be read as people's.
    pub(super) new_rows: BTreeMap<ServerId, BTreeMap<Arc<str>, NewCell>>,
    /// The service cells of those rows, written like all others.
    pub(super) new_cells: BTreeMap<ServerId, Cells>,
    /// Lines for the audit tab.
    pub(super) audit: Vec<Event>,
    /// New rows that were found to stand already.
    pub(super) present: BTreeSet<ServerId>,
    last_stamp: Option<DateTime<Utc>>,
}

impl Desired {
    /// Finds what differs from what stands there. Every rewritten row gets an `updatedAt` of its own, later than any before.
    #[must_use]
    pub fn of(sheet: &Sheet, memory: &Memory, settled: &Settled, now: DateTime<Utc>) -> Self {
        let display = &sheet.display;
        let mut stamps = Stamps {
            last: memory.last_stamp,
            now,
        };
        let mut desired = Self::default();
        if display.audit.is_some() {
            desired.audit.clone_from(&memory.unlogged);
        }
        for (name, cells) in &settled.channel_cells {
            if channel_differs(sheet, memory, name, cells) {
                let stamped = stamps.stamped(cells, &display.release.layout);
                desired.channels.insert(name.clone(), stamped);
            }
        }
        for id in differing_servers(sheet, memory, settled) {
            let stamped = stamps.stamped(&settled.server_cells[id], &display.servers.layout);
            desired.servers.insert(id.clone(), stamped);
        }
        for new in &settled.new_rows {
            let service = stamps.stamped(&new.cells, &display.servers.layout);
            desired.new_cells.insert(new.id.clone(), service);
            let human = human_cells(&new.id, Some(&new.channel), new.held);
            desired.new_rows.insert(new.id.clone(), human);
        }
        desired.last_stamp = stamps.last.filter(|last| Some(*last) != memory.last_stamp);
        desired
    }

    /// Wants rows of these servers that hold people's cells alone: the next pass fills in the rest.
    pub(super) fn of_rows(rows: &[WantedRow]) -> Self {
        let rows = rows.iter();
        Self {
            new_rows: rows
                .map(|row| (row.id.clone(), human_cells(&row.id, row.channel.as_ref(), row.held)))
                .collect(),
            ..Self::default()
        }
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.servers.is_empty() && self.new_rows.is_empty() && self.audit.is_empty()
    }

    /// Leaves out the columns that a protection closes to us. A row is recognised by its stamp, so that where a column of that is
    /// closed, no row of the tab is written: half a stamp would look like somebody else's doing.
    pub(super) fn leave_out(&mut self, sheet: &Sheet) {
        let (release, servers) = (&sheet.display.release.layout, &sheet.display.servers.layout);
        let stamped = |layout: &Layout, stamp: &[&str]| stamp.iter().any(|header| layout.closed.contains_key(*header));
        if stamped(release, &["releaseVersion", "previousVersion", "updatedAt"]) {
            self.channels.clear();
        }
        if stamped(servers, &["updatedAt"]) {
            self.servers.clear();
            self.new_cells.clear();
        }
        for cells in self.channels.values_mut() {
            cells.retain(|header, _| !release.closed.contains_key(header));
        }
        for cells in self.servers.values_mut().chain(self.new_cells.values_mut()) {
            cells.retain(|header, _| !servers.closed.contains_key(header));
        }
    }

    /// What is about to be written, to be remembered before it is.
    #[must_use]
    pub fn meant(&self, memory: &Memory, now: DateTime<Utc>) -> Update {
        let mut update = Update {
            last_stamp: self.last_stamp,
            ..Update::default()
        };
        for (name, cells) in &self.channels {
            let Some(mut next) = memory.channels.get(name).cloned() else {
                continue;
            };
            next.row.meant.push((stamp(cells), now));
            update.channels.insert(name.clone(), next);
        }
        for (id, cells) in self.servers.iter().chain(&self.new_cells) {
            let stamp = cells.get("updatedAt").cloned().unwrap_or_default();
            let mut next = memory.servers.get(id).cloned().unwrap_or_default();
            let meant = &mut Arc::make_mut(&mut next).row.meant;
            // Most have one, and a vector that grows sets room aside for four.
            meant.reserve_exact(1);
            meant.push((stamp, now));
            update.servers.insert(id.clone(), next);
        }
        update
    }
}

/// Whether any row of a channel shows something else than it shall.
fn channel_differs(sheet: &Sheet, memory: &Memory, name: &ChannelName, cells: &Cells) -> bool {
    let release = &sheet.display.release;
    let own = || release.rows.iter().filter(|row| row.channel == *name);
    // A row that waits for first contact stays as it is: were its cells filled, its keys would count as found, not typed.
    if !memory.channels.contains_key(name) && own().count() == 1 {
        return false;
    }
    let wrote = memory.channels.get(name).and_then(|c| c.row.written.as_ref());
    let has = |header: &str| release.layout.columns.contains_key(header);
    let mut rows = own();
    rows.any(|row| {
        let shown = [
            ("releaseVersion", &row.stamp.release),
            ("previousVersion", &row.stamp.previous),
            ("status", &row.status),
        ];
        wrote.is_some_and(|wrote| *wrote != row.stamp)
            || shown
                .iter()
                .any(|(header, text)| has(header) && cells.get(*header).is_none_or(|cell| **cell != **text))
    })
}

/// Servers of which any row shows something else than it shall.
fn differing_servers<'a>(sheet: &'a Sheet, memory: &Memory, settled: &Settled) -> BTreeSet<&'a ServerId> {
    let servers = &sheet.display.servers;
    let has = |header: &str| servers.layout.columns.contains_key(header);
    let differs = |row: &&ShownServer| {
        let Some(cells) = settled.server_cells.get(&row.id) else {
            return false;
        };
        let known = memory.servers.get(&row.id);
        let wrote = known.and_then(|server| server.row.written.as_ref());
        let stamp_differs = has("updatedAt") && wrote.is_some() && wrote != row.service.get("updatedAt");
        // Typed over with what would be written now: it is written all the same, so that its time is right.
        let mut shown = known.into_iter().flat_map(|server| &server.shown);
        let typed_over = shown.any(|(h, was)| has(h) && row.service.get(h).is_some_and(|found| found != was));
        stamp_differs || typed_over || cells.iter().any(|(h, text)| has(h) && row.service.get(h) != Some(text))
    };
    servers.keyed().filter(differs).map(|row| &row.id).collect()
}

/// The cells of a new row that are people's from then on.
fn human_cells(id: &ServerId, channel: Option<&ChannelName>, held: bool) -> BTreeMap<Arc<str>, NewCell> {
    let mut cells: BTreeMap<Arc<str>, NewCell> = BTreeMap::new();
    cells.insert("serverId".into(), NewCell::Text(id.to_string()));
    if let Some(channel) = channel {
        cells.insert("channel".into(), NewCell::Text(channel.to_string()));
    }
    if held {
        cells.insert("hold".into(), NewCell::Bool(true));
    }
    cells
}

/// The cells that a row is recognised by.
pub(super) fn stamp(cells: &Cells) -> Stamp {
    let text = |header: &str| cells.get(header).map(ToString::to_string).unwrap_or_default();
    Stamp {
        release: text("releaseVersion"),
        previous: text("previousVersion"),
        updated_at: text("updatedAt"),
    }
}

/// Gives out times that are unique and only grow, whatever the clock does.
struct Stamps {
    last: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
}

impl Stamps {
    fn stamped(&mut self, cells: &Cells, layout: &Layout) -> Cells {
        let next = self
            .last
            .and_then(|last| last.checked_add_signed(TimeDelta::microseconds(1)))
            .map_or(self.now, |least| self.now.max(least));
        self.last = Some(next);
        let mut cells = cells.clone();
        cells.insert("updatedAt".into(), stamp_text(next).into());
        // Columns that somebody deleted cannot be written, and must not make every pass try.
        cells.retain(|header, _| layout.columns.contains_key(header));
        cells
    }
}
