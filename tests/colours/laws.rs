//! What an onlooker knows of what was done, and the laws B1 to B5 judged by it: at each write, and at the end of each pass.

use super::model::{Decision, KEEP, Memory, PREVIEW, SWITCHING, Write};
use super::world::{MOST, NEW, NONE, OLD, Reading, Role, World, colour};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Law {
    /// No server gives up `active` unless the other colour is wholly `active`.
    B1,
    /// Traffic only reaches a version whose gates have passed.
    B2,
    /// A rollback whose writes all succeeded leaves no traffic on the version that it left.
    B3,
    /// No server changes its version while it takes traffic, but where a rollback has to go back in place.
    B4,
    /// The switch goes to a colour of which all servers carry the version, and that is as large.
    B5,
}

/// What an onlooker knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ghost {
    /// Versions whose gates have passed in their own rollout.
    proven: [bool; 3],
    /// Passes in a row over a whole preview.
    good: u8,
    /// Whether somebody else put the version there that a server carries.
    foreign: [bool; MOST],
    /// Whether somebody else gave it its role.
    handed: [bool; MOST],
    /// A rollback is under way that cannot go by roles.
    in_place: bool,
}

impl Ghost {
    pub(super) const FIRST: Self = Self {
        proven: [true, true, false],
        good: 0,
        foreign: [false; MOST],
        handed: [false; MOST],
        in_place: false,
    };

    /// What stood there when a store took over takes its traffic by right.
    pub(super) fn takes_over(&mut self, memory: &Memory) {
        if memory.rollout.is_none_or(|rollout| rollout.phase >= KEEP) {
            self.proven[usize::from(memory.release)] = true;
        }
        self.in_place = false;
        self.foreign = [true; MOST];
    }

    /// Somebody else put a version on a server, or launched it.
    pub(super) const fn tagged(&mut self, server: usize) {
        self.foreign[server] = true;
    }

    /// Somebody else gave a server its role.
    pub(super) const fn handed(&mut self, server: usize) {
        self.handed[server] = true;
    }

    /// Before a pass writes: what it read, what it found and what it decided.
    pub(super) fn decided(&mut self, world: &World, before: &Memory, decision: &Decision) -> Result<(), Law> {
        let seen = |of: usize| (0..MOST).filter(move |i| colour(*i) == of && world.sees(*i));
        if let Some(rollout) = before.rollout {
            let other = 1 - rollout.former;
            let carries = |i: usize| world.servers[i].version == before.release;
            let whole = seen(other).next().is_some() && seen(other).all(carries);
            let large = seen(other).count() >= seen(rollout.former).count();
            if rollout.phase == PREVIEW {
                let good = whole && large && world.reading == Reading::Pass;
                self.good = if good { (self.good + 1).min(2) } else { 0 };
                self.proven[usize::from(before.release)] |= self.good >= 2;
            }
            if decision.events.contains(&"switch") && !(whole && large) {
                return Err(Law::B5);
            }
        }
        let back = decision.memory.unfinished && (!before.unfinished || before.release != decision.memory.release);
        if back || decision.events.contains(&"start") {
            self.good = 0;
            self.in_place = false;
            let unproven = if back { before.release } else { decision.memory.release };
            self.proven[usize::from(unproven)] = false;
        }
        if decision.memory.unfinished {
            let by_roles = before
                .rollout
                .is_none_or(|rollout| matches!(rollout.phase, PREVIEW | SWITCHING | KEEP))
                && !(back && before.rollout.is_none());
            let known = decision.memory.known();
            let former = match before.rollout {
                Some(rollout) => rollout.former,
                None => decision.memory.active,
            };
            let theirs = |i: &usize| colour(*i) == former && known[*i].is_some();
            let whole = seen(former).next().is_some()
                && (0..MOST)
                    .filter(theirs)
                    .all(|i| [Some(NONE), Some(decision.memory.release)].contains(&known[i]));
            self.in_place |= !(by_roles && whole);
        } else {
            self.in_place = false;
        }
        Ok(())
    }

    /// A write, before it is made.
    pub(super) fn writes(&mut self, world: &World, memory: &Memory, write: Write) -> Result<(), Law> {
        let server = world.servers[write.server];
        let role = write.role.unwrap_or(server.role);
        let version = write.version.unwrap_or(server.version);
        if server.role == Role::Active && role != Role::Active && !world.is_wholly_active(1 - colour(write.server)) {
            return Err(Law::B1);
        }
        let changes = version != server.version;
        // What somebody else put there is corrected where it stands.
        let is_back = self.in_place || self.foreign[write.server];
        // Nor can one be helped that joined the active colour while the rollout stood, and that somebody else made active since.
        let late = memory
            .rollout
            .is_some_and(|it| it.phase >= KEEP && colour(write.server) != it.former);
        let is_back = is_back || (late && self.handed[write.server]);
        if changes && server.version != NONE && role == Role::Active && (!is_back || server.role != Role::Active) {
            return Err(Law::B4);
        }
        let reaches = role == Role::Active && (server.role != Role::Active || changes);
        if reaches && version != NONE && !self.proven[usize::from(version)] {
            return Err(Law::B2);
        }
        self.handed[write.server] &= write.role.is_none();
        if changes {
            self.foreign[write.server] = false;
        }
        Ok(())
    }

    /// After a pass all of whose writes succeeded, with everything in sight.
    pub(super) fn ended(world: &World, decision: &Decision, left: u8) -> Result<(), Law> {
        let back = ["by roles", "in place"]
            .iter()
            .any(|event| decision.events.contains(event));
        let bad = (0..2)
            .flat_map(|of| world.of(of))
            .any(|s| s.role == Role::Active && s.version == left);
        if back && bad && !world.away {
            Err(Law::B3)
        } else {
            Ok(())
        }
    }

    /// The versions that there are.
    pub(super) const fn is_version(version: u8) -> bool {
        matches!(version, OLD | NEW)
    }
}
