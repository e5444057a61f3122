//! What becomes of each server: its status, its changes with their reasons, and what is remembered of it.

mod changes;
mod recall;

use super::draft::{Context, Draft};
use super::joined::Joined;
use super::model::{Plan, ServerStatus};
use super::policy::{Policy, Rows};
use super::rollout::Carry;
use crate::fleet::Server;
use crate::memory::Member;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::intent::ServerRow;
use crate::tag::{Change, ChannelName, Reason, Version};
use changes::{Case, unapproved};
pub use recall::count_repeats;
pub(super) use recall::forget;
pub(super) use recall::is_contested;
use recall::{GONE_AFTER, contest, note_end, note_sight, note_stamp};

/// Decides one server; `None` for those that are none of ours (counted in the plan where they carry another channel's tag).
pub(super) fn decide<'a>(joined: &Joined<'a>, context: &Context<'a>, plan: &mut Plan) -> Option<Draft<'a>> {
    let Some(row) = joined.rows.first() else {
        return discover(joined, context, plan);
    };
    for row in joined.rows {
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
        if let (Some(server), Some(channel)) = (joined.live(), channel) {
            let memory = joined.before();
            let case = Case {
                id: joined.id,
                server,
                channel,
                row: Some(row),
                memory,
                moved: false,
            };
            let carry = context
                .carries
                .get(channel)
                .filter(|carry| carry.has(joined.id, memory));
            note_member(&case, carry, context, &mut draft);
        }
        ServerStatus::Held
    } else {
        match channel {
            None => ServerStatus::Unassigned,
            Some(channel) if context.rows.contains_key(channel) => assigned(joined, channel, context, &mut draft, plan),
            Some(_) => ServerStatus::UnknownChannel(None),
        }
    };
    // A channel whose own row is gone keeps the servers that it had.
    let is_one =
        |channel: &ChannelName| context.rows.contains_key(channel) || draft.next.channel.as_ref() == Some(channel);
    let aside = row.unreadable || !channel.is_some_and(is_one);
    if draft.next.aside != aside {
        draft.next.to_mut().aside = aside;
    }
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
        id: joined.id,
        server,
        channel,
        row,
        memory: joined.before(),
        moved,
    };
    let mut changes = case.changes(context);
    let late = late(&mut changes, &case, context);
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
        draft.through = rolled_back(joined, server, context);
    }
    if !policy.observe {
        draft.asks = row;
    }
    let status = match row.and_then(|row| row.errors.first()) {
        Some(error) => ServerStatus::Error(error.message.clone()),
        None => contest(joined, &mut changes, &mut draft.next, context.inputs.now, plan),
    };
    let status = in_waves(status, &case, context, draft);
    draft.change(changes, policy.observe);
    wait(status, late, &case, context, draft)
}

/// Takes out of the changes what waits for a window: outside of it nobody passes to the release, however late. Drift, joins, moves and
/// rollbacks go on.
fn late(changes: &mut Vec<Change>, case: &Case<'_>, context: &Context<'_>) -> Vec<Change> {
    if !context.closed.contains_key(case.channel) {
        return Vec::new();
    }
    let tag = &context.inputs.policy.version_tag;
    let waits = |change: &Change| change.tag == *tag && change.reason == Reason::Release;
    let (late, go) = std::mem::take(changes).into_iter().partition(waits);
    *changes = go;
    late
}

/// Shows what waits for a window.
fn wait(
    status: ServerStatus,
    late: Vec<Change>,
    case: &Case<'_>,
    context: &Context<'_>,
    draft: &mut Draft<'_>,
) -> ServerStatus {
    let what = context.closed.get(case.channel).filter(|_| !late.is_empty());
    draft.plan.withheld.extend(late);
    match (what, status) {
        (Some(what), ServerStatus::InSync) => ServerStatus::WaitsForWindow(what.clone()),
        (_, status) => status,
    }
}

/// Remembers that a wave has taken a server, and that it was seen to carry the release since.
fn note_member(case: &Case<'_>, carry: Option<&Carry>, context: &Context<'_>, draft: &mut Draft<'_>) {
    let Some(Carry::Waves { id, .. }) = carry else { return };
    draft.plan.member = true;
    let release = context.release(case.channel).map(Version::as_str);
    let carries = case
        .server
        .tag(&context.inputs.policy.version_tag)
        .map(|version| &**version);
    let known = draft.next.member.as_ref().filter(|member| member.of == *id);
    let agents = &context.inputs.policy.agents;
    let member = Member {
        of: id.clone(),
        reached: known.is_some_and(|member| member.reached) || carries == release,
        said: match known {
            Some(member) => member.said.clone(),
            None => agents
                .read(case.server, context.inputs.now)
                .and_then(|says| says.word())
                .map(Into::into),
        },
    };
    if known != Some(&member) {
        draft.next.to_mut().member = Some(member);
    }
}

/// The status of a server that a rollout has yet to take. That one has taken it is remembered before it passes.
fn in_waves(status: ServerStatus, case: &Case<'_>, context: &Context<'_>, draft: &mut Draft<'_>) -> ServerStatus {
    let memory = case.memory.filter(|_| !case.moved);
    let carry = context.carries.get(case.channel);
    note_member(case, carry.filter(|carry| carry.has(case.id, memory)), context, draft);
    if status == ServerStatus::InSync && case.wanted(context).waits {
        return ServerStatus::WaitsForWave;
    }
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
    if draft.next.aside {
        draft.next.to_mut().aside = false;
    }
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
        id: joined.id,
        server,
        channel: &channel,
        row: None,
        memory: joined.before(),
        moved,
    };
    let mut changes = case.changes(context);
    let late = late(&mut changes, &case, context);
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
    let status = contest(joined, &mut changes, &mut draft.next, context.inputs.now, plan);
    let status = in_waves(status, &case, context, &mut draft);
    draft.change(changes, policy.observe);
    draft.plan.status = wait(status, late, &case, context, &mut draft);
    Some(draft)
}

/// The version that a rollback of the channel it is tagged with gives back to a server whose row a belt does not trust, or whose
/// move it holds.
fn rolled_back(joined: &Joined<'_>, server: &Server, context: &Context<'_>) -> Vec<Change> {
    let policy = context.inputs.policy;
    let Some(channel) = tagged_channel(server, policy) else {
        return Vec::new();
    };
    let case = Case {
        id: joined.id,
        server,
        channel: &channel,
        row: None,
        memory: joined.before(),
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
            fleet.sources.get(source).is_some_and(Option::is_some) || context.source_belts.contains_key(source)
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
