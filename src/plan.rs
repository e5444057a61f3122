//! Decides, as one pure function, what a pass does: no I/O, no clock, no randomness; equal input, equal bytes.
//!
//! The plan leaves nothing to decide when it is applied: each change has its before, its after and its reason, each channel
//! and each server its status, and whatever is held back says by what.

mod adopt;
mod advice;
mod belts;
mod blind;
mod channel;
pub mod check;
mod clock;
mod draft;
mod edits;
pub mod gate;
mod history;
mod identity;
mod inputs;
mod joined;
mod misnamed;
mod model;
mod narrowed;
mod order;
mod policy;
mod progress;
mod recognise;
mod refusals;
mod rollout;
mod rule;
mod server;
mod state;
mod traffic;
mod unknown;
pub mod window;

use crate::memory::Unapproved;
use crate::problem::Problem;
use crate::tag::{ChannelName, Reason, Version};
use crate::text::ordered_by;
use draft::{Carries, ChannelRoles, ClosedHours, Context, Draft};
use joined::{Channels, Joined};
use policy::SourceBelts;
use rollout::{AtRest, Cohort};
use window::Hours;

pub use advice::{Advice, Half, Step, Then};
pub use blind::watch;
pub use inputs::{Blind, Inputs};
pub(crate) use misnamed::owners;
pub use model::{AgentCounts, By, ChannelPlan, Happening, Moved, Plan, ServerPlan, ServerStatus, Tone, Tripped};
pub use order::{NotOrdered, Order, order};
pub use policy::{Allowed, Belt, Policy, Rows};
pub use rollout::{
    GateLine, Phase, Place, Question, RolloutPlan, RolloutRule, Turn, before_start, place, questions_before_start,
    questions_under_way, turn,
};
pub use rule::Rule;
pub use server::count_repeats;
pub use state::State;

/// All reasons why a pass over this sheet with this memory would stop before it wrote anything: see [`Plan::stop`]. The fleet
/// says nothing about it.
#[must_use]
pub(crate) fn distrust(inputs: Inputs<'_>) -> Vec<Problem> {
    identity::stop(inputs, &joined::shown_servers(inputs)).0
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
    let (asked, shown) = (joined::server_rows(inputs), joined::shown_servers(inputs));
    let (stop, tripped) = identity::stop(inputs, &shown);
    if !stop.is_empty() {
        let mut plan = Plan::stopped(stop, inputs.memory);
        plan.update.binding = identity::rivalled(inputs);
        return plan;
    }
    let mut plan = Plan {
        problems: inputs.sheet.problems.clone(),
        tripped,
        ..Plan::default()
    };
    let rows = joined::release_rows(inputs);
    let known = joined::servers(inputs, &asked, &shown);
    let lost = belts::lost(inputs, &known);
    let row_belt = belts::row_drop(inputs, &lost, &mut plan);
    let mut source_belts = SourceBelts::new();
    let lost_sources = belts::lost_source(inputs, &known, &mut plan);
    source_belts.extend(lost_sources.into_iter().map(|source| (source, Belt::Source)));
    let shrunken = belts::fleet_drop(inputs, &known, &mut plan);
    source_belts.extend(shrunken.into_iter().map(|source| (source, Belt::FleetDrop)));
    let held = Held {
        rows: row_belt.as_deref(),
        sources: &source_belts,
    };
    let (channels, carries, closed, roles) = decide_channels(inputs, &rows, (&known, &lost), held, &mut plan);
    let context = Context {
        inputs,
        rows: &rows,
        channels: &channels,
        carries: &carries,
        closed: &closed,
        roles: &roles,
        row_belt: row_belt.as_deref(),
        source_belts: &source_belts,
    };
    let mut drafts: Vec<Draft<'_>> = Vec::with_capacity(known.len());
    for joined in known.iter().filter(|joined| !joined.is_past()) {
        drafts.extend(server::decide(joined, &context, &mut plan));
    }
    refusals::rest(&mut drafts, &context);
    let counted = belts::unapproved(&mut drafts, &context, &mut plan);
    traffic::cover(&mut drafts, &context);
    progress::count(&drafts, &context, &mut plan);
    plan.servers.reserve_exact(drafts.len());
    for draft in drafts {
        let (server, memory) = draft.close(inputs);
        if let Some(memory) = memory {
            plan.update.servers.insert(server.id.clone(), memory);
        }
        plan.servers.push(server);
    }
    unknown::report(inputs, &rows, &mut plan);
    misnamed::report(inputs, &mut plan);
    finish(inputs, &known, counted, &mut plan);
    plan
}

