//! Which tags of a live server are to change, why, and which of the changes no pair of keys approved.

use std::sync::Arc;

use super::Context;
use crate::fleet::Server;
use crate::memory::{Move, ServerMemory};
use crate::sheet::parse::ServerRow;
use crate::tag::{Change, ChannelName, Reason, TagKey};

/// What is to change on a live server, and why.
pub(super) fn changes(
    server: &Server,
    channel: &ChannelName,
    row: Option<&ServerRow>,
    memory: Option<&ServerMemory>,
    moved: bool,
    context: &Context<'_>,
) -> Vec<Change> {
    let policy = context.policy;
    let decided = context.channels.get(channel);
    let mut changes = Vec::new();
    if server.tag(&policy.channel_tag).map(|v| &**v) != Some(channel.as_str()) {
        let ours = memory.is_none_or(|m| is_ours(m, &policy.channel_tag, server));
        let otherwise = if moved || ours { Reason::Channel } else { Reason::Drift };
        changes.push(change(
            server,
            &policy.channel_tag,
            channel.as_str().into(),
            memory,
            otherwise,
        ));
    }
    if let Some(release) = decided.and_then(|c| c.release.as_ref())
        && server.tag(&policy.version_tag).map(|v| &**v) != Some(release.as_str())
    {
        let late = match decided.map(|c| c.moved) {
            Some(Move::Rollback) => Reason::Rollback,
            _ => Reason::Release,
        };
        let expected = memory.is_none_or(|m| is_ours(m, &policy.version_tag, server));
        let otherwise = if moved {
            Reason::Channel
        } else if expected {
            late
        } else {
            Reason::Drift
        };
        let after = release.as_str().into();
        changes.push(change(server, &policy.version_tag, after, memory, otherwise));
    }
    let wishes = row
        .into_iter()
        .flat_map(|row| context.sheet.servers.tags.iter().zip(&row.tags));
    let mut asked = Vec::new();
    for (column, wish) in wishes {
        let Some(wish) = wish else { continue };
        if server.tag(&column.key) != Some(wish) {
            let asked_before = memory.is_some_and(|m| m.wished.get(&column.key) == Some(wish));
            let ours = memory.is_some_and(|m| is_ours(m, &column.key, server));
            let otherwise = if asked_before && !ours {
                Reason::Drift
            } else {
                Reason::Tag
            };
            asked.push(change(server, &column.key, wish.clone(), memory, otherwise));
        }
    }
    // Columns may stand in any order.
    asked.sort_by(|a, b| a.tag.cmp(&b.tag));
    changes.extend(asked);
    changes
}

/// Whether a tag is as it was last seen, written or meant: then nobody else changed it.
fn is_ours(memory: &ServerMemory, tag: &TagKey, server: &Server) -> bool {
    let now = server.tag(tag);
    (memory.seen.is_empty() && memory.meant.is_empty())
        || memory.seen.get(tag) == now
        || (now.is_some() && memory.meant.get(tag) == now)
}

fn change(server: &Server, tag: &TagKey, after: Arc<str>, memory: Option<&ServerMemory>, otherwise: Reason) -> Change {
    let before = server.tag(tag).cloned();
    let reason = match &before {
        // A tag that was there and is not any more was taken away by somebody.
        None if memory.is_some_and(|m| m.seen.contains_key(tag)) => Reason::Drift,
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

/// Which of the changes no pair of keys approved.
pub(super) fn unapproved(changes: &[Change], channel: &ChannelName, moved: bool, context: &Context<'_>) -> Vec<TagKey> {
    let policy = context.policy;
    let decided = context.channels.get(channel);
    let adopted = decided.is_some_and(|c| !c.approved);
    let other_version = moved
        && changes
            .iter()
            .any(|c| c.tag == policy.version_tag && c.before.is_some());
    let counts = |change: &&Change| {
        if change.reason == Reason::Join {
            false
        } else if change.tag == policy.version_tag || change.tag == policy.channel_tag {
            let correction =
                change.tag == policy.version_tag && matches!(change.reason, Reason::Release | Reason::Drift);
            other_version || (adopted && correction)
        } else {
            change.reason == Reason::Tag
        }
    };
    changes.iter().filter(counts).map(|c| c.tag.clone()).collect()
}
