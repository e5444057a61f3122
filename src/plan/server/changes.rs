//! Which tags of a live server are to change, why, and which of the changes no pair of keys approved.

use std::sync::Arc;

use crate::fleet::Server;
use crate::memory::{Move, ServerMemory};
use crate::plan::draft::Context;
use crate::plan::rollout::Wanted;
use crate::sheet::intent::ServerRow;
use crate::tag::{Change, ChannelName, Reason, ServerId, TagKey};

/// A live server, and the channel whose tags it is to carry.
pub(super) struct Case<'a> {
    pub(super) id: &'a ServerId,
    pub(super) server: &'a Server,
    pub(super) channel: &'a ChannelName,
    /// Its row, where `tag:` cells may stand.
    pub(super) row: Option<&'a ServerRow>,
    pub(super) memory: Option<&'a ServerMemory>,
    /// Whether the sheet moves it here from another channel.
    pub(super) moved: bool,
}

impl Case<'_> {
    /// What is to change, and why: the channel tag, the version tag, then the tags that the sheet asks for.
    pub(super) fn changes(&self, context: &Context<'_>) -> Vec<Change> {
        let mut asked = self.asked(context);
        // Columns may stand in any order.
        asked.sort_by(|a, b| a.tag.cmp(&b.tag));
        let ours = self.channel_tag(context).into_iter().chain(self.version_tag(context));
        let ours = ours.chain(self.role_tag(context));
        ours.chain(asked).collect()
    }

    fn channel_tag(&self, context: &Context<'_>) -> Option<Change> {
        let tag = &context.inputs.policy.channel_tag;
        if self.carries(tag, self.channel.as_str()) {
            return None;
        }
        let ours = self.memory.is_none_or(|m| self.is_ours(m, tag));
        let otherwise = if self.moved || ours {
            Reason::Channel
        } else {
            Reason::Drift
        };
        Some(self.change(tag, self.channel.as_str().into(), otherwise))
    }

    fn version_tag(&self, context: &Context<'_>) -> Option<Change> {
        let tag = &context.inputs.policy.version_tag;
        let wanted = self.wanted(context).version?.as_str();
        let roles = context.roles.get(self.channel);
        if roles.is_some_and(|(roles, _)| roles.keeps_version(self.server)) {
            return None;
        }
        if self.carries(tag, wanted) {
            return None;
        }
        let otherwise = if self.moved {
            Reason::Channel
        } else if self.memory.is_some_and(|m| !self.is_ours(m, tag)) {
            Reason::Drift
        } else if context.channels.get(self.channel).map(|c| c.moved) == Some(Move::Rollback) {
            Reason::Rollback
        } else {
            Reason::Release
        };
        Some(self.change(tag, wanted.into(), otherwise))
    }

    /// The role tag of a blue-green channel.
    fn role_tag(&self, context: &Context<'_>) -> Option<Change> {
        let (roles, _) = context.roles.get(self.channel)?;
        let memory = self.memory.filter(|_| !self.moved);
        let version = (&context.inputs.policy.version_tag, self.wanted(context).version);
        let carry = context.carries.get(self.channel);
        let wanted = roles.wanted((self.id, self.server), memory, carry, version)?;
        let tag = roles.tag();
        let otherwise = if self.moved {
            Reason::Channel
        } else if self.memory.is_some_and(|m| !self.is_ours(m, tag)) {
            Reason::Drift
        } else if context.channels.get(self.channel).map(|c| c.moved) == Some(Move::Rollback) {
            Reason::Rollback
        } else {
            Reason::Release
        };
        Some(self.change(tag, wanted.into(), otherwise))
    }

    /// What it is to carry. What it carried in another channel says nothing about this one's rollout.
    pub(super) fn wanted<'c>(&self, context: &Context<'c>) -> Wanted<'c> {
        context.wanted(
            self.channel,
            (self.id, self.server),
            self.memory.filter(|_| !self.moved),
        )
    }

    fn asked(&self, context: &Context<'_>) -> Vec<Change> {
        let columns = &context.inputs.sheet.intent.tags;
        let wishes = self.row.into_iter().flat_map(|row| columns.iter().zip(&row.tags));
        let mut asked = Vec::new();
        for (column, wish) in wishes {
            let Some(wish) = wish.as_ref().filter(|wish| !self.carries(&column.key, wish)) else {
                continue;
            };
            let drifted = |m: &ServerMemory| m.asked.get(&column.key) == Some(wish) && !self.is_ours(m, &column.key);
            let otherwise = if self.memory.is_some_and(drifted) {
                Reason::Drift
            } else {
                Reason::Tag
            };
            asked.push(self.change(&column.key, wish.clone(), otherwise));
        }
        asked
    }

    fn carries(&self, tag: &TagKey, value: &str) -> bool {
        self.server.tag(tag).is_some_and(|now| **now == *value)
    }

    /// Whether a tag is as it was last seen, written or meant: then nobody else changed it.
    fn is_ours(&self, memory: &ServerMemory, tag: &TagKey) -> bool {
        let now = self.server.tag(tag);
        (memory.seen.is_empty() && memory.meant.is_empty())
            || memory.seen.get(tag) == now
            || (now.is_some() && memory.meant.get(tag) == now)
    }

    fn change(&self, tag: &TagKey, after: Arc<str>, otherwise: Reason) -> Change {
        let before = self.server.tag(tag).cloned();
        let reason = match &before {
            // Somebody removed a tag that was there.
            None if self.memory.is_some_and(|m| m.seen.contains_key(tag)) => Reason::Drift,
            None => Reason::Join,
            Some(_) => otherwise,
        };
        Change {
            tag: tag.clone(),
            before,
            after,
            reason,
        }
    }
}

/// Which of the changes no pair of keys approved.
pub(super) fn unapproved(changes: &[Change], case: &Case<'_>, context: &Context<'_>) -> Vec<TagKey> {
    let policy = context.inputs.policy;
    let adopted = context.channels.contains_key(case.channel) && !case.wanted(context).approved;
    let version = changes.iter().find(|c| c.tag == policy.version_tag);
    let other_version = case.moved && version.is_some_and(|c| c.before.is_some());
    let counts = |change: &&Change| {
        if change.reason == Reason::Join {
            false
        } else if change.tag == policy.version_tag {
            other_version || (adopted && matches!(change.reason, Reason::Release | Reason::Drift))
        } else if change.tag == policy.channel_tag {
            other_version
        } else {
            change.reason == Reason::Tag
        }
    };
    changes.iter().filter(counts).map(|c| c.tag.clone()).collect()
}
