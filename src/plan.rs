//! Decides, as one pure function, what a pass shall do: no I/O, no clock, no randomness; equal input, equal bytes.
//!
//! The plan leaves nothing to decide when it is applied: each change has its before, its after and its reason, each channel
//! and each server its status, and whatever is held back says by what.

mod adopt;
pub mod belts;
mod channel;
pub mod check;
mod edits;
mod identity;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::fleet::{Fleet, Server, Source};
use crate::memory::{ChannelMemory, Memory, Unapproved, Update};
use crate::problem::Problem;
use crate::sheet::parse::{ReleaseRow, Sheet};
use crate::tag::{Change, ChannelName, ServerId, TagKey, Version};

pub use belts::{Belt, Tripped};
pub use server::count_repeats;

/// What the decision needs to know from the configuration and the command line.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The spreadsheet's id.
    pub spreadsheet: String,
    /// Key of the channel tag.
    pub channel_tag: TagKey,
    /// Key of the version tag.
    pub version_tag: TagKey,
    /// Whether only to say what would be done.
    pub observe: bool,
    /// Whether keys count only while their columns are protected.
    pub require_protection: bool,
    /// Share of rows that may vanish, 0 to 1.
    pub max_row_drop: f64,
    /// Share of a source's servers that may vanish, 0 to 1.
    pub max_fleet_drop: f64,
    /// Share of servers that may change without two keys in 24 hours, 0 to 1.
    pub max_unapproved_change: f64,
    /// Belts that the operator lets through, this pass.
    pub allow: BTreeSet<Belt>,
    /// Whether the operator takes the sheet over for this store.
    pub takeover: bool,
}

/// Why a channel is as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelPlan {
    /// Its name.
    pub name: ChannelName,
    /// Row numbers it stands in.
    pub rows: Vec<u32>,
    /// The version in force after this plan.
    pub release: Option<Version>,
    /// What a rollback would return to.
    pub previous: Option<Version>,
    /// The status, without the progress of its servers.
    pub status: String,
    /// Which rule of the decision table matched, 1 to 11; 0 when the channel has no row.
    pub rule: u8,
    /// The move that this pass makes, if any.
    pub moved: Option<Moved>,
    /// Live servers that the release concerns: neither held nor ambiguous.
    pub concerned: u64,
    /// How many of them carry the release already.
    pub carrying: u64,
    /// Servers that stay behind because they are held, when the release moved.
    pub left_behind: Vec<ServerId>,
}

/// A release that moves in this pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Two keys.
    Promotion {
        /// The former release.
        from: Option<Version>,
        /// The new one.
        to: Version,
    },
    /// A tick.
    Rollback {
        /// The version left.
        from: Version,
        /// The version gone back to.
        to: Version,
    },
}

/// What becomes of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerStatus {
    /// It carries what it shall, or will once its changes are made.
    InSync,
    /// The sheet says to leave it alone.
    Held,
    /// Its channel has no row.
    UnknownChannel,
    /// It has no channel.
    Unassigned,
    /// Two rows disagree.
    Duplicate,
    /// It is gone for good.
    Terminated,
    /// It was not found.
    Missing,
    /// It was not found for a day.
    Gone,
    /// Somebody else keeps changing it back.
    Contested(String),
    /// A cell of its row cannot be read.
    Error(String),
    /// A belt holds its changes.
    Waiting(String),
    /// Nothing is known of it in this pass, so nothing is said.
    AsIs,
}

/// One server, decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPlan {
    /// Its id.
    pub id: ServerId,
    /// Row numbers it stands in; empty for servers not in the sheet.
    pub rows: Vec<u32>,
    /// Where it lives, when the fleet shows it.
    pub source: Option<Source>,
    /// The channel that the sheet gives it (or its tag, for discovered ones).
    pub channel: Option<ChannelName>,
    /// Its status.
    pub status: ServerStatus,
    /// What is to be changed now.
    pub changes: Vec<Change>,
    /// What would be changed but for a belt or `mode = "observe"`.
    pub withheld: Vec<Change>,
    /// Whether a row shall be appended.
    pub append: bool,
    /// Whether the appended row comes back held.
    pub append_held: bool,
}

impl ServerPlan {
    /// Whether the server counts as one of the sheet's.
    #[must_use]
    pub fn listed(&self) -> bool {
        !self.rows.is_empty() || self.append
    }
}

/// Something that this plan makes happen, for `history` and the audit tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// The channel, or empty.
    pub channel: String,
    /// One word with underscores.
    pub event: &'static str,
    /// Before.
    pub from: String,
    /// After.
    pub to: String,
    /// In words.
    pub detail: String,
}

