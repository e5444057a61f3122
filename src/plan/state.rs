//! What a channel's state is, in one word for scripts: by the rule that matched, and by what kept it from acting.

use super::rule::Rule;

/// The state of a channel, as reports and metrics say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// A belt holds the promotion.
    Belt,
    /// A cell of its row cannot be read, or it is in two rows.
    Error,
    /// Nobody asks for anything else.
    InSync,
    /// The box is still ticked, and this tick was served or does not count.
    Latched,
    /// Nothing is released yet.
    NotReleased,
    /// A tick found no version to go back to.
    NothingToRollBack,
    /// It would move, but the pass only observes.
    Observe,
    /// A rollout stands.
    Paused,
    /// The release moved by two keys.
    Promoted,
    /// Both keys agree, and promotions are not enabled.
    Ready,
    /// The release moved by a tick.
    RolledBack,
    /// A rollout is under way.
    Rolling,
    /// A key is spent.
    Spent,
    /// The protection of the keys does not hold.
    Unprotected,
    /// Both keys name a version that is not in force, and not the same one.
    Waiting,
    /// Key A has not followed key B.
    WaitingA,
    /// Key B has not followed key A.
    WaitingB,
}

impl State {
    /// All of them, in the order of their words.
    pub const ALL: [Self; 17] = [
        Self::Belt,
        Self::Error,
        Self::InSync,
        Self::Latched,
        Self::NotReleased,
        Self::NothingToRollBack,
        Self::Observe,
        Self::Paused,
        Self::Promoted,
        Self::Ready,
        Self::RolledBack,
        Self::Rolling,
        Self::Spent,
        Self::Unprotected,
        Self::Waiting,
        Self::WaitingA,
        Self::WaitingB,
    ];

    /// Its word (SPEC's `state`).
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Belt => "belt",
            Self::Error => "error",
            Self::InSync => "in_sync",
            Self::Latched => "latched",
            Self::NotReleased => "not_released",
            Self::NothingToRollBack => "nothing_to_roll_back",
            Self::Observe => "observe",
            Self::Paused => "paused",
            Self::Promoted => "promoted",
            Self::Ready => "ready",
            Self::RolledBack => "rolled_back",
            Self::Rolling => "rolling",
            Self::Spent => "spent",
            Self::Unprotected => "unprotected",
            Self::Waiting => "waiting",
            Self::WaitingA => "waiting_a",
            Self::WaitingB => "waiting_b",
        }
    }

    /// The state that a rule leads to where nothing keeps it from acting. Who is waited for, a rule alone cannot tell.
    pub(super) const fn of(rule: Rule) -> Self {
        match rule {
            Rule::RolledBack => Self::RolledBack,
            Rule::NothingToRollBack => Self::NothingToRollBack,
            Rule::Latched => Self::Latched,
            Rule::Error => Self::Error,
            Rule::NotReleased => Self::NotReleased,
            Rule::InSync => Self::InSync,
            Rule::Waiting => Self::Waiting,
            Rule::Unprotected => Self::Unprotected,
            Rule::Spent => Self::Spent,
            Rule::Ready => Self::Ready,
            Rule::Promoted => Self::Promoted,
        }
    }
}
