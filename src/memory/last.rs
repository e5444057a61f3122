//! How the last pass ended, for those who ask without a network. It decides nothing, and is no part of what a decision reads.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The last pass that ended on a store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastPass {
    /// When it began.
    pub at: DateTime<Utc>,
    /// The machine it ran on.
    pub host: String,
    /// Its report, as JSON shows it, without lists of servers.
    pub report: serde_json::Value,
    /// The channels, by the last pass that told them: one that cannot read the sheet, or is stopped, tells none.
    #[serde(default)]
    pub told: Option<Told>,
}

/// Channels as a pass told them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// When that pass began.
    pub at: DateTime<Utc>,
    /// Its id.
    pub run: String,
    /// The channels, as JSON shows them.
    pub channels: Vec<serde_json::Value>,
}

impl LastPass {
    /// Takes over from the pass before what this one does not tell.
    #[must_use]
    pub fn after(self, before: Option<&Self>) -> Self {
        let told = self.own().or_else(|| before?.told());
        Self { told, ..self }
    }

    /// The channels as they were last told. An earlier version noted none apart: then those of the report count.
    #[must_use]
    pub fn told(&self) -> Option<Told> {
        self.told.clone().or_else(|| self.own())
    }

    /// The channels of its own report, if a rule decided about them.
    fn own(&self) -> Option<Told> {
        let channels = self.report["channels"].as_array()?;
        let decided = channels.iter().any(|channel| !channel["state"].is_null());
        decided.then(|| Told {
            at: self.at,
            run: self.report["run"].as_str().unwrap_or_default().to_owned(),
            channels: channels.clone(),
        })
    }
}
