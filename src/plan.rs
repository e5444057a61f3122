//! Decides, as one pure function, what a pass shall do: no I/O, no clock, no randomness; equal input, equal bytes.
//!
//! The plan leaves nothing to decide when it is applied: each change has its before, its after and its reason, each channel
//! and each server its status, and whatever is held back says by what.

mod adopt;
pub mod belts;
mod channel;
pub mod check;
mod clock;
mod edits;
mod history;
mod identity;
mod model;
mod rule;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::fleet::{Fleet, Server};
use crate::memory::{ChannelMemory, Memory, Unapproved};
use crate::problem::Problem;
use crate::sheet::parse::{ReleaseRow, Sheet};
use crate::tag::{ChannelName, ServerId, Version};

pub use belts::{Belt, Tripped};
pub use model::{ChannelPlan, Happening, Moved, Plan, Policy, ServerPlan, ServerStatus};
pub use rule::Rule;
pub use server::count_repeats;

/// All reasons why a pass over this sheet with this memory would stop before it wrote anything: see [`Plan::stop`].
#[must_use]
pub fn distrust(sheet: &Sheet, memory: &Memory, policy: &Policy, now: DateTime<Utc>) -> Vec<Problem> {
    identity::stop(sheet, memory, policy, now).0
}

/// Decides.
#[must_use]
pub fn plan(sheet: &Sheet, fleet: &Fleet, memory: &Memory, policy: &Policy, now: DateTime<Utc>) -> Plan {
    let Some(moved) = clock::after_leap(memory, now) else {
        return decide(sheet, fleet, memory, policy, now);
    };
    let mut plan = decide(sheet, fleet, &moved, policy, now);
    if plan.stop.is_empty() {
        clock::keep(&moved, memory, &mut plan.update);
    }
    plan
}

fn decide(sheet: &Sheet, fleet: &Fleet, memory: &Memory, policy: &Policy, now: DateTime<Utc>) -> Plan {
    let (stop, tripped) = identity::stop(sheet, memory, policy, now);
    if !stop.is_empty() {
        return Plan::stopped(stop, memory);
    }
    let mut plan = Plan {
        problems: sheet.problems.clone(),
        tripped,
        ..Plan::default()
    };
    let rows = release_rows(sheet);
    let lines = server::lines(sheet, fleet, memory);
    let row_belt = belts::row_drop(sheet, fleet, memory, policy, now, &mut plan);
    let source_belts = belts::fleet_drop(fleet, memory, policy, now, &mut plan);

    let channels = decide_channels(
        &rows,
        &lines,
        sheet,
        fleet,
        memory,
        policy,
        row_belt.as_deref(),
        now,
        &mut plan,
    );
    let context = server::Context {
        sheet,
        fleet,
        policy,
        rows: &rows,
        channels: &channels,
        row_belt: row_belt.as_deref(),
        source_belts: &source_belts,
        now,
    };
    let mut drafts: Vec<server::Draft> = Vec::with_capacity(lines.len());
    for line in &lines {
        drafts.extend(server::decide(line, &context, &mut plan));
    }
    let counted = belts::unapproved(&mut drafts, &context, memory, &mut plan);
    progress(&drafts, &context, memory, &mut plan);
    for draft in drafts {
        if let Some(memory) = draft.memory {
            plan.update.servers.insert(draft.plan.id.clone(), memory);
        }
        plan.servers.push(draft.plan);
    }
    finish(sheet, fleet, memory, policy, now, counted, &mut plan);
    plan
}

type Rows<'a> = BTreeMap<ChannelName, Vec<&'a ReleaseRow>>;
type Channels = BTreeMap<ChannelName, ChannelMemory>;

fn release_rows(sheet: &Sheet) -> Rows<'_> {
    let mut rows: Rows<'_> = BTreeMap::new();
    for row in &sheet.release.rows {
        rows.entry(row.channel.clone()).or_default().push(row);
    }
    rows
}

