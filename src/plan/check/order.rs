//! Checks an ordered rollback against what it was decided from, as [`super::check`] does with the plan of a pass, and sharing as
//! little with whoever decided it.

use super::Approved;
use crate::fleet::Fleet;
use crate::memory::{ChannelMemory, Latch, Memory, Move, Update};
use crate::plan::model::{Plan, ServerPlan, ServerStatus};
use crate::plan::policy::Policy;
use crate::tag::{ChannelName, ServerId};

/// Checks the plan of an order.
///
/// # Errors
/// Everything that it would do and may not, one line each: a fault of the program.
pub fn check_order<'p>(
    fleet: &Fleet,
    memory: &Memory,
    policy: &Policy,
    channel: &ChannelName,
    plan: &'p Plan,
) -> Result<Approved<'p>, Vec<String>> {
    let mut faults = Vec::new();
    let scope = Update {
        channels: plan.update.channels.clone(),
        servers: plan.update.servers.clone(),
        ..Update::default()
    };
    if plan.update != scope || plan.update.channels.keys().any(|name| name != channel) {
        faults.push(format!("more than the channel {channel} is remembered anew"));
    }
    if policy.observe {
        faults.push("something is changed in mode observe".to_owned());
    }
    let Some(known) = memory.channels.get(channel) else {
        return Err(vec![format!("{channel} is not known")]);
    };
    let release = match plan.update.channels.get(channel) {
        Some(next) => {
            faults.extend(step_back(known, next));
            next.release.as_ref()
        }
        None => known.release.as_ref().filter(|_| known.moved == Move::Rollback),
    };
    let Some(release) = release else {
        return Err(vec![format!("{channel} goes back to nothing")]);
    };
    for server in plan
        .servers
        .iter()
        .filter(|server| server.status != ServerStatus::Held || !server.changes.is_empty())
    {
        let found = touched(fleet, memory, policy, channel, server, release.as_str());
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", server.id)));
    }
    let changes = |server: &ServerPlan, id: &ServerId| server.id == *id && !server.changes.is_empty();
    let planned = |id: &&ServerId| plan.servers.iter().any(|server| changes(server, id));
    if plan.update.servers.keys().filter(planned).count() != plan.update.servers.len() {
        faults.push("servers are remembered anew that do not change".to_owned());
    }
    if faults.is_empty() {
        Ok(Approved { plan })
    } else {
        Err(faults)
    }
}

/// One step back, with all that a tick that was served leaves behind.
fn step_back(known: &ChannelMemory, next: &ChannelMemory) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, fault: &str| {
        if !holds {
            faults.push(fault.to_owned());
        }
    };
    must(
        known.prior.is_some() && next.release == known.prior,
        "the release is not the one before",
    );
    must(
        next.prior.is_none() && !next.prior_approved,
        "a second step back is left",
    );
    must(next.approved == known.prior_approved, "an approval came from nowhere");
    must(next.moved == Move::Rollback, "it is not remembered as a rollback");
    let left = known.release.clone();
    must(
        next.recalled == [left.clone(), left.clone()],
        "keys that name the version left would count",
    );
    must(
        left.is_some_and(|from| next.latch == Some(Latch::Served { from })),
        "a box that stands ticked would be served again",
    );
    must(
        next.key_a == known.key_a && next.key_b == known.key_b && next.row == known.row,
        "what nobody read is remembered anew",
    );
    faults
}

/// A server that may be touched, and nothing but its version.
fn touched(
    fleet: &Fleet,
    memory: &Memory,
    policy: &Policy,
    channel: &ChannelName,
    server: &ServerPlan,
    release: &str,
) -> Vec<String> {
    let Some(live) = fleet.servers.get(&server.id).filter(|server| server.state.is_live()) else {
        return vec!["is not live".to_owned()];
    };
    let mut faults = Vec::new();
    let remembered = memory.servers.get(&server.id);
    if remembered.is_some_and(|server| server.held) {
        faults.push("is held".to_owned());
    }
    let tag = live.tag(&policy.channel_tag).map(|tag| ChannelName::from(&**tag));
    let given = remembered.and_then(|server| server.channel.clone()).or(tag);
    if given.as_ref() != Some(channel) {
        faults.push("is in another channel".to_owned());
    }
    let version = live.tag(&policy.version_tag);
    let sound = matches!(&server.changes[..], [change]
        if change.tag == policy.version_tag && &*change.after == release && change.before.as_ref() == version);
    if !sound || server.append || !server.withheld.is_empty() {
        faults.push("more is changed than its version".to_owned());
    }
    faults
}
