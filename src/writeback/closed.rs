//! Columns that somebody else's protection closes to us, in words that lead to it.

use super::error::WriteError;
use crate::sheet::layout::{Layout, column_letters, quoted};
use crate::sheet::names::Names;
use crate::sheet::parse::Sheet;
use crate::text::short;

/// The most of a range's description that is quoted.
const QUOTED: usize = 60;

fn layouts(sheet: &Sheet) -> [&Layout; 2] {
    [&sheet.display.release.layout, &sheet.display.servers.layout]
}

/// Whether there are any.
pub(super) fn any(sheet: &Sheet) -> bool {
    layouts(sheet).iter().any(|layout| !layout.closed.is_empty())
}

/// Which they are, and what to do about them.
pub(super) fn error(sheet: &Sheet, names: &Names) -> WriteError {
    let account = names.account();
    let (mut place, mut words) = (None, Vec::new());
    for layout in layouts(sheet) {
        for (header, description) in &layout.closed {
            let letters = layout
                .columns
                .get(header)
                .map_or_else(String::new, |column| column_letters(*column));
            let at = format!("{}!{letters}", quoted(&layout.title));
            let range = if description.is_empty() {
                "without a description".to_owned()
            } else {
                format!("called {:?}", short(description, QUOTED))
            };
            words.push(format!("{at} ({header}), by a range {range}"));
            place.get_or_insert(at);
        }
    }
    WriteError::Closed {
        place: place.unwrap_or_default(),
        message: format!(
            "a protected range of somebody else keeps fleetsheet from writing {}; let its owner make {account} one of its editors, or \
             remove it (Data > Protect sheets and ranges); what can be written besides is written",
            words.join("; ")
        ),
    }
}
