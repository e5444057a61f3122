//! The servers of a channel that a rollout is about: live, seen, not held, and in one channel.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};

use super::sides::{Side, Sides};
use crate::fleet::{Server, Source};
use crate::memory::{Member, Memory, ServerMemory};
use crate::plan::inputs::Inputs;
use crate::plan::joined::{Joined, Rows};
use crate::plan::policy::{Belt, SourceBelts};
use crate::plan::server::is_contested;
use crate::rollout::{Colours, Strategy};
use crate::tag::{ChannelName, ServerId, TagKey};

/// One of them.
pub(in crate::plan) struct Site<'a> {
    pub(in crate::plan) id: &'a ServerId,
    pub(in crate::plan) source: &'a Source,
    pub(in crate::plan) zone: Option<&'a str>,
    /// Whether it is to be among the first.
    pub(in crate::plan) canary: bool,
    /// As the fleet shows it.
    pub(in crate::plan) server: &'a Server,
    /// The version that it carries.
    pub(in crate::plan) carries: Option<&'a str>,
    /// The rollout that took it last.
    pub(in crate::plan) member: Option<&'a Member>,
    /// Its colour and its role, in a blue-green channel.
    pub(in crate::plan) colour: Option<&'a str>,
    pub(in crate::plan) role: Option<&'a str>,
    /// Whether its version was refused, or somebody else keeps changing it back.
    pub(in crate::plan) stuck: bool,
}

/// The servers of one channel.
#[derive(Default)]
pub(in crate::plan) struct Cohort<'a> {
    /// In the order in which waves take them.
    pub(in crate::plan) sites: Vec<Site<'a>>,
    /// Accounts and regions that did not answer and have servers of it.
    pub(in crate::plan) silent: BTreeSet<&'a Source>,
    /// Live servers that somebody holds, and what they carry.
    pub(in crate::plan) resting: Vec<(&'a ServerId, Option<&'a str>)>,
    /// Those that a belt holds and that have servers of it.
    pub(in crate::plan) held: BTreeMap<&'a Source, Belt>,
    /// Servers of a blue-green channel that are out of sight.
    away: Vec<Side<'a>>,
}

impl<'a> Cohort<'a> {
    /// How many there are.
    pub(in crate::plan) fn len(&self) -> u64 {
        self.sites.len() as u64
    }

    /// The two sides of a blue-green channel.
    pub(in crate::plan) fn sides(&self) -> Sides<'_> {
        let side = |site: &Site<'a>| Side {
            colour: site.colour,
            role: site.role,
            version: site.carries,
        };
        Sides {
            seen: self.sites.iter().map(side).collect(),
            away: self.away.clone(),
        }
    }
}

