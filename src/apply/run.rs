//! The calls of one apply: a queue for each source, a few workers on each queue, and one book of outcomes.
//!
//! Workers of all sources share the limit on calls under way, but a source that has to wait never takes a place in it.

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::slice::from_ref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, sleep_until};

use super::batch::{Batch, pack, refusal};
use super::delays::Delays;
use super::pacing::{Action, Lane, Permit};
use super::{Applied, Applier, Outcome, Patience, ServerChange};
use crate::fleet::{CloudError, CloudErrorKind, Source};
use crate::tag::{ServerId, TagSet};

pub(super) async fn run(with: &Applier<'_>, changes: &[ServerChange]) -> Applied {
    let limits = with.pacing.limits();
    let run = Run {
        with,
        slots: Semaphore::new(limits.concurrency.max(1)),
        applied: Mutex::default(),
    };
    with.progress.planned(changes.len());
    let mut sound = Vec::new();
    for change in changes {
        match refusal(change) {
            Some(message) => run.settle(from_ref(&change.server), &failed(message, false)),
            None if change.changes.is_empty() => run.settle(from_ref(&change.server), &Outcome::Done),
            None => sound.push(change),
        }
    }
    let mut queues: BTreeMap<Source, VecDeque<Item>> = BTreeMap::new();
    for batch in pack(sound, limits.batch_size) {
        let Batch { source, tags, ids } = batch;
        queues.entry(source).or_default().push_back(Item { ids, tags });
    }
    let lots: Vec<Lot> = queues
        .into_iter()
        .map(|(source, queue)| Lot {
            lane: with.pacing.lane(&source, Action::CreateTags),
            source,
            queue: Mutex::new(queue),
            closed: Mutex::default(),
            succeeded: AtomicU64::new(0),
            throttled: AtomicBool::new(false),
        })
        .collect();
    let workers = limits.concurrency.max(1);
    join_all(lots.iter().flat_map(|lot| (0..workers).map(|_| run.work(lot)))).await;
    run.applied.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Servers to be tagged by one call.
struct Item {
    ids: Vec<ServerId>,
    tags: Arc<TagSet>,
}

/// What is to be done at one source.
struct Lot {
    source: Source,
    lane: Arc<Lane>,
    queue: Mutex<VecDeque<Item>>,
    /// Why no further call is made.
    closed: Mutex<Option<CloudError>>,
    /// Calls that succeeded so far.
    succeeded: AtomicU64,
    /// Whether the source asked for fewer calls.
    throttled: AtomicBool,
}

impl Lot {
    fn next(&self) -> Option<Item> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn again(&self, item: Item) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push_front(item);
    }

    fn closed(&self) -> MutexGuard<'_, Option<CloudError>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time that tagging may take is over.
const LATE: &str = "the time for this pass was up";
/// The same, for those that never had their turn because of it.
const LATE_BY_THROTTLES: &str =
    "ec2:CreateTags was throttled (RequestLimitExceeded) until the time for this pass was up";

/// How it ended with an item.
enum End {
    /// The servers carry the tags.
    Done,
    /// The last call failed, or the source takes no more calls.
    Failed(CloudError),
    /// No call was made, because time was up or somebody stopped the pass.
    NotSent(&'static str),
}

/// How often an item was tried.
struct Tries {
    delays: Delays,
    attempts: u32,
    throttles: u32,
    last: Option<CloudError>,
    /// Calls of the lot that had succeeded before the first try.
    succeeded_before: u64,
}

impl Tries {
    fn new(patience: &Patience, lot: &Lot) -> Self {
        Self {
            delays: Delays::new(patience.first_delay, patience.longest_delay, None),
            attempts: 0,
            throttles: 0,
            last: None,
            succeeded_before: lot.succeeded.load(Ordering::Relaxed),
        }
    }
}

struct Run<'a> {
    with: &'a Applier<'a>,
    slots: Semaphore,
    applied: Mutex<Applied>,
}

impl Run<'_> {
    async fn work(&self, lot: &Lot) {
        while let Some(item) = lot.next() {
            match self.send(lot, &item).await {
                End::Done => self.settle(&item.ids, &Outcome::Done),
                End::Failed(error) => self.refused(lot, item, error),
                End::NotSent(why) => self.settle(&item.ids, &Outcome::NotSent { why: why.to_owned() }),
            }
        }
    }

    /// Makes the call until it succeeds, fails for good or may not be made.
    async fn send(&self, lot: &Lot, item: &Item) -> End {
        let patience = &self.with.pacing.limits().patience;
        let mut tries = Tries::new(patience, lot);
        loop {
            let (permit, slot) = match self.admit(lot).await {
                Ok(admitted) => admitted,
                // Of a call that was made, its own failure says more than why it was not repeated.
                Err(end) => return tries.last.map_or(end, End::Failed),
            };
            let again = tries.attempts + tries.throttles > 0;
            if again {
                lot.lane.repeats();
            }
            self.count(permit.waited, again);
            let result = self.with.writer.create_tags(&lot.source, &item.ids, &item.tags).await;
            drop(slot);
            let error = match result {
                Ok(()) => {
                    lot.lane.passed(&permit);
                    lot.succeeded.fetch_add(1, Ordering::Relaxed);
                    return End::Done;
                }
                Err(error) => error,
            };
            match error.kind {
                CloudErrorKind::Throttled => {
                    self.throttled(lot, &permit);
                    tries.throttles += 1;
                    if tries.throttles >= patience.throttles {
                        return End::Failed(error);
                    }
                }
                CloudErrorKind::Transient => {
                    tries.attempts += 1;
                    let delay = tries.delays.next_delay();
                    let Some(delay) = delay.filter(|_| tries.attempts < patience.attempts) else {
                        self.give_up(lot, &tries, &error);
                        return End::Failed(error);
                    };
                    tokio::select! {
                        biased;
                        _ = self.halted() => return End::Failed(error),
                        () = sleep(delay) => {}
                    }
                }
                _ => {
                    lot.lane.passed(&permit);
                    return End::Failed(error);
                }
            }
            tries.last = Some(error);
        }
    }

    /// Waits until a call may be made: for the rate limit, a pause to end, and a place among the calls under way.
    async fn admit(&self, lot: &Lot) -> Result<(Permit, SemaphorePermit<'_>), End> {
        loop {
            let admitted = async {
                let permit = lot.lane.admit().await;
                (permit, self.slots.acquire().await)
            };
            let (permit, slot) = tokio::select! {
                biased;
                why = self.halted() => {
                    let throttled = why == LATE && lot.throttled.load(Ordering::Relaxed);
                    return Err(End::NotSent(if throttled { LATE_BY_THROTTLES } else { why }));
                }
                admitted = admitted => admitted,
            };
            let Ok(slot) = slot else {
                // Nobody closes the semaphore; if somebody did, it could only mean this.
                return Err(End::NotSent("the pass was stopped"));
            };
            // Much may have happened while this call waited.
            if let Some(error) = lot.closed().clone() {
                return Err(End::Failed(error));
            }
            if lot.lane.is_current(&permit) {
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

    /// Settles or requeues what a call left.
    fn refused(&self, lot: &Lot, item: Item, error: CloudError) {
        match &error.kind {
            CloudErrorKind::BadServers(named) => {
                let (bad, good): (Vec<_>, Vec<_>) = item.ids.iter().cloned().partition(|id| named.contains(id));
                if bad.is_empty() {
                    return self.split(lot, item, &error);
                }
                self.settle(&bad, &failed(error.message, false));
                if !good.is_empty() {
                    lot.again(Item { ids: good, ..item });
                }
            }
            CloudErrorKind::BadBatch => self.split(lot, item, &error),
            CloudErrorKind::Denied => {
                self.settle(&item.ids, &failed(error.message.clone(), false));
                *lot.closed() = Some(error);
            }
            CloudErrorKind::Rejected | CloudErrorKind::Throttled | CloudErrorKind::Transient => {
                let transient = error.is_transient();
                self.settle(&item.ids, &failed(error.message, transient));
            }
        }
    }

    /// Halves a call, so that in the end only servers fail that are refused alone.
    fn split(&self, lot: &Lot, item: Item, error: &CloudError) {
        let Item { mut ids, tags } = item;
        if ids.len() < 2 {
            return self.settle(&ids, &failed(error.message.clone(), false));
        }
        let rest = ids.split_off(ids.len() / 2);
        lot.again(Item {
            ids: rest,
            tags: Arc::clone(&tags),
        });
        lot.again(Item { ids, tags });
    }

    fn throttled(&self, lot: &Lot, permit: &Permit) {
        self.applied().stats.throttles += 1;
        lot.throttled.store(true, Ordering::Relaxed);
        if let Some(pause) = lot.lane.throttled(permit) {
            let seconds = pause.as_secs_f64();
            let what = format!("{} asks for fewer calls; pausing for {seconds:.1} s", lot.source);
            tracing::warn!(source = %lot.source, pause.seconds = seconds, "EC2 throttles CreateTags");
            self.with.progress.waiting(&what);
        }
    }

    /// A call failed for the last time in a way that may pass. If no other call of the source got through meanwhile,
    /// the source is down, and the rest of its calls would only fail as slowly as this one.
    fn give_up(&self, lot: &Lot, tries: &Tries, error: &CloudError) {
        if lot.succeeded.load(Ordering::Relaxed) == tries.succeeded_before {
            lot.closed().get_or_insert_with(|| error.clone());
        }
    }

    fn count(&self, waited: Duration, again: bool) {
        let stats = &mut self.applied().stats;
        stats.calls += 1;
        stats.retries += u64::from(again);
        stats.waited += waited;
    }

    fn settle(&self, ids: &[ServerId], outcome: &Outcome) {
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

    fn applied(&self) -> MutexGuard<'_, Applied> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(message: String, transient: bool) -> Outcome {
    Outcome::Failed { message, transient }
}
