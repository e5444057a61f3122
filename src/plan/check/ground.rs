//! The servers that a rollout is about, counted from the fleet and the rows alone.

use std::collections::BTreeSet;

use super::evidence::Evidence;
use crate::fleet::Source;
use crate::memory::{ServerMemory, StartedWave};
use crate::rollout::Size;
use crate::sheet::intent::Tick;
use crate::tag::{ChannelName, ServerId};

/// One server.
pub(super) struct Spot<'a> {
    pub(super) id: &'a ServerId,
    pub(super) carries: Option<&'a str>,
    pub(super) memory: Option<&'a ServerMemory>,
    /// Whether its version was refused, or is contested.
    pub(super) stuck: bool,
    canary: bool,
}

/// The servers of a channel that are live, seen, not held, and in one channel.
pub(super) struct Ground<'a> {
    pub(super) sites: Vec<Spot<'a>>,
    /// Accounts and regions with servers of it that did not answer.
    pub(super) silent: BTreeSet<&'a Source>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(evidence: &Evidence<'a>, channel: &ChannelName) -> Self {
        let given = evidence.given;
        let policy = given.policy;
        let mut sites = Vec::new();
        for (id, server) in &given.fleet.servers {
            if !server.state.is_live() {
                continue;
            }
            let memory = given.memory.servers.get(id).map(|memory| &**memory);
            let remembered = memory.is_some_and(|m| m.held);
            let rows = evidence.server_rows.get(id).map_or(&[][..], Vec::as_slice);
            let tag = server.tag(&policy.channel_tag).map(|tag| &**tag);
            let here = if rows.is_empty() {
                tag == Some(channel.as_str()) && !remembered
            } else {
                let agree = rows.iter().all(|row| {
                    (row.channel.as_ref(), row.hold, &row.tags)
                        == (rows[0].channel.as_ref(), rows[0].hold, &rows[0].tags)
                });
                let held = rows.iter().any(|row| match row.hold {
                    Some(Tick::On) => true,
                    Some(Tick::Off) => false,
                    Some(Tick::Unreadable) | None => remembered,
                });
                agree
                    && !held
                    && rows
                        .iter()
                        .all(|row| !row.unreadable && row.channel.as_ref() == Some(channel))
            };
            if !here {
                continue;
            }
            let stuck = |m: &ServerMemory| {
                m.refused
                    .as_ref()
                    .is_some_and(|refused| refused.tags.contains_key(&policy.version_tag))
                    || m.repeats
                        .get(&policy.version_tag)
                        .is_some_and(|repeat| repeat.count >= 3)
            };
            sites.push(Spot {
                id,
                carries: server.tag(&policy.version_tag).map(|version| &**version),
                memory,
                stuck: memory.is_some_and(stuck),
                canary: rows.iter().any(|row| row.canary),
            });
        }
        let asleep = |source: &&Source| given.fleet.sources.get(*source).is_some_and(Option::is_some);
        let of_it = given.memory.servers.iter().filter(|(id, m)| {
            let rows = evidence.server_rows.get(*id).map_or(&[][..], Vec::as_slice);
            let by_row = rows.first().map_or(m.channel.as_ref(), |row| row.channel.as_ref());
            !m.terminated && m.missing_since.is_none() && by_row == Some(channel)
        });
        let silent = of_it.filter_map(|(_, m)| m.source.as_ref()).filter(asleep).collect();
        Self { sites, silent }
    }

    /// How many servers a wave may have; `None` where its size is a place.
    pub(super) fn size(&self, waves: &[StartedWave], wave: usize) -> Option<u64> {
        let all = self.sites.len() as u64;
        if wave + 1 >= waves.len() {
            return Some(all);
        }
        let number = |size: &Size| match size {
            Size::Share(share) => Some((all * share / 10_000).max(1)),
            Size::Count(count) => Some(*count),
            _ => None,
        };
        match &waves.get(wave)?.to {
            Size::Canary => {
                let ticked = self.sites.iter().filter(|site| site.canary).count() as u64;
                let next = waves[wave + 1..].iter().find_map(|later| number(&later.to));
                Some(ticked.max(1).min(next.unwrap_or(all)))
            }
            size => number(size),
        }
    }
}
