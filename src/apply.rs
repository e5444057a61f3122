//! Puts planned changes on the servers: packs them into calls, paces and repeats those, and says of each server how it
//! ended.
//!
//! Every server of the input has exactly one outcome. One server's failure must never stop another's change, and no
//! call may go out that is certain to fail: after a refusal for want of permission its source gets no more of them.

pub mod batch;
pub mod delays;
pub mod pacing;
mod run;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::fleet::{Source, TagWriter};
use crate::tag::{Change, ServerId};
use pacing::Pacing;

/// What shall change on one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerChange {
    /// Which server.
    pub server: ServerId,
    /// Where it is.
    pub source: Source,
    /// How many user tags it carries now (those that do not start with `aws:`).
    pub user_tags: usize,
    /// Whether its metadata service shows its tags.
    pub metadata_tags: bool,
    /// Its changes, one for each tag.
    pub changes: Vec<Change>,
}

/// How far the cloud may be pressed. Zero counts as one everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Servers in a call; EC2 takes 1,000.
    pub batch_size: usize,
    /// Calls under way at a time, over all sources.
    pub concurrency: usize,
    /// `CreateTags` calls a second for each source; EC2's bucket gains 10.
    pub create_tags_per_second: u32,
    /// `CreateTags` calls that may come at once after a quiet while; EC2's bucket holds 100.
    pub create_tags_burst: u32,
    /// `DescribeInstances` calls a second for each source; EC2's bucket gains 20.
    pub describe_per_second: u32,
    /// How long to keep trying.
    pub patience: Patience,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_size: 500,
            concurrency: 8,
            create_tags_per_second: 8,
            create_tags_burst: 50,
            describe_per_second: 15,
            patience: Patience::default(),
        }
    }
}

/// How long, and how often, to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// About how long a source's first throttle stops its calls.
    pub first_pause: Duration,
    /// The longest that throttles in a row stop them.
    pub longest_pause: Duration,
    /// How far apart a source's calls are after its first throttle, if the configured rate would allow more.
    pub first_spacing: Duration,
    /// The furthest that they are apart after more of them.
    pub longest_spacing: Duration,
    /// About how long to wait before a call is repeated whose fault may pass.
    pub first_delay: Duration,
    /// The longest wait before it is repeated again.
    pub longest_delay: Duration,
    /// How often a call is made whose fault may pass.
    pub attempts: u32,
    /// How often a call may be throttled.
    pub throttles: u32,
}

impl Default for Patience {
    /// EC2's bucket gains 10 calls a second, hence the first pause and the first spacing: whatever rate is configured,
    /// calls so far apart pass unless somebody else takes them. Five attempts with these delays bridge about ten
    /// seconds; what is down for longer is better left to the next pass.
    fn default() -> Self {
        Self {
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(20),
            first_spacing: Duration::from_millis(100),
            longest_spacing: Duration::from_secs(2),
            first_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(10),
            attempts: 5,
            throttles: 20,
        }
    }
}

/// How one server's change ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server carries the tags.
    Done,
    /// It does not, or nobody knows.
    Failed {
        /// Why, in words for people.
        message: String,
        /// Whether the next pass may succeed without anybody doing anything.
        transient: bool,
    },
    /// The change was not tried.
    NotSent {
        /// Why, in words for people.
        why: String,
    },
}

/// What it took, for the metrics.
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

/// How all of it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// One outcome for each server of the input.
    pub outcomes: BTreeMap<ServerId, Outcome>,
    /// What it took.
    pub stats: ApplyStats,
}

/// Is told how far it is.
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
    /// Paces them; shared with whoever else calls the same sources.
    pub pacing: &'a Pacing,
    /// No call starts after this. One under way is waited for, because its outcome counts.
    pub deadline: Instant,
    /// No call starts once this holds true.
    pub stop: watch::Receiver<bool>,
    /// Is told how far it is.
    pub progress: &'a dyn Progress,
}

impl Applier<'_> {
    /// Makes the changes, and returns when each has an outcome.
    pub async fn apply(&self, changes: &[ServerChange]) -> Applied {
        run::run(self, changes).await
    }
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
