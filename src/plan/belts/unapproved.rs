//! The safety limit on what no pair of keys approved: otherwise moving servers between channels would be a rollout with one key.

use std::collections::{BTreeMap, BTreeSet};

use super::trip::{DAY, SLACK, percent_of, share, trip};
use crate::memory::Unapproved;
use crate::plan::draft::{Context, Draft};
use crate::plan::model::Plan;
use crate::plan::policy::Belt;
use crate::tag::{ChannelName, ServerId};

/// Fewer unapproved changes than this trip nothing, however small the fleet.
const LEAST: u64 = 3;

/// Holds all unapproved changes of this pass if there are too many in 24 hours.
///
/// Gives those that go ahead and count towards the next passes of the day.
pub(in crate::plan) fn unapproved(drafts: &mut [Draft<'_>], context: &Context<'_>, plan: &mut Plan) -> Vec<Unapproved> {
    if drafts.iter().all(|d| d.unapproved.is_empty()) {
        return Vec::new();
    }
    let policy = context.inputs.policy;
    let over = too_many(drafts, context);
    if over.is_empty() {
        return tally(drafts, context);
    }
    let what = format!(
        "{} would change within 24 h without the approval of two keys (limit {}, belts.max_unapproved_change)",
        over.join("; "),
        percent_of(policy.max_unapproved_change)
    );
    let place = &context.inputs.sheet.intent.server_tab;
    if let Some(message) = trip(plan, policy, Belt::Unapproved, place, what) {
        for draft in drafts.iter_mut().filter(|d| !d.unapproved.is_empty()) {
            draft.hold_unapproved(&message);
        }
    }
    // A change that an operator let through starts a new count.
    Vec::new()
}

/// The sums that are over the limit, in words: of the fleet, and of each channel that loses servers.
fn too_many(drafts: &[Draft<'_>], context: &Context<'_>) -> Vec<String> {
    let inputs = context.inputs;
    let earlier = &inputs.memory.baselines.unapproved;
    let recent = || earlier.iter().filter(|u| inputs.now - u.at <= DAY);
    let mut all: BTreeSet<&ServerId> = recent().map(|u| &u.server).collect();
    let mut lost: BTreeMap<&ChannelName, BTreeSet<&ServerId>> = BTreeMap::new();
    for change in recent() {
        if let Some(from) = &change.from {
            lost.entry(from).or_default().insert(&change.server);
        }
    }
    let mut sizes: BTreeMap<&ChannelName, u64> = BTreeMap::new();
    for draft in drafts {
        if !draft.unapproved.is_empty() {
            all.insert(&draft.plan.id);
        }
        if let Some(from) = &draft.moved_from {
            lost.entry(from).or_default().insert(&draft.plan.id);
        } else if let (Some(channel), Some(_)) = (&draft.plan.channel, draft.live) {
            *sizes.entry(channel).or_insert(0) += 1;
        }
    }
    let limit = inputs.policy.max_unapproved_change;
    let mut over = Vec::new();
    let mut judge = |count: u64, whole: u64, of: &str| {
        let share = share(count, whole);
        if count >= LEAST && share > limit + SLACK {
            over.push(format!("{count} of {whole} servers of {of} ({})", percent_of(share)));
        }
    };
    let fleet = inputs.fleet.servers.values().filter(|s| s.state.is_live()).count();
    judge(all.len() as u64, fleet as u64, "the fleet");
    for (channel, servers) in &lost {
        let count = servers.len() as u64;
        let whole = sizes.get(*channel).copied().unwrap_or(0) + count;
        judge(count, whole, &format!("the channel {channel}"));
    }
    over
}

fn tally(drafts: &[Draft<'_>], context: &Context<'_>) -> Vec<Unapproved> {
    let counted = drafts
        .iter()
        .filter(|d| !d.unapproved.is_empty() && !d.plan.changes.is_empty());
    counted
        .map(|d| Unapproved {
            at: context.inputs.now,
            server: d.plan.id.clone(),
            from: d.moved_from.clone(),
        })
        .collect()
}
