//! Why changes of servers failed.

use std::collections::BTreeMap;

use crate::fleet::{Outcome, Outcomes};
use crate::plan::{Plan, ServerPlan, ServerStatus};
use crate::tag::ChannelName;

/// Why a server's change failed, if it did.
pub(super) fn why<'p>(server: &'p ServerPlan, outcome: Option<&'p Outcome>) -> Option<&'p String> {
    match (outcome, &server.status) {
        (Some(Outcome::Failed { message, .. } | Outcome::NotSent { why: message }), _) => Some(message),
        (_, ServerStatus::Refused(refused)) => Some(&refused.why),
        _ => None,
    }
}

/// The same for all whom it befell: the cloud may name the server in what is otherwise the same for many.
pub(super) fn anonymous(server: &ServerPlan, message: &str) -> String {
    message.replace(server.id.as_str(), "…")
}

/// Why most of a channel's servers failed; blank when none did.
pub(super) fn most_common(channel: &ChannelName, plan: &Plan, outcomes: Option<&Outcomes>) -> String {
    let mut causes: BTreeMap<String, u64> = BTreeMap::new();
    for server in plan
        .servers
        .iter()
        .filter(|server| server.channel.as_ref() == Some(channel))
    {
        let outcome = outcomes.and_then(|all| all.get(&server.id));
        if let Some(message) = why(server, outcome) {
            *causes.entry(anonymous(server, message)).or_default() += 1;
        }
    }
    let most = causes
        .into_iter()
        .max_by(|(a, n), (b, m)| n.cmp(m).then_with(|| b.cmp(a)));
    most.map(|(cause, _)| cause).unwrap_or_default()
}
