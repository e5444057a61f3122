//! Is this the sheet, the store and the time that we think? What differs stops the pass before anything is written.

use super::history;
use super::inputs::Inputs;
use super::model::Tripped;
use super::policy::Belt;
use crate::memory::{Binding, ChannelMemory, Memory};
use crate::problem::{Code, Kind, Problem};
use crate::sheet::parse::ReleaseRow;

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
        release_tab: sheet.release.layout.sheet_id,
        server_tab: sheet.servers.layout.sheet_id,
    }
}

/// All reasons why this pass may write nothing, and those that the operator lets through.
pub(super) fn stop(inputs: Inputs<'_>) -> (Vec<Problem>, Vec<Tripped>) {
    if inputs.policy.takeover {
        return (Vec::new(), Vec::new());
    }
    let mut stop: Vec<Problem> = other_store(inputs).into_iter().collect();
    let mut allowed = Vec::new();
    let belts = [
        (Belt::Tab, other_tab(inputs)),
        (Belt::History, history::time_travel(inputs)),
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
    let others: Vec<&str> = sheet
        .stores
        .iter()
        .map(String::as_str)
        .filter(|s| *s != memory.store)
        .collect();
    let why = if !others.is_empty() {
        let served = if sheet.stores.contains(&memory.store) {
            "too"
        } else {
            "and not by this one"
        };
        format!(
            "the spreadsheet is served by the store {} {served} (this is {})",
            others.join(", "),
            if memory.store.is_empty() {
                "a new one"
            } else {
                &memory.store
            }
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

fn other_tab(inputs: Inputs<'_>) -> Option<Problem> {
    let Inputs {
        sheet, memory, policy, ..
    } = inputs;
    let bound = memory
        .binding
        .as_ref()
        .filter(|b| b.spreadsheet == policy.spreadsheet)?;
    let pairs = [
        (&sheet.release.layout, bound.release_tab),
        (&sheet.servers.layout, bound.server_tab),
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

/// Whether a row is as the service last wrote it or meant to.
pub(super) fn is_confirmed(row: &ReleaseRow, memory: &ChannelMemory) -> bool {
    memory.row.stamps().any(|stamp| *stamp == row.stamp)
}

/// Whether a row shows what was meant for another channel's, and was not read back there yet: rows that changed places under a
/// write whose end nobody saw. That is a lost call, too, and no edit.
pub(super) fn is_strayed(row: &ReleaseRow, memory: &Memory) -> bool {
    let mut others = memory.channels.iter().filter(|(name, _)| **name != row.channel);
    !row.stamp.updated_at.is_empty()
        && others.any(|(_, other)| other.row.meant.iter().any(|(stamp, _)| *stamp == row.stamp))
}

/// Whether a row carries the stamp of another channel: its cells were swapped, sorted or pasted.
pub(super) fn carries_foreign_stamp(row: &ReleaseRow, memory: &Memory) -> bool {
    let shown = &row.stamp.updated_at;
    !shown.is_empty()
        && memory.channels.iter().any(|(name, channel)| {
            *name != row.channel
                && (channel.row.stamps().any(|s| s.updated_at == *shown) || channel.row.earlier.contains(shown))
        })
}
