//! Counts a pass's end for the metrics: few words, none of them a server's name or a message.

use std::collections::BTreeMap;

use crate::plan::Plan;
use crate::settle::Settled;
use crate::tag::{ChannelName, Reason};

/// What a pass found and did, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Servers by channel (blank: none) and status.
    pub servers: BTreeMap<(Option<ChannelName>, &'static str), u64>,
    /// Tags changed, by reason.
    pub changes: BTreeMap<&'static str, u64>,
    /// Tags that somebody else had changed, whether they were put back or not.
    pub drift: u64,
}

impl Tally {
    pub(super) fn of(plan: &Plan, settled: &Settled) -> Self {
        let mut tally = Self::default();
        for server in &plan.servers {
            let drifted = server.changes.iter().chain(&server.withheld);
            tally.drift += drifted.filter(|change| change.reason == Reason::Drift).count() as u64;
            // Only servers whose change succeeded are remembered by the settlement.
            if settled.update.servers.contains_key(&server.id) {
                for change in &server.changes {
                    *tally.changes.entry(change.reason.word()).or_default() += 1;
                }
            }
            if let Some(status) = settled.statuses.get(&server.id) {
                let key = (server.channel.clone(), status.word.word());
                *tally.servers.entry(key).or_default() += 1;
            }
        }
        tally
    }
}
