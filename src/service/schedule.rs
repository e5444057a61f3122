//! When passes are made: the cron line, a small delay of each installation's own, and the ticks.
//!
//! tokio-cron-scheduler is only a trigger here: it starts a job although the one before still runs, says nothing of jobs
//! that panic, and ends without waiting for any. So its job only sends a tick; the receiver does everything else.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::config::Cron;

/// The longest delay after a tick, in milliseconds.
const LONGEST_DELAY_MS: u64 = 15_000;

/// The delay is at most the interval divided by this.
const DELAY_PART: u64 = 10;

/// How many ticks are compared to find the shortest interval: a day of a line such as `0 0,5 8-18 * * *`.
const LOOKED_AT: usize = 30;

/// A pass that ended counts as recent for so many ticks.
const TICKS_OF_GRACE: usize = 3;

/// How long after the last of those ticks a pass may take to end, unless the next tick comes before.
const TIME_OF_GRACE: TimeDelta = TimeDelta::seconds(60);

/// A clock that differs by so much from the time that passed was set.
const SET: TimeDelta = TimeDelta::seconds(5);

/// A schedule. All times are UTC.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Cron,
    delay: Duration,
}

impl Schedule {
    /// The schedule of a cron line. `seed` is the same at each start and differs between installations, so that they do not
    /// all call the APIs in the same second.
    #[must_use]
    pub fn new(cron: &Cron, seed: &str, now: DateTime<Utc>) -> Self {
        let mut schedule = Self {
            cron: cron.clone(),
            delay: Duration::ZERO,
        };
        let ticks: Vec<DateTime<Utc>> = schedule.ticks(now).take(LOOKED_AT).collect();
        let shortest = ticks.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap_or_default();
        let shortest = u64::try_from(shortest.num_milliseconds()).unwrap_or_default();
        let most = (shortest / DELAY_PART).min(LONGEST_DELAY_MS);
        schedule.delay = Duration::from_millis(hash(seed) % (most + 1));
        schedule
    }

    /// The cron line.
    #[must_use]
    pub fn line(&self) -> &str {
        self.cron.line()
    }

    /// The installation's own delay.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// When the next pass is due; `None` if never.
    #[must_use]
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let delay = TimeDelta::from_std(self.delay).unwrap_or_default();
        self.ticks(after - delay).next().map(|tick| tick + delay)
    }

    /// Until when a pass that ended at `ended` is recent: three ticks, and some time for the pass of the third.
    #[must_use]
    pub fn recent_until(&self, ended: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let delay = TimeDelta::from_std(self.delay).unwrap_or_default();
        let mut ticks = self.ticks(ended).skip(TICKS_OF_GRACE - 1);
        let third = ticks.next()?;
        let fourth = ticks.next().unwrap_or(third + TIME_OF_GRACE);
        Some((third + TIME_OF_GRACE).min(fourth) + delay)
    }

    fn ticks(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        let next = |after: &DateTime<Utc>| self.cron.next(after);
        std::iter::successors(next(&after), move |tick| next(tick))
    }
}

/// FNV-1a, because its values never change, which the standard library's do not promise.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Notices when somebody sets the clock.
#[derive(Debug)]
pub struct ClockWatch {
    clock: DateTime<Utc>,
    read: Instant,
}

impl ClockWatch {
    /// What the clock says first, and at which instant it was read.
    #[must_use]
    pub fn new(clock: DateTime<Utc>, read: Instant) -> Self {
        Self { clock, read }
    }

    /// By how much the clock was set since it was last read; negative if it was put back, `None` if it was not set.
    pub fn set_by(&mut self, clock: DateTime<Utc>, read: Instant) -> Option<TimeDelta> {
        let before = std::mem::replace(self, Self::new(clock, read));
        let passed = TimeDelta::from_std(read - before.read).unwrap_or_default();
        let set = clock - before.clock - passed;
        (set.abs() >= SET).then_some(set)
    }
}

/// The ticks of a schedule.
pub struct Ticks {
    receiver: mpsc::Receiver<()>,
    trigger: Option<JobScheduler>,
}