/// The cohorts of the channels that are asked for.
pub(in crate::plan) fn cohorts<'a>(
    inputs: Inputs<'a>,
    joined: &[Joined<'a>],
    rows: &Rows<'a>,
    source_belts: &'a SourceBelts,
    asked: &BTreeSet<&'a ChannelName>,
    strategies: &BTreeMap<&'a ChannelName, Option<&'a Strategy>>,
) -> BTreeMap<&'a ChannelName, Cohort<'a>> {
    let colours = |name: &ChannelName| strategies.get(name).copied().flatten()?.colours.as_ref();
    let mut all: BTreeMap<&str, (&'a ChannelName, Option<&'a Colours>, Cohort<'a>)> = asked
        .iter()
        .map(|name| (name.as_str(), (*name, colours(name), Cohort::default())))
        .collect();
    if all.is_empty() {
        return BTreeMap::new();
    }
    for server in joined {
        let Some(name) = channel_of(server, &inputs.policy.channel_tag) else {
            continue;
        };
        let Some((_, colours, cohort)) = all.get_mut(name) else {
            continue;
        };
        if let Some(site) = site(server, inputs, *colours) {
            cohort.sites.push(site);
        } else if let Some(live) = server.live() {
            let carries = live.tag(&inputs.policy.version_tag).map(|version| &**version);
            cohort.resting.push((server.id, carries));
        }
        cohort.note_source(server.source(), inputs, source_belts);
    }
    // Servers without a row that cannot be seen now.
    for (id, server) in inputs.memory.servers.iter().filter(|(_, m)| waits(m)) {
        let name = server.channel.as_ref().map(ChannelName::as_str);
        if let Some((_, colours, cohort)) = name.and_then(|name| all.get_mut(name)) {
            cohort.note_source(server.source.as_ref(), inputs, source_belts);
            let is_away = |source: &Source| source_belts.contains_key(source) || !inputs.fleet.answered(source);
            if let (Some(colours), Some(true), false) = (
                *colours,
                server.source.as_ref().map(is_away),
                server.held || inputs.fleet.servers.contains_key(id),
            ) {
                let side = Side::away(server, colours, &inputs.policy.version_tag);
                cohort.away.push(side);
            }
        }
    }
    let mut cohorts: BTreeMap<_, _> = all
        .into_values()
        .filter(|(name, ..)| rows.contains_key(*name) || is_known(inputs.memory, name))
        .map(|(name, _, cohort)| (name, cohort))
        .collect();
    for (name, cohort) in &mut cohorts {
        cohort
            .sites
            .sort_by_cached_key(|site| (!site.canary, place(name, site.id), site.id));
    }
    cohorts
}

fn is_known(memory: &Memory, name: &ChannelName) -> bool {
    memory.channels.contains_key(name)
}

fn waits(server: &ServerMemory) -> bool {
    !server.terminated && server.missing_since.is_none()
}

impl<'a> Cohort<'a> {
    fn note_source(&mut self, source: Option<&'a Source>, inputs: Inputs<'a>, source_belts: &SourceBelts) {
        let Some(source) = source else { return };
        if let Some(belt) = source_belts.get(source) {
            self.held.insert(source, *belt);
        } else if inputs.fleet.sources.contains_key(source) && !inputs.fleet.answered(source) {
            self.silent.insert(source);
        }
    }
}

/// The channel that a server is in: by its row, else by its tag.
fn channel_of<'a>(server: &Joined<'a>, tag: &TagKey) -> Option<&'a str> {
    match server.rows.first() {
        Some(_) if server.disagree() => None,
        Some(row) => row.channel.as_ref().map(ChannelName::as_str),
        None => server.live()?.tag(tag).map(|name| &**name),
    }
}

fn site<'a>(joined: &Joined<'a>, inputs: Inputs<'a>, colours: Option<&Colours>) -> Option<Site<'a>> {
    let server = joined.live()?;
    let unreadable = joined.rows.iter().any(|row| row.unreadable);
    if unreadable || joined.held() || (joined.rows.is_empty() && joined.memory.is_some_and(|m| m.held)) {
        return None;
    }
    let tag = &inputs.policy.version_tag;
    let side = colours.map(|colours| Side::seen(server, colours, tag));
    Some(Site {
        colour: side.and_then(|side| side.colour),
        role: side.and_then(|side| side.role),
        id: joined.id,
        server,
        source: &server.source,
        zone: server.zone.as_deref(),
        canary: joined.rows.iter().any(|row| row.canary),
        carries: server.tag(tag).map(|version| &**version),
        member: joined.memory.and_then(|m| m.member.as_ref()),
        stuck: joined.memory.is_some_and(|m| {
            m.refused.as_ref().is_some_and(|refused| refused.tags.contains_key(tag)) || is_contested(m, tag)
        }),
    })
}

/// Where a server stands in the order of its channel. Versions play no part, so a channel's first servers stay the same.
fn place(channel: &ChannelName, id: &ServerId) -> [u8; 32] {
    let mut text = Vec::with_capacity(64);
    text.extend(channel.as_str().as_bytes());
    text.push(0);
    text.extend(id.as_str().as_bytes());
    let mut place = [0; 32];
    place.copy_from_slice(digest(&SHA256, &text).as_ref());
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_sha_256_over_channel_zero_and_id() {
        let place = place(&"web".into(), &"i-00000001".into());
        // printf 'web\0i-00000001' | sha256sum
        let hex: String = place[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "236acc4b");
    }
}
