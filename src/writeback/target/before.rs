//! What rows showed when the pass decided: a row that shows something else right before the write is somebody else's doing.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::memory::Memory;
use crate::settle::Cells;
use crate::sheet::parse::Sheet;
use crate::text::shared;
use crate::writeback::desired::Desired;

/// What the rows of channels showed whose rows were all as the service left them: of others the pass has decided already that
/// they are written over.
pub(super) fn read_channels(sheet: &Sheet, memory: &Memory) -> BTreeMap<Arc<str>, Cells> {
    let rows = sheet.display.release.rows.iter().map(|row| {
        let known = memory.channels.get(&row.channel);
        let cells = [
            ("releaseVersion", &row.stamp.release),
            ("previousVersion", &row.stamp.previous),
            ("updatedAt", &row.stamp.updated_at),
            ("status", &row.status),
        ];
        let cells = cells.map(|(header, text)| (shared(header), shared(text)));
        let kept = known.is_some_and(|channel| channel.row.written.as_ref() == Some(&row.stamp));
        ((&row.channel).into(), kept.then(|| cells.into()))
    });
    as_left(rows)
}

/// The same of servers. A row that was not there yet shows nothing.
pub(super) fn read_servers(sheet: &Sheet, memory: &Memory, desired: &Desired) -> BTreeMap<Arc<str>, Cells> {
    let mut read = as_left(sheet.display.servers.keyed().map(|row| {
        let known = memory.servers.get(&row.id);
        let kept = known.is_some_and(|server| server.row.written.as_ref() == row.service.get("updatedAt"));
        ((&row.id).into(), kept.then(|| row.service.clone()))
    }));
    for (id, cells) in &desired.new_cells {
        let blank = cells.keys().map(|header| (header.clone(), shared("")));
        read.insert(id.into(), blank.collect());
    }
    read
}

/// Rows by key, without the keys of which a row was not as it was left, or which stand twice.
fn as_left(rows: impl Iterator<Item = (Arc<str>, Option<Cells>)>) -> BTreeMap<Arc<str>, Cells> {
    let mut read: BTreeMap<Arc<str>, Option<Cells>> = BTreeMap::new();
    for (key, cells) in rows {
        let twice = read.contains_key(&key);
        read.insert(key, cells.filter(|_| !twice));
    }
    read.into_iter()
        .filter_map(|(key, cells)| Some((key, cells?)))
        .collect()
}
