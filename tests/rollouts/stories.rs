//! L7, told in stories: whatever came in between, a rollout that people want to end ends; and the cases that the contract
//! names, step by step.

mod ends;
mod gates;
mod hands;

use super::acts::{Act, End};
use super::decider::Rule;
use super::ghosts::Event;
use super::model::{Memory, Model};
use super::search::{Search, State, Step};
use super::world::{CONFIG, NONE, Version, World};

/// Somebody plays a channel.
struct Story {
    search: Search<Model>,
    state: State<Memory>,
}

impl Story {
    fn of(servers: usize) -> Self {
        Self::from(World::released(1, servers))
    }

    fn from(world: World) -> Self {
        let search = Search::new(Model::WHOLE, CONFIG);
        let state = search.begin(world);
        Self { search, state }
    }

    fn step(&mut self, step: Step) -> (Rule, Event) {
        match self.search.step(&mut self.state, step) {
            Some(Ok(met)) => (met.rule.unwrap_or(Rule::Unmet), met.event),
            Some(Err(broken)) => panic!("{step:?}: {broken:?} {:#?}", self.state.world),
            None => panic!("{step:?} changes nothing"),
        }
    }

    /// One act and its pass; gives the rule that matched.
    fn act(&mut self, act: Act) -> Rule {
        self.step((act, End::Whole)).0
    }

    fn both(&mut self, version: Version) -> Rule {
        self.act(Act::Key(0, version));
        self.act(Act::Key(1, version))
    }

    /// Both keys are cleared, a pass sees it, and they are typed again.
    fn anew(&mut self, version: Version) -> Rule {
        self.both(NONE);
        self.both(version)
    }

    /// A rollout to version 2 that has come to this wave and has settled there.
    fn in_wave(servers: usize, wave: u8) -> Self {
        let mut story = Self::of(servers);
        assert_eq!(story.both(2), Rule::Started);
        for _ in 0..40 {
            let here = story.state.ghosts.wave() == Some(wave);
            let rule = story.go();
            if here && story.state.ghosts.wave() == Some(wave) && rule == Rule::Baking {
                return story;
            }
        }
        panic!("wave {wave} is not reached");
    }

    /// A pass, before which somebody ticks `advance` where it is asked for, and unticks it later.
    fn go(&mut self) -> Rule {
        self.act(self.next())
    }

    fn next(&self) -> Act {
        let ticked = self.state.world.rows[0].is_some_and(|row| row.advance);
        let asked = self.state.ghosts.said.is_some_and(|said| said.rule == Rule::Manual);
        if ticked || asked { Act::Advance } else { Act::Nothing }
    }

    /// Goes on until the rollout has ended by itself; gives after how many passes.
    fn ends(&mut self, version: Version) -> usize {
        for pass in 1..60 {
            if self.go() == Rule::Done {
                assert_eq!(self.tags(), vec![version; self.tags().len()]);
                assert_eq!(self.go(), Rule::InSync);
                return pass;
            }
        }
        panic!("it does not end: {:#?} {:?}", self.state.world, self.state.ghosts.said);
    }

    /// What the servers carry, but for held ones.
    fn tags(&self) -> Vec<Version> {
        let servers = self.state.world.servers.iter().flatten();
        servers.filter(|server| !server.held).map(|server| server.tag).collect()
    }

    fn carrying(&self, version: Version) -> usize {
        self.tags().iter().filter(|tag| **tag == version).count()
    }

    fn all_carry(&self, version: Version) -> bool {
        self.carrying(version) == self.tags().len()
    }
}
