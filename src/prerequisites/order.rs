//! Whether the channels that a strategy waits for are there: a rollout would wait for ever for one that nobody has.

use std::collections::BTreeSet;

use super::{Finding, Item};
use crate::memory::Memory;
use crate::rollout::Rollouts;
use crate::sheet::parse::Sheet;
use crate::tag::ChannelName;
use crate::text::nearest;

/// What strategies wait for that has no row and is not remembered. Nothing is said where the sheet could not be read.
#[must_use]
pub fn judge_order(rollouts: &Rollouts, sheet: Option<&Sheet>, memory: Option<&Memory>) -> Vec<Finding> {
    let Some(sheet) = sheet else { return Vec::new() };
    let rows = sheet.intent.channels.iter().map(|row| &row.channel);
    let released = memory.into_iter().flat_map(|memory| &memory.channels);
    let released = released
        .filter(|(_, known)| known.release.is_some())
        .map(|(name, _)| name);
    let known: BTreeSet<&ChannelName> = rows.chain(released).collect();
    let mut findings = Vec::new();
    for strategy in &rollouts.strategies {
        for other in strategy.after.iter().filter(|other| !known.contains(other)) {
            let message = format!(
                "waits for {other} (after), which has no row in {}, so its channels would wait for ever",
                sheet.intent.release_tab
            );
            let meant = nearest(other.as_str(), known.iter().map(|name| name.as_str()));
            let fix = match meant {
                Some(meant) => format!("name {meant} in after, or add a row for {other}"),
                None => format!("take {other} out of after, or add a row for it"),
            };
            let place = format!("strategy {}", strategy.name);
            findings.push(Finding::note(Item::Order, place, message).fix(fix));
        }
    }
    findings
}
