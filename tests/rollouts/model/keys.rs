//! Keys that count, and boxes that are served once.

use super::super::world::{NONE, Version};
use super::{Needed, Pass};

/// Whether a key counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Key {
    #[default]
    Counts,
    /// It does not, whatever it is first read to hold.
    Unread,
    /// It does not until it is seen to hold something else.
    SpentAt(Version),
}

/// The box `advance`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Advance {
    /// It was seen ticked, and not unticked since.
    pub(super) latched: bool,
    /// The tick is still to be served.
    pub(super) given: bool,
}

impl Pass<'_> {
    /// Keys of a channel that is known.
    pub(super) fn read_keys(&mut self) {
        let world = self.world;
        let row = world.row();
        let edited = row.is_some_and(|row| row.touched) && self.has(Needed::EditSpendsKeys);
        let whole = world.protected || !self.has(Needed::Protection);
        match row {
            Some(row) if whole && !edited => {
                for (key, held) in self.memory.keys.iter_mut().zip(row.keys) {
                    *key = match *key {
                        Key::Unread => Key::SpentAt(held),
                        Key::SpentAt(at) if at != held => Key::Counts,
                        key => key,
                    };
                }
            }
            None if !self.has(Needed::RowSpendsKeys) => {}
            _ => self.memory.keys = [Key::Unread; 2],
        }
        if self.memory.recalled != NONE && world.rows().next().is_some() {
            let left = std::mem::take(&mut self.memory.recalled);
            self.spend_for_gate(left);
        }
    }

    /// Spends each key that names a version, in whichever row.
    pub(super) fn spend(&mut self, version: Version) {
        for row in self.world.rows() {
            for (key, held) in self.memory.keys.iter_mut().zip(row.keys) {
                if held == version && version != NONE && *key != Key::Unread {
                    *key = Key::SpentAt(version);
                }
            }
        }
    }

    /// A gate took the release back from a version. Each key that names that one is spent, as by a tick; but no box stands ticked
    /// that would hold back a third version that both keys name by then, and the status is to stay until a key changes. So those
    /// are spent, too.
    pub(super) fn spend_for_gate(&mut self, left: Version) {
        if self.has(Needed::AutoSpendsKeys) {
            self.spend(left);
        }
        let third = self
            .world
            .row()
            .filter(|row| row.keys[0] == row.keys[1])
            .map(|row| row.keys[0]);
        if let Some(third) = third.filter(|third| *third != self.memory.release && self.has(Needed::AutoSpendsThird)) {
            self.spend(third);
        }
    }

    pub(super) fn keys_count(&self) -> bool {
        self.memory.keys == [Key::Counts; 2]
    }

    /// The latches open when a readable box is seen unticked: all boxes, where there are several.
    pub(super) fn read_boxes(&mut self) {
        let world = self.world;
        if world.rows().next().is_none() {
            return;
        }
        if !self.rollback_ticked() {
            self.memory.latched = false;
        }
        if !world.rows().any(|row| row.advance) {
            self.memory.advance = Advance::default();
            return;
        }
        let fresh = !std::mem::replace(&mut self.memory.advance.latched, true) || !self.has(Needed::AdvanceLatched);
        // Void where no rollout is under way, in a row that is doubled or unconfirmed; at a takeover the box was latched
        // before this looks at it.
        let confirmed = world.row().is_some_and(|row| !row.touched);
        let counts = confirmed || !self.has(Needed::AdvanceConfirmed);
        let only_pauses = self.only_pauses();
        let Some(rollout) = &mut self.memory.rollout else {
            self.memory.advance.given |= fresh && !self.model.has(Needed::AdvanceInRollout);
            return;
        };
        if fresh && counts {
            self.memory.advance.given = true;
            // A gate that fails again needs another tick, even if this one is not served yet.
            rollout.gate.failed &= !only_pauses && self.memory.prior != NONE;
        }
    }

    pub(super) fn rollback_ticked(&self) -> bool {
        self.world.rows().any(|row| row.rollback)
    }

    /// A tick that was not served belongs to a wave that is over.
    pub(super) fn advance_lapses(&mut self) {
        if self.has(Needed::AdvanceOfItsWave) {
            self.memory.advance.given = false;
        }
    }
}
