//! Checks an ordered rollback against what it was decided from, as [`super::check`] does with the plan of a pass, and sharing as
//! little with whoever decided it.

use super::{Approved, colours};
use crate::fleet::Fleet;
use crate::memory::{ChannelMemory, Latch, Memory, Move, Update};
use crate::plan::model::{Plan, ServerPlan, ServerStatus};
use crate::plan::policy::Policy;
use crate::sheet::intent::{ServerRow, Tick};
use crate::sheet::parse::Sheet;
use crate::tag::{Change, ChannelName, ServerId};

/// Checks the plan of an order.
///
/// # Errors
/// Everything that it would do and may not, one line each: a fault of the program.
pub fn check_order<'p>(
    fleet: &Fleet,
    memory: &Memory,
    policy: &Policy,
    channel: &ChannelName,
    sheet: Option<&Sheet>,
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
            if next.release.is_none()
                && known.rollout.is_some()
                && plan.servers.is_empty()
                && plan.update.servers.is_empty()
            {
                // A rollout without a former version ends where its servers are.
                return if faults.is_empty() {
                    Ok(Approved { plan })
                } else {
                    Err(faults)
                };
            }
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
        let mut found = touched(fleet, policy, (channel, Some(known)), server, release.as_str());
        found.extend(out_of_reach(fleet, memory, policy, channel, sheet, &server.id));
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", server.id)));
    }
    let after = plan.update.channels.get(channel).unwrap_or(known);
    let here = |id: &ServerId| out_of_reach(fleet, memory, policy, channel, sheet, id).is_empty();
    faults.extend(colours::back(
        (fleet, memory, policy),
        (channel, known, after),
        plan,
        &here,
    ));
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
pub(super) fn step_back(known: &ChannelMemory, next: &ChannelMemory) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, fault: &str| {
        if !holds {
            faults.push(fault.to_owned());
        }
    };
    must(
        (known.prior.is_some() || known.rollout.is_some()) && next.release == known.prior,
        "the release is not the one before",
    );
    must(
        next.prior.is_none() && !next.prior_approved,
        "a second step back is left",
    );
    must(next.approved == known.prior_approved, "an approval came from nowhere");
    must(next.moved == Move::Rollback, "it is not remembered as a rollback");
    must(next.rollout.is_none(), "a rollout is left under way");
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

/// A live server, and nothing but its version.
pub(super) fn touched(
    fleet: &Fleet,
    policy: &Policy,
    (channel, known): (&ChannelName, Option<&ChannelMemory>),
    server: &ServerPlan,
    release: &str,
) -> Vec<String> {
    let Some(live) = fleet.servers.get(&server.id).filter(|server| server.state.is_live()) else {
        return vec!["is not live".to_owned()];
    };
    let mut faults = Vec::new();
    let version = live.tag(&policy.version_tag);
    let colours = colours::of(policy, channel, known);
    let is_role = |change: &Change| colours.is_some_and(|it| it.role_tag == change.tag);
    let (roles, others): (Vec<&Change>, Vec<&Change>) = server.changes.iter().partition(|change| is_role(change));
    let sound = match &others[..] {
        [] => !roles.is_empty(),
        [change] => change.tag == policy.version_tag && &*change.after == release && change.before.as_ref() == version,
        _ => false,
    };
    let sound = sound && roles.len() < 2;
    if !sound || server.append || !server.withheld.is_empty() {
        faults.push("more is changed than its version".to_owned());
    }
    faults
}

/// Why a server is none that the order may touch. What the sheet says now counts, and where it says nothing what it said last.
pub(super) fn out_of_reach(
    fleet: &Fleet,
    memory: &Memory,
    policy: &Policy,
    channel: &ChannelName,
    sheet: Option<&Sheet>,
    id: &ServerId,
) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, fault: &str| {
        if !holds {
            faults.push(fault.to_owned());
        }
    };
    let remembered = memory.servers.get(id);
    let was_held = remembered.is_some_and(|server| server.held);
    let rows = sheet.into_iter().flat_map(|sheet| &sheet.intent.servers);
    let rows: Vec<&ServerRow> = rows.filter(|row| row.id == *id).collect();
    for row in &rows {
        must(!row.unreadable, "its row cannot be read");
        must(row.channel.as_ref() == Some(channel), "is in another channel");
        let held = row.hold.map_or(was_held, |hold| {
            hold == Tick::On || (hold == Tick::Unreadable && was_held)
        });
        must(!held, "is held");
        must(
            rows[0].tags == row.tags && rows[0].hold == row.hold,
            "its rows disagree",
        );
    }
    if rows.is_empty() {
        let tags = fleet.servers.get(id).and_then(|live| live.tag(&policy.channel_tag));
        let tagged = tags.is_some_and(|tag| **tag == *channel.as_str());
        let given = remembered.and_then(|server| server.channel.as_ref());
        let asked_for = sheet.is_none() && given.is_some();
        must(
            if asked_for { given == Some(channel) } else { tagged },
            "is in another channel",
        );
        must(!was_held, "is held");
        let aside = remembered.is_some_and(|server| server.aside);
        must(sheet.is_some() || !aside, "its row put it in no channel");
    }
    faults
}
