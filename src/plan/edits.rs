//! Finds service cells of servers that somebody typed over. They are rewritten anyway; people are told once, with what stood
//! there and what was found.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::inputs::Inputs;
use super::joined::Beside;
use super::model::{Happening, Plan, ServerStatus};
use crate::memory::ServerMemory;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::cell::clip;
use crate::sheet::display::ShownServer;
use crate::sheet::layout::Layout;

/// Rows that a message names.
const NAMED: usize = 10;
/// Cells of a row that it names.
const CELLS_NAMED: usize = 3;

/// A cell typed over: its header, what was there, what is found.
type Edited<'a> = (&'a str, &'a str, &'a str);

/// What is told of all edits together.
#[derive(Default)]
struct Told {
    /// Rows that were typed over.
    rows: usize,
    /// The first cell that was.
    place: Option<String>,
    /// Whether any of them was not told of before.
    news: bool,
    /// Each row in words, as far as they are named.
    words: Vec<String>,
}

impl Told {
    fn add(&mut self, row: &ShownServer, cells: &[Edited<'_>], told: bool, layout: &Layout) {
        let Some((header, _, _)) = cells.first() else { return };
        self.rows += 1;
        self.place.get_or_insert_with(|| layout.place(header, row.row));
        self.news |= !told;
        if self.words.len() == NAMED {
            return;
        }
        let each = cells
            .iter()
            .take(CELLS_NAMED)
            .map(|(header, was, found)| change(&layout.place(header, row.row), was, found));
        let more = match cells.len().saturating_sub(CELLS_NAMED) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        self.words
            .push(format!("{} ({}{more})", row.id, each.collect::<Vec<_>>().join(", ")));
    }

    fn report(self, plan: &mut Plan) {
        let Some(place) = self.place else { return };
        let more = match self.rows - self.words.len() {
            0 => String::new(),
            n => format!("; and {n} more rows"),
        };
        let detail = format!(
            "service cells of {} {} were changed by hand: {}{more}; they are restored",
            self.rows,
            if self.rows == 1 { "row" } else { "rows" },
            self.words.join("; ")
        );
        if self.news {
            plan.happenings
                .push(Happening::of_the_sheet("unauthorised_edit", &detail));
        }
        plan.problems
            .push(Problem::new(Kind::UnauthorisedEdit, Code::ServerCells, place, detail));
    }
}

/// Reports the edits and remembers which were reported.
pub(super) fn report(inputs: Inputs<'_>, plan: &mut Plan) {
    let Inputs { memory, .. } = inputs;
    let shown = &inputs.sheet.display.servers;
    // What was meant for one row and stands in another got there when rows changed places under a write whose end nobody saw.
    let mut astray: BTreeSet<&str> = memory.servers.values().flat_map(|server| pending(server)).collect();
    // So did what was told in a row that named no server and now names one.
    let misnamed = memory.servers.iter().filter(|(id, _)| !id.is_instance());
    astray.extend(misnamed.filter_map(|(_, row)| row.row.written.as_deref()));
    let mut told = Told::default();
    let mut before = Beside::new(&memory.servers);
    for server in &plan.servers {
        // Nothing is restored in the row of a server of which nothing is known, and two rows of one server are an error already.
        let ([number], true) = (&*server.rows, server.status != ServerStatus::AsIs) else {
            continue;
        };
        // The parser reads them from top to bottom.
        let row = shown.rows.binary_search_by_key(number, |row| row.row);
        let row = row.ok().map(|at| &shown.rows[at]);
        let (Some(row), Some(remembered)) = (row, before.at(&server.id)) else {
            continue;
        };
        let mut cells = edited(row, remembered);
        // A row in which nothing of the service's stands was typed for a server whose row had been deleted.
        let is_new = row.service.values().all(|cell| cell.trim().is_empty());
        if is_new || astray.contains(row.updated_at()) {
            cells.clear();
        }
        // A column that is gone shows nothing and can be given nothing back: that it is gone is told apart.
        cells.retain(|(header, _, _)| shown.layout.columns.contains_key(*header));
        told.add(row, &cells, remembered.edited, &shown.layout);
        if remembered.edited == cells.is_empty() {
            let next = plan.update.servers.entry(server.id.clone());
            let next = next.or_insert_with(|| remembered.clone());
            Arc::make_mut(next).edited = !remembered.edited;
        }
    }
    told.report(plan);
}

/// A changed cell in words.
pub(super) fn change(place: &str, was: &str, found: &str) -> String {
    format!("{place} from \"{}\" to \"{}\"", clip(was), clip(found))
}

/// The times that were meant to be written to a row, and not yet read back.
fn pending(server: &ServerMemory) -> impl Iterator<Item = &str> {
    server.row.meant.iter().map(|(at, _)| &**at).filter(|at| !at.is_empty())
}

/// The cells of a row that hold neither what was last read back there nor what was meant to be written since.
fn edited<'a>(row: &'a ShownServer, memory: &'a ServerMemory) -> Vec<Edited<'a>> {
    let stamp = row.service.get("updatedAt").map(|text| &**text);
    let Some(wrote) = memory.row.written.as_deref().filter(|_| !memory.shown.is_empty()) else {
        return Vec::new();
    };
    let shown = memory.shown.iter().filter_map(|(header, was)| {
        let found = row.service.get(header).filter(|found| *found != was)?;
        Some((&**header, &**was, &**found))
    });
    let stamp = stamp
        .filter(|found| *found != wrote)
        .map(|found| ("updatedAt", wrote, found));
    shown.chain(stamp).collect()
}
