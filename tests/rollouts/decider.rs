//! What decides: the model here, and whatever is to be compared with it. A decider sees a world, keeps a memory that nobody
//! else looks into, and says what it makes of both.

use super::world::{IDS, Ids, Version, World};

/// The rule that gave the status; names as in the tables of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// The sheet cannot be read.
    Unreadable,
    /// The channel could not be adopted yet.
    Unmet,
    NoRow,
    /// Rules 1 to 10.
    RolledBack,
    NothingBack,
    Latched,
    RowError,
    NotReleased,
    InSync,
    Waiting,
    Unprotected,
    Spent,
    Ready,
    /// (a), (b), (d), (e) and (g) of rule 11.
    AtOnce,
    StartOutage,
    StartWindow,
    StartGate,
    Started,
    /// 2a, and the rules of a rollout that is under way.
    AutoRollback,
    TakenBack,
    KeyElsewhere,
    NotEnabled,
    GateFailed,
    Outage,
    Unsettled,
    Failing,
    Baking,
    Manual,
    Done,
    OutsideWindow,
    NextWave,
}

/// Which version each server is to be tagged with in this pass; `None` for those that stay as they are.
pub(crate) type Moves = [Option<Version>; IDS];

/// What a pass decides: `memory` is on disk before the first tag moves.
#[derive(Clone, Debug)]
pub(crate) struct Decision<M> {
    pub(crate) said: Said,
    pub(crate) memory: M,
}

/// The part of it that anybody can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) rule: Rule,
    pub(crate) release: Version,
    /// The former version, or what a rollback would return to.
    pub(crate) previous: Version,
    /// The wave of the rollout under way, from 0.
    pub(crate) wave: Option<u8>,
    pub(crate) members: Ids,
    pub(crate) moves: Moves,
}

/// Decides. To compare the program with the model, implement this over `fleetsheet::plan` and search a [`Pair`] of both.
///
/// Such a decider makes of a [`World`] what the program reads: `Row::stamp` and the cells beside it as the service columns, a
/// cell of which holds something else where the row is `touched`; a row with stamp 0 has blank ones. Server ids have to be
/// found whose order by hash is [`ORDER`](super::world::ORDER). A tick of `World::now` is one `interval`, and the spans of
/// [`CONFIG`](super::world::CONFIG) are counted in it. Of the gate nothing is known but its reading, so it is one without
/// `{{version}}`. `Server::refuses` is for the far end, no decision sees it, and no server whose region is away.
pub(crate) trait Decider {
    type Memory: Clone;

    /// The memory of a store that serves a channel at rest since long.
    fn beginning(&self, world: &World) -> Self::Memory;

    /// The memory of an empty store.
    fn empty(&self) -> Self::Memory;

    fn decide(&self, world: &World, memory: &Self::Memory) -> Decision<Self::Memory>;

    /// What is remembered once the tags are written: who carries what now stands in `after`. Not called in a pass that is
    /// killed before that.
    fn settle(&self, memory: Self::Memory, _after: &World) -> Self::Memory {
        memory
    }

    /// What is remembered once the sheet is written: the stamps that now stand in its rows.
    fn written(&self, memory: Self::Memory, _after: &World) -> Self::Memory {
        memory
    }

    /// Tells memories apart as far as a later decision can: times by their age, no serial numbers. Beside the model, in a
    /// [`Pair`], a constant will do: then states are followed once for each memory of the model.
    fn fingerprint(&self, memory: &Self::Memory, now: u32) -> u64;
}

/// Two deciders that must agree in every pass.
pub(crate) struct Pair<A, B>(pub(crate) A, pub(crate) B);

impl<A: Decider, B: Decider> Decider for Pair<A, B> {
    type Memory = (A::Memory, B::Memory);

    fn beginning(&self, world: &World) -> Self::Memory {
        (self.0.beginning(world), self.1.beginning(world))
    }

    fn empty(&self) -> Self::Memory {
        (self.0.empty(), self.1.empty())
    }

    fn decide(&self, world: &World, memory: &Self::Memory) -> Decision<Self::Memory> {
        let one = self.0.decide(world, &memory.0);
        let other = self.1.decide(world, &memory.1);
        assert_eq!(one.said, other.said, "the two disagree before {world:?}");
        Decision {
            said: one.said,
            memory: (one.memory, other.memory),
        }
    }

    fn settle(&self, memory: Self::Memory, after: &World) -> Self::Memory {
        (self.0.settle(memory.0, after), self.1.settle(memory.1, after))
    }

    fn written(&self, memory: Self::Memory, after: &World) -> Self::Memory {
        (self.0.written(memory.0, after), self.1.written(memory.1, after))
    }

    fn fingerprint(&self, memory: &Self::Memory, now: u32) -> u64 {
        let one = self.0.fingerprint(&memory.0, now);
        one.rotate_left(17) ^ self.1.fingerprint(&memory.1, now)
    }
}
