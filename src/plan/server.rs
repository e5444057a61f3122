//! What becomes of each server: its status, its changes with their reasons, and what is remembered of it.

mod changes;
mod recall;

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Channels, Plan, Policy, Rows, ServerPlan, ServerStatus};
use crate::fleet::{Fleet, Server, Source};
use crate::memory::{Memory, ServerMemory};
use crate::problem::{Code, Kind, Problem};
use crate::sheet::parse::{ServerRow, Sheet, Tick};
use changes::{changes, unapproved};
pub use recall::count_repeats;
pub(super) use recall::forget;
use recall::{contest, note_sight, note_stamp, wishes};

use crate::tag::{Change, ChannelName, Reason, ServerId, TagKey};

/// After this long a missing server is taken as gone and its alert closes.
const GONE_AFTER: TimeDelta = TimeDelta::hours(24);

/// What is remembered of a server, copied only when something of it changes: in a quiet pass over a large fleet nothing does.
type Recall<'a> = Cow<'a, ServerMemory>;

/// All that is known of one server.
pub(super) struct Line<'a> {
    pub(super) id: &'a ServerId,
    pub(super) rows: Vec<&'a ServerRow>,
    pub(super) server: Option<&'a Server>,
    pub(super) memory: Option<&'a ServerMemory>,
}

impl<'a> Line<'a> {
    fn remembered(&self) -> Recall<'a> {
        self.memory.map_or_else(Recall::default, Cow::Borrowed)
    }

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
    let place = || context.sheet.servers.layout.place("serverId", row.row);
    let held = line.held();
    // Rows that disagree put the server in no channel, whichever of them stands first.
    let mut draft = Draft::new(line, row.channel.clone().filter(|_| !line.disagree()));
    let mut next = line.remembered();
    if next.held != held {
        next.to_mut().held = held;
    }
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
            .push(Problem::new(Kind::Mismatch, Code::Duplicate, place(), message));
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
                    "{}: {} has the channel {channel}, which has no row in {}; correct the name, or add the channel",
                    place(),
                    line.id,
                    context.sheet.release.layout.title
                );
                plan.problems.push(Problem::new(
                    Kind::Mismatch,
                    Code::UnknownChannel,
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
    next: &mut Recall<'_>,
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
    if !(moved && context.policy.observe) && next.channel.as_ref() != Some(channel) {
        next.to_mut().channel = Some(channel.clone());
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
    let mut next = line.remembered();
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
            if next.channel.as_ref() != Some(&channel) {
                next.to_mut().channel = Some(channel.clone());
            }
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
fn absent(line: &Line<'_>, next: &mut Recall<'_>, context: &Context<'_>, plan: &mut Plan) -> ServerStatus {
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
    let since = match next.missing_since {
        Some(since) => since,
        None => *next.to_mut().missing_since.insert(context.now),
    };
    if context.now - since >= GONE_AFTER {
        return ServerStatus::Gone;
    }
    let message = format!(
        "{} was not found in any configured account and region since {}; if it is gone for good, delete its row",
        line.id,
        since.format("%Y-%m-%d %H:%M UTC")
    );
    plan.problems
        .push(Problem::new(Kind::Mismatch, Code::Missing, line.id.as_str(), message));
    ServerStatus::Missing
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
    fn remember(&mut self, line: &Line<'_>, mut next: Recall<'_>) {
        for change in &self.plan.changes {
            next.to_mut().meant.insert(change.tag.clone(), change.after.clone());
        }
        if let Cow::Owned(next) = next
            && line.memory != Some(&next)
        {
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
