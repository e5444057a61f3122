//! First contact and takeover: what is adopted from what the servers carry.

use super::super::world::{IDS, Ids, NONE, Row, Version};
use super::keys::{Advance, Key};
use super::{Memory, Needed, Pass, Rollout};

impl Pass<'_> {
    /// Adopts the channel; gives whether it could: its row stands once, and all regions in which servers may be answer.
    pub(super) fn meet(&mut self) -> bool {
        let world = self.world;
        let now = world.takeover || self.memory.pending;
        // What has no row at a takeover is met like any other channel when it gets one.
        let taken_over = self.memory.taken_over || (now && world.rows().next().is_some());
        let takeover = now || taken_over;
        let alive = self.memory.alive;
        self.memory = Memory {
            taken_over,
            alive,
            listed: world.rows().next().is_some(),
            ..Memory::default()
        };
        let (Some(row), false) = (world.row(), world.away) else {
            return false;
        };
        self.memory.met = true;
        self.memory.taken_over = false;
        let adopted = takeover && self.adopt_rollout(row);
        if !adopted {
            // Where the takeover could not adopt at once, the way back is not taken from the sheet.
            self.adopt_release(row, now);
        }
        let release = self.memory.release;
        // Keys that stand there and name what was adopted over several versions would move servers by being met.
        let mixed = self.memory.mixed;
        let counts = |held: Version| !takeover && (held == NONE || (held == release && !mixed));
        if self.has(Needed::TakeoverSpendsKeys) {
            self.memory.keys = row.keys.map(|held| match held {
                _ if !world.protected => Key::Unread,
                held if counts(held) => Key::Counts,
                held => Key::SpentAt(held),
            });
        }
        self.memory.latched = row.rollback && self.has(Needed::TakeoverLatches);
        self.memory.advance = Advance {
            latched: row.advance,
            given: row.advance && !self.has(Needed::TakeoverLatches),
        };
        true
    }

    /// The row names just the two versions that the servers carry.
    fn adopt_rollout(&mut self, row: &Row) -> bool {
        let world = self.world;
        let carry = |version: Version| {
            let carries = |id: &usize| world.seen(*id).is_some_and(|server| server.tag == version);
            (0..IDS).filter(carries).fold(0, |ids: Ids, id| ids | 1 << id)
        };
        let (new, former) = (carry(row.release), carry(row.previous));
        let named = row.release != NONE && row.previous != NONE && row.release != row.previous;
        // Servers that carry no version yet are joins, not a third version.
        let just = new != 0 && former != 0 && (new | former) == self.carried();
        if !named || !just || !world.protected || row.touched {
            return false;
        }
        self.memory.release = row.release;
        self.memory.prior = row.previous;
        self.memory.rollout = Some(Rollout {
            wave: self.first_that_holds(new),
            moved: Some(world.now),
            members: new,
            reached: new,
            ..Rollout::default()
        });
        true
    }

    /// The version that most of those carry that carry one. Held servers carry theirs, too.
    fn adopt_release(&mut self, row: &Row, takeover: bool) {
        let world = self.world;
        let carrying = |version: Version| {
            let carries = |id: &usize| world.seen(*id).is_some_and(|server| server.tag == version);
            (0..IDS).filter(carries).count()
        };
        let total: usize = (1..=3).map(carrying).sum();
        let most = (1..=3).find(|version| carrying(*version) * 2 > total);
        self.memory.release = most.unwrap_or(NONE);
        let others = most.is_some_and(|version| carrying(version) < total);
        self.memory.mixed = others && self.has(Needed::QuietTakeover);
        let shown = takeover && world.protected && !row.touched && most == Some(row.release);
        if shown {
            self.memory.prior = row.previous;
        }
    }
}
