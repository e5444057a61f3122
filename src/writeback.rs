//! Writes the service's cells and the discovered servers' rows back to the sheet, so that no row is doubled, no cell lands
//! wrong and stays, and no human cell is touched.
//!
//! Sheets has no conditional write, so: columns are addressed by marks that move with them, rows are found by key in a read
//! right before the write, and read back after it; what landed on the wrong row is put right at once, and what somebody else
//! changed meanwhile is left to the next pass, which can judge it.

mod append;
mod claim;
mod rows;
mod target;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::journal::Journal;
use crate::memory::{Event, Memory, Stamp, StoreError, Update};
use crate::settle::{Cells, Settled};
use crate::sheet::layout::{Layout, RELEASE_SERVICE};
use crate::sheet::names::Names;
use crate::sheet::parse::Sheet;
use crate::sheet::{ColumnWrite, MarkedColumn, NewCell, SheetError, SheetErrorKind, SheetWriter, stamp_text};
use crate::tag::{ChannelName, ServerId};
use append::Appended;
pub use claim::claim;
pub use rows::appends;
pub use target::{Target, marked_columns, written};

/// How often rows that moved under a write are put right before the rest is left to the next pass.
const REPAIRS: u32 = 3;

/// Why the sheet could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The spreadsheet.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another state store began to serve the spreadsheet since it was read.
    #[error(
        "belt store: the store {0} has begun to serve the spreadsheet meanwhile, so this one leaves it; stop whichever of the \
         two is not meant, or let this store serve the sheet with fleetsheet --once --takeover"
    )]
    Rival(String),
}

/// What a pass wants to see in the sheet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Release rows to rewrite, each with its new stamp.
    channels: BTreeMap<ChannelName, Cells>,
    /// Server rows to rewrite, each with its new `updatedAt`.
    servers: BTreeMap<ServerId, Cells>,
    /// Rows to append, with people's cells alone: an append goes by the order of the columns, which may change under it, and a
    /// text of the service must never be read as people's.
    new_rows: BTreeMap<ServerId, BTreeMap<Arc<str>, NewCell>>,
    /// The service cells of those rows, written like all others.
    new_cells: BTreeMap<ServerId, Cells>,
    /// Lines for the audit tab.
    audit: Vec<Event>,
    /// New rows that were found to stand already.
    present: BTreeSet<ServerId>,
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
        let mut desired = Self {
            audit: display
                .audit
                .as_ref()
                .map(|_| memory.unlogged.clone())
                .unwrap_or_default(),
            ..Self::default()
        };
        for (name, cells) in &settled.channel_cells {
            // A row that waits for first contact stays as it is: were its cells filled, its keys would count as found, not typed.
            let known = memory.channels.contains_key(name);
            if !known
                && sheet
                    .display
                    .release
                    .rows
                    .iter()
                    .filter(|row| row.channel == *name)
                    .count()
                    == 1
            {
                continue;
            }
            let mut rows = display.release.rows.iter().filter(|row| row.channel == *name);
            let wrote = memory.channels.get(name).and_then(|c| c.row.written.as_ref());
            let has = |header: &str| display.release.layout.columns.contains_key(header);
            let same = rows.all(|row| {
                let shown = [
                    ("releaseVersion", &row.stamp.release),
                    ("previousVersion", &row.stamp.previous),
                    ("status", &row.status),
                ];
                wrote.is_none_or(|wrote| *wrote == row.stamp)
                    && shown
                        .iter()
                        .all(|(header, text)| !has(header) || cells.get(*header) == Some(text))
            });
            if !same {
                desired
                    .channels
                    .insert(name.clone(), stamps.stamped(cells, &display.release.layout));
            }
        }
        let mut differing = BTreeSet::new();
        let has = |header: &str| display.servers.layout.columns.contains_key(header);
        for row in &display.servers.rows {
            let Some(cells) = settled.server_cells.get(&row.id) else {
                continue;
            };
            let wrote = memory.servers.get(&row.id).and_then(|s| s.row.written.as_ref());
            let stamp_differs = has("updatedAt") && wrote.is_some() && wrote != row.service.get("updatedAt");
            // Typed over with what would be written now: it is written all the same, so that its time is right.
            let shown = memory.servers.get(&row.id).map(|s| &s.shown);
            let typed_over = shown
                .into_iter()
                .flatten()
                .any(|(h, was)| has(h) && row.service.get(h).is_some_and(|found| found != was));
            if stamp_differs || typed_over || cells.iter().any(|(h, text)| has(h) && row.service.get(h) != Some(text)) {
                differing.insert(&row.id);
            }
        }
        for id in differing {
            desired.servers.insert(
                id.clone(),
                stamps.stamped(&settled.server_cells[id], &display.servers.layout),
            );
        }
        for new in &settled.new_rows {
            let service = stamps.stamped(&new.cells, &display.servers.layout);
            desired.new_cells.insert(new.id.clone(), service);
            let mut cells: BTreeMap<Arc<str>, NewCell> = BTreeMap::new();
            cells.insert("serverId".into(), NewCell::Text(new.id.to_string()));
            cells.insert("channel".into(), NewCell::Text(new.channel.to_string()));
            if new.held {
                cells.insert("hold".into(), NewCell::Bool(true));
            }
            desired.new_rows.insert(new.id.clone(), cells);
        }
        desired.last_stamp = stamps.last.filter(|last| Some(*last) != memory.last_stamp);
        desired
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.servers.is_empty() && self.new_rows.is_empty() && self.audit.is_empty()
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
            next.row.meant.push((stamp, now));
            update.servers.insert(id.clone(), next);
        }
        update
    }
}

