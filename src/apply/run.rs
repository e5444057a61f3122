//! Makes the calls of one apply: a queue for each source, a few workers on each queue, and one list of outcomes.

use std::collections::{BTreeMap, VecDeque};
use std::slice::from_ref;
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::batch::{Batch, pack, refusal};
use super::calls::Run;
use super::queue::SourceQueue;
use super::{Applied, Applier};
use crate::fleet::{Outcome, ServerChange, Source};
use crate::pacing::Action;

impl Applier<'_> {
    /// Makes the changes, and returns when each has an outcome.
    pub async fn apply(&self, changes: &[ServerChange]) -> Applied {
        let limits = self.pacing.limits();
        let run = Run {
            with: self,
            slots: Semaphore::new(limits.concurrency.max(1)),
            applied: Mutex::default(),
        };
        self.progress.planned(changes.len());
        let mut sound = Vec::new();
        for change in changes {
            match refusal(change) {
                Some(message) => run.fail(from_ref(&change.server), &message, false),
                None if change.changes.is_empty() => run.settle(from_ref(&change.server), &Outcome::Done),
                None => sound.push(change),
            }
        }
        let mut batches: BTreeMap<Source, VecDeque<Batch>> = BTreeMap::new();
        for batch in pack(sound, limits.batch_size) {
            batches.entry(batch.source.clone()).or_default().push_back(batch);
        }
        let queue = |(source, batches)| {
            let lane = self.pacing.lane(&source, Action::CreateTags);
            SourceQueue::new(source, lane, batches)
        };
        let queues: Vec<SourceQueue> = batches.into_iter().map(queue).collect();
        let workers = limits.concurrency.max(1);
        join_all(queues.iter().flat_map(|queue| (0..workers).map(|_| run.work(queue)))).await;
        run.applied.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run<'_> {
    async fn work(&self, queue: &SourceQueue) {
        while let Some(batch) = queue.next() {
            let end = self.send(queue, &batch).await;
            self.finish(queue, batch, end).await;
        }
    }
}
