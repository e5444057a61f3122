//! What a rollout stands for: a row that decides nothing, keys, gates that have failed. Nobody passes then, and no wave starts.

use std::collections::BTreeSet;

use super::Pass;
use crate::memory::ChannelMemory;
use crate::plan::channel::{Matched, latched_words, spent_words, unprotected};
use crate::plan::model::{Plan, Tone};
use crate::plan::rollout::carry::Goes;
use crate::plan::rollout::step::RolloutRule;
use crate::plan::rollout::watch::Phase;
use crate::plan::rule::Rule;
use crate::plan::state::State;
use crate::problem::Code;
use crate::sheet::intent::{Key, Tick};

/// What stands in the way of a rollout, and by which rule.
pub(super) struct Stands {
    rule: Rule,
    why: String,
    bad: bool,
}

impl Stands {
    fn new(rule: Rule, why: impl Into<String>) -> Self {
        Self {
            rule,
            why: why.into(),
            bad: false,
        }
    }
}

impl Pass<'_, '_> {
    /// Rules 3, 4, 8 and 9.
    pub(super) fn stands(&self, next: &mut ChannelMemory, plan: &mut Plan) -> Option<Stands> {
        let case = self.case;
        if let (true, Some(latch)) = (case.ticked(), &next.latch) {
            return Some(Stands::new(Rule::Latched, latched_words(latch)));
        }
        let [row] = case.rows else {
            let status = case.two_rows(plan);
            return Some(Stands {
                bad: true,
                ..Stands::new(Rule::Error, status)
            });
        };
        if let Some(error) = row.errors.first() {
            return Some(Stands {
                bad: true,
                ..Stands::new(Rule::Error, format!("error: {}", error.message))
            });
        }
        if !case.protected() {
            let repair = unprotected(case, &self.release, next, plan);
            return Some(Stands::new(Rule::Unprotected, repair));
        }
        spent_words(next, &self.release).map(|words| Stands::new(Rule::Spent, words))
    }

    /// What people and gates stop: the strategy that is gone, R2 to R4.
    pub(super) fn stopped(&self, next: &ChannelMemory) -> Option<Stands> {
        let row = self.case.row()?;
        if self.strategy.is_none() {
            let why = format!(
                "strategy {} is not in the config; put it back, or tick rollback to leave {}",
                self.rollout.strategy, self.release
            );
            return Some(Stands::new(Rule::Promoted, why));
        }
        let others = [("A", &row.key_a), ("B", &row.key_b)];
        let third = row
            .key_a
            .version()
            .filter(|a| Some(*a) == row.key_b.version() && **a != self.release);
        if let Some(third) = third.filter(|third| Some(*third) != next.prior.as_ref()) {
            let why = format!(
                "{third} waits: tick rollback to leave {}, or name {} again",
                self.release, self.release
            );
            return Some(Stands::new(Rule::Waiting, why));
        }
        let other = |(which, key): &(&str, &Key)| match key.version() {
            Some(version) if *version == self.release => None,
            Some(version) => Some(format!("key {which} names {version}")),
            None => Some(format!("key {which} is empty")),
        };
        let other: Vec<String> = others.iter().filter_map(other).collect();
        if !other.is_empty() {
            return Some(Stands::new(Rule::Waiting, other.join(" and ")));
        }
        if row.enabled != Tick::On {
            return Some(Stands::new(Rule::Ready, "not enabled"));
        }
        let failed = self.rollout.failed.as_ref()?;
        Some(Stands {
            bad: true,
            ..Stands::new(
                Rule::Promoted,
                format!(
                    "{}; tick advance to go on once it passes, or rollback to leave {}",
                    failed.what, self.release
                ),
            )
        })
    }

    /// The channel's row is gone: nothing of it is tagged either way.
    pub(super) fn stand_without_row(self, next: &mut ChannelMemory, plan: &mut Plan) -> Matched {
        let why = format!(
            "it has no row in {}, so nothing of it is tagged; bring the row back with undo, or with fleetsheet init --channel",
            self.case.terms.intent.release_tab
        );
        let stands = Stands {
            bad: true,
            ..Stands::new(Rule::Error, why)
        };
        self.stand(stands, next, plan)
    }

    /// Nobody passes, and no wave starts.
    pub(super) fn stand(mut self, stands: Stands, next: &mut ChannelMemory, plan: &mut Plan) -> Matched {
        if let Some(failed) = self.rollout.failed.clone() {
            self.report(
                Code::GateFailed,
                format!(
                    "{}: {}, so {} stands; tick advance to go on once it passes, or rollback to leave {}",
                    self.case.name, failed.what, self.release, self.release
                ),
                plan,
            );
        }
        if !self.case.observes() && !std::mem::replace(&mut self.rollout.paused, true) {
            plan.happenings.push(self.happening("paused", stands.why.clone()));
        }
        self.rollout.held_since = None;
        let filled = self.filled();
        let mut rollout = self.shown(&filled, &BTreeSet::new(), Phase::Paused, stands.why, next);
        rollout.rule = RolloutRule::standing(stands.rule, self.strategy.is_some());
        let matched = Matched {
            state: if stands.rule == Rule::Error {
                State::Error
            } else {
                State::Paused
            },
            tone: if stands.bad { Tone::Bad } else { Tone::Waiting },
            ..Matched::new(stands.rule, rollout.status(rollout.carrying))
        };
        self.close(matched, rollout, BTreeSet::new(), Goes::Stands, next)
    }
}
