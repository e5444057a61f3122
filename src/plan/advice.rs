//! What people can do about a channel, as steps that a test can take, and what the pass after them then does.

use std::fmt;

use super::policy::Belt;
use crate::tag::Version;

/// One thing that people do, or wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Bring every account and region to answer.
    Reach,
    /// Correct the cells that the status names.
    Correct,
    /// Keep one of the channel's rows.
    KeepOneRow,
    /// Repair the protections.
    Protect,
    /// Untick `rollback`.
    Untick,
    /// Tick `rollback`.
    Tick,
    /// Tick `enabled`.
    Enable,
    /// Let a pass see what stands there.
    LetSee,
    /// Clear both keys.
    Clear,
    /// Type this version into both keys; `None`: any other than the release and what stands there.
    Name(Option<Version>),
    /// Let a belt through for one pass.
    Allow(Belt),
    /// Let passes act.
    Enforce,
}

/// What the pass after the last step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing that the status does not say.
    Decides,
    /// It releases this version; `None`: the one that was named.
    Releases(Option<Version>),
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

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reach => f.write_str("wait until every account and region answers"),
            Self::Correct => f.write_str("correct the cells that the status names"),
            Self::KeepOneRow => f.write_str("keep one of its rows"),
            Self::Protect => f.write_str("repair the protections that fleetsheet check names"),
            Self::Untick => f.write_str("untick rollback"),
            Self::Tick => f.write_str("tick rollback"),
            Self::Enable => f.write_str("tick enabled"),
            Self::LetSee => f.write_str("let a pass see it"),
            Self::Clear => f.write_str("clear both keys"),
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
            Then::RollsBack(version) => write!(f, ": that rolls back to {version}"),
        }
    }
}
