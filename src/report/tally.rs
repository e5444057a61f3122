//! Counts a pass's end for the metrics: few words, none of them a server's name or a message.

use std::collections::BTreeMap;

use crate::plan::Plan;
use crate::settle::Settled;
use crate::tag::{ChannelName, Reason};

/// Statuses of servers that metrics tell apart, as they stand before the colon.
const STATUSES: [&str; 13] = [
    "contested",
    "duplicate",
    "error",
    "failed",
    "gone",
    "held",
    "in sync",
    "missing",
    "observe",
    "terminated",
    "unassigned",
    "unknown channel",
    "waiting",
];

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
            let status = settled.statuses.get(&server.id).map_or("", String::as_str);
            if server.listed() && !status.is_empty() {
                *tally
                    .servers
                    .entry((server.channel.clone(), status_word(status)))
                    .or_default() += 1;
            }
        }
        tally
    }
}

fn status_word(status: &str) -> &'static str {
    let word = status.split(':').next().unwrap_or_default();
    STATUSES.into_iter().find(|known| *known == word).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::status_word;

    #[test]
    fn a_status_is_told_by_its_first_words() {
        assert_eq!(status_word("failed: not sent: time: up"), "failed");
        assert_eq!(status_word("unknown channel"), "unknown channel");
        assert_eq!(status_word("someone's text"), "other");
    }
}
