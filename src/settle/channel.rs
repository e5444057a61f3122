//! The line of a channel: its status with the progress of its servers, as report and sheet show it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fleet::{Outcome, Outcomes};
use crate::plan::{AgentCounts, ChannelPlan, Moved, Plan, RolloutPlan, ServerStatus, State, Tone};
use crate::tag::{Cells, Change, ChannelName, ServerId, TagKey, Version};
use crate::text::plain;

/// A channel as the report and the sheet show it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelLine {
    /// Its name.
    pub name: ChannelName,
    /// The version in force.
    pub release: String,
    /// What a rollback would return to.
    pub previous: String,
    /// The whole status.
    pub status: String,
    /// How it reads.
    pub tone: Tone,
    /// How the release moves in this pass, in words; empty when it does not.
    pub moved: String,
    /// Servers that stay behind because they are held, when the release moved.
    pub left_behind: Vec<ServerId>,
    /// What the agents on its servers say.
    pub agents: AgentCounts,
    /// Its state; `None` when no rule was asked, because the pass was stopped before.
    pub state: Option<State>,
    /// What the cell of key A names; blank when it is blank, `None` when it cannot be read or is not there.
    pub desired_a: Option<Arc<str>>,
    /// The same of key B.
    pub desired_b: Option<Arc<str>>,
    /// Servers that carry the release by now.
    pub carrying: u64,
    /// Those of them that got it in this pass.
    pub followed: u64,
    /// Servers that it concerns.
    pub concerned: u64,
    /// Servers whose change of version failed.
    pub failed: u64,
    /// Why most of them failed; blank when none did.
    pub cause: String,
    /// Live servers that somebody holds.
    pub held: u64,
    /// Servers whose account and region did not answer; they are among the concerned.
    pub unseen: u64,
    /// The rollout under way.
    pub rollout: Option<RolloutPlan>,
    /// Whether servers may pass to a new version now, by windows and freezes.
    pub open: bool,
}

/// What became of a channel's servers in this pass.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// Those that have got its version.
    pub(super) done: u64,
    /// Those of them that a wave has taken.
    pub(super) members: u64,
    /// Those that have left it: servers that no wave has taken, and that somebody else had set to it.
    pub(super) left: u64,
    /// Those that failed to get it.
    pub(super) failed: u64,
}

/// What became of each channel's servers.
pub(super) fn progress<'p>(
    plan: &'p Plan,
    version_tag: &TagKey,
    outcomes: Option<&Outcomes>,
) -> BTreeMap<&'p ChannelName, Progress> {
    let mut progress: BTreeMap<_, Progress> = BTreeMap::new();
    let releases: BTreeMap<&ChannelName, Option<&Version>> = plan
        .channels
        .iter()
        .map(|channel| (&channel.name, channel.release.as_ref()))
        .collect();
    for server in &plan.servers {
        let Some(channel) = &server.channel else { continue };
        // What goes to the former version of a rollout is no progress of the release.
        let release = releases.get(channel).copied().flatten();
        let is_release = |version: &str| release.is_some_and(|release| *version == *release.as_str());
        let of_version = |changes: &[Change], is: &dyn Fn(&Change) -> bool| {
            changes.iter().any(|change| change.tag == *version_tag && is(change))
        };
        let moves = |changes: &[Change]| of_version(changes, &|change| is_release(&change.after));
        let leaves = |change: &Change| change.before.as_deref().is_some_and(is_release);
        if matches!(server.status, ServerStatus::Refused(_)) && moves(&server.withheld) {
            progress.entry(channel).or_default().failed += 1;
        }
        let outcome = outcomes.and_then(|all| all.get(&server.id));
        if outcome == Some(&Outcome::Done) && of_version(&server.changes, &leaves) {
            progress.entry(channel).or_default().left += 1;
        }
        if let (Some(outcome), true) = (outcome, moves(&server.changes)) {
            let counts = progress.entry(channel).or_default();
            let is_done = *outcome == Outcome::Done;
            counts.done += u64::from(is_done);
            counts.members += u64::from(is_done && server.member);
            counts.failed += u64::from(!is_done);
        }
    }
    progress
}

/// A channel's line, with what became of its servers.
pub(super) fn line(channel: &ChannelPlan, progress: Progress) -> ChannelLine {
    let failed = progress.failed;
    let mut rollout = channel.rollout.clone();
    if let Some(rollout) = &mut rollout {
        rollout.followed(progress.members);
    }
    let said = match &rollout {
        Some(rollout) if channel.state != State::Observe => rollout.status(rollout.carrying),
        _ => channel.status.clone(),
    };
    // It may quote who else may edit a key.
    let mut status = plain(&said);
    let carrying = (channel.carrying + progress.done).saturating_sub(progress.left);
    if let Some(release) = channel.release.as_ref().filter(|_| carrying < channel.concerned) {
        status.push_str(&format!(" · {carrying}/{} on {release}", channel.concerned));
    }
    if failed > 0 {
        status.push_str(&format!(" · {failed} failed"));
    }
    if channel.rowless > 0 {
        status.push_str(&format!(" · {} without a row", channel.rowless));
    }
    if let Some(release) = channel.release.as_ref().filter(|_| channel.agents.with_agent > 0) {
        let AgentCounts {
            with_agent, running, ..
        } = channel.agents;
        status.push_str(&format!(" · {running}/{with_agent} run {release}"));
    }
    if channel.agents.in_trouble > 0 {
        status.push_str(&format!(" · {} in trouble", channel.agents.in_trouble));
    }
    let text = |version: &Option<Version>| version.as_ref().map(ToString::to_string).unwrap_or_default();
    let moved = match &channel.moved {
        None => String::new(),
        Some(Moved::Promotion { from: Some(from), to }) => format!("promotion {from} → {to}"),
        Some(Moved::Promotion { from: None, to }) => format!("first release {to}"),
        Some(Moved::Rollback { from, to: Some(to), .. }) => format!("rollback {from} → {to}"),
        Some(Moved::Rollback { from, to: None, .. }) => format!("rollback from {from}"),
    };
    ChannelLine {
        name: channel.name.clone(),
        release: text(&channel.release),
        previous: text(&channel.previous),
        status,
        tone: if failed > 0 || channel.agents.in_trouble > 0 {
            Tone::Bad
        } else {
            channel.tone
        },
        moved,
        left_behind: channel.left_behind.clone(),
        agents: channel.agents,
        carrying,
        followed: progress.done,
        concerned: channel.concerned,
        failed,
        cause: String::new(),
        state: Some(channel.state),
        desired_a: channel.desired_a.clone(),
        desired_b: channel.desired_b.clone(),
        held: channel.held,
        unseen: channel.unseen,
        rollout,
        open: channel.open,
    }
}

/// What its row is to show.
pub(super) fn cells(line: &ChannelLine) -> Cells {
    let shown = [
        ("releaseVersion", &line.release),
        ("previousVersion", &line.previous),
        ("status", &line.status),
    ];
    let cells = shown.into_iter();
    cells
        .map(|(header, text)| (header.into(), text.as_str().into()))
        .collect()
}
