//! The lane of one account's region and API action: what a call must pass before it may be made.
//!
//! A token bucket keeps to the configured rate. A gate behind it closes for everybody when EC2 throttles, because the quota is
//! shared with tools that this program does not see.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::{Instant, sleep_until};

use super::gate::Gate;
use super::limits::{Action, Limits};
use crate::calls::{Calls, Wait};

/// Calls that may come at once after a quiet while, where the configuration has no setting for it. The bucket behind
/// paginated describe calls holds 100; a fifth of it leaves room for the console and other tools.
const DESCRIBE_BURST: u32 = 20;

/// What a call must pass before it may be made.
#[derive(Debug)]
pub(crate) struct Lane {
    bucket: DefaultDirectRateLimiter,
    gate: Mutex<Gate>,
    /// The moment that the gate counts from.
    made: Instant,
    method: &'static str,
    calls: Calls,
}

/// The right to make one call now.
#[derive(Debug)]
#[must_use = "a permit that is not used wastes a call's share of the quota"]
pub(crate) struct Permit {
    epoch: u64,
    /// How long the call had to wait for it.
    pub(crate) waited: Duration,
}

impl Lane {
    pub(super) fn new(limits: &Limits, action: Action, calls: Calls) -> Self {
        let (rate, burst) = match action {
            Action::CreateTags => (limits.create_tags_per_second, limits.create_tags_burst),
            Action::DescribeInstances => (limits.describe_per_second, DESCRIBE_BURST),
        };
        Self {
            bucket: RateLimiter::direct(quota(rate, burst)),
            gate: Mutex::new(Gate::new(rate, burst, &limits.patience)),
            made: Instant::now(),
            method: action.method(),
            calls,
        }
    }

    /// Waits until one call may be made. Dropping the future gives up the wait and takes nothing from the quota.
    pub(crate) async fn admit(&self) -> Permit {
        let asked = Instant::now();
        self.bucket.until_ready().await;
        let epoch = loop {
            // A variable of its own: in the `match`, the lock would be held during the wait.
            let admitted = self.gate().admit(self.made.elapsed());
            match admitted {
                Ok(epoch) => break epoch,
                Err(later) => sleep_until(self.made + later).await,
            }
        };
        let waited = asked.elapsed();
        self.calls.waited(self.method, waited);
        Permit { epoch, waited }
    }

    /// Whether nothing was throttled since the permit was given.
    #[must_use]
    pub(crate) fn is_current(&self, permit: &Permit) -> bool {
        self.gate().is_current(permit.epoch)
    }

    /// The permitted call was throttled: closes the gate, and says for how long if this call was the first to tell.
    pub(crate) fn throttled(&self, permit: &Permit) -> Option<Duration> {
        self.calls.throttled(self.method);
        self.gate().throttled(permit.epoch, self.made.elapsed())
    }

    /// Something is waited for from now on, in words.
    pub(crate) fn waits_for(&self, what: impl Into<String>) -> Wait {
        self.calls.wait(what)
    }

    /// A call that failed in a way that may pass is made again.
    pub(crate) fn repeats(&self) {
        self.calls.repeated(self.method);
    }

    /// The permitted call was let through, whatever became of it then.
    pub(crate) fn passed(&self, permit: &Permit) {
        self.gate().passed(permit.epoch);
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bucket must be given its size: governor takes the rate for it otherwise.
fn quota(rate: u32, burst: u32) -> Quota {
    let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(at_least_one(rate)).allow_burst(at_least_one(burst))
}

#[cfg(test)]
mod tests {
    use governor::clock::{Clock as _, FakeRelativeClock};
    use governor::middleware::NoOpMiddleware;
    use governor::state::{InMemoryState, NotKeyed};

    use super::*;

    /// How long a bucket makes this many calls take.
    fn takes(calls: u32, quota: Quota) -> Duration {
        let clock = FakeRelativeClock::default();
        let bucket: RateLimiter<NotKeyed, InMemoryState, _, NoOpMiddleware<_>> =
            RateLimiter::direct_with_clock(quota, clock.clone());
        let mut passed = Duration::ZERO;
        for _ in 0..calls {
            while let Err(not_until) = bucket.check() {
                let wait = not_until.wait_time_from(clock.now());
                clock.advance(wait);
                passed += wait;
            }
        }
        passed
    }

    #[test]
    fn the_default_rate_tags_1500_single_servers_in_about_three_minutes() {
        let limits = Limits::default();
        let all = takes(1500, quota(limits.create_tags_per_second, limits.create_tags_burst));
        assert_eq!(all, Duration::from_millis(1450 * 125));
        assert_eq!(takes(50, quota(8, 50)), Duration::ZERO, "the burst");
        assert_eq!(takes(2, quota(0, 0)), Duration::from_secs(1), "never without a limit");
    }
}