#[expect(clippy::too_many_arguments, reason = "the inputs of the decision, handed on whole")]
fn decide_channels(
    rows: &Rows<'_>,
    lines: &[server::Line<'_>],
    sheet: &Sheet,
    fleet: &Fleet,
    memory: &Memory,
    policy: &Policy,
    row_belt: Option<&str>,
    now: DateTime<Utc>,
    plan: &mut Plan,
) -> Channels {
    let carried = adopt::carried(lines, rows, policy);
    let mut channels = Channels::new();
    let names: BTreeSet<&ChannelName> = rows.keys().chain(memory.channels.keys()).collect();
    for name in names {
        let own = rows.get(name).map_or(&[][..], Vec::as_slice);
        let remembered = memory.channels.get(name);
        let input = channel::Input {
            name,
            rows: own,
            memory: remembered,
            carried: carried.get(name),
            complete: fleet.complete(),
            foreign: own
                .iter()
                .any(|row| identity::carries_foreign_stamp(row, memory) || history::is_later(row, memory, now)),
            strayed: own.iter().any(|row| identity::is_strayed(row, memory)),
            sheet,
            policy,
            row_belt,
            now,
        };
        let decided = channel::decide(&input, plan);
        if let Some(next) = decided {
            if remembered != Some(&next) {
                plan.update.channels.insert(name.clone(), next.clone());
            }
            channels.insert(name.clone(), next);
        }
    }
    channels
}

/// What a release has reached.
#[derive(Default)]
struct Progress {
    concerned: u64,
    carrying: u64,
    unseen: u64,
    held: Vec<ServerId>,
}

/// Counts, for each channel, the servers its release concerns and those that carry it.
fn progress(drafts: &[server::Draft], context: &server::Context<'_>, memory: &Memory, plan: &mut Plan) {
    let mut counts: BTreeMap<&ChannelName, Progress> = BTreeMap::new();
    for draft in drafts {
        let Some(channel) = &draft.plan.channel else { continue };
        let id = &draft.plan.id;
        let live = context.fleet.servers.get(id).filter(|s| s.state.is_live());
        let unseen = live.is_none() && draft.plan.status == ServerStatus::AsIs;
        let carries = match live {
            Some(server) => carried_version(server, context.policy),
            // It must not count as done because nobody can look.
            None if unseen => memory
                .servers
                .get(id)
                .and_then(|m| m.seen.get(&context.policy.version_tag)),
            None => continue,
        };
        let entry = counts.entry(channel).or_default();
        let release = context.channels.get(channel).and_then(|c| c.release.as_ref());
        let behind = release.is_none() || carries.map(|v| &**v) != release.map(Version::as_str);
        match draft.plan.status {
            ServerStatus::Held if behind => entry.held.push(id.clone()),
            ServerStatus::Held | ServerStatus::Duplicate => {}
            _ => {
                entry.concerned += 1;
                entry.carrying += u64::from(!behind);
                entry.unseen += u64::from(unseen);
            }
        }
    }
    for channel in &mut plan.channels {
        let Some(progress) = counts.remove(&channel.name) else {
            continue;
        };
        channel.concerned = progress.concerned;
        channel.carrying = progress.carrying;
        channel.unseen = progress.unseen;
        if channel.moved.is_some() {
            channel.left_behind = progress.held;
        }
    }
}

fn carried_version<'a>(server: &'a Server, policy: &Policy) -> Option<&'a Arc<str>> {
    server.tag(&policy.version_tag)
}

/// Turns the moves into happenings, and closes the update.
fn finish(
    sheet: &Sheet,
    fleet: &Fleet,
    memory: &Memory,
    policy: &Policy,
    now: DateTime<Utc>,
    counted: Vec<Unapproved>,
    plan: &mut Plan,
) {
    for channel in &plan.channels {
        let left = match channel.left_behind.len() {
            0 => String::new(),
            n => {
                let shown: Vec<&str> = channel.left_behind.iter().take(10).map(ServerId::as_str).collect();
                format!(
                    "{n} held and left behind: {}{}",
                    shown.join(", "),
                    if n > 10 { ", …" } else { "" }
                )
            }
        };
        let (event, from, to) = match &channel.moved {
            None => continue,
            Some(Moved::Promotion { from, to }) => ("promotion", from.as_ref().map(Version::as_str), to),
            Some(Moved::Rollback { from, to }) => ("rollback", Some(from.as_str()), to),
        };
        plan.happenings.push(Happening {
            channel: channel.name.to_string(),
            event,
            from: from.unwrap_or_default().to_owned(),
            to: to.to_string(),
            detail: left,
        });
    }
    edits::report(sheet, memory, plan);
    server::forget(sheet, fleet, memory, plan);
    let binding = identity::binding(sheet, memory, policy);
    if memory.binding.as_ref() != Some(&binding) {
        plan.update.binding = Some(binding);
    }
    // What stands there counts as written: no stamp that is given out from now on may be one of these, or earlier.
    if policy.takeover || memory.binding.is_none() || policy.allow.contains(&Belt::History) {
        plan.update.last_stamp = history::accepted(sheet, memory, now);
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
    let baselines = belts::baselines(sheet, fleet, memory, policy, now, counted, plan);
    if baselines != memory.baselines {
        plan.update.baselines = Some(baselines);
    }
    plan.problems.sort();
    plan.problems.dedup();
}
