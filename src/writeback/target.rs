//! One tab while it is written: which rows have which key right now, what each shall show, and what it does show.

mod before;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::desired::Desired;
use crate::memory::Memory;
use crate::settle::Cells;
use crate::sheet::layout::{Layout, RELEASE_SERVICE, RUNNING, SERVER_SERVICE, quoted};
use crate::sheet::parse::Sheet;
use crate::sheet::{ColumnWrite, Columns, MarkedColumn, SheetError, SheetErrorKind};
use crate::tag::ServerId;
use crate::text::{few, shared};
use before::{read_channels, read_servers};
pub use written::{Confirmed, confirmed, written};

/// Rows that a note names.
const NAMED: usize = 10;

/// The columns of a tab that carry marks: its key column and the service's, and `tag:` columns (which are written only where
/// the server has the say).
#[must_use]
pub fn marked_columns(layout: &Layout) -> Vec<(Arc<str>, u32)> {
    let key = layout.columns.get_key_value(key_header(layout));
    let tags = layout.columns.iter().filter(|(header, _)| header.starts_with("tag:"));
    let all = key.into_iter().chain(service_columns(layout)).chain(tags);
    all.map(|(header, column)| (header.clone(), *column)).collect()
}

/// The service columns of a tab that are there, besides its key column.
fn service_columns(layout: &Layout) -> impl Iterator<Item = (&Arc<str>, &u32)> {
    layout.columns.iter().filter(|(header, _)| {
        let header = &&***header;
        RELEASE_SERVICE.contains(header) || SERVER_SERVICE.contains(header) || *header == RUNNING
    })
}

fn key_header(layout: &Layout) -> &'static str {
    if layout.columns.contains_key("serverId") {
        "serverId"
    } else {
        "channel"
    }
}

/// One tab's part of a write.
pub struct Target {
    title: String,
    key: MarkedColumn,
    /// Service columns by header.
    service: BTreeMap<Arc<str>, MarkedColumn>,
    /// What rows with a key shall show.
    wanted: BTreeMap<Arc<str>, Cells>,
    /// What rows showed when the pass decided, by key, of those that showed what was last written there.
    read: BTreeMap<Arc<str>, Cells>,
    /// Keys row by row, from the last read; row 0 is the header.
    keys: Vec<Arc<str>>,
    /// Service cells as last read, by header.
    found: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// What rows showed before the write, by key: what a row that was hit by mistake gets back.
    before: BTreeMap<Arc<str>, Cells>,
    /// What this pass wrote, by header and row.
    sent: BTreeMap<Arc<str>, BTreeMap<usize, Arc<str>>>,
    /// Texts of this pass that were seen in a wrong row, by header and key: rows may move again before they are put right.
    astray: BTreeMap<(Arc<str>, Arc<str>), Arc<str>>,
    /// Keys of rows that somebody else wrote to while the pass ran.
    disputed: BTreeSet<Arc<str>>,
    /// Keys of rows that did not show the same before the write, so that nobody knows what such a row gets back.
    unlike: BTreeSet<Arc<str>>,
}

impl Target {
    /// The tabs in which something is to be written. `now` tells where columns are, `read` what stood there when the pass decided.
    #[must_use]
    pub fn all(read: &Sheet, now: &Sheet, memory: &Memory, desired: &Desired) -> Vec<Self> {
        let channels = desired
            .channels
            .iter()
            .map(|(name, cells)| (name.into(), cells.clone()))
            .collect();
        let servers = desired.servers.iter().chain(&desired.new_cells);
        let servers = servers.map(|(id, cells)| (id.into(), cells.clone())).collect();
        let tabs = [
            (&now.display.release.layout, channels, read_channels(read, memory)),
            (
                &now.display.servers.layout,
                servers,
                read_servers(read, memory, desired),
            ),
        ];
        tabs.into_iter()
            .filter_map(|(layout, wanted, read)| Self::of(layout, wanted, read, memory))
            .filter(|target| !target.wanted.is_empty())
            .collect()
    }

