//! Who holds a lease, for the others.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::adapters::files::host_name;

/// Who holds a lease, as its row names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The instance.
    pub instance: String,
    /// The pass.
    pub run: String,
    /// The machine.
    pub host: String,
    /// The process there.
    pub process: u32,
    /// Since when, by the database's clock.
    pub since: DateTime<Utc>,
    /// What it is doing, such as `pass`.
    pub what: String,
}

impl Holder {
    /// This process under the name `instance`, which is about to do `what`.
    #[must_use]
    pub fn here(instance: &str, run: &str, what: &str) -> Self {
        Self {
            instance: instance.to_owned(),
            run: run.to_owned(),
            host: host_name(),
            process: std::process::id(),
            since: DateTime::UNIX_EPOCH,
            what: what.to_owned(),
        }
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn of_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let Self {
            instance,
            run,
            host,
            process,
            since,
            what,
        } = self;
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!("instance {instance}, run {run} ({what}) on {host}, process {process}, since {since}")
    }
}
