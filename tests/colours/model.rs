//! The rules of blue-green, as one pure decision: (what is seen, what is remembered) → what to remember, and which tags to write
//! in which stage.

use super::world::{MOST, NEW, NONE, OLD, Reading, Role, World, colour, is_far};

/// A rule, by what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Needed {
    /// Who gives up `active` waits until the writes that make the others active have succeeded.
    TwoStages,
    /// Nobody gives up `active` while a server of the other colour neither is active nor is about to be.
    WhollyBefore,
    /// Servers out of sight count.
    Sources,
    /// Passes in a row before the switch.
    Gate,
    /// A rollback goes by roles only while the former colour wholly carries the former version.
    WholeForRoles,
    /// The other colour gives up `active` in the pass of the rollback.
    BackAtOnce,
    /// After a rollback by roles a version goes back only once its server is in preview.
    DemoteBeforeVersion,
    /// A server of the other colour that somebody made active gets no new version.
    PreviewTakesNoTraffic,
    /// A rollback goes by roles where it can.
    RolesWhileFormer,
    /// The switch waits for all servers of the other colour.
    AllCarry,
    /// The switch waits until the other colour has as many servers as the active one.
    AsMany,
    /// Nobody becomes active who carries another version.
    CarryToPromote,
}

/// The phases.
pub(super) const PREVIEW: u8 = 0;
pub(super) const SWITCHING: u8 = 1;
pub(super) const KEEP: u8 = 2;
pub(super) const FOLLOW: u8 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rollout {
    pub(super) phase: u8,
    /// The colour that was active at its start.
    pub(super) former: usize,
    pub(super) settled: bool,
    passes: u8,
    failures: u8,
    /// A pass has found the other colour wholly active.
    whole: bool,
    pub(super) demotes: bool,
    members: [bool; MOST],
    /// A store that took over found it so: it stands until both keys are typed.
    pub(super) paused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Memory {
    pub(super) release: u8,
    pub(super) prior: u8,
    pub(super) active: usize,
    pub(super) rollout: Option<Rollout>,
    /// A rollback has yet to reach all servers.
    pub(super) unfinished: bool,
    pub(super) in_place: bool,
    /// Servers that were seen, with the version that each carried last; `None`: it ended.
    known: [Option<u8>; MOST],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) server: usize,
    pub(super) role: Option<Role>,
    pub(super) version: Option<u8>,
}

/// What a pass decided: what to remember, the writes of each stage, and what happened.
pub(super) struct Decision {
    pub(super) memory: Memory,
    pub(super) stages: [Vec<Write>; 2],
    pub(super) events: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Model {
    pub(super) dropped: Option<Needed>,
}

impl Memory {
    pub(super) const FIRST: Self = Self {
        release: OLD,
        prior: NONE,
        active: 0,
        rollout: None,
        unfinished: false,
        in_place: false,
        known: [Some(OLD); MOST],
    };

    /// What each server carried when it was last seen; `None`: it ended.
    pub(super) const fn known(&self) -> &[Option<u8>; MOST] {
        &self.known
    }

    fn unseen(&self, world: &World, of: Option<usize>) -> bool {
        (0..MOST).any(|i| self.known[i].is_some() && world.away && is_far(i) && of.is_none_or(|of| colour(i) == of))
    }
}

impl Model {
    fn is(&self, rule: Needed) -> bool {
        self.dropped != Some(rule)
    }

    pub(super) fn decide(&self, world: &World, known: &Memory) -> Decision {
        let mut memory = *known;
        for i in 0..MOST {
            if world.sees(i) {
                memory.known[i] = Some(world.servers[i].version);
            } else if !(world.away && is_far(i)) {
                memory.known[i] = None;
            }
        }
        let mut events = Vec::new();
        if let Some(mut rollout) = memory.rollout {
            rollout.failures = match world.reading {
                Reading::Fail => rollout.failures + 1,
                Reading::Pass => 0,
                Reading::NoData => rollout.failures,
            };
            rollout.passes = match world.reading {
                Reading::Pass if rollout.settled => (rollout.passes + 1).min(2),
                _ => 0,
            };
            rollout.paused &= !world.typed;
            memory.rollout = Some(rollout);
            if world.ticked || rollout.failures >= 2 {
                self.roll_back(world, &mut memory, rollout, &mut events);
            } else if !rollout.paused {
                self.go_on(world, &mut memory, rollout, &mut events);
            }
        } else if world.ticked && memory.prior != NONE {
            (memory.release, memory.prior) = (memory.prior, NONE);
            (memory.unfinished, memory.in_place) = (true, true);
            events.push("in place");
        } else if world.typed && world.reading != Reading::Fail && !memory.unseen(world, None) && !memory.unfinished {
            self.start(world, &mut memory, &mut events);
        }
        self.note_finished(world, &mut memory);
        let stages = self.writes(world, &memory);
        Decision { memory, stages, events }
    }

