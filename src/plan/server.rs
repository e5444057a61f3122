//! What becomes of each server: its status, its changes with their reasons, and what is remembered of it.

mod changes;
mod recall;

use super::draft::{Context, Draft};
use super::joined::Joined;
use super::model::{Plan, ServerStatus};
use super::policy::{Policy, Rows};
use crate::fleet::Server;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::intent::ServerRow;
use crate::tag::{Change, ChannelName, Reason};
use changes::{Case, unapproved};
pub use recall::count_repeats;
pub(super) use recall::forget;
use recall::{GONE_AFTER, contest, note_end, note_sight, note_stamp};

/// Decides one server; `None` for those that are none of ours (counted in the plan where they carry another channel's tag).
pub(super) fn decide<'a>(joined: &Joined<'a>, context: &Context<'a>, plan: &mut Plan) -> Option<Draft<'a>> {
    let Some(row) = joined.rows.first() else {
        return discover(joined, context, plan);
    };
    for row in &joined.rows {
        plan.problems.extend(row.errors.iter().cloned());
    }
    let held = joined.held();
    // Rows that disagree put the server in no channel, whichever of them stands first.
    let channel = row.channel.as_ref().filter(|_| !joined.disagree());
    let mut draft = Draft::new(joined, channel.cloned());
    if draft.next.held != held {
        draft.next.to_mut().held = held;
    }
    note_sight(joined, &mut draft.next, context.inputs);
    if let Some(shown) = joined.shown {
        note_stamp(shown, &mut draft.next, context.inputs.now);
    }
    draft.plan.status = if joined.disagree() {
        duplicate(joined, row, plan)
    } else if row.unreadable {
        let what = row.errors.first().map_or_else(String::new, |e| e.message.clone());
        ServerStatus::Error(what)
    } else if held {
        ServerStatus::Held
    } else {
        match channel {
            None => ServerStatus::Unassigned,
            Some(channel) if context.rows.contains_key(channel) => assigned(joined, channel, context, &mut draft, plan),
            Some(_) => ServerStatus::UnknownChannel(None),
        }
    };
    Some(draft)
}

/// Whether a discovered server gets a row, by the configuration.
fn gets_row(server: &Server, policy: &Policy) -> bool {
    match policy.rows {
        Rows::All => true,
        Rows::Persistent => !server.comes_and_goes(),
        Rows::None => false,
    }
}

/// Whether a row can be appended for a discovered server: not where a formula fills the column of the ids, and one that must come
/// back held not where a formula fills that of the boxes.
fn may_append(held: bool, context: &Context<'_>, plan: &mut Plan) -> bool {
    let tab = &context.inputs.sheet.display.servers;
    let needs = ["serverId", "hold"].into_iter().take(if held { 2 } else { 1 });
    let filled: Vec<&str> = needs.filter(|header| tab.filled.contains(*header)).collect();
    for header in &filled {
        let message = format!(
            "a formula fills the column {header}, so no row can be appended for discovered servers, which follow their channel \
             tag without one; enter values there instead of the formula, or add the servers where it takes them from"
        );
        let place = tab.layout.place(header, 1);
        plan.problems
            .push(Problem::new(Kind::Mismatch, Code::Filled, place, message));
    }
    filled.is_empty()
}

/// A server whose rows disagree.
fn duplicate(joined: &Joined<'_>, row: &ServerRow, plan: &mut Plan) -> ServerStatus {
    let rows: Vec<String> = joined.rows.iter().map(|r| r.origin.row.to_string()).collect();
    let message = format!(
        "{} stands in rows {} that disagree; keep one of them",
        joined.called(),
        rows.join(" and ")
    );
    let place = row.origin.place("serverId");
    plan.problems
        .push(Problem::new(Kind::Mismatch, Code::Duplicate, place, message));
    ServerStatus::Duplicate
}

/// A server with a row and a known channel.
fn assigned<'a>(
    joined: &Joined<'a>,
    channel: &ChannelName,
    context: &Context<'a>,
    draft: &mut Draft<'a>,
    plan: &mut Plan,
) -> ServerStatus {
    let policy = context.inputs.policy;
    let Some(server) = joined.live() else {
        return absent(joined, draft, context, plan);
    };
    let former = joined.memory.and_then(|m| m.channel.clone());
    let former = former.or_else(|| tagged_channel(server, policy));
    let moved = former.as_ref().is_some_and(|former| former != channel);
    let row = joined.rows.first().copied();
    let case = Case {
        server,
        channel,
        row,
        memory: joined.memory,
        moved,
    };
    let mut changes = case.changes(context);
    if let (true, Some(belt)) = (moved, context.row_belt) {
        draft.wait(changes, rolled_back(joined, server, context), policy.observe);
        return ServerStatus::Waiting(belt.to_owned());
    }
    // What is only watched was not acted on: the move counts when it is made.
    if !(moved && policy.observe) {
        draft.joins = Some(channel.clone());
    }
    draft.unapproved = unapproved(&changes, &case, context);
    if moved && sets_version(&changes, policy) {
        draft.moved_from = former;
    }
    if !policy.observe {
        draft.asks = row;
    }
    let status = match row.and_then(|row| row.errors.first()) {
        Some(error) => ServerStatus::Error(error.message.clone()),
        None => contest(joined, &mut changes, &mut draft.next, context.inputs.now, plan),
    };
    draft.change(changes, policy.observe);
    status
}

