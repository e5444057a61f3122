//! All that the emulator knows between calls: the spreadsheet, the tokens, who may see the file, and the quota.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::{ApiError, Result};
use super::identity::state::Identity;
use super::model::Spreadsheet;
use super::token::Tokens;
use super::txn::Write;
use crate::faults::Script;

/// Requests left in the minute that runs.
#[derive(Debug)]
pub(super) struct Quota {
    /// Reads and writes a minute.
    pub(super) limits: [u32; 2],
    /// How long a minute takes.
    pub(super) period: Duration,
    since: Instant,
    used: [u32; 2],
}

impl Quota {
    pub(super) fn new(reads: u32, writes: u32, period: Duration) -> Self {
        Self {
            limits: [reads, writes],
            period,
            since: Instant::now(),
            used: [0, 0],
        }
    }

    /// Takes one request from what is left, or refuses it.
    pub(super) fn take(&mut self, writes: bool) -> Result<()> {
        if self.since.elapsed() >= self.period {
            (self.since, self.used) = (Instant::now(), [0, 0]);
        }
        let kind = usize::from(writes);
        if self.used[kind] >= self.limits[kind] {
            return Err(ApiError::quota(!writes, self.limits[kind]));
        }
        self.used[kind] += 1;
        Ok(())
    }
}

impl World {
    /// The seconds that a refusal for want of quota asks to wait: until the minute that runs is over.
    pub(super) fn retry_after(&self) -> Option<u64> {
        let left = |quota: &Quota| quota.period.saturating_sub(quota.since.elapsed());
        let wait = self.retry_after?.max(self.quota.as_ref().map(left).unwrap_or_default());
        Some(wait.as_millis().div_ceil(1000) as u64)
    }
}

/// All that the emulator knows.
#[derive(Debug)]
pub(super) struct World {
    pub(super) book: Spreadsheet,
    pub(super) tokens: Tokens,
    pub(super) identity: Identity,
    pub(super) writes: Vec<Write>,
    /// Whether the file is shared with the service account.
    pub(super) shared: bool,
    /// Whether it is shared for looking only.
    pub(super) viewer: bool,
    pub(super) quota: Option<Quota>,
    /// What a refusal for want of quota asks to wait, if it says so: nobody knows whether Sheets does.
    pub(super) retry_after: Option<Duration>,
    /// Counts calls that may have changed the spreadsheet.
    pub(super) revision: u64,
}

/// The world and the script, as handlers and handles share them.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) world: Arc<Mutex<World>>,
    pub(super) script: Script,
}

impl Shared {
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
