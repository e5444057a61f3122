//! What becomes of each server: its status, its changes with their reasons, and what is remembered of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Channels, Plan, Policy, Rows, ServerPlan, ServerStatus};
use crate::fleet::{Fleet, Server, Source};
use crate::memory::{Memory, Move, Repeat, RowMemory, ServerMemory};
use crate::problem::{Kind, Problem};
use crate::sheet::parse::{ServerRow, Sheet, Tick};
use crate::tag::{Change, ChannelName, Reason, ServerId, TagKey};

/// After this long a missing server is taken as gone and its alert closes.
const GONE_AFTER: TimeDelta = TimeDelta::hours(24);
/// In how many passes running a correction must be needed before somebody else must be writing the tag too.
const CONTESTED_AT: u32 = 3;
/// First pause of a contested correction, in minutes; doubled each time up to a day.
const CONTESTED_PAUSE: i64 = 15;
/// How many earlier stamps of a row are remembered.
const EARLIER_MAX: usize = 16;

/// All that is known of one server.
pub(super) struct Line<'a> {
    pub(super) id: &'a ServerId,
    pub(super) rows: Vec<&'a ServerRow>,
    pub(super) server: Option<&'a Server>,
    pub(super) memory: Option<&'a ServerMemory>,
}

impl Line<'_> {
    pub(super) fn live(&self) -> Option<&Server> {
        self.server.filter(|server| server.state.is_live())
    }

    pub(super) fn disagree(&self) -> bool {
        self.rows.windows(2).any(|pair| !pair[0].agrees(pair[1]))
    }

    /// Whether any of its rows holds it. A box that cannot be read and a column that vanished let nobody go: what the store
    /// remembers goes on holding.
    fn held(&self) -> bool {
        let remembered = self.memory.is_some_and(|m| m.held);
        self.rows.iter().any(|row| match row.hold {
            Some(Tick::On) => true,
            Some(Tick::Off) => false,
            Some(Tick::Unreadable) | None => remembered,
        })
    }

    /// Where it lives or last lived.
    fn source(&self) -> Option<&Source> {
        self.server
            .map(|s| &s.source)
            .or_else(|| self.memory.and_then(|m| m.source.as_ref()))
    }
}

/// What the decision about a server looks at besides its line.
pub(super) struct Context<'a> {
    pub(super) sheet: &'a Sheet,
    pub(super) fleet: &'a Fleet,
    pub(super) policy: &'a Policy,
    pub(super) rows: &'a Rows<'a>,
    pub(super) channels: &'a Channels,
    pub(super) row_belt: Option<&'a str>,
    pub(super) source_belts: &'a [Source],
    pub(super) now: DateTime<Utc>,
}

/// A server's plan before the belt on unapproved changes has seen all of them.
pub(super) struct Draft {
    pub(super) plan: ServerPlan,
    /// What to remember; `None` when nothing changed.
    pub(super) memory: Option<ServerMemory>,
    /// Tags among the changes that no pair of keys approved.
    pub(super) unapproved: Vec<TagKey>,
    /// The channel that loses the server, when the sheet moves it to a channel of another version.
    pub(super) moved_from: Option<ChannelName>,
    /// Whether the fleet shows it alive.
    pub(super) live: bool,
}

/// Joins sheet, fleet and memory by server id, in order.
pub(super) fn lines<'a>(sheet: &'a Sheet, fleet: &'a Fleet, memory: &'a Memory) -> Vec<Line<'a>> {
    let mut rows: Vec<&ServerRow> = sheet.servers.rows.iter().collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id).then(a.row.cmp(&b.row)));
    let mut rows = rows.into_iter().peekable();
    let mut servers = fleet.servers.iter().peekable();
    let mut remembered = memory.servers.iter().peekable();
    let mut lines = Vec::with_capacity(fleet.servers.len());
    loop {
        let heads = [rows.peek().map(|r| &r.id), servers.peek().map(|(id, _)| *id)];
        let Some(id) = heads.into_iter().flatten().min() else {
            return lines;
        };
        let mut own = Vec::new();
        while let Some(row) = rows.next_if(|row| row.id == *id) {
            own.push(row);
        }
        let server = servers.next_if(|(other, _)| *other == id).map(|(_, server)| server);
        while remembered.next_if(|(other, _)| *other < id).is_some() {}
        let memory = remembered.next_if(|(other, _)| *other == id).map(|(_, memory)| memory);
        lines.push(Line {
            id,
            rows: own,
            server,
            memory,
        });
    }
}

