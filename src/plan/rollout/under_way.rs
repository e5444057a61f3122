//! A rollout under way: the rules 2a and R1 to R13; the first that matches decides. What stops it, what takes it back and what lets
//! it go on are files of their own.

mod back;
mod course;
mod settled;
mod stands;

use std::collections::BTreeSet;

use super::agents;
use super::carry::{Carry, Goes};
use super::cohort::Site;
use super::gates::{self, Gates};
use super::members::Filled;
use super::step::RolloutRule;
use super::watch::{Phase, RolloutPlan};
use super::words;
use crate::fleet::Server;
use crate::gate::Gate;
use crate::memory::{ChannelMemory, Member, Rollout};
use crate::plan::channel::{Case, Matched};
use crate::plan::gate::MemberSays;
use crate::plan::inputs::Blind;
use crate::plan::model::{Happening, Plan};
use crate::problem::{Code, Kind, Problem};
use crate::rollout::{OnFailure, Strategy};
use crate::tag::{ChannelName, ServerId, Version};
pub(in crate::plan) use back::{lapse, taken_back_words};

/// One rollout in one pass.
struct Pass<'c, 'a> {
    case: &'c Case<'a>,
    rollout: Rollout,
    release: Version,
    strategy: Option<&'a Strategy>,
    gates: Option<Gates<'a>>,
}

/// Decides about a rollout under way. What it remembers is in `next`, and what its servers are to carry in the match.
pub(in crate::plan) fn under_way(case: &Case<'_>, next: &mut ChannelMemory, plan: &mut Plan) -> Option<Matched> {
    let mut pass = Pass::of(case, next)?;
    if case.observes() && pass.goes_back(next) {
        return Some(pass.observe(next));
    }
    if let Some(matched) = pass.gate_failed(next, plan) {
        return Some(matched);
    }
    let stands = pass.stands(next, plan);
    if stands.is_none() && pass.former_in_both_keys(next).is_some() {
        let back = if case.observes() {
            Some(pass.observe(next))
        } else {
            pass.taken_back(next)
        };
        return back;
    }
    let stands = stands.or_else(|| pass.stopped(next));
    Some(match stands {
        Some(stands) => pass.stand(stands, next, plan),
        None => pass.go_on(next, plan),
    })
}

/// Counts the readings of a channel whose row is gone: nothing of it is tagged, but its gates are watched.
pub(in crate::plan) fn stand_without_row(
    case: &Case<'_>,
    next: &mut ChannelMemory,
    plan: &mut Plan,
) -> Option<Matched> {
    Some(Pass::of(case, next)?.stand_without_row(next, plan))
}

/// The same while the sheet cannot be read. Gives what failed, if that takes the release back.
pub(in crate::plan) fn count_alone<'a>(
    given: Blind<'a>,
    name: &ChannelName,
    next: &mut ChannelMemory,
) -> Option<String> {
    let rollouts = &given.policy.rollouts;
    let rollout = next.rollout.as_mut()?;
    let strategy = rollouts.strategy(&rollout.strategy)?;
    let (id, release, tag) = (rollout.id(name), next.release.as_ref()?, &given.policy.version_tag);
    let members: Vec<(&Server, &Member)> = given
        .fleet
        .servers
        .iter()
        .filter_map(|(server, live)| {
            let known = given.memory.servers.get(server).filter(|known| !known.held)?;
            let member = known.member.as_ref().filter(|member| member.of == id)?;
            live.state.is_live().then_some((live, member))
        })
        .collect();
    let mut carried = members.iter().filter_map(|(live, _)| live.tag(tag));
    if !carried.any(|version| **version == *release.as_str()) {
        gates::empty(rollout);
    }
    let says = |(live, member): &(&'a Server, &'a Member)| MemberSays {
        says: given.policy.agents.read(live, given.now),
        before: member.said.as_deref(),
    };
    let says: Vec<MemberSays<'_>> = members.iter().map(says).collect();
    let readings = given.readings.of(name);
    let taken = |gate: &Gate| agents::read(gate, release, &says).or_else(|| readings?.get(&gate.name).cloned());
    let gates = Gates::count(rollout, strategy, rollouts, &taken, given.now);
    let asked = gates.failed()?;
    let by_itself = strategy.on_failure == OnFailure::Rollback && asked.gate.may_take_back();
    let goes_back = by_itself && next.prior.is_some();
    goes_back.then(|| words::failure(asked, rollout))
}

/// What the agents of a rollout's members say.
fn says<'a>(case: &Case<'a>, rollout: &Rollout, release: &Version) -> Vec<MemberSays<'a>> {
    let (now, agents) = (case.terms.now, &case.terms.policy.agents);
    let (id, is_met) = (rollout.id(case.name), rollout.adopted_at(now));
    let sites = case.pace.cohort.sites.iter();
    let of = |site: &Site<'a>| {
        let says = agents.read(site.server, now);
        // Who is met as a member is taken by this pass.
        if is_met {
            let before = None;
            return (site.carries == Some(release.as_str())).then_some(MemberSays { says, before });
        }
        let member = site.member.filter(|member| member.of == id)?;
        Some(MemberSays {
            says,
            before: member.said.as_deref(),
        })
    };
    sites.filter_map(of).collect()
}

