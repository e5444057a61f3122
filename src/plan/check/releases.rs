//! Checks that a release moves only by two keys, a tick or adoption, and that no key or latch comes back by itself.

mod case;
mod first;
mod rollout;

use super::evidence::Evidence;
use crate::plan::model::{ChannelPlan, Moved};
use crate::tag::ChannelName;
use case::Case;

pub(super) fn check(evidence: &Evidence<'_>, faults: &mut Vec<String>) {
    let mut add = |name: &ChannelName, found: Vec<String>| {
        faults.extend(found.into_iter().map(|fault| format!("channel {name}: {fault}")));
    };
    // Channels that stay as they are remembered are checked too: a key must not keep counting only because nobody looked.
    let planned = evidence.plan.update.channels.iter();
    for (name, next) in evidence.given.memory.channels.iter().chain(planned) {
        let next = evidence.plan.update.channels.get(name).unwrap_or(next);
        let mut found = Vec::new();
        let case = Case {
            evidence,
            name,
            rows: evidence.rows(name),
            shown: evidence.shown(name),
            next,
        };
        match evidence.known(name) {
            Some(before) => case.known(before, &mut found),
            None => case.unknown(&mut found),
        }
        add(name, found);
    }
    for channel in &evidence.plan.channels {
        let mut found = Vec::new();
        shown(evidence, channel, &mut found);
        add(&channel.name, found);
    }
}

/// What is shown must be what will be remembered.
fn shown(evidence: &Evidence<'_>, channel: &ChannelPlan, faults: &mut Vec<String>) {
    let after = evidence.after(&channel.name);
    if after.and_then(|m| m.release.as_ref()) != channel.release.as_ref()
        || after.and_then(|m| m.prior.as_ref()) != channel.previous.as_ref()
    {
        faults.push("shows another release than will be remembered".to_owned());
    }
    let before = evidence.known(&channel.name);
    match &channel.moved {
        Some(Moved::Promotion { to, .. } | Moved::Rollback { to: Some(to), .. })
            if Some(to) != channel.release.as_ref() =>
        {
            faults.push(format!("moves to {to}, which is not its release"));
        }
        None if before.is_some_and(|b| b.release != channel.release) => {
            faults.push("changes its release without saying so".to_owned());
        }
        _ => {}
    }
}
