//! Times of events, as text of one width: texts compare as times do.

use chrono::{DateTime, SecondsFormat, Utc};

use super::Fault;

/// A time as it is stored.
pub(in crate::adapters) fn sortable(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// The time that a text stands for.
pub(in crate::adapters) fn time_of(text: &str) -> Result<DateTime<Utc>, Fault> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|error| Fault::Damaged(format!("an event's time {text:?} cannot be understood: {error}")))
}
