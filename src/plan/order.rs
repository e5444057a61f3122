//! A rollback that somebody orders on the command line: decided from what is remembered and what the servers carry, because the
//! sheet may be out of reach. It does what a tick does, to this channel alone.

use std::collections::BTreeMap;

use super::advice::{Advice, Step, Then};
use super::model::{ChannelPlan, Happening, Moved, Plan, ServerPlan, ServerStatus, Tone};
use super::policy::Policy;
use super::rule::Rule;
use super::state::State;
use crate::fleet::{Fleet, Server};
use crate::memory::{ChannelMemory, Latch, Memory, Move, ServerMemory, Unfinished};
use crate::tag::{Change, ChannelName, Reason, ServerId, TagKey, Version};
use crate::text::nearest;

/// What is ordered, by whom and why.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The channel.
    pub channel: &'a ChannelName,
    /// Why, in the words of whoever ordered it.
    pub reason: &'a str,
    /// Who ordered it.
    pub by: &'a str,
}

/// Why an order is not carried out. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOrdered {
    /// The store knows no such channel.
    #[error("the state store knows no channel called {channel}; {}", ask(.meant.as_ref()))]
    Unknown {
        /// What was asked for.
        channel: ChannelName,
        /// The one that may be meant.
        meant: Option<ChannelName>,
    },
    /// The store serves another spreadsheet than the configuration names.
    #[error(
        "this state store serves another spreadsheet than sheets.spreadsheet_id names; use the configuration that the service runs with"
    )]
    OtherSheet,
    /// Nothing is changed in this mode.
    #[error("mode is \"observe\", so nothing is rolled back; set mode = \"enforce\" first")]
    Observes,
    /// There is no second step.
    #[error(
        "{0} has no version to go back to; name the older version in both keys, or tag its servers by hand and keep the service \
         stopped until the sheet can be read"
    )]
    Nothing(ChannelName),
    /// No server shows whether the store is up to date.
    #[error(
        "no live server of {0} was seen, so nothing shows whether this state store is up to date; try again when its accounts and \
         regions answer"
    )]
    Unseen(ChannelName),
    /// The servers tell of another past than the store.
    #[error(
        "{others} of {all} servers of {channel} carry neither {from}, which would be left, nor {to}, which would come back, so this \
         state store is older than they are; use the store that the service runs with"
    )]
    OldStore {
        /// The channel.
        channel: ChannelName,
        /// What would be left.
        from: Version,
        /// What would come back.
        to: Version,
        /// Servers that carry another version or none.
        others: usize,
        /// Live servers seen.
        all: usize,
    },
}

fn ask(meant: Option<&ChannelName>) -> String {
    meant.map_or_else(
        || "fleetsheet status lists those that it knows".to_owned(),
        |meant| format!("did you mean {meant}?"),
    )
}

/// Decides about an order. The plan touches nothing but this channel and the version tags of its servers.
///
/// An order that was carried out in part before is finished: the release does not move again.
///
/// # Errors
/// See [`NotOrdered`].
pub fn order(fleet: &Fleet, memory: &Memory, policy: &Policy, order: Order<'_>) -> Result<Plan, NotOrdered> {
    let name = order.channel;
    let known = memory.channels.get(name);
    let known = known.ok_or_else(|| NotOrdered::Unknown {
        channel: name.clone(),
        meant: nearest(name.as_str(), memory.channels.keys().map(ChannelName::as_str)).map(ChannelName::from),
    })?;
    if memory
        .binding
        .as_ref()
        .is_some_and(|binding| binding.spreadsheet != policy.spreadsheet)
    {
        return Err(NotOrdered::OtherSheet);
    }
    if policy.observe {
        return Err(NotOrdered::Observes);
    }
    let (from, to, moves) = way_back(known).ok_or_else(|| NotOrdered::Nothing(name.clone()))?;
    let servers = members(fleet, memory, &policy.channel_tag, name);
    trust(name, from, to, &servers, &policy.version_tag)?;
    let mut plan = Plan::default();
    let mut channel = channel_plan(name, from, to, moves);
    if moves {
        plan.update.channels.insert(name.clone(), rolled_back(known, from, to));
    }
    channel.unseen = unseen(fleet, memory, name);
    channel.concerned += channel.unseen;
    for (id, server) in servers {
        let remembered = memory.servers.get(id);
        if remembered.is_some_and(|server| server.held) {
            channel.held += 1;
            channel.left_behind.push(id.clone());
            plan.servers
                .push(server_plan(id, server, name, ServerStatus::Held, Vec::new()));
            continue;
        }
        channel.concerned += 1;
        let before = server.tag(&policy.version_tag);
        if before.is_some_and(|before| **before == *to.as_str()) {
            channel.carrying += 1;
            continue;
        }
        let change = Change {
            tag: policy.version_tag.clone(),
            before: before.cloned(),
            after: to.as_str().into(),
            reason: Reason::Rollback,
        };
        let mut next = remembered.cloned().unwrap_or_else(|| ServerMemory {
            source: Some(server.source.clone()),
            ..ServerMemory::default()
        });
        next.meant.insert(change.tag.clone(), change.after.clone());
        plan.update.servers.insert(id.clone(), next);
        plan.servers
            .push(server_plan(id, server, name, ServerStatus::InSync, vec![change]));
    }
    if moves {
        plan.happenings.push(Happening {
            channel: name.to_string(),
            event: "rollback",
            from: from.to_string(),
            to: to.to_string(),
            detail: format!("ordered by {}: {}", order.by, order.reason),
        });
    }
    plan.channels.push(channel);
    Ok(plan)
}

