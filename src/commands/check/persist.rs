//! Repeats a check while its failure may pass.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How often a check is tried at most.
const ATTEMPTS: u32 = 3;

/// The wait before the second attempt; it grows by as much with each.
const PAUSE: Duration = Duration::from_millis(300);

/// Tries again while `passes` says that the failure may pass, in the first half of `limit`.
pub(super) async fn persist<T, E, F: Future<Output = Result<T, E>>>(
    limit: Duration,
    attempt: impl Fn() -> F,
    passes: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let began = Instant::now();
    let mut attempts = 1;
    loop {
        match attempt().await {
            Err(error) if passes(&error) && attempts < ATTEMPTS && began.elapsed() * 2 < limit => {
                sleep(PAUSE * attempts).await;
                attempts += 1;
            }
            done => return done,
        }
    }
}
