//! What to remember of cells that were read back as written.

use std::sync::Arc;

use super::Target;
use crate::memory::{Memory, Stamp, Update};
use crate::settle::Cells;
use crate::writeback::desired::Desired;
use crate::writeback::desired::stamp;

/// A row that was read back as written: its tab and its key.
pub type Confirmed<'t> = (&'t Target, &'t Arc<str>);

/// All rows that were read back as written.
#[must_use]
pub fn confirmed(targets: &[Target]) -> Vec<Confirmed<'_>> {
    let rows = targets.iter().flat_map(|t| t.confirmed().map(move |key| (t, key)));
    rows.collect()
}

/// What to remember of rows that were read back as written.
#[must_use]
pub fn written(rows: &[Confirmed<'_>], memory: &Memory, desired: &Desired) -> Update {
    let mut update = Update::default();
    for &(target, key) in rows {
        // Columns that vanished while the pass ran show nothing of it.
        let there = |cells: &Cells| -> Cells {
            let there = cells.iter().filter(|(header, _)| target.service.contains_key(*header));
            there.map(|(header, text)| (header.clone(), text.clone())).collect()
        };
        if let (Some(cells), Some((name, former))) =
            (desired.channels.get(&**key), memory.channels.get_key_value(&**key))
        {
            let mut next = former.clone();
            let new: Stamp = stamp(&there(cells));
            next.row.meant.retain(|(meant, _)| *meant != new);
            next.row.read_back(new);
            update.channels.insert(name.clone(), next);
        }
        let Some((id, former)) = memory.servers.get_key_value(&**key) else {
            continue;
        };
        let Some(cells) = desired.servers.get(id).or_else(|| desired.new_cells.get(id)) else {
            continue;
        };
        let mut known = former.clone();
        let next = Arc::make_mut(&mut known);
        next.shown = there(cells);
        let new = next.shown.remove("updatedAt").unwrap_or_default();
        next.row.meant.retain(|(meant, _)| *meant != new);
        next.row.read_back(new);
        update.servers.insert(id.clone(), known);
    }
    update
}
