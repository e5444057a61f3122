//! Takes the place of the emulators in a build without them.
//!
//! Whoever asks for a sandbox was refused before anything here is called; these answers keep it so all the same.

use super::error::SandboxError;
use crate::clients::StaticCredentials;
use crate::config::Config;

/// Whether this build has emulators.
pub(super) const HAS_EMULATORS: bool = false;

/// A running sandbox, which this build cannot have.
#[derive(Debug)]
pub enum Embedded {}

/// Gives the configuration back as it was.
pub(super) async fn embed(config: Config) -> Result<(Config, StaticCredentials, Option<Embedded>), SandboxError> {
    match config.sandbox {
        None => Ok((config, None, None)),
        Some(_) => Err(nothing_there()),
    }
}

/// Refuses.
pub(super) async fn serve(_: Config, _: &str, _: u16) -> Result<(), SandboxError> {
    Err(nothing_there())
}

fn nothing_there() -> SandboxError {
    SandboxError::because("this build has no emulators")
}
