//! A time in the past as people type it: how long ago, a date, or a moment.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// Since when something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// So long ago.
    Ago(Duration),
    /// This moment.
    At(DateTime<Utc>),
}

impl Since {
    /// The moment, as of `now`.
    #[must_use]
    pub fn moment(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(moment) => moment,
            Self::Ago(length) => {
                let length = TimeDelta::from_std(length).ok();
                let moment = length.and_then(|length| now.checked_sub_signed(length));
                moment.unwrap_or(DateTime::<Utc>::MIN_UTC)
            }
        }
    }
}

pub(super) fn since(text: &str) -> Result<Since, String> {
    let text = text.trim();
    if let Ok(length) = humantime::parse_duration(text) {
        return Ok(Since::Ago(length));
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(Since::At(moment.to_utc()));
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(Since::At(day.and_time(NaiveTime::MIN).and_utc()));
    }
    Err(
        "is neither a length of time such as 2d or 12h, nor a date such as 2026-11-27, nor a time such as \
         2026-11-27T05:00:00Z"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_dates_and_moments_are_understood() {
        let now = DateTime::parse_from_rfc3339("2026-11-27T12:00:00Z").unwrap().to_utc();
        for (text, moment) in [
            ("2d", "2026-11-25T12:00:00Z"),
            ("1h 30m", "2026-11-27T10:30:00Z"),
            ("2026-11-27", "2026-11-27T00:00:00Z"),
            ("2026-11-27T05:00:00Z", "2026-11-27T05:00:00Z"),
            ("2026-11-27T05:00:00+02:00", "2026-11-27T03:00:00Z"),
        ] {
            let wanted = DateTime::parse_from_rfc3339(moment).unwrap().to_utc();
            assert_eq!(since(text).unwrap().moment(now), wanted, "{text}");
        }
        assert_eq!(since("400000000 years").unwrap().moment(now), DateTime::<Utc>::MIN_UTC);
        for text in ["", "yesterday", "-2d", "2", "27.11.2026"] {
            assert!(since(text).is_err(), "{text}");
        }
    }
}
