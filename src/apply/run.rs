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
use crate::fleet::{Outcome, ServerChange, Source, Stage};
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
        let (first, later): (Vec<_>, Vec<_>) = changes
            .iter()
            .partition(|change| matches!(change.stage, Stage::First(_)));
        self.round(&run, &first).await;
        let (go, stay): (Vec<_>, Vec<_>) = later.into_iter().partition(|change| !run.is_shut(&first, change));
        let why = "waits: not all servers of the other colour became active".to_owned();
        for change in stay {
            run.settle(from_ref(&change.server), &Outcome::NotSent { why: why.clone() });
        }
        self.round(&run, &go).await;
        run.applied.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes changes that wait for no others.
    async fn round(&self, run: &Run<'_>, changes: &[&ServerChange]) {
        let limits = self.pacing.limits();
        let mut sound = Vec::new();
        for change in changes.iter().copied() {
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
    }
}

impl Run<'_> {
    /// Whether something has not succeeded that a later change waits for.
    fn is_shut(&self, first: &[&ServerChange], later: &ServerChange) -> bool {
        let Stage::After(channel) = &later.stage else {
            return false;
        };
        let applied = self.applied();
        let opens = first
            .iter()
            .filter(|change| change.stage == Stage::First(Some(channel.clone())));
        let mut outcomes = opens.map(|change| applied.outcomes.get(&change.server));
        outcomes.any(|outcome| outcome != Some(&Outcome::Done))
    }

    async fn work(&self, queue: &SourceQueue) {
        while let Some(batch) = queue.next() {
            let end = self.send(queue, &batch).await;
            self.finish(queue, batch, end).await;
        }
    }
}
