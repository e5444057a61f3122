//! Ranges of ours that stand for no column any more, such as that of a tag which servers decided once: where editors are to work
//! on rows, a strict one would keep them from it for good.

use super::super::model::{Setup, Step};
use super::super::tab_setup::TabSetup;
use crate::sheet::protection::{OURS, is_closed, named, shuts_out};
use crate::sheet::structure::{Edit, Protection};

/// Lets such ranges only warn. `wanted`: the descriptions of those that are to be.
pub(super) fn leftovers(tab_setup: &TabSetup<'_>, wanted: &[&str], setup: &mut Setup) {
    let tab = &tab_setup.built.tab;
    let left = tab.protected.iter().filter(|range| {
        let description = range.description.trim();
        description.starts_with(OURS) && !wanted.contains(&description)
    });
    for range in left.filter(|_| tab_setup.template.warning_only) {
        let Some(what) = shuts_out(range) else { continue };
        if is_closed(range) {
            setup.open.push(tab_setup.barred_problem(range));
            continue;
        }
        setup.steps.push(Step {
            place: named(&tab.title, range).0,
            what: format!("let the protection {:?} only warn: it {what}", range.description),
            repair: true,
            edits: vec![Edit::Reprotect {
                id: range.id,
                as_is: Protection {
                    sheet_id: tab_setup.sheet_id(),
                    range: range.range,
                    description: range.description.clone(),
                    warning_only: true,
                    users: Vec::new(),
                    groups: Vec::new(),
                },
            }],
        });
    }
}
