//! A server's plan while the belts have not yet seen all of them, and what is remembered of it once they have.

use std::borrow::Cow;

use super::inputs::Inputs;
use super::joined::{Channels, Joined, Recall, Rows};
use super::model::{ServerPlan, ServerStatus};
use crate::fleet::Source;
use crate::memory::ServerMemory;
use crate::sheet::intent::ServerRow;
use crate::tag::{Change, ChannelName, TagKey, Version};

/// What the decision about a server looks at besides what is known of the server.
pub(super) struct Context<'a> {
    pub(super) inputs: Inputs<'a>,
    pub(super) rows: &'a Rows<'a>,
    pub(super) channels: &'a Channels,
    /// The belt on rows that holds, if it does.
    pub(super) row_belt: Option<&'a str>,
    /// Sources that a belt holds.
    pub(super) source_belts: &'a [Source],
}

impl Context<'_> {
    /// The version that the servers of a channel are to carry, once this plan is applied.
    pub(super) fn wanted(&self, channel: &ChannelName) -> Option<&Version> {
        self.channels.get(channel)?.release.as_ref()
    }
}

/// A server's plan before the belt on unapproved changes has seen all of them.
pub(super) struct Draft<'a> {
    pub(super) plan: ServerPlan,
    /// What to remember, but for what depends on the changes that go ahead: see [`Draft::close`].
    pub(super) next: Recall<'a>,
    before: Option<&'a ServerMemory>,
    /// The channel that it is in by this plan, where that is acted on.
    pub(super) joins: Option<ChannelName>,
    /// The row whose `tag:` cells are acted on.
    pub(super) asks: Option<&'a ServerRow>,
    /// Tags among the changes that no pair of keys approved.
    pub(super) unapproved: Vec<TagKey>,
    /// The channel that loses the server, when the sheet moves it to a channel of another version.
    pub(super) moved_from: Option<ChannelName>,
    /// Whether the fleet shows it alive.
    pub(super) live: bool,
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
        };
        Self {
            plan,
            next: joined.remembered(),
            before: joined.memory,
            joins: None,
            asks: None,
            unapproved: Vec::new(),
            moved_from: None,
            live: joined.live().is_some(),
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

    /// Takes the unapproved changes out of the plan, because a belt holds them.
    pub(super) fn hold_unapproved(&mut self, why: &str) {
        let unapproved = std::mem::take(&mut self.unapproved);
        let (held, go): (Vec<_>, Vec<_>) = std::mem::take(&mut self.plan.changes)
            .into_iter()
            .partition(|change| unapproved.contains(&change.tag));
        self.plan.changes = go;
        self.held = held.iter().map(|change| change.tag.clone()).collect();
        self.plan.withheld.extend(held);
        self.plan.status = ServerStatus::Waiting(why.to_owned());
        // A move that waits has not been acted on: it is one in the next pass, too.
        if self.joins.is_some() && self.moved_from.is_some() {
            self.joins.clone_from(&self.moved_from);
        }
    }

    /// The plan, and what to remember before it is acted on, so that a killed pass leaves no drift behind; `None` when nothing
    /// of it changed.
    pub(super) fn close(mut self, inputs: Inputs<'_>) -> (ServerPlan, Option<ServerMemory>) {
        let next = &mut self.next;
        if let Some(channel) = self.joins.filter(|joins| next.channel.as_ref() != Some(joins)) {
            next.to_mut().channel = Some(channel);
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
        let memory = match self.next {
            Cow::Owned(next) if self.before != Some(&next) => Some(next),
            _ => None,
        };
        (self.plan, memory)
    }
}
