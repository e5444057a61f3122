//! What an onlooker knows who sees everything that people do and everything that a pass says, but no memory and no reason:
//! whose hand typed a key when, which tick was given for which wave, what the gate gave at which time.

mod proof;

use super::decider::{Rule, Said};
use super::world::{Config, IDS, Ids, LAST, NONE, Reading, Version, World, has};

/// A tick of a box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tick {
    /// The box is not ticked.
    #[default]
    None,
    /// No pass saw it yet.
    Given,
    /// For `advance`: seen, and not served.
    Seen,
    /// Served, or void.
    Over,
}

/// What happened between two passes that were committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Event {
    Nothing,
    /// The channel was met: first contact, takeover.
    Met,
    AtOnce,
    Start,
    Wave,
    Done,
    Back,
    /// One rollout turned into another.
    Turned,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ghosts {
    /// Whether each key was typed by its owner, and nothing was seen since that lets another hand have moved it.
    pub(crate) vouched: [bool; 2],
    /// Whether it names a version that was left since it was typed.
    pub(crate) stale: [bool; 2],
    /// No key was typed since a gate took the release back.
    pub(crate) untouched: bool,
    pub(crate) rollback: Tick,
    pub(crate) advance: Tick,
    /// What the last pass said that was committed.
    pub(crate) said: Option<Said>,
    /// Whether the channel was adopted since the last takeover.
    met: bool,
    /// Whether the sheet had a row when it was last read.
    pub(crate) listed: bool,
    /// Servers that a pass has seen and that live; nobody can know of others.
    pub(crate) seen: Ids,
    /// Servers that have carried the new version as members.
    pub(crate) got: Ids,
    /// The version that everybody may carry without anybody's keys of now.
    pub(crate) official: Version,
    /// Versions that have been through, one bit each.
    pub(crate) proven: u8,
    /// Versions that were left, and that no keys brought back.
    pub(crate) gone: u8,
    pub(crate) settled: Option<u32>,
    pub(crate) moved: Option<u32>,
    /// The interval that the last reading is part of, and its worst reading.
    interval: Option<(u32, Reading)>,
    /// Intervals in a row before it.
    passes: u8,
    fails: u8,
    /// The gate failed often enough, and no `advance` since.
    pub(crate) failed: bool,
}

impl Ghosts {
    /// A channel that has been served for long; `official` is none where its servers carry several versions.
    pub(crate) fn new(official: Version) -> Self {
        Self {
            vouched: [true; 2],
            stale: [false; 2],
            untouched: false,
            rollback: Tick::None,
            advance: Tick::None,
            said: None,
            met: true,
            listed: true,
            seen: 0,
            got: 0,
            official,
            proven: if official == NONE { 0 } else { 1 << official },
            gone: 0,
            settled: None,
            moved: None,
            interval: None,
            passes: 0,
            fails: 0,
            failed: false,
        }
    }

    pub(crate) fn wave(&self) -> Option<u8> {
        self.said.and_then(|said| said.wave)
    }

    pub(crate) fn members(&self) -> Ids {
        self.said.map_or(0, |said| said.members)
    }

    pub(crate) fn release(&self) -> Version {
        self.said.map_or(self.official, |said| said.release)
    }

    pub(crate) fn previous(&self) -> Version {
        self.said.map_or(NONE, |said| said.previous)
    }

    /// People did something: from one world to another.
    pub(crate) fn watch(&mut self, before: &World, after: &World) {
        let same_rows = before.rows[1].is_some() == after.rows[1].is_some();
        if let (true, Some(old), Some(new)) = (same_rows, before.rows[0], after.rows[0]) {
            for key in 0..2 {
                if old.keys[key] != new.keys[key] {
                    self.vouched[key] = true;
                    self.stale[key] = false;
                    self.untouched = false;
                }
            }
        }
        let (was, is) = (ticked(before), ticked(after));
        for (tick, was, is) in [(&mut self.rollback, was.0, is.0), (&mut self.advance, was.1, is.1)] {
            *tick = match *tick {
                Tick::None if is && !was => Tick::Given,
                // What no pass has seen has not been.
                Tick::Given if !is && after.rows[0].is_some() => Tick::None,
                tick => tick,
            };
        }
        // Nobody can go on with what is not under way.
        if self.wave().is_none() && self.advance == Tick::Given {
            self.advance = Tick::Over;
        }
    }

