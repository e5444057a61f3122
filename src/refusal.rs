//! Why a command could not begin or broke off, in words that say what to do.

use crate::text::plain;

/// What keeps a command from its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Whose fault it is, as far as the exit code tells.
    pub cause: Cause,
    /// What is wrong and how to correct it; several mistakes stand on several lines.
    pub message: String,
}

/// The kinds of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The configuration, or what it names, cannot work. Trying again does not help.
    Configuration,
    /// Something failed that may work the next time.
    Failure,
    /// The cloud did not answer, or not whole.
    Unanswered,
    /// What is asked for would be wrong for what is there, as when a belt holds it.
    Held,
}

impl Refusal {
    /// The configuration, or what it names, cannot work.
    pub fn config(message: impl ToString) -> Self {
        Self {
            cause: Cause::Configuration,
            message: message.to_string(),
        }
    }

    /// Something failed.
    pub fn failed(message: impl ToString) -> Self {
        Self {
            cause: Cause::Failure,
            message: message.to_string(),
        }
    }

    /// It would be wrong for what is there.
    pub fn held(message: impl ToString) -> Self {
        Self {
            cause: Cause::Held,
            message: message.to_string(),
        }
    }

    /// The cloud did not answer, or not whole.
    pub fn unanswered(message: impl ToString) -> Self {
        Self {
            cause: Cause::Unanswered,
            message: message.to_string(),
        }
    }

    /// The program's exit code, as `--help` lists it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.cause {
            Cause::Failure => 1,
            Cause::Configuration => 2,
            Cause::Unanswered => 4,
            Cause::Held => 5,
        }
    }

    /// The message on one line, safe for a log or a page.
    #[must_use]
    pub fn line(&self) -> String {
        plain(&self.message.lines().collect::<Vec<_>>().join("; "))
    }
}
