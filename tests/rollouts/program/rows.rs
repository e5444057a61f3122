//! A row of the small world in the cells of the sheet, and by what the program recognises it.

use fleetsheet::memory::Stamp;
use fleetsheet::sheet::Cell;

use super::super::world as small;
use super::{stamp, version};
use crate::world::Row as Cells;

pub(super) fn cells(row: &small::Row) -> Cells {
    let mut cells = Cells::new();
    let mut put = |header: &str, text: String| {
        let cell = if text.is_empty() { Cell::Blank } else { Cell::Text(text) };
        cells.insert(header.to_owned(), cell);
    };
    put("channel", "web".into());
    put("desiredVersionA", version(row.keys[0]));
    put("desiredVersionB", version(row.keys[1]));
    let touched = row.touched && row.stamp != 0;
    put(
        "releaseVersion",
        if touched { "9.9".into() } else { version(row.release) },
    );
    put("previousVersion", version(row.previous));
    put("updatedAt", stamp(row.stamp));
    for (header, ticked) in [
        ("enabled", row.enabled),
        ("rollback", row.rollback),
        ("advance", row.advance),
    ] {
        cells.insert(header.to_owned(), Cell::Bool(ticked));
    }
    cells
}

pub(super) fn shown(row: &small::Row) -> Stamp {
    Stamp {
        release: version(row.release),
        previous: version(row.previous),
        updated_at: stamp(row.stamp),
    }
}
