//! What a decision says: channels, servers, belts, and what to remember.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::advice::Advice;
use super::policy::Belt;
use super::rollout::{RolloutPlan, RolloutRule};
use super::rule::Rule;
use super::state::State;
use crate::fleet::Source;
use crate::memory::{Memory, Refused, Update};
use crate::problem::{Code, Problem};
use crate::tag::{Change, ChannelName, ServerId, Version};

/// Why a channel is as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelPlan {
    /// Its name.
    pub name: ChannelName,
    /// Row numbers it stands in.
    pub rows: Vec<u32>,
    /// The version in force after this plan.
    pub release: Option<Version>,
    /// What a rollback would return to.
    pub previous: Option<Version>,
    /// The status, without the progress of its servers.
    pub status: String,
    /// How it reads.
    pub tone: Tone,
    /// What people can do about it.
    pub advice: Advice,
    /// What `mode = "observe"` keeps from happening, in words.
    pub would: Option<String>,
    /// Which rule of the decision table matched.
    pub rule: Rule,
    /// Its state, in one word.
    pub state: State,
    /// The rollout under way.
    pub rollout: Option<RolloutPlan>,
    /// Whether one was under way before this plan.
    pub rolled: bool,
    /// Whether servers may pass to a new version now, by windows and freezes.
    pub open: bool,
    /// What the cell of key A names; blank when it is blank, `None` when it cannot be read or is not there.
    pub desired_a: Option<Arc<str>>,
    /// The same of key B.
    pub desired_b: Option<Arc<str>>,
    /// The move that this pass makes, if any.
    pub moved: Option<Moved>,
    /// Servers that the release concerns: live or not visible now, and neither held nor ambiguous.
    pub concerned: u64,
    /// How many of them carry the release already.
    pub carrying: u64,
    /// How many of them cannot be seen now, because their account and region did not answer, or not whole. They count by what
    /// they last carried.
    pub unseen: u64,
    /// Servers that have no row and get none, but follow their channel tag like all others.
    pub rowless: u64,
    /// Live servers of the channel that somebody holds, whatever they carry.
    pub held: u64,
    /// Servers that stay behind because they are held, when the release moved.
    pub left_behind: Vec<ServerId>,
    /// What the agents on its servers say.
    pub agents: AgentCounts,
}

impl ChannelPlan {
    /// Whether its release moves, or the next wave of its rollout starts.
    #[must_use]
    pub fn moves(&self) -> bool {
        let starts = |rollout: &RolloutPlan| rollout.rule == RolloutRule::NextWave;
        self.moved.is_some() || self.rollout.as_ref().is_some_and(starts)
    }

    /// Whom a release that moves leaves behind, in words; blank where it leaves nobody.
    pub(super) fn left_behind_words(&self) -> String {
        let shown: Vec<&str> = self.left_behind.iter().take(10).map(ServerId::as_str).collect();
        match self.left_behind.len() {
            0 => String::new(),
            n => format!(
                "{n} held and left behind: {}{}",
                shown.join(", "),
                if n > 10 { ", …" } else { "" }
            ),
        }
    }
}

/// What the agents on the servers say that a release concerns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgentCounts {
    /// Servers that have one.
    pub with_agent: u64,
    /// Those of them that run the release, by a word that is not too old.
    pub running: u64,
    /// Those of them that carry the release by their tag, and report trouble with it.
    pub in_trouble: u64,
    /// Those of them that have not said a word for too long.
    pub silent: u64,
}

/// How a channel's status reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// In order.
    Good,
    /// It waits for somebody.
    Waiting,
    /// Something is wrong.
    Bad,
}

/// A release that moves in this pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Two keys.
    Promotion {
        /// The former release.
        from: Option<Version>,
        /// The new one.
        to: Version,
    },
    /// Back.
    Rollback {
        /// The version left.
        from: Version,
        /// The version gone back to; `None` where a rollout had no former one.
        to: Option<Version>,
        /// By whom.
        by: By,
    },
}

impl By {
    /// The event of a release that is taken back so.
    #[must_use]
    pub const fn event(self) -> &'static str {
        match self {
            Self::Tick => "rollback",
            Self::Gate => "auto_rollback",
            Self::Keys => "taken_back",
        }
    }
}

/// Who takes a release back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A tick, or a command.
    Tick,
    /// A gate that has failed.
    Gate,
    /// Both keys.
    Keys,
}

