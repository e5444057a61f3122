//! A window: days, a beginning and an end on the clock of a zone, and the part at its end in which nothing starts any more.

use std::fmt;
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta, Weekday};
use chrono_tz::Tz;

/// Words for the days, Monday first.
const DAYS: [(&str, &str); 7] = [
    ("mon", "monday"),
    ("tue", "tuesday"),
    ("wed", "wednesday"),
    ("thu", "thursday"),
    ("fri", "friday"),
    ("sat", "saturday"),
    ("sun", "sunday"),
];

const HOUR: u16 = 60;
const DAY: u16 = 24 * HOUR;

/// Days of the week, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days([bool; 7]);

impl Days {
    /// Every day.
    pub const ALL: Self = Self([true; 7]);

    /// Reads words such as `mon`.
    ///
    /// # Errors
    /// There is none, one twice, or one that is not such a word.
    pub fn read<S: AsRef<str>>(words: &[S]) -> Result<Self, String> {
        if words.is_empty() {
            return Err(
                "names no day, so the window would never open; write the days on which it opens: [\"mon\", \"tue\"]"
                    .to_owned(),
            );
        }
        let mut days = [false; 7];
        for word in words {
            let word = word.as_ref();
            let Some(at) = DAYS.iter().position(|(short, _)| *short == word) else {
                return Err(unknown_day(word));
            };
            if std::mem::replace(&mut days[at], true) {
                return Err(format!("names {word:?} twice; take one out"));
            }
        }
        Ok(Self(days))
    }

    /// Whether this day is one of them.
    #[must_use]
    pub fn has(self, day: Weekday) -> bool {
        self.0[day.num_days_from_monday() as usize]
    }
}

fn unknown_day(word: &str) -> String {
    let lower = word.to_lowercase();
    let known = DAYS.iter().find(|(short, long)| lower == *short || lower == *long);
    match known {
        Some((short, _)) => format!("{word:?} is not a day; write {short:?}"),
        None => format!("{word:?} is not a day; use \"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\" or \"sun\""),
    }
}

/// A time of day on a clock, to the minute: 00:00 to 24:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Reads `22:00`.
    ///
    /// # Errors
    /// It is not such a time.
    pub fn read(text: &str) -> Result<Self, String> {
        let digits = |part: &str| {
            let fits = part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_digit());
            fits.then(|| part.parse::<u16>().ok()).flatten()
        };
        let parts = text
            .split_once(':')
            .map(|(hour, minute)| (digits(hour), digits(minute)));
        match parts {
            Some((Some(24), Some(0))) => Ok(Self(DAY)),
            Some((Some(hour @ 0..24), Some(minute @ 0..60))) => Ok(Self(hour * HOUR + minute)),
            _ => Err(format!(
                "{text:?} is not a time of day; write hour and minute with two digits each, such as \"22:00\""
            )),
        }
    }

    /// This time of a day, on the clock. 24:00 is the next day's 00:00.
    pub(crate) fn on(self, day: NaiveDate) -> NaiveDateTime {
        NaiveDateTime::from(day) + TimeDelta::minutes(self.0.into())
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / HOUR, self.0 % HOUR)
    }
}

/// A window of each week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    days: Days,
    start: TimeOfDay,
    end: TimeOfDay,
    zone: Tz,
    cutoff: TimeDelta,
}

impl Window {
    /// A window that opens on these days. One whose end comes before its start on the clock ends on the next day.
    ///
    /// # Errors
    /// It would never be open.
    pub fn new(days: Days, start: TimeOfDay, end: TimeOfDay, zone: Tz, cutoff: Duration) -> Result<Self, String> {
        if start.0 % DAY == end.0 % DAY && !(start.0 == 0 && end.0 == DAY) {
            return Err(format!(
                "start and end are both {start}; write the end of the window, or \"00:00\" and \"24:00\" for the whole day"
            ));
        }
        if start.0 == DAY {
            return Err("start is 24:00; write \"00:00\", and the next day".to_owned());
        }
        let window = Self {
            days,
            start,
            end,
            zone,
            cutoff: TimeDelta::from_std(cutoff).unwrap_or(TimeDelta::MAX),
        };
        if window.cutoff >= window.length() {
            let cutoff = humantime::format_duration(cutoff);
            let length = humantime::format_duration(window.length().to_std().unwrap_or_default());
            return Err(format!(
                "cutoff is {cutoff} and the window is open for {length}, so nothing could ever start; write a shorter cutoff"
            ));
        }
        Ok(window)
    }