    fn of(
        layout: &Layout,
        wanted: BTreeMap<Arc<str>, Cells>,
        read: BTreeMap<Arc<str>, Cells>,
        memory: &Memory,
    ) -> Option<Self> {
        let marks = memory.binding.as_ref().map(|b| &b.marks)?;
        let marked = |header: &str| {
            let mark = *marks.get(&format!("{}/{header}", layout.sheet_id))?;
            Some(MarkedColumn {
                mark,
                header: header.to_owned(),
            })
        };
        let written = |header: &Arc<str>| wanted.values().any(|cells| cells.contains_key(header));
        let headers = marked_columns(layout)
            .into_iter()
            .map(|(header, _)| header)
            .filter(written);
        Some(Self {
            title: layout.title.clone(),
            key: marked(key_header(layout))?,
            service: headers
                .filter_map(|header| Some((header.clone(), marked(&header)?)))
                .collect(),
            wanted,
            read,
            keys: Vec::new(),
            found: BTreeMap::new(),
            before: BTreeMap::new(),
            sent: BTreeMap::new(),
            astray: BTreeMap::new(),
            disputed: BTreeSet::new(),
            unlike: BTreeSet::new(),
        })
    }

    /// The columns to read.
    #[must_use]
    pub fn columns(&self) -> Vec<MarkedColumn> {
        std::iter::once(&self.key)
            .chain(self.service.values())
            .cloned()
            .collect()
    }

    /// Takes the look right before the write. A row that shows something else than when the pass decided is somebody else's
    /// doing: it is left for the next pass, which sees it whole, and says what follows from it.
    ///
    /// # Errors
    /// When a column is not there any more under its mark.
    pub fn check(&mut self, columns: &Columns) -> Result<(), SheetError> {
        self.reread(columns)?;
        for (row, key) in self.keys.iter().enumerate().skip(1) {
            let cells = self.found.iter();
            let cells = cells.map(|(header, texts)| (header, texts.get(row).map_or_else(|| shared(""), Arc::clone)));
            let as_read = |read: &&Cells| cells.clone().all(|(header, text)| read.get(header) == Some(&text));
            // The usual, which is held once.
            let cells: Cells = match self.read.get(key).filter(as_read) {
                Some(read) => read.clone(),
                None => cells.map(|(header, text)| (header.clone(), text)).collect(),
            };
            let shows = |texts: &Cells| {
                cells
                    .iter()
                    .all(|(h, text)| texts.get(h).is_none_or(|shown| shown == text))
            };
            // As wanted it is where this pass wrote before it had to look for the columns anew.
            let is_written = self.wanted.get(key).is_some_and(shows);
            if !is_written && self.read.get(key).is_some_and(|read| !shows(read)) {
                self.disputed.insert(key.clone());
            }
            if self
                .before
                .insert(key.clone(), cells.clone())
                .is_some_and(|other| other != cells)
            {
                self.unlike.insert(key.clone());
            }
        }
        self.read.clear();
        self.before.retain(|key, _| !self.unlike.contains(key));
        self.wanted.retain(|key, _| !self.disputed.contains(key));
        Ok(())
    }

    /// Takes a look after a write.
    ///
    /// # Errors
    /// As [`Target::check`].
    pub fn reread(&mut self, columns: &Columns) -> Result<(), SheetError> {
        let keys = self.column(columns, &self.key)?;
        self.keys = keys.into_iter().map(trimmed).collect();
        let found = self
            .service
            .iter()
            .map(|(header, column)| Ok((header.clone(), self.column(columns, column)?)));
        self.found = found.collect::<Result<_, SheetError>>()?;
        Ok(())
    }

    fn column(&self, columns: &Columns, column: &MarkedColumn) -> Result<Vec<Arc<str>>, SheetError> {
        let texts = columns.get(&column.mark).cloned();
        match texts {
            Some(texts)
                if texts
                    .first()
                    .is_some_and(|h| h.trim().eq_ignore_ascii_case(&column.header)) =>
            {
                Ok(texts)
            }
            _ => Err(SheetError {
                kind: SheetErrorKind::Refused,
                message: format!(
                    "the column {} of {} was renamed, moved or deleted while the pass ran, so nothing more was written; the next pass writes it",
                    column.header, self.title
                ),
            }),
        }
    }

