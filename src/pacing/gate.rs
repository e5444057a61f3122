//! What a lane knows about a quota that it shares with tools which this program does not see: who may pass when.
//!
//! A state machine that takes the time as an argument and never waits itself. EC2's bucket gains calls with time, so a lane
//! recovers with time too: the rate falls with each throttle and grows again along CUBIC's curve (RFC 9438), slowly about
//! the rate that was throttled last and faster beyond it, and what a quiet lane did not use it may use later.
//! A throttle must never be answered with more calls.

use std::time::Duration;

use super::delays::Delays;
use super::limits::Patience;

/// What is left of the rate after a throttle, as in CUBIC.
const LEFT: f64 = 0.7;

/// How fast the rate grows again, in calls per second and cubic second: from nearly nothing to EC2's 10 a second in about ten
/// seconds, which is how long an empty bucket needs to fill. CUBIC's own 0.4 would find the limit again every few seconds.
const GROWTH: f64 = 0.01;

/// No pause is longer: a bucket that gains 10 calls a second has some again by then, unless others take them all.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Whoever waits looks again after this long at the latest, because the rate grows meanwhile.
const LOOK_AGAIN: f64 = 0.5;

/// Who may pass when. Times are since any one moment.
#[derive(Debug)]
pub struct Gate {
    /// Counts the throttles that closed the gate. Calls of one epoch were under way together, so however many of them
    /// are throttled, it is one event.
    epoch: u64,
    slowed: Option<Slowed>,
    /// The configured rate, in calls a second.
    regular: f64,
    /// The calls that may come at once after a quiet while.
    burst: f64,
    /// The rates between which a throttle is taken to have met the limit.
    least: f64,
    most: f64,
    pauses: Delays,
}

/// A gate that was closed by a throttle and is not at full speed again.
#[derive(Debug)]
struct Slowed {
    opens: Duration,
    curve: Curve,
    /// Calls that may be made now, and when that was counted.
    saved: f64,
    counted: Duration,
}

impl Gate {
    /// An open gate for calls that come at a configured rate, and `burst` of them at once.
    #[must_use]
    pub fn new(per_second: u32, burst: u32, patience: &Patience) -> Self {
        let regular = f64::from(per_second.max(1));
        let rate = |spacing: Duration| 1.0 / spacing.as_secs_f64().max(1e-6);
        Self {
            epoch: 0,
            slowed: None,
            regular,
            burst: f64::from(burst.max(1)),
            least: rate(patience.longest_spacing).min(regular),
            most: rate(patience.first_spacing).min(regular),
            // Without an end: who gives up, and when, is the caller's to decide.
            pauses: Delays::new(patience.first_pause, patience.longest_pause, None),
        }
    }

    /// The epoch of a call that may pass now, or when to ask again.
    ///
    /// # Errors
    /// The gate is closed, or calls are spaced out.
    pub fn admit(&mut self, now: Duration) -> Result<u64, Duration> {
        let Some(slowed) = &mut self.slowed else {
            return Ok(self.epoch);
        };
        if now < slowed.opens {
            return Err(slowed.opens);
        }
        slowed.count(now, self.burst);
        if slowed.saved >= self.burst && slowed.rate(now) >= self.regular {
            self.slowed = None;
            return Ok(self.epoch);
        }
        if slowed.saved < 1.0 {
            let wait = ((1.0 - slowed.saved) / slowed.rate(now)).clamp(0.001, LOOK_AGAIN);
            return Err(now + Duration::from_secs_f64(wait));
        }
        slowed.saved -= 1.0;
        Ok(self.epoch)
    }

    /// A call of this epoch was throttled: closes the gate, and says for how long if no other call of the epoch did.
    pub fn throttled(&mut self, epoch: u64, now: Duration) -> Option<Duration> {
        if epoch != self.epoch {
            return None;
        }
        self.epoch += 1;
        let rate = self.slowed.as_ref().map_or(self.regular, |slowed| slowed.rate(now));
        let pause = self.pauses.next_delay()?.min(LONGEST_PAUSE);
        self.slowed = Some(Slowed {
            opens: now + pause,
            curve: Curve::after(rate.clamp(self.least, self.most), self.regular),
            // One call shows whether there is room again.
            saved: 1.0,
            counted: now + pause,
        });
        Some(pause)
    }

    /// A call of this epoch was let through, whatever became of it then.
    pub fn passed(&mut self, epoch: u64) {
        if self.is_current(epoch) {
            self.pauses.reset();
        }
    }

    /// Whether nothing was throttled since this epoch began.
    #[must_use]
    pub fn is_current(&self, epoch: u64) -> bool {
        epoch == self.epoch
    }
}

impl Slowed {
    /// Adds what came together since the last count. More than a burst is never kept.
    fn count(&mut self, now: Duration, burst: f64) {
        let gained = self.curve.calls(self.open_for(now)) - self.curve.calls(self.open_for(self.counted));
        self.saved = (self.saved + gained.max(0.0)).min(burst);
        self.counted = self.counted.max(now);
    }

