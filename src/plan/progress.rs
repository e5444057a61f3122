//! How far a release has come: which servers it concerns, which carry it, and which stay behind.

use std::collections::BTreeMap;

use super::draft::{Context, Draft};
use super::model::{Plan, ServerStatus, Tone};
use super::policy::Belt;
use crate::tag::{ChannelName, ServerId, Version};

/// How far one release has come.
#[derive(Default)]
struct Progress {
    concerned: u64,
    carrying: u64,
    unseen: u64,
    held: u64,
    rowless: u64,
    late: u64,
    /// Whether the belt on unapproved changes holds a version.
    held_back: bool,
    behind: Vec<ServerId>,
}

/// Counts, for each channel, the servers that its release concerns and those that carry it.
pub(super) fn count(drafts: &[Draft<'_>], context: &Context<'_>, plan: &mut Plan) {
    let mut counts: BTreeMap<&ChannelName, Progress> = BTreeMap::new();
    for draft in drafts {
        if let Some(channel) = &draft.plan.channel {
            one(draft, channel, context, counts.entry(channel).or_default());
        }
    }
    for channel in &mut plan.channels {
        let Some(progress) = counts.remove(&channel.name) else {
            continue;
        };
        channel.concerned = progress.concerned;
        channel.carrying = progress.carrying;
        channel.unseen = progress.unseen;
        channel.held = progress.held;
        channel.rowless = progress.rowless;
        if let (1.., Some(what)) = (progress.late, context.closed.get(&channel.name)) {
            let verb = if progress.late == 1 { "waits" } else { "wait" };
            channel
                .status
                .push_str(&format!("; {} {verb} for {what}", progress.late));
            if channel.tone == Tone::Good {
                channel.tone = Tone::Waiting;
            }
        }
        if progress.held_back
            && let Some(rollout) = channel.rollout.as_mut().filter(|rollout| rollout.why.is_empty())
        {
            rollout.why = format!("waits for the belt {}", Belt::Unapproved.word());
            channel.status = rollout.status(rollout.carrying);
        }
        if channel.moved.is_some() {
            channel.left_behind = progress.behind;
        }
    }
}

fn one(draft: &Draft<'_>, channel: &ChannelName, context: &Context<'_>, progress: &mut Progress) {
    let (id, tag) = (&draft.plan.id, &context.inputs.policy.version_tag);
    let unseen = draft.live.is_none() && draft.plan.status == ServerStatus::AsIs;
    let carries = match draft.live {
        Some(server) => server.tag(tag),
        // A server that cannot be seen must not count as done.
        None if unseen => draft.before.and_then(|m| m.seen.get(tag)),
        None => return,
    };
    // Those whose rows were lost wait for them.
    progress.rowless += u64::from(!draft.plan.listed() && context.row_belt.is_none());
    let wanted = context.release(channel);
    let behind = wanted.is_none() || carries.map(|v| &**v) != wanted.map(Version::as_str);
    match draft.plan.status {
        ServerStatus::Held => {
            progress.held += 1;
            if behind {
                progress.behind.push(id.clone());
            }
        }
        ServerStatus::Duplicate => {}
        _ => {
            progress.held_back |= draft.holds(tag);
            progress.concerned += 1;
            progress.carrying += u64::from(!behind);
            progress.unseen += u64::from(unseen);
            progress.late += u64::from(matches!(draft.plan.status, ServerStatus::WaitsForWindow(_)));
        }
    }
}