impl Ticks {
    /// Starts the trigger.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn of(schedule: &Schedule) -> Result<Self, JobSchedulerError> {
        let (sender, receiver) = mpsc::channel(1);
        let delay = schedule.delay;
        let trigger = JobScheduler::new().await?;
        let job = Job::new_async(schedule.line(), move |_, _| {
            let sender = sender.clone();
            Box::pin(async move {
                tokio::time::sleep(delay).await;
                // Nobody receives the ticks of a schedule that was replaced.
                let _ = sender.send(()).await;
            })
        })?;
        trigger.add(job).await?;
        trigger.start().await?;
        Ok(Self {
            receiver,
            trigger: Some(trigger),
        })
    }

    /// Ticks that the caller makes, at any speed, instead of a schedule.
    #[must_use]
    pub fn given(receiver: mpsc::Receiver<()>) -> Self {
        Self {
            receiver,
            trigger: None,
        }
    }

    /// Changes to another schedule.
    ///
    /// # Errors
    /// When its trigger cannot be started; the old one stays then.
    pub async fn follow(&mut self, schedule: &Schedule) -> Result<(), JobSchedulerError> {
        if self.trigger.is_none() {
            return Ok(());
        }
        let new = Self::of(schedule).await?;
        let old = std::mem::replace(self, new);
        if let Some(mut trigger) = old.trigger {
            trigger.shutdown().await?;
        }
        Ok(())
    }

    /// Waits for the next tick; `None` when no more will come.
    pub async fn next(&mut self) -> Option<()> {
        self.receiver.recv().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn schedule(line: &str, seed: &str) -> Schedule {
        Schedule::new(&Cron::parse(line).unwrap(), seed, at("2026-01-01T00:00:00Z"))
    }

    #[test]
    fn the_delay_is_small_stable_and_ones_own() {
        for (line, most) in [
            ("* * * * * *", 100),
            ("0 */5 * * * *", 15_000),
            ("0 0,1 * * * *", 6_000),
            ("0 0 3 * * *", 15_000),
        ] {
            let delays: Vec<Duration> = ["a", "b", "c", "d", "a"].map(|seed| schedule(line, seed).delay).into();
            assert!(
                delays.iter().all(|delay| delay.as_millis() <= most),
                "{line}: {delays:?}"
            );
            assert_eq!(delays[0], delays[4]);
            assert!(
                delays[1..4].iter().any(|delay| *delay != delays[0]),
                "{line}: {delays:?}"
            );
        }
    }

    #[test]
    fn a_clock_that_is_set_is_noticed_once_and_time_that_passes_is_not() {
        let (mut now, mut instant) = (at("2026-01-01T00:00:00Z"), Instant::now());
        let mut watch = ClockWatch::new(now, instant);
        for (sleeps, goes, set) in [
            (1, 1, None),
            (3600, 3600, None),
            (1, 5, None),
            (1, -3, None),
            (1, 6, Some(5)),
            (1, -4, Some(-5)),
            (1, 3601, Some(3600)),
            (1, 1, None),
            (1, -3599, Some(-3600)),
            (1, 1, None),
        ] {
            instant += Duration::from_secs(sleeps);
            now += TimeDelta::seconds(goes);
            assert_eq!(
                watch.set_by(now, instant),
                set.map(TimeDelta::seconds),
                "{sleeps} {goes}"
            );
        }
        watch.set_by(DateTime::<Utc>::MIN_UTC, instant);
        assert!(watch.set_by(DateTime::<Utc>::MAX_UTC, instant).is_some());
    }

    #[test]
    fn the_next_pass_is_the_tick_and_the_delay() {
        let schedule = Schedule {
            delay: Duration::from_secs(7),
            ..schedule("0 */5 * * * *", "a")
        };
        let next = |now| schedule.next(at(now)).unwrap();
        assert_eq!(next("2026-01-01T00:00:00Z"), at("2026-01-01T00:00:07Z"));
        assert_eq!(next("2026-01-01T00:00:07Z"), at("2026-01-01T00:05:07Z"));
    }

    #[test]
    fn a_pass_is_recent_for_three_ticks_over_weekends_too() {
        let schedule = |line| Schedule {
            delay: Duration::ZERO,
            ..schedule(line, "a")
        };
        let until = |line, ended| schedule(line).recent_until(at(ended)).unwrap();
        let often = until("0 */5 * * * *", "2026-01-01T00:00:20Z");
        assert_eq!(often, at("2026-01-01T00:16:00Z"));
        let fast = until("* * * * * *", "2026-01-01T00:00:20Z");
        assert_eq!(fast, at("2026-01-01T00:00:24Z"));
        // 2 January 2026 is a Friday.
        let workdays = until("0 0 9 * * Mon-Fri", "2026-01-02T09:01:00Z");
        assert_eq!(workdays, at("2026-01-07T09:01:00Z"));
    }
}
