//! One run of the agent over the model's world, step by durable step; it may be killed before any of them.

use super::rules::{Decider, Needed, Then, Verdict};
use super::world::{A, Attempt, B, BAD, World, package_of};

/// Killed.
pub(crate) struct Killed;

pub(crate) struct Run<'a, D> {
    pub(crate) decider: &'a D,
    pub(crate) world: World,
    /// How many durable steps it may still make; `None`: all.
    pub(crate) left: Option<u32>,
    pub(crate) steps: u32,
    /// Restarts, and changes that made one necessary.
    pub(crate) restarts: u32,
    pub(crate) changed: bool,
    /// The level that heals what a bad release does.
    pub(crate) heals_at: u8,
    /// What the run did, for the laws.
    pub(crate) began: Option<u8>,
    pub(crate) became_good: Option<(u8, bool)>,
    pub(crate) went_back_sick: bool,
    /// Where a way back ended, and where it should have.
    pub(crate) came_back: Option<((u8, u8), (u8, u8))>,
}

type Step = Result<(), Killed>;

impl<'a, D: Decider> Run<'a, D> {
    pub(crate) fn new(decider: &'a D, world: World, left: Option<u32>, heals_at: u8) -> Self {
        Self {
            decider,
            world,
            left,
            steps: 0,
            restarts: 0,
            changed: false,
            heals_at,
            began: None,
            became_good: None,
            went_back_sick: false,
            came_back: None,
        }
    }

