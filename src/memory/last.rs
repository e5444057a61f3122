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
}
