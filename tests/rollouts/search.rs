//! Goes everywhere: breadth first over all sequences of acts, and at random over long ones. Each pass ends well or is killed
//! between two of its writes.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

mod walk;

use super::acts::{Act, End, KILLS};
use super::decider::{Decider, Rule};
use super::fingerprint::{Print, fingerprint};
use super::ghosts::{Event, Ghosts};
use super::laws::{Broken, Scene, broken};
use super::world::{Config, IDS, NONE, Row, Version, World};
pub(crate) use walk::Chance;

pub(crate) type Step = (Act, End);

#[derive(Clone)]
pub(crate) struct State<M> {
    pub(crate) world: World,
    pub(crate) memory: M,
    pub(crate) ghosts: Ghosts,
}

/// What a search has met.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) states: usize,
    pub(crate) transitions: usize,
    pub(crate) events: BTreeMap<Event, usize>,
    pub(crate) rules: BTreeMap<Rule, usize>,
    pub(crate) kills: BTreeMap<End, usize>,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.states += other.states;
        self.transitions += other.transitions;
        for (event, count) in &other.events {
            *self.events.entry(*event).or_default() += count;
        }
        for (rule, count) in &other.rules {
            *self.rules.entry(*rule).or_default() += count;
        }
        for (kill, count) in &other.kills {
            *self.kills.entry(*kill).or_default() += count;
        }
    }
}

/// A decider in a world of rules.
pub(crate) struct Search<D> {
    pub(crate) decider: D,
    pub(crate) config: Config,
}

/// A law that was broken, and how it came about.
#[derive(Debug)]
pub(crate) struct Breach {
    pub(crate) broken: Broken,
    pub(crate) path: Vec<Step>,
}

/// What one step came to.
pub(crate) struct Met {
    pub(crate) rule: Option<Rule>,
    pub(crate) event: Event,
}

/// Fingerprints are hashes already.
#[derive(Default)]
pub(crate) struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only words are hashed");
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }
}

type Known = HashSet<u64, BuildHasherDefault<Plain>>;

impl<D: Decider> Search<D> {
    pub(crate) fn new(decider: D, config: Config) -> Self {
        Self { decider, config }
    }

    pub(crate) fn begin(&self, world: World) -> State<D::Memory> {
        let memory = self.decider.beginning(&world);
        let mut ghosts = Ghosts::new(world.rows[0].map_or(NONE, |row| row.release));
        ghosts.seen = (0..IDS)
            .filter(|id| world.servers[*id].is_some())
            .fold(0, |ids, id| ids | 1 << id);
        State { world, memory, ghosts }
    }

    /// People act, and a pass follows. `None` where the act changes nothing, or there is nothing to be killed at.
    pub(crate) fn step(&self, state: &mut State<D::Memory>, (act, end): Step) -> Option<Result<Met, Broken>> {
        let before = state.world;
        let known = state.ghosts.members() | state.ghosts.got;
        if !act.apply(&mut state.world, |id| known & (1 << id) == 0) {
            return None;
        }
        state.ghosts.watch(&before, &state.world);
        state.world.now += act.takes();
        if act == Act::Lost {
            state.memory = self.decider.empty();
        }
        if end == End::BeforeCommit {
            return (act != Act::Nothing && !act.passes()).then_some(Ok(Met {
                rule: None,
                event: Event::Nothing,
            }));
        }
        let decision = self.decider.decide(&state.world, &state.memory);
        let said = decision.said;
        let moves = said.moves.iter().flatten().count();
        let writes = match end {
            End::BeforeTags if moves < 1 => return None,
            End::AmongTags if moves < 2 => return None,
            End::BeforeTags => 0,
            End::AmongTags => 1,
            _ => moves,
        };
        state.ghosts.look(&state.world, &self.config);
        let event = state.ghosts.event(&state.world, &said);
        let scene = Scene {
            world: &state.world,
            ghosts: &state.ghosts,
            said: &said,
            event,
            config: &self.config,
        };
        if let Some(broken) = broken(&scene) {
            return Some(Err(broken));
        }
        state.ghosts.accept(&state.world, &said, event);
        state.memory = decision.memory;
        let tagged = (0..IDS).filter_map(|id| said.moves[id].map(|to| (id, to)));
        for (id, to) in tagged.take(writes) {
            if let Some(server) = state.world.servers[id].as_mut().filter(|server| !server.refuses) {
                server.tag = to;
                state.ghosts.tagged(id, to);
            }
        }
        if matches!(end, End::Whole | End::BeforeSheet) {
            state.memory = self.decider.settle(state.memory.clone(), &state.world);
        }
        let shown = state.world.rows;
        if end == End::Whole || end == End::BeforeSheet {
            write_sheet(&mut state.world, said.rule, said.release, said.previous);
        }
        if end == End::BeforeSheet {
            if state.world.rows == shown {
                return None;
            }
            state.world.rows = shown;
        } else if end == End::Whole {
            state.memory = self.decider.written(state.memory.clone(), &state.world);
        }
        state.world.takeover = false;
        state.world.unreadable = false;
        Some(Ok(Met {
            rule: Some(said.rule),
            event,
        }))
    }

