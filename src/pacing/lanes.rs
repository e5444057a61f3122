//! The lane of one account's region and API action: what a call must pass before it may be made.
//!
//! A token bucket keeps to the configured rate. A gate behind it closes for everybody when EC2 throttles, because the quota is
//! shared with tools that this program does not see. The gate then opens to calls that are spaced out until they pass again.
//! A throttle must never be answered with more calls.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::{Instant, sleep_until};

use super::delays::Delays;
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
        let quota = quota(rate, burst);
        Self {
            bucket: RateLimiter::direct(quota),
            gate: Mutex::new(Gate::new(quota.replenish_interval(), limits)),
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
            let admitted = self.gate().admit(Instant::now());
            match admitted {
                Ok(epoch) => break epoch,
                Err(opens) => sleep_until(opens).await,
            }
        };
        let waited = asked.elapsed();
        self.calls.waited(self.method, waited);
        Permit { epoch, waited }
    }

    /// Whether nothing was throttled since the permit was given.
    #[must_use]
    pub(crate) fn is_current(&self, permit: &Permit) -> bool {
        self.gate().epoch == permit.epoch
    }

    /// The permitted call was throttled: closes the gate, and says for how long if this call was the first to tell.
    pub(crate) fn throttled(&self, permit: &Permit) -> Option<Duration> {
        self.calls.throttled(self.method);
        self.gate().throttled(permit.epoch, Instant::now())
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

/// Who may pass when. Takes the time as an argument and never waits itself.
#[derive(Debug)]
struct Gate {
    /// Counts the throttles that closed the gate. Calls of one epoch were under way together, so however many of them
    /// are throttled, it is one event.
    epoch: u64,
    opens: Option<Instant>,
    next: Option<Instant>,
    spacing: Duration,
    /// The distance of calls at the configured rate.
    regular: Duration,
    first_spacing: Duration,
    longest_spacing: Duration,
    pauses: Delays,
}

impl Gate {
    fn new(regular: Duration, limits: &Limits) -> Self {
        let patience = &limits.patience;
        Self {
            epoch: 0,
            opens: None,
            next: None,
            spacing: Duration::ZERO,
            regular,
            first_spacing: patience.first_spacing.max(regular),
            longest_spacing: patience.longest_spacing.max(regular),
            // Without an end: who gives up, and when, is the caller's to decide.
            pauses: Delays::new(patience.first_pause, patience.longest_pause, None),
        }
    }

    /// The epoch of a call that may pass now, or when to ask again.
    fn admit(&mut self, now: Instant) -> Result<u64, Instant> {
        if let Some(later) = self.opens.max(self.next).filter(|later| *later > now) {
            return Err(later);
        }
        self.next = Some(now + self.spacing);
        Ok(self.epoch)
    }

    fn throttled(&mut self, epoch: u64, now: Instant) -> Option<Duration> {
        if epoch != self.epoch {
            return None;
        }
        self.epoch += 1;
        self.spacing = (self.spacing * 2).max(self.first_spacing).min(self.longest_spacing);
        let pause = self.pauses.next_delay()?;
        self.opens = Some(now + pause);
        Some(pause)
    }

    fn passed(&mut self, epoch: u64) {
        if epoch != self.epoch {
            return;
        }
        self.pauses.reset();
        // Slowly back to speed: 35 calls halve the distance. Faster recovery only finds the limit again.
        self.spacing = self.spacing * 49 / 50;
        if self.spacing < self.regular {
            self.spacing = Duration::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::{Clock as _, FakeRelativeClock};
    use governor::middleware::NoOpMiddleware;
    use governor::state::{InMemoryState, NotKeyed};

    use super::*;

    fn gate() -> Gate {
        Gate::new(Duration::from_millis(125), &Limits::default())
    }

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

    #[test]
    fn an_open_gate_costs_nothing() {
        let (mut gate, now) = (gate(), Instant::now());
        assert!((0..100).all(|_| gate.admit(now) == Ok(0)));
    }

    #[test]
    fn calls_throttled_together_close_the_gate_once() {
        let (mut gate, now) = (gate(), Instant::now());
        let together = [gate.admit(now), gate.admit(now)].map(Result::unwrap);
        let pause = gate.throttled(together[0], now).unwrap();
        assert_eq!(gate.throttled(together[1], now), None);
        assert_eq!(gate.admit(now), Err(now + pause));
        gate.passed(together[1]);
        assert_eq!(gate.admit(now), Err(now + pause), "a straggler does not open it");
    }

    #[test]
    fn after_a_pause_calls_are_spaced_out_until_they_pass() {
        let (mut gate, now) = (gate(), Instant::now());
        gate.throttled(0, now).unwrap();
        let later = now + Duration::from_secs(60);
        assert_eq!(gate.admit(later), Ok(1));
        assert_eq!(gate.admit(later), Err(later + Duration::from_millis(125)));
        gate.throttled(1, later).unwrap();
        let later = later + Duration::from_secs(60);
        assert_eq!(gate.admit(later), Ok(2));
        assert_eq!(
            gate.admit(later),
            Err(later + Duration::from_millis(250)),
            "wider each time"
        );
        for _ in 0..100 {
            gate.passed(2);
        }
        let later = later + Duration::from_secs(1);
        assert_eq!(gate.admit(later), Ok(2));
        assert_eq!(gate.admit(later), Ok(2), "and at full speed again in the end");
    }
}