/// Decides one server; `None` for those that are none of ours (counted in the plan where they carry another channel's tag).
pub(super) fn decide(line: &Line<'_>, context: &Context<'_>, plan: &mut Plan) -> Option<Draft> {
    if line.rows.is_empty() {
        return discover(line, context, plan);
    }
    for row in &line.rows {
        plan.problems.extend(row.errors.iter().cloned());
    }
    let row = line.rows[0];
    let place = context.sheet.servers.layout.place("serverId", row.row);
    let held = line.held();
    // Rows that disagree put the server in no channel, whichever of them stands first.
    let mut draft = Draft::new(line, row.channel.clone().filter(|_| !line.disagree()));
    let mut next = line.memory.cloned().unwrap_or_default();
    next.held = held;
    note_sight(line, &mut next, context);
    // Of rows that stand twice each has a stamp of its own: which is the row's is known when one is left.
    if let [row] = &line.rows[..] {
        note_stamp(row, &mut next, context.now);
    }

    if line.disagree() {
        let rows: Vec<String> = line.rows.iter().map(|r| r.row.to_string()).collect();
        let message = format!(
            "{} stands in rows {} that disagree; keep one of them",
            line.id,
            rows.join(" and ")
        );
        plan.problems
            .push(Problem::new(Kind::Mismatch, "duplicate", place, message));
        draft.plan.status = ServerStatus::Duplicate;
    } else if row.unreadable {
        let what = row.errors.first().map_or_else(String::new, |e| e.message.clone());
        draft.plan.status = ServerStatus::Error(what);
    } else if held {
        draft.plan.status = ServerStatus::Held;
    } else {
        match &row.channel {
            None => draft.plan.status = ServerStatus::Unassigned,
            Some(channel) if !context.rows.contains_key(channel) => {
                let message = format!(
                    "{place}: {} has the channel {channel}, which has no row in {}; correct the name, or add the channel",
                    line.id, context.sheet.release.layout.title
                );
                plan.problems.push(Problem::new(
                    Kind::Mismatch,
                    "unknown_channel",
                    line.id.as_str(),
                    message,
                ));
                draft.plan.status = ServerStatus::UnknownChannel;
            }
            Some(channel) => assigned(line, row, channel, context, &mut draft, &mut next, plan),
        }
    }
    draft.remember(line, next);
    Some(draft)
}

/// A server with a row and a known channel.
fn assigned(
    line: &Line<'_>,
    row: &ServerRow,
    channel: &ChannelName,
    context: &Context<'_>,
    draft: &mut Draft,
    next: &mut ServerMemory,
    plan: &mut Plan,
) {
    let Some(server) = line.live() else {
        draft.plan.status = absent(line, next, context, plan);
        return;
    };
    let former = line
        .memory
        .and_then(|m| m.channel.clone())
        .or_else(|| tagged_channel(server, context.policy));
    let moved = former.as_ref().is_some_and(|former| former != channel);
    if let (true, Some(belt)) = (moved, context.row_belt) {
        draft.plan.status = ServerStatus::Waiting(belt.to_owned());
        draft.wait(
            changes(server, channel, Some(row), line.memory, moved, context),
            rolled_back(server, line.memory, context),
            context,
        );
        return;
    }
    // What is only watched was not acted on: the move counts when it is made.
    if !(moved && context.policy.observe) {
        next.channel = Some(channel.clone());
    }
    let mut changes = changes(server, channel, Some(row), line.memory, moved, context);
    draft.unapproved = unapproved(&changes, channel, moved, context);
    if moved
        && changes
            .iter()
            .any(|c| c.tag == context.policy.version_tag && c.before.is_some())
    {
        draft.moved_from = former;
    }
    if !context.policy.observe {
        wishes(row, context, next);
    }
    draft.plan.status = match row.errors.first() {
        Some(error) => ServerStatus::Error(error.message.clone()),
        None => contest(line, &mut changes, next, context, plan),
    };
    if context.policy.observe {
        draft.plan.withheld = changes;
    } else {
        draft.plan.changes = changes;
    }
}

