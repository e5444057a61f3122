//! The table of what to run, as the model has it; each rule can be dropped.

use super::world::{Memory, Tag};

/// What is needed, each so that some law holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needed {
    /// The snapshot of an open attempt is kept when the tag goes on to another release.
    SnapshotKept,
    /// What is owed is remembered before the change that owes it.
    OwedBefore,
    /// What is owed survives the run.
    OwedOnDisk,
    /// What is owed is settled whatever the tag says.
    OwedAlways,
    /// A release is good after its check only.
    GoodAfterCheck,
    /// An open attempt that is no longer asked for is taken back, not forgotten.
    TakenBack,
    /// The same where the tag has gone.
    TakenBackWithoutTag,
    /// A way back goes on whatever the tag says.
    BackFirst,
    /// A hold holds.
    Hold,
    /// Nothing is touched after the last level.
    HandsOff,
    /// The release that failed is remembered with the first step of its way back.
    QuarantineAtOnce,
    /// It is not tried again.
    Quarantine,
    /// Three ways back within a day, and no fourth.
    Belt,
    /// Another level when one does not heal.
    Levels,
    /// No way back when good was ill already.
    SickBefore,
    /// A restart only where something changed.
    RestartIfOwed,
    /// Drift is corrected.
    Drift,
    /// A stopped service is started.
    Started,
}

/// What is done about the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Then {
    FinishBack,
    Nothing,
    GoOn,
    Enforce,
    Leave,
    Attempt,
}

/// The rule that matched, whether an open attempt is taken back first, and what is done then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Verdict {
    pub(crate) rule: u8,
    pub(crate) take_back: bool,
    pub(crate) then: Then,
}

/// Decides; the model is one, the program another.
pub(crate) trait Decider {
    fn decide(&self, memory: &Memory, tag: Tag) -> Verdict;

    /// Whether the acting does it as it should.
    fn has(&self, needed: Needed) -> bool;
}

/// The rules, without one of them maybe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model {
    pub(crate) dropped: Option<Needed>,
}

impl Model {
    fn rule(&self, memory: &Memory, tag: Tag) -> (u8, Then) {
        let open = memory.attempt;
        if open.is_some_and(|attempt| attempt.back > 0) && self.has(Needed::BackFirst) {
            return (1, Then::FinishBack);
        }
        if memory.hold && self.has(Needed::Hold) {
            return (2, Then::Nothing);
        }
        let unchanged = memory.broken == Some(tag) || memory.broken.is_some() && tag == Tag::Unreadable;
        if unchanged && self.has(Needed::HandsOff) {
            return (3, Then::Nothing);
        }
        let release = match tag {
            Tag::Unreadable if open.is_some() => return (4, Then::GoOn),
            Tag::Unreadable => return (4, Then::Enforce),
            Tag::Nothing => return (6, Then::Leave),
            Tag::Garbage => return (7, Then::Enforce),
            Tag::Unsigned => return (9, Then::Enforce),
            Tag::NotDue => return (10, Then::Enforce),
            Tag::Unready => return (11, Then::Enforce),
            Tag::Release(release) => release,
        };
        if open.is_some_and(|attempt| attempt.release == release) {
            return (5, Then::GoOn);
        }
        let failed = memory.quarantine & (1 << release) != 0 && self.has(Needed::Quarantine);
        if memory.good == Some(release) || failed {
            return (8, Then::Enforce);
        }
        if memory.backs >= 3 && self.has(Needed::Belt) {
            return (9, Then::Enforce);
        }
        (12, Then::Attempt)
    }
}

impl Decider for Model {
    fn decide(&self, memory: &Memory, tag: Tag) -> Verdict {
        let (rule, then) = self.rule(memory, tag);
        let wanted = match rule {
            6 => self.has(Needed::TakenBackWithoutTag),
            7..=11 => self.has(Needed::TakenBack),
            _ => false,
        };
        Verdict {
            rule,
            take_back: wanted && memory.attempt.is_some(),
            then,
        }
    }

    fn has(&self, needed: Needed) -> bool {
        self.dropped != Some(needed)
    }
}
