//! Judges whether two groups that share nobody hold the key columns: only then do two keys mean two people.
//!
//! A typed name proves nothing, and no Google API tells who typed a cell; only who *may* type it is known. A protection whose
//! editors cannot be seen does not hold.

mod advice;
mod range;

use std::collections::BTreeSet;

use super::layout::{Layout, RELEASE_SERVICE, column_letters};
use super::names::Keyholders;
use super::{ProtectedRange, RawTab};
use crate::text::few;

pub(crate) use advice::{closed, closed_to_us, release_advice, server_advice};
pub(crate) use range::{OURS, is_closed, named, shuts_out, warning_fault};

/// Whether whoever turns a key may: what was found of the protections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// What to repair before keys count; empty when they do.
    pub faults: Vec<String>,
    /// Whether the service columns of the release tab are kept from everybody but the service.
    pub service_columns: bool,
}

impl Approval {
    /// Judges the release tab.
    #[must_use]
    pub fn of(tab: &RawTab, layout: &Layout, who: &Keyholders) -> Self {
        let mut faults = Vec::new();
        let judge_a = |found: &BTreeSet<String>| exactly(&who.a, found);
        let judge_b = |found: &BTreeSet<String>| exactly(&who.b, found);
        let judge_neither = |found: &BTreeSet<String>| neither(who, found);
        faults.extend(column_fault(tab, layout, "desiredVersionA", who, &judge_a));
        faults.extend(column_fault(tab, layout, "desiredVersionB", who, &judge_b));
        faults.extend(column_fault(tab, layout, "channel", who, &judge_neither));
        let service_columns = RELEASE_SERVICE
            .iter()
            .all(|header| column_fault(tab, layout, header, who, &nobody).is_none());
        Self {
            faults,
            service_columns,
        }
    }

    /// Whether two groups that share nobody hold the keys.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Editors that a message names.
const NAMED: usize = 10;

/// Why these editors are not exactly the wanted ones.
pub(crate) fn exactly(wanted: &BTreeSet<String>, found: &BTreeSet<String>) -> Option<String> {
    if wanted.is_empty() {
        return Some("the configuration names nobody for it (dual_key)".to_owned());
    }
    let extra: Vec<&str> = found.difference(wanted).map(String::as_str).collect();
    let absent: Vec<&str> = wanted.difference(found).map(String::as_str).collect();
    match (extra.is_empty(), absent.is_empty()) {
        (true, true) => None,
        (false, _) => Some(format!("{} may edit it too", few(extra, NAMED))),
        (true, false) => Some(format!("{} may not edit it", few(absent, NAMED))),
    }
}

/// Which holders of a key are among the editors.
pub(crate) fn neither(who: &Keyholders, found: &BTreeSet<String>) -> Option<String> {
    let holders: Vec<&str> = found
        .iter()
        .filter(|f| who.a.contains(*f) || who.b.contains(*f))
        .map(String::as_str)
        .collect();
    (!holders.is_empty()).then(|| {
        format!(
            "{} may edit it and so lend a row the keys of another",
            few(holders, NAMED)
        )
    })
}

/// The editors, if there are any.
pub(crate) fn nobody(found: &BTreeSet<String>) -> Option<String> {
    let all = found.iter().map(String::as_str);
    (!found.is_empty()).then(|| format!("{} may edit it", few(all, NAMED)))
}

/// Why a column is not guarded; `None` when at least one range guards it. (Google lets only those write who may by *all* the
/// ranges that cover a cell, so one good range is enough.)
fn column_fault(
    tab: &RawTab,
    layout: &Layout,
    header: &str,
    who: &Keyholders,
    judge: &dyn Fn(&BTreeSet<String>) -> Option<String>,
) -> Option<String> {
    let Some(column) = layout.columns.get(header) else {
        return Some(format!("{}: the column {header} is missing", tab.title));
    };
    let what = format!("{}!{} ({header})", tab.title, column_letters(*column));
    let touching = |range: &&ProtectedRange| {
        range.range.start_column.is_none_or(|start| start <= *column)
            && range.range.end_column.is_none_or(|end| *column < end)
            // The protection of the headers says nothing about a column.
            && range.range.end_row != Some(1)
    };
    let mut first = None;
    for range in tab.protected.iter().filter(touching) {
        let fault = range_fault(range, who, judge)?;
        first.get_or_insert(fault);
    }
    Some(match first {
        Some(fault) => format!("{what}: {fault}"),
        None => format!("{what} is not protected; run fleetsheet init, or protect the whole column"),
    })
}

/// Why a range does not guard the whole height of a tab.
pub(crate) fn range_fault(
    range: &ProtectedRange,
    who: &Keyholders,
    judge: &dyn Fn(&BTreeSet<String>) -> Option<String>,
) -> Option<String> {
    // A range that ends at today's last row leaves tomorrow's rows open.
    let partial = range.range.start_row.is_some_and(|row| row > 0) || range.range.end_row.is_some();
    if partial && !range.warning_only {
        return Some("its protection covers a part only; protect the whole column, without row numbers".into());
    }
    editors_fault(range, who, judge)
}

/// Why a range does not keep those out that it should, whatever it covers.
pub(crate) fn editors_fault(
    range: &ProtectedRange,
    who: &Keyholders,
    judge: &dyn Fn(&BTreeSet<String>) -> Option<String>,
) -> Option<String> {
    if range.warning_only {
        return Some("its protection only warns; set it to restrict who can edit".into());
    }
    if !range.unprotected.is_empty() {
        return Some("its protection leaves parts open; remove its exceptions".into());
    }
    let Some(editors) = &range.editors else {
        return Some("Google hides who may edit it; make the service account one of its editors".into());
    };
    if editors.domain {
        return Some("everybody in the domain may edit it; take that away".into());
    }
    let found: BTreeSet<String> = editors
        .users
        .iter()
        .chain(&editors.groups)
        .map(|s| s.trim().to_lowercase())
        .filter(|s| !who.ignored.contains(s))
        .collect();
    judge(&found).map(|why| format!("{why}; correct the editors of its protection"))
}