impl<'c, 'a> Pass<'c, 'a> {
    /// What is remembered of the rollout, with its gates as this pass read them.
    fn of(case: &'c Case<'a>, next: &mut ChannelMemory) -> Option<Self> {
        let release = next.release.clone()?;
        let mut rollout = next.rollout.take()?;
        let rollouts = &case.terms.policy.rollouts;
        let kind = |strategy: &&Strategy| strategy.colours.is_some() == rollout.switch.is_some();
        let strategy = rollouts.strategy(&rollout.strategy).filter(kind);
        let readings = case.terms.readings.of(case.name);
        // What a wave baked and passed was another fleet, if nobody is left who carries the version.
        let id = rollout.id(case.name);
        let alive = |site: &Site<'_>| {
            site.carries == Some(release.as_str()) && site.member.is_some_and(|member| member.of == id)
        };
        if !rollout.adopted_at(case.terms.now) && !case.pace.cohort.sites.iter().any(alive) {
            gates::empty(&mut rollout);
        }
        let says = says(case, &rollout, &release);
        let taken = |gate: &Gate| agents::read(gate, &release, &says).or_else(|| readings?.get(&gate.name).cloned());
        let gates = strategy.map(|strategy| Gates::count(&mut rollout, strategy, rollouts, &taken, case.terms.now));
        Some(Self {
            case,
            rollout,
            release,
            strategy,
            gates,
        })
    }

    fn happening(&self, event: &'static str, detail: impl Into<String>) -> Happening {
        self.case.happening(event, "", self.release.as_str(), detail.into())
    }

    /// Whether this pass adopted it as it was found.
    fn is_met(&self) -> bool {
        self.rollout.adopted_at(self.case.terms.now)
    }

    fn is_member(&self, site: &Site<'_>) -> bool {
        if self.is_met() {
            return site.carries == Some(self.release.as_str());
        }
        site.member
            .is_some_and(|member| member.of.0 == *self.case.name && member.of.1 == self.rollout.id)
    }

    fn wave_size(&self) -> String {
        if let Some(phase) = self.rollout.phase() {
            return phase.to_string();
        }
        self.rollout
            .waves
            .get(self.rollout.wave)
            .map_or_else(|| "100%".to_owned(), |wave| wave.to.to_string())
    }

    fn report(&self, code: Code, message: String, plan: &mut Plan) {
        let place = self.case.place("status");
        plan.problems.push(Problem::new(Kind::Gate, code, place, message));
    }

    fn shown(
        &self,
        filled: &Filled,
        taken: &BTreeSet<ServerId>,
        state: Phase,
        why: String,
        next: &ChannelMemory,
    ) -> RolloutPlan {
        let members = || {
            let sites = self.case.pace.cohort.sites.iter();
            sites.filter(|site| self.is_member(site) || taken.contains(site.id))
        };
        let carries = |site: &&Site<'_>| site.carries == Some(self.release.as_str());
        RolloutPlan {
            version: self.release.clone(),
            former: next.prior.clone(),
            strategy: self.rollout.strategy.clone(),
            phase: self.rollout.phase(),
            wave: self.rollout.wave + 1,
            waves: self.rollout.waves.len(),
            to: self.wave_size(),
            size: filled.size,
            members: members().count() as u64,
            carrying: members().filter(carries).count() as u64,
            stuck: 0,
            state,
            rule: RolloutRule::Moves,
            why,
            since: self.rollout.began,
            not_before: None,
            gates: self.gates.as_ref().map(Gates::lines).unwrap_or_default(),
        }
    }

    /// Remembers the rollout, and says what its servers are to carry.
    fn close(
        self,
        matched: Matched,
        rollout: RolloutPlan,
        mut taken: BTreeSet<ServerId>,
        goes: Goes,
        next: &mut ChannelMemory,
    ) -> Matched {
        if self.is_met() {
            let members = self.case.pace.cohort.sites.iter().filter(|site| self.is_member(site));
            taken.extend(members.map(|site| site.id.clone()));
            let resting = self.case.pace.cohort.resting.iter();
            let carry = resting.filter(|(_, carries)| *carries == Some(self.release.as_str()));
            taken.extend(carry.map(|(id, _)| (*id).clone()));
        }
        let carry = Carry::Waves {
            id: self.rollout.id(self.case.name),
            taken,
            goes,
            former: next.prior.clone(),
            former_approved: next.prior_approved,
        };
        next.rollout = Some(self.rollout);
        Matched {
            carry: Some(carry),
            rollout: Some(rollout),
            ..matched
        }
    }
}
