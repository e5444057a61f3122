//! A server's plan while the belts have not yet seen all of them, and what is remembered of it once they have.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::inputs::Inputs;
use super::joined::{Channels, Joined, Recall, Rows};
use super::model::{ServerPlan, ServerStatus};
use super::policy::SourceBelts;
use super::rollout::{Carry, Roles, Wanted};
use crate::fleet::Server;
use crate::memory::ServerMemory;
use crate::sheet::intent::ServerRow;
use crate::tag::{Change, ChannelName, ServerId, TagKey, Version};

/// What the decision about a server looks at besides what is known of the server.
pub(super) struct Context<'a> {
    pub(super) inputs: Inputs<'a>,
    pub(super) rows: &'a Rows<'a>,
    pub(super) channels: &'a Channels,
    /// What the servers of channels are to carry whose release is not for all of them.
    pub(super) carries: &'a Carries,
    /// What channels without a strategy wait for in which nobody passes to a release now.
    pub(super) closed: &'a ClosedHours,
    /// The roles of blue-green channels, each with whether servers of the colour that is to be active are out of sight.
    pub(super) roles: &'a ChannelRoles,
    /// The belt on rows that holds, if it does.
    pub(super) row_belt: Option<&'a str>,
    /// Sources that a belt holds.
    pub(super) source_belts: &'a SourceBelts,
}

/// What channels without a strategy wait for in which nobody passes to a release, to follow "waits for".
pub(super) type ClosedHours = BTreeMap<ChannelName, String>;

/// What the servers of channels are to carry whose release is not for all of them.
pub(super) type Carries = BTreeMap<ChannelName, Carry>;

/// The roles of blue-green channels, each with whether servers of the colour that is to be active are out of sight.
pub(super) type ChannelRoles = BTreeMap<ChannelName, (Roles, bool)>;

impl<'a> Context<'a> {
    /// The release of a channel, once this plan is applied.
    pub(super) fn release(&self, channel: &ChannelName) -> Option<&'a Version> {
        self.channels.get(channel)?.release.as_ref()
    }

    /// What a server of a channel is to carry, once this plan is applied.
    pub(super) fn wanted(
        &self,
        channel: &ChannelName,
        server: (&ServerId, &Server),
        memory: Option<&ServerMemory>,
    ) -> Wanted<'a> {
        let known = self.channels.get(channel);
        let release = known.and_then(|known| known.release.as_ref());
        let approved = known.is_some_and(|known| known.approved);
        match (self.carries.get(channel), release) {
            (Some(carry), Some(release)) => {
                carry.wanted(release, approved, server, memory, &self.inputs.policy.version_tag)
            }
            (_, version) => Wanted {
                version,
                approved,
                waits: false,
            },
        }
    }
}