    /// A pass that is committed sees the world.
    pub(crate) fn look(&mut self, world: &World, config: &Config) {
        let all = |which: &dyn Fn(usize) -> bool| (0..IDS).filter(|id| which(*id)).fold(0, |ids, id| ids | 1 << id);
        self.seen &= all(&|id| world.servers[id].is_some());
        if world.takeover {
            self.seen = 0;
            self.vouched = [false; 2];
            self.forget();
            self.advance = over(self.advance);
            self.rollback = over(self.rollback);
        }
        if !world.unreadable {
            if world.row().is_none_or(|row| row.touched) || !world.protected {
                self.vouched = [false; 2];
            }
            self.listed = world.rows[0].is_some();
            let (rollback, advance) = ticked(world);
            for (tick, is) in [(&mut self.rollback, rollback), (&mut self.advance, advance)] {
                if self.listed && !is {
                    *tick = Tick::None;
                }
            }
            if self.advance == Tick::Given && self.listed {
                let counts = world.row().is_some_and(|row| !row.touched);
                self.advance = if counts { Tick::Seen } else { Tick::Over };
                if counts && (config.only_pauses() || self.previous() == NONE) {
                    self.failed = false;
                }
            }
        }
        self.seen |= all(&|id| world.seen(id).is_some());
        if let (Some(wave), false) = (self.wave(), world.takeover) {
            self.look_at_members(world);
            let failed = self.failures(config) >= config.failures;
            self.note(world, config);
            let fails = self.interval.is_some_and(|(_, worst)| worst == Reading::Fail);
            self.failed |= fails && !failed && self.failures(config) >= config.failures;
            let asked = world.count(|id, _| wave == LAST || has(self.members(), id));
            let release = self.release();
            let carrying = world.count(|id, server| (wave == LAST || has(self.members(), id)) && server.tag == release);
            if asked == carrying && carrying > 0 {
                self.settled.get_or_insert(world.now);
            }
        }
    }

    /// What a pass has done, told from what it says now and what was said before.
    pub(crate) fn event(&self, world: &World, said: &Said) -> Event {
        if world.takeover || !self.met {
            return Event::Met;
        }
        let same = said.release == self.release();
        match (self.wave(), said.wave) {
            (None, None) if same => Event::Nothing,
            (None, None) if self.release() != NONE && said.release == self.previous() => Event::Back,
            (None, None) => Event::AtOnce,
            (None, Some(_)) => Event::Start,
            (Some(_), None) if same => Event::Done,
            (Some(_), None) => Event::Back,
            (Some(_), Some(_)) if !same => Event::Turned,
            (Some(was), Some(is)) if was == is => Event::Nothing,
            (Some(_), Some(_)) => Event::Wave,
        }
    }

    /// The pass was committed.
    pub(crate) fn accept(&mut self, world: &World, said: &Said, event: Event) {
        let left = self.release();
        match event {
            Event::Nothing => {}
            Event::Met => self.meet(world, said),
            Event::Start | Event::Turned => self.forget(),
            Event::Wave => {
                self.settled = None;
                self.passes = 0;
                self.advance = over(self.advance);
            }
            Event::Done | Event::AtOnce | Event::Back => {
                self.official = said.release;
                if event != Event::Back {
                    self.proven |= 1 << said.release;
                }
                self.forget();
                self.advance = over(self.advance);
            }
        }
        if matches!(event, Event::Start | Event::AtOnce | Event::Done) {
            self.gone &= !(1 << said.release);
        }
        let went_back = event == Event::Back;
        if went_back && !self.keys_name(world, said.release) {
            self.gone |= 1 << left;
            self.untouched = world.unreadable || self.rollback != Tick::Given;
            for row in world.rows.iter().flatten() {
                for key in 0..2 {
                    self.stale[key] |= row.keys[key] == left;
                }
            }
        }
        if !world.unreadable && world.rows.iter().flatten().any(|row| row.rollback) {
            self.rollback = over(self.rollback);
        }
        if said.wave.is_some() && said.members != 0 {
            self.moved.get_or_insert(world.now);
        }
        self.met = match said.rule {
            Rule::Unmet => false,
            Rule::Unreadable => self.met && !world.takeover,
            _ => true,
        };
        self.said = Some(*said);
    }

    /// Whether the only row names a version with both keys.
    pub(crate) fn keys_name(&self, world: &World, version: Version) -> bool {
        world.row().is_some_and(|row| row.keys == [version; 2])
    }

    /// A tag was written.
    pub(crate) fn tagged(&mut self, id: usize, version: Version) {
        if self.wave().is_some() && version == self.release() {
            self.got |= 1 << id;
        }
    }

    /// The rollout is over, or another begins.
    fn forget(&mut self) {
        self.got = 0;
        self.settled = None;
        self.moved = None;
        self.interval = None;
        self.passes = 0;
        self.fails = 0;
        self.failed = false;
    }

    /// Who meets a fleet that carries one version knows which may be carried.
    fn meet(&mut self, world: &World, said: &Said) {
        self.forget();
        let mut carried = world
            .servers
            .iter()
            .flatten()
            .map(|server| server.tag)
            .filter(|tag| *tag != NONE);
        let first = carried.next().unwrap_or(NONE);
        let alone = carried.all(|tag| tag == first) && said.release == first;
        self.official = if alone { first } else { NONE };
        if said.wave.is_some() {
            self.official = said.previous;
            // The memory of who carried it is rebuilt from who carries it.
            self.got = said.members;
        } else if alone && first != NONE {
            self.proven |= 1 << first;
            self.gone &= !(1 << first);
        }
    }
}

/// Whether the boxes are ticked, in whichever row.
fn ticked(world: &World) -> (bool, bool) {
    let rows = world.rows.iter().flatten();
    rows.fold((false, false), |(rollback, advance), row| {
        (rollback || row.rollback, advance || row.advance)
    })
}

fn over(tick: Tick) -> Tick {
    match tick {
        Tick::None => Tick::None,
        _ => Tick::Over,
    }
}
