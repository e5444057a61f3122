//! A rollback that somebody orders on the command line: decided from what is remembered and what the servers carry, because the
//! sheet may be out of reach. It does what a tick does, to this channel alone.

mod follow;
mod members;
mod roles;

use std::collections::{BTreeMap, BTreeSet};

use super::advice::{Advice, Step, Then};
use super::identity::{rivals, store};
use super::model::{AgentCounts, By, ChannelPlan, Happening, Moved, Plan, ServerPlan, ServerStatus, Tone, Tripped};
use super::policy::{Belt, Policy};
use super::rule::Rule;
use super::state::State;
use crate::fleet::{Fleet, Server, Source};
use crate::memory::{Advance, ChannelMemory, Latch, Memory, Move, ServerMemory, Unfinished};
use crate::problem::{Kind, Problem};
use crate::sheet::parse::Sheet;
use crate::tag::{Change, ChannelName, ServerId, TagKey, Version};
use crate::text::{did_you_mean, nearest, ordered_by};
pub(super) use follow::follow;
pub(super) use members::Roll;
pub(super) use roles::{Sidedness, cover};

/// What is ordered, by whom and why.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The channel.
    pub channel: &'a ChannelName,
    /// Why, in the words of whoever ordered it.
    pub reason: &'a str,
    /// Who ordered it.
    pub by: &'a str,
    /// The stores that claim the spreadsheet, if it could be asked.
    pub claims: Option<&'a BTreeSet<String>>,
    /// What the sheet says now, if it could be read.
    pub sheet: Option<&'a Sheet>,
}

/// Why an order is not carried out. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOrdered {
    /// The store knows no such channel.
    #[error(
        "the state store knows no channel called {channel}; {}",
        did_you_mean(.meant.as_ref().map(ChannelName::as_str), "fleetsheet status lists those that it knows")
    )]
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
    /// The spreadsheet names another store.
    #[error(
        "the spreadsheet is served by {}, so this state store does not know what its servers should carry; run this where that \
         store is, or tick rollback in the sheet", store(.0)
    )]
    Replaced(String),
    /// Nothing is changed in this mode.
    #[error("mode is \"observe\", so nothing is rolled back; set mode = \"enforce\" first")]
    Observes,
    /// There is no second step.
    #[error(
        "{0} has no version to go back to; name the older version in both keys, or tag its servers by hand and keep the service \
         stopped until the sheet can be read"
    )]
    Nothing(ChannelName),
    /// It was rolled back already, and all its servers followed.
    #[error(
        "{0} was rolled back to {1} already, and no pass left a server of it behind; it has no version to go back to before that: to \
         go further back, name the older version in both keys"
    )]
    Done(ChannelName, Version),
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
    is_this_stores(memory, policy, order)?;
    let (from, to, moves) = way_back(known).ok_or_else(|| match &known.release {
        Some(release) if known.moved == Move::Rollback => NotOrdered::Done(name.clone(), release.clone()),
        _ => NotOrdered::Nothing(name.clone()),
    })?;
    let roll = Roll::new(name, fleet, memory, policy, order.sheet.map(|sheet| &sheet.intent));
    let servers = roll.seen();
    if let Some(to) = to {
        trust(name, from, to, &servers, &policy.version_tag)?;
    }
    let mut plan = Plan::default();
    let mut channel = channel_plan(name, from, to, moves);
    let side = Sidedness::new(name, known, moves, &servers, &roll, policy);
    if moves {
        let next = ChannelMemory {
            colour: side.colour.clone(),
            ..rolled_back(known, from, to)
        };
        plan.update.channels.insert(name.clone(), next);
    }
    channel.unseen = roll.unseen().count() as u64;
    channel.concerned += channel.unseen;
    plan.tripped = lost(fleet, name, roll.unseen());
    let problems = plan
        .tripped
        .iter()
        .map(|t| Problem::new(Kind::Belt, t.belt.code(), &t.place, &t.message));
    plan.problems = problems.collect();
    // Without a version to go back to, a rollout ends where its servers are.
    if let Some(to) = to {
        follow(
            &mut channel,
            servers,
            (memory, policy),
            to,
            side.roles.as_ref(),
            &mut plan,
        );
    }
    if moves {
        plan.happenings.push(Happening {
            channel: name.to_string(),
            event: "rollback",
            from: from.to_string(),
            to: to.map(ToString::to_string).unwrap_or_default(),
            detail: detail(&channel, order),
        });
    }
    plan.channels.push(channel);
    Ok(plan)
}

