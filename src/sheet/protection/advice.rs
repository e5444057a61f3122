//! Says what the other protections leave open. None of it holds a promotion, but all of it lets people make a mess that the
//! service then has to tidy up. Also says which columns are closed to the service itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::range::{OURS, is_closed, named, shuts_out, spans};
use super::{NAMED, column_fault};
use crate::sheet::layout::{Layout, RELEASE_SERVICE, RUNNING, SERVER_SERVICE, column_letters, quoted};
use crate::sheet::names::Keyholders;
use crate::sheet::{GridRange, ProtectedRange, RawTab};
use crate::text::few;

/// What to correct about the release tab, where keys and channel are not concerned.
#[must_use]
pub(crate) fn release_advice(tab: &RawTab, layout: &Layout, who: &Keyholders) -> Vec<String> {
    let holders: BTreeSet<String> = who.a.union(&who.b).cloned().collect();
    let both = |found: &BTreeSet<String>| {
        let extra = names(found.difference(&holders));
        let absent = names(holders.difference(found));
        match (extra.is_empty(), absent.is_empty()) {
            (true, true) => None,
            (false, _) => Some(format!("{extra} may edit it too")),
            (true, false) => Some(format!("{absent} may not edit it")),
        }
    };
    let boxes = ["enabled", "rollback", "advance"].into_iter();
    let present = boxes.filter(|header| layout.columns.contains_key(*header));
    let mut advice: Vec<String> = present
        .filter_map(|header| column_fault(tab, layout, header, who, &both))
        .map(|fault| format!("{fault} (both groups of dual_key should edit it, and nobody else)"))
        .collect();
    advice.extend(service_columns(tab, layout, who, &RELEASE_SERVICE));
    advice.extend(headers(tab, layout, false));
    advice
}

/// What to correct about the server tab, where editors are to delete, insert and sort rows. `tags`: headers of the columns that show
/// what the servers say.
#[must_use]
pub(crate) fn server_advice(tab: &RawTab, layout: &Layout, tags: &[&str]) -> Vec<String> {
    let whole = |range: &&ProtectedRange| {
        range.range.start_row.is_none_or(|row| row == 0)
            && range.range.end_row.is_none()
            && range.unprotected.is_empty()
    };
    let covered = |column: u32| {
        let mut ranges = tab.protected.iter().filter(whole);
        ranges.any(|range| spans(&range.range, column))
    };
    let service = SERVER_SERVICE.into_iter().chain([RUNNING]).chain(tags.iter().copied());
    let open: Vec<&str> = service
        .filter(|header| layout.columns.get(*header).is_some_and(|column| !covered(*column)))
        .collect();
    let mut advice = Vec::new();
    if !open.is_empty() {
        advice.push(format!(
            "{}: nothing warns people who type into {}, which is undone; fleetsheet init adds a warning",
            quoted(&tab.title),
            open.join(", ")
        ));
    }
    advice.extend(barriers(tab));
    advice.extend(headers(tab, layout, true));
    advice
}

/// What to do about ranges that keep editors from working with rows; those of one kind in one line.
fn barriers(tab: &RawTab) -> Vec<String> {
    let mut alike: BTreeMap<(&str, &str), Vec<(String, String)>> = BTreeMap::new();
    for range in &tab.protected {
        let Some(what) = shuts_out(range) else { continue };
        let fix = if range.description.starts_with(OURS) && !is_closed(range) {
            "fleetsheet init lets it only warn"
        } else {
            "let it only warn (Data > Protect sheets and ranges), or remove it, if they should"
        };
        alike.entry((what, fix)).or_default().push(named(&tab.title, range));
    }
    let line = |((what, fix), ranges): ((&str, &str), Vec<(String, String)>)| match &ranges[..] {
        [(_, name)] => format!("{name} {what}; {fix}"),
        _ => {
            let places = few(ranges.iter().map(|(place, _)| place.as_str()), NAMED);
            format!("each of the protections of {places} {what}; {fix}")
        }
    };
    alike.into_iter().map(line).collect()
}