    fn rate(&self, now: Duration) -> f64 {
        self.curve.rate(self.open_for(now))
    }

    fn open_for(&self, now: Duration) -> f64 {
        now.saturating_sub(self.opens).as_secs_f64()
    }
}

/// The rate over the seconds after a pause.
#[derive(Debug)]
struct Curve {
    /// The rate that met the limit.
    met: f64,
    /// When it is reached again.
    back: f64,
    /// The configured rate, and when it is reached.
    regular: f64,
    whole: f64,
}

impl Curve {
    fn after(met: f64, regular: f64) -> Self {
        let back = (met * (1.0 - LEFT) / GROWTH).cbrt();
        let whole = back + ((regular - met).max(0.0) / GROWTH).cbrt();
        Self {
            met,
            back,
            regular,
            whole,
        }
    }

    fn rate(&self, seconds: f64) -> f64 {
        if seconds >= self.whole {
            return self.regular;
        }
        self.met + GROWTH * (seconds - self.back).powi(3)
    }

    /// The calls that come together in so many seconds: the integral of the rate.
    fn calls(&self, seconds: f64) -> f64 {
        let growing = seconds.min(self.whole);
        let fourth = (growing - self.back).powi(4) - self.back.powi(4);
        self.met * growing + GROWTH / 4.0 * fourth + self.regular * (seconds - growing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn gate() -> Gate {
        Gate::new(8, 50, &Patience::default())
    }

    /// How many calls may pass at this moment.
    fn at_once(gate: &mut Gate, now: Duration) -> usize {
        (0..1000).take_while(|_| gate.admit(now).is_ok()).count()
    }

    #[test]
    fn an_open_gate_costs_nothing() {
        let mut gate = gate();
        assert!((0..100).all(|_| gate.admit(s(1)) == Ok(0)));
    }

    #[test]
    fn calls_throttled_together_close_the_gate_once() {
        let mut gate = gate();
        let together = [gate.admit(s(1)), gate.admit(s(1))].map(Result::unwrap);
        let pause = gate.throttled(together[0], s(1)).unwrap();
        assert_eq!(gate.throttled(together[1], s(1)), None);
        assert_eq!(gate.admit(s(1)), Err(s(1) + pause));
        gate.passed(together[1]);
        assert_eq!(gate.admit(s(1)), Err(s(1) + pause), "a straggler does not open it");
    }

    #[test]
    fn after_a_pause_one_call_passes_and_the_next_after_a_while() {
        let mut gate = gate();
        let opens = s(1) + gate.throttled(0, s(1)).unwrap();
        assert_eq!(gate.admit(opens), Ok(1));
        let next = gate.admit(opens).unwrap_err() - opens;
        let spacing = Duration::from_secs_f64(1.0 / (8.0 * LEFT));
        assert!(next.abs_diff(spacing) < Duration::from_millis(1), "{next:?}");
    }

    #[test]
    fn pauses_grow_while_nothing_passes_and_never_beyond_five_seconds() {
        let mut gate = gate();
        let mut pauses = Vec::new();
        for nth in 0..200_u64 {
            let now = s(10 * nth);
            let epoch = gate.admit(now).unwrap();
            pauses.push(gate.throttled(epoch, now).unwrap());
        }
        assert!(
            pauses[0] < s(2) && pauses[3..].iter().all(|pause| *pause >= s(2)),
            "{pauses:?}"
        );
        assert!(pauses.iter().all(|pause| *pause <= s(5)), "{pauses:?}");
    }

    #[test]
    fn a_quiet_lane_saves_what_the_bucket_gains() {
        let mut gate = gate();
        let mut now = s(0);
        for _ in 0..7 {
            let epoch = gate.admit(now).unwrap();
            now += gate.throttled(epoch, now).unwrap();
        }
        assert_eq!(at_once(&mut gate, now), 1);
        assert!(at_once(&mut gate, now + s(20)) >= 30, "20 seconds later");
        assert_eq!(at_once(&mut gate, now + s(60)), 1000, "and open in the end");
    }

    #[test]
    fn what_is_saved_is_the_sum_of_the_rate_and_no_more_than_a_burst() {
        let curve = Curve::after(4.0, 8.0);
        let step = 0.001;
        let (mut summed, mut at) = (0.0, 0.0);
        while at < 30.0 {
            summed += curve.rate(at + step / 2.0) * step;
            at += step;
        }
        assert!(
            (summed - curve.calls(30.0)).abs() < 0.1,
            "{summed} {}",
            curve.calls(30.0)
        );
        let mut gate = gate();
        let opens = s(1) + gate.throttled(0, s(1)).unwrap();
        gate.admit(opens).unwrap();
        let mut before = 0;
        for quiet in 1..7 {
            let mut other = self::gate();
            let opens = s(1) + other.throttled(0, s(1)).unwrap();
            let now = at_once(&mut other, opens + s(quiet));
            assert!(now > before && now <= 50, "{quiet}: {now}");
            before = now;
        }
    }
}
