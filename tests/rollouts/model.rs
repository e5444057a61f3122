//! The rules as the contract says them, and nothing else: no stamps, no texts, no cells that cannot be read. What the page
//! leaves open is decided here, each with its reason beside it.

mod contact;
mod gate;
mod keys;
mod needed;
mod rules;
mod tags;
mod waves;

use super::decider::{Decider, Decision, Rule, Said};
use super::fingerprint::{Print, fingerprint};
use super::world::{CONFIG, Config, IDS, Ids, NONE, Reading, Version, World, has, region};
pub(crate) use gate::Gate;
use keys::{Advance, Key};
pub(crate) use needed::Needed;
pub(crate) use waves::size;

/// The model, with all rules or without one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model {
    pub(crate) config: Config,
    pub(crate) dropped: Option<Needed>,
}

/// A rollout under way: from `prior` to `release` of the channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rollout {
    pub(crate) wave: u8,
    /// When the wave settled.
    pub(crate) settled: Option<u32>,
    /// When the first server moved.
    pub(crate) moved: Option<u32>,
    pub(crate) gate: Gate,
    pub(crate) members: Ids,
    /// Members that were seen to carry the release.
    pub(crate) reached: Ids,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Whether the channel was adopted.
    met: bool,
    /// Whether a takeover met it before it could be.
    taken_over: bool,
    /// Whether a takeover could not read the sheet, and is to be made again.
    pending: bool,
    release: Version,
    prior: Version,
    /// The release was adopted over servers that carry others, too, and no keys approved it.
    mixed: bool,
    keys: [Key; 2],
    /// What a rollback without the sheet left, for keys that were not read since.
    recalled: Version,
    latched: bool,
    advance: Advance,
    rollout: Option<Rollout>,
    /// Servers of the channel that lived when last seen.
    alive: Ids,
    /// Whether the sheet had a row when last read.
    listed: bool,
}

/// One pass as it comes about.
struct Pass<'a> {
    model: &'a Model,
    world: &'a World,
    memory: Memory,
    /// Whether nobody passes from former to new in this pass.
    moving: bool,
    /// Whether the rollout stands.
    stands: bool,
}

impl Model {
    pub(crate) const WHOLE: Self = Self {
        config: CONFIG,
        dropped: None,
    };

    pub(crate) fn without(rule: Needed) -> Self {
        // R4 is where a gate pauses.
        let pause = rule == Needed::FailedStands;
        let agents = rule == Needed::AgentsOnlyPause;
        Self {
            config: Config {
                pause,
                agents,
                ..CONFIG
            },
            dropped: Some(rule),
        }
    }

    fn has(&self, rule: Needed) -> bool {
        self.dropped != Some(rule)
    }
}

impl Decider for Model {
    type Memory = Memory;

    fn beginning(&self, world: &World) -> Memory {
        let mut memory = Memory {
            met: true,
            listed: true,
            ..Memory::default()
        };
        if let Some(row) = world.row() {
            memory.release = row.release;
            memory.prior = row.previous;
        }
        let lives = |id: &usize| world.servers[*id].is_some();
        memory.alive = (0..IDS).filter(lives).fold(0, |ids, id| ids | 1 << id);
        memory
    }

    fn empty(&self) -> Memory {
        Memory::default()
    }

    fn decide(&self, world: &World, memory: &Memory) -> Decision<Memory> {
        let mut pass = Pass {
            model: self,
            world,
            memory: *memory,
            moving: false,
            stands: false,
        };
        let rule = pass.decide();
        let moves = pass.moves(rule);
        let memory = pass.memory;
        let said = Said {
            rule,
            release: memory.release,
            previous: memory.prior,
            wave: memory.rollout.map(|rollout| rollout.wave),
            members: memory.rollout.map_or(0, |rollout| rollout.members),
            moves,
        };
        Decision { said, memory }
    }

    fn fingerprint(&self, memory: &Memory, now: u32) -> u64 {
        fingerprint(|print| memory.feed(now, print))
    }
}

