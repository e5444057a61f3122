//! Rollouts while the sheet cannot be read: their gates are counted, and one that has failed takes its release back, by what is
//! remembered and what the servers carry. Nothing else moves.

use std::collections::BTreeMap;

use super::clock;
use super::inputs::Blind;
use super::model::{By, Happening, Moved, Plan, ServerStatus};
use super::order;
use super::order::{NotOrdered, Roll, Sidedness};
use super::refusals::Tries;
use super::rollout::count_alone;
use super::rule::Rule;
use super::state::State;
use crate::fleet::Server;
use crate::memory::{ActiveColour, Binding, ChannelMemory, KeyState, Move, SpentBy, TakenBack};
use crate::problem::{Code, Kind, Problem};
use crate::tag::{ChannelName, ServerId, Version};

/// Decides what a pass does that cannot read the sheet.
#[must_use]
pub fn watch(given: Blind<'_>) -> Plan {
    let under_way = given.memory.channels.values().any(|known| known.rollout.is_some());
    let moved = clock::after_leap(given.memory, given.now).filter(|_| under_way);
    let Some(moved) = moved else { return decide(given) };
    let mut plan = decide(Blind {
        memory: &moved,
        ..given
    });
    if is_ours(given) {
        clock::keep(&moved, given.memory, &mut plan.update);
    }
    plan
}

/// Whether this store serves the sheet, as far as it knows, and may do more than look.
fn is_ours(given: Blind<'_>) -> bool {
    let ours = |bound: &Binding| bound.spreadsheet == given.policy.spreadsheet && bound.rival.is_none();
    !given.policy.observe && !given.policy.takeover && given.memory.binding.as_ref().is_some_and(ours)
}

fn decide(given: Blind<'_>) -> Plan {
    let mut plan = Plan::default();
    if !is_ours(given) {
        return plan;
    }
    for (name, known) in &given.memory.channels {
        if let Some(back) = goes_on(known) {
            finish(given, (name, known), back, &mut plan);
            continue;
        }
        let mut next = known.clone();
        let Some(failure) = count_alone(given, name, &mut next) else {
            if next != *known {
                plan.update.channels.insert(name.clone(), next);
            }
            continue;
        };
        if was_absent(known) {
            plan.update.channels.insert(name.clone(), next);
            continue;
        }
        take_back(given, name, next, failure, &mut plan);
    }
    plan
}

/// Whether the channel had no row when the sheet was last read: nothing of it is tagged either way.
fn was_absent(known: &ChannelMemory) -> bool {
    let absent = KeyState::Spent {
        held: None,
        by: SpentBy::Absence,
    };
    known.key_a == absent && known.key_b == absent
}

/// All of what a tick does but the latch.
fn take_back(given: Blind<'_>, name: &ChannelName, known: ChannelMemory, failure: String, plan: &mut Plan) {
    let (Some(from), Some(to)) = (known.release.clone(), known.prior.clone()) else {
        return;
    };
    let back = Back {
        from: &from,
        to: &to,
        why: &failure,
    };
    let followed = follow(given, (name, &known), back, true, plan);
    let colour = match followed {
        Ok(colour) => colour,
        Err(why) => {
            let message = format!("{name}: {failure}, and it is not rolled back: {why}");
            plan.problems
                .push(Problem::new(Kind::Gate, Code::GateFailed, name.as_str(), message));
            plan.update.channels.insert(name.clone(), known);
            return;
        }
    };
    let latch = known.latch.clone();
    let next = ChannelMemory {
        latch,
        taken_back: Some(TakenBack {
            from: from.clone(),
            why: failure.clone(),
            keys: [None, None],
        }),
        colour,
        ..order::rolled_back(&known, &from, Some(&to))
    };
    plan.update.channels.insert(name.clone(), next);
    // As a pass tells them that reads the sheet.
    let happening = |event, from: &str, to: &Version, detail: &str| Happening {
        channel: name.to_string(),
        event,
        from: from.to_owned(),
        to: to.to_string(),
        detail: detail.to_owned(),
    };
    plan.happenings.push(happening("gate_failed", "", &from, &failure));
    let why = "the sheet could not be read";
    plan.happenings
        .push(happening("auto_rollback", from.as_str(), &to, why));
    let message = format!(
        "{name}: {failure}, so it was rolled back from {from} to {to}; to release it again, clear both keys, let a pass see it, and type \
         them"
    );
    plan.problems
        .push(Problem::new(Kind::Gate, Code::AutoRollback, name.as_str(), message));
}

