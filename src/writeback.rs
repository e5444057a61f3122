//! Writes the service's cells and the discovered servers' rows back to the sheet, so that no row is doubled, no cell lands
//! wrong and stays, and no human cell is touched.
//!
//! Sheets has no conditional write, so: columns are addressed by marks that move with them, rows are found by key in a read
//! right before the write, and read back after it; what landed on the wrong row is put right at once.

mod claim;
mod rows;
mod target;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::memory::{Event, Memory, Stamp, Store, StoreError, Update};
use crate::settle::{Cells, Settled};
use crate::sheet::parse::{Layout, Names, RELEASE_SERVICE, Sheet, parse, quoted};
use crate::sheet::{
    ColumnWrite, MarkedColumn, NewCell, RawSpreadsheet, SheetError, SheetErrorKind, SheetWriter, TabWish, stamp_text,
};
use crate::tag::{ChannelName, ServerId};
pub use claim::claim;
use rows::{appends, logged_runs};
use target::Target;

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
}

/// What a pass wants to see in the sheet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Release rows to rewrite, each with its new stamp.
    channels: BTreeMap<ChannelName, Cells>,
    /// Server rows to rewrite, each with its new `updatedAt`.
    servers: BTreeMap<ServerId, Cells>,
    /// Rows to append: id, human cells and service cells.
    new_rows: BTreeMap<ServerId, BTreeMap<Arc<str>, NewCell>>,
    /// The service cells of those rows alone.
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
        let mut stamps = Stamps {
            last: memory.last_stamp,
            now,
        };
        let mut desired = Self {
            audit: sheet
                .audit
                .as_ref()
                .map(|_| memory.unlogged.clone())
                .unwrap_or_default(),
            ..Self::default()
        };
        for (name, cells) in &settled.channel_cells {
            // A row that waits for first contact stays as it is: were its cells filled, its keys would count as found, not typed.
            let known = memory.channels.contains_key(name);
            if !known && sheet.release.rows.iter().filter(|row| row.channel == *name).count() == 1 {
                continue;
            }
            let mut rows = sheet.release.rows.iter().filter(|row| row.channel == *name);
            let wrote = memory.channels.get(name).and_then(|c| c.row.written.as_ref());
            let has = |header: &str| sheet.release.layout.columns.contains_key(header);
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
                    .insert(name.clone(), stamps.stamped(cells, &sheet.release.layout));
            }
        }
        let mut differing = BTreeSet::new();
        let has = |header: &str| sheet.servers.layout.columns.contains_key(header);
        for row in &sheet.servers.rows {
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
                .any(|(h, was)| row.service.get(h).is_some_and(|found| found != was));
            if stamp_differs || typed_over || cells.iter().any(|(h, text)| has(h) && row.service.get(h) != Some(text)) {
                differing.insert(&row.id);
            }
        }
        for id in differing {
            desired.servers.insert(
                id.clone(),
                stamps.stamped(&settled.server_cells[id], &sheet.servers.layout),
            );
        }
        for new in &settled.new_rows {
            let service = stamps.stamped(&new.cells, &sheet.servers.layout);
            let texts = service
                .iter()
                .map(|(header, text)| (header.clone(), NewCell::Text(text.clone())));
            let mut cells: BTreeMap<Arc<str>, NewCell> = texts.collect();
            desired.new_cells.insert(new.id.clone(), service);
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
    fn meant(&self, memory: &Memory, now: DateTime<Utc>) -> Update {
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
    /// Remembers what is meant and what was written.
    pub store: &'a dyn Store,
    /// Names of tabs and columns.
    pub names: &'a Names,
    /// The time of the pass.
    pub now: DateTime<Utc>,
}

/// What became of the rows to append.
struct Appended {
    /// The last look at the sheet, if there was one.
    fresh: Option<RawSpreadsheet>,
    /// What people should know.
    notes: Vec<String>,
    /// Why new rows could not be appended.
    refused: Option<SheetError>,
}

impl Writeback<'_> {
    /// Writes what is desired. `memory` is kept in step with the store. Gives what people should know, such as rows that would
    /// not hold still.
    ///
    /// # Errors
    /// When the sheet or the store failed; the next pass then finds the rest still to be written.
    pub async fn write(
        &self,
        sheet: &Sheet,
        memory: &mut Memory,
        mut desired: Desired,
    ) -> Result<Vec<String>, WriteError> {
        if desired.is_empty() {
            return Ok(Vec::new());
        }
        let update = desired.meant(memory, self.now);
        self.store.commit(&update).await?;
        memory.apply(&update);
        let Appended {
            fresh,
            mut notes,
            refused,
        } = self.append(sheet, &mut desired, memory).await?;
        let mut targets = Target::all(sheet, memory, &desired);
        targets.retain(|target| !target.wanted.is_empty());
        if targets.is_empty() {
            return refused.map_or(Ok(notes), |error| Err(error.into()));
        }
        let columns: Vec<_> = targets.iter().flat_map(Target::columns).collect();
        let before = match fresh {
            Some(raw) => target::columns_of(&raw, &columns, memory),
            None => self.writer.read_columns(&columns).await?,
        };
        let checked = targets.iter_mut().try_for_each(|target| target.check(&before));
        let settled = match checked {
            Ok(()) => self.settle_rows(&columns, &mut targets).await,
            Err(error) => Err(error.into()),
        };
        notes.extend(match settled {
            Err(WriteError::Sheet(error)) if error.kind == SheetErrorKind::Refused => {
                self.forget_marks(memory).await?;
                return Err(error.into());
            }
            other => other?,
        });
        let update = target::written(&targets, memory, &desired);
        self.store.commit(&update).await?;
        memory.apply(&update);
        refused.map_or(Ok(notes), |error| Err(error.into()))
    }

    /// Marks that lead nowhere, because somebody deleted them or their columns, are made anew by the next pass.
    async fn forget_marks(&self, memory: &mut Memory) -> Result<(), StoreError> {
        let mut binding = memory.binding.clone().unwrap_or_default();
        binding.marks.clear();
        let update = Update {
            binding: Some(binding),
            ..Update::default()
        };
        self.store.commit(&update).await?;
        memory.apply(&update);
        Ok(())
    }

    /// The write and the read back; rows that moved in between are put right.
    async fn settle_rows(&self, columns: &[MarkedColumn], targets: &mut [Target]) -> Result<Vec<String>, WriteError> {
        let mut lost = None;
        for round in 0..=REPAIRS {
            let writes: Vec<ColumnWrite> = targets.iter().flat_map(Target::writes).collect();
            if writes.is_empty() && round > 0 {
                return Ok(Vec::new());
            }
            if round == REPAIRS {
                break;
            }
            if !writes.is_empty() {
                // Whether a write without a reply happened shows when it is read back.
                lost = match self.writer.write_columns(&writes).await {
                    Err(error) if error.kind == SheetErrorKind::OutcomeUnknown => Some(error),
                    other => {
                        other?;
                        None
                    }
                };
            }
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

    /// Appends new rows and audit lines in one request. New rows are appended after a fresh look at headers and ids, so that one
    /// that somebody else added meanwhile is not added again; after a lost reply it looks again and appends only what is absent.
    /// Rows that Sheets refuses, because somebody protected their tab, keep nothing else from being written.
    async fn append(&self, sheet: &Sheet, desired: &mut Desired, memory: &mut Memory) -> Result<Appended, WriteError> {
        let mut fresh = None;
        let (mut notes, mut refused) = (Vec::new(), None);
        let mut owed = !desired.audit.is_empty();
        // Lines of an earlier pass may stand there already: it may have been killed before it knew.
        let late = desired.audit.iter().any(|event| event.time != self.now);
        let mut lost = false;
        // At most: lines of the audit tab refused, a reply lost, and once more.
        for _ in 0..3 {
            if lost || late || !desired.new_rows.is_empty() {
                fresh = Some(self.look_again(lost || late, sheet, desired).await?);
            }
            let layouts = fresh.as_ref().map_or(sheet, |(_, parsed)| parsed);
            let appends = appends(layouts, desired);
            if appends.is_empty() {
                break;
            }
            match self.writer.append(&appends).await {
                Err(error) if error.kind == SheetErrorKind::OutcomeUnknown && !lost => lost = true,
                // Which of them is refused the answer does not say; the audit tab is the one that can wait.
                Err(error) if error.kind == SheetErrorKind::Refused && !desired.audit.is_empty() => {
                    owed = false;
                    desired.audit.clear();
                    notes.push(format!(
                        "{} takes no lines, so they wait: {error}",
                        quoted(&self.names.audit_tab)
                    ));
                }
                Err(error) if error.kind == SheetErrorKind::Refused => {
                    refused = Some(error);
                    break;
                }
                other => {
                    other?;
                    break;
                }
            }
        }
        if owed {
            let update = Update {
                unlogged: Some(Vec::new()),
                ..Update::default()
            };
            self.store.commit(&update).await?;
            memory.apply(&update);
        }
        Ok(Appended {
            fresh: fresh.map(|(raw, _)| raw),
            notes,
            refused,
        })
    }

    /// `doubt`: whether audit lines may stand there already.
    async fn look_again(
        &self,
        doubt: bool,
        sheet: &Sheet,
        desired: &mut Desired,
    ) -> Result<(RawSpreadsheet, Sheet), WriteError> {
        let Names {
            release_tab,
            server_tab,
            audit_tab,
            ..
        } = self.names;
        let mut wishes = vec![TabWish::whole(release_tab), TabWish::whole(server_tab)];
        if sheet.audit.is_some() {
            wishes.push(TabWish {
                title: audit_tab,
                header_only: !doubt,
            });
        }
        let raw = self.writer.read(&wishes).await?;
        let parsed = parse(&raw, self.names).map_err(|problems| SheetError {
            kind: SheetErrorKind::Refused,
            message: problems.first().map_or_else(String::new, |p| p.message.clone()),
        })?;
        // What is there already is not appended again, but read back like the rest.
        for row in &parsed.servers.rows {
            if desired.new_rows.contains_key(&row.id) {
                desired.present.insert(row.id.clone());
            }
        }
        if doubt {
            let there = logged_runs(&raw, &parsed);
            desired.audit.retain(|event| !there.contains(&*event.run));
        }
        Ok((raw, parsed))
    }
}

/// The service columns of a tab that are there, besides its key column.
fn service_columns(layout: &Layout) -> impl Iterator<Item = (&Arc<str>, &u32)> {
    layout.columns.iter().filter(|(header, _)| {
        RELEASE_SERVICE.contains(&&***header) || crate::sheet::parse::SERVER_SERVICE.contains(&&***header)
    })
}