/// A live server without a row.
fn discover<'a>(joined: &Joined<'a>, context: &Context<'a>, plan: &mut Plan) -> Option<Draft<'a>> {
    let policy = context.inputs.policy;
    let Some(server) = joined.live() else {
        note_end(joined, plan);
        return None;
    };
    let channel = tagged_channel(server, policy)?;
    if !context.rows.contains_key(&channel) {
        *plan.not_ours.entry(channel.as_str().into()).or_insert(0) += 1;
        return None;
    }
    let mut draft = Draft::new(joined, Some(channel.clone()));
    note_sight(joined, &mut draft.next, context.inputs);
    let held = draft.next.held;
    let wanted = held || gets_row(server, policy);
    draft.plan.append = wanted && context.row_belt.is_none() && may_append(held, context, plan);
    draft.plan.append_held = held && draft.plan.append;
    if held {
        draft.plan.status = ServerStatus::Held;
        return Some(draft);
    }
    // Whoever changes the tag moves the server, as whoever changes the cell of one that has a row.
    let former = joined.memory.and_then(|m| m.channel.clone());
    let moved = former.as_ref().is_some_and(|former| *former != channel);
    let case = Case {
        server,
        channel: &channel,
        row: None,
        memory: joined.memory,
        moved,
    };
    let mut changes = case.changes(context);
    // A rollback reaches servers whose rows vanished, too; everything else waits for the rows.
    if let Some(belt) = context.row_belt {
        draft.wait(changes, rolled_back(joined, server, context), policy.observe);
        draft.plan.status = ServerStatus::Waiting(belt.to_owned());
        return Some(draft);
    }
    draft.unapproved = unapproved(&changes, &case, context);
    if moved && sets_version(&changes, policy) {
        draft.moved_from = former;
    }
    // What is only watched was not acted on: the move counts when it is made.
    if !(moved && policy.observe) {
        draft.joins = Some(channel.clone());
    }
    draft.plan.status = contest(joined, &mut changes, &mut draft.next, context.inputs.now, plan);
    draft.change(changes, policy.observe);
    Some(draft)
}

/// The version that a rollback of the channel it is tagged with gives back to a server whose row a belt does not trust.
fn rolled_back(joined: &Joined<'_>, server: &Server, context: &Context<'_>) -> Vec<Change> {
    let policy = context.inputs.policy;
    let Some(channel) = tagged_channel(server, policy) else {
        return Vec::new();
    };
    let case = Case {
        server,
        channel: &channel,
        row: None,
        memory: joined.memory,
        moved: false,
    };
    let mut changes = case.changes(context);
    changes.retain(|c| c.tag == policy.version_tag && c.reason == Reason::Rollback);
    changes
}

/// Whether a version that a server carries gives way to another.
fn sets_version(changes: &[Change], policy: &Policy) -> bool {
    let other = |c: &Change| c.tag == policy.version_tag && c.before.is_some();
    changes.iter().any(other)
}

fn tagged_channel(server: &Server, policy: &Policy) -> Option<ChannelName> {
    let text = server.tag(&policy.channel_tag)?;
    (!text.is_empty()).then(|| (&**text).into())
}

/// The status of an assigned server that is not live.
fn absent(joined: &Joined<'_>, draft: &mut Draft<'_>, context: &Context<'_>, plan: &mut Plan) -> ServerStatus {
    let fleet = context.inputs.fleet;
    let next = &mut draft.next;
    if joined.server.is_some() || next.terminated {
        return ServerStatus::Terminated;
    }
    let unsure = match joined.source() {
        Some(source) => {
            // One that was removed from the configuration never answers again: that it was meant, an operator says.
            fleet.sources.get(source).is_some_and(Option::is_some) || context.source_belts.contains(source)
        }
        None => !fleet.complete() || !context.source_belts.is_empty(),
    };
    if unsure || (context.row_belt.is_some() && next.missing_since.is_none()) {
        return ServerStatus::AsIs;
    }
    let now = context.inputs.now;
    let since = match next.missing_since {
        Some(since) => since,
        None => *next.to_mut().missing_since.insert(now),
    };
    if now - since >= GONE_AFTER {
        return ServerStatus::Gone;
    }
    let message = format!(
        "{} was not found in any configured account and region since {}; if it is gone for good, delete its row",
        joined.called(),
        since.format("%Y-%m-%d %H:%M UTC")
    );
    let id = joined.id.as_str();
    plan.problems
        .push(Problem::new(Kind::Mismatch, Code::Missing, id, message));
    ServerStatus::Missing
}
