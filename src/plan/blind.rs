//! Rollouts while the sheet cannot be read: their gates are counted, and one that has failed takes its release back, by what is
//! remembered and what the servers carry. Nothing else moves.

use super::clock;
use super::inputs::Blind;
use super::model::{By, Happening, Moved, Plan};
use super::order;
use super::order::Roll;
use super::rollout::count_alone;
use super::rule::Rule;
use super::state::State;
use crate::memory::{Binding, ChannelMemory, KeyState, SpentBy, TakenBack};
use crate::problem::{Code, Kind, Problem};
use crate::tag::{ChannelName, Version};

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
    let roll = Roll::new(name, given.fleet, given.memory, given.policy, None);
    let servers = roll.seen();
    if let Err(why) = order::trust(name, &from, &to, &servers, &given.policy.version_tag) {
        let message = format!("{name}: {failure}, and it is not rolled back: {why}");
        plan.problems
            .push(Problem::new(Kind::Gate, Code::GateFailed, name.as_str(), message));
        plan.update.channels.insert(name.clone(), known);
        return;
    }
    let latch = known.latch.clone();
    let next = ChannelMemory {
        latch,
        taken_back: Some(TakenBack {
            from: from.clone(),
            why: failure.clone(),
            keys: [None, None],
        }),
        ..order::rolled_back(&known, &from, Some(&to))
    };
    let mut channel = order::channel_plan(name, &from, Some(&to), true);
    channel.moved = Some(Moved::Rollback {
        from: from.clone(),
        to: Some(to.clone()),
        by: By::Gate,
    });
    channel.rolled = true;
    (channel.rule, channel.state) = (Rule::RolledBack, State::RolledBack);
    channel.status = format!("rolled back from {from}: {failure}");
    channel.unseen = roll.unseen().count() as u64;
    channel.concerned = channel.unseen;
    order::follow(&mut channel, servers, given.memory, given.policy, &to, plan);
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
    plan.channels.push(channel);
}
