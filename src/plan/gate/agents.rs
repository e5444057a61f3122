//! What the agents of a wave's members say about its version: shares of members → reading.

use super::number;
use crate::gate::{Agents, Reading, Verdict};
use crate::running::Running;

/// A member of a rollout that is live, seen and not held.
#[derive(Clone, Debug)]
pub struct MemberSays<'a> {
    /// What its agent says; `None` where it has none.
    pub says: Option<Running<'a>>,
    /// The word of its agent when a wave took it.
    pub before: Option<&'a str>,
}

impl MemberSays<'_> {
    fn runs_well(&self, version: &str) -> bool {
        let says = self.says.as_ref();
        says.is_some_and(|says| says.runs(version) && !says.is_in_trouble(version))
    }

    /// Whether it is in trouble, and was not so already when a wave took it.
    fn has_come_to_trouble(&self, version: &str) -> bool {
        let says = self.says.as_ref().filter(|says| says.is_in_trouble(version));
        says.is_some_and(|says| says.word().as_deref() != self.before)
    }
}

/// What the agents of members say about a version. One that is silent, or not there, runs nothing: that is no data, and never a pass.
#[must_use]
pub fn of_agents(agents: &Agents, version: &str, members: &[MemberSays<'_>]) -> Reading {
    if members.is_empty() {
        return Reading::no_data("no member is live, seen and not held");
    }
    let count = |which: &dyn Fn(&&MemberSays<'_>) -> bool| members.iter().filter(which).count();
    let running = count(&|member| member.runs_well(version));
    let bad = count(&|member| member.has_come_to_trouble(version));
    let all = members.len() as f64;
    let (share, bad_share) = (running as f64 / all, bad as f64 / all);
    let reading = Reading {
        value: Some(share),
        limit: Some(agents.min_running),
        samples: Some(all),
        ..Reading::no_data("")
    };
    if bad_share > agents.max_bad {
        let compared = number::compared(bad_share, ">", agents.max_bad);
        return Reading {
            verdict: Verdict::Fail,
            why: format!("{bad} of {} in trouble, {compared}", members.len()),
            ..reading
        };
    }
    if share < agents.min_running {
        let compared = number::compared(share, "<", agents.min_running);
        return Reading {
            why: format!(
                "{running} of {} run {version} without trouble, {compared}",
                members.len()
            ),
            ..reading
        };
    }
    Reading {
        verdict: Verdict::Pass,
        ..reading
    }
}