/// The version to leave, the one to go back to, and whether the release has yet to move.
fn way_back(known: &ChannelMemory) -> Option<(&Version, &Version, bool)> {
    let release = known.release.as_ref()?;
    match (&known.prior, &known.latch) {
        (Some(prior), _) => Some((release, prior, true)),
        (None, Some(Latch::Served { from })) if known.moved == Move::Rollback => Some((from, release, false)),
        (None, _) => None,
    }
}

/// The live servers of the channel: by what the sheet last gave them, else by their channel tag.
fn members<'f>(
    fleet: &'f Fleet,
    memory: &Memory,
    channel_tag: &TagKey,
    name: &ChannelName,
) -> BTreeMap<&'f ServerId, &'f Server> {
    let is_member = |id: &ServerId, server: &Server| {
        let given = memory.servers.get(id).and_then(|server| server.channel.as_ref());
        match given {
            Some(given) => given == name,
            None => server.tag(channel_tag).is_some_and(|tag| **tag == *name.as_str()),
        }
    };
    let seen = |id: &ServerId, server: &Server| {
        server.state.is_live() && fleet.answered(&server.source) && is_member(id, server)
    };
    fleet.servers.iter().filter(|(id, server)| seen(id, server)).collect()
}

/// How many servers of the channel cannot be seen now, because their account and region did not answer. They follow once a pass
/// sees them.
fn unseen(fleet: &Fleet, memory: &Memory, name: &ChannelName) -> u64 {
    let is_unseen = |id: &ServerId, server: &ServerMemory| {
        let silent = server.source.as_ref().is_some_and(|source| !fleet.answered(source));
        let waits = !server.held && !server.terminated && server.missing_since.is_none();
        silent && waits && server.channel.as_ref() == Some(name) && !fleet.servers.contains_key(id)
    };
    memory
        .servers
        .iter()
        .filter(|(id, server)| is_unseen(id, server))
        .count() as u64
}

/// An old copy of the store must not move a fleet that went on without it.
fn trust(
    name: &ChannelName,
    from: &Version,
    to: &Version,
    servers: &BTreeMap<&ServerId, &Server>,
    version_tag: &TagKey,
) -> Result<(), NotOrdered> {
    if servers.is_empty() {
        return Err(NotOrdered::Unseen(name.clone()));
    }
    let carries = |server: &Server| {
        let version = server.tag(version_tag);
        version.is_some_and(|version| [from.as_str(), to.as_str()].contains(&&**version))
    };
    let others = servers.values().filter(|server| !carries(server)).count();
    if others * 2 > servers.len() {
        return Err(NotOrdered::OldStore {
            channel: name.clone(),
            from: from.clone(),
            to: to.clone(),
            others,
            all: servers.len(),
        });
    }
    Ok(())
}

/// What is remembered of the channel then: as after a tick that was served. Keys that name the version left are spent when they
/// are next read.
fn rolled_back(known: &ChannelMemory, from: &Version, to: &Version) -> ChannelMemory {
    ChannelMemory {
        release: Some(to.clone()),
        approved: known.prior_approved,
        prior: None,
        prior_approved: false,
        moved: Move::Rollback,
        latch: Some(Latch::Served { from: from.clone() }),
        recalled: [Some(from.clone()), Some(from.clone())],
        unfinished: Some(Unfinished {
            from: Some(from.clone()),
            behind: false,
        }),
        ..known.clone()
    }
}

fn channel_plan(name: &ChannelName, from: &Version, to: &Version, moves: bool) -> ChannelPlan {
    ChannelPlan {
        name: name.clone(),
        rows: Vec::new(),
        release: Some(to.clone()),
        previous: None,
        status: format!("rolled back from {from}"),
        tone: Tone::Waiting,
        advice: Advice {
            steps: vec![Step::Name(None)],
            then: Then::Releases(None),
        },
        would: None,
        rule: Rule::RolledBack,
        state: State::RolledBack,
        desired_a: None,
        desired_b: None,
        moved: moves.then(|| Moved::Rollback {
            from: from.clone(),
            to: to.clone(),
        }),
        concerned: 0,
        carrying: 0,
        unseen: 0,
        rowless: 0,
        held: 0,
        left_behind: Vec::new(),
    }
}

fn server_plan(
    id: &ServerId,
    server: &Server,
    channel: &ChannelName,
    status: ServerStatus,
    changes: Vec<Change>,
) -> ServerPlan {
    ServerPlan {
        id: id.clone(),
        rows: Vec::new(),
        source: Some(server.source.clone()),
        channel: Some(channel.clone()),
        status,
        changes,
        withheld: Vec::new(),
        append: false,
        append_held: false,
    }
}
