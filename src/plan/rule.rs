//! The rules of the decision table of a channel, in the order in which they are tried, and when each matches.

/// The rule that decided about a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Rule 1: a tick is served.
    RolledBack,
    /// Rule 2: a tick finds no version to go back to.
    NothingToRollBack,
    /// Rule 3: a tick that was served, or does not count, still stands.
    Latched,
    /// Rule 4: the row cannot be read, or stands twice.
    Error,
    /// Rule 5: nothing is released yet.
    NotReleased,
    /// Rule 6: nobody asks for anything else.
    InSync,
    /// Rule 7: a key is missing or differs.
    Waiting,
    /// Rule 8: the protection does not hold.
    Unprotected,
    /// Rule 9: a key is spent.
    Spent,
    /// Rule 10: promotions are not enabled.
    Ready,
    /// Rule 11: promotion, whether or not a belt or `mode = "observe"` lets it happen.
    Promoted,
}

impl Rule {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::RolledBack,
        Self::NothingToRollBack,
        Self::Latched,
        Self::Error,
        Self::NotReleased,
        Self::InSync,
        Self::Waiting,
        Self::Unprotected,
        Self::Spent,
        Self::Ready,
        Self::Promoted,
    ];

    /// Its number, from 1.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// When it matches.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::RolledBack => "rollback is ticked and there is a version to go back to",
            Self::NothingToRollBack => "rollback is ticked, but there is no version to go back to",
            Self::Latched => "rollback is still ticked, and this tick was served or does not count",
            Self::Error => "a cell of the row cannot be read, or the channel stands in two rows, or in none any more",
            Self::NotReleased => "there is no release, and the keys do not agree on one",
            Self::InSync => "both keys are empty, or both name the release",
            Self::Waiting => "one key is empty, or the keys differ",
            Self::Unprotected => "the keys agree, but the key columns are not protected",
            Self::Spent => "the keys agree, but one or both are spent",
            Self::Ready => "the keys agree, but the channel is not enabled",
            Self::Promoted => "the keys agree: promotion",
        }
    }
}
