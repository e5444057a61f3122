//! Decides, as one pure function, what a pass does: no I/O, no clock, no randomness; equal input, equal bytes.
//!
//! The plan leaves nothing to decide when it is applied: each change has its before, its after and its reason, each channel
//! and each server its status, and whatever is held back says by what.

mod adopt;
mod advice;
mod belts;
mod channel;
pub mod check;
mod clock;
mod draft;
mod edits;
mod history;
mod identity;
mod inputs;
mod joined;
mod misnamed;
mod model;
mod order;
mod policy;
mod progress;
mod recognise;
mod refusals;
mod rule;
mod server;
mod state;
mod unknown;

use std::collections::BTreeSet;

use crate::memory::Unapproved;
use crate::problem::Problem;
use crate::tag::{ChannelName, ServerId, Version};
use draft::{Context, Draft};
use joined::{Channels, Joined};

pub use advice::{Advice, Step, Then};
pub use inputs::Inputs;
pub(crate) use misnamed::owners;
pub use model::{ChannelPlan, Happening, Moved, Plan, ServerPlan, ServerStatus, Tone, Tripped};
pub use order::{NotOrdered, Order, order};
pub use policy::{Belt, Policy, Rows};
pub use rule::Rule;
pub use server::count_repeats;
pub use state::State;

/// All reasons why a pass over this sheet with this memory would stop before it wrote anything: see [`Plan::stop`]. The fleet
/// says nothing about it.
#[must_use]
pub(crate) fn distrust(inputs: Inputs<'_>) -> Vec<Problem> {
    identity::stop(inputs).0
}

/// Decides.
#[must_use]
pub fn plan(inputs: Inputs<'_>) -> Plan {
    let Some(moved) = clock::after_leap(inputs.memory, inputs.now) else {
        return decide(inputs);
    };
    let mut plan = decide(Inputs {
        memory: &moved,
        ..inputs
    });
    if plan.stop.is_empty() {
        clock::keep(&moved, inputs.memory, &mut plan.update);
    }
    plan
}

fn decide(inputs: Inputs<'_>) -> Plan {
    let (stop, tripped) = identity::stop(inputs);
    if !stop.is_empty() {
        return Plan::stopped(stop, inputs.memory);
    }
    let mut plan = Plan {
        problems: inputs.sheet.problems.clone(),
        tripped,
        ..Plan::default()
    };
    let rows = joined::release_rows(inputs);
    let servers = joined::servers(inputs);
    let row_belt = belts::row_drop(inputs, &mut plan);
    let mut source_belts = belts::fleet_drop(inputs, &mut plan);
    source_belts.extend(belts::lost_source(inputs, &mut plan));
    let channels = decide_channels(inputs, &rows, &servers, row_belt.as_deref(), &mut plan);
    let context = Context {
        inputs,
        rows: &rows,
        channels: &channels,
        row_belt: row_belt.as_deref(),
        source_belts: &source_belts,
    };
    let mut drafts: Vec<Draft<'_>> = Vec::with_capacity(servers.len());
    for joined in &servers {
        drafts.extend(server::decide(joined, &context, &mut plan));
    }
    refusals::rest(&mut drafts, &context);
    let counted = belts::unapproved(&mut drafts, &context, &mut plan);
    progress::count(&drafts, &context, &mut plan);
    for draft in drafts {
        let (server, memory) = draft.close(inputs);
        if let Some(memory) = memory {
            plan.update.servers.insert(server.id.clone(), memory);
        }
        plan.servers.push(server);
    }
    unknown::report(inputs, &rows, &mut plan);
    misnamed::report(inputs, &mut plan);
    finish(inputs, counted, &mut plan);
    plan
}

fn decide_channels(
    inputs: Inputs<'_>,
    rows: &joined::Rows<'_>,
    servers: &[Joined<'_>],
    row_belt: Option<&str>,
    plan: &mut Plan,
) -> Channels {
    let carried = adopt::carried(servers, rows, inputs.policy);
    let shown = joined::shown_releases(inputs);
    let deserted = belts::deserted(inputs);
    let terms = channel::Terms {
        intent: &inputs.sheet.intent,
        approval: &inputs.sheet.approval,
        policy: inputs.policy,
        complete: inputs.fleet.complete(),
        watched: inputs.memory.binding.as_ref().is_some_and(|binding| binding.protected),
        row_belt,
        deserted: &deserted,
    };
    let mut channels = Channels::new();
    let names: BTreeSet<&ChannelName> = rows.keys().copied().chain(inputs.memory.channels.keys()).collect();
    for name in names {
        let shown = shown.get(name).map_or(&[][..], Vec::as_slice);
        let case = channel::Case {
            terms,
            name,
            rows: rows.get(name).map_or(&[][..], Vec::as_slice),
            recognised: recognise::recognise(inputs, name, shown),
            memory: inputs.memory.channels.get(name),
            carried: carried.get(name),
        };
        if let Some(next) = channel::decide(&case, plan) {
            if case.memory != Some(&next) {
                plan.update.channels.insert(name.clone(), next.clone());
            }
            channels.insert(name.clone(), next);
        }
    }
    channels
}

/// Turns the moves into happenings, and closes the update.
fn finish(inputs: Inputs<'_>, counted: Vec<Unapproved>, plan: &mut Plan) {
    let Inputs { memory, policy, .. } = inputs;
    plan.happenings.extend(plan.channels.iter().filter_map(moves));
    edits::report(inputs, plan);
    belts::listings(inputs, plan);
    server::forget(inputs, plan);
    let binding = identity::binding(inputs);
    if memory.binding.as_ref() != Some(&binding) {
        plan.update.binding = Some(binding);
    }
    // What stands there counts as written: no stamp that is given out from now on may be one of these, or earlier.
    if policy.takeover || memory.binding.is_none() || policy.allow.contains(&Belt::History) {
        plan.update.last_stamp = history::accepted(inputs);
    }
    if policy.takeover {
        let detail = "this store serves the sheet from now on; all keys are spent";
        plan.happenings.push(Happening {
            to: memory.store.clone(),
            ..Happening::of_the_sheet("takeover", detail)
        });
    }
    let (allowed, holding): (Vec<Tripped>, Vec<Tripped>) = plan.tripped.iter().cloned().partition(|t| t.allowed);
    for belt in &allowed {
        plan.happenings.push(Happening::of_the_sheet("override", &belt.message));
    }
    let holding = holding.iter().map(|t| (t.belt.code(), &*t.place, &*t.message));
    plan.note_belts(holding, memory);
    let baselines = belts::baselines(inputs, counted, &plan.tripped);
    if baselines != memory.baselines {
        plan.update.baselines = Some(baselines);
    }
    plan.problems.sort();
    plan.problems.dedup();
}

/// The move of a channel, as it happens.
fn moves(channel: &ChannelPlan) -> Option<Happening> {
    let (event, from, to) = match channel.moved.as_ref()? {
        Moved::Promotion { from, to } => ("promotion", from.as_ref().map(Version::as_str), to),
        Moved::Rollback { from, to } => ("rollback", Some(from.as_str()), to),
    };
    let shown: Vec<&str> = channel.left_behind.iter().take(10).map(ServerId::as_str).collect();
    let detail = match channel.left_behind.len() {
        0 => String::new(),
        n => format!(
            "{n} held and left behind: {}{}",
            shown.join(", "),
            if n > 10 { ", …" } else { "" }
        ),
    };
    Some(Happening {
        channel: channel.name.to_string(),
        event,
        from: from.unwrap_or_default().to_owned(),
        to: to.to_string(),
        detail,
    })
}
