//! Turns `fleetsheet.toml` and the environment into a checked [`Config`].
//! Reads no clock and reports every mistake of a configuration at once, each with its key, where it was set and what to
//! write instead. No message and no `Debug` output holds a secret.

mod cron;
mod error;
mod fingerprint;
mod inline;
mod keys;
mod model;
mod read;
mod sections;
mod source;
mod syntax;
mod table;
mod variables;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::adapters::files;

pub use cron::Cron;
pub use error::{ConfigError, ConfigErrors};

pub use model::{
    Access, Account, Authority, Aws, Belts, Config, Discovery, DiscoveryRows, DualKey, Email, Http, Limits, Log,
    LogFormat, Mode, Postgres, Prometheus, Replicas, Sandbox, Schedule, Sheets, Smtp, SmtpSecurity, State, StatePlace,
    TagAuthority, Tags,
};
pub use variables::overriding;

/// Reads one entry of `dual_key.a_editors` or `b_editors`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn editor(text: &str) -> Result<String, String> {
    syntax::editor(text.trim())
}

/// Where the configuration is when nobody says otherwise. Only this file may be absent.
pub const DEFAULT_PATH: &str = "config/fleetsheet.toml";

/// Where it is if it is not there: beside an installed service.
pub const SYSTEM_PATH: &str = "/etc/fleetsheet/fleetsheet.toml";

/// A key of the configuration, for those who list them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Sections and name, joined by dots.
    pub path: &'static str,
    /// The environment variable that overrides it.
    pub variable: String,
    /// What it holds when nobody sets it, as it would be written in the variable.
    pub default: Option<&'static str>,
}

impl Config {
    /// The place of a store at another address, which is reached as this configuration says.
    ///
    /// # Errors
    /// What is wrong with the address, in words that do not repeat it.
    pub fn another_store(&self, url: &str) -> Result<StatePlace, String> {
        sections::another_store(&self.state, url)
    }

    /// Reads the file at `path` and the `FLEETSHEET_…` variables among `env`, which come first.
    ///
    /// # Errors
    /// Everything that is wrong. An absent file is an error unless it is [`DEFAULT_PATH`] and the variables suffice.
    pub fn load(path: &Path, env: &BTreeMap<String, String>) -> Result<Self, ConfigErrors> {
        Self::load_or_do_without(path, path == Path::new(DEFAULT_PATH), env)
    }

    fn load_or_do_without(
        path: &Path,
        may_be_absent: bool,
        env: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigErrors> {
        let name = path.display().to_string();
        let whole = |message: String| ConfigError {
            key: String::new(),
            place: Some(name.clone()),
            message,
        };
        match files::read_text(path) {
            Ok(text) => Self::parse(&text, &name, env),
            Err(error) if may_be_absent && error.kind() == io::ErrorKind::NotFound => Self::parse("", &name, env)
                .map_err(|mut errors| {
                    let message = "is not there; run in the directory that has it, or name another with --config";
                    errors.0.insert(0, whole(message.to_owned()));
                    errors
                }),
            Err(error) => {
                let fix = match error.kind() {
                    io::ErrorKind::PermissionDenied => "let the user that runs fleetsheet read it",
                    io::ErrorKind::InvalidData => "save it as UTF-8",
                    _ => "name another one with --config",
                };
                // Most often it was exported for a sandbox that is gone.
                let named = env
                    .get("FLEETSHEET_CONFIG")
                    .is_some_and(|named| Path::new(named) == path);
                let fix = if named {
                    format!("FLEETSHEET_CONFIG names it: unset that, or {fix}")
                } else {
                    fix.to_owned()
                };
                let message = format!("cannot be read ({error}); {fix}");
                Err(ConfigErrors(vec![whole(message)]))
            }
        }
    }

    /// Reads a file's text, which messages call `name`, and the variables.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn parse(text: &str, name: &str, env: &BTreeMap<String, String>) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let sources = source::Sources::new(name, text, env, &mut errors);
        let is_toml = errors.iter().all(|error| !error.key.is_empty());
        let mut reader = read::Reader::new(sources, errors);
        let config = sections::config(&mut reader);
        let mut errors = reader.into_errors();
        if !is_toml {
            // It is no surprise that keys are missing from a file that cannot be read.
            errors.retain(|error| error.place.is_some());
        }
        match config {
            Some(config) if errors.is_empty() => Ok(config),
            _ => Err(ConfigErrors(errors)),
        }
    }

    /// Sections and top-level keys of a configuration's text, written again as they stand there. What is not there is left out.
    #[must_use]
    pub fn inline(text: &str, names: &[&str]) -> String {
        inline::inline(text, names)
    }

    /// Every key, in the order of the documentation.
    pub fn keys() -> impl Iterator<Item = KeyInfo> {
        keys::KEYS.iter().map(|key| KeyInfo {
            path: key.path,
            variable: key.variable(),
            default: key.default,
        })
    }

    /// The `FLEETSHEET_…` variables of the process, for [`Config::load`]; see [`variables`].
    #[must_use]
    pub fn environment() -> BTreeMap<String, String> {
        let mut variables = variables();
        variables.retain(|name, _| name.starts_with(keys::PREFIX));
        variables
    }
}

/// All variables of the process. What is not Unicode is read with replacement characters.
#[must_use]
pub fn variables() -> BTreeMap<String, String> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_default_file_the_variables_must_suffice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fleetsheet.toml");
        let mut env = BTreeMap::new();
        let errors = Config::load_or_do_without(&path, true, &env).unwrap_err();
        assert!(errors.0[0].message.starts_with("is not there"), "{errors}");
        assert!(
            errors.0.iter().any(|error| error.key == "sheets.spreadsheet_id"),
            "{errors}"
        );
        env.insert("FLEETSHEET_SANDBOX__SEED".to_owned(), "1".to_owned());
        Config::load_or_do_without(&path, true, &env).unwrap();
        Config::load_or_do_without(&path, false, &env).unwrap_err();
    }
}