/// A live server without a row.
fn discover(line: &Line<'_>, context: &Context<'_>, plan: &mut Plan) -> Option<Draft> {
    let server = line.live()?;
    let channel = tagged_channel(server, context.policy)?;
    if !context.rows.contains_key(&channel) {
        *plan.not_ours.entry(channel.as_str().into()).or_insert(0) += 1;
        return None;
    }
    let mut draft = Draft::new(line, Some(channel.clone()));
    let mut next = line.memory.cloned().unwrap_or_default();
    note_sight(line, &mut next, context);
    let held = next.held;
    draft.plan.append = context.row_belt.is_none();
    draft.plan.append_held = held && draft.plan.append;
    let changes = if held {
        Vec::new()
    } else {
        changes(server, &channel, None, line.memory, false, context)
    };
    match context.row_belt {
        _ if held => draft.plan.status = ServerStatus::Held,
        // A rollback reaches servers whose rows vanished, too; everything else waits for the rows.
        Some(belt) => {
            draft.plan.status = ServerStatus::Waiting(belt.to_owned());
            draft.wait(changes, rolled_back(server, line.memory, context), context);
        }
        None => {
            next.channel = Some(channel.clone());
            draft.unapproved = unapproved(&changes, &channel, false, context);
            let mut changes = changes;
            draft.plan.status = contest(line, &mut changes, &mut next, context, plan);
            if context.policy.observe {
                draft.plan.withheld = changes;
            } else {
                draft.plan.changes = changes;
            }
        }
    }
    draft.remember(line, next);
    Some(draft)
}

/// The version that a rollback of the channel it is tagged with gives back to a server whose row a belt does not trust.
fn rolled_back(server: &Server, memory: Option<&ServerMemory>, context: &Context<'_>) -> Vec<Change> {
    let Some(channel) = tagged_channel(server, context.policy) else {
        return Vec::new();
    };
    let mut changes = changes(server, &channel, None, memory, false, context);
    changes.retain(|c| c.tag == context.policy.version_tag && c.reason == Reason::Rollback);
    changes
}

fn tagged_channel(server: &Server, policy: &Policy) -> Option<ChannelName> {
    let text = server.tag(&policy.channel_tag)?;
    (!text.is_empty()).then(|| (&**text).into())
}

/// The status of an assigned server that is not live.
fn absent(line: &Line<'_>, next: &mut ServerMemory, context: &Context<'_>, plan: &mut Plan) -> ServerStatus {
    if line.server.is_some() || next.terminated {
        return ServerStatus::Terminated;
    }
    let unsure = match line.source() {
        Some(source) => {
            // An account or region that was taken out of the configuration answers no more, and never will.
            context.fleet.sources.get(source).is_some_and(Option::is_some) || context.source_belts.contains(source)
        }
        None => !context.fleet.complete() || !context.source_belts.is_empty(),
    };
    if unsure || (context.row_belt.is_some() && next.missing_since.is_none()) {
        return ServerStatus::AsIs;
    }
    let since = *next.missing_since.get_or_insert(context.now);
    if context.now - since >= GONE_AFTER {
        return ServerStatus::Gone;
    }
    let message = format!(
        "{} was not found in any configured account and region since {}; if it is gone for good, delete its row",
        line.id,
        since.format("%Y-%m-%d %H:%M UTC")
    );
    plan.problems
        .push(Problem::new(Kind::Mismatch, "missing", line.id.as_str(), message));
    ServerStatus::Missing
}

