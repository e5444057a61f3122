//! One tab while it is written: which rows have which key right now, what each shall show, and what it does show.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Desired, service_columns, stamp};
use crate::memory::{Memory, Stamp, Update};
use crate::settle::Cells;
use crate::sheet::parse::{Layout, Sheet};
use crate::sheet::{Cell, ColumnWrite, Columns, MarkedColumn, RawSpreadsheet, SheetError, SheetErrorKind};

/// The columns of a tab that carry marks: its key column and the service's, and `tag:` columns (which are written only where
/// the server has the say).
pub(super) fn marked_columns(layout: &Layout) -> Vec<(Arc<str>, u32)> {
    let key = layout.columns.get_key_value(key_header(layout));
    let tags = layout.columns.iter().filter(|(header, _)| header.starts_with("tag:"));
    let all = key.into_iter().chain(service_columns(layout)).chain(tags);
    all.map(|(header, column)| (header.clone(), *column)).collect()
}

fn key_header(layout: &Layout) -> &'static str {
    if layout.columns.contains_key("serverId") {
        "serverId"
    } else {
        "channel"
    }
}

/// The cells of marked columns from a whole read.
pub(super) fn columns_of(raw: &RawSpreadsheet, columns: &[MarkedColumn], memory: &Memory) -> Columns {
    let marks = memory.binding.as_ref().map(|b| &b.marks);
    let mut found = Columns::new();
    for tab in &raw.tabs {
        for column in columns {
            let slot = format!("{}/{}", tab.sheet_id, column.header);
            if marks.and_then(|marks| marks.get(&slot)) != Some(&column.mark) {
                continue;
            }
            let same = |cell: &Cell| text(cell).trim().eq_ignore_ascii_case(&column.header);
            let Some(at) = tab.rows.first().and_then(|headers| headers.iter().position(same)) else {
                continue;
            };
            let cells = tab
                .rows
                .iter()
                .map(|row| row.get(at).cloned().unwrap_or_default())
                .collect();
            found.insert(column.mark, cells);
        }
    }
    found
}

/// One tab's part of a write.
pub(super) struct Target {
    title: String,
    key: MarkedColumn,
    /// Service columns by header.
    service: BTreeMap<Arc<str>, MarkedColumn>,
    /// What rows with a key shall show.
    pub(super) wanted: BTreeMap<String, Cells>,
    /// Keys row by row, from the last read; row 0 is the header.
    keys: Vec<String>,
    /// Service cells as last read, by header.
    found: BTreeMap<Arc<str>, Vec<String>>,
    /// What rows showed before the write, by key: what a row that was hit by mistake gets back.
    before: BTreeMap<String, Cells>,
}

impl Target {
    pub(super) fn all(sheet: &Sheet, memory: &Memory, desired: &Desired) -> Vec<Self> {
        let channels = desired
            .channels
            .iter()
            .map(|(name, cells)| (name.to_string(), cells.clone()))
            .collect();
        // Appended rows are read back like the others, and completed where somebody else added them first.
        let servers = desired.servers.iter().chain(&desired.new_cells);
        let servers = servers.map(|(id, cells)| (id.to_string(), cells.clone())).collect();
        let tabs = [(&sheet.release.layout, channels), (&sheet.servers.layout, servers)];
        tabs.into_iter()
            .filter_map(|(layout, wanted)| Self::of(layout, wanted, memory))
            .collect()
    }

