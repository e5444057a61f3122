//! Every way that a story can go: a run, a run that is killed before each of its durable steps, and what others do in between.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::laws::{self, Law};
use super::pass::Run;
use super::rules::Decider;
use super::world::{A, B, BAD, Budget, EDITED, Tag, World, package_of};

/// What people and the world outside do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Edit,
    Stop,
    Reload,
    Hold,
    Retry,
    Outage,
}

const TAGS: [Tag; 9] = [
    Tag::Release(A),
    Tag::Release(B),
    Tag::Release(BAD),
    Tag::Nothing,
    Tag::Unreadable,
    Tag::Garbage,
    Tag::Unsigned,
    Tag::NotDue,
    Tag::Unready,
];
const EDITS: [Act; 6] = [Act::Edit, Act::Stop, Act::Reload, Act::Hold, Act::Retry, Act::Outage];

/// How many runs it takes at most until a server that is left alone is where it belongs.
const SETTLES: usize = 3;

#[derive(Debug)]
pub(crate) struct Breach {
    pub(crate) law: Law,
    /// The state before the run that broke it.
    #[expect(dead_code, reason = "it is read where a breach is printed")]
    pub(crate) world: World,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) states: usize,
    pub(crate) transitions: usize,
    pub(crate) kills: usize,
    pub(crate) rules: BTreeMap<u8, usize>,
}

/// Where stories begin: on a new server, on one with a good release, and on one with two ways back behind it.
pub(crate) fn beginnings(budget: Budget) -> [World; 3] {
    let fresh = World::new(budget);
    let mut good = fresh;
    (good.package, good.file, good.loaded) = (package_of(A), A, Some(A));
    good.memory.good = Some(A);
    let mut late = good;
    late.memory.backs = 2;
    [fresh, good, late]
}

fn edited(mut world: World, act: Act) -> World {
    world.budget.edits -= 1;
    match act {
        Act::Edit => world.file = EDITED,
        Act::Stop => world.loaded = None,
        Act::Reload => world.loaded = Some(world.file),
        Act::Hold => world.memory.hold = !world.memory.hold,
        Act::Outage => world.outage = !world.outage,
        Act::Retry => {
            world.memory.quarantine = 0;
            world.memory.broken = None;
            world.memory.backs = 0;
            world.again = 0;
        }
    }
    world
}

fn settles<D: Decider>(decider: &D, world: World, heals_at: u8) -> bool {
    let mut world = world;
    for _ in 0..SETTLES {
        let mut run = Run::new(decider, world, None, heals_at);
        let _ = run.run();
        world = run.world;
    }
    laws::is_settled(&world)
}

/// Searches all stories from these beginnings. Gives what was seen, or the first breach.
pub(crate) fn search<D: Decider>(decider: &D, from: &[World], heals_at: u8) -> Result<Counts, Box<Breach>> {
    walk(decider, from, heals_at, |_| {})
}

/// Shows each state once.
pub(crate) fn visit<D: Decider>(decider: &D, from: &[World], heals_at: u8, see: impl FnMut(&World)) {
    let ended = walk(decider, from, heals_at, see);
    assert!(ended.is_ok());
}

fn walk<D: Decider>(
    decider: &D,
    from: &[World],
    heals_at: u8,
    mut see: impl FnMut(&World),
) -> Result<Counts, Box<Breach>> {
    let mut seen: HashSet<World> = from.iter().copied().collect();
    let mut next: VecDeque<World> = from.iter().copied().collect();
    let mut counts = Counts::default();
    while let Some(world) = next.pop_front() {
        see(&world);
        let breach = |law| Box::new(Breach { law, world });
        if !settles(decider, world, heals_at) {
            return Err(breach(Law::Settles));
        }
        let mut found = Vec::new();
        let mut run = Run::new(decider, world, None, heals_at);
        let Ok(verdict) = run.run() else { continue };
        *counts.rules.entry(verdict.rule).or_default() += 1;
        if let Some(law) = laws::broken(&world, &verdict, &run) {
            return Err(breach(law));
        }
        found.push(run.world);
        if world.budget.crashes > 0 {
            for step in 0..run.steps {
                let mut killed = Run::new(decider, world, Some(step), heals_at);
                let _ = killed.run();
                killed.world.budget.crashes -= 1;
                counts.kills += 1;
                found.push(killed.world);
            }
        }
        if world.budget.moves > 0 {
            for tag in TAGS {
                let mut moved = world;
                moved.tag = tag;
                moved.budget.moves -= 1;
                found.push(moved);
            }
        }
        if world.budget.edits > 0 {
            found.extend(EDITS.map(|act| edited(world, act)));
        }
        counts.transitions += found.len();
        next.extend(found.into_iter().filter(|world| seen.insert(*world)));
    }
    counts.states = seen.len();
    Ok(counts)
}
