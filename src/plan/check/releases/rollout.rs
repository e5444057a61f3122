//! A rollout: each way in which it may start, go on, end and be taken back, worked out anew.

use chrono::TimeDelta;

use super::case::{Case, counts};
use crate::gate::{Gate, Kind, Taken, Verdict};
use crate::memory::{Advance, ChannelMemory, KeyState, Move, Rollout, RolloutId, ServerMemory};
use crate::plan::check::ground::{Ground, Spot};
use crate::plan::check::voices::voices;
use crate::plan::policy::Belt;
use crate::plan::window::Hours;
use crate::rollout::{OnFailure, Strategy};
use crate::sheet::intent::{Key, Tick};
use crate::tag::Version;

impl Case<'_> {
    /// A channel in which a rollout is under way, before the plan or after it.
    pub(super) fn rollout(&self, before: &ChannelMemory, confirmed: bool, faults: &mut Vec<String>) {
        match (&before.rollout, &self.next.rollout) {
            (None, Some(next)) => self.starts(before, next, confirmed, faults),
            (Some(was), Some(next)) => self.goes_on(before, was, next, confirmed, faults),
            (Some(was), None) if self.next.moved == Move::Rollback && self.next.release == before.prior => {
                self.is_taken_back(before, was, confirmed, faults);
            }
            (Some(was), None) => {
                if self.next.release != before.release || self.next.prior != before.prior {
                    faults.push("ends its rollout with another release".to_owned());
                }
                if was.wave + 1 < was.waves.len() {
                    faults.push("ends its rollout before the last wave".to_owned());
                }
                self.leaves_wave(before, was, confirmed, faults);
            }
            (None, None) => {}
        }
    }

    /// Whether both keys count, and name this version, in one readable row that is as the service left it, enabled and protected.
    fn keys_stand(&self, before: &ChannelMemory, version: Option<&Version>, confirmed: bool) -> bool {
        let [row] = self.rows else { return false };
        let count = confirmed && counts(&before.key_a, &row.key_a) && counts(&before.key_b, &row.key_b);
        let live = self.next.key_a == KeyState::Live && self.next.key_b == KeyState::Live;
        let box_stands = row.rollback == Tick::On && (before.latch.is_some() || self.next.latch.is_some());
        count
            && live
            && !box_stands
            && version.is_some()
            && [&row.key_a, &row.key_b].map(Key::version) == [version, version]
            && row.errors.is_empty()
            && self.protected()
    }

    fn is_enabled(&self) -> bool {
        matches!(self.rows, [row] if row.enabled == Tick::On)
    }

    fn is_open(&self) -> bool {
        let given = self.evidence.given;
        given.policy.hours_of(self.name, given.now) == Hours::Open
    }

    /// Whether everything that has servers of the channel answers, and no belt holds any of it.
    fn is_whole(&self, ground: &Ground<'_>) -> bool {
        !self.evidence.held_by(Belt::RowDrop) && ground.silent.is_empty()
    }

    fn strategy(&self, rollout: &Rollout) -> Option<&Strategy> {
        self.evidence.given.policy.rollouts.strategy(&rollout.strategy)
    }

    /// No start without both keys, in its window.
    fn starts(&self, before: &ChannelMemory, rollout: &Rollout, confirmed: bool, faults: &mut Vec<String>) {
        let next = self.next;
        let mut must = |holds: bool, fault: &str| {
            if !holds {
                faults.push(fault.to_owned());
            }
        };
        let ground = Ground::new(self.evidence, self.name);
        let adopted = before.release == next.release && before.mixed && !before.approved;
        must(
            self.keys_stand(before, next.release.as_ref(), confirmed) && self.is_enabled(),
            "a rollout starts without both keys",
        );
        must(
            adopted || before.release != next.release,
            "a rollout starts to what is in force",
        );
        must(
            next.prior == before.release || (before.mixed && next.prior.is_none()),
            "a rollout forgets what it leaves",
        );
        must(
            !next.mixed && next.moved == Move::Promotion,
            "a rollout starts and is not remembered as one",
        );
        must(self.is_open(), "a rollout starts outside its window");
        must(
            self.is_whole(&ground),
            "a rollout starts while a belt or an outage holds it",
        );
        must(
            !self.evidence.given.policy.observe,
            "a rollout starts while only observing",
        );
        must(
            rollout.settled.is_none() && rollout.failed.is_none(),
            "a rollout starts with a past",
        );
        self.fits(before, rollout, &ground, faults);
    }

    fn goes_on(
        &self,
        before: &ChannelMemory,
        was: &Rollout,
        rollout: &Rollout,
        confirmed: bool,
        faults: &mut Vec<String>,
    ) {
        let next = self.next;
        if next.release != before.release || next.prior != before.prior {
            faults.push("changes its release in a rollout".to_owned());
        }
        if (was.id, &was.waves, &was.strategy) != (rollout.id, &rollout.waves, &rollout.strategy) {
            faults.push("becomes another rollout".to_owned());
        }
        let ground = Ground::new(self.evidence, self.name);
        if rollout.wave != was.wave {
            if rollout.wave < was.wave {
                faults.push("goes back a wave".to_owned());
            }
            // A switch that has begun goes on outside windows.
            let begun = was.switch.is_some() && was.wave == 1;
            if !self.is_open() && !begun {
                faults.push("starts a wave outside its window".to_owned());
            }
            self.leaves_wave(before, was, confirmed, faults);
        }
        self.fits(before, rollout, &ground, faults);
    }

    /// Members that this plan adds do not exceed the size of the wave.
    fn fits(&self, _before: &ChannelMemory, rollout: &Rollout, ground: &Ground<'_>, faults: &mut Vec<String>) {
        let id = rollout.id(self.name);
        let (mut members, mut added, mut joined) = (0, 0, 0);
        let last = rollout.wave + 1 >= rollout.waves.len();
        for site in &ground.sites {
            let was = site.memory.is_some_and(|m| m.is_member(&id));
            let planned = self.evidence.plan.update.servers.get(site.id);
            let is = planned.map_or(was, |m| m.is_member(&id));
            members += u64::from(is);
            let said = |memory: &ServerMemory| memory.member.as_ref().map(|member| member.said.clone());
            if was && is && planned.is_some_and(|planned| site.memory.and_then(said) != said(planned)) {
                faults.push(format!(
                    "forgets what the agent of {} said when a wave took it",
                    site.id
                ));
            }
            added += u64::from(is && !was);
            // In the last wave whoever carries no version is a member at once.
            joined += u64::from(is && !was && last && site.carries.is_none());
        }
        let adopted = rollout.adopted && rollout.id == self.evidence.given.now.timestamp_micros();
        if added == 0 || adopted {
            return;
        }
        if let Some(switch) = rollout.switch.as_ref().filter(|_| !last) {
            self.fits_colour(rollout, &switch.other, ground, faults);
            joined = if rollout.wave > 0 {
                self.joins(rollout, ground)
            } else {
                0
            };
        }
        if let Some(size) = ground.size(&rollout.waves, rollout.wave)
            && members > size
        {
            faults.push(format!("takes {members} servers into a wave of {size}"));
        }
        if added > joined && (!self.is_open() || !self.is_whole(ground)) {
            faults.push("takes servers while a window, a belt or an outage holds the wave".to_owned());
        }
    }

    /// A phase takes servers of the other colour alone.
    fn fits_colour(&self, rollout: &Rollout, other: &str, ground: &Ground<'_>, faults: &mut Vec<String>) {
        let given = self.evidence.given;
        let Some(colours) = self.strategy(rollout).and_then(|strategy| strategy.colours.as_ref()) else {
            return faults.push("takes servers without its strategy".to_owned());
        };
        let theirs = |id| {
            let server = given.fleet.servers.get(id);
            server
                .and_then(|server| server.tag(&colours.colour_tag))
                .is_some_and(|it| **it == *other)
        };
        if self.added(rollout, ground).any(|site| !theirs(site.id)) {
            faults.push("takes servers of another colour".to_owned());
        }
    }

    fn added<'g>(&'g self, rollout: &Rollout, ground: &'g Ground<'g>) -> impl Iterator<Item = &'g Spot<'g>> {
        let id = rollout.id(self.name);
        ground.sites.iter().filter(move |site| {
            let was = site.memory.is_some_and(|m| m.is_member(&id));
            let planned = self.evidence.plan.update.servers.get(site.id);
            !was && planned.is_some_and(|m| m.is_member(&id))
        })
    }

    /// Who joins a colour that is on the new version leaves nothing.
    fn joins(&self, rollout: &Rollout, ground: &Ground<'_>) -> u64 {
        self.added(rollout, ground)
            .filter(|site| site.carries.is_none())
            .count() as u64
    }

    /// No wave is left without its bake, its own passes, all members on the version and one of them alive.
    fn leaves_wave(&self, before: &ChannelMemory, was: &Rollout, confirmed: bool, faults: &mut Vec<String>) {
        let mut must = |holds: bool, fault: &str| {
            if !holds {
                faults.push(fault.to_owned());
            }
        };
        let ground = Ground::new(self.evidence, self.name);
        let given = self.evidence.given;
        let release = before.release.as_ref();
        must(
            self.keys_stand(before, release, confirmed) && self.is_enabled(),
            "leaves a wave without both keys",
        );
        must(
            self.is_whole(&ground),
            "leaves a wave while a belt or an outage holds it",
        );
        must(!given.policy.observe, "leaves a wave while only observing");
        let Some(strategy) = self.strategy(was) else {
            return must(false, "leaves a wave of a strategy that is gone");
        };
        let last = was.wave + 1 >= was.waves.len();
        let id = was.id(self.name);
        let (mut carry, mut behind, mut stuck) = (0_u64, 0_u64, 0_u64);
        for site in ground
            .sites
            .iter()
            .filter(|site| last || site.memory.is_some_and(|m| m.is_member(&id)))
        {
            if site.carries == release.map(Version::as_str) {
                carry += 1;
            } else {
                behind += 1;
                stuck += u64::from(site.stuck);
            }
        }
        must(carry > 0, "leaves a wave in which nobody is alive");
        must(
            behind == stuck && stuck <= strategy.max_failures.of(carry + behind),
            "leaves a wave that not all its members carry",
        );
        let advances = matches!(&before.advance, Some(Advance::Waits { rollout, wave, .. })
            if (*rollout, *wave) == (was.id, was.wave))
            || (before.advance.is_none() && self.rows.iter().any(|row| row.advance == Some(Tick::On)));
        let wave = was.waves.get(was.wave);
        let own = strategy.waves.iter().find(|w| Some(&w.to) == wave.map(|wave| &wave.to));
        let quick = was.switch.is_some() && matches!(was.wave, 1 | 3);
        let asked = match &strategy.colours {
            Some(_) if quick => std::time::Duration::ZERO,
            Some(colours) if was.wave == 2 => colours.keep,
            _ => own.and_then(|w| w.bake).unwrap_or(strategy.bake),
        };
        let advances = advances || quick;
        let bake = TimeDelta::from_std(asked).unwrap_or(TimeDelta::MAX);
        let baked = was
            .settled
            .is_some_and(|settled| self.evidence.latest() - settled >= bake)
            || bake.is_zero();
        must(advances || baked, "leaves a wave before it has baked");
        must(
            advances || !wave.is_some_and(|wave| wave.manual),
            "leaves a wave that waits for somebody",
        );
        let readings = given.readings.of(self.name);
        for gate in given
            .policy
            .rollouts
            .gates_of(strategy)
            .filter(|gate| !gate.report_only)
        {
            let taken = readings.and_then(|readings| readings.get(&gate.name));
            if taken.is_some_and(|taken| taken.left_out) {
                continue;
            }
            let verdict = self.judged(gate, taken, &ground, (&id, release));
            must(verdict != Verdict::Fail, "leaves a wave while a gate fails");
            must(advances || verdict == Verdict::Pass, "leaves a wave without data");
            let passes = was.gates.get(&gate.name).map_or(0, |tally| tally.passes) + 2;
            must(advances || passes >= gate.passes, "leaves a wave without its passes");
        }
    }

    /// What a gate gives: agents are listened to anew.
    fn judged(
        &self,
        gate: &Gate,
        taken: Option<&Taken>,
        ground: &Ground<'_>,
        (id, release): (&RolloutId, Option<&Version>),
    ) -> Verdict {
        let given = self.evidence.given;
        let Kind::Agents(agents) = &gate.kind else {
            return taken.map_or(Verdict::NoData, |taken| taken.reading.verdict);
        };
        let members = ground.sites.iter().filter_map(|site| {
            let member = site.memory?.member.as_ref().filter(|member| member.of == *id)?;
            Some((given.fleet.servers.get(site.id)?, member))
        });
        voices(agents, release.map_or("", Version::as_str), members, &given)
    }

    /// A rollout that ends where it began: a tick, a gate that has failed, or both keys.
    fn is_taken_back(&self, before: &ChannelMemory, was: &Rollout, confirmed: bool, faults: &mut Vec<String>) {
        let ticked = self.rows.iter().any(|row| row.rollback == Tick::On) && before.latch.is_none();
        if ticked {
            return;
        }
        if self.evidence.given.policy.observe {
            faults.push("takes a rollout back while only observing".to_owned());
        }
        if self.next.prior.is_some() || before.prior.is_none() {
            faults.push("takes a rollout back, and leaves a second step".to_owned());
        }
        let [a, b] = self.texts();
        let former = before.prior.as_ref().map(Version::as_str);
        let keys = confirmed && self.protected() && former.is_some() && [a, b] == [former, former];
        if keys && self.next.key_a == KeyState::Live && self.next.key_b == KeyState::Live {
            return;
        }
        let readings = self.evidence.given.readings.of(self.name);
        let strategy = self
            .strategy(was)
            .filter(|strategy| strategy.on_failure == OnFailure::Rollback);
        let gates = strategy.map(|strategy| self.evidence.given.policy.rollouts.gates_of(strategy));
        let fails = |gate: &Gate| {
            let verdict = |taken: &Taken| taken.reading.verdict == Verdict::Fail;
            let now = readings
                .and_then(|readings| readings.get(&gate.name))
                .is_some_and(verdict);
            let tally = was.gates.get(&gate.name);
            // An agent's word takes nothing back.
            let counts = !gate.report_only && !matches!(gate.kind, Kind::Agents(_));
            counts && tally.is_some_and(|tally| tally.failed || now)
        };
        if !gates.is_some_and(|mut gates| gates.any(fails)) {
            faults.push("takes a rollout back though no gate has failed and nobody asked for it".to_owned());
        }
        let names_left = |key: &Key| key.version().is_some() && key.version() == before.release.as_ref();
        for row in self.rows {
            for (key, state) in [(&row.key_a, &self.next.key_a), (&row.key_b, &self.next.key_b)] {
                if names_left(key) && *state == KeyState::Live {
                    faults.push("a key that names the version that a gate took back still counts".to_owned());
                }
            }
        }
    }
}
