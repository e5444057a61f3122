//! The search: a pass with its writes one by one, breadth first from each phase, and long stories at random.

use std::collections::{BTreeMap, HashSet};

use super::laws::{Ghost, Law};
use super::model::{Memory, Model};
use super::world::{Act, MOST, NONE, Reading, Role, World};

/// After how many writes a pass is killed; the last: it is not.
const ENDS: [usize; 6] = [0, 1, 2, 3, 4, usize::MAX];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) world: World,
    pub(super) memory: Memory,
    ghost: Ghost,
}

/// A broken law, and the way to it.
#[derive(Debug)]
pub(super) struct Breach {
    pub(super) law: Law,
    #[expect(dead_code, reason = "it is printed")]
    path: Vec<(Act, usize)>,
    /// The state before its last act.
    #[expect(dead_code, reason = "it is printed")]
    before: Box<State>,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) states: usize,
    pub(super) passes: usize,
    pub(super) killed: usize,
    pub(super) events: BTreeMap<&'static str, usize>,
}

pub(super) struct Search {
    model: Model,
    each: usize,
}

impl Search {
    pub(super) const fn new(model: Model, each: usize) -> Self {
        Self { model, each }
    }

    fn first(&self) -> State {
        let mut state = State {
            world: World::new(self.each),
            memory: Memory::FIRST,
            ghost: Ghost::FIRST,
        };
        let _quiet = self.pass(&mut state, usize::MAX, &mut Counts::default());
        state
    }

    /// A state for each pass of a rollout that nobody disturbs.
    pub(super) fn beginnings(&self) -> Vec<(String, State)> {
        let mut state = self.first();
        let mut all = vec![("at rest".to_owned(), state)];
        state.world.typed = true;
        for n in 0..30 {
            let mut counts = Counts::default();
            assert!(self.pass(&mut state, usize::MAX, &mut counts).is_ok());
            let phase = state.memory.rollout.map(|rollout| rollout.phase);
            all.push((format!("pass {n}, phase {phase:?}"), state));
            if phase.is_none() {
                return all;
            }
        }
        panic!("a rollout that nobody disturbs does not end");
    }