    fn of(layout: &Layout, wanted: BTreeMap<String, Cells>, memory: &Memory) -> Option<Self> {
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
            keys: Vec::new(),
            found: BTreeMap::new(),
            before: BTreeMap::new(),
        })
    }

    /// The columns to read.
    pub(super) fn columns(&self) -> Vec<MarkedColumn> {
        std::iter::once(&self.key)
            .chain(self.service.values())
            .cloned()
            .collect()
    }

    /// Takes the look right before the write.
    pub(super) fn check(&mut self, columns: &Columns) -> Result<(), SheetError> {
        self.reread(columns)?;
        for (row, key) in self.keys.iter().enumerate().skip(1) {
            let cells = self.found.iter();
            let cells = cells.map(|(header, texts)| (header.clone(), texts.get(row).cloned().unwrap_or_default()));
            self.before.entry(key.clone()).or_insert_with(|| cells.collect());
        }
        Ok(())
    }

    /// Takes a look after a write.
    pub(super) fn reread(&mut self, columns: &Columns) -> Result<(), SheetError> {
        self.keys = self
            .column(columns, &self.key)?
            .iter()
            .map(|key| key.trim().to_owned())
            .collect();
        let found = self
            .service
            .iter()
            .map(|(header, column)| Ok((header.clone(), self.column(columns, column)?)));
        self.found = found.collect::<Result<_, SheetError>>()?;
        Ok(())
    }

    fn column(&self, columns: &Columns, column: &MarkedColumn) -> Result<Vec<String>, SheetError> {
        let texts: Option<Vec<String>> = columns.get(&column.mark).map(|cells| cells.iter().map(text).collect());
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

    /// What still has to be written so that every row shows what belongs to its key.
    pub(super) fn writes(&self) -> Vec<ColumnWrite> {
        let mut writes: BTreeMap<i64, ColumnWrite> = BTreeMap::new();
        let length = self
            .found
            .values()
            .map(Vec::len)
            .max()
            .unwrap_or(0)
            .max(self.keys.len());
        for row in 1..length {
            let key = self.keys.get(row).map_or("", String::as_str);
            let wanted = self.wanted.get(key).filter(|_| !key.is_empty());
            let before = self.before.get(key).filter(|_| !key.is_empty());
            for (header, column) in &self.service {
                let found = self
                    .found
                    .get(header)
                    .and_then(|texts| texts.get(row))
                    .map_or("", String::as_str);
                let shall = match (
                    wanted.and_then(|cells| cells.get(header)),
                    before.and_then(|cells| cells.get(header)),
                ) {
                    (Some(text), _) | (None, Some(text)) => text.as_str(),
                    // A row that was not there before the write, or has no key: a text that was written came there by mistake;
                    // another is somebody's paste, and the next pass looks at it.
                    (None, None) if self.is_stray(header, found) => "",
                    (None, None) => continue,
                };
                if found != shall {
                    let write = writes.entry(column.mark).or_default();
                    write.mark = column.mark;
                    write
                        .cells
                        .insert(u32::try_from(row).unwrap_or(u32::MAX), shall.to_owned());
                }
            }
        }
        writes.into_values().collect()
    }

    fn is_stray(&self, header: &str, found: &str) -> bool {
        !found.is_empty()
            && self
                .wanted
                .values()
                .any(|cells| cells.get(header).is_some_and(|text| text == found))
    }

    /// Keys whose every row shows what was wanted.
    fn confirmed(&self) -> impl Iterator<Item = &String> {
        let mut rows: BTreeMap<&str, bool> = BTreeMap::new();
        for (row, key) in self.keys.iter().enumerate().skip(1) {
            let Some(cells) = self.wanted.get(key) else { continue };
            let as_wanted = cells.iter().all(|(header, text)| {
                let found = self
                    .found
                    .get(header)
                    .map(|texts| texts.get(row).map_or("", String::as_str));
                found.is_none_or(|found| found == text)
            });
            *rows.entry(key).or_insert(true) &= as_wanted;
        }
        self.wanted
            .keys()
            .filter(move |key| rows.get(key.as_str()) == Some(&true))
    }
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Blank => String::new(),
        Cell::Formula { value, .. } => text(value),
        Cell::Text(text) | Cell::Error(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
        Cell::Bool(value) => if *value { "TRUE" } else { "FALSE" }.into(),
    }
}

/// What was read back as written.
pub(super) fn written(targets: &[Target], memory: &Memory, desired: &Desired) -> Update {
    let mut update = Update::default();
    for key in targets.iter().flat_map(Target::confirmed) {
        if let (Some(cells), Some((name, former))) = (
            desired.channels.get(key.as_str()),
            memory.channels.get_key_value(key.as_str()),
        ) {
            let mut next = former.clone();
            let new: Stamp = stamp(cells);
            let before = next.row.written.replace(new.clone());
            if let Some(before) = before.filter(|b| !b.updated_at.is_empty() && *b != new) {
                next.row.earlier.push(before.updated_at);
            }
            next.row.meant.retain(|(meant, _)| *meant != new);
            update.channels.insert(name.clone(), next);
        }
        let Some((id, former)) = memory.servers.get_key_value(key.as_str()) else {
            continue;
        };
        let Some(cells) = desired.servers.get(id).or_else(|| desired.new_cells.get(id)) else {
            continue;
        };
        let new = cells.get("updatedAt").cloned().unwrap_or_default();
        let mut next = former.clone();
        next.shown = cells.clone();
        next.shown.remove("updatedAt");
        if let Some(before) = next
            .row
            .written
            .replace(new.clone())
            .filter(|b| !b.is_empty() && *b != new)
        {
            next.row.earlier.push(before);
        }
        next.row.meant.retain(|(meant, _)| *meant != new);
        update.servers.insert(id.clone(), next);
    }
    update
}
