//! What follows from a call that was refused: which of its servers fail, and which are sent again.
//!
//! A server fails only for a refusal that names it, that it meets alone, or that is the same whichever servers are asked about.

use futures_util::future::BoxFuture;

use super::batch::Batch;
use super::calls::Run;
use super::queue::{CallEnd, SourceQueue};
use crate::fleet::{CloudError, CloudErrorKind, Outcome, Reach};
use crate::tag::ServerId;

/// Calls with so few servers are halved down to single ones, whatever they are refused for: that takes no more calls than to find
/// out whether all are refused alike.
const FEW: usize = 4;

/// How many servers are tried alone before what no policy allows for two of them counts for all.
const SAMPLES: usize = 3;

impl Run<'_> {
    /// Settles the servers of a call by how it ended, or queues them again in other calls.
    pub(super) fn finish<'r>(&'r self, queue: &'r SourceQueue, batch: Batch, end: CallEnd) -> BoxFuture<'r, ()> {
        Box::pin(async move {
            match end {
                CallEnd::Done => self.settle(&batch.ids, &Outcome::Done),
                CallEnd::Failed(error) => self.refused(queue, batch, error).await,
                CallEnd::NotSent(why) => self.settle(&batch.ids, &Outcome::NotSent { why: why.to_owned() }),
            }
        })
    }

    async fn refused(&self, queue: &SourceQueue, batch: Batch, error: CloudError) {
        match &error.kind {
            CloudErrorKind::BadServers(named) => {
                let bad = batch
                    .ids
                    .iter()
                    .filter(|id| named.contains(id))
                    .cloned()
                    .collect::<Vec<_>>();
                if bad.is_empty() {
                    return self.narrow(queue, batch, &error).await;
                }
                self.fail(&bad, &error.message, false);
                send_again(queue, batch, &bad);
            }
            CloudErrorKind::DeniedServers { ids, explicit } => {
                let (beside, explicit) = (queue.is_denied_beside(ids), *explicit);
                self.refuse(ids, &error.message, Reach::Alone);
                let mut rest = batch;
                rest.ids.retain(|id| !ids.contains(id));
                if !explicit && beside && !self.some_allowed(queue, &mut rest).await {
                    // What no policy allows for several servers, none allows for any.
                    self.fail(&rest.ids, &error.message, false);
                    *queue.closed() = Some(CloudError {
                        kind: CloudErrorKind::Denied,
                        ..error
                    });
                    return;
                }
                send_again(queue, rest, &[]);
            }
            CloudErrorKind::BadBatch => self.narrow(queue, batch, &error).await,
            CloudErrorKind::Unclear if queue.is_refused_alike(&error, &batch.tags) => {
                self.refuse(&batch.ids, &error.message, Reach::Alike);
            }
            CloudErrorKind::Unclear => self.narrow(queue, batch, &error).await,
            CloudErrorKind::Denied => {
                self.fail(&batch.ids, &error.message, false);
                *queue.closed() = Some(error);
            }
            CloudErrorKind::Rejected => self.refuse(&batch.ids, &error.message, Reach::Alike),
            CloudErrorKind::Throttled | CloudErrorKind::Transient => self.fail(&batch.ids, &error.message, true),
        }
    }

    /// Whether a policy allows some servers of the source, though it does not allow others: a policy may have conditions. Where no
    /// call succeeded yet, a few servers are tried alone.
    async fn some_allowed(&self, queue: &SourceQueue, rest: &mut Batch) -> bool {
        for _ in 0..SAMPLES {
            if queue.has_succeeded() {
                return true;
            }
            if rest.ids.is_empty() {
                break;
            }
            let id = rest.ids.remove(rest.ids.len() / 2);
            let one = rest.with(vec![id]);
            match self.send(queue, &one).await {
                CallEnd::Failed(CloudError {
                    kind: CloudErrorKind::DeniedServers { explicit: false, .. },
                    message,
                    ..
                }) => self.refuse(&one.ids, &message, Reach::Alone),
                end => {
                    self.finish(queue, one, end).await;
                    return true;
                }
            }
        }
        queue.has_succeeded()
    }

    /// Halves a call that was refused, so that in the end only servers fail that are refused alone. Where both halves are refused in
    /// the same words, and so are some of their servers alone, all of them are.
    async fn narrow(&self, queue: &SourceQueue, batch: Batch, error: &CloudError) {
        if batch.ids.len() < 2 {
            return self.refuse(&batch.ids, &error.message, Reach::Alone);
        }
        let many = batch.ids.len() > FEW && error.kind == CloudErrorKind::Unclear;
        let mut alike = Vec::new();
        for half in halves(batch) {
            match self.send(queue, &half).await {
                CallEnd::Failed(again) if again == *error => alike.push(half),
                end => self.finish(queue, half, end).await,
            }
        }
        if many && alike.len() == 2 && self.samples_fail(queue, &mut alike, error).await {
            queue.note_refused_alike(error, &alike[0].tags);
            for half in alike {
                self.refuse(&half.ids, &error.message, Reach::Alike);
            }
            return;
        }
        for half in alike {
            Box::pin(self.narrow(queue, half, error)).await;
        }
    }

    /// Sends two servers of each half alone, and returns whether all of them are refused in the same words. The first that is not
    /// ends it.
    async fn samples_fail(&self, queue: &SourceQueue, halves: &mut [Batch], error: &CloudError) -> bool {
        for half in halves {
            for part in [4, 2] {
                if half.ids.is_empty() {
                    continue;
                }
                let id = half.ids.remove(half.ids.len() / part);
                let one = half.with(vec![id]);
                match self.send(queue, &one).await {
                    CallEnd::Failed(again) if again == *error => self.refuse(&one.ids, &error.message, Reach::Alike),
                    end => {
                        self.finish(queue, one, end).await;
                        return false;
                    }
                }
            }
        }
        true
    }

    /// These servers fail, and will again unless somebody changes something.
    fn refuse(&self, ids: &[ServerId], message: &str, reach: Reach) {
        let message = message.to_owned();
        let refused = Some(reach);
        let transient = false;
        self.settle(
            ids,
            &Outcome::Failed {
                message,
                transient,
                refused,
            },
        );
    }

    pub(super) fn fail(&self, ids: &[ServerId], message: &str, transient: bool) {
        let message = message.to_owned();
        let refused = None;
        self.settle(
            ids,
            &Outcome::Failed {
                message,
                transient,
                refused,
            },
        );
    }
}

/// Queues the servers of a call without the bad ones.
fn send_again(queue: &SourceQueue, mut batch: Batch, bad: &[ServerId]) {
    batch.ids.retain(|id| !bad.contains(id));
    if !batch.ids.is_empty() {
        queue.push_front(batch);
    }
}

fn halves(mut batch: Batch) -> [Batch; 2] {
    let rest = batch.ids.split_off(batch.ids.len() / 2);
    let rest = batch.with(rest);
    [batch, rest]
}
