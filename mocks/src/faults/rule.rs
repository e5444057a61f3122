//! What can befall a call, and the rules that say which calls it befalls.

use std::ops::RangeInclusive;

/// One way for a call to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service says that it is asked too often, in its own words. Nothing is done.
    Throttle,
    /// The service answers this status in its own error shape. Nothing is done.
    Status(u16),
    /// A front end answers 503 with a page of HTML. Nothing is done.
    Html503,
    /// The credentials are not accepted. Nothing is done.
    Unauthorized,
    /// The credentials are good but do not suffice. Nothing is done.
    Forbidden,
    /// No answer comes, and the connection stays open. Nothing is done.
    Hang,
    /// The connection is closed without an answer. Nothing is done.
    ResetBefore,
    /// The call takes effect, then the connection is closed without an answer.
    ResetAfter,
    /// The call takes effect, then the answer breaks off half way through its declared length.
    Truncate,
    /// The call takes effect, then a 200 without a body is answered.
    Empty200,
    /// Something in between answers 200 and rubbish. Nothing is done.
    Nonsense,
}

impl Fault {
    /// The part of the fault that each service words for itself, if there is one.
    #[must_use]
    pub fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Throttle => Some(Refusal::Throttle),
            Self::Status(code) => Some(Refusal::Status(code)),
            Self::Unauthorized => Some(Refusal::Unauthorized),
            Self::Forbidden => Some(Refusal::Forbidden),
            Self::Html503 | Self::Hang | Self::ResetBefore => None,
            Self::ResetAfter | Self::Truncate | Self::Empty200 | Self::Nonsense => None,
        }
    }
}

/// An answer that each service words for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too many calls.
    Throttle,
    /// An error with this HTTP status.
    Status(u16),
    /// Credentials that are not accepted.
    Unauthorized,
    /// Credentials that do not suffice.
    Forbidden,
}

/// Which of the calls that match a rule it strikes. Calls are counted from one, from the moment the rule was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// The next one only.
    First,
    /// The nth one only.
    Nth(u64),
    /// The nth one and all that follow.
    From(u64),
    /// All of them.
    Every,
    /// All but each nth.
    AllBut(u64),
    /// Those in the range.
    Range(RangeInclusive<u64>),
}

impl When {
    pub(super) fn strikes(&self, nth: u64) -> bool {
        match self {
            Self::First => nth == 1,
            Self::Nth(n) => nth == *n,
            Self::From(n) => nth >= *n,
            Self::Every => true,
            Self::AllBut(n) => n == &0 || !nth.is_multiple_of(*n),
            Self::Range(range) => range.contains(&nth),
        }
    }
}

/// A fault, and the calls that it strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// A method's name, or a beginning of names that ends in `*`.
    pub method: String,
    /// Which of the matching calls.
    pub when: When,
    /// What befalls them.
    pub fault: Fault,
}

impl Rule {
    /// A rule for `method`: a name, or a beginning of names that ends in `*`.
    pub fn new(method: impl Into<String>, when: When, fault: Fault) -> Self {
        Self {
            method: method.into(),
            when,
            fault,
        }
    }
}

/// Whether a method's name fits a pattern: the name itself, or its beginning before a `*`.
pub(super) fn names(pattern: &str, method: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => method.starts_with(start),
        None => pattern == method,
    }
}