impl Happening {
    /// One that concerns no single channel.
    fn of_the_sheet(event: &'static str, detail: &str) -> Self {
        Self {
            channel: String::new(),
            event,
            from: String::new(),
            to: String::new(),
            detail: detail.to_owned(),
        }
    }
}

/// The whole decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Why nothing at all may be written; then everything below is empty but `problems`.
    pub stop: Vec<Problem>,
    /// Channels, by name.
    pub channels: Vec<ChannelPlan>,
    /// Servers, by id.
    pub servers: Vec<ServerPlan>,
    /// What needs a person.
    pub problems: Vec<Problem>,
    /// Belts that tripped, held back or let through.
    pub tripped: Vec<Tripped>,
    /// What happens.
    pub happenings: Vec<Happening>,
    /// Live servers that carry a channel tag of no channel of this sheet, by that channel.
    pub not_ours: BTreeMap<Arc<str>, u64>,
    /// What to remember before acting.
    pub update: Update,
}

impl Plan {
    /// Whether a belt or an untrusted sheet stops it or holds part of it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.stop.is_empty()
            || self.tripped.iter().any(|t| !t.allowed)
            || self.channels.iter().any(|c| c.rule == channel::UNPROTECTED)
    }

    /// The plan that only says why it stops.
    fn stopped(stop: Vec<Problem>, memory: &Memory) -> Self {
        let mut plan = Self {
            problems: stop.clone(),
            ..Self::default()
        };
        let holding = stop.iter().map(|p| (p.code, &*p.place, &*p.message));
        plan.note_belts(holding, memory);
        plan.stop = stop;
        plan
    }

    /// Remembers the belts that hold something back; one that did so in the last pass already is no news.
    fn note_belts<'a>(&mut self, holding: impl Iterator<Item = (&'static str, &'a str, &'a str)>, memory: &Memory) {
        let mut held = BTreeSet::new();
        for (word, place, message) in holding {
            let which = format!("{word}:{place}");
            if !memory.tripped.contains(&which) {
                self.happenings.push(Happening::of_the_sheet("belt", message));
            }
            held.insert(which);
        }
        self.update.tripped = (held != memory.tripped).then_some(held);
    }

    /// Whether it would change tags, releases or rows.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.servers.iter().any(|s| !s.changes.is_empty() || s.append)
            || self.channels.iter().any(|c| c.moved.is_some())
    }
}

/// All reasons why a pass over this sheet with this memory would stop before it wrote anything: see [`Plan::stop`].
#[must_use]
pub fn distrust(sheet: &Sheet, memory: &Memory, policy: &Policy) -> Vec<Problem> {
    identity::stop(sheet, memory, policy).0
}

/// Decides.
#[must_use]
pub fn plan(sheet: &Sheet, fleet: &Fleet, memory: &Memory, policy: &Policy, now: DateTime<Utc>) -> Plan {
    let (stop, tripped) = identity::stop(sheet, memory, policy);
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
    progress(&drafts, &context, &mut plan);
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
            foreign: own.iter().any(|row| identity::carries_foreign_stamp(row, memory)),
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

/// Counts, for each channel, the servers its release concerns and those that carry it.
fn progress(drafts: &[server::Draft], context: &server::Context<'_>, plan: &mut Plan) {
    let mut counts: BTreeMap<&ChannelName, (u64, u64, Vec<ServerId>)> = BTreeMap::new();
    for draft in drafts {
        let Some(channel) = &draft.plan.channel else { continue };
        let Some(server) = context.fleet.servers.get(&draft.plan.id).filter(|s| s.state.is_live()) else {
            continue;
        };
        let entry = counts.entry(channel).or_default();
        let release = context.channels.get(channel).and_then(|c| c.release.as_ref());
        let carries = carried_version(server, context.policy).map(|v| &**v);
        let behind = release.is_none() || carries != release.map(Version::as_str);
        match draft.plan.status {
            ServerStatus::Held if behind => entry.2.push(draft.plan.id.clone()),
            ServerStatus::Held | ServerStatus::Duplicate => {}
            _ => {
                entry.0 += 1;
                entry.1 += u64::from(!behind);
            }
        }
    }
    for channel in &mut plan.channels {
        let Some((concerned, carrying, held)) = counts.remove(&channel.name) else {
            continue;
        };
        channel.concerned = concerned;
        channel.carrying = carrying;
        if channel.moved.is_some() {
            channel.left_behind = held;
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
    let holding = holding.iter().map(|t| (t.belt.word(), &*t.place, &*t.message));
    plan.note_belts(holding, memory);
    let baselines = belts::baselines(sheet, fleet, memory, policy, now, counted, plan);
    if baselines != memory.baselines {
        plan.update.baselines = Some(baselines);
    }
    plan.problems.sort();
    plan.problems.dedup();
}
