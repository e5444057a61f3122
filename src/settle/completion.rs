//! Tells when a release that could not reach all its servers at once has reached them.

use std::collections::BTreeMap;

use super::channel::ChannelLine;
use crate::memory::{ChannelMemory, Memory, Unfinished};
use crate::plan::Happening;
use crate::tag::ChannelName;
use crate::text::thousands;

/// What to remember of each release that moved and was not everywhere yet, and which of them are everywhere now. `memory` is what
/// was remembered before the acts.
pub(super) fn note(memory: &Memory, lines: &[ChannelLine]) -> (Vec<Happening>, BTreeMap<ChannelName, ChannelMemory>) {
    let (mut happenings, mut channels) = (Vec::new(), BTreeMap::new());
    for line in lines {
        let Some(known) = memory.channels.get(&line.name) else {
            continue;
        };
        let Some(unfinished) = &known.unfinished else { continue };
        let everywhere = line.carrying >= line.concerned && line.unseen == 0;
        let next = match (everywhere, unfinished.behind) {
            (true, _) => None,
            (false, true) => continue,
            (false, false) => Some(Unfinished {
                behind: true,
                ..unfinished.clone()
            }),
        };
        // What was everywhere in its first pass was told then.
        if everywhere && unfinished.behind && line.concerned > 0 {
            happenings.push(completed(line, unfinished));
        }
        let mut channel = known.clone();
        channel.unfinished = next;
        channels.insert(line.name.clone(), channel);
    }
    (happenings, channels)
}

fn completed(line: &ChannelLine, unfinished: &Unfinished) -> Happening {
    let servers = match line.concerned {
        1 => "its one server".to_owned(),
        n => format!("all {} servers", thousands(n)),
    };
    Happening {
        channel: line.name.to_string(),
        event: "completed",
        from: unfinished.from.as_ref().map(ToString::to_string).unwrap_or_default(),
        to: line.release.clone(),
        detail: format!("now on {servers}"),
    }
}
