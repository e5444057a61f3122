//! Keeps to `sheets_per_minute` in any 60 seconds, reads and writes apart.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Keeps to `sheets_per_minute`: Google counts reads and writes apart.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) reads: DefaultDirectRateLimiter,
    pub(super) writes: DefaultDirectRateLimiter,
}

impl Pace {
    pub(super) fn new(per_minute: u32) -> Self {
        let quota = quota(per_minute);
        Self {
            reads: RateLimiter::direct(quota),
            writes: RateLimiter::direct(quota),
        }
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
