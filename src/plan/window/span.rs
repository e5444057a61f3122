//! One opening of a window: from when to when it is open, and until when something may start.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};

use super::instant::first;
use crate::window::Window;

/// A window opens on a day whose opening may lie this many days beside the day that the clock shows.
const BESIDE: u64 = 2;

/// A window that opens on one day a week may miss it by a change of clocks, and a day may be left out; it never misses a year.
const LOOKED_AT: u64 = 366;

/// One opening of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// When it opens.
    pub opens: DateTime<Utc>,
    /// From when on nothing starts or moves any more: the cutoff before it closes.
    pub until: DateTime<Utc>,
    /// When it closes.
    pub closes: DateTime<Utc>,
}

impl Span {
    /// The opening on a day, if there is one: nothing is left of it where clocks are set forward over it.
    fn on(window: &Window, day: NaiveDate) -> Option<Self> {
        if !window.days().has(day.weekday()) {
            return None;
        }
        let opens = first(window.zone(), window.start_on(day));
        let closes = first(window.zone(), window.end_on(day)).min(opens + window.length());
        let until = closes - window.cutoff();
        (opens < until).then_some(Self { opens, until, closes })
    }

    /// The openings that can matter at a moment and from then on, in order.
    fn from(window: &Window, now: DateTime<Utc>) -> impl Iterator<Item = Self> {
        let today = now.with_timezone(&window.zone()).date_naive();
        let first = today.checked_sub_days(Days::new(BESIDE)).unwrap_or(today);
        let days = (0..LOOKED_AT).map_while(move |n| first.checked_add_days(Days::new(n)));
        days.filter_map(move |day| Self::on(window, day))
    }

    /// The one in which something may start at this moment.
    pub(super) fn at(window: &Window, now: DateTime<Utc>) -> Option<Self> {
        let mut begun = Self::from(window, now).take_while(|span| span.opens <= now);
        begun.find(|span| now < span.until)
    }

    /// Those after this moment, in order.
    pub(super) fn after(window: &Window, now: DateTime<Utc>) -> impl Iterator<Item = Self> {
        Self::from(window, now).filter(move |span| span.opens > now)
    }
}
