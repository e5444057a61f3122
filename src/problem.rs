//! What needs a person: its kind, its place and what to do, in words.

mod code;

use serde::{Deserialize, Serialize};

use crate::text::plain;
pub use code::Code;

/// Kinds of problems, which mail can be routed by. The order is that of reports and mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A release moved, forward or back.
    Release,
    /// Sheet and fleet, or two parts of the sheet, do not fit together.
    Mismatch,
    /// Somebody changed what only the service may change.
    UnauthorisedEdit,
    /// A call failed.
    ApiFailure,
    /// A safety limit holds something back.
    Belt,
    /// A gate has failed, or a rollout gets nowhere.
    Gate,
    /// A cell holds what its column may not.
    BadCell,
}

impl Kind {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::Release,
        Self::Mismatch,
        Self::UnauthorisedEdit,
        Self::ApiFailure,
        Self::Belt,
        Self::Gate,
        Self::BadCell,
    ];

    /// The word used in reports and in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Mismatch => "mismatch",
            Self::UnauthorisedEdit => "unauthorised_edit",
            Self::ApiFailure => "api_failure",
            Self::Belt => "belt",
            Self::Gate => "gate",
            Self::BadCell => "bad_cell",
        }
    }
}

/// One thing that needs a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Its kind.
    pub kind: Kind,
    /// A cell, a server, a channel or a source.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong and what to do.
    pub message: String,
    /// Tells problems of one kind and place apart when their words change; not shown.
    #[serde(skip)]
    pub code: Code,
}

impl Problem {
    /// Makes one. Its message may quote cells and tags: what is hidden in them is made visible here.
    pub fn new(kind: Kind, code: Code, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            place: place.into(),
            message: plain(&message.into()),
            code,
        }
    }

    /// What makes it the same problem in the next pass, whatever its numbers.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("{}:{}:{}", self.kind.word(), self.code.word(), self.place)
    }
}
