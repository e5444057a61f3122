//! One call of an apply: when it may be made, how often it is repeated, and what it cost.
//!
//! Workers of all sources share the limit on calls under way, but a source that has to wait never takes a place in it.

use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, sleep_until};

use super::batch::Batch;
use super::queue::{CallEnd, SourceQueue, Tries};
use super::{Applied, Applier};
use crate::fleet::{CloudError, CloudErrorKind, Outcome};
use crate::pacing::Permit;
use crate::tag::ServerId;
use crate::text::seconds;

/// Why no call is made: the time that tagging may take is over.
const LATE: &str = "the time for this pass was up";
/// The same, for batches that never had their turn because their source was throttled.
const LATE_BY_THROTTLES: &str =
    "ec2:CreateTags was throttled (RequestLimitExceeded) until the time for this pass was up";

/// One apply.
pub(super) struct Run<'a> {
    pub(super) with: &'a Applier<'a>,
    pub(super) slots: Semaphore,
    pub(super) applied: Mutex<Applied>,
}

impl Run<'_> {
    /// Makes the call until it succeeds, fails for good or may not be made.
    pub(super) async fn send(&self, queue: &SourceQueue, batch: &Batch) -> CallEnd {
        let mut tries = Tries::new(&self.with.pacing.limits().patience, queue);
        loop {
            let (permit, slot) = match self.admit(queue).await {
                Ok(admitted) => admitted,
                // If a call was made, its error says more than the reason why it was not repeated.
                Err(end) => return tries.last.map_or(end, CallEnd::Failed),
            };
            let again = tries.attempts + tries.throttles > 0;
            if again {
                queue.lane.repeats();
            }
            self.count(permit.waited, again);
            let writer = self.with.writer;
            let result = writer.create_tags(&queue.source, &batch.ids, &batch.tags).await;
            drop(slot);
            let error = match result {
                Ok(()) => {
                    queue.lane.passed(&permit);
                    queue.count_success();
                    return CallEnd::Done;
                }
                Err(error) => error,
            };
            if !self.may_repeat(queue, &permit, &mut tries, &error).await {
                return CallEnd::Failed(error);
            }
            tries.last = Some(error);
        }
    }

    /// Whether a call that failed may be made again, after the pause that this needs.
    async fn may_repeat(&self, queue: &SourceQueue, permit: &Permit, tries: &mut Tries, error: &CloudError) -> bool {
        let patience = &self.with.pacing.limits().patience;
        match error.kind {
            CloudErrorKind::Throttled => {
                self.throttled(queue, permit);
                tries.throttles += 1;
                tries.throttles < patience.throttles
            }
            CloudErrorKind::Transient => {
                tries.attempts += 1;
                let delay = tries.delays.next_delay();
                let Some(delay) = delay.filter(|_| tries.attempts < patience.attempts) else {
                    queue.give_up(tries, error);
                    return false;
                };
                tokio::select! {
                    biased;
                    _ = self.halted() => false,
                    () = sleep(delay) => true,
                }
            }
            _ => {
                queue.lane.passed(permit);
                false
            }
        }
    }

    /// Waits until a call may be made: for the rate limit, a pause to end, and a place among the calls under way.
    async fn admit(&self, queue: &SourceQueue) -> Result<(Permit, SemaphorePermit<'_>), CallEnd> {
        loop {
            let admitted = async {
                let permit = queue.lane.admit().await;
                (permit, self.slots.acquire().await)
            };
            let (permit, slot) = tokio::select! {
                biased;
                why = self.halted() => {
                    let throttled = why == LATE && queue.was_throttled();
                    return Err(CallEnd::NotSent(if throttled { LATE_BY_THROTTLES } else { why }));
                }
                admitted = admitted => admitted,
            };
            let Ok(slot) = slot else {
                // Nobody closes the semaphore; if somebody did, it could only mean this.
                return Err(CallEnd::NotSent("the pass was stopped"));
            };
            // While this call waited, another one may have closed the source or met a throttle.
            if let Some(error) = queue.closed().clone() {
                return Err(CallEnd::Failed(error));
            }
            if queue.lane.is_current(&permit) {
                return Ok((permit, slot));
            }
        }
    }

    /// Returns, with the reason, when no further call may be made.
    async fn halted(&self) -> &'static str {
        if Instant::now() >= self.with.deadline {
            return LATE;
        }
        let mut stop = self.with.stop.clone();
        let stopped = async {
            if stop.wait_for(|stop| *stop).await.is_err() {
                // Whoever could have stopped it is gone.
                pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = stopped => "the pass was stopped",
            () = sleep_until(self.with.deadline) => LATE,
        }
    }

    fn throttled(&self, queue: &SourceQueue, permit: &Permit) {
        self.applied().stats.throttles += 1;
        queue.mark_throttled();
        if let Some(pause) = queue.lane.throttled(permit) {
            let seconds = seconds(pause);
            let what = format!("{} asks for fewer calls; pausing for {seconds:.1} s", queue.source);
            tracing::warn!(source = %queue.source, pause.seconds = seconds, "EC2 throttles CreateTags");
            self.with.progress.waiting(&what);
        }
    }

    fn count(&self, waited: Duration, again: bool) {
        let stats = &mut self.applied().stats;
        stats.calls += 1;
        stats.retries += u64::from(again);
        stats.waited += waited;
    }

    pub(super) fn settle(&self, ids: &[ServerId], outcome: &Outcome) {
        let mut applied = self.applied();
        for id in ids {
            // Should a server stand in the input twice, its worse outcome counts.
            let kept = applied.outcomes.entry(id.clone()).or_insert(Outcome::Done);
            if *kept == Outcome::Done {
                *kept = outcome.clone();
            }
        }
        drop(applied);
        let failed = if *outcome == Outcome::Done { 0 } else { ids.len() };
        self.with.progress.done(ids.len(), failed);
    }

    pub(super) fn applied(&self) -> MutexGuard<'_, Applied> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
