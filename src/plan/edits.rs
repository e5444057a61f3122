//! Finds service cells of servers that somebody typed over. They are written anew anyway; people are told once, with what
//! stood there and what was found.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::inputs::Inputs;
use super::model::{Happening, Plan, ServerStatus};
use crate::memory::ServerMemory;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::cell::clip;
use crate::sheet::display::ShownServer;

/// Rows that a message names.
const NAMED: usize = 10;
/// Cells of a row that it names.
const CELLS_NAMED: usize = 3;

/// A cell typed over: its header, what was there, what is found.
type Edited<'a> = (&'a str, &'a str, &'a str);

/// Reports the edits and remembers which were reported.
pub(super) fn report(inputs: Inputs<'_>, plan: &mut Plan) {
    let Inputs { memory, .. } = inputs;
    let shown = &inputs.sheet.display.servers;
    // What was meant for one row and stands in another got there when rows changed places under a write whose end nobody saw.
    let astray: BTreeSet<&str> = memory.servers.values().flat_map(pending).collect();
    let mut words = Vec::new();
    let (mut rows, mut place, mut news) = (0_usize, None, false);
    for at in 0..plan.servers.len() {
        let server = &plan.servers[at];
        // Of a server that nothing is known of nothing is restored either, and two rows of one server are an error already.
        let ([number], true) = (&*server.rows, server.status != ServerStatus::AsIs) else {
            continue;
        };
        // The parser reads them from top to bottom.
        let rows_read = &shown.rows;
        let row = rows_read
            .binary_search_by_key(number, |row| row.row)
            .ok()
            .map(|at| &rows_read[at]);
        let (Some(row), Some(remembered)) = (row, memory.servers.get(&server.id)) else {
            continue;
        };
        let strayed = row
            .service
            .get("updatedAt")
            .is_some_and(|at| astray.contains(at.as_str()));
        let mut cells = if strayed { Vec::new() } else { edited(row, remembered) };
        // A column that is gone shows nothing and can be given nothing back: that it is gone is told apart.
        cells.retain(|(header, _, _)| shown.layout.columns.contains_key(*header));
        let told = remembered.edited;
        if let Some((header, _, _)) = cells.first() {
            rows += 1;
            place.get_or_insert_with(|| shown.layout.place(header, row.row));
            news |= !told;
            if words.len() < NAMED {
                let each = cells
                    .iter()
                    .take(CELLS_NAMED)
                    .map(|(header, was, found)| change(&shown.layout.place(header, row.row), was, found));
                let more = match cells.len().saturating_sub(CELLS_NAMED) {
                    0 => String::new(),
                    n => format!(" and {n} more"),
                };
                words.push(format!("{} ({}{more})", row.id, each.collect::<Vec<_>>().join(", ")));
            }
        }
        if told == cells.is_empty() {
            let id = server.id.clone();
            let next = plan.update.servers.entry(id).or_insert_with(|| remembered.clone());
            next.edited = !told;
        }
    }
    let Some(place) = place else { return };
    let more = match rows - words.len() {
        0 => String::new(),
        n => format!("; and {n} more rows"),
    };
    let detail = format!(
        "service cells of {rows} {} were changed by hand: {}{more}; they are restored",
        if rows == 1 { "row" } else { "rows" },
        words.join("; ")
    );
    if news {
        plan.happenings
            .push(Happening::of_the_sheet("unauthorised_edit", &detail));
    }
    plan.problems
        .push(Problem::new(Kind::UnauthorisedEdit, Code::ServerCells, place, detail));
}

/// A changed cell in words.
pub(super) fn change(place: &str, was: &str, found: &str) -> String {
    format!("{place} from \"{}\" to \"{}\"", clip(was), clip(found))
}

/// The times that were meant to be written to a row, and not yet read back.
fn pending(server: &ServerMemory) -> impl Iterator<Item = &str> {
    server
        .row
        .meant
        .iter()
        .map(|(at, _)| at.as_str())
        .filter(|at| !at.is_empty())
}

/// The cells of a row that hold neither what was last read back there nor what was meant to be written since.
fn edited<'a>(row: &'a ShownServer, memory: &'a ServerMemory) -> Vec<Edited<'a>> {
    let stamp = row.service.get("updatedAt").map(String::as_str);
    let Some(wrote) = memory.row.written.as_deref().filter(|_| !memory.shown.is_empty()) else {
        return Vec::new();
    };
    let shown = memory.shown.iter().filter_map(|(header, was): (&Arc<str>, &String)| {
        let found = row.service.get(header).filter(|found| *found != was)?;
        Some((&**header, was.as_str(), found.as_str()))
    });
    let stamp = stamp
        .filter(|found| *found != wrote)
        .map(|found| ("updatedAt", wrote, found));
    shown.chain(stamp).collect()
}
