//! A freeze: from when to when nothing moves, and why.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

/// Where a freeze begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// A whole day of the freeze's zone, the first or the last.
    Day(NaiveDate),
    /// A moment.
    Instant(DateTime<Utc>),
}

impl Edge {
    /// Reads `2026-12-20`, or a time such as `2026-12-20T18:00:00+01:00`.
    ///
    /// # Errors
    /// It is neither.
    pub fn read(text: &str) -> Result<Self, String> {
        let is_date = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        if let (true, Ok(day)) = (is_date, NaiveDate::parse_from_str(text, "%Y-%m-%d")) {
            return Ok(Self::Day(day));
        }
        match DateTime::parse_from_rfc3339(text) {
            Ok(at) => Ok(Self::Instant(at.to_utc())),
            Err(_) => Err(format!(
                "{text:?} is not a date or a time; write \"2026-12-20\", or with a time and its offset \"2026-12-20T18:00:00+01:00\""
            )),
        }
    }
}

/// A time in which nothing passes to a new version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    from: Edge,
    to: Edge,
    zone: Tz,
    reason: String,
}

impl Freeze {
    /// A freeze from the beginning of `from` to the end of `to`. Days need a zone, moments do not.
    ///
    /// # Errors
    /// There is no zone for a day, or it would end before it began.
    pub fn new(from: Edge, to: Edge, zone: Option<Tz>, reason: &str) -> Result<Self, String> {
        let days = [from, to].iter().any(|edge| matches!(edge, Edge::Day(_)));
        if days && zone.is_none() {
            return Err("has days and no zone; write whose days they are: zone = \"Europe/Berlin\"".to_owned());
        }
        let freeze = Self {
            from,
            to,
            zone: zone.unwrap_or(Tz::UTC),
            reason: reason.trim().to_owned(),
        };
        let backwards = match (from, to) {
            (Edge::Day(from), Edge::Day(to)) => to < from,
            (Edge::Instant(from), Edge::Instant(to)) => to <= from,
            (Edge::Day(from), Edge::Instant(to)) => to.with_timezone(&freeze.zone).date_naive() < from,
            (Edge::Instant(from), Edge::Day(to)) => to < from.with_timezone(&freeze.zone).date_naive(),
        };
        if backwards {
            return Err("ends before it begins; write the later date in to".to_owned());
        }
        Ok(freeze)
    }

    /// Where it begins.
    #[must_use]
    pub const fn from(&self) -> Edge {
        self.from
    }

    /// Where it ends.
    #[must_use]
    pub const fn to(&self) -> Edge {
        self.to
    }

    /// The zone of its days.
    #[must_use]
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// Why, or nothing.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_is_a_day_or_a_moment() {
        let day = NaiveDate::from_ymd_opt(2026, 12, 20).unwrap();
        assert_eq!(Edge::read("2026-12-20"), Ok(Edge::Day(day)));
        let noon = day.and_hms_opt(12, 0, 0).unwrap().and_utc();
        assert_eq!(Edge::read("2026-12-20T13:00:00+01:00"), Ok(Edge::Instant(noon)));
        for text in [
            "2026-12-32",
            "2026-13-01",
            "20.12.2026",
            "2026-12-20T13:00:00",
            "tomorrow",
            "",
            "+12026-1-1",
            "2026-1-20",
        ] {
            let said = Edge::read(text).unwrap_err();
            assert!(said.contains("write \"2026-12-20\""), "{said}");
        }
    }

    #[test]
    fn a_freeze_has_a_zone_for_its_days_and_does_not_end_before_it_begins() {
        let edge = |text| Edge::read(text).unwrap();
        let new = |from, to, zone| Freeze::new(edge(from), edge(to), zone, " holidays\n");
        let berlin = Some(Tz::Europe__Berlin);
        for (from, to, zone) in [
            ("2026-12-20", "2026-12-20", berlin),
            ("2026-12-20T00:00:00Z", "2026-12-20T00:00:01Z", None),
            // In Berlin it is already the 20th.
            ("2026-12-20", "2026-12-19T23:30:00Z", berlin),
        ] {
            assert_eq!(new(from, to, zone).unwrap().reason(), "holidays", "{from} {to}");
        }
        for (from, to, zone, said) in [
            ("2026-12-20", "2027-01-06", None, "write whose days"),
            ("2026-12-20T00:00:00Z", "2027-01-06", None, "write whose days"),
            ("2026-12-20", "2026-12-19", berlin, "ends before it begins"),
            (
                "2026-12-20T00:00:00Z",
                "2026-12-20T00:00:00Z",
                None,
                "ends before it begins",
            ),
            ("2026-12-20T23:30:00Z", "2026-12-20", berlin, "ends before it begins"),
            ("2026-12-20", "2026-12-19T22:30:00Z", berlin, "ends before it begins"),
        ] {
            let error = new(from, to, zone).unwrap_err();
            assert!(error.contains(said), "{from} {to}: {error}");
        }
    }
}