    fn durable(&mut self, change: impl FnOnce(&mut World)) -> Step {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1).ok_or(Killed)?;
        }
        self.steps += 1;
        change(&mut self.world);
        Ok(())
    }

    pub(crate) fn run(&mut self) -> Result<Verdict, Killed> {
        let verdict = self.decider.decide(&self.world.memory, self.world.tag);
        if verdict.rule != 3 && self.world.memory.broken.is_some() && verdict.rule > 3 {
            self.durable(|world| world.memory.broken = None)?;
        }
        if verdict.take_back {
            let level = self.first_level();
            self.durable(|world| {
                if let Some(attempt) = &mut world.memory.attempt {
                    attempt.back = level;
                }
            })?;
            self.finish_back()?;
        } else if matches!(verdict.rule, 6..=11) && self.world.memory.attempt.is_some() {
            // The mutants that forget it.
            self.durable(|world| world.memory.attempt = None)?;
        }
        if self.world.memory.broken.is_some() && verdict.rule != 3 {
            return Ok(verdict);
        }
        match verdict.then {
            Then::FinishBack => self.finish_back()?,
            Then::Nothing => {}
            Then::Leave => self.settle(self.decider.has(Needed::OwedAlways))?,
            Then::Enforce => match self.world.memory.good {
                Some(good) => self.converge(good, self.decider.has(Needed::Drift))?,
                None => self.settle(true)?,
            },
            Then::GoOn => self.go_on()?,
            Then::Attempt => self.begin()?,
        }
        Ok(verdict)
    }

    fn owe(&mut self) -> Step {
        if !self.world.memory.owed && self.decider.has(Needed::OwedOnDisk) {
            self.durable(|world| world.memory.owed = true)?;
        }
        Ok(())
    }

    fn write(&mut self, change: impl FnOnce(&mut World)) -> Step {
        let before = self.decider.has(Needed::OwedBefore);
        if before {
            self.owe()?;
        }
        self.durable(change)?;
        self.changed = true;
        if !before {
            self.owe()?;
        }
        Ok(())
    }

    fn converge(&mut self, release: u8, drift: bool) -> Step {
        self.put((package_of(release), release), drift)?;
        self.settle(true)?;
        if self.world.loaded.is_none() && self.decider.has(Needed::Started) {
            self.durable(|world| world.loaded = Some(world.file))?;
        }
        if release == BAD && self.world.damage == 0 {
            self.world.damage = self.heals_at;
        }
        Ok(())
    }

    fn put(&mut self, (package, file): (u8, u8), drift: bool) -> Step {
        if self.world.package != package {
            self.write(|world| world.package = package)?;
        }
        if self.world.file != file && drift {
            self.write(|world| world.file = file)?;
        }
        Ok(())
    }

    /// What is owed.
    fn settle(&mut self, wanted: bool) -> Step {
        let owed = self.world.memory.owed || self.changed || !self.decider.has(Needed::RestartIfOwed);
        if owed && wanted {
            self.durable(|world| world.loaded = Some(world.file))?;
            self.restarts += 1;
            self.changed = false;
            if self.world.memory.owed {
                self.durable(|world| world.memory.owed = false)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> Step {
        let world = &self.world;
        let Some(release) = [A, B, BAD]
            .into_iter()
            .find(|release| world.tag == super::world::Tag::Release(*release))
        else {
            return Ok(());
        };
        let memory = world.memory;
        let kept = memory.attempt.filter(|_| self.decider.has(Needed::SnapshotKept));
        let stands = (world.package, world.file);
        let snapshot = kept.map_or_else(
            || match memory.good {
                // Good's files as good has them, else what stands there.
                Some(good) if memory.attempt.is_none() => (package_of(good), good),
                _ => stands,
            },
            |open| open.snapshot,
        );
        let sick = kept.map_or_else(
            || memory.good.is_some_and(|good| !world.is_healthy(good)) && world.outage,
            |open| open.sick,
        );
        self.began = Some(release);
        self.durable(|world| {
            if memory.attempt.is_none() {
                world.origin = stands;
            }
            world.memory.attempt = Some(Attempt {
                release,
                snapshot,
                watching: false,
                sick,
                back: 0,
            });
        })?;
        self.go_on()
    }

    fn go_on(&mut self) -> Step {
        let Some(attempt) = self.world.memory.attempt else {
            return Ok(());
        };
        self.converge(attempt.release, true)?;
        let passes = self.world.is_healthy(attempt.release);
        if passes || !self.decider.has(Needed::GoodAfterCheck) {
            if attempt.watching || !self.decider.has(Needed::GoodAfterCheck) {
                self.became_good = Some((attempt.release, passes));
                return self.durable(|world| {
                    world.memory.good = Some(attempt.release);
                    world.memory.attempt = None;
                });
            }
            return self.durable(|world| {
                if let Some(attempt) = &mut world.memory.attempt {
                    attempt.watching = true;
                }
            });
        }
        if attempt.sick && self.decider.has(Needed::SickBefore) {
            return Ok(());
        }
        self.went_back_sick |= attempt.sick;
        let level = self.first_level();
        let quarantines = self.decider.has(Needed::QuarantineAtOnce);
        self.durable(|world| {
            if quarantines {
                world.memory.quarantine |= 1 << attempt.release;
            }
            world.memory.backs = world.memory.backs.saturating_add(1);
            if attempt.release == BAD {
                world.again = world.again.saturating_add(1);
            }
            if let Some(attempt) = &mut world.memory.attempt {
                attempt.back = level;
            }
        })?;
        self.finish_back()?;
        if !quarantines {
            self.durable(|world| world.memory.quarantine |= 1 << attempt.release)?;
        }
        Ok(())
    }

    fn first_level(&self) -> u8 {
        let attempt = self.world.memory.attempt;
        attempt.map_or(
            1,
            |attempt| if attempt.snapshot.0 == self.world.package { 1 } else { 2 },
        )
    }

    fn finish_back(&mut self) -> Step {
        loop {
            let Some(attempt) = self.world.memory.attempt else {
                return Ok(());
            };
            let (package, file) = attempt.snapshot;
            let package = if attempt.back >= 2 { package } else { self.world.package };
            self.put((package, file), true)?;
            self.settle(true)?;
            if self.world.loaded.is_none() {
                self.durable(|world| world.loaded = Some(world.file))?;
            }
            if attempt.back >= self.world.damage {
                self.world.damage = 0;
            }
            let healed = self.world.memory.good.is_none_or(|good| self.world.is_healthy(good));
            if healed && self.world.damage == 0 {
                let home = self
                    .world
                    .memory
                    .good
                    .map_or(self.world.origin, |good| (package_of(good), good));
                self.came_back = Some(((self.world.package, self.world.file), home));
                return self.durable(|world| world.memory.attempt = None);
            }
            if !self.decider.has(Needed::Levels) {
                return Ok(());
            }
            if attempt.back == 3 {
                let tag = self.world.tag;
                return self.durable(|world| {
                    world.memory.attempt = None;
                    world.memory.broken = Some(tag);
                });
            }
            self.durable(|world| {
                if let Some(attempt) = &mut world.memory.attempt {
                    attempt.back += 1;
                }
            })?;
        }
    }
}
