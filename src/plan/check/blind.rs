//! Checks what a pass does that could not read the sheet: nothing but gates that are counted, and releases that a gate takes back.

mod aged;

use super::order::{out_of_reach, step_back, touched};
use super::{Approved, colours};
use crate::gate::{Kind, Verdict};
use crate::memory::{ChannelMemory, Latch, Move, Update};
use crate::plan::inputs::Blind;
use crate::plan::model::Plan;
use crate::rollout::OnFailure;
use crate::tag::{ChannelName, ServerId};
use aged::aged;

/// Checks the plan.
///
/// # Errors
/// Everything that it would do and may not, one line each: a fault of the program.
pub fn check_blind<'p>(given: Blind<'_>, plan: &'p Plan) -> Result<Approved<'p>, Vec<String>> {
    let mut faults = Vec::new();
    let aged = aged(given.memory, given.now);
    let scope = Update {
        channels: plan.update.channels.clone(),
        servers: plan.update.servers.clone(),
        // Of a clock that was set back.
        baselines: (aged.baselines != given.memory.baselines).then(|| aged.baselines.clone()),
        ..Update::default()
    };
    let quiet = Update {
        baselines: None,
        ..scope.clone()
    };
    if plan.update != scope && plan.update != quiet {
        faults.push("more than channels and servers is remembered anew".to_owned());
    }
    let rival = given
        .memory
        .binding
        .as_ref()
        .is_some_and(|binding| binding.rival.is_some());
    if (given.policy.observe || rival) && !plan.update.is_empty() {
        faults.push("something is changed in mode observe, or by a store that was replaced".to_owned());
    }
    for (name, next) in &plan.update.channels {
        let Some(known) = aged.channels.get(name) else {
            faults.push(format!("{name} is not known"));
            continue;
        };
        if next == known {
            continue;
        }
        let found = channel(given, name, known, next);
        faults.extend(found.into_iter().map(|fault| format!("channel {name}: {fault}")));
    }
    let changes = |id: &ServerId| plan.servers.iter().any(|s| s.id == *id && !s.changes.is_empty());
    for (id, next) in &plan.update.servers {
        if !changes(id) && aged.servers.get(id) != Some(next) {
            faults.push(format!("{id}: is remembered anew, and does not change"));
        }
    }
    for server in plan.servers.iter().filter(|server| !server.changes.is_empty()) {
        let back = server.channel.as_ref().and_then(|name| {
            let known = given.memory.channels.get(name)?;
            let release = match plan.update.channels.get(name) {
                Some(next) if known.release != next.release => next.release.as_ref()?,
                _ if was_taken_back(known) => known.release.as_ref()?,
                _ => return None,
            };
            Some((name, release.as_str()))
        });
        let Some((name, release)) = back else {
            faults.push(format!("{}: nothing takes its release back", server.id));
            continue;
        };
        let known = given.memory.channels.get(name);
        let mut found = touched(given.fleet, given.policy, (name, known), server, release);
        found.extend(out_of_reach(
            given.fleet,
            given.memory,
            given.policy,
            name,
            None,
            &server.id,
        ));
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", server.id)));
    }
    for (name, known) in &given.memory.channels {
        let after = plan.update.channels.get(name).unwrap_or(known);
        let here = |id: &ServerId| out_of_reach(given.fleet, given.memory, given.policy, name, None, id).is_empty();
        let world = (given.fleet, given.memory, given.policy);
        faults.extend(colours::back(world, (name, known, after), plan, &here));
    }
    if faults.is_empty() {
        Ok(Approved { plan })
    } else {
        Err(faults)
    }
}

/// Whether a gate took the release back that the channel left last, and not all servers are known to have followed.
fn was_taken_back(known: &ChannelMemory) -> bool {
    let left = known.unfinished.as_ref().and_then(|move_| move_.from.as_ref());
    let by_gate = known.taken_back.as_ref().map(|back| &back.from);
    left.is_some() && left == by_gate && known.moved == Move::Rollback && known.rollout.is_none()
}

fn channel(given: Blind<'_>, name: &ChannelName, known: &ChannelMemory, next: &ChannelMemory) -> Vec<String> {
    let Some(rollout) = &known.rollout else {
        return vec!["it has no rollout".to_owned()];
    };
    if next.release == known.release {
        let counted = next.rollout.as_ref().map(|next| {
            let mut rollout = rollout.clone();
            rollout.gates.clone_from(&next.gates);
            // A wave of which nobody is left is no settled one.
            rollout.settled = rollout.settled.filter(|_| next.settled.is_some());
            ChannelMemory {
                rollout: Some(rollout),
                ..known.clone()
            }
        });
        return if counted.as_ref() == Some(next) {
            Vec::new()
        } else {
            vec!["more is remembered than what its gates gave".to_owned()]
        };
    }
    // But for the latch it is what a tick leaves behind.
    let as_ticked = ChannelMemory {
        latch: known.release.clone().map(|from| Latch::Served { from }),
        ..next.clone()
    };
    let mut faults = step_back(known, &as_ticked);
    if known.prior.is_none() {
        faults.push("it is taken back, and there is no former version".to_owned());
    }
    if next.latch != known.latch {
        faults.push("a gate moves the latch of a box".to_owned());
    }
    let rollouts = &given.policy.rollouts;
    let strategy = rollouts
        .strategy(&rollout.strategy)
        .filter(|strategy| strategy.on_failure == OnFailure::Rollback);
    let fails = strategy.is_some_and(|strategy| {
        rollouts
            .gates_of(strategy)
            .filter(|gate| !gate.report_only && !matches!(gate.kind, Kind::Agents(_)))
            .any(|gate| {
                let taken = given.readings.of(name).and_then(|readings| readings.get(&gate.name));
                let now = taken.is_some_and(|taken| taken.reading.verdict == Verdict::Fail);
                rollout.gates.get(&gate.name).is_some_and(|tally| tally.failed || now)
            })
    });
    if !fails {
        faults.push("it is taken back though no gate has failed".to_owned());
    }
    faults
}