/// What belts hold.
#[derive(Clone, Copy)]
struct Held<'a> {
    /// The belt on rows, if it does.
    rows: Option<&'a str>,
    /// Sources.
    sources: &'a SourceBelts,
}

fn decide_channels(
    inputs: Inputs<'_>,
    rows: &joined::Rows<'_>,
    (known, lost): (&[Joined<'_>], &belts::LostRows<'_>),
    held: Held<'_>,
    plan: &mut Plan,
) -> (Channels, Carries, ClosedHours, ChannelRoles) {
    let rollouts = &*inputs.policy.rollouts;
    let carried = adopt::carried(known, rows, inputs);
    let shown = joined::shown_releases(inputs);
    let deserted = belts::deserted(inputs, known, lost);
    let terms = channel::Terms {
        intent: &inputs.sheet.intent,
        approval: &inputs.sheet.approval,
        policy: inputs.policy,
        complete: inputs.fleet.complete(),
        watched: inputs.memory.binding.as_ref().is_some_and(|binding| binding.protected),
        row_belt: held.rows,
        deserted: &deserted,
        readings: inputs.readings,
        now: inputs.now,
    };
    let mut channels = Channels::new();
    let (mut carries, mut closed, mut roles) = (Carries::new(), ClosedHours::new(), ChannelRoles::new());
    let names = rows.keys().copied().chain(inputs.memory.channels.keys()).collect();
    let go_by = rollout::go_by(names, rollouts, &inputs.memory.channels);
    let asked = rollout::named(&go_by, &inputs.memory.channels);
    let cohorts = rollout::cohorts(inputs, known, rows, held.sources, &asked, &go_by);
    let (nobody, mut at_rest) = (Cohort::default(), AtRest::new());
    for name in rollout::in_order(&go_by) {
        let shown = shown.get(name).map_or(&[][..], Vec::as_slice);
        let strategy = rollouts.strategy_of(name);
        let cohort = cohorts.get(name).unwrap_or(&nobody);
        let pace = channel::Pace {
            strategy,
            cohort,
            hours: inputs.policy.hours_of(name, inputs.now),
            blocked: rollout::blocked_words(cohort, held.rows.is_some()),
            waits_for: rollout::waits_for(name, &go_by, &at_rest),
        };
        let case = channel::Case {
            terms,
            name,
            rows: rows.get(name).map_or(&[][..], Vec::as_slice),
            recognised: recognise::recognise(inputs, name, shown),
            memory: inputs.memory.channels.get(name),
            carried: carried.get(name),
            pace,
        };
        let decided = plan.channels.len();
        if let Some((next, carry)) = channel::decide(&case, plan) {
            let state = plan.channels.get(decided).map(|channel| channel.state);
            if state.is_some_and(|state| rollout::is_at_rest(&next, state, case.agreed(), cohort, strategy)) {
                at_rest.insert(name.clone());
            }
            if case.memory != Some(&next) {
                plan.update.channels.insert(name.clone(), next.clone());
            }
            if let (None, None, Hours::Closed(hours)) = (strategy, &next.rollout, &case.pace.hours) {
                closed.insert(name.clone(), hours.what.clone());
            }
            let colours = go_by.get(name).copied().flatten().and_then(|it| it.colours.as_ref());
            // Without a row nothing of a channel is tagged.
            let of = colours
                .filter(|_| !case.rows.is_empty())
                .and_then(|it| rollout::roles(it, &next, cohort));
            roles.extend(of.map(|of| (name.clone(), of)));
            channels.insert(name.clone(), next);
            carries.extend(carry.map(|carry| (name.clone(), carry)));
        }
    }
    plan.channels.sort_by(|a, b| a.name.cmp(&b.name));
    (channels, carries, closed, roles)
}

/// Turns the moves into happenings, and closes the update.
fn finish(inputs: Inputs<'_>, known: &[Joined<'_>], counted: Vec<Unapproved>, plan: &mut Plan) {
    let Inputs { memory, policy, .. } = inputs;
    plan.happenings.extend(plan.channels.iter().filter_map(moves));
    edits::report(inputs, plan);
    belts::listings(inputs, known, plan);
    server::forget(inputs, known, plan);
    let binding = identity::binding(inputs);
    if memory.binding.as_ref() != Some(&binding) {
        plan.update.binding = Some(binding);
    }
    // What stands there counts as written: no stamp that is given out from now on may be one of these, or earlier.
    if policy.takeover || memory.binding.is_none() || policy.allow.contains(&Belt::History) {
        plan.update.last_stamp = history::accepted(inputs);
    }
    if policy.takeover {
        let detail = ordered(policy, "this store serves the sheet from now on; all keys are spent");
        plan.happenings.push(Happening {
            to: memory.store.clone(),
            ..Happening::of_the_sheet("takeover", &detail)
        });
    }
    let (allowed, holding): (Vec<Tripped>, Vec<Tripped>) = plan.tripped.iter().cloned().partition(|t| t.allowed);
    for belt in &allowed {
        let detail = ordered(policy, &belt.message);
        plan.happenings.push(Happening::of_the_sheet("override", &detail));
    }
    plan.happenings.extend(let_through(inputs, plan));
    let holding = holding.iter().map(|t| (t.belt.code(), &*t.place, &*t.message));
    plan.note_belts(holding, memory);
    let baselines = belts::baselines(inputs, counted, &plan.tripped);
    if baselines != memory.baselines {
        plan.update.baselines = Some(baselines);
    }
    plan.problems.sort();
    plan.problems.dedup();
}

