//! What people can do about a channel, as steps that a test can take, and what the pass after them then does.

use std::fmt;

use super::policy::Belt;
use crate::tag::Version;

/// One thing that people do, or wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Bring every account and region to answer.
    Reach,
    /// Correct the cells of the row that cannot be read.
    Correct,
    /// Keep one of the channel's rows.
    KeepOneRow,
    /// Bring the row of a channel back.
    BringBack,
    /// Repair the protections.
    Protect,
    /// Untick `rollback`.
    Untick,
    /// Tick `rollback`.
    Tick,
    /// Tick `enabled`.
    Enable,
    /// Tick `advance`.
    Advance,
    /// Untick `advance`.
    StopAdvance,
    /// Let a pass see what stands there.
    LetSee,
    /// Clear both keys.
    Clear,
    /// Wait for the pass that shows in the sheet what was ordered without it.
    Shown,
    /// Type this version into the one key that does not name it.
    NameOther(Half, Version),
    /// Type this version into both keys; `None`: any other than the release and what stands there.
    Name(Option<Version>),
    /// Let a belt through for one pass.
    Allow(Belt),
    /// Let passes act.
    Enforce,
}

/// One of the two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// That of `desiredVersionA`.
    A,
    /// That of `desiredVersionB`.
    B,
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "key A (desiredVersionA)",
            Self::B => "key B (desiredVersionB)",
        })
    }
}

/// What the pass after the last step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing that the status does not say.
    Decides,
    /// It releases this version; `None`: the one that was named.
    Releases(Option<Version>),
    /// It begins to roll this version out in waves; `None`: the one that was named.
    RollsOut(Option<Version>),
    /// The rollout of this version goes on.
    GoesOn(Version),
    /// It rolls back to this version.
    RollsBack(Version),
}

/// What people can do about a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// In this order.
    pub steps: Vec<Step>,
    /// What comes of it.
    pub then: Then,
}

impl Step {
    /// Whether it is done in the keys and boxes of the row.
    pub(super) fn is_in_the_row(&self) -> bool {
        matches!(self, Self::Enable | Self::Clear | Self::Name(_) | Self::NameOther(..))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reach => f.write_str("wait until every account and region answers"),
            Self::Correct => f.write_str("correct the cells of its row that cannot be read"),
            Self::KeepOneRow => f.write_str("keep one of its rows"),
            Self::BringBack => f.write_str("bring its row back with undo, or with fleetsheet init --channel"),
            Self::Protect => f.write_str("repair the protections that fleetsheet check names"),
            Self::Untick => f.write_str("untick rollback"),
            Self::Tick => f.write_str("tick rollback"),
            Self::Enable => f.write_str("tick enabled"),
            Self::Advance => f.write_str("tick advance"),
            Self::StopAdvance => f.write_str("untick advance"),
            Self::LetSee => f.write_str("wait for a pass"),
            Self::Shown => f.write_str("wait until the sheet shows it"),
            Self::Clear => f.write_str("clear both keys"),
            Self::NameOther(half, version) => write!(f, "type {version} into {half}"),
            Self::Name(Some(version)) => write!(f, "type {version} into both keys"),
            Self::Name(None) => f.write_str("type another version into both keys"),
            Self::Allow(belt) => write!(f, "run fleetsheet --once --allow {} if it is meant", belt.word()),
            Self::Enforce => f.write_str("set mode = \"enforce\""),
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.steps.iter().enumerate() {
            let gap = match (i, i + 1 == self.steps.len()) {
                (0, _) => "",
                (_, false) => ", ",
                (_, true) => " and ",
            };
            write!(f, "{gap}{step}")?;
        }
        match &self.then {
            Then::Decides => Ok(()),
            Then::Releases(Some(version)) => write!(f, ": that releases {version} to all servers of the channel"),
            Then::Releases(None) => f.write_str(": that releases it"),
            Then::RollsOut(Some(version)) => write!(f, ": that begins to roll {version} out in waves"),
            Then::RollsOut(None) => f.write_str(": that begins to roll it out in waves"),
            Then::GoesOn(version) => write!(f, ": then {version} goes on rolling out"),
            Then::RollsBack(version) => write!(f, ": that rolls back to {version}"),
        }
    }
}