/// Columns that the service must write and a protection keeps it from, by header. Google shows the editors of a range to those
/// who may edit it, so a range without them is closed to us.
#[must_use]
pub(crate) fn closed_to_us<'h>(tab: &RawTab, layout: &Layout, headers: &[&'h str]) -> Vec<&'h str> {
    let closed = |header: &&&str| {
        layout
            .columns
            .get(**header)
            .is_some_and(|column| tab.protected.iter().any(|range| closes(range, *column)))
    };
    headers.iter().filter(closed).copied().collect()
}

/// The same of a tab's service columns, with the description of the range, which tells people which one it is.
#[must_use]
pub(crate) fn closed(tab: &RawTab, layout: &Layout, headers: &[&str]) -> BTreeMap<Arc<str>, String> {
    let described = |header: &&str| {
        let column = *layout.columns.get(*header)?;
        let range = tab.protected.iter().find(|range| closes(range, column))?;
        Some((Arc::from(*header), range.description.clone()))
    };
    closed_to_us(tab, layout, headers)
        .iter()
        .filter_map(described)
        .collect()
}

fn closes(range: &ProtectedRange, column: u32) -> bool {
    // Row 1 is the header, which the service never writes.
    let below_header = range.range.end_row.is_none_or(|end| end > 1);
    let whole = |hole: &GridRange| hole.start_row.is_none_or(|row| row <= 1) && hole.end_row.is_none();
    let open = range.unprotected.iter().any(|hole| spans(hole, column) && whole(hole));
    range.editors.is_none() && !range.warning_only && spans(&range.range, column) && below_header && !open
}

fn names<'a>(people: impl Iterator<Item = &'a String>) -> String {
    few(people.map(String::as_str), NAMED)
}

/// The service columns that others may type into.
fn service_columns(tab: &RawTab, layout: &Layout, who: &Keyholders, headers: &[&str]) -> Option<String> {
    let nobody = |found: &BTreeSet<String>| (!found.is_empty()).then(String::new);
    let present = headers.iter().filter(|header| layout.columns.contains_key(**header));
    let open: Vec<&str> = present
        .filter(|header| column_fault(tab, layout, header, who, &nobody).is_some())
        .copied()
        .collect();
    (!open.is_empty()).then(|| {
        format!(
            "{}: people may type into {}, which is undone (in a channel's row at the price of both keys); protect these columns \
             for the service account alone (fleetsheet init does)",
            quoted(&tab.title),
            open.join(", ")
        )
    })
}

/// The known headers, but for that of the notes, which every editor of the file may rename. `warned`: a warning is enough.
fn headers(tab: &RawTab, layout: &Layout, warned: bool) -> Option<String> {
    let covered = |column: u32| {
        tab.protected.iter().any(|range| {
            let row_one =
                range.range.start_row.is_none_or(|row| row == 0) && range.range.end_row.is_none_or(|end| end > 0);
            (warned || !range.warning_only) && row_one && spans(&range.range, column) && range.unprotected.is_empty()
        })
    };
    let open = layout
        .columns
        .iter()
        .filter(|(header, column)| &***header != "notes" && !covered(**column));
    let mut open: Vec<(u32, &str)> = open.map(|(header, column)| (*column, &**header)).collect();
    open.sort_unstable();
    let open: Vec<String> = open
        .iter()
        .map(|(column, header)| format!("{}1 ({header})", column_letters(*column)))
        .collect();
    (!open.is_empty()).then(|| {
        let fix = if warned {
            "let row 1 warn"
        } else {
            "protect row 1"
        };
        format!(
            "{}: every editor may rename the headers {}; without a header that it needs no pass is made, so {fix} (fleetsheet init \
             does)",
            quoted(&tab.title),
            open.join(", ")
        )
    })
}
