//! What the program decides, in the words of the model.

use fleetsheet::memory::{KeyState, Memory, SpentBy};
use fleetsheet::plan::{By, ChannelPlan, Moved, Phase, Plan, Rule as Told, State};
use fleetsheet::tag::{TagKey, Version as Text};

use super::super::decider::{Rule, Said};
use super::super::world as small;
use super::super::world::{IDS, NONE, World};
use super::{Program, number};

impl Program {
    pub(super) fn said(&self, world: &World, plan: &Plan, memory: &Memory) -> Said {
        let web = memory.channels.get("web");
        let text = |v: Option<&Text>| v.map_or(NONE, |v| number(v.as_str()));
        let rollout = web.and_then(|web| web.rollout.as_ref());
        let id = rollout.map(|rollout| rollout.id(&"web".into()));
        let mut members = 0;
        let mut moves = [None; IDS];
        for (at, name) in self.ids.iter().enumerate() {
            let counts = world.seen(at).is_some() || !world.answers(small::region(at));
            let known = memory.servers.get(name);
            if counts && id.as_ref().is_some_and(|id| known.is_some_and(|m| m.is_member(id))) {
                members |= 1 << at;
            }
            let planned = plan.servers.iter().find(|server| server.id == *name);
            let change =
                planned.and_then(|server| server.changes.iter().find(|c| c.tag == TagKey::from("ReleaseVersion")));
            moves[at] = change.map(|change| number(&change.after));
        }
        Said {
            rule: rule(world, plan, memory),
            release: text(web.and_then(|web| web.release.as_ref())),
            previous: text(web.and_then(|web| web.prior.as_ref())),
            wave: rollout.map(|rollout| u8::try_from(rollout.wave).unwrap()),
            members,
            moves,
        }
    }
}

/// The rule that gave the status.
fn rule(world: &World, plan: &Plan, memory: &Memory) -> Rule {
    let event = |event: &str| plan.happenings.iter().any(|happening| happening.event == event);
    if world.unreadable {
        return if event("auto_rollback") {
            Rule::AutoRollback
        } else {
            Rule::Unreadable
        };
    }
    let Some(channel) = plan.channels.first() else {
        return if is_met(memory) { Rule::NoRow } else { Rule::Unmet };
    };
    match &channel.moved {
        Some(Moved::Rollback { by: By::Tick, .. }) => return Rule::RolledBack,
        Some(Moved::Rollback { by: By::Gate, .. }) => return Rule::AutoRollback,
        Some(Moved::Rollback { by: By::Keys, .. }) => return Rule::TakenBack,
        Some(Moved::Promotion { .. }) if channel.rollout.is_some() => return Rule::Started,
        Some(Moved::Promotion { .. }) => return Rule::AtOnce,
        None => {}
    }
    match (channel.rule, &channel.rollout) {
        (Told::NotReleased, _) if channel.status.contains("waiting for every account") => Rule::Unmet,
        (Told::Error, None) if !is_met(memory) => Rule::Unmet,
        (Told::RolledBack, _) => Rule::RolledBack,
        (Told::NothingToRollBack, _) => Rule::NothingBack,
        (Told::Latched, _) => Rule::Latched,
        (Told::Error, Some(_)) if channel.rows.is_empty() => Rule::NoRow,
        (Told::Error, _) => Rule::RowError,
        (Told::NotReleased, _) => Rule::NotReleased,
        (Told::InSync, _) if event("rollout_done") => Rule::Done,
        (Told::InSync, _) => Rule::InSync,
        (Told::Waiting, None) => Rule::Waiting,
        (Told::Waiting, Some(_)) => Rule::KeyElsewhere,
        (Told::Unprotected, _) => Rule::Unprotected,
        (Told::Spent, _) => Rule::Spent,
        (Told::Ready, None) => Rule::Ready,
        (Told::Ready, Some(_)) => Rule::NotEnabled,
        (Told::Promoted, None) => held(channel),
        (Told::Promoted, Some(_)) if event("wave") => Rule::NextWave,
        (Told::Promoted, Some(rollout)) if rollout.state == Phase::Paused => Rule::GateFailed,
        (Told::Promoted, Some(rollout)) => waits(&rollout.why, rollout),
    }
}

/// Whether the channel was adopted.
pub(super) fn is_met(memory: &Memory) -> bool {
    let unread = |key: &KeyState| {
        let by = |by: &SpentBy| matches!(by, SpentBy::Takeover | SpentBy::FirstContact);
        matches!(key, KeyState::Spent { held: None, by: why } if by(why))
    };
    let web = memory.channels.get("web");
    web.is_some_and(|web| web.release.is_some() || !unread(&web.key_a) || !unread(&web.key_b))
}

fn held(channel: &ChannelPlan) -> Rule {
    assert!(matches!(channel.state, State::Ready | State::Belt), "{channel:?}");
    if channel.status.contains("answer") {
        Rule::StartOutage
    } else if channel.status.contains("gate g") {
        Rule::StartGate
    } else {
        Rule::StartWindow
    }
}

fn waits(why: &str, rollout: &fleetsheet::plan::RolloutPlan) -> Rule {
    if why.contains("answer") {
        Rule::Outage
    } else if why.contains("fails") {
        Rule::Failing
    } else if why.contains("bakes") || why.starts_with("waits: ") {
        Rule::Baking
    } else if why.contains("advance") {
        Rule::Manual
    } else if why.contains("freeze") && rollout.carrying >= rollout.members && rollout.members == rollout.size {
        Rule::OutsideWindow
    } else {
        Rule::Unsettled
    }
}
