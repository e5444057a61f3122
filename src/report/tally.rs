//! Counts a pass's end for the metrics: few words, none of them a server's name or a message.

use std::collections::BTreeMap;

use crate::plan::{By, ChannelPlan, Moved, Plan};
use crate::settle::Settled;
use crate::tag::{ChannelName, Reason};

/// How a rollout may end.
pub const ROLLOUT_ENDINGS: [&str; 4] = ["done", "rolled_back", "auto_rolled_back", "taken_back"];

/// What a pass found and did, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Servers by channel (blank: none) and status.
    pub servers: BTreeMap<(Option<ChannelName>, &'static str), u64>,
    /// Tags changed, by reason.
    pub changes: BTreeMap<&'static str, u64>,
    /// Tags that somebody else had changed, whether they were put back or not.
    pub drift: u64,
    /// Rollouts that ended, by how they did.
    pub rollouts: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(super) fn of(plan: &Plan, settled: &Settled) -> Self {
        let mut tally = Self::default();
        for server in &plan.servers {
            let drifted = server.changes.iter().chain(&server.withheld);
            tally.drift += drifted.filter(|change| change.reason == Reason::Drift).count() as u64;
            if settled.written.contains(&server.id) {
                for change in &server.changes {
                    *tally.changes.entry(change.reason.word()).or_default() += 1;
                }
            }
            if let Some(status) = settled.statuses.get(&server.id) {
                let key = (server.channel.clone(), status.word.word());
                *tally.servers.entry(key).or_default() += 1;
            }
        }
        for ending in plan.channels.iter().filter_map(ending) {
            *tally.rollouts.entry(ending).or_default() += 1;
        }
        tally
    }
}

/// How the rollout of a channel ended in this pass, if it did: one of [`ROLLOUT_ENDINGS`].
fn ending(channel: &ChannelPlan) -> Option<&'static str> {
    if !channel.rolled || channel.rollout.is_some() {
        return None;
    }
    let [done, by_tick, by_gate, by_keys] = ROLLOUT_ENDINGS;
    Some(match &channel.moved {
        Some(Moved::Rollback { by: By::Tick, .. }) => by_tick,
        Some(Moved::Rollback { by: By::Gate, .. }) => by_gate,
        Some(Moved::Rollback { by: By::Keys, .. }) => by_keys,
        _ => done,
    })
}
