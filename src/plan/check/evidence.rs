//! What a plan is checked against: what it was made from, found by name.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::memory::{ChannelMemory, KeyState, SpentBy};
use crate::plan::inputs::Inputs;
use crate::plan::model::Plan;
use crate::plan::policy::Belt;
use crate::sheet::display::ShownRelease;
use crate::sheet::intent::{ReleaseRow, ServerRow};
use crate::tag::{ChannelName, ServerId, Version};

/// How many live servers of a channel carry each version.
pub(super) type Carried = BTreeMap<String, usize>;

/// What a plan was made from.
pub(super) struct Evidence<'a> {
    pub(super) given: Inputs<'a>,
    pub(super) plan: &'a Plan,
    pub(super) channel_rows: BTreeMap<&'a ChannelName, Vec<&'a ReleaseRow>>,
    pub(super) shown_rows: BTreeMap<&'a ChannelName, Vec<&'a ShownRelease>>,
    pub(super) server_rows: BTreeMap<&'a ServerId, Vec<&'a ServerRow>>,
    /// Owned, because a cell that borrows would bind whoever borrows the evidence for as long.
    carried: OnceCell<BTreeMap<String, Carried>>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(given: Inputs<'a>, plan: &'a Plan) -> Self {
        let mut channel_rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in &given.sheet.intent.channels {
            channel_rows.entry(&row.channel).or_default().push(row);
        }
        let mut shown_rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in &given.sheet.display.release.rows {
            shown_rows.entry(&row.channel).or_default().push(row);
        }
        let mut server_rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in &given.sheet.intent.servers {
            server_rows.entry(&row.id).or_default().push(row);
        }
        Self {
            given,
            plan,
            channel_rows,
            shown_rows,
            server_rows,
            carried: OnceCell::new(),
        }
    }

    /// What live servers carry, by channel: counted once, and only where a channel is met, since it takes a look at all of them.
    pub(super) fn carried(&self) -> &BTreeMap<String, Carried> {
        self.carried.get_or_init(|| {
            let mut all: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
            for (id, server) in self.given.fleet.servers.iter().filter(|(_, s)| s.state.is_live()) {
                let version = server.tag(&self.given.policy.version_tag);
                let channel = match self.server_rows.get(id).map(Vec::as_slice) {
                    None | Some([]) => server.tag(&self.given.policy.channel_tag).map(|tag| &**tag),
                    Some([row]) => row.channel.as_ref().map(ChannelName::as_str),
                    Some([first, others @ ..]) => {
                        let one_thing = !first.unreadable
                            && others.iter().all(|row| {
                                !row.unreadable
                                    && (&row.channel, row.hold, &row.tags) == (&first.channel, first.hold, &first.tags)
                            });
                        first.channel.as_ref().filter(|_| one_thing).map(ChannelName::as_str)
                    }
                };
                if let (Some(channel), Some(version)) = (channel, version) {
                    *all.entry(channel).or_default().entry(version).or_default() += 1;
                }
            }
            let owned = |(version, servers): (&str, usize)| (version.to_owned(), servers);
            let of_each = |(channel, counts): (&str, BTreeMap<&str, usize>)| {
                (channel.to_owned(), counts.into_iter().map(owned).collect())
            };
            all.into_iter().map(of_each).collect()
        })
    }

    /// The time by which ages of rollouts count: of a clock that was set back the latest that is remembered of it.
    pub(super) fn latest(&self) -> DateTime<Utc> {
        let memory = self.given.memory;
        let base = &memory.baselines;
        let looks = [&base.server_rows, &base.release_rows].into_iter();
        let looks = looks.chain(base.fleet.values()).flatten().map(|(at, _)| *at);
        let rollouts = memory.channels.values().filter_map(|known| known.rollout.as_ref());
        let times = rollouts.flat_map(|rollout| {
            let readings = rollout.gates.values().map(|tally| tally.began);
            let own = [Some(rollout.began), rollout.first_move, rollout.settled];
            own.into_iter().chain(readings).flatten()
        });
        looks.chain(times).fold(self.given.now, DateTime::max)
    }

    /// The rows of a channel.
    pub(super) fn rows(&self, channel: &ChannelName) -> &[&'a ReleaseRow] {
        self.channel_rows.get(channel).map_or(&[], Vec::as_slice)
    }

    /// What the service shows in the rows of a channel.
    pub(super) fn shown(&self, channel: &ChannelName) -> &[&'a ShownRelease] {
        self.shown_rows.get(channel).map_or(&[], Vec::as_slice)
    }

    /// What is remembered of a channel that the store knows. A takeover knows none, and what could not be adopted has no
    /// release and two keys that wait to be read.
    pub(super) fn known(&self, channel: &ChannelName) -> Option<&'a ChannelMemory> {
        let unread = |key: &KeyState| {
            matches!(
                key,
                KeyState::Spent {
                    held: None,
                    by: SpentBy::Takeover | SpentBy::FirstContact
                }
            )
        };
        self.given
            .memory
            .channels
            .get(channel)
            .filter(|_| !self.given.policy.takeover)
            .filter(|m| m.release.is_some() || !unread(&m.key_a) || !unread(&m.key_b))
    }

    /// What will be remembered of a channel.
    pub(super) fn after(&self, channel: &ChannelName) -> Option<&'a ChannelMemory> {
        let planned = self.plan.update.channels.get(channel);
        planned.or_else(|| self.given.memory.channels.get(channel))
    }

    /// The release of a channel once the plan is applied.
    pub(super) fn release(&self, channel: &ChannelName) -> Option<&'a Version> {
        self.after(channel)?.release.as_ref()
    }

    /// Whether a belt tripped that nobody let through.
    pub(super) fn held_by(&self, belt: Belt) -> bool {
        self.plan.tripped.iter().any(|t| t.belt == belt) && !self.given.policy.allow.contains(&belt)
    }
}
