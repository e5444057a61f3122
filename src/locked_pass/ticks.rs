//! When the next tick is due, for the instances that share a store: by `schedule.cron` and, while a rollout is under way, by
//! `schedule.rollout_every`. Without the installation's own delay, so that all of them mean the same tick.

use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

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
    tick_after(config, now).into_iter().chain(between).min()
}

/// The first whole multiple of a length of time after a moment.
#[must_use]
pub fn multiple_after(every: Duration, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let every = i64::try_from(every.as_millis()).ok().filter(|every| *every > 0)?;
    let next = (now.timestamp_millis().div_euclid(every) + 1).checked_mul(every)?;
    DateTime::from_timestamp_millis(next)
}

/// The first tick of the cron line after a moment: a whole second, whatever the moment is, so that it is the same for everybody.
#[must_use]
pub fn tick_after(config: &Config, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
    config.schedule.cron.next(&moment.trunc_subsecs(0))
}

/// The last tick of the cron line until `now`; `None` where there was none in the last eight days.
#[must_use]
pub fn last_tick(config: &Config, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    // Looked for over spans that grow, as a line that ticks each second has many in a day.
    [2, 60, 3600, 86_400 * 8].into_iter().find_map(|seconds| {
        let mut last = None;
        let mut from = now - TimeDelta::seconds(seconds);
        while let Some(tick) = tick_after(config, from).filter(|tick| *tick <= now) {
            last = Some(tick);
            from = tick;
        }
        last
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "[sheets]\nspreadsheet_id = 'x'\n[[aws.account]]\nname = 'main'\nregions = ['eu-west-1']\n[dual_key]\n\
                         a_editors = ['a@example.com']\nb_editors = ['b@example.com']\n";

    fn config(cron: &str) -> Config {
        Config::parse(
            &format!("{LEAST}[schedule]\ncron = '{cron}'\n"),
            "test.toml",
            &[].into(),
        )
        .unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn ticks_are_whole_seconds_and_the_same_for_everybody() {
        let often = config("*/2 * * * * *");
        for moment in [
            "2026-01-01T00:00:02Z",
            "2026-01-01T00:00:02.001Z",
            "2026-01-01T00:00:03.999Z",
        ] {
            assert_eq!(
                last_tick(&often, at(moment)),
                Some(at("2026-01-01T00:00:02Z")),
                "{moment}"
            );
            assert_eq!(
                tick_after(&often, at(moment)),
                Some(at("2026-01-01T00:00:04Z")),
                "{moment}"
            );
            assert_eq!(
                next_tick(&often, None, at(moment)),
                Some(at("2026-01-01T00:00:04Z")),
                "{moment}"
            );
        }
        let usual = config("0 */5 * * * *");
        assert_eq!(
            last_tick(&usual, at("2026-01-01T00:04:59.5Z")),
            Some(at("2026-01-01T00:00:00Z"))
        );
        // 2 January 2026 is a Friday.
        let workdays = config("0 0 9 * * Mon-Fri");
        assert_eq!(
            last_tick(&workdays, at("2026-01-04T12:00:00Z")),
            Some(at("2026-01-02T09:00:00Z"))
        );
        assert_eq!(last_tick(&config("0 0 0 29 2 *"), at("2026-01-04T12:00:00Z")), None);
    }
}