    /// What still has to be written so that every row shows what belongs to its key. After the `first` write only what this
    /// pass wrote itself is put right, and rows that it did not reach: anything else is somebody's edit.
    pub fn writes(&mut self, first: bool) -> Vec<ColumnWrite> {
        let mut writes: BTreeMap<i64, ColumnWrite> = BTreeMap::new();
        let sent = std::mem::take(&mut self.sent);
        let longest = self.found.values().map(Vec::len).max().unwrap_or(0);
        for row in 1..longest.max(self.keys.len()) {
            let key = self.keys.get(row).map_or_else(|| shared(""), Arc::clone);
            let wanted = self.wanted.get(&key).filter(|_| !key.is_empty());
            let before = self.before.get(&key).filter(|_| !key.is_empty());
            for (header, column) in &self.service {
                let texts = self.found.get(header);
                let found = texts.and_then(|texts| texts.get(row)).map_or("", |text| text);
                let was = before.and_then(|cells| cells.get(header));
                let here = (header.clone(), key.clone());
                let ours = sent
                    .get(header)
                    .and_then(|rows| rows.get(&row))
                    .is_some_and(|text| **text == *found)
                    || self.astray.get(&here).is_some_and(|text| **text == *found);
                let shall = match (wanted.and_then(|cells| cells.get(header)), was) {
                    (Some(text), _) if first || ours || was.is_none_or(|was| **was == *found) => Arc::clone(text),
                    (None, Some(text)) if ours => Arc::clone(text),
                    (Some(text), _) | (None, Some(text)) if **text != *found => {
                        self.disputed.insert(key.clone());
                        continue;
                    }
                    // A row that was not there before the write, or has no key: a text that was written came there by mistake;
                    // another is somebody's paste, and the next pass looks at it.
                    (None, None) if ours || !self.unlike.contains(&key) && is_stray(&self.wanted, header, found) => {
                        shared("")
                    }
                    _ => continue,
                };
                if *found != *shall {
                    if !first && ours {
                        self.astray.insert(here, found.into());
                    }
                    self.sent
                        .entry(header.clone())
                        .or_default()
                        .insert(row, Arc::clone(&shall));
                    let write = writes.entry(column.mark).or_default();
                    write.mark = column.mark;
                    write.cells.insert(u32::try_from(row).unwrap_or(u32::MAX), shall);
                }
            }
        }
        writes.into_values().collect()
    }

    /// What people should know: rows that were left to the next pass, and new rows that are not where they were put.
    pub(super) fn notes(&self, desired: &Desired) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.disputed.is_empty() {
            notes.push(format!(
                "service cells of {} in {} were changed while the pass ran; the next pass says what follows from it",
                few(self.disputed.iter().map(|key| &**key), NAMED),
                quoted(&self.title)
            ));
        }
        let astray = desired.new_rows.keys().map(ServerId::as_str);
        let astray: Vec<String> = astray
            .filter(|id| self.wanted.contains_key(*id) && !self.keys.iter().any(|key| **key == **id))
            .map(str::to_owned)
            .collect();
        if !astray.is_empty() {
            notes.push(format!(
                "the rows appended to {} for {} are not found there; if a column was inserted or moved in that moment, their \
                 cells stand under wrong headers: delete those rows. The next pass appends them again",
                quoted(&self.title),
                few(astray.iter().map(String::as_str), NAMED)
            ));
        }
        notes
    }

    /// Keys whose every row shows that it was written.
    fn confirmed(&self) -> impl Iterator<Item = &Arc<str>> {
        let mut rows: BTreeMap<&str, bool> = BTreeMap::new();
        for (row, key) in self.keys.iter().enumerate().skip(1) {
            let Some(cells) = self.wanted.get(key) else { continue };
            let shows = |header: &str, text: &str| {
                let found = self
                    .found
                    .get(header)
                    .map(|texts| texts.get(row).map_or("", |text| text));
                found.is_none_or(|found| found == text)
            };
            // Where our time stands we wrote: what differs there was typed since, which the next pass can only tell if it
            // knows what was written.
            let typed_over = self.disputed.contains(key) && self.found.contains_key("updatedAt");
            let as_wanted = |header: &Arc<str>| !typed_over || &**header == "updatedAt";
            *rows.entry(key).or_insert(true) &= cells.iter().all(|(h, text)| !as_wanted(h) || shows(h, text));
        }
        self.wanted.keys().filter(move |key| rows.get(&***key) == Some(&true))
    }
}

fn trimmed(key: Arc<str>) -> Arc<str> {
    match key.trim() {
        whole if whole.len() == key.len() => key,
        part => part.into(),
    }
}

fn is_stray(wanted: &BTreeMap<Arc<str>, Cells>, header: &Arc<str>, found: &str) -> bool {
    let mut texts = wanted.values().filter_map(|cells| cells.get(header));
    !found.is_empty() && texts.any(|text| **text == *found)
}
