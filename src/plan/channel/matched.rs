//! What the rule that decided about a channel says: status, move, and what its servers are to carry.

use crate::plan::model::{Moved, Tone};
use crate::plan::rollout::{Carry, RolloutPlan};
use crate::plan::rule::Rule;
use crate::plan::state::State;

/// What the rule that matched says.
pub(in crate::plan) struct Matched {
    pub(in crate::plan) rule: Rule,
    pub(in crate::plan) state: State,
    pub(in crate::plan) status: String,
    pub(in crate::plan) tone: Tone,
    /// What `mode = "observe"` keeps from happening, in words.
    pub(in crate::plan) would: Option<String>,
    pub(in crate::plan) moved: Option<Moved>,
    /// What its servers are to carry, where that is not the release for all.
    pub(in crate::plan) carry: Option<Carry>,
    /// The rollout under way.
    pub(in crate::plan) rollout: Option<RolloutPlan>,
}

impl Matched {
    /// The same, with the rollout that it is about.
    pub(super) fn with_rollout(self, rollout: RolloutPlan) -> Self {
        Self {
            rollout: Some(rollout),
            ..self
        }
    }

    /// A status that moves nothing.
    pub(in crate::plan) fn new(rule: Rule, status: impl Into<String>) -> Self {
        let tone = match rule {
            Rule::NothingToRollBack | Rule::Error => Tone::Bad,
            Rule::InSync => Tone::Good,
            _ => Tone::Waiting,
        };
        Self {
            rule,
            state: State::of(rule),
            status: status.into(),
            tone,
            would: None,
            moved: None,
            carry: None,
            rollout: None,
        }
    }

    /// What would happen if the pass did not only observe.
    pub(super) fn watched(rule: Rule, would: String) -> Self {
        Self {
            state: State::Observe,
            would: Some(would.clone()),
            ..Self::new(rule, format!("observe: {would}"))
        }
    }
}
