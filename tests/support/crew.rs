//! Many trials side by side, each on a scene of its worker; what fails is collected, not just the first.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt::Display;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;

/// Goes through all trials with so many workers; gives how many there were.
///
/// # Panics
/// If one fails, with the words of all that do.
pub(crate) async fn all<T, S, Start, Try, Starting, Trying>(
    trials: Vec<T>,
    workers: usize,
    start: Start,
    attempt: Try,
) -> usize
where
    T: Display + Send + Sync + 'static,
    S: Send + Sync + 'static,
    Start: Fn() -> Starting + Clone + Send + Sync + 'static,
    Starting: Future<Output = S> + Send,
    Try: Fn(Arc<S>, Arc<T>) -> Trying + Clone + Send + Sync + 'static,
    Trying: Future<Output = ()> + Send,
{
    let count = trials.len();
    assert!(count > 0, "nothing to try");
    let queue = Arc::new(Mutex::new(VecDeque::from(trials)));
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..workers {
        let (queue, start, attempt) = (Arc::clone(&queue), start.clone(), attempt.clone());
        running.spawn(async move {
            let mut failed = Vec::new();
            let scene = Arc::new(start().await);
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(trial) = next.map(Arc::new) else { return failed };
                let tried = attempt(Arc::clone(&scene), Arc::clone(&trial));
                let outcome = AssertUnwindSafe(tried).catch_unwind().await;
                failed.extend(outcome.err().map(|panic| format!("{trial}: {}", words(&*panic))));
            }
        });
    }
    let mut failed = Vec::new();
    while let Some(worker) = running.join_next().await {
        failed.extend(worker.expect("a worker ends"));
    }
    assert!(
        failed.is_empty(),
        "{} of {count} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    count
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("panicked")
}
