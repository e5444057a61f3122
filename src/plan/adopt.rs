//! First contact: the release of a channel that the store does not know is what most of its servers carry, never a cell.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::joined::{Joined, Rows};
use super::policy::Policy;
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

/// Counts for each channel of the sheet.
pub(super) fn carried(servers: &[Joined<'_>], rows: &Rows<'_>, policy: &Policy) -> BTreeMap<ChannelName, Carried> {
    let mut all: BTreeMap<&str, Carried> = BTreeMap::new();
    for joined in servers {
        let Some(server) = joined.live() else { continue };
        let Some(version) = server.tag(&policy.version_tag) else {
            continue;
        };
        let channel = match joined.rows.first() {
            Some(_) if joined.disagree() => None,
            Some(row) => row.channel.as_ref().map(ChannelName::as_str),
            None => server.tag(&policy.channel_tag).map(|c| &**c),
        };
        if let Some(channel) = channel {
            *all.entry(channel).or_default().0.entry(version.clone()).or_insert(0) += 1;
        }
    }
    rows.keys()
        .filter_map(|name| all.remove(name.as_str()).map(|carried| ((*name).clone(), carried)))
        .collect()
}
