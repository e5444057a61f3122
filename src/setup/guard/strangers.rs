//! Protections that people made: which of them keep somebody out who has to edit.

use std::collections::BTreeSet;

use super::super::model::Setup;
use super::super::tab_setup::{TabSetup, covers};
use super::super::template::{Column, Editing, Owner};
use crate::problem::Code;
use crate::sheet::names::{Keyholders, address_of};
use crate::sheet::protection::{OURS, is_closed, named, shuts_out};

/// Ranges of other people that keep every editor from deleting, inserting or sorting rows, where editors should.
pub(super) fn barriers(tab_setup: &TabSetup<'_>, setup: &mut Setup) {
    let tab = &tab_setup.built.tab;
    let foreign = tab
        .protected
        .iter()
        .filter(|range| !range.description.starts_with(OURS));
    for range in foreign.filter(|_| tab_setup.template.warning_only) {
        if let Some(what) = shuts_out(range) {
            let (place, name) = named(&tab.title, range);
            let message = format!(
                "{name} {what}; let it only warn (Data > Protect sheets and ranges), or remove it, if they should"
            );
            setup.notes.push(Setup::problem(Code::ShutOut, &place, message));
        }
    }
}

/// Ranges of other people that stand in somebody's way.
pub(super) fn strangers(tab_setup: &TabSetup<'_>, column: &Column, at: u32, who: &Keyholders, setup: &mut Setup) {
    let foreign = tab_setup.built.tab.protected.iter().filter(|range| {
        let below = range.range.end_row.is_none_or(|end| end > 1);
        covers(range, at) && below && !range.warning_only && !range.description.starts_with(OURS)
    });
    for range in foreign {
        if is_closed(range) {
            // What a pass writes or appends to must be open to it.
            if column.owner != Owner::Human || column.header.eq_ignore_ascii_case("serverId") {
                setup.open.push(tab_setup.barred_problem(range));
            } else if column.editors != Editing::Everybody {
                let message = format!(
                    "somebody else's protection covers {} ({}), and Google hides its editors; if those who hold the key \
                     cannot type there, remove it",
                    tab_setup.place(at),
                    column.header
                );
                setup
                    .notes
                    .push(Setup::problem(Code::Hidden, &tab_setup.place(at), message));
            }
            continue;
        }
        let wanted: BTreeSet<&String> = match column.editors {
            Editing::KeyA => who.a.iter().collect(),
            Editing::KeyB => who.b.iter().collect(),
            Editing::BothKeys => who.a.iter().chain(&who.b).collect(),
            Editing::Nobody | Editing::Service | Editing::Everybody => continue,
        };
        let Some(editors) = range.editors.as_ref().filter(|editors| !editors.domain) else {
            continue;
        };
        let all = editors.users.iter().chain(&editors.groups);
        let found: BTreeSet<String> = all.map(|entry| address_of(entry)).collect();
        let out: Vec<&str> = wanted
            .into_iter()
            .filter(|one| !found.contains(*one))
            .map(String::as_str)
            .collect();
        if !out.is_empty() {
            let message = format!(
                "somebody else's protection covers {} ({}) and does not name {}; remove it if they cannot type there",
                tab_setup.place(at),
                column.header,
                out.join(", ")
            );
            setup
                .notes
                .push(Setup::problem(Code::ShutOut, &tab_setup.place(at), message));
        }
    }
}
