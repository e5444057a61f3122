//! What is remembered of a server from one pass to the next: what was seen and written, and what is corrected again and again.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::memory::{LATE_WRITE, Listed, Repeat, ServerMemory};
use crate::plan::inputs::Inputs;
use crate::plan::joined::{Joined, Recall};
use crate::plan::model::{Plan, ServerStatus};
use crate::problem::{Code, Kind, Problem};
use crate::sheet::display::ShownServer;
use crate::tag::{Change, ServerId, TagKey};

/// After this long a missing server is taken as gone and its alert closes.
pub(super) const GONE_AFTER: TimeDelta = TimeDelta::hours(24);

/// After so many corrections in consecutive passes, somebody else must be writing the tag too.
const CONTESTED_AT: u32 = 3;

/// Whether somebody else keeps changing a tag back.
pub(in crate::plan) fn is_contested(memory: &ServerMemory, tag: &TagKey) -> bool {
    memory
        .repeats
        .get(tag)
        .is_some_and(|repeat| repeat.count >= CONTESTED_AT)
}

/// First pause of a contested correction, in minutes; doubled each time up to a day.
const CONTESTED_PAUSE: i64 = 15;

/// Finds corrections that somebody else keeps undoing, and lets them rest between tries.
pub(super) fn contest(
    joined: &Joined<'_>,
    changes: &mut Vec<Change>,
    next: &mut Recall<'_>,
    now: DateTime<Utc>,
    plan: &mut Plan,
) -> ServerStatus {
    if next.repeats.is_empty() {
        return ServerStatus::InSync;
    }
    // A pass that finds the tag right ends the row of consecutive passes.
    let repeats = &mut next.to_mut().repeats;
    repeats.retain(|tag, repeat| changes.iter().any(|c| c.tag == *tag && c.after == repeat.after));
    let mut contested = Vec::new();
    changes.retain(|change| {
        let Some(repeat) = repeats.get_mut(&change.tag) else {
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
        if repeat.retry_at.is_some_and(|at| now < at) {
            return false;
        }
        let doublings = (repeat.count + 1 - CONTESTED_AT).min(7);
        let pause = TimeDelta::minutes((CONTESTED_PAUSE << doublings).min(24 * 60));
        repeat.retry_at = now.checked_add_signed(pause);
        true
    });
    if contested.is_empty() {
        return ServerStatus::InSync;
    }
    let words = contested.join("; ");
    let message = format!(
        "{}: {words}: somebody else writes this tag too; find out who, and make them stop",
        joined.called()
    );
    let id = joined.id.as_str();
    plan.problems
        .push(Problem::new(Kind::Mismatch, Code::Contested, id, message));
    ServerStatus::Contested(words)
}

/// Notes where a server was seen, in which state and with which of our tags.
pub(super) fn note_sight(joined: &Joined<'_>, next: &mut Recall<'_>, inputs: Inputs<'_>) {
    let Some(server) = joined.server else { return };
    if next.source.as_ref() != Some(&server.source) {
        next.to_mut().source = Some(server.source.clone());
    }
    let terminated = !server.state.is_live();
    if next.terminated != terminated {
        next.to_mut().terminated = terminated;
    }
    if terminated {
        return;
    }
    if next.missing_since.is_some() {
        next.to_mut().missing_since = None;
    }
    let policy = inputs.policy;
    let ours = [&policy.channel_tag, &policy.version_tag].into_iter();
    let ours = ours.chain(inputs.sheet.intent.tags.iter().map(|t| &t.key));
    let colours = policy.rollouts.colours().flat_map(|it| [&it.colour_tag, &it.role_tag]);
    for tag in ours.chain(colours) {
        match (server.tag(tag), next.seen.get(tag)) {
            (Some(now), Some(before)) if now == before => {}
            (Some(now), _) => {
                next.to_mut().seen.insert(tag.clone(), now.clone());
            }
            (None, Some(_)) => {
                next.to_mut().seen.remove(tag);
            }
            (None, None) => {}
        }
    }
    if !next.meant.is_empty() {
        next.to_mut().meant.clear();
    }
}

/// Notes that a server without a row was seen to end: it will vanish, and not because a region lost it.
pub(super) fn note_end(joined: &Joined<'_>, plan: &mut Plan) {
    let (Some(_), Some(memory)) = (joined.server, joined.memory.filter(|m| !m.terminated)) else {
        return;
    };
    let mut memory = memory.clone();
    Arc::make_mut(&mut memory).terminated = true;
    plan.update.servers.insert(joined.id.clone(), memory);
}

/// Takes the stamp that stands in the row as read back, if it is one that we wrote or meant to.
pub(super) fn note_stamp(row: &ShownServer, next: &mut Recall<'_>, now: DateTime<Utc>) {
    let Some(found) = row.service.get("updatedAt") else {
        return;
    };
    if next.row.written.as_ref() == Some(found) && next.row.meant.is_empty() {
        return;
    }
    let next = next.to_mut();
    if next.row.written.as_ref() == Some(found) {
        next.row.meant.retain(|(_, at)| now - *at < LATE_WRITE);
    } else if next.row.meant.iter().any(|(stamp, _)| stamp == found) {
        next.row.read_back(found.clone());
        next.row.meant.retain(|(stamp, _)| stamp != found);
        next.shown = row.service.clone();
        next.shown.remove("updatedAt");
    }
}

/// Counts a correction that was made, so that the third one running is recognised.
pub fn count_repeats(next: &mut ServerMemory, changes: &[Change]) {
    for change in changes {
        let fresh = || Repeat {
            after: change.after.clone(),
            count: 1,
            retry_at: None,
        };
        let known = next.repeats.get_mut(&change.tag);
        let known = known.filter(|known| known.after == change.after);
        match known {
            Some(repeat) => repeat.count = repeat.count.saturating_add(1),
            None => next.repeats.insert(change.tag.clone(), fresh()),
        }
    }
}

/// Forgets servers that are neither in the sheet nor in a fleet all of whose sources answered: those without a row that nobody saw
/// end only a day later, as the belt on a shrunken fleet counts for a day what vanished.
pub(in crate::plan) fn forget(inputs: Inputs<'_>, known: &[Joined<'_>], plan: &mut Plan) {
    if !inputs.fleet.complete() || plan.tripped.iter().any(|belt| !belt.allowed) {
        return;
    }
    let misnamed: BTreeSet<&ServerId> = inputs.sheet.intent.misnamed.iter().map(|row| &row.text).collect();
    let in_sheet = |m: &Arc<ServerMemory>| matches!(m.listed(), Listed::In(_) | Listed::Lost { .. });
    let (mut forgotten, mut vanished) = (BTreeSet::new(), Vec::new());
    let past = known.iter().filter(|joined| joined.is_past());
    for joined in past.filter(|joined| !misnamed.contains(joined.id)) {
        let (id, before) = (joined.id, joined.memory);
        let memory = plan.update.servers.get(id).or(before);
        // A row that was lost is missed for a day, whatever became of its server.
        if memory.is_some_and(in_sheet) {
            continue;
        }
        match memory.filter(|m| !m.terminated && m.source.is_some() && !before.is_some_and(in_sheet)) {
            Some(m) if m.missing_since.is_none() => {
                let mut memory = m.clone();
                Arc::make_mut(&mut memory).missing_since = Some(inputs.now);
                vanished.push((id.clone(), memory));
            }
            Some(m) if m.missing_since.is_some_and(|since| inputs.now - since <= GONE_AFTER) => {}
            _ => drop(forgotten.insert(id.clone())),
        }
    }
    plan.update.servers.retain(|id, _| !forgotten.contains(id));
    plan.update.servers.extend(vanished);
    plan.update.forget_servers = forgotten;
}