fn stamp(cells: &Cells) -> Stamp {
    let text = |header: &str| cells.get(header).cloned().unwrap_or_default();
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
        cells.insert("updatedAt".into(), stamp_text(next));
        // Columns that somebody deleted cannot be written, and must not make every pass try.
        cells.retain(|header, _| layout.columns.contains_key(header));
        cells
    }
}

/// What writes back, and where.
pub struct Writeback<'a> {
    /// The spreadsheet.
    pub writer: &'a dyn SheetWriter,
    /// Names of tabs and columns.
    pub names: &'a Names,
    /// The time of the pass.
    pub now: DateTime<Utc>,
}

impl Writeback<'_> {
    /// Writes what is desired, and remembers what is meant before and what was written after. Gives what people should know,
    /// such as rows that would not hold still.
    ///
    /// # Errors
    /// When the sheet or the store failed; the next pass then finds the rest still to be written.
    pub async fn write(
        &self,
        sheet: &Sheet,
        journal: &mut Journal<'_>,
        mut desired: Desired,
    ) -> Result<Vec<String>, WriteError> {
        if desired.is_empty() {
            return Ok(Vec::new());
        }
        journal.remember(&desired.meant(journal.memory(), self.now)).await?;
        let Appended { mut notes, refused } = self.append(sheet, &mut desired, journal).await?;
        let written = match self.fill(sheet, sheet, journal, &desired).await {
            // Somebody renamed or deleted columns, or took their marks away: what is still there is written in this pass.
            Err(WriteError::Sheet(error)) if error.kind == SheetErrorKind::Refused => {
                let now = self.mark_anew(journal).await?;
                self.fill(sheet, &now, journal, &desired).await
            }
            other => other,
        };
        notes.extend(written?);
        refused.map_or(Ok(notes), |error| Err(error.into()))
    }

    /// Writes the service cells of all rows. `now` tells the columns, `read` what stood there when the pass decided.
    async fn fill(
        &self,
        read: &Sheet,
        now: &Sheet,
        journal: &mut Journal<'_>,
        desired: &Desired,
    ) -> Result<Vec<String>, WriteError> {
        let mut targets = Target::all(read, now, journal.memory(), desired);
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let columns: Vec<_> = targets.iter().flat_map(Target::columns).collect();
        let before = self.writer.read_columns(&columns).await?;
        for target in &mut targets {
            target.check(&before)?;
        }
        let mut notes = self.settle_rows(&columns, &mut targets).await?;
        notes.extend(targets.iter().flat_map(|target| target.notes(desired)));
        journal.remember(&written(&targets, journal.memory(), desired)).await?;
        Ok(notes)
    }

    /// Makes the marks anew that lead nowhere, because somebody deleted them or their columns. Gives the spreadsheet as it is.
    async fn mark_anew(&self, journal: &mut Journal<'_>) -> Result<Sheet, WriteError> {
        claim::forget(journal).await?;
        let (raw, sheet) = self.read_again(journal.memory(), None).await?;
        claim(self.writer, journal, &raw, &sheet).await?;
        Ok(sheet)
    }

    /// The write and the read back; rows that moved in between are put right.
    async fn settle_rows(&self, columns: &[MarkedColumn], targets: &mut [Target]) -> Result<Vec<String>, WriteError> {
        let mut lost = None;
        for round in 0..=REPAIRS {
            let writes: Vec<ColumnWrite> = targets.iter_mut().flat_map(|t| t.writes(round == 0)).collect();
            if writes.is_empty() {
                return Ok(Vec::new());
            }
            if round == REPAIRS {
                break;
            }
            // Whether a write without a reply happened shows when it is read back.
            lost = match self.writer.write_columns(&writes).await {
                Err(error) if error.kind == SheetErrorKind::OutcomeUnknown => Some(error),
                other => {
                    other?;
                    None
                }
            };
            let after = self.writer.read_columns(columns).await?;
            for target in targets.iter_mut() {
                target.reread(&after)?;
            }
        }
        if let Some(error) = lost {
            return Err(error.into());
        }
        Ok(vec![
            "rows kept moving while they were written; the next pass writes them again".to_owned(),
        ])
    }
}

/// The service columns of a tab that are there, besides its key column.
fn service_columns(layout: &Layout) -> impl Iterator<Item = (&Arc<str>, &u32)> {
    layout.columns.iter().filter(|(header, _)| {
        RELEASE_SERVICE.contains(&&***header) || crate::sheet::layout::SERVER_SERVICE.contains(&&***header)
    })
}