    /// Plays a script to its end.
    pub(crate) fn play(&self, state: &mut State<D::Memory>, steps: &[Step]) -> Result<(), Breach> {
        for (at, step) in steps.iter().enumerate() {
            if let Some(Err(broken)) = self.step(state, *step) {
                return Err(Breach {
                    broken,
                    path: steps[..=at].to_vec(),
                });
            }
        }
        Ok(())
    }

    pub(crate) fn fingerprint(&self, state: &State<D::Memory>) -> u64 {
        let now = state.world.now;
        fingerprint(|print| {
            feed_world(&state.world, print);
            state.ghosts.feed(now, print);
            print.word(self.decider.fingerprint(&state.memory, now));
        })
    }

    /// Every sequence of so many acts after a beginning, with at most one kill in each.
    pub(crate) fn breadth(&self, first: &State<D::Memory>, acts: &[Act], depth: usize) -> Result<Counts, Breach> {
        let mut counts = Counts::default();
        // A state that was reached without a kill need not be followed again with one.
        let mut known: [Known; 2] = [Known::default(), Known::default()];
        let mut tree: Vec<(usize, Step)> = Vec::new();
        let mut frontier = vec![(usize::MAX, false, first.clone())];
        known[0].insert(self.fingerprint(first));
        for left in (0..depth).rev() {
            let mut next = Vec::new();
            for (from, killed, state) in &frontier {
                for act in acts {
                    for end in std::iter::once(End::Whole).chain(KILLS) {
                        let kill = end != End::Whole;
                        if kill && (*killed || left == 0) {
                            break;
                        }
                        let mut state = state.clone();
                        let met = match self.step(&mut state, (*act, end)) {
                            None => continue,
                            Some(Ok(met)) => met,
                            Some(Err(broken)) => {
                                return Err(Breach {
                                    broken,
                                    path: path(&tree, *from, (*act, end)),
                                });
                            }
                        };
                        counts.note(&met, end);
                        if left == 0 {
                            continue;
                        }
                        let print = self.fingerprint(&state);
                        let killed = *killed || kill;
                        if known[0].contains(&print) || !known[usize::from(killed)].insert(print) {
                            continue;
                        }
                        tree.push((*from, (*act, end)));
                        next.push((tree.len() - 1, killed, state));
                    }
                }
            }
            frontier = next;
        }
        counts.states = known[0].len() + known[1].len();
        Ok(counts)
    }
}

impl Counts {
    fn note(&mut self, met: &Met, end: End) {
        self.transitions += 1;
        if let Some(rule) = met.rule {
            *self.rules.entry(rule).or_default() += 1;
            if met.event != Event::Nothing {
                *self.events.entry(met.event).or_default() += 1;
            }
        }
        if end != End::Whole {
            *self.kills.entry(end).or_default() += 1;
        }
    }
}

fn write_sheet(world: &mut World, rule: Rule, release: Version, previous: Version) {
    if world.unreadable || rule == Rule::Unmet {
        return;
    }
    for row in world.rows.iter_mut().flatten() {
        if (row.release, row.previous, row.touched) != (release, previous, false) {
            world.writes += 1;
            *row = Row {
                release,
                previous,
                touched: false,
                stamp: world.writes,
                ..*row
            };
        }
    }
}

fn path(tree: &[(usize, Step)], mut from: usize, last: Step) -> Vec<Step> {
    let mut path = vec![last];
    while let Some((before, step)) = tree.get(from) {
        path.push(*step);
        from = *before;
    }
    path.reverse();
    path
}

fn feed_world(world: &World, print: &mut Print) {
    for row in [world.rows[0], world.rows[1], world.bin] {
        print.flags(&[row.is_some()]);
        let Some(row) = row else { continue };
        for version in [row.keys[0], row.keys[1], row.release, row.previous] {
            print.part(version, 2);
        }
        print.flags(&[row.enabled, row.rollback, row.advance, row.touched]);
    }
    print.flags(&[world.protected, world.away, world.open, world.takeover]);
    print.part(world.reading as u8, 2);
    for server in world.servers {
        print.flags(&[server.is_some()]);
        let Some(server) = server else { continue };
        print.part(server.tag, 2);
        print.flags(&[server.held, server.canary, server.refuses]);
    }
}