/// Whether this store serves the spreadsheet, and may act.
fn is_this_stores(memory: &Memory, policy: &Policy, order: Order<'_>) -> Result<(), NotOrdered> {
    let binding = memory.binding.as_ref();
    if binding.is_some_and(|binding| binding.spreadsheet != policy.spreadsheet) {
        return Err(NotOrdered::OtherSheet);
    }
    if let Some(rival) = rival(memory, order.claims) {
        return Err(NotOrdered::Replaced(rival));
    }
    if policy.observe {
        return Err(NotOrdered::Observes);
    }
    Ok(())
}

/// Who ordered it and why, and whom it leaves behind.
fn detail(channel: &ChannelPlan, order: Order<'_>) -> String {
    let ordered = ordered_by(order.by, order.reason);
    match channel.left_behind_words() {
        words if words.is_empty() => ordered,
        words => format!("{words}; {ordered}"),
    }
}

/// The store that serves the spreadsheet instead of this one: as the spreadsheet says now, or said when it was last read.
fn rival(memory: &Memory, claims: Option<&BTreeSet<String>>) -> Option<String> {
    match claims {
        Some(claims) => rivals(claims, &memory.store).next().cloned(),
        None => memory.binding.as_ref().and_then(|binding| binding.rival.clone()),
    }
}

/// The version to leave, the one to go back to (none where a rollout leaves none), and whether the release has yet to move. A
/// rollback that did not reach all its servers is finished, whether or not its box was seen unticked since.
fn way_back(known: &ChannelMemory) -> Option<(&Version, Option<&Version>, bool)> {
    let release = known.release.as_ref()?;
    if known.prior.is_some() || known.rollout.is_some() {
        return Some((release, known.prior.as_ref(), true));
    }
    let unfinished = known.unfinished.as_ref().and_then(|move_| move_.from.as_ref());
    let latched = known.latch.as_ref().and_then(|latch| match latch {
        Latch::Served { from } => Some(from),
        Latch::Nothing | Latch::FoundTicked => None,
    });
    let from = unfinished.or(latched).filter(|_| known.moved == Move::Rollback)?;
    Some((from, Some(release), false))
}

/// What the belt on lost sources holds back of the order.
fn lost<'a>(fleet: &Fleet, name: &ChannelName, unseen: impl Iterator<Item = &'a ServerMemory>) -> Vec<Tripped> {
    let mut lost: BTreeMap<&Source, usize> = BTreeMap::new();
    let sources = unseen.filter_map(|server| server.source.as_ref());
    for source in sources.filter(|source| !fleet.sources.contains_key(source)) {
        *lost.entry(source).or_default() += 1;
    }
    let trip = |(source, count): (&Source, usize)| {
        let servers = if count == 1 {
            "1 server"
        } else {
            &format!("{count} servers")
        };
        Tripped {
            belt: Belt::Source,
            place: source.to_string(),
            message: format!(
                "{source} is no longer in the configuration, and {servers} of {name} there, which may be alive, did not go back; \
                 put it back into [[aws.account]] regions, and the next pass rolls them back"
            ),
            allowed: false,
        }
    };
    lost.into_iter().map(trip).collect()
}

/// An old copy of the store must not move a fleet that went on without it.
pub(super) fn trust(
    name: &ChannelName,
    from: &Version,
    to: &Version,
    servers: &BTreeMap<&ServerId, (&Server, bool)>,
    version_tag: &TagKey,
) -> Result<(), NotOrdered> {
    if servers.is_empty() {
        return Err(NotOrdered::Unseen(name.clone()));
    }
    let carries = |server: &Server| {
        let version = server.tag(version_tag);
        version.is_some_and(|version| [from.as_str(), to.as_str()].contains(&&**version))
    };
    let others = servers.values().filter(|(server, _)| !carries(server)).count();
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
pub(super) fn rolled_back(known: &ChannelMemory, from: &Version, to: Option<&Version>) -> ChannelMemory {
    ChannelMemory {
        release: to.cloned(),
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
        rollout: None,
        advance: known.advance.as_ref().map(|_| Advance::Void),
        taken_back: None,
        mixed: false,
        ..known.clone()
    }
}

pub(super) fn channel_plan(name: &ChannelName, from: &Version, to: Option<&Version>, moves: bool) -> ChannelPlan {
    ChannelPlan {
        name: name.clone(),
        rows: Vec::new(),
        release: to.cloned(),
        previous: None,
        status: format!("rolled back from {from}"),
        tone: Tone::Waiting,
        advice: Advice {
            steps: vec![Step::Shown, Step::Name(None)],
            then: Then::Releases(None),
        },
        would: None,
        rollout: None,
        rolled: false,
        open: true,
        rule: Rule::RolledBack,
        state: State::RolledBack,
        desired_a: None,
        desired_b: None,
        moved: moves.then(|| Moved::Rollback {
            from: from.clone(),
            to: to.cloned(),
            by: By::Tick,
        }),
        agents: AgentCounts::default(),
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
        member: false,
    }
}
