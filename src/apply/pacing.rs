//! Turns the limits of the configuration into waiting, apart for each account's region and API action, as EC2 counts.
//!
//! A token bucket keeps to the configured rate. A gate behind it closes for everybody when EC2 throttles, because the
//! quota is shared with tools that this program does not see, and opens to calls spaced out until they pass again.
//! A throttle must never be answered with more calls.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::{Instant, sleep_until};

use super::Limits;
use super::delays::Delays;
use crate::calls::Calls;
use crate::fleet::Source;

/// An API action with a quota of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// `CreateTags`.
    CreateTags,
    /// `DescribeInstances`, in pages.
    DescribeInstances,
}

impl Action {
    /// The name that its requests are counted under.
    fn method(self) -> &'static str {
        match self {
            Self::CreateTags => "ec2.CreateTags",
            Self::DescribeInstances => "ec2.DescribeInstances",
        }
    }
}

/// Calls that may come at once after a quiet while, where the configuration has no setting for it. The bucket behind
/// paginated describe calls holds 100; a fifth of it leaves room for the console and other tools.
const DESCRIBE_BURST: u32 = 20;

/// All lanes, one for each source and action. A clone is the same lanes: reader and writer share one.
#[derive(Clone, Debug)]
pub struct Pacing(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    calls: Calls,
    lanes: Mutex<HashMap<(Source, Action), Arc<Lane>>>,
}

impl Pacing {
    /// Lanes that keep to these limits. Make it once for as long as the program runs: EC2's buckets do not start anew
    /// with each pass either.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::counting(limits, Calls::default())
    }

    /// The same, which counts waits, throttles and repetitions into `calls`.
    #[must_use]
    pub fn counting(limits: Limits, calls: Calls) -> Self {
        let lanes = Mutex::new(HashMap::new());
        Self(Arc::new(Shared { limits, calls, lanes }))
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The lane of a source's action.
    #[must_use]
    pub fn lane(&self, source: &Source, action: Action) -> Arc<Lane> {
        let mut lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes
            .entry((source.clone(), action))
            .or_insert_with(|| Arc::new(Lane::new(&self.0.limits, action, self.0.calls.clone())));
        Arc::clone(lane)
    }
}

/// What a call must pass before it may be made.
#[derive(Debug)]
pub struct Lane {
    bucket: DefaultDirectRateLimiter,
    gate: Mutex<Gate>,
    method: &'static str,
    calls: Calls,
}

/// The right to make one call now.
#[derive(Debug)]
#[must_use = "a permit that is not used wastes a call's share of the quota"]
pub struct Permit {
    epoch: u64,
    /// How long the call had to wait for it.
    pub waited: Duration,
}

impl Lane {
    fn new(limits: &Limits, action: Action, calls: Calls) -> Self {
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
    pub async fn admit(&self) -> Permit {
        let asked = Instant::now();
        self.bucket.until_ready().await;
        let epoch = loop {
            // Parted from the `match`, which would hold the lock while it waits.
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
    pub fn is_current(&self, permit: &Permit) -> bool {
        self.gate().epoch == permit.epoch
    }

    /// The permitted call was throttled: closes the gate, and says for how long if this call was the first to tell.
    pub fn throttled(&self, permit: &Permit) -> Option<Duration> {
        self.calls.throttled(self.method);
        self.gate().throttled(permit.epoch, Instant::now())
    }

    /// A call that failed in a way that may pass is made again.
    pub fn repeats(&self) {
        self.calls.repeated(self.method);
    }

    /// The permitted call was let through, whatever became of it then.
    pub fn passed(&self, permit: &Permit) {
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

    #[tokio::test]
    async fn lanes_are_apart_and_shared_by_clones() {
        let pacing = Pacing::new(Limits::default());
        let source = |region: &str| Source {
            account: "prod".into(),
            region: region.into(),
        };
        let lane = pacing.lane(&source("a"), Action::CreateTags);
        assert!(Arc::ptr_eq(
            &lane,
            &pacing.clone().lane(&source("a"), Action::CreateTags)
        ));
        for other in [
            pacing.lane(&source("b"), Action::CreateTags),
            pacing.lane(&source("a"), Action::DescribeInstances),
        ] {
            assert!(!Arc::ptr_eq(&lane, &other));
        }
        let permit = lane.admit().await;
        assert!(lane.is_current(&permit) && lane.throttled(&permit).is_some());
        assert!(!lane.is_current(&permit));
    }
}
