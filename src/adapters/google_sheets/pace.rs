//! Keeps to `sheets_per_minute` in any 60 seconds, and to what Google says of its quota; reads and writes apart, as Google
//! counts them.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::sleep_until;

/// The two paces of one client.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) reads: Lane,
    pub(super) writes: Lane,
}

impl Pace {
    pub(super) fn new(per_minute: u32) -> Self {
        let lane = || Lane {
            bucket: RateLimiter::direct(quota(per_minute)),
            refilled: Mutex::default(),
        };
        Self {
            reads: lane(),
            writes: lane(),
        }
    }
}

/// What a request must pass before it may be made.
#[derive(Debug)]
pub(super) struct Lane {
    bucket: DefaultDirectRateLimiter,
    /// When there is quota again, if Google refused a request for the want of it.
    refilled: Mutex<Option<Instant>>,
}

impl Lane {
    /// Waits until a request may be made.
    pub(super) async fn admit(&self) {
        self.bucket.until_ready().await;
        // Another request may be refused while this one waits.
        while let Some(refilled) = self.refilled() {
            sleep_until(refilled.into()).await;
        }
    }

    /// When there is quota again; `None`: as far as is known there is some now.
    pub(super) fn refilled(&self) -> Option<Instant> {
        let refilled = *self.refilled.lock().unwrap_or_else(PoisonError::into_inner);
        refilled.filter(|at| *at > Instant::now())
    }

    /// Google refused a request for want of quota: no other is made for this long, because it would be refused too.
    pub(super) fn used_up(&self, wait: Duration) {
        let mut refilled = self.refilled.lock().unwrap_or_else(PoisonError::into_inner);
        *refilled = (*refilled).max(Some(Instant::now() + wait));
    }
}

/// A quota that lets no more than `per_minute` requests pass in any 60 seconds. A full bucket lets its burst pass *and*
/// what is refilled meanwhile, so the refill is what the burst leaves of the minute.
fn quota(per_minute: u32) -> Quota {
    let per_minute = per_minute.max(1);
    let burst = (per_minute / 10).clamp(1, 5);
    let refill = (per_minute - burst).max(1);
    let one = Quota::per_minute(NonZeroU32::MIN);
    Quota::with_period(Duration::from_secs(60) / refill)
        .unwrap_or(one)
        .allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refused_read_stops_all_reads_and_no_write() {
        let pace = Pace::new(300);
        pace.reads.used_up(Duration::from_millis(80));
        pace.reads.used_up(Duration::from_millis(20));
        let begun = Instant::now();
        pace.writes.admit().await;
        assert!(begun.elapsed() < Duration::from_millis(60));
        pace.reads.admit().await;
        assert!(begun.elapsed() >= Duration::from_millis(80), "the longer of two waits");
        assert_eq!(pace.reads.refilled(), None);
    }

    #[test]
    fn no_minute_holds_more_than_the_limit() {
        for per_minute in [1, 2, 9, 10, 50, 60, 300, 6000] {
            let quota = quota(per_minute);
            let refill = 60.0 / quota.replenish_interval().as_secs_f64();
            let most = f64::from(quota.burst_size().get()) + refill;
            assert!(most <= f64::from(per_minute.max(2)) + 0.01, "{per_minute}: {most}");
            assert!(most >= f64::from(per_minute) - 0.01, "{per_minute}: {most}");
        }
    }
}
