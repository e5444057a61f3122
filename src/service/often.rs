//! Ticks between those of the cron line: while a rollout is under way, at whole multiples of `schedule.rollout_every`, UTC.

use chrono::{DateTime, Utc};

use crate::clock::now;
use crate::config::Config;
use crate::locked_pass::ticks::multiple_after;
use crate::pass_end::Ending;
use crate::report::Report;

/// Knows whether a rollout is under way, and when the next such tick is due.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Often {
    /// `None` until a pass has seen.
    under_way: Option<bool>,
    due: Option<DateTime<Utc>>,
}

impl Often {
    /// Takes over what a pass saw. One that broke off, or could not show in the sheet what it did, may have started a rollout all the
    /// same; whether none is under way only one knows that came to its end.
    pub(super) fn note(&mut self, report: &Report) {
        let decided = report.regions.is_some() && !matches!(report.outcome, Ending::Failed | Ending::Stopped);
        if report.channels.iter().any(|channel| channel.rollout.is_some()) {
            self.under_way = Some(true);
        } else if decided {
            self.under_way = Some(false);
        }
    }

    /// The clock was set, the configuration changed, or the tick has come.
    pub(super) fn forget_due(&mut self) {
        self.due = None;
    }

    /// When the next tick is due. It stays the same until it is forgotten, so that none is missed by whoever looks late.
    pub(super) fn due(&mut self, config: &Config, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let every = config.schedule.rollout_every;
        let wanted = self.under_way.unwrap_or(!config.rollouts.strategies.is_empty());
        if !wanted || every.is_zero() {
            self.due = None;
        } else if self.due.is_none() {
            self.due = multiple_after(every, now);
        }
        self.due
    }
}

/// Waits for that moment; for ever where there is none.
pub(super) async fn come(due: Option<DateTime<Utc>>) {
    match due {
        Some(due) => tokio::time::sleep((due - now()).to_std().unwrap_or_default()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::memory::{Memory, Rollout};
    use crate::pass_end::PassEnd;
    use crate::tag::Version;

    const LEAST: &str = "[sheets]\nspreadsheet_id = 'x'\n[[aws.account]]\nname = 'main'\nregions = ['eu-west-1']\n[dual_key]\n\
                         a_editors = ['a@example.com']\nb_editors = ['b@example.com']\n";

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn ticks_are_at_whole_multiples() {
        for (every, now, next) in [
            (60, "2026-12-01T12:00:00Z", "2026-12-01T12:01:00Z"),
            (60, "2026-12-01T12:00:00.001Z", "2026-12-01T12:01:00Z"),
            (60, "2026-12-01T12:00:59.999Z", "2026-12-01T12:01:00Z"),
            (30, "2026-12-01T12:00:00Z", "2026-12-01T12:00:30Z"),
            (900, "2026-12-01T12:14:59Z", "2026-12-01T12:15:00Z"),
            (86_400, "2026-12-01T12:14:59Z", "2026-12-02T00:00:00Z"),
        ] {
            assert_eq!(
                multiple_after(Duration::from_secs(every), at(now)),
                Some(at(next)),
                "{every} {now}"
            );
        }
    }

    #[test]
    fn a_tick_is_due_while_a_rollout_is_under_way_or_may_be() {
        let config = |more: &str| Config::parse(&format!("{LEAST}{more}"), "test.toml", &[].into()).unwrap();
        let strategy = "[[strategy]]\nname = 's'\nchannels = ['*']\n";
        let (plain, rolls) = (config(""), config(strategy));
        let never = config(&format!("[schedule]\nrollout_every = '0s'\n{strategy}"));
        let noon = at("2026-12-01T12:00:00Z");
        let minute = Some(at("2026-12-01T12:01:00Z"));
        let mut often = Often::default();
        assert_eq!(often.due(&plain, noon), None);
        assert_eq!(often.due(&rolls, noon), minute, "no pass has looked yet");
        // Whoever looks late finds it still due.
        assert_eq!(often.due(&rolls, at("2026-12-01T12:01:01Z")), minute);
        often.forget_due();
        assert_eq!(
            often.due(&rolls, at("2026-12-01T12:01:01Z")),
            Some(at("2026-12-01T12:02:00Z"))
        );
        assert_eq!(often.due(&never, noon), None);
        often.under_way = Some(false);
        assert_eq!(often.due(&rolls, noon), None);
        // A strategy that is gone leaves the rollout where it is, and its gates unread, but people see that it stands.
        often.under_way = Some(true);
        assert_eq!(often.due(&plain, noon), minute);
    }
    #[test]
    fn a_rollout_is_seen_in_a_pass_that_fails_after_it_started_it() {
        let start = at("2026-12-01T12:00:00Z");
        let mut memory = Memory::default();
        let known = memory.channels.entry("web".into()).or_default();
        known.release = Version::parse("2.0").ok();
        let remembered = |memory: &Memory| Report::new("run", &PassEnd::Unread(Vec::new()), Some(memory));
        let mut often = Often::default();
        // It failed, so it does not know that there is none.
        for (outcome, under_way) in [(Ending::Failed, None), (Ending::Done, Some(false))] {
            often.note(&Report {
                outcome,
                regions: Some((1, 1)),
                ..remembered(&memory)
            });
            assert_eq!(often.under_way, under_way, "{outcome:?}");
        }
        known_rollout(&mut memory, start);
        often.note(&Report {
            outcome: Ending::Failed,
            regions: Some((1, 1)),
            ..remembered(&memory)
        });
        assert_eq!(often.under_way, Some(true));
    }

    fn known_rollout(memory: &mut Memory, began: DateTime<Utc>) {
        let known = memory.channels.entry("web".into()).or_default();
        known.rollout = Some(Rollout {
            id: 1,
            strategy: "s".into(),
            waves: Vec::new(),
            wave: 0,
            began,
            first_move: None,
            settled: None,
            gates: Default::default(),
            failed: None,
            adopted: false,
            paused: false,
            held_since: None,
            past: Vec::new(),
            switch: None,
        });
    }
}