    /// What a store that takes over makes of what it finds, with the two versions that the sheet shows; `None`: it adopts nothing.
    pub(super) fn takes_over(world: &World, sheet: &Memory) -> Option<Memory> {
        if world.away {
            return None;
        }
        let known = std::array::from_fn(|i| world.sees(i).then_some(world.servers[i].version));
        let all = |of: usize, version: u8| world.of(of).all(|server| server.version == version);
        let mut memory = Memory {
            active: [0, 1].into_iter().find(|of| world.is_wholly_active(*of))?,
            rollout: None,
            unfinished: false,
            in_place: false,
            known,
            ..*sheet
        };
        if all(0, sheet.release) && all(1, sheet.release) {
            memory.prior = NONE;
            return Some(memory);
        }
        if sheet.prior == NONE || known.iter().flatten().any(|version| *version == NONE) {
            return None;
        }
        let whole = |of: &usize| world.is_wholly_active(*of);
        let before = [0, 1].into_iter().find(|of| whole(of) && all(*of, sheet.prior));
        let after = [0, 1]
            .into_iter()
            .find(|of| whole(of) && all(*of, sheet.release) && !whole(&(1 - of)));
        let (phase, former) = match (before, after) {
            (Some(former), _) => (PREVIEW, former),
            (None, Some(now)) if all(1 - now, sheet.prior) => (KEEP, 1 - now),
            (None, Some(now)) => (FOLLOW, 1 - now),
            (None, None) => return None,
        };
        memory.rollout = Some(Rollout {
            phase,
            former,
            settled: false,
            passes: 0,
            failures: 0,
            whole: false,
            demotes: phase > SWITCHING,
            members: known.map(|version| version == Some(sheet.release)),
            paused: true,
        });
        Some(memory)
    }

    fn start(&self, world: &World, memory: &mut Memory, events: &mut Vec<&'static str>) {
        if [0, 1].iter().any(|of| world.of(*of).next().is_none()) {
            return;
        }
        memory.prior = memory.release;
        memory.release = if memory.release == OLD { NEW } else { OLD };
        let mut rollout = Rollout {
            phase: PREVIEW,
            former: memory.active,
            settled: false,
            passes: 0,
            failures: 0,
            whole: false,
            demotes: false,
            members: [false; MOST],
            paused: false,
        };
        take(world, &mut rollout, false);
        memory.rollout = Some(rollout);
        events.push("start");
    }

    fn roll_back(&self, world: &World, memory: &mut Memory, rollout: Rollout, events: &mut Vec<&'static str>) {
        let former = rollout.former;
        let by_roles = matches!(rollout.phase, SWITCHING | KEEP)
            && self.is(Needed::RolesWhileFormer)
            && (!self.is(Needed::WholeForRoles) || self.carries(world, memory, former, memory.prior));
        (memory.release, memory.prior) = (memory.prior, NONE);
        memory.rollout = None;
        memory.unfinished = true;
        memory.in_place = rollout.phase != PREVIEW && !by_roles;
        if !memory.in_place || (rollout.phase == SWITCHING && !rollout.demotes) {
            memory.active = former;
        }
        events.push(match (rollout.phase, by_roles) {
            (PREVIEW, _) => "in preview",
            (_, true) => "by roles",
            (_, false) => "in place",
        });
    }

    /// Whether all servers of a colour carry a version, as far as they were ever seen, and one is in sight. Who carries none joins.
    fn carries(&self, world: &World, memory: &Memory, of: usize, version: u8) -> bool {
        let known = |i: &usize| colour(*i) == of && memory.known[*i].is_some();
        (0..MOST).any(|i| colour(i) == of && world.sees(i))
            && (0..MOST)
                .filter(known)
                .all(|i| [Some(version), Some(NONE)].contains(&memory.known[i]))
    }

    fn go_on(&self, world: &World, memory: &mut Memory, mut rollout: Rollout, events: &mut Vec<&'static str>) {
        let other = 1 - rollout.former;
        let blocked = self.is(Needed::Sources) && memory.unseen(world, None);
        let seen = |of: usize| (0..MOST).filter(move |i| colour(*i) == of && world.sees(*i));
        take(world, &mut rollout, blocked);
        let member = |i: &usize| rollout.phase == FOLLOW || colour(*i) == other;
        let carry = |i: usize| world.servers[i].version == memory.release;
        let mut concerned = (0..MOST).filter(|i| world.sees(*i) && member(i)).peekable();
        let mut settled = concerned.peek().is_some();
        if self.is(Needed::AllCarry) {
            settled &= concerned.all(carry);
        } else {
            settled &= concerned.any(carry);
        }
        if rollout.phase == PREVIEW && self.is(Needed::AsMany) {
            settled &= seen(other).count() >= seen(rollout.former).count();
        }
        let whole = seen(other).next().is_some()
            && seen(other).all(|i| world.servers[i].role == Role::Active)
            && !memory.unseen(world, Some(other));
        if rollout.phase == SWITCHING && !blocked {
            // The overlap: a pass that finds it so, and another one.
            rollout.demotes |= rollout.whole && whole;
            if rollout.demotes && !rollout.whole {
                events.push("demote");
            }
            rollout.whole = whole;
            settled = rollout.demotes && whole && seen(rollout.former).all(|i| world.servers[i].role == Role::Preview);
        }
        let was = rollout.settled;
        rollout.settled = settled && !blocked;
        let watched = match rollout.phase {
            PREVIEW | KEEP => was && (rollout.passes >= 2 || !self.is(Needed::Gate)),
            _ => true,
        };
        if rollout.settled && watched {
            if rollout.phase == FOLLOW {
                memory.rollout = None;
                memory.active = other;
                events.push("done");
                return;
            }
            rollout.phase += 1;
            events.push(["switch", "keep", "follow"][usize::from(rollout.phase) - 1]);
            (rollout.settled, rollout.passes, rollout.whole) = (false, 0, false);
            take(world, &mut rollout, false);
        }
        if rollout.demotes && rollout.phase == SWITCHING {
            events.push("demote");
        }
        memory.rollout = Some(rollout);
    }

