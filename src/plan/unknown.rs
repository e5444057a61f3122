//! Channels that servers name and that have no row: each is told once, with its servers and the name that may be meant.

use std::collections::BTreeMap;

use super::inputs::Inputs;
use super::joined::Rows;
use super::model::{Plan, ServerStatus};
use crate::problem::{Code, Kind, Problem};
use crate::tag::{ChannelName, ServerId};
use crate::text::{did_you_mean, few, nearest, thousands};

/// Servers that a message names.
const NAMED: usize = 5;

/// Unknown channels for which the name that may be meant is looked for: each is held against the names of all channels.
const HINTS: usize = 200;

/// Tells each unknown channel, and says in the status of its servers which may be meant.
pub(super) fn report(inputs: Inputs<'_>, rows: &Rows<'_>, plan: &mut Plan) {
    let mut unknown: BTreeMap<ChannelName, (Option<ChannelName>, Vec<ServerId>)> = BTreeMap::new();
    for server in &mut plan.servers {
        let (ServerStatus::UnknownChannel(meant), Some(channel)) = (&mut server.status, &server.channel) else {
            continue;
        };
        let many = unknown.len() >= HINTS;
        let (known, ids) = unknown.entry(channel.clone()).or_insert_with(|| {
            if many {
                return (None, Vec::new());
            }
            // The name of a channel whose row is gone is not misspelt.
            let known = inputs.memory.channels.contains_key(channel);
            let near = nearest(channel.as_str(), rows.keys().map(|name| name.as_str()));
            (near.filter(|_| !known).map(ChannelName::from), Vec::new())
        });
        meant.clone_from(known);
        ids.push(server.id.clone());
    }
    for (channel, (meant, ids)) in unknown {
        let has = if ids.len() == 1 { "server has" } else { "servers have" };
        let meant = meant.map_or_else(String::new, |meant| {
            format!(" ({})", did_you_mean(Some(meant.as_str()), ""))
        });
        let names: Vec<String> = ids.iter().map(|id| inputs.fleet.called(id)).collect();
        let message = format!(
            "{} {has} the channel {channel}, which has no row in {}{meant}: {}; correct the name, or add the channel",
            thousands(ids.len()),
            inputs.sheet.intent.release_tab,
            few(names.iter().map(String::as_str), NAMED)
        );
        plan.problems.push(Problem::new(
            Kind::Mismatch,
            Code::UnknownChannel,
            channel.as_str(),
            message,
        ));
    }
}
