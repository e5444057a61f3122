//! Who is in a wave.

use super::super::world::{IDS, Ids, LAST, NONE, ORDER, Version, World, has};
use super::{Needed, Pass};

/// The size of a wave of so many per cent: rounded down, at least 1.
pub(crate) fn size(servers: usize, percent: usize) -> usize {
    if servers == 0 {
        return 0;
    }
    (servers * percent / 100).max(1)
}

/// All servers that can be taken, in their order: ticked ones first.
fn in_order(world: &World) -> impl Iterator<Item = usize> {
    let open = move |canary: bool| {
        let takes = move |id: &usize| {
            world
                .seen(*id)
                .is_some_and(|server| !server.held && server.canary == canary)
        };
        ORDER.into_iter().filter(takes)
    };
    open(true).chain(open(false))
}

impl Pass<'_> {
    /// How many members a wave may have now.
    fn size(&self, wave: u8) -> usize {
        let servers = self.world.count(|_, _| true);
        let percent = self.model.config.waves[usize::from(wave)].0;
        if self.has(Needed::RoundDown) {
            size(servers, percent)
        } else {
            (servers * percent).div_ceil(100)
        }
    }

    /// Whoever the wave takes to have its size.
    fn missing(&self, wave: u8) -> Ids {
        let members = self.members();
        let counted = self.world.count(|id, _| has(members, id));
        let room = self.size(wave).saturating_sub(counted);
        let next = in_order(self.world).filter(|id| !has(members, *id)).take(room);
        next.fold(0, |ids, id| ids | 1 << id)
    }

    /// The wave takes the next in order; gives whether it added any.
    pub(super) fn take(&mut self, wave: u8) -> bool {
        let added = self.missing(wave);
        let now = self.world.now;
        let Some(rollout) = &mut self.memory.rollout else {
            return false;
        };
        rollout.members |= added;
        if rollout.members != 0 {
            rollout.moved.get_or_insert(now);
        }
        added != 0
    }

    /// In the last wave whoever joins, which is who carries no version yet, is a member at once. That holds wherever the
    /// rollout does not stand, outside windows and in an outage too: nobody leaves the former version by it, and a server
    /// that is replaced at night would come back with the one that everybody else has left.
    pub(super) fn take_joins(&mut self) {
        let world = self.world;
        let joins = |id: &usize| world.seen(*id).is_some_and(|server| !server.held && server.tag == NONE);
        if let Some(rollout) = self.memory.rollout.as_mut().filter(|rollout| rollout.wave == LAST) {
            rollout.members |= (0..IDS).filter(joins).fold(0, |ids, id| ids | 1 << id);
        }
    }

    /// Whether all members that are live, seen and not held carry the version, and one does; in the last wave all servers.
    pub(super) fn carries_all(&self, wave: u8) -> bool {
        let members = self.members();
        let release: Version = self.memory.release;
        let all = wave == LAST && self.has(Needed::LastIsAll);
        let asked = self.world.count(|id, _| all || has(members, id));
        let carrying = self
            .world
            .count(|id, server| (all || has(members, id)) && server.tag == release);
        carrying == asked && (carrying > 0 || !self.has(Needed::NeverEmpty))
    }

    /// The wave after this one: one that would add nobody is skipped, unless it is manual or the last.
    pub(super) fn next(&self, wave: u8) -> u8 {
        let goes = |next: &u8| {
            let manual = self.model.config.waves[usize::from(*next)].1;
            *next == LAST || manual || self.missing(*next) != 0
        };
        (wave + 1..=LAST).find(goes).unwrap_or(LAST)
    }

    /// The first wave that holds so many members.
    pub(super) fn first_that_holds(&self, members: Ids) -> u8 {
        let count = self.world.count(|id, _| has(members, id));
        (0..=LAST).find(|wave| self.size(*wave) >= count).unwrap_or(LAST)
    }
}