/// What becomes of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerStatus {
    /// It carries the right tags, or will once its changes are made.
    InSync,
    /// The sheet says to leave it alone.
    Held,
    /// Its channel has no row. One with a name like it may be meant.
    UnknownChannel(Option<ChannelName>),
    /// It has no channel.
    Unassigned,
    /// Two rows disagree.
    Duplicate,
    /// It is gone for good.
    Terminated,
    /// It was not found.
    Missing,
    /// It was not found for a day.
    Gone,
    /// Somebody else keeps changing it back.
    Contested(String),
    /// A cell of its row cannot be read.
    Error(String),
    /// A belt holds its changes.
    Waiting(String),
    /// A rollout has yet to take it, or to let it pass.
    WaitsForWave,
    /// It is late for its channel's release, and passes when this opens.
    WaitsForWindow(String),
    /// Its tags were refused, and it is not tried in this pass.
    Refused(Refused),
    /// Nothing is known of it in this pass, so nothing is said.
    AsIs,
}

/// One server, decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPlan {
    /// Its id.
    pub id: ServerId,
    /// Row numbers it stands in; empty for servers not in the sheet.
    pub rows: Vec<u32>,
    /// Where it lives, when the fleet shows it.
    pub source: Option<Source>,
    /// The channel that the sheet gives it (or its tag, for discovered ones).
    pub channel: Option<ChannelName>,
    /// Its status.
    pub status: ServerStatus,
    /// What is to be changed now.
    pub changes: Vec<Change>,
    /// What would be changed but for a belt or `mode = "observe"`.
    pub withheld: Vec<Change>,
    /// Whether a row is to be appended.
    pub append: bool,
    /// Whether the appended row comes back held.
    pub append_held: bool,
    /// Whether a wave of the rollout under way has taken it.
    pub member: bool,
}

impl ServerPlan {
    /// Whether it has a row, or gets one.
    #[must_use]
    pub fn listed(&self) -> bool {
        !self.rows.is_empty() || self.append
    }
}

/// Something that this plan makes happen, for `history` and the audit tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// The channel, or empty.
    pub channel: String,
    /// One word with underscores.
    pub event: &'static str,
    /// Before.
    pub from: String,
    /// After.
    pub to: String,
    /// In words.
    pub detail: String,
}

impl Happening {
    /// One that concerns no single channel.
    pub(super) fn of_the_sheet(event: &'static str, detail: &str) -> Self {
        Self {
            channel: String::new(),
            event,
            from: String::new(),
            to: String::new(),
            detail: detail.to_owned(),
        }
    }
}

/// A belt that tripped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tripped {
    /// Which.
    pub belt: Belt,
    /// What it holds back: a tab, a source or a channel.
    pub place: String,
    /// Its arithmetic and how to let it through.
    pub message: String,
    /// Whether the operator lets it through.
    pub allowed: bool,
}

/// The whole decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Why nothing at all may be written; then everything below is empty but `problems`.
    pub stop: Vec<Problem>,
    /// Channels, by name.
    pub channels: Vec<ChannelPlan>,
    /// Servers, by id.
    pub servers: Vec<ServerPlan>,
    /// What is said of rows that are about no server, by what they hold in the place of an id.
    pub misnamed: BTreeMap<ServerId, String>,
    /// What needs a person.
    pub problems: Vec<Problem>,
    /// Belts that tripped, held back or let through.
    pub tripped: Vec<Tripped>,
    /// What happens.
    pub happenings: Vec<Happening>,
    /// Live servers that carry a channel tag of no channel of this sheet, by that channel.
    pub not_ours: BTreeMap<Arc<str>, u64>,
    /// What to remember before acting.
    pub update: Update,
}

impl Plan {
    /// Whether a belt or an untrusted sheet stops it or holds part of it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.stop.is_empty()
            || self.tripped.iter().any(|t| !t.allowed)
            || self
                .channels
                .iter()
                .any(|c| c.rule == Rule::Unprotected || c.state == State::Belt)
    }

    /// The plan that only says why it stops.
    pub(super) fn stopped(stop: Vec<Problem>, memory: &Memory) -> Self {
        let mut plan = Self {
            problems: stop.clone(),
            ..Self::default()
        };
        let holding = stop.iter().map(|p| (p.code, &*p.place, &*p.message));
        plan.note_belts(holding, memory);
        plan.stop = stop;
        plan
    }

    /// Remembers the belts that hold something back; one that already did so in the last pass is not reported again.
    pub(super) fn note_belts<'a>(&mut self, holding: impl Iterator<Item = (Code, &'a str, &'a str)>, memory: &Memory) {
        let mut held = BTreeSet::new();
        for (code, place, message) in holding {
            let which = format!("{}:{place}", code.word());
            if !memory.tripped.contains(&which) {
                self.happenings.push(Happening::of_the_sheet("belt", message));
            }
            held.insert(which);
        }
        self.update.tripped = (held != memory.tripped).then_some(held);
    }

    /// Whether it would change tags, releases or rows.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.servers.iter().any(|s| !s.changes.is_empty() || s.append) || self.channels.iter().any(ChannelPlan::moves)
    }

    /// Whether it lets this store serve the sheet from now on, which spends all keys.
    #[must_use]
    pub fn takes_over(&self) -> bool {
        self.happenings.iter().any(|happening| happening.event == "takeover")
    }
}
