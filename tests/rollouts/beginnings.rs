//! Where searches begin: a channel at rest, and every stage of its rollout, each reached by a script.

use super::acts::{Act, End};
use super::decider::Decider;
use super::search::{Search, State, Step};
use super::world::{NONE, World};

const fn whole(act: Act) -> Step {
    (act, End::Whole)
}

const GO: Step = whole(Act::Nothing);

/// Both keys are typed, and the first wave starts.
const START: [Step; 2] = [whole(Act::Key(0, 2)), whole(Act::Key(1, 2))];

/// A stage, and the steps that lead to it from the one before.
const STAGES: [(&str, &[Step]); 7] = [
    ("at rest", &[]),
    ("the first wave has started", &START),
    ("the first wave is about to end", &[GO, GO, GO, GO]),
    ("the manual wave has started", &[GO]),
    ("the manual wave waits", &[GO, GO, GO, GO, GO]),
    ("the last wave has started", &[whole(Act::Advance)]),
    ("the last wave is about to end", &[whole(Act::Advance), GO, GO, GO]),
];

/// The end of a rollout, and what may follow.
const AFTER: [(&str, &[Step]); 8] = [
    ("one key is typed", &[whole(Act::Key(0, 2))]),
    (
        "the last wave bakes outside the window",
        &[whole(Act::Advance), whole(Act::Window), GO],
    ),
    ("done", &[GO]),
    ("taken over in the manual wave", &[whole(Act::Lost)]),
    ("rolled back", &[whole(Act::Rollback)]),
    ("paused", &[whole(Act::Key(0, NONE))]),
    ("a third version waits", &[whole(Act::Key(0, 3)), whole(Act::Key(1, 3))]),
    ("paused, and a member is late", &[]),
];

impl<D: Decider> Search<D> {
    fn after(&self, mut state: State<D::Memory>, steps: &[Step]) -> State<D::Memory> {
        if let Err(breach) = self.play(&mut state, steps) {
            panic!("{breach:?}");
        }
        state
    }

    /// All of them, over so many servers.
    pub(crate) fn beginnings(&self, servers: usize) -> Vec<(&'static str, State<D::Memory>)> {
        let mut state = self.begin(World::released(1, servers));
        let mut all = Vec::new();
        for (name, steps) in STAGES {
            state = self.after(state, steps);
            all.push((name, state.clone()));
        }
        let manual = all[4].1.clone();
        let (first, last) = (all[1].1.clone(), all[5].1.clone());
        for (name, steps) in AFTER {
            let from = match name {
                "one key is typed" => all[0].1.clone(),
                "done" => state.clone(),
                "the last wave bakes outside the window" => last.clone(),
                "paused" | "a third version waits" => first.clone(),
                "paused, and a member is late" => self.late(servers),
                _ => manual.clone(),
            };
            all.push((name, self.after(from, steps)));
        }
        all.push(("several versions, and no release", self.unreleased(servers)));
        all.push(("no version, and no release", self.begin(World::released(NONE, servers))));
        all
    }

    /// The first server of the first wave could not be tagged before key A was cleared.
    fn late(&self, servers: usize) -> State<D::Memory> {
        let state = self.begin(World::released(1, servers));
        let first = super::world::ORDER[0];
        let steps = [
            whole(Act::Refuse(first)),
            START[0],
            START[1],
            whole(Act::Key(0, NONE)),
            whole(Act::Refuse(first)),
        ];
        self.after(state, &steps)
    }

    /// Half of the servers carry another version, so that none is adopted.
    fn unreleased(&self, servers: usize) -> State<D::Memory> {
        let mut world = World::released(NONE, servers);
        for (id, server) in world.servers.iter_mut().flatten().enumerate() {
            server.tag = if id % 2 == 0 { 1 } else { 3 };
        }
        self.begin(world)
    }
}