/// A release that a gate took back.
#[derive(Clone, Copy)]
struct Back<'a> {
    from: &'a Version,
    to: &'a Version,
    why: &'a str,
}

/// What a gate took back, and not all servers have followed, as far as is known: the pass was killed, tags were refused, a region was
/// away.
fn goes_on(known: &ChannelMemory) -> Option<Back<'_>> {
    let taken_back = known.taken_back.as_ref()?;
    let unfinished = known.unfinished.as_ref()?.from.as_ref()?;
    let is_it = known.moved == Move::Rollback && known.rollout.is_none() && *unfinished == taken_back.from;
    Some(Back {
        from: &taken_back.from,
        to: known.release.as_ref().filter(|_| is_it)?,
        why: &taken_back.why,
    })
}

/// Goes on with what a gate took back. It was told when it was.
fn finish(given: Blind<'_>, (name, known): (&ChannelName, &ChannelMemory), back: Back<'_>, plan: &mut Plan) {
    if let Err(why) = follow(given, (name, known), back, false, plan) {
        let message = format!(
            "{name}: {}, and not all of its servers went back to {}: {why}",
            back.why, back.to
        );
        plan.problems
            .push(Problem::new(Kind::Gate, Code::AutoRollback, name.as_str(), message));
    }
}

/// Its servers follow to the version that comes back, if they show that this store is up to date.
fn follow(
    given: Blind<'_>,
    (name, known): (&ChannelName, &ChannelMemory),
    back: Back<'_>,
    moves: bool,
    plan: &mut Plan,
) -> Result<Option<ActiveColour>, NotOrdered> {
    let Back { from, to, why } = back;
    let roll = Roll::new(name, given.fleet, given.memory, given.policy, None);
    let servers = roll.seen();
    order::trust(name, from, to, &servers, &given.policy.version_tag)?;
    let mut channel = order::channel_plan(name, from, Some(to), moves);
    if moves {
        channel.moved = Some(Moved::Rollback {
            from: from.clone(),
            to: Some(to.clone()),
            by: By::Gate,
        });
        channel.rolled = true;
    }
    (channel.rule, channel.state) = (Rule::RolledBack, State::RolledBack);
    channel.status = format!("rolled back from {from}: {why}");
    channel.unseen = roll.unseen().count() as u64;
    channel.concerned = channel.unseen;
    let own = plan.servers.len();
    let side = Sidedness::new(name, known, moves, &servers, &roll, given.policy);
    let live: BTreeMap<ServerId, &Server> = servers
        .iter()
        .filter(|(_, (_, held))| !held)
        .map(|(id, (server, _))| ((*id).clone(), *server))
        .collect();
    let roles = side.roles.as_ref();
    order::follow(&mut channel, servers, (given.memory, given.policy), to, roles, plan);
    if !moves {
        rest(given, own, plan);
        order::cover(&live, roles, own, plan);
    }
    plan.channels.push(channel);
    Ok(side.colour)
}

/// Leaves those alone, for now, whose tags were refused, as a pass does that reads the sheet, and those that somebody else keeps changing.
fn rest(given: Blind<'_>, own: usize, plan: &mut Plan) {
    let mut tries = Tries::default();
    let Plan { servers, update, .. } = plan;
    for server in servers.iter_mut().skip(own).filter(|server| !server.changes.is_empty()) {
        let Some(known) = given.memory.servers.get(&server.id) else {
            continue;
        };
        if let Some(refused) = tries.rests(known, &server.changes, given.now) {
            server.status = ServerStatus::Refused(refused.clone());
        } else {
            let repeats = server
                .changes
                .iter()
                .filter_map(|change| known.repeats.get(&change.tag));
            let mut pauses = repeats.filter_map(|repeat| repeat.retry_at);
            if !pauses.any(|until| given.now < until) {
                continue;
            }
        }
        server.withheld = std::mem::take(&mut server.changes);
        update.servers.remove(&server.id);
    }
}