    /// A rollback is over once all servers carry the version. One that went by roles, and whose colour has gone since, ends in place.
    fn note_finished(&self, world: &World, memory: &mut Memory) {
        if !memory.unfinished {
            return;
        }
        let seen = (0..MOST).filter(|i| world.sees(*i));
        let done = seen
            .map(|i| world.servers[i].version)
            .all(|version| version == memory.release);
        if done && !memory.unseen(world, None) {
            (memory.unfinished, memory.in_place) = (false, false);
        } else if self.is(Needed::WholeForRoles) && !self.carries(world, memory, memory.active, memory.release) {
            memory.in_place = true;
        }
    }

    fn writes(&self, world: &World, memory: &Memory) -> [Vec<Write>; 2] {
        let (target, demotes) = match &memory.rollout {
            None => (memory.active, true),
            Some(rollout) if rollout.phase == PREVIEW => (rollout.former, true),
            Some(rollout) => (1 - rollout.former, rollout.demotes || rollout.phase > SWITCHING),
        };
        let frozen = memory.in_place;
        let mut first: Vec<Write> = Vec::new();
        let mut gives_up = Vec::new();
        for i in (0..MOST).filter(|i| world.sees(*i)) {
            let server = world.servers[i];
            let release = match &memory.rollout {
                Some(rollout) if rollout.members[i] => memory.release,
                Some(_) => memory.prior,
                None => memory.release,
            };
            let stays = server.role == Role::Active
                && colour(i) != target
                && !memory.in_place
                && match &memory.rollout {
                    None => self.is(Needed::DemoteBeforeVersion),
                    // Both colours take traffic in the overlap.
                    Some(_) => self.is(Needed::PreviewTakesNoTraffic),
                };
            let version = (server.version != release && !stays).then_some(release);
            let is_new = memory
                .rollout
                .is_none_or(|rollout| colour(i) == rollout.former || rollout.members[i]);
            let may = ([NONE, release].contains(&server.version) && is_new) || !self.is(Needed::CarryToPromote);
            let wanted = if colour(i) == target || !demotes {
                Role::Active
            } else {
                Role::Preview
            };
            let role = (server.role != wanted && !frozen).then_some(wanted);
            match role {
                Some(Role::Active) if !may => first.extend(write(i, None, version)),
                Some(Role::Preview) if server.role == Role::Active => {
                    gives_up.extend(write(i, role, None));
                    first.extend(write(i, None, version));
                }
                _ => first.extend(write(i, role, version)),
            }
        }
        let mut servers = (0..MOST).filter(|i| colour(*i) == target && world.sees(*i)).peekable();
        let whole = servers.peek().is_some()
            && servers.all(|i| {
                let made = first
                    .iter()
                    .any(|write| write.server == i && write.role == Some(Role::Active));
                world.servers[i].role == Role::Active || made
            })
            && !(self.is(Needed::Sources) && memory.unseen(world, Some(target)));
        if !whole && self.is(Needed::WhollyBefore) {
            gives_up.clear();
        }
        if memory.unfinished && !self.is(Needed::BackAtOnce) {
            gives_up.clear();
        }
        if !self.is(Needed::TwoStages) {
            first.append(&mut gives_up);
        }
        [first, gives_up]
    }
}

fn write(server: usize, role: Option<Role>, version: Option<u8>) -> Option<Write> {
    (role.is_some() || version.is_some()).then_some(Write { server, role, version })
}

/// Whom the phase takes: the other colour, and at the end everybody. Who joins a colour that is on the new version is taken in an
/// outage, too.
fn take(world: &World, rollout: &mut Rollout, blocked: bool) {
    for i in (0..MOST).filter(|i| world.sees(*i)) {
        let joins = rollout.phase > PREVIEW && world.servers[i].version == NONE;
        rollout.members[i] |= (colour(i) != rollout.former || rollout.phase == FOLLOW) && (joins || !blocked);
    }
}