    /// A pass that makes so many writes at most.
    fn pass(&self, state: &mut State, most: usize, counts: &mut Counts) -> Result<(), Law> {
        let before = state.memory;
        let decision = self.model.decide(&state.world, &before);
        counts.passes += 1;
        for event in &decision.events {
            *counts.events.entry(event).or_insert(0) += 1;
        }
        state.ghost.decided(&state.world, &before, &decision)?;
        state.memory = decision.memory;
        (state.world.typed, state.world.ticked) = (false, false);
        let (mut made, mut whole) = (0, true);
        'stages: for stage in &decision.stages {
            if !whole {
                break;
            }
            for write in stage {
                if made == most {
                    counts.killed += 1;
                    return Ok(());
                }
                made += 1;
                let server = &state.world.servers[write.server];
                if server.stuck {
                    whole = false;
                    continue;
                }
                assert!(write.version.is_none_or(Ghost::is_version));
                state.ghost.writes(&state.world, &state.memory, *write)?;
                let server = &mut state.world.servers[write.server];
                server.role = write.role.unwrap_or(server.role);
                server.version = write.version.unwrap_or(server.version);
                if made > MOST * 4 {
                    break 'stages;
                }
            }
        }
        if whole {
            Ghost::ended(&state.world, &decision, before.release)?;
        }
        Ok(())
    }

    /// An act and a pass; `None` where the act changes nothing.
    fn step(&self, state: &mut State, act: Act, end: usize, counts: &mut Counts) -> Option<Result<(), Law>> {
        if !state.world.act(act) {
            return None;
        }
        if let Act::Launch(server) | Act::Tag(server, _) = act {
            state.ghost.tagged(server);
        }
        if let Act::Hand(server, _) = act {
            state.ghost.handed(server);
        }
        if act == Act::Takeover {
            state.memory = Model::takes_over(&state.world, &state.memory)?;
            state.ghost.takes_over(&state.memory);
        }
        Some(self.pass(state, end, counts))
    }

    /// Every sequence of so many acts, each followed by a pass that is killed after any write, or not.
    pub(super) fn breadth(&self, first: &State, depth: usize, counts: &mut Counts) -> Result<(), Breach> {
        let mut known = HashSet::from([*first]);
        let mut edge = vec![(*first, Vec::new())];
        let acts = World::acts();
        for _ in 0..depth {
            let mut next = Vec::new();
            for (state, path) in &edge {
                for (act, end) in acts.iter().flat_map(|act| ENDS.map(|end| (*act, end))) {
                    let mut after = *state;
                    let Some(met) = self.step(&mut after, act, end, counts) else {
                        continue;
                    };
                    let mut path = path.clone();
                    path.push((act, end));
                    if let Err(law) = met {
                        let before = Box::new(*state);
                        return Err(Breach { law, path, before });
                    }
                    if known.insert(after) {
                        next.push((after, path));
                    }
                }
            }
            edge = next;
        }
        counts.states += known.len();
        Ok(())
    }

    /// A story at random, in which a rollout gets somewhere.
    fn story(&self, seed: u64, steps: usize, counts: &mut Counts) -> Result<State, Breach> {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let acts = World::acts();
        let mut state = self.first();
        let mut path = Vec::new();
        for _ in 0..steps {
            let act = match chance.below(8) {
                0 | 1 => acts[chance.below(acts.len())],
                2 if state.world.away => Act::Away,
                2 | 3 if state.world.reading != Reading::Pass => Act::Reads(Reading::Pass),
                4 if state.memory.rollout.is_none_or(|rollout| rollout.paused) => Act::Type,
                5 => match (0..MOST).find(|i| state.world.servers[*i].stuck) {
                    Some(stuck) => Act::Stuck(stuck),
                    None => Act::Nothing,
                },
                _ => Act::Nothing,
            };
            let end = if chance.below(8) == 0 {
                ENDS[chance.below(ENDS.len())]
            } else {
                usize::MAX
            };
            path.push((act, end));
            let before = state;
            let met = self.step(&mut state, act, end, counts);
            if let Some(Err(law)) = met {
                let before = Box::new(before);
                return Err(Breach { law, path, before });
            }
        }
        Ok(state)
    }

    pub(super) fn walk(&self, seed: u64, steps: usize, counts: &mut Counts) -> Result<(), Breach> {
        self.story(seed, steps, counts).map(drop)
    }

    /// Whether a world that was disturbed comes to rest once nobody disturbs it any more.
    pub(super) fn settles(&self, seed: u64, steps: usize) -> Result<(), Box<State>> {
        let mut counts = Counts::default();
        let Ok(mut state) = self.story(seed, steps, &mut counts) else {
            panic!("a law breaks");
        };
        state.world.away = false;
        state.world.reading = Reading::Pass;
        for (i, server) in state.world.servers.iter_mut().enumerate() {
            server.stuck = false;
            if !server.alive && i % (MOST / 2) < self.each {
                (server.alive, server.role, server.version) = (true, Role::Nothing, NONE);
            }
            // As many in each colour, or the preview stays too small.
            server.alive &= i % (MOST / 2) < self.each;
        }
        state.world.typed = state.memory.rollout.is_some_and(|rollout| rollout.paused);
        for _ in 0..25 {
            let met = self.pass(&mut state, usize::MAX, &mut counts);
            assert!(met.is_ok(), "a law breaks");
        }
        let quiet = self
            .model
            .decide(&state.world, &state.memory)
            .stages
            .iter()
            .all(Vec::is_empty);
        let at_rest = state.memory.rollout.is_none() && !state.memory.unfinished && quiet;
        if at_rest { Ok(()) } else { Err(Box::new(state)) }
    }
}

/// Chance that repeats itself.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % most
    }
}
