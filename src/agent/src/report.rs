//! What is reported in the two tags, and when. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet_words::report::{Report, State};

use crate::memory::Reported;

/// What there is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The version that runs, or `none`.
    pub running: String,
    /// How it stands.
    pub state: State,
    /// What about it.
    pub detail: String,
}

/// When reports are written.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Good news waits up to so long.
    pub spread: Duration,
    /// Without news, so often.
    pub heartbeat: Duration,
    /// A share of a whole, 0 to 1 in thousandths, the server's own.
    pub share: u32,
    /// Without waiting.
    pub at_once: bool,
}

/// Bad news waits up to so long.
const BAD: Duration = Duration::from_secs(30);

/// The report to write now, if one is due. Notes since when there is news.
pub fn due(memory: &mut Reported, news: &News, pace: Pace, now: DateTime<Utc>) -> Option<Report> {
    let report = Report::new(news.state, &news.detail, now);
    let lasting = !matches!(news.state, State::Due | State::Watching);
    let changed = memory.running != news.running || (lasting && memory.said != report.said()) || memory.at.is_none();
    if !changed {
        memory.since = None;
        let heartbeat = TimeDelta::from_std(pace.heartbeat).unwrap_or(TimeDelta::MAX);
        let is_old = memory.at.is_none_or(|at| now - at >= heartbeat || now < at);
        return is_old.then_some(report);
    }
    let since = *memory.since.get_or_insert(now);
    let whole = if news.state.is_trouble() { BAD } else { pace.spread };
    let wait = TimeDelta::from_std(whole * pace.share / 1000).unwrap_or(TimeDelta::zero());
    let throttled = memory
        .not_before
        .is_some_and(|at| now < at && at - now < TimeDelta::hours(1));
    let waits = !pace.at_once && now >= since && now - since < wait;
    (!throttled && !waits).then_some(report)
}

/// Notes that it was written.
pub fn written(memory: &mut Reported, news: &News, report: &Report) {
    *memory = Reported {
        running: news.running.clone(),
        said: report.said(),
        at: Some(report.at),
        ..Reported::default()
    };
}

/// Notes that it was refused: later again, 30 s to 15 min.
pub fn refused(memory: &mut Reported, now: DateTime<Utc>) {
    memory.refusals = memory.refusals.saturating_add(1);
    let seconds = 30_i64 << memory.refusals.saturating_sub(1).min(5);
    memory.not_before = Some(now + TimeDelta::seconds(seconds.min(900)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn news(state: State) -> News {
        News {
            running: "2.4.0".into(),
            state,
            detail: String::new(),
        }
    }

    #[test]
    fn a_report_is_written_when_something_lasting_changes_and_at_each_heartbeat() {
        let pace = Pace {
            spread: Duration::from_secs(300),
            heartbeat: Duration::from_secs(21_600),
            share: 500,
            at_once: false,
        };
        let mut memory = Reported::default();
        assert_eq!(due(&mut memory, &news(State::Ok), pace, at(0)), None);
        assert_eq!(due(&mut memory, &news(State::Ok), pace, at(149)), None);
        let report = due(&mut memory, &news(State::Ok), pace, at(150)).unwrap();
        refused(&mut memory, at(150));
        assert_eq!(due(&mut memory, &news(State::Ok), pace, at(179)), None);
        assert!(due(&mut memory, &news(State::Ok), pace, at(180)).is_some());
        written(&mut memory, &news(State::Ok), &report);
        for quiet in [State::Ok, State::Due, State::Watching] {
            assert_eq!(due(&mut memory, &news(quiet), pace, at(10_000)), None);
        }
        assert!(due(&mut memory, &news(State::Ok), pace, at(150 + 21_600)).is_some());
        assert_eq!(due(&mut memory, &news(State::Failed), pace, at(1000)), None);
        assert!(due(&mut memory, &news(State::Failed), pace, at(1015)).is_some());
        let mut waits = Reported::default();
        let steps: Vec<i64> = (0..8)
            .map(|_| {
                refused(&mut waits, at(0));
                (waits.not_before.unwrap() - at(0)).num_seconds()
            })
            .collect();
        assert_eq!(steps, [30, 60, 120, 240, 480, 900, 900, 900]);
    }
}
