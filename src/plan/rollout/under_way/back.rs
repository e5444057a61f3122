//! What takes a rollout back: a gate that has failed (2a), and both keys (R1).

use super::Pass;
use crate::memory::{Advance, ChannelMemory, Failed, Move, TakenBack, Unfinished};
use crate::plan::channel::{Matched, spend_for_gate};
use crate::plan::model::{By, Moved, Plan, Tone};
use crate::plan::rollout::gates::Gates;
use crate::plan::rollout::roles::take_back;
use crate::plan::rollout::words::failure;
use crate::plan::rule::Rule;
use crate::problem::Code;
use crate::rollout::OnFailure;
use crate::sheet::intent::ReleaseRow;
use crate::tag::Version;

impl Pass<'_, '_> {
    /// Whether a failed gate takes this rollout back, as far as there are rows.
    pub(super) fn goes_back(&self, next: &ChannelMemory) -> bool {
        let by_itself = self
            .strategy
            .is_some_and(|strategy| strategy.on_failure == OnFailure::Rollback);
        let failed = self.gates.as_ref().and_then(Gates::failed);
        failed.is_some_and(|asked| asked.gate.may_take_back())
            && by_itself
            && next.prior.is_some()
            && !self.case.rows.is_empty()
    }

    /// Rule 2a, and what R4 goes by.
    pub(super) fn gate_failed(&mut self, next: &mut ChannelMemory, plan: &mut Plan) -> Option<Matched> {
        let strategy = self.strategy?;
        let asked = self.gates.as_ref()?.failed()?;
        let what = failure(asked, &self.rollout);
        let by_itself = strategy.on_failure == OnFailure::Rollback && asked.gate.may_take_back();
        let goes_back = by_itself && next.prior.is_some();
        if self.case.observes() || (goes_back && self.case.rows.is_empty()) {
            return None;
        }
        if !goes_back {
            if self.rollout.failed.is_none() {
                plan.happenings.push(self.happening("gate_failed", what.clone()));
                self.rollout.failed = Some(Failed {
                    what,
                    at: self.case.terms.now,
                });
            }
            return None;
        }
        plan.happenings.push(self.happening("gate_failed", what.clone()));
        self.report(
            Code::AutoRollback,
            format!(
                "{}: {what}, so it was rolled back from {}; to release it again, clear both keys, let a pass see it, and type them",
                self.case.name, self.release
            ),
            plan,
        );
        Some(self.roll_back(what, next))
    }

    /// All of rule 1 but the latch.
    fn roll_back(&self, why: String, next: &mut ChannelMemory) -> Matched {
        take_back(next, Some(&self.rollout), &self.case.pace.cohort.sides());
        let (from, to) = (self.release.clone(), next.prior.take());
        next.release.clone_from(&to);
        next.approved = std::mem::take(&mut next.prior_approved);
        next.moved = Move::Rollback;
        next.unfinished = Some(Unfinished {
            from: Some(from.clone()),
            behind: false,
        });
        spend_for_gate(next, self.case.rows, &from);
        let text = |row: &&ReleaseRow| [row.key_a.text().map(str::to_owned), row.key_b.text().map(str::to_owned)];
        next.taken_back = Some(TakenBack {
            from: from.clone(),
            why,
            keys: self.case.rows.first().map(text).unwrap_or_default(),
        });
        lapse(next);
        Matched {
            tone: Tone::Bad,
            moved: Some(Moved::Rollback { from, to, by: By::Gate }),
            ..Matched::new(Rule::RolledBack, taken_back_words(next))
        }
    }

    /// The former version, if both keys name it.
    pub(super) fn former_in_both_keys<'n>(&self, next: &'n ChannelMemory) -> Option<&'n Version> {
        let row = self.case.row()?;
        let former = next.prior.as_ref();
        former.filter(|_| [row.key_a.version(), row.key_b.version()] == [former; 2])
    }

    /// R1: both keys name the former version.
    pub(super) fn taken_back(&self, next: &mut ChannelMemory) -> Option<Matched> {
        let former = self.former_in_both_keys(next)?.clone();
        let from = self.release.clone();
        take_back(next, Some(&self.rollout), &self.case.pace.cohort.sides());
        next.release = next.prior.take();
        next.approved = true;
        next.prior_approved = false;
        next.moved = Move::Rollback;
        next.unfinished = Some(Unfinished {
            from: Some(from.clone()),
            behind: false,
        });
        lapse(next);
        Some(Matched {
            moved: Some(Moved::Rollback {
                from,
                to: Some(former),
                by: By::Keys,
            }),
            ..Matched::new(Rule::InSync, "in sync")
        })
    }
}

/// A tick that was not served lapses with its wave.
pub(in crate::plan) fn lapse(next: &mut ChannelMemory) {
    if next.advance.is_some() {
        next.advance = Some(Advance::Void);
    }
}

/// The status of a release that a gate took back, until a key changes.
pub(in crate::plan) fn taken_back_words(next: &ChannelMemory) -> String {
    next.taken_back.as_ref().map_or_else(String::new, |back| {
        format!(
            "rolled back from {}: {}; clear both keys, let a pass see it, and type them again",
            back.from, back.why
        )
    })
}