/// What is to change on a live server, and why.
fn changes(
    server: &Server,
    channel: &ChannelName,
    row: Option<&ServerRow>,
    memory: Option<&ServerMemory>,
    moved: bool,
    context: &Context<'_>,
) -> Vec<Change> {
    let policy = context.policy;
    let decided = context.channels.get(channel);
    let mut changes = Vec::new();
    if server.tag(&policy.channel_tag).map(|v| &**v) != Some(channel.as_str()) {
        let ours = memory.is_none_or(|m| is_ours(m, &policy.channel_tag, server));
        let otherwise = if moved || ours { Reason::Channel } else { Reason::Drift };
        changes.push(change(
            server,
            &policy.channel_tag,
            channel.as_str().into(),
            memory,
            otherwise,
        ));
    }
    if let Some(release) = decided.and_then(|c| c.release.as_ref()) {
        if server.tag(&policy.version_tag).map(|v| &**v) != Some(release.as_str()) {
            let late = match decided.map(|c| c.moved) {
                Some(Move::Rollback) => Reason::Rollback,
                _ => Reason::Release,
            };
            let expected = memory.is_none_or(|m| is_ours(m, &policy.version_tag, server));
            let otherwise = if moved {
                Reason::Channel
            } else if expected {
                late
            } else {
                Reason::Drift
            };
            changes.push(change(
                server,
                &policy.version_tag,
                release.as_str().into(),
                memory,
                otherwise,
            ));
        }
    }
    let wishes = row
        .into_iter()
        .flat_map(|row| context.sheet.servers.tags.iter().zip(&row.tags));
    let mut asked = Vec::new();
    for (column, wish) in wishes {
        let Some(wish) = wish else { continue };
        if server.tag(&column.key) != Some(wish) {
            let asked_before = memory.is_some_and(|m| m.wished.get(&column.key) == Some(wish));
            let ours = memory.is_some_and(|m| is_ours(m, &column.key, server));
            let otherwise = if asked_before && !ours {
                Reason::Drift
            } else {
                Reason::Tag
            };
            asked.push(change(server, &column.key, wish.clone(), memory, otherwise));
        }
    }
    // Columns may stand in any order.
    asked.sort_by(|a, b| a.tag.cmp(&b.tag));
    changes.extend(asked);
    changes
}

/// Whether a tag is as it was last seen, written or meant: then nobody else changed it.
fn is_ours(memory: &ServerMemory, tag: &TagKey, server: &Server) -> bool {
    let now = server.tag(tag);
    (memory.seen.is_empty() && memory.meant.is_empty())
        || memory.seen.get(tag) == now
        || (now.is_some() && memory.meant.get(tag) == now)
}

fn change(server: &Server, tag: &TagKey, after: Arc<str>, memory: Option<&ServerMemory>, otherwise: Reason) -> Change {
    let before = server.tag(tag).cloned();
    let reason = match &before {
        // A tag that was there and is not any more was taken away by somebody.
        None if memory.is_some_and(|m| m.seen.contains_key(tag)) => Reason::Drift,
        None => Reason::Join,
        Some(_) => otherwise,
    };
    Change {
        tag: tag.clone(),
        before,
        after,
        reason,
    }
}

/// Which of the changes no pair of keys approved.
fn unapproved(changes: &[Change], channel: &ChannelName, moved: bool, context: &Context<'_>) -> Vec<TagKey> {
    let policy = context.policy;
    let decided = context.channels.get(channel);
    let adopted = decided.is_some_and(|c| !c.approved);
    let other_version = moved
        && changes
            .iter()
            .any(|c| c.tag == policy.version_tag && c.before.is_some());
    let counts = |change: &&Change| {
        if change.reason == Reason::Join {
            false
        } else if change.tag == policy.version_tag || change.tag == policy.channel_tag {
            let correction =
                change.tag == policy.version_tag && matches!(change.reason, Reason::Release | Reason::Drift);
            other_version || (adopted && correction)
        } else {
            change.reason == Reason::Tag
        }
    };
    changes.iter().filter(counts).map(|c| c.tag.clone()).collect()
}

