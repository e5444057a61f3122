//! What lets a rollout go on: R5 to R13, and what a pass that observes says of it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::Pass;
use super::back::lapse;
use super::settled::Settled;
use crate::memory::{ActiveColour, Advance, ChannelMemory};
use crate::plan::channel::Matched;
use crate::plan::model::{Plan, Tone};
use crate::plan::rollout::carry::Goes;
use crate::plan::rollout::cohort::Site;
use crate::plan::rollout::gates::{self, Gates};
use crate::plan::rollout::members::next_wave;
use crate::plan::rollout::phases;
use crate::plan::rollout::step::RolloutRule;
use crate::plan::rollout::watch::{Phase, RolloutPlan};
use crate::plan::rollout::words;
use crate::plan::rule::Rule;
use crate::plan::state::State;
use crate::plan::window::Hours;
use crate::rollout::{ColourPhase, Colours};
use crate::tag::ServerId;

/// What a wave waits for, and by which rule.
struct Held {
    rule: RolloutRule,
    phase: Phase,
    why: String,
    not_before: Option<DateTime<Utc>>,
}

impl Held {
    fn new(rule: RolloutRule, phase: Phase, why: impl Into<String>) -> Self {
        Self {
            rule,
            phase,
            why: why.into(),
            not_before: None,
        }
    }
}

