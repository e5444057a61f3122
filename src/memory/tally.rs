//! What is remembered of a gate while a rollout is under way: its passes and failures in a row.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::gate::Verdict;

/// A gate's readings so far. Those of the interval that is not over yet stand apart, because they are one reading: the worst.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tally {
    /// Passes in a row before the interval.
    pub passes: u32,
    /// Failures in a row before the interval.
    pub failures: u32,
    /// When the interval began.
    pub began: Option<DateTime<Utc>>,
    /// The worst reading of the interval.
    pub worst: Option<Verdict>,
    /// Whether a pass of the interval came when passes count.
    pub pass_counts: bool,
    /// Whether a failure of the interval came when failures count.
    pub failure_counts: bool,
    /// Whether the gate has failed, and nobody has let the rollout go on since.
    pub failed: bool,
    /// Whether somebody let the rollout go on while this row of failures lasts.
    pub forgiven: bool,
    /// Whether these were readings that decided nothing.
    pub only_shown: bool,
}