/// Takes note of what the sheet asks of managed tags.
fn wishes(row: &ServerRow, context: &Context<'_>, next: &mut ServerMemory) {
    for (column, wish) in context.sheet.servers.tags.iter().zip(&row.tags) {
        match wish {
            Some(wish) if next.wished.get(&column.key) == Some(wish) => {}
            Some(wish) => {
                next.wished.insert(column.key.clone(), wish.clone());
            }
            None => {
                next.wished.remove(&column.key);
            }
        }
    }
}

/// Finds corrections that somebody else keeps undoing, and lets them rest between tries.
fn contest(
    line: &Line<'_>,
    changes: &mut Vec<Change>,
    next: &mut ServerMemory,
    context: &Context<'_>,
    plan: &mut Plan,
) -> ServerStatus {
    if next.repeats.is_empty() {
        return ServerStatus::InSync;
    }
    // "Running" means without a pass in between that found the tag right.
    next.repeats
        .retain(|tag, repeat| changes.iter().any(|c| c.tag == *tag && c.after == repeat.after));
    let mut contested = Vec::new();
    changes.retain(|change| {
        let Some(repeat) = next.repeats.get_mut(&change.tag) else {
            return true;
        };
        if repeat.count + 1 < CONTESTED_AT {
            return true;
        }
        let found = change.before.as_deref().unwrap_or("nothing");
        contested.push(format!(
            "{} set to {} but found {found} again",
            change.tag, change.after
        ));
        if repeat.retry_at.is_some_and(|at| context.now < at) {
            return false;
        }
        let doublings = (repeat.count + 1 - CONTESTED_AT).min(7);
        repeat.retry_at = Some(context.now + TimeDelta::minutes((CONTESTED_PAUSE << doublings).min(24 * 60)));
        true
    });
    if contested.is_empty() {
        return ServerStatus::InSync;
    }
    let words = contested.join("; ");
    let message = format!(
        "{}: {words}: somebody else writes this tag too; find out who, and make them stop",
        line.id
    );
    plan.problems
        .push(Problem::new(Kind::Mismatch, "contested", line.id.as_str(), message));
    ServerStatus::Contested(words)
}

/// Notes where a server was seen, in which state and with which of our tags.
fn note_sight(line: &Line<'_>, next: &mut ServerMemory, context: &Context<'_>) {
    let Some(server) = line.server else { return };
    if next.source.as_ref() != Some(&server.source) {
        next.source = Some(server.source.clone());
    }
    next.terminated = !server.state.is_live();
    if next.terminated {
        return;
    }
    next.missing_since = None;
    let policy = context.policy;
    let ours = [&policy.channel_tag, &policy.version_tag].into_iter();
    let ours = ours.chain(context.sheet.servers.tags.iter().map(|t| &t.key));
    for tag in ours {
        match (server.tag(tag), next.seen.get(tag)) {
            (Some(now), Some(before)) if now == before => {}
            (Some(now), _) => {
                next.seen.insert(tag.clone(), now.clone());
            }
            (None, Some(_)) => {
                next.seen.remove(tag);
            }
            (None, None) => {}
        }
    }
    next.meant.clear();
}

/// Takes the stamp that stands in the row as read back, if it is one that we wrote or meant to.
fn note_stamp(row: &ServerRow, next: &mut ServerMemory, now: DateTime<Utc>) {
    let Some(found) = row.service.get("updatedAt") else {
        return;
    };
    let RowMemory {
        written,
        meant,
        earlier,
    } = &mut next.row;
    if written.as_ref() == Some(found) {
        meant.retain(|(_, at)| now - *at < TimeDelta::minutes(10));
    } else if meant.iter().any(|(stamp, _)| stamp == found) {
        if let Some(before) = written.replace(found.clone()) {
            earlier.push(before);
            let keep = earlier.len().saturating_sub(EARLIER_MAX);
            earlier.drain(..keep);
        }
        meant.retain(|(stamp, _)| stamp != found);
    }
}

