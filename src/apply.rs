//! Puts planned changes on the servers: packs them into calls, paces and repeats those, and says of each server how it
//! ended.
//!
//! Every server of the input has exactly one outcome. One server's failure never stops another's change. A call that is certain
//! to fail is not made: after a refusal for lack of permission, its source gets no more calls.

mod batch;
mod calls;
mod queue;
mod refused;
mod run;
mod stage;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::fleet::{Outcome, TagWriter};
use crate::pacing::Pacing;
use crate::tag::ServerId;
pub use stage::staged;

/// The cost of an apply, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplyStats {
    /// Calls made.
    pub calls: u64,
    /// Calls made because an earlier one failed in a way that may pass.
    pub retries: u64,
    /// Calls that were throttled.
    pub throttles: u64,
    /// What calls waited for the rate limit and for pauses after throttles, summed over calls.
    pub waited: Duration,
}

/// The result of an apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// One outcome for each server of the input.
    pub outcomes: BTreeMap<ServerId, Outcome>,
    /// Its cost.
    pub stats: ApplyStats,
}

/// Is told how far an apply has come.
pub trait Progress: Send + Sync {
    /// So many servers are to change. Called once, first.
    fn planned(&self, servers: usize);
    /// So many *more* servers have an outcome; `failed` of them are not [`Outcome::Done`].
    fn done(&self, servers: usize, failed: usize);
    /// Calls have to wait, and for what.
    fn waiting(&self, what: &str);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn planned(&self, _servers: usize) {}
    fn done(&self, _servers: usize, _failed: usize) {}
    fn waiting(&self, _what: &str) {}
}

/// What [`Applier::apply`] works with.
pub struct Applier<'a> {
    /// Makes the calls.
    pub writer: &'a dyn TagWriter,
    /// Paces them; shared with everything else that calls the same sources.
    pub pacing: &'a Pacing,
    /// No call starts after this. One under way is waited for, because its outcome counts.
    pub deadline: Instant,
    /// No call starts once this holds true.
    pub stop: watch::Receiver<bool>,
    /// Is told how far an apply has come.
    pub progress: &'a dyn Progress,
}

impl std::fmt::Debug for Applier<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Applier")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
