//! How far a wave is: who is in it, whether it has settled, how long it bakes.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Pass;
use crate::memory::{Advance, ChannelMemory, PastWave, Switch};
use crate::plan::model::Plan;
use crate::plan::rollout::cohort::Site;
use crate::plan::rollout::members::{Filled, fill};
use crate::plan::rollout::phases;
use crate::plan::rollout::step::RolloutRule;
use crate::plan::rollout::watch::Phase;
use crate::plan::rollout::words;
use crate::plan::window::Hours;
use crate::problem::{Code, Kind, Problem};
use crate::rollout::{ColourPhase, Size};
use crate::tag::ServerId;

/// How far a wave is.
#[derive(Clone, Copy)]
pub(super) struct Settled {
    pub(super) is_settled: bool,
    pub(super) behind: u64,
    pub(super) stuck: u64,
}

impl Pass<'_, '_> {
    pub(super) fn filled(&self) -> Filled {
        let is_member = |site: &Site<'_>| self.is_member(site);
        if let (Some(phase), Some(switch)) = (self.rollout.phase(), &self.rollout.switch) {
            return phases::fill(phase, switch, self.case.pace.cohort, &is_member);
        }
        fill(
            &self.rollout.waves,
            self.rollout.wave,
            self.case.pace.cohort,
            &is_member,
        )
    }

    /// Whether a tick lets this wave go on.
    pub(super) fn advances(&self, next: &ChannelMemory) -> bool {
        matches!(&next.advance, Some(Advance::Waits { rollout, wave, .. })
            if *rollout == self.rollout.id && *wave == self.rollout.wave)
    }

    pub(super) fn baked_at(&self) -> DateTime<Utc> {
        let settled = self.rollout.settled.unwrap_or(self.case.terms.now);
        let size = self.rollout.waves.get(self.rollout.wave).map(|wave| &wave.to);
        let bake = self.strategy.map(|strategy| {
            match (self.rollout.phase(), &strategy.colours) {
                (Some(ColourPhase::Keep), Some(colours)) => return colours.keep,
                (Some(ColourPhase::Switching | ColourPhase::Follow), _) => return Duration::ZERO,
                _ => {}
            }
            let own = strategy
                .waves
                .iter()
                .find(|wave| Some(&wave.to) == size)
                .and_then(|wave| wave.bake);
            own.unwrap_or(strategy.bake)
        });
        let bake = TimeDelta::from_std(bake.unwrap_or_default()).unwrap_or(TimeDelta::MAX);
        settled.checked_add_signed(bake).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Whether the wave is settled, remembered with the time at which it came to be.
    pub(super) fn note_settled(&mut self, taken: &BTreeSet<ServerId>) -> Settled {
        if let Some(switch) = self.rollout.switch.clone().filter(|_| !self.rollout.is_last_wave()) {
            return self.note_phase(taken, &switch);
        }
        let last = self.rollout.is_last_wave();
        let (mut carrying, mut behind, mut stuck) = (0, 0, 0);
        for site in &self.case.pace.cohort.sites {
            if !(last || self.is_member(site) || taken.contains(site.id)) {
                continue;
            }
            if site.carries == Some(self.release.as_str()) {
                carrying += 1;
            } else {
                behind += 1;
                stuck += u64::from(site.stuck);
            }
        }
        let most = self
            .strategy
            .map_or(0, |strategy| strategy.max_failures.of(carrying + behind));
        let is_settled = taken.is_empty() && carrying > 0 && behind == stuck && stuck <= most;
        // While somebody is left it stays settled, or a fleet that is always being replaced could never go on; but a wave is left
        // only in a pass that finds it so. What cannot be seen may not carry the version.
        if is_settled && self.case.pace.blocked.is_none() {
            self.rollout.settled.get_or_insert(self.case.terms.now);
        }
        Settled {
            is_settled,
            behind,
            stuck,
        }
    }

    /// The same of a phase.
    fn note_phase(&mut self, taken: &BTreeSet<ServerId>, switch: &Switch) -> Settled {
        let progress = phases::progress(&self.rollout, switch, self.case.pace.cohort, &self.release);
        let is_settled = taken.is_empty() && progress.carrying > 0 && progress.is_through;
        if self.case.pace.blocked.is_none() {
            let since = self.rollout.settled.unwrap_or(self.case.terms.now);
            // What is watched is a whole colour: one that was not whole in between begins anew.
            self.rollout.settled = is_settled.then_some(since);
        }
        Settled {
            is_settled,
            behind: progress.behind,
            stuck: progress.stuck,
        }
    }

    /// Notes the wave that is over.
    pub(super) fn note_past(&mut self) {
        let members = self.case.pace.cohort.sites.iter().filter(|site| self.is_member(site));
        let past = PastWave {
            wave: self.rollout.wave,
            to: self
                .rollout
                .waves
                .get(self.rollout.wave)
                .map_or(Size::ALL, |wave| wave.to.clone()),
            members: members.count() as u64,
            began: self.rollout.began,
            ended: self.case.terms.now,
        };
        self.rollout.past.push(past);
    }

    /// Tells people that the next wave is theirs to start.
    pub(super) fn waits_for_people(&self, plan: &mut Plan) {
        let has_box = self.case.row().is_some_and(|row| row.advance.is_some());
        let column = if has_box {
            ""
        } else {
            "write advance into a free column of row 1, run fleetsheet init, "
        };
        // A tick that was served, or that meant nothing, is none for this wave.
        let column = match self.case.advance_box() {
            true => "untick advance, let a pass see it, then ",
            false => column,
        };
        let then = match self.rollout.phase() {
            Some(_) => "let the other colour take over",
            None => "start the next wave",
        };
        let message = format!(
            "{}: {} of {} is over and waits for advance; {column}tick advance to {then}, or rollback to leave {}",
            self.case.name,
            self.rollout.at_wave(),
            self.release,
            self.release
        );
        let place = self.case.place("advance");
        plan.problems
            .push(Problem::new(Kind::Release, Code::Advance, place, message));
    }

    /// Remembers since when nothing but gates, failures and outages has held this wave, and tells people once that is long.
    pub(super) fn note_held(&mut self, rule: RolloutRule, phase: Phase, stuck: u64, plan: &mut Plan) {
        let manual = self
            .rollout
            .waves
            .get(self.rollout.wave)
            .is_some_and(|wave| wave.manual);
        let waits = matches!(
            rule,
            RolloutRule::Blocked | RolloutRule::Moves | RolloutRule::Fails | RolloutRule::Watched
        );
        let by_itself = waits && phase != Phase::Baking && !manual && self.case.pace.hours == Hours::Open;
        let now = self.case.terms.now;
        self.rollout.held_since = by_itself.then(|| self.rollout.held_since.unwrap_or(now));
        let (Some(since), Some(strategy)) = (self.rollout.held_since, self.strategy) else {
            return;
        };
        let most = TimeDelta::from_std(strategy.stalled_after).unwrap_or(TimeDelta::MAX);
        if now - since >= most {
            // What is never tagged would keep the wave for ever.
            let hold = if stuck > 0 {
                "tick hold for a server that can never be tagged, "
            } else {
                ""
            };
            let message = format!(
                "{}: {} of {} has been held since {}; see what its status waits for, {hold}or tick rollback to leave {}",
                self.case.name,
                self.rollout.at_wave(),
                self.release,
                words::clock(since, now),
                self.release
            );
            self.report(Code::Stalled, message, plan);
        }
    }
}
