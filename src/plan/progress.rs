//! How far a release has come: which servers it concerns, which carry it, and which stay behind.

use std::collections::BTreeMap;

use super::draft::{Context, Draft};
use super::model::{AgentCounts, ChannelPlan, Happening, Plan, ServerStatus, Tone};
use super::policy::Belt;
use crate::memory::ChannelMemory;
use crate::tag::{ChannelName, ServerId, Version};
use crate::text::{called, few};

/// So many servers in trouble are named.
const NAMED: usize = 3;

/// How far one release has come.
#[derive(Default)]
struct Progress {
    concerned: u64,
    carrying: u64,
    unseen: u64,
    held: u64,
    rowless: u64,
    late: u64,
    agents: AgentCounts,
    /// Those in trouble, and what their agents say.
    troubled: Vec<(String, String)>,
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
    let mut told = Vec::new();
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
        channel.agents = progress.agents;
        told.extend(trouble(channel, &progress.troubled, context));
    }
    for (happening, channel, memory) in told {
        plan.happenings.push(happening);
        plan.update.channels.insert(channel, memory);
    }
}

/// That servers have come to trouble with a release: told once for a channel and version.
fn trouble(
    channel: &ChannelPlan,
    troubled: &[(String, String)],
    context: &Context<'_>,
) -> Option<(Happening, ChannelName, ChannelMemory)> {
    let release = channel.release.as_ref()?;
    let known = context.channels.get(&channel.name)?;
    if troubled.is_empty() || known.troubled.as_ref() == Some(release) || context.inputs.policy.observe {
        return None;
    }
    let named = troubled.iter().map(|(server, says)| format!("{server}: {says}"));
    let named: Vec<String> = named.collect();
    let happening = Happening {
        channel: channel.name.to_string(),
        event: "trouble",
        from: String::new(),
        to: release.to_string(),
        detail: format!(
            "{} of {} with an agent in trouble: {}",
            troubled.len(),
            channel.agents.with_agent,
            few(named.iter().map(String::as_str), NAMED)
        ),
    };
    let memory = ChannelMemory {
        troubled: Some(release.clone()),
        ..known.clone()
    };
    Some((happening, channel.name.clone(), memory))
}

impl Progress {
    /// Counts what the agent of a server says.
    fn listen(&mut self, draft: &Draft<'_>, release: Option<&Version>, behind: bool, context: &Context<'_>) {
        let Context { inputs, .. } = context;
        let says = draft.live.and_then(|live| inputs.policy.agents.read(live, inputs.now));
        let (Some(says), Some(release), Some(live)) = (says, release, draft.live) else {
            return;
        };
        self.agents.with_agent += 1;
        self.agents.running += u64::from(says.runs(release.as_str()));
        self.agents.silent += u64::from(says.is_silent());
        if !behind && says.is_in_trouble(release.as_str()) {
            self.agents.in_trouble += 1;
            let word = says.word().unwrap_or_default();
            self.troubled.push((called(draft.plan.id.as_str(), live.name()), word));
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
            progress.listen(draft, wanted, behind, context);
            progress.late += u64::from(matches!(draft.plan.status, ServerStatus::WaitsForWindow(_)));
        }
    }
}
