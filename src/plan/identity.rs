//! Checks that this is the expected sheet, store and time. A difference stops the pass before anything is written.

use std::collections::BTreeSet;

use super::history;
use super::inputs::Inputs;
use super::model::Tripped;
use super::policy::Belt;
use crate::memory::Binding;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::display::ShownServer;
use crate::text::{plain, short};

/// The binding that this pass makes or keeps.
pub(super) fn binding(inputs: Inputs<'_>) -> Binding {
    let Inputs {
        sheet, memory, policy, ..
    } = inputs;
    Binding {
        // Which marks there are is the write-back's business.
        marks: memory.binding.as_ref().map(|b| b.marks.clone()).unwrap_or_default(),
        audit: memory.binding.as_ref().and_then(|b| b.audit),
        spreadsheet: policy.spreadsheet.clone(),
        protected: !policy.require_protection || sheet.approval.holds(),
        rival: None,
        release_tab: sheet.display.release.layout.sheet_id,
        server_tab: sheet.display.servers.layout.sheet_id,
    }
}

/// What a pass that is stopped for another store's claim remembers of it: what needs no sheet must not go by this store, either.
pub(super) fn rivalled(inputs: Inputs<'_>) -> Option<Binding> {
    let Inputs { sheet, memory, .. } = inputs;
    let binding = memory.binding.as_ref()?;
    let rival = rivals(&sheet.display.stores, &memory.store).next().cloned()?;
    let rivalled = Binding {
        rival: Some(rival),
        ..binding.clone()
    };
    (*binding != rivalled).then_some(rivalled)
}

/// The stores among those that claim a spreadsheet that are not this one.
pub(super) fn rivals<'s>(stores: &'s BTreeSet<String>, own: &str) -> impl Iterator<Item = &'s String> {
    stores.iter().filter(move |store| **store != *own)
}

/// All reasons why this pass may write nothing, and those that the operator lets through.
/// `shown` are the rows of the server tab by id.
pub(super) fn stop(inputs: Inputs<'_>, shown: &[&ShownServer]) -> (Vec<Problem>, Vec<Tripped>) {
    if inputs.policy.takeover {
        return (Vec::new(), Vec::new());
    }
    // Whatever else is wrong with it, another store's sheet is not ours to let through.
    if let Some(other) = other_store(inputs) {
        return (vec![other], Vec::new());
    }
    let mut stop = Vec::new();
    let mut allowed = Vec::new();
    let belts = [
        (Belt::Tab, other_tab(inputs)),
        (Belt::History, history::time_travel(inputs, shown)),
    ];
    for (belt, problem) in belts {
        let Some(problem) = problem else { continue };
        if inputs.policy.allow.contains(&belt) {
            allowed.push(Tripped {
                belt,
                place: problem.place,
                message: format!("{}; let through by --allow {}", problem.message, belt.word()),
                allowed: true,
            });
        } else {
            stop.push(problem);
        }
    }
    (stop, allowed)
}

fn other_store(inputs: Inputs<'_>) -> Option<Problem> {
    let Inputs {
        sheet, memory, policy, ..
    } = inputs;
    let others: Vec<&String> = rivals(&sheet.display.stores, &memory.store).collect();
    let why = if !others.is_empty() {
        let served_too = sheet.display.stores.contains(&memory.store);
        let served = if served_too { "too" } else { "and not by this one" };
        let others: Vec<String> = others.into_iter().map(|other| store(other)).collect();
        let this = match memory.store.as_str() {
            "" => "a new one".to_owned(),
            own => store(own),
        };
        let newest = history::newest(inputs).filter(|_| !served_too);
        let wrote = newest.map_or_else(String::new, |at| {
            format!(", which wrote into it last at {} UTC", at.format("%Y-%m-%d %H:%M"))
        });
        format!(
            "the spreadsheet is served by {}{wrote}, {served} (this is {this})",
            others.join(", ")
        )
    } else {
        let bound = memory
            .binding
            .as_ref()
            .filter(|b| b.spreadsheet != policy.spreadsheet)?;
        format!(
            "this store serves the spreadsheet {}, but the configuration names {}",
            bound.spreadsheet, policy.spreadsheet
        )
    };
    let fix =
        "stop whichever of the two is not meant, or let this store serve the sheet with fleetsheet --once --takeover";
    Some(Problem::new(
        Kind::Belt,
        Code::Store,
        &*policy.spreadsheet,
        format!("belt store: {why}; {fix}"),
    ))
}

/// A store, as people can tell it from another: by the machine that it was made on, where its id says so.
pub(super) fn store(id: &str) -> String {
    match id.split_once('/') {
        Some((host, _)) => format!("the state store that was made on {}", plain(&short(host, 80))),
        None => format!("the state store {}", plain(&short(id, 80))),
    }
}

fn other_tab(inputs: Inputs<'_>) -> Option<Problem> {
    let Inputs {
        sheet, memory, policy, ..
    } = inputs;
    let bound = memory
        .binding
        .as_ref()
        .filter(|b| b.spreadsheet == policy.spreadsheet)?;
    let pairs = [
        (&sheet.display.release.layout, bound.release_tab),
        (&sheet.display.servers.layout, bound.server_tab),
    ];
    let other: Vec<&str> = pairs
        .iter()
        .filter(|(layout, id)| layout.sheet_id != *id)
        .map(|(layout, _)| layout.title.as_str())
        .collect();
    let first = other.first()?;
    let message = format!(
        "belt tab: {} is not the tab that was served so far, but another under its name; bring the old tab back, or accept \
         the new one with fleetsheet --once --allow tab",
        other.join(" and ")
    );
    Some(Problem::new(Kind::Belt, Code::Tab, *first, message))
}
