//! What is to be done at one source: the batches that wait, and what the calls before them have taught.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::batch::Batch;
use crate::fleet::{CloudError, Source};
use crate::pacing::{Delays, Lane, Patience};
use crate::tag::{ServerId, TagSet};

/// The batches of one source. All its workers take from here.
pub(super) struct SourceQueue {
    pub(super) source: Source,
    pub(super) lane: Arc<Lane>,
    batches: Mutex<VecDeque<Batch>>,
    /// Why no further call is made.
    closed: Mutex<Option<CloudError>>,
    /// Servers that no policy allows to tag.
    denied: Mutex<Vec<ServerId>>,
    /// Refusals that were the same whichever servers were asked about, with the tags that were refused.
    alike: Mutex<Vec<(CloudError, Arc<TagSet>)>>,
    /// Calls that succeeded so far.
    succeeded: AtomicU64,
    /// Whether the source asked for fewer calls.
    throttled: AtomicBool,
}

impl SourceQueue {
    pub(super) fn new(source: Source, lane: Arc<Lane>, batches: VecDeque<Batch>) -> Self {
        Self {
            source,
            lane,
            batches: Mutex::new(batches),
            closed: Mutex::default(),
            denied: Mutex::default(),
            alike: Mutex::default(),
            succeeded: AtomicU64::new(0),
            throttled: AtomicBool::new(false),
        }
    }

    pub(super) fn next(&self) -> Option<Batch> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Puts a batch in front of all others: what is left of a call is finished before new calls begin.
    pub(super) fn push_front(&self, batch: Batch) {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.push_front(batch);
    }

    pub(super) fn closed(&self) -> MutexGuard<'_, Option<CloudError>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes servers that no policy allows to tag, and returns whether there were others before.
    pub(super) fn is_denied_beside(&self, ids: &[ServerId]) -> bool {
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        let others = denied.iter().any(|id| !ids.contains(id));
        denied.extend_from_slice(ids);
        others
    }

    pub(super) fn note_refused_alike(&self, error: &CloudError, tags: &Arc<TagSet>) {
        let mut alike = self.alike.lock().unwrap_or_else(PoisonError::into_inner);
        alike.push((error.clone(), Arc::clone(tags)));
    }

    /// Whether these tags were refused in the same words for all servers that they were meant for so far.
    pub(super) fn is_refused_alike(&self, error: &CloudError, tags: &Arc<TagSet>) -> bool {
        let alike = self.alike.lock().unwrap_or_else(PoisonError::into_inner);
        alike.iter().any(|(known, refused)| known == error && refused == tags)
    }

    pub(super) fn count_success(&self) {
        self.succeeded.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether any call of the source succeeded.
    pub(super) fn has_succeeded(&self) -> bool {
        self.succeeded.load(Ordering::Relaxed) > 0
    }

    pub(super) fn mark_throttled(&self) {
        self.throttled.store(true, Ordering::Relaxed);
    }

    pub(super) fn was_throttled(&self) -> bool {
        self.throttled.load(Ordering::Relaxed)
    }

    /// A call failed for the last time, with a fault that may pass. If no other call of the source succeeded meanwhile, the
    /// source is down: the rest of its calls would only fail as slowly as this one, so none of them is made.
    pub(super) fn give_up(&self, tries: &Tries, error: &CloudError) {
        if self.succeeded.load(Ordering::Relaxed) == tries.succeeded_before {
            self.closed().get_or_insert_with(|| error.clone());
        }
    }
}

/// How the calls for one batch ended.
pub(super) enum CallEnd {
    /// The servers carry the tags.
    Done,
    /// The last call failed, or the source takes no more calls.
    Failed(CloudError),
    /// No call was made, because time was up or somebody stopped the pass.
    NotSent(&'static str),
}

/// How often a batch was tried.
pub(super) struct Tries {
    pub(super) delays: Delays,
    pub(super) attempts: u32,
    pub(super) throttles: u32,
    pub(super) last: Option<CloudError>,
    /// Calls of the source that had succeeded before the first try.
    succeeded_before: u64,
}

impl Tries {
    pub(super) fn new(patience: &Patience, queue: &SourceQueue) -> Self {
        Self {
            delays: Delays::new(patience.first_delay, patience.longest_delay, None),
            attempts: 0,
            throttles: 0,
            last: None,
            succeeded_before: queue.succeeded.load(Ordering::Relaxed),
        }
    }
}
