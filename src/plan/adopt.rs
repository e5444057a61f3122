//! First contact: the release of a channel that the store does not know is what most of its servers carry, never a cell.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::inputs::Inputs;
use super::joined::{Joined, Rows};
use crate::tag::{ChannelName, Version};
use crate::text::plain;

/// How many live servers of a channel carry which version tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Carried(BTreeMap<Arc<str>, u64>);

impl Carried {
    /// The version that more than half of the version-carrying servers carry.
    pub(super) fn majority(&self) -> Option<Version> {
        let total: u64 = self.0.values().sum();
        let (text, _) = self.0.iter().find(|(_, count)| **count * 2 > total)?;
        Version::parse(text).ok().filter(|version| version.as_str() == &**text)
    }

    /// Whether there are several.
    pub(super) fn is_mixed(&self) -> bool {
        self.0.len() > 1
    }

    /// Whether they are just these two.
    pub(super) fn are(&self, one: &Version, other: &Version) -> bool {
        self.0.len() == 2 && [one, other].iter().all(|version| self.0.contains_key(version.as_str()))
    }

    /// The counts in words, most first: `1.4.2 on 1490, 1.4.1 on 10`.
    pub(super) fn words(&self) -> String {
        if self.0.is_empty() {
            return "no server carries a version".into();
        }
        let mut counts: Vec<_> = self.0.iter().collect();
        counts.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let shown: Vec<String> = counts
            .iter()
            .take(5)
            .map(|(version, count)| format!("{} on {count}", plain(version)))
            .collect();
        let more = if counts.len() > 5 {
            format!(" and {} more versions", counts.len() - 5)
        } else {
            String::new()
        };
        format!("servers carry {}{more}", shown.join(", "))
    }
}

/// Counts for each channel of the sheet that has no release.
pub(super) fn carried(known: &[Joined<'_>], rows: &Rows<'_>, inputs: Inputs<'_>) -> BTreeMap<ChannelName, Carried> {
    let Inputs { memory, policy, .. } = inputs;
    let released = |name: &ChannelName| memory.channels.get(name).is_some_and(|known| known.release.is_some());
    // A takeover knows none.
    let wanted = rows.keys().filter(|name| policy.takeover || !released(name));
    let mut all: BTreeMap<&str, Carried> = wanted.map(|name| (name.as_str(), Carried::default())).collect();
    if all.is_empty() {
        return BTreeMap::new();
    }
    for joined in known {
        let Some(server) = joined.live() else { continue };
        let Some(version) = server.tag(&policy.version_tag) else {
            continue;
        };
        let channel = match joined.rows.first() {
            Some(_) if joined.disagree() => None,
            Some(row) => row.channel.as_ref().map(ChannelName::as_str),
            None => server.tag(&policy.channel_tag).map(|c| &**c),
        };
        if let Some(carried) = channel.and_then(|channel| all.get_mut(channel)) {
            *carried.0.entry(version.clone()).or_insert(0) += 1;
        }
    }
    let some = |name: &&ChannelName| Some(((*name).clone(), all.remove(name.as_str())?));
    let counted = rows.keys().filter_map(some);
    counted.filter(|(_, carried)| !carried.0.is_empty()).collect()
}