impl<'a> Pass<'_, 'a> {
    /// R5 to R13.
    pub(super) fn go_on(mut self, next: &mut ChannelMemory, plan: &mut Plan) -> Matched {
        if self.case.observes() {
            return self.observe(next);
        }
        // Whoever took the store over knew nothing of the keys that started it.
        next.approved = true;
        if std::mem::take(&mut self.rollout.paused) {
            plan.happenings.push(self.happening("resumed", self.rollout.at_wave()));
        }
        let closed = match &self.case.pace.hours {
            Hours::Open => None,
            Hours::Closed(closed) => Some(closed.what.clone()),
        };
        let filled = self.filled();
        let grows = closed.is_none() && self.case.pace.blocked.is_none();
        let mut taken: BTreeSet<ServerId> = filled.takes.iter().filter(|_| grows).cloned().collect();
        taken.extend(self.joins());
        if !taken.is_empty() {
            self.rollout.first_move.get_or_insert(self.case.terms.now);
        }
        if let (Some(colours), None) = (self.colours(), &self.case.pace.blocked) {
            let (cohort, now) = (self.case.pace.cohort, self.case.terms.now);
            phases::follow(&mut self.rollout, colours, cohort, &self.release, now);
        }
        let settled = self.note_settled(&taken);
        let held = match self.holds(settled, closed.as_deref(), &taken, next) {
            Ok(()) => return self.next(closed, next, plan),
            Err(held) => held,
        };
        self.note_held(held.rule, held.phase, settled.stuck, plan);
        let phase = held.phase;
        let mut rollout = self.shown(&filled, &taken, phase, held.why, next);
        (rollout.rule, rollout.not_before) = (held.rule, held.not_before);
        rollout.stuck = settled.stuck;
        let matched = Matched {
            state: State::Rolling,
            ..Matched::new(Rule::Promoted, rollout.status(rollout.carrying))
        };
        if held.rule == RolloutRule::Manual {
            self.waits_for_people(plan);
        }
        let goes = if closed.is_none() { Goes::On } else { Goes::Closed };
        self.close(matched, rollout, taken, goes, next)
    }

    /// In the last wave whoever joins, which is who carries no version yet, is a member at once, outside windows and in an outage
    /// too: nobody leaves the former version by it.
    fn joins(&self) -> Vec<ServerId> {
        if let (Some(phase), Some(switch)) = (self.rollout.phase(), &self.rollout.switch) {
            let is_member = |site: &Site<'_>| self.is_member(site);
            let joins = phases::joins(phase, switch, self.case.pace.cohort, &is_member);
            return joins.into_iter().cloned().collect();
        }
        if !self.rollout.is_last_wave() {
            return Vec::new();
        }
        let sites = self.case.pace.cohort.sites.iter();
        let joins = sites.filter(|site| site.carries.is_none() && !self.is_member(site));
        joins.map(|site| site.id.clone()).collect()
    }

    /// R5 to R9: what this wave waits for.
    fn holds(
        &self,
        settled: Settled,
        closed: Option<&str>,
        taken: &BTreeSet<ServerId>,
        next: &ChannelMemory,
    ) -> Result<(), Held> {
        let waits = |rule, what: String| Err(Held::new(rule, Phase::Waiting, what));
        if let Some(what) = &self.case.pace.blocked {
            return waits(RolloutRule::Blocked, format!("waits for {what}"));
        }
        if !settled.is_settled {
            return if self.case.pace.cohort.len() == 0 {
                waits(RolloutRule::Moves, "waits for a live server".to_owned())
            } else if let Some(what) = closed.filter(|_| self.rollout.phase() != Some(ColourPhase::Switching)) {
                waits(RolloutRule::Moves, format!("waits for {what}"))
            } else if settled.stuck > 0 && settled.stuck == settled.behind && taken.is_empty() {
                waits(RolloutRule::Moves, RolloutPlan::waits_for_stuck(settled.stuck))
            } else {
                Err(self.on_its_way(settled))
            };
        }
        let Some(gates) = &self.gates else {
            return waits(RolloutRule::NoStrategy, String::new());
        };
        if let Some(failing) = gates.failing() {
            let (now, most) = (failing.tally.failures_in_a_row(), failing.gate.failures);
            let why = format!("waits: gate {} fails ({} of {most})", failing.gate.name, now.min(most));
            return waits(RolloutRule::Fails, why);
        }
        let advances = self.advances(next);
        if !advances && self.is_watched() {
            let baked_at = self.baked_at();
            if let Some((bakes, what)) = words::watched(gates, baked_at, self.case.terms.now) {
                let phase = if bakes { Phase::Baking } else { Phase::Waiting };
                return Err(Held {
                    not_before: bakes.then_some(baked_at),
                    ..Held::new(RolloutRule::Watched, phase, what)
                });
            }
            if self
                .rollout
                .waves
                .get(self.rollout.wave)
                .is_some_and(|wave| wave.manual)
            {
                return waits(RolloutRule::Manual, "waits for advance".to_owned());
            }
        }
        Ok(())
    }

    /// What servers that are on their way wait for, if for anything.
    fn on_its_way(&self, settled: Settled) -> Held {
        let Some(switch) = self.rollout.switch.as_ref().filter(|_| settled.behind == 0) else {
            return Held::new(RolloutRule::Moves, Phase::Moving, "");
        };
        let cohort = self.case.pace.cohort;
        let (why, not_before) = phases::waits(&self.rollout, switch, self.colours(), cohort, self.case.terms.now);
        let phase = match self.rollout.phase() {
            Some(ColourPhase::Preview) if !why.is_empty() => Phase::Waiting,
            _ => Phase::Moving,
        };
        Held {
            not_before,
            ..Held::new(RolloutRule::Moves, phase, why)
        }
    }

    fn colours(&self) -> Option<&'a Colours> {
        self.strategy.and_then(|strategy| strategy.colours.as_ref())
    }

    /// Whether the wave bakes and takes passes: a switch ends once its roles are so, and what follows it once all servers carry the version.
    fn is_watched(&self) -> bool {
        !matches!(self.rollout.phase(), Some(ColourPhase::Switching | ColourPhase::Follow))
    }

    /// R10 to R13: this wave is over.
    fn next(mut self, closed: Option<String>, next: &mut ChannelMemory, plan: &mut Plan) -> Matched {
        let last = self.rollout.is_last_wave();
        // A switch that has begun goes on outside windows, and waits for no other channel.
        let begun = self.rollout.phase() == Some(ColourPhase::Switching);
        let waits = match closed {
            _ if last || begun => None,
            Some(what) => Some((RolloutRule::Closed, what)),
            None => {
                let other = self.case.pace.waits_for.first().cloned();
                other.map(|other| (RolloutRule::After, other))
            }
        };
        self.rollout.held_since = None;
        if let Some((rule, what)) = waits {
            let filled = self.filled();
            let mut rollout = self.shown(
                &filled,
                &BTreeSet::new(),
                Phase::Waiting,
                format!("waits for {what}"),
                next,
            );
            rollout.rule = rule;
            if let Hours::Closed(closed) = &self.case.pace.hours {
                rollout.not_before = closed.opens;
            }
            let matched = Matched {
                state: State::Rolling,
                ..Matched::new(Rule::Promoted, rollout.status(rollout.carrying))
            };
            let goes = self.goes();
            return self.close(matched, rollout, BTreeSet::new(), goes, next);
        }
        if self.advances(next) {
            plan.happenings.push(self.happening("advance", self.rollout.at_wave()));
        }
        lapse(next);
        if last {
            plan.happenings
                .push(self.happening("rollout_done", self.rollout.at_wave()));
            next.advance = self.case.advance_box().then_some(Advance::Void);
            next.colour = match &self.rollout.switch {
                Some(switch) => Some(ActiveColour {
                    active: switch.other.clone(),
                    in_place: false,
                }),
                None => next.colour.take(),
            };
            return Matched::new(Rule::InSync, "in sync");
        }
        self.start_next(begun, next, plan)
    }

    /// R13: the next wave starts.
    fn start_next(mut self, begun: bool, next: &mut ChannelMemory, plan: &mut Plan) -> Matched {
        gates::next_wave(&mut self.rollout);
        self.note_past();
        let is_member = |site: &Site<'_>| self.is_member(site);
        self.rollout.wave = if self.rollout.switch.is_some() {
            self.rollout.wave + 1
        } else {
            next_wave(
                &self.rollout.waves,
                self.rollout.wave + 1,
                self.case.pace.cohort,
                &is_member,
            )
        };
        self.rollout.began = self.case.terms.now;
        self.rollout.settled = None;
        let (event, detail) = match self.rollout.phase() {
            Some(ColourPhase::Switching) => ("switch", self.rollout.at_wave()),
            Some(_) => ("wave", self.rollout.at_wave()),
            None => ("wave", format!("{} ({})", self.rollout.at_wave(), self.wave_size())),
        };
        plan.happenings.push(self.happening(event, detail));
        let filled = self.filled();
        let taken: BTreeSet<ServerId> = filled.takes.iter().cloned().collect();
        if !taken.is_empty() {
            self.rollout.first_move.get_or_insert(self.case.terms.now);
        }
        let why = match (&self.rollout.switch, begun) {
            (Some(switch), false) => {
                let cohort = self.case.pace.cohort;
                phases::waits(&self.rollout, switch, self.colours(), cohort, self.case.terms.now).0
            }
            _ => String::new(),
        };
        let mut rollout = self.shown(&filled, &taken, Phase::Moving, why, next);
        rollout.rule = RolloutRule::NextWave;
        let matched = Matched {
            state: State::Rolling,
            tone: Tone::Good,
            ..Matched::new(Rule::Promoted, rollout.status(rollout.carrying))
        };
        let goes = self.goes();
        self.close(matched, rollout, taken, goes, next)
    }

    /// Whether members may pass now, by windows.
    fn goes(&self) -> Goes {
        match self.case.pace.hours {
            Hours::Open => Goes::On,
            Hours::Closed(_) => Goes::Closed,
        }
    }

    /// What this pass would do if it did not only observe.
    fn would(&self, next: &ChannelMemory) -> String {
        if let Some(asked) = self.gates.as_ref().and_then(Gates::failed) {
            let what = words::failure(asked, &self.rollout);
            return if self.goes_back(next) {
                format!("would roll back from {}: {what}", self.release)
            } else {
                format!("would stand at {} of {}: {what}", self.rollout.at_wave(), self.release)
            };
        }
        match self.former_in_both_keys(next) {
            Some(former) => format!("would take {} back to {former}, which both keys name", self.release),
            None => format!("would go on rolling out {} at {}", self.release, self.rollout.at_wave()),
        }
    }

    /// What a pass that only observes says.
    pub(super) fn observe(self, next: &mut ChannelMemory) -> Matched {
        let filled = self.filled();
        let would = self.would(next);
        let mut rollout = self.shown(
            &filled,
            &BTreeSet::new(),
            Phase::Paused,
            "mode is observe".to_owned(),
            next,
        );
        rollout.rule = RolloutRule::Observed;
        let matched = Matched {
            state: State::Observe,
            would: Some(would.clone()),
            ..Matched::new(Rule::Promoted, format!("observe: {would}"))
        };
        self.close(matched, rollout, BTreeSet::new(), Goes::Stands, next)
    }
}
