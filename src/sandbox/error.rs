//! Why there is no sandbox.

use std::fmt::Display;

/// Why there is no sandbox, in words.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox cannot start: {0}")]
pub struct SandboxError(String);

impl SandboxError {
    pub(super) fn because(what: impl Display) -> Self {
        Self(what.to_string())
    }
}
