//! The first moment at which a zone's clock shows a time, or a later one.

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

/// Longer than any clock is ahead of UTC or behind it, with the largest change of one.
const FAR: TimeDelta = TimeDelta::hours(48);

/// The first moment at which the clock of `zone` shows `shown` or later. A clock that is set back shows a time twice: the first
/// time counts. One that is set forward leaves it out: the moment of the change counts.
pub(super) fn first(zone: Tz, shown: NaiveDateTime) -> DateTime<Utc> {
    match zone.from_local_datetime(&shown) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.to_utc(),
        LocalResult::None => change(zone, shown),
    }
}

/// The moment at which the clock passes over `shown`.
fn change(zone: Tz, shown: NaiveDateTime) -> DateTime<Utc> {
    let has_passed = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local() >= shown;
    let (mut before, mut after) = (shown.and_utc() - FAR, shown.and_utc() + FAR);
    // Zones change their offset at whole seconds.
    while after - before > TimeDelta::seconds(1) {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        if has_passed(middle) {
            after = middle;
        } else {
            before = middle;
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_moment_counts() {
        for (zone, shown, at) in [
            (Tz::Europe__Berlin, "2026-06-01T22:00:00", "2026-06-01T20:00:00Z"),
            // Set forward from 02:00 to 03:00.
            (Tz::Europe__Berlin, "2026-03-29T02:00:00", "2026-03-29T01:00:00Z"),
            (Tz::Europe__Berlin, "2026-03-29T02:59:00", "2026-03-29T01:00:00Z"),
            (Tz::Europe__Berlin, "2026-03-29T03:00:00", "2026-03-29T01:00:00Z"),
            // Set back from 03:00 to 02:00.
            (Tz::Europe__Berlin, "2026-10-25T02:00:00", "2026-10-25T00:00:00Z"),
            (Tz::Europe__Berlin, "2026-10-25T02:59:00", "2026-10-25T00:59:00Z"),
            (Tz::Europe__Berlin, "2026-10-25T03:00:00", "2026-10-25T02:00:00Z"),
            // By half an hour, by two, at midnight; and a day that was left out.
            (Tz::Australia__Lord_Howe, "2026-10-04T02:10:00", "2026-10-03T15:30:00Z"),
            (Tz::Antarctica__Troll, "2026-03-29T01:30:00", "2026-03-29T01:00:00Z"),
            (Tz::Asia__Beirut, "2026-03-29T00:00:00", "2026-03-28T22:00:00Z"),
            (Tz::Pacific__Apia, "2011-12-30T12:00:00", "2011-12-30T10:00:00Z"),
        ] {
            let shown: NaiveDateTime = shown.parse().unwrap();
            assert_eq!(
                first(zone, shown),
                at.parse::<DateTime<Utc>>().unwrap(),
                "{zone} {shown}"
            );
        }
    }
}
