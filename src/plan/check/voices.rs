//! What the agents of a rollout's members say of its version, told from their tags alone.

use fleetsheet_words::report::{Report, State};

use crate::fleet::Server;
use crate::gate::{Agents, Verdict};
use crate::memory::Member;
use crate::plan::inputs::Inputs;

/// What a gate on agents gives.
pub(super) fn voices<'a>(
    agents: &Agents,
    version: &str,
    members: impl Iterator<Item = (&'a Server, &'a Member)>,
    given: &Inputs<'_>,
) -> Verdict {
    let tags = &given.policy.agents;
    let (mut all, mut good, mut bad) = (0.0, 0.0, 0.0);
    for (server, member) in members {
        all += 1.0;
        let report = server.tag(&tags.agent).and_then(|text| Report::parse(text));
        let Some(report) = report else { continue };
        let trouble = match report.state {
            State::Failed | State::Refused | State::Unhealthy | State::Broken => true,
            State::Quarantined => {
                let rest = report.detail.strip_prefix(version);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', ' ']))
            }
            _ => false,
        };
        if trouble && member.said.as_deref() != Some(&*report.said()) {
            bad += 1.0;
        }
        let fresh = report.at > given.now - tags.silent_after;
        if !trouble && fresh && server.tag(&tags.running).is_some_and(|runs| **runs == *version) {
            good += 1.0;
        }
    }
    match all {
        0.0 => Verdict::NoData,
        all if bad / all > agents.max_bad => Verdict::Fail,
        all if good / all >= agents.min_running => Verdict::Pass,
        _ => Verdict::NoData,
    }
}