/// A server's plan before the belt on unapproved changes has seen all of them.
pub(super) struct Draft<'a> {
    pub(super) plan: ServerPlan,
    /// What to remember, but for what depends on the changes that go ahead: see [`Draft::close`].
    pub(super) next: Recall<'a>,
    pub(super) before: Option<&'a ServerMemory>,
    /// The channel that it is in by this plan, where that is acted on.
    pub(super) joins: Option<ChannelName>,
    /// The row whose `tag:` cells are acted on.
    pub(super) asks: Option<&'a ServerRow>,
    /// Tags among the changes that no pair of keys approved.
    pub(super) unapproved: Vec<TagKey>,
    /// The channel that loses the server, when the sheet moves it to a channel of another version.
    pub(super) moved_from: Option<ChannelName>,
    /// The server, if the fleet shows it alive.
    pub(super) live: Option<&'a Server>,
    /// Where it moves: what a rollback of the channel that it is still tagged with changes, should a belt hold the move.
    pub(super) through: Vec<Change>,
    /// Tags whose changes the belt on unapproved changes holds.
    held: Vec<TagKey>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(joined: &Joined<'a>, channel: Option<ChannelName>) -> Self {
        let plan = ServerPlan {
            id: joined.id.clone(),
            rows: joined.rows.iter().map(|row| row.origin.row).collect(),
            source: joined.server.map(|s| s.source.clone()),
            channel,
            status: ServerStatus::InSync,
            changes: Vec::new(),
            withheld: Vec::new(),
            append: false,
            append_held: false,
            member: false,
        };
        Self {
            plan,
            next: joined.remembered(),
            before: joined.before(),
            joins: None,
            asks: None,
            unapproved: Vec::new(),
            moved_from: None,
            live: joined.live(),
            through: Vec::new(),
            held: Vec::new(),
        }
    }

    /// Makes the changes, or shows them where a pass only observes.
    pub(super) fn change(&mut self, changes: Vec<Change>, observe: bool) {
        if observe {
            self.plan.withheld = changes;
        } else {
            self.plan.changes = changes;
        }
    }

    /// Withholds what a belt on the rows holds, and lets through what it does not.
    pub(super) fn wait(&mut self, held: Vec<Change>, through: Vec<Change>, observe: bool) {
        self.plan.withheld = held;
        if !observe {
            let goes = |held: &Change| through.iter().any(|t| (&t.tag, &t.after) == (&held.tag, &held.after));
            self.plan.withheld.retain(|held| !goes(held));
            self.plan.changes = through;
        }
    }

    /// Whether the belt on unapproved changes holds this tag.
    pub(super) fn holds(&self, tag: &TagKey) -> bool {
        self.held.contains(tag)
    }

    /// Takes the unapproved changes out of the plan, because a belt holds them, and lets through what it does not.
    pub(super) fn hold_unapproved(&mut self, why: &str) {
        let unapproved = std::mem::take(&mut self.unapproved);
        let (held, go): (Vec<_>, Vec<_>) = std::mem::take(&mut self.plan.changes)
            .into_iter()
            .partition(|change| unapproved.contains(&change.tag));
        self.plan.changes = go;
        // A server that stays in its channel goes back with it.
        self.plan.changes.append(&mut self.through);
        self.held = held.iter().map(|change| change.tag.clone()).collect();
        self.plan.withheld.extend(held);
        self.plan.status = ServerStatus::Waiting(why.to_owned());
        // A move that waits has not been acted on: it is one in the next pass, too.
        if self.joins.is_some() && self.moved_from.is_some() {
            self.joins.clone_from(&self.moved_from);
            // Nor has a wave of the channel that it would move to taken it.
            self.plan.member = false;
            let member = self.before.and_then(|before| before.member.clone());
            if self.next.member != member {
                self.next.to_mut().member = member;
            }
        }
    }

    /// The plan, and what to remember before it is acted on, so that a killed pass leaves no drift behind; `None` when nothing
    /// of it changed.
    pub(super) fn close(mut self, inputs: Inputs<'_>) -> (ServerPlan, Option<Arc<ServerMemory>>) {
        let next = &mut self.next;
        if let Some(channel) = self.joins.filter(|joins| next.channel.as_ref() != Some(joins)) {
            let next = next.to_mut();
            // Whoever moves away leaves the rollout of the channel, for good: another server has its place.
            next.member = next.member.take().filter(|member| member.of.0 == channel);
            next.channel = Some(channel);
        }
        let tags = inputs.sheet.intent.tags.iter();
        for (column, wish) in self.asks.into_iter().flat_map(|row| tags.clone().zip(&row.tags)) {
            // A change that the belt holds must still be new, and not look like drift, when the belt lets go.
            if !self.held.contains(&column.key) && next.asked.get(&column.key) != wish.as_ref() {
                match wish {
                    Some(asked) => next.to_mut().asked.insert(column.key.clone(), asked.clone()),
                    None => next.to_mut().asked.remove(&column.key),
                };
            }
        }
        // Nor must what somebody took away look as if it had never been there: a tag that joins passes the belt.
        for tag in &self.held {
            if let Some(seen) = self.before.and_then(|before| before.seen.get(tag))
                && next.seen.get(tag) != Some(seen)
            {
                next.to_mut().seen.insert(tag.clone(), seen.clone());
            }
        }
        for change in &self.plan.changes {
            next.to_mut().meant.insert(change.tag.clone(), change.after.clone());
        }
        let memory = self.next.into_new().filter(|next| self.before != Some(next));
        (self.plan, memory.map(Arc::new))
    }
}
