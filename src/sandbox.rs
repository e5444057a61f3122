//! Trying it without an account: emulators inside this process, and a configuration that points at them.
//!
//! They are a part of the build that can be left out, the feature `sandbox`. What runs in production is built without
//! it, and refuses a configuration that asks for a sandbox. No other file depends on which build it is in.

#[cfg(not(feature = "sandbox"))]
mod absent;
#[cfg(feature = "sandbox")]
mod emulators;
mod error;

use std::path::Path;

#[cfg(not(feature = "sandbox"))]
use absent as build;
#[cfg(feature = "sandbox")]
use emulators as build;

use crate::adapters::{files, neighbour};
use crate::clients::StaticCredentials;
use crate::config::{Config, ConfigErrors, DEFAULT_PATH};
use crate::refusal::Refusal;

pub use build::Embedded;

/// The configuration for those who have none.
const BUILT_IN: &str = include_str!("../config/sandbox.toml");

/// Who asks for a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Nobody.
    No,
    /// A configuration with a `[sandbox]` section.
    InConfig,
    /// Somebody who typed `fleetsheet sandbox`.
    AsCommand,
}

/// Refuses what the build cannot do. A build without emulators must never make a real pass instead of a simulated one.
fn admit(asked: Asked, has_emulators: bool) -> Result<(), Refusal> {
    let advice = match asked {
        _ if has_emulators => return Ok(()),
        Asked::No => return Ok(()),
        Asked::InConfig => "Take [sandbox] and FLEETSHEET_SANDBOX__… out of the configuration, or use",
        Asked::AsCommand => "Use",
    };
    Err(Refusal::config(format!(
        "this build of fleetsheet has no emulators, so it has no sandbox. {advice} a build that has them: \
         cargo install --path . --locked"
    )))
}

/// Starts a sandbox if the configuration has one: gives the configuration that reaches it, keys for its cloud, and what
/// must be kept as long as it is used. Without a sandbox the configuration comes back as it was.
///
/// # Errors
/// When the emulators cannot start, history cannot be made, or this build has no emulators.
pub async fn embed(config: Config) -> Result<(Config, StaticCredentials, Option<Embedded>), Refusal> {
    let asked = if config.sandbox.is_some() {
        Asked::InConfig
    } else {
        Asked::No
    };
    admit(asked, build::HAS_EMULATORS)?;
    build::embed(config).await.map_err(Refusal::failed)
}

/// Runs the sandbox that the file describes until it is interrupted, with its page on this port (0: a free one). `servers` comes
/// before what the file says.
///
/// # Errors
/// When the configuration has mistakes, the sandbox cannot start, or this build has no emulators.
pub async fn serve(path: &Path, servers: Option<u32>, port: u16) -> Result<(), Refusal> {
    admit(Asked::AsCommand, build::HAS_EMULATORS)?;
    let (mut config, text) = chosen(path).map_err(Refusal::config)?;
    if let (Some(sandbox), Some(servers)) = (&mut config.sandbox, servers) {
        sandbox.servers = servers;
    }
    build::serve(config, &text, port).await.map_err(Refusal::failed)
}

/// Lets the sandbox on this port start over; `false` where none runs.
///
/// # Errors
/// When this build has no emulators, or something else listens there.
pub async fn start_over(port: u16) -> Result<bool, Refusal> {
    admit(Asked::AsCommand, build::HAS_EMULATORS)?;
    match neighbour::post(port, "/api/again").await {
        Ok(true) => Ok(true),
        Ok(false) => Err(Refusal::failed(format!(
            "what listens on port {port} is not a sandbox; name another port"
        ))),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(false),
        Err(error) => Err(Refusal::failed(format!(
            "what listens on port {port} is not a sandbox ({error}); name another port"
        ))),
    }
}

/// The file that was named, if it describes a sandbox. The default file is the real installation's, and whether that
/// can be read yet is nothing to a sandbox, which is then one of the usual size. The text comes with it.
fn chosen(path: &Path) -> Result<(Config, String), ConfigErrors> {
    let env = Config::environment();
    match Config::load(path, &env) {
        Ok(config) if config.sandbox.is_some() => Ok((config, files::read_text(path).unwrap_or_default())),
        Err(errors) if path != Path::new(DEFAULT_PATH) => Err(errors),
        _ => Ok((
            Config::parse(BUILT_IN, "config/sandbox.toml", &env)?,
            BUILT_IN.to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_emulators_refuses_to_have_a_sandbox() {
        for asked in [Asked::No, Asked::InConfig, Asked::AsCommand] {
            admit(asked, true).unwrap();
        }
        admit(Asked::No, false).unwrap();
        for (asked, what) in [
            (Asked::InConfig, "[sandbox]"),
            (Asked::AsCommand, "a build that has them"),
        ] {
            let refusal = admit(asked, false).unwrap_err();
            assert_eq!(refusal.exit_code(), 2);
            for words in [what, "has no emulators", "cargo install --path . --locked"] {
                assert!(refusal.message.contains(words), "{words}: {}", refusal.message);
            }
        }
    }

    #[tokio::test]
    async fn each_build_has_the_sandbox_that_it_says_it_has() {
        let env = [("FLEETSHEET_SANDBOX__SERVERS".to_owned(), "1".to_owned())].into();
        let config = Config::parse(BUILT_IN, "sandbox.toml", &env).unwrap();
        match embed(config).await {
            Ok((_, _, sandbox)) => assert!(build::HAS_EMULATORS && sandbox.is_some()),
            Err(refusal) => assert!(!build::HAS_EMULATORS && refusal.exit_code() == 2, "{refusal}"),
        }
    }

    #[test]
    fn the_built_in_configuration_is_a_sandbox() {
        let config = Config::parse(BUILT_IN, "sandbox.toml", &[].into()).unwrap();
        assert_eq!(config.sandbox, Some(crate::config::Sandbox::default()));
    }
}
