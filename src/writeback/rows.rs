//! Rows to append: those of discovered servers and the lines of the audit tab, in the order of the columns that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::desired::Desired;
use crate::memory::Event;
use crate::sheet::layout::Layout;
use crate::sheet::parse::Sheet;
use crate::sheet::{AUDIT_COLUMNS, Append, Cell, NewCell, RawSpreadsheet};

/// The most characters that a cell holds (Google's help, "Files you can store in Google Drive"); one line of the audit tab that
/// has more would keep all lines out.
const CELL_MAX: usize = 50_000;

/// The passes whose lines the audit tab holds: those of one pass are appended together or not at all.
pub(super) fn logged_runs<'a>(raw: &'a RawSpreadsheet, fresh: &Sheet) -> BTreeSet<&'a str> {
    let layout = fresh.display.audit.as_ref();
    let Some((layout, column)) = layout.and_then(|layout| Some((layout, *layout.columns.get("run")?))) else {
        return BTreeSet::new();
    };
    let rows = raw
        .tabs
        .iter()
        .filter(|tab| tab.sheet_id == layout.sheet_id)
        .flat_map(|tab| &tab.rows);
    rows.filter_map(|row| match row.get(column as usize) {
        Some(Cell::Text(run)) => Some(run.as_str()),
        _ => None,
    })
    .collect()
}

/// The rows to append that are not there yet, in the order of the columns of `sheet`.
#[must_use]
pub fn appends(sheet: &Sheet, desired: &Desired) -> Vec<Append> {
    let mut appends = Vec::new();
    let absent = desired.new_rows.iter().filter(|(id, _)| !desired.present.contains(*id));
    let rows: Vec<_> = absent
        .map(|(_, cells)| lay_out(&sheet.display.servers.layout, cells, &sheet.display.servers.filled))
        .collect();
    if !rows.is_empty() {
        appends.push(Append {
            sheet_id: sheet.display.servers.layout.sheet_id,
            table: sheet.display.servers.layout.table.clone(),
            rows,
        });
    }
    let audit = sheet
        .display
        .audit
        .as_ref()
        .filter(|layout| !layout.columns.is_empty() && !desired.audit.is_empty());
    if let Some(layout) = audit {
        let rows = desired
            .audit
            .iter()
            .map(|event| lay_out(layout, &audit_cells(event), &BTreeSet::new()))
            .collect();
        appends.push(Append {
            sheet_id: layout.sheet_id,
            table: layout.table.clone(),
            rows,
        });
    }
    appends
}

fn audit_cells(event: &Event) -> BTreeMap<Arc<str>, NewCell> {
    let Event {
        time,
        run,
        channel,
        event,
        from,
        to,
        detail,
    } = event;
    let time = time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let texts = [&time, run, channel, event, from, to, detail];
    let text = |text: &String| {
        if text.is_empty() {
            NewCell::Blank
        } else {
            NewCell::Text(text.chars().take(CELL_MAX).collect())
        }
    };
    AUDIT_COLUMNS
        .iter()
        .zip(texts)
        .map(|(header, value)| (Arc::from(*header), text(value)))
        .collect()
}

/// Puts cells in the order of a tab's columns. Those that a formula fills stay blank: a value there would break it.
fn lay_out(layout: &Layout, cells: &BTreeMap<Arc<str>, NewCell>, filled: &BTreeSet<Arc<str>>) -> Vec<NewCell> {
    let width = layout.columns.values().max().map_or(0, |last| *last as usize + 1);
    let mut row = vec![NewCell::Blank; width];
    for (header, column) in layout.columns.iter().filter(|(header, _)| !filled.contains(*header)) {
        if let (Some(cell), Some(slot)) = (cells.get(header), row.get_mut(*column as usize)) {
            *slot = cell.clone();
        }
    }
    row
}
