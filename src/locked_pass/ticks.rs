//! When the next tick is due, for the instances that share a store: by `schedule.cron` and, while a rollout is under way, by
//! `schedule.rollout_every`. Without the installation's own delay, so that all of them mean the same tick.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Config;
use crate::pass_end::Ending;
use crate::report::Report;

/// The tick after a pass that began at `now` and ended with this report.
#[must_use]
pub fn next_tick(config: &Config, report: Option<&Report>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let schedule = &config.schedule;
    let rolls = match report {
        Some(report) if report.channels.iter().any(|channel| channel.rollout.is_some()) => true,
        Some(report) if report.regions.is_some() && !matches!(report.outcome, Ending::Failed | Ending::Stopped) => {
            false
        }
        // It broke off, or was stopped, and may have started one all the same.
        _ => !config.rollouts.strategies.is_empty(),
    };
    let between = rolls.then(|| multiple_after(schedule.rollout_every, now)).flatten();
    schedule.cron.next(&now).into_iter().chain(between).min()
}

/// The first whole multiple of a length of time after a moment.
#[must_use]
pub fn multiple_after(every: Duration, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let every = i64::try_from(every.as_millis()).ok().filter(|every| *every > 0)?;
    let next = (now.timestamp_millis().div_euclid(every) + 1).checked_mul(every)?;
    DateTime::from_timestamp_millis(next)
}

/// The last tick of the cron line until `now`; `None` where there was none in the last eight days.
#[must_use]
pub fn last_tick(config: &Config, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    // Looked for over spans that grow, as a line that ticks each second has many in a day.
    [2, 60, 3600, 86_400 * 8].into_iter().find_map(|seconds| {
        let mut last = None;
        let mut from = now - TimeDelta::seconds(seconds);
        while let Some(tick) = config.schedule.cron.next(&from).filter(|tick| *tick <= now) {
            last = Some(tick);
            from = tick;
        }
        last
    })
}
