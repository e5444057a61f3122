//! Who is in the channel of an order: as the sheet says now, if it could be read, else as it said last; without a row by the tag.

use std::collections::BTreeMap;

use crate::fleet::{Fleet, Server};
use crate::memory::{Memory, ServerMemory};
use crate::plan::joined::{disagree, hold};
use crate::plan::policy::Policy;
use crate::sheet::intent::{Intent, ServerRow};
use crate::tag::{ChannelName, ServerId};

/// How a server stands to the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In it.
    Member,
    /// In it, and on hold.
    Held,
    /// In another, or in none: its tags are left alone.
    Elsewhere,
}

/// What tells who is in the channel.
pub(in crate::plan) struct Roll<'a> {
    channel: &'a ChannelName,
    fleet: &'a Fleet,
    memory: &'a Memory,
    policy: &'a Policy,
    rows: Option<BTreeMap<&'a ServerId, Vec<&'a ServerRow>>>,
}

impl<'a> Roll<'a> {
    pub(in crate::plan) fn new(
        channel: &'a ChannelName,
        fleet: &'a Fleet,
        memory: &'a Memory,
        policy: &'a Policy,
        intent: Option<&'a Intent>,
    ) -> Self {
        let rows = intent.map(|intent| {
            let mut rows: BTreeMap<&ServerId, Vec<&ServerRow>> = BTreeMap::new();
            for row in &intent.servers {
                rows.entry(&row.id).or_default().push(row);
            }
            rows
        });
        Self {
            channel,
            fleet,
            memory,
            policy,
            rows,
        }
    }

    /// The live servers of the channel that were seen, each with whether it is held.
    pub(in crate::plan) fn seen(&self) -> BTreeMap<&'a ServerId, (&'a Server, bool)> {
        let servers = self.fleet.servers.iter();
        let seen = servers.filter(|(_, server)| server.state.is_live() && self.fleet.answered(&server.source));
        let of = |(id, server): (&'a ServerId, &'a Server)| {
            let known = self.memory.servers.get(id).map(|known| &**known);
            match self.place(id, Some(server), known) {
                Place::Elsewhere => None,
                place => Some((id, (server, place == Place::Held))),
            }
        };
        seen.filter_map(of).collect()
    }

    /// The servers of the channel that cannot be seen now, because their account and region did not answer or is not configured
    /// any more, with that. They follow once a pass sees them.
    pub(in crate::plan) fn unseen(&self) -> impl Iterator<Item = &'a ServerMemory> {
        self.memory.servers.iter().filter_map(|(id, server)| {
            let source = server.source.as_ref()?;
            let is_unseen = !self.fleet.answered(source) && !self.fleet.servers.contains_key(id);
            let is_over = server.terminated || server.missing_since.is_some();
            let is_member = self.place(id, None, Some(server)) == Place::Member;
            (is_unseen && !is_over && is_member).then_some(&**server)
        })
    }

    fn place(&self, id: &ServerId, server: Option<&Server>, known: Option<&ServerMemory>) -> Place {
        let was_held = known.is_some_and(|known| known.held);
        let (channel, held) = match self.rows.as_ref().and_then(|rows| rows.get(id)) {
            Some(rows) => (said(rows), hold(rows, was_held)),
            None if self.rows.is_none() && known.is_some_and(|known| known.aside) => (None, was_held),
            None => {
                let given = known.filter(|_| self.rows.is_none() || server.is_none());
                let given = given.and_then(|known| known.channel.as_ref().map(ChannelName::as_str));
                let tagged = || server.and_then(|server| server.tag(&self.policy.channel_tag).map(|tag| &**tag));
                (given.or_else(tagged), was_held)
            }
        };
        match channel {
            Some(channel) if channel == self.channel.as_str() && held => Place::Held,
            Some(channel) if channel == self.channel.as_str() => Place::Member,
            _ => Place::Elsewhere,
        }
    }
}

/// The channel that rows put a server in; `None`: in none.
fn said<'r>(rows: &[&'r ServerRow]) -> Option<&'r str> {
    let first = rows.first().filter(|row| !row.unreadable && !disagree(rows))?;
    first.channel.as_ref().map(ChannelName::as_str)
}