/// What an operator did, and who that was.
fn ordered(policy: &Policy, what: &str) -> String {
    match policy.by.as_str() {
        "" => what.to_owned(),
        by => ordered_by(by, what),
    }
}

/// What servers did outside their windows, because an operator let them: a channel each.
fn let_through(inputs: Inputs<'_>, plan: &Plan) -> Vec<Happening> {
    if !inputs.policy.allow_window {
        return Vec::new();
    }
    let forward = |name: &ChannelName| {
        let mut happenings = plan.happenings.iter();
        let mut servers = plan
            .servers
            .iter()
            .filter(|server| server.channel.as_ref() == Some(name));
        happenings.any(|it| it.channel == name.as_str() && ["promotion", "wave"].contains(&it.event))
            || servers.any(|server| server.changes.iter().any(|change| change.reason == Reason::Release))
    };
    let told = |channel: &ChannelPlan| {
        let Hours::Closed(closed) = inputs.policy.hours_by_the_clock(&channel.name, inputs.now) else {
            return None;
        };
        forward(&channel.name).then(|| Happening {
            channel: channel.name.to_string(),
            ..Happening::of_the_sheet(
                "override",
                &ordered(inputs.policy, &format!("servers did not wait for {}", closed.what)),
            )
        })
    };
    plan.channels.iter().filter_map(told).collect()
}

/// The move of a channel, as it happens.
fn moves(channel: &ChannelPlan) -> Option<Happening> {
    let (event, from, to) = match channel.moved.as_ref()? {
        Moved::Promotion { from, to } => ("promotion", from.as_ref().map(Version::as_str), Some(to)),
        Moved::Rollback { from, to, by } => (by.event(), Some(from.as_str()), to.as_ref()),
    };
    Some(Happening {
        channel: channel.name.to_string(),
        event,
        from: from.unwrap_or_default().to_owned(),
        to: to.map(ToString::to_string).unwrap_or_default(),
        detail: channel.left_behind_words(),
    })
}
