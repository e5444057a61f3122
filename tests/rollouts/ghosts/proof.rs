//! What an onlooker has noted of a wave: who carries the version, and what the gate gave at which time.

use super::super::fingerprint::Print;
use super::super::world::{Config, IDS, Reading, World, has};
use super::Ghosts;

impl Ghosts {
    pub(super) fn look_at_members(&mut self, world: &World) {
        let (members, release) = (self.members(), self.release());
        let carries = |id: &usize| has(members, *id) && world.seen(*id).is_some_and(|server| server.tag == release);
        self.got |= (0..IDS).filter(carries).fold(0, |ids, id| ids | 1 << id);
        self.got &= (0..IDS)
            .filter(|id| world.servers[*id].is_some())
            .fold(0, |ids, id| ids | 1 << id);
        if world.count(|id, server| has(members, id) && server.tag == release) == 0 {
            self.settled = None;
            self.passes = 0;
        }
    }

    /// Takes a reading down: the same moment makes one of two.
    pub(super) fn note(&mut self, world: &World, config: &Config) {
        let (now, reading) = (world.now, world.gives(config, self.members()));
        match self.interval {
            Some((at, worst)) if at == now => self.interval = Some((at, worst.max(reading))),
            _ => {
                (self.passes, self.fails) = (self.passes(config), self.failures(config));
                self.interval = Some((now, reading));
            }
        }
    }

    /// Passes in a row of this wave.
    pub(crate) fn passes(&self, config: &Config) -> u8 {
        match (self.interval, self.settled) {
            (Some((at, Reading::Pass)), Some(settled)) if at > settled && at >= settled + config.warmup => {
                (self.passes + 1).min(config.passes)
            }
            (Some((_, Reading::Pass)) | None, _) => self.passes,
            _ => 0,
        }
    }

    /// Failures in a row of this rollout.
    pub(crate) fn failures(&self, config: &Config) -> u8 {
        match (self.interval, self.moved) {
            (Some((at, Reading::Fail)), Some(moved)) if at >= moved + config.warmup => {
                (self.fails + 1).min(config.failures)
            }
            (Some((_, Reading::Pass)), _) => 0,
            _ => self.fails,
        }
    }

    pub(crate) fn feed(&self, now: u32, print: &mut Print) {
        let Self {
            vouched,
            stale,
            untouched,
            rollback,
            advance,
            said,
            met,
            listed,
            seen,
            got,
            official,
            proven,
            gone,
            settled,
            moved,
            interval,
            passes,
            fails,
            failed,
        } = self;
        print.flags(vouched);
        print.flags(stale);
        print.flags(&[*untouched, *met, *listed, *failed, said.is_some(), interval.is_some()]);
        print.part(*rollback as u8, 2);
        print.part(*advance as u8, 2);
        for part in [*seen, *got, *official, *proven, *gone] {
            print.part(part, 6);
        }
        print.age(*settled, now);
        print.age(*moved, now);
        print.part(*passes, 2);
        print.part(*fails, 2);
        if let Some((at, worst)) = interval {
            print.age(Some(*at), now);
            print.part(*worst as u8, 2);
        }
        if let Some(said) = said {
            print.part(said.wave.map_or(3, |wave| wave), 2);
            for part in [said.release, said.previous, said.members] {
                print.part(part, 6);
            }
        }
    }
}
