//! Rule 11 in a channel with a strategy, or with windows: what a promotion waits for, and how a rollout starts.

use std::collections::BTreeSet;

use super::carry::{Carry, Goes};
use super::cohort::Site;
use super::gates::before_start;
use super::members::{fill, next_wave};
use super::phases;
use super::step::RolloutRule;
use super::watch::{Phase, RolloutPlan};
use crate::gate::Verdict;
use crate::memory::{ChannelMemory, Rollout, StartedWave, Switch};
use crate::plan::channel::Case;
use crate::plan::window::Hours;
use crate::rollout::{ColourPhase, Strategy, Wave};
use crate::tag::{ServerId, Version};

/// What becomes of a promotion that everybody agreed on.
pub(in crate::plan) enum Started {
    /// It moves the whole channel at once.
    AtOnce,
    /// It cannot start, and why.
    Cannot(String),
    /// It waits for this; the flag says whether a belt holds it.
    Waits(String, bool),
    /// It starts with its first wave. What moves is remembered; the rollout is for reports.
    Rolls(Box<(Rollout, Carry, RolloutPlan)>),
}

/// How a promotion goes. `former` is the version that it leaves.
pub(in crate::plan) fn start(
    case: &Case<'_>,
    next: &ChannelMemory,
    version: &Version,
    former: Option<&Version>,
) -> Started {
    let closed = match &case.pace.hours {
        Hours::Open => None,
        Hours::Closed(closed) => Some(closed.what.clone()),
    };
    let closed = closed.map(|what| Started::Waits(what, false));
    let Some(strategy) = case.pace.strategy else {
        return closed.unwrap_or(Started::AtOnce);
    };
    // Whether no server carries a version cannot be known while some are out of sight.
    if let Some(what) = &case.pace.blocked {
        let belt = what.starts_with("the belt");
        return Started::Waits(what.clone(), belt);
    }
    let switch = match &strategy.colours {
        None => None,
        // Without servers there is nothing to be told apart.
        Some(_) if case.pace.cohort.len() == 0 && next.release.is_none() => None,
        Some(colours) => match phases::two(colours, next, &case.pace.cohort.sides()) {
            Ok(switch) => Some(switch),
            Err(why) => return Started::Cannot(why),
        },
    };
    // There is nothing to compare with.
    if next.release.is_none() && case.carried.is_none() {
        return closed.unwrap_or(Started::AtOnce);
    }
    if let Some(other) = case.pace.waits_for.first() {
        return Started::Waits(other.clone(), false);
    }
    if let Some(closed) = closed {
        return closed;
    }
    if let Some(gate) = failing(case, strategy) {
        return Started::Waits(format!("gate {gate}, which fails"), false);
    }
    Started::Rolls(Box::new(first_wave(case, next, (strategy, switch), version, former)))
}

/// A gate that looks at no version and fails already.
fn failing<'a>(case: &Case<'a>, strategy: &'a Strategy) -> Option<&'a str> {
    let readings = case.terms.readings.of(case.name)?;
    let mut gates = case.terms.policy.rollouts.gates_of(strategy);
    let fails = |name: &str| {
        readings
            .get(name)
            .is_some_and(|taken| taken.reading.verdict == Verdict::Fail)
    };
    gates
        .find(|gate| !gate.report_only && !gate.is_of_a_version() && fails(&gate.name))
        .map(|gate| gate.name.as_str())
}

/// The waves of a strategy, as a rollout keeps them.
pub(super) fn started_waves(strategy: &Strategy) -> Vec<StartedWave> {
    let started = |wave: &Wave| StartedWave {
        to: wave.to.clone(),
        manual: wave.manual,
    };
    match &strategy.colours {
        Some(colours) => phases::phases(colours),
        None => strategy.waves.iter().map(started).collect(),
    }
}

fn first_wave(
    case: &Case<'_>,
    next: &ChannelMemory,
    (strategy, switch): (&Strategy, Option<Switch>),
    version: &Version,
    former: Option<&Version>,
) -> (Rollout, Carry, RolloutPlan) {
    let waves = started_waves(strategy);
    let cohort = case.pace.cohort;
    let none = |_: &Site<'_>| false;
    // Without servers nobody is passed over.
    let wave = if cohort.len() == 0 || switch.is_some() {
        0
    } else {
        next_wave(&waves, 0, cohort, &none)
    };
    let filled = match &switch {
        Some(switch) => phases::fill(ColourPhase::Preview, switch, cohort, &none),
        None => fill(&waves, wave, cohort, &none),
    };
    let phase = switch.as_ref().map(|_| ColourPhase::Preview);
    let now = case.terms.now;
    let rollout = Rollout {
        id: now.timestamp_micros(),
        strategy: strategy.name.clone(),
        waves,
        wave,
        began: now,
        first_move: (!filled.takes.is_empty()).then_some(now),
        settled: None,
        gates: strategy
            .gates
            .iter()
            .map(|gate| (gate.clone(), Default::default()))
            .collect(),
        failed: None,
        adopted: false,
        paused: false,
        held_since: None,
        past: Vec::new(),
        switch,
    };
    let taken: BTreeSet<ServerId> = filled.takes.into_iter().collect();
    let carries = cohort
        .sites
        .iter()
        .filter(|site| taken.contains(site.id) && site.carries == Some(version.as_str()));
    let shown = RolloutPlan {
        version: version.clone(),
        former: former.cloned(),
        strategy: strategy.name.clone(),
        phase,
        wave: wave + 1,
        waves: rollout.waves.len(),
        to: to(&rollout),
        size: filled.size,
        members: taken.len() as u64,
        carrying: carries.count() as u64,
        stuck: 0,
        state: Phase::Moving,
        rule: RolloutRule::Starts,
        why: if cohort.len() == 0 {
            "waits for a live server".to_owned()
        } else {
            String::new()
        },
        since: now,
        not_before: None,
        gates: case
            .terms
            .readings
            .of(case.name)
            .map(|readings| before_start(strategy, &case.terms.policy.rollouts, readings))
            .unwrap_or_default(),
    };
    let carry = Carry::Waves {
        id: rollout.id(case.name),
        taken,
        goes: Goes::On,
        former: former.cloned(),
        former_approved: next.approved,
    };
    (rollout, carry, shown)
}

/// How far the wave of a rollout goes, in words.
fn to(rollout: &Rollout) -> String {
    let wave = || rollout.waves.get(rollout.wave).map(|wave| wave.to.to_string());
    let phase = rollout.phase().map(|phase| phase.to_string());
    phase.or_else(wave).unwrap_or_default()
}