    /// The days on which it opens.
    #[must_use]
    pub const fn days(&self) -> Days {
        self.days
    }

    /// The zone whose clock counts.
    #[must_use]
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// How long before its end nothing starts any more.
    #[must_use]
    pub const fn cutoff(&self) -> TimeDelta {
        self.cutoff
    }

    /// How long it is open on a day on which no clock is changed.
    #[must_use]
    pub fn length(&self) -> TimeDelta {
        let (start, end) = (i64::from(self.start.0), i64::from(self.end.0));
        let next_day = if self.wraps() { i64::from(DAY) } else { 0 };
        TimeDelta::minutes(end + next_day - start)
    }

    /// What the clock shows when the window of this day opens.
    pub(crate) fn start_on(&self, day: NaiveDate) -> NaiveDateTime {
        self.start.on(day)
    }

    /// What the clock shows when it closes.
    pub(crate) fn end_on(&self, day: NaiveDate) -> NaiveDateTime {
        let next_day = TimeDelta::days(self.wraps().into());
        self.end.on(day) + next_day
    }

    fn wraps(&self) -> bool {
        self.end < self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> TimeOfDay {
        TimeOfDay::read(text).unwrap()
    }

    fn window(start: &str, end: &str, cutoff: u64) -> Result<Window, String> {
        let cutoff = Duration::from_secs(cutoff * 60);
        Window::new(Days::ALL, time(start), time(end), Tz::UTC, cutoff)
    }

    #[test]
    fn a_wrong_day_is_answered_with_the_right_one() {
        let days = Days::read(&["mon", "sun"]).unwrap();
        assert!(days.has(Weekday::Mon) && days.has(Weekday::Sun) && !days.has(Weekday::Tue));
        for (words, fix) in [
            (&["Monday"][..], "write \"mon\""),
            (&["TUE"], "write \"tue\""),
            (&["mo"], "use \"mon\", \"tue\""),
            (&["mon", "mon"], "take one out"),
            (&[], "write the days"),
        ] {
            let said = Days::read(words).unwrap_err();
            assert!(said.contains(fix), "{said}");
        }
    }

    #[test]
    fn a_time_has_four_digits() {
        assert_eq!(time("04:30").to_string(), "04:30");
        assert_eq!(time("24:00").to_string(), "24:00");
        for text in [
            "4:30", "04:60", "24:01", "25:00", "0430", "04:30:00", "+4:30", "", "04:30 ", "four",
        ] {
            let said = TimeOfDay::read(text).unwrap_err();
            assert!(said.contains("such as \"22:00\""), "{said}");
        }
    }

    #[test]
    fn a_window_that_never_opens_is_refused() {
        for (start, end, hours) in [
            ("22:00", "04:00", 6),
            ("00:00", "24:00", 24),
            ("22:00", "24:00", 2),
            ("22:00", "00:00", 2),
        ] {
            assert_eq!(
                window(start, end, 0).unwrap().length(),
                TimeDelta::hours(hours),
                "{start} {end}"
            );
        }
        for (start, end, cutoff, said) in [
            ("22:00", "22:00", 0, "start and end are both 22:00"),
            ("00:00", "00:00", 0, "\"00:00\" and \"24:00\" for the whole day"),
            ("24:00", "24:00", 0, "start and end are both 24:00"),
            ("24:00", "02:00", 0, "write \"00:00\""),
            ("22:00", "23:00", 60, "cutoff is 1h and the window is open for 1h"),
            ("22:00", "23:00", u64::MAX / 60, "write a shorter cutoff"),
        ] {
            let error = window(start, end, cutoff).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert!(window("22:00", "23:00", 59).is_ok());
    }
}