impl Draft {
    fn new(line: &Line<'_>, channel: Option<ChannelName>) -> Self {
        let plan = ServerPlan {
            id: line.id.clone(),
            rows: line.rows.iter().map(|row| row.row).collect(),
            source: line.server.map(|s| s.source.clone()),
            channel,
            status: ServerStatus::InSync,
            changes: Vec::new(),
            withheld: Vec::new(),
            append: false,
            append_held: false,
        };
        Self {
            plan,
            memory: None,
            unapproved: Vec::new(),
            moved_from: None,
            live: line.live().is_some(),
        }
    }

    /// Withholds what a belt on the rows holds, and lets through what it does not.
    fn wait(&mut self, held: Vec<Change>, through: Vec<Change>, context: &Context<'_>) {
        self.plan.withheld = held;
        if !context.policy.observe {
            self.plan
                .withheld
                .retain(|c| through.iter().all(|t| (&t.tag, &t.after) != (&c.tag, &c.after)));
            self.plan.changes = through;
        }
    }

    /// Remembers what is about to be written, so that a killed pass leaves no drift behind.
    fn remember(&mut self, line: &Line<'_>, mut next: ServerMemory) {
        for change in &self.plan.changes {
            next.meant.insert(change.tag.clone(), change.after.clone());
        }
        if line.memory != Some(&next) {
            self.memory = Some(next);
        }
    }

    /// Takes the unapproved changes out of the plan, because a belt holds them.
    pub(super) fn hold_unapproved(&mut self, memory: Option<&ServerMemory>, why: &str) {
        let (held, go): (Vec<_>, Vec<_>) = std::mem::take(&mut self.plan.changes)
            .into_iter()
            .partition(|c| self.unapproved.contains(&c.tag));
        self.plan.changes = go;
        if let Some(next) = &mut self.memory {
            for change in &held {
                next.meant.remove(&change.tag);
                // What the sheet asks is new until it is done: it must not look like drift when the belt opens.
                match memory.and_then(|m| m.wished.get(&change.tag)) {
                    Some(former) => next.wished.insert(change.tag.clone(), former.clone()),
                    None => next.wished.remove(&change.tag),
                };
            }
            if self.moved_from.is_some() {
                next.channel.clone_from(&self.moved_from);
            }
        }
        self.plan.withheld.extend(held);
        self.plan.status = ServerStatus::Waiting(why.to_owned());
    }
}

/// Counts a correction that was made, so that the third one running is recognised.
pub fn count_repeats(next: &mut ServerMemory, changes: &[Change]) {
    for change in changes {
        let entry = next.repeats.entry(change.tag.clone());
        let repeat = entry.or_insert_with(|| Repeat {
            after: change.after.clone(),
            count: 0,
            retry_at: None,
        });
        if repeat.after != change.after {
            *repeat = Repeat {
                after: change.after.clone(),
                count: 0,
                retry_at: None,
            };
        }
        repeat.count = repeat.count.saturating_add(1);
    }
}

/// Forgets servers that neither the sheet nor a fleet that answered whole knows any more.
pub(super) fn forget(sheet: &Sheet, fleet: &Fleet, memory: &Memory, plan: &mut Plan) {
    if !fleet.complete() || !plan.tripped.is_empty() {
        return;
    }
    let listed: BTreeMap<&ServerId, ()> = sheet.servers.rows.iter().map(|row| (&row.id, ())).collect();
    let gone = memory
        .servers
        .keys()
        .filter(|id| !listed.contains_key(id) && !fleet.servers.contains_key(*id));
    plan.update.forget_servers = gone.cloned().collect();
}