impl Pass<'_> {
    fn has(&self, rule: Needed) -> bool {
        self.model.has(rule)
    }

    fn decide(&mut self) -> Rule {
        self.look_at_servers();
        let world = self.world;
        if world.unreadable {
            self.read_gate();
            return self.without_the_sheet();
        }
        if world.takeover || self.memory.pending || !self.memory.met {
            if !self.meet() {
                return Rule::Unmet;
            }
        } else {
            self.read_keys();
        }
        self.read_boxes();
        self.read_gate();
        self.memory.listed = world.rows().next().is_some();
        self.rules()
    }

    /// Forgets who is gone, and notes who carries the release.
    fn look_at_servers(&mut self) {
        let world = self.world;
        let memory = &mut self.memory;
        for id in (0..IDS).filter(|id| world.answers(region(*id))) {
            let bit: Ids = 1 << id;
            let tag = world.seen(id).map(|server| server.tag);
            memory.alive &= !bit;
            memory.alive |= if tag.is_some() { bit } else { 0 };
            let Some(rollout) = &mut memory.rollout else { continue };
            if tag.is_none() {
                rollout.members &= !bit;
                rollout.reached &= !bit;
            } else if has(rollout.members, id) && tag == Some(memory.release) {
                rollout.reached |= bit;
            }
        }
    }

    /// The gate is read in any state of a rollout: paused, outside windows, without the sheet.
    fn read_gate(&mut self) {
        let (world, model) = (self.world, self.model);
        let carrying = self.carrying();
        let reading = world.gives(&model.config, self.members());
        let Some(rollout) = &mut self.memory.rollout else {
            return;
        };
        // A wave in which nobody is left that carries the version is not settled any more: what it baked and passed was
        // another fleet. While somebody is left it stays settled, or a fleet that is always being replaced could never go on;
        // but it is left only in a pass that finds all members carrying the version, and adds none.
        if carrying == 0 && model.has(Needed::NeverEmpty) {
            rollout.settled = None;
            rollout.gate.begin_wave();
        }
        rollout
            .gate
            .read(model, (world.now, reading), rollout.settled, rollout.moved);
    }

    /// Members that are seen, not held, and carry the release.
    fn carrying(&self) -> usize {
        let (release, members) = (self.memory.release, self.members());
        self.world.count(|id, server| has(members, id) && server.tag == release)
    }

    /// Servers that are seen to carry a version, held ones too.
    fn carried(&self) -> Ids {
        let carries = |id: &usize| self.world.seen(*id).is_some_and(|server| server.tag != NONE);
        (0..IDS).filter(carries).fold(0, |ids, id| ids | 1 << id)
    }

    fn members(&self) -> Ids {
        self.memory.rollout.map_or(0, |rollout| rollout.members)
    }

    /// Whether a region does not answer in which the channel has servers.
    fn outage(&self) -> bool {
        (0..IDS).any(|id| has(self.memory.alive, id) && !self.world.answers(region(id)))
    }

    /// All that is done without the sheet: a rollback that the gate asks for. A channel whose row was gone when the sheet was
    /// last read has none, as with the sheet.
    fn without_the_sheet(&mut self) -> Rule {
        self.stands = true;
        if self.world.takeover || !self.memory.met {
            // The pass ends before it adopts anything.
            self.memory.pending |= self.world.takeover;
            return Rule::Unreadable;
        }
        if self.gate_rolls_back() && self.memory.listed {
            self.memory.recalled = self.memory.release;
            self.go_back();
            return Rule::AutoRollback;
        }
        Rule::Unreadable
    }

    fn gate_rolls_back(&self) -> bool {
        let failed = self.memory.rollout.is_some_and(|rollout| rollout.gate.failed);
        failed && !self.only_pauses() && self.memory.prior != NONE
    }

    /// A gate on agents never takes a release back.
    fn only_pauses(&self) -> bool {
        let config = &self.model.config;
        config.pause || (config.agents && self.has(Needed::AgentsOnlyPause))
    }

    /// The release becomes what it was before, for everybody; without a former version it becomes none.
    fn go_back(&mut self) {
        let left = std::mem::replace(&mut self.memory.release, self.memory.prior);
        self.memory.prior = if self.has(Needed::OneStepBack) { NONE } else { left };
        self.end();
    }

    /// The rollout is over, in whichever way.
    fn end(&mut self) {
        self.memory.rollout = None;
        self.memory.mixed = false;
        self.advance_lapses();
    }

    fn reading(&self) -> Reading {
        self.world.gives(&self.model.config, self.members())
    }
}

impl Memory {
    fn feed(&self, now: u32, print: &mut Print) {
        let Self {
            met,
            taken_over,
            pending,
            release,
            prior,
            mixed,
            keys,
            recalled,
            latched,
            advance,
            rollout,
            alive,
            listed,
        } = self;
        print.flags(&[*met, *taken_over, *pending, *mixed, *latched, *listed]);
        print.flags(&[advance.latched, advance.given]);
        for part in [*release, *prior, *recalled, *alive] {
            print.part(part, 6);
        }
        for key in keys {
            let part = match key {
                Key::Counts => 0,
                Key::Unread => 1,
                Key::SpentAt(version) => 2 + version,
            };
            print.part(part, 3);
        }
        print.flags(&[rollout.is_some()]);
        if let Some(rollout) = rollout {
            rollout.feed(now, print);
        }
    }
}

impl Rollout {
    fn feed(&self, now: u32, print: &mut Print) {
        let Self {
            wave,
            settled,
            moved,
            gate,
            members,
            reached,
        } = self;
        print.part(*wave, 2);
        print.age(*settled, now);
        print.age(*moved, now);
        print.part(*members, 6);
        print.part(*reached, 6);
        gate.feed(now, print);
    }
}
