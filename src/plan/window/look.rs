//! Whether servers may pass to a new version at a moment, and else when they may and what is waited for.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::frozen;
use super::span::Span;
use crate::window::{Freeze, Window};

/// Days of the week tell openings apart that come within this time.
const WEEK: TimeDelta = TimeDelta::days(7);

/// What the windows and freezes of a channel say at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hours {
    /// Servers may pass.
    Open,
    /// They may not.
    Closed(Closed),
}

/// Why servers may not pass now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// What is waited for, to follow "waits for": `the window Tue 22:00 Europe/Berlin`.
    pub what: String,
    /// When they may; `None` if no window opens within a year.
    pub opens: Option<DateTime<Utc>>,
}

/// What these windows and freezes say at this moment.
#[must_use]
pub fn hours(windows: &[&Window], freezes: &[&Freeze], now: DateTime<Utc>) -> Hours {
    let next = next(windows, freezes, now);
    if let Some((freeze, _)) = frozen::at(freezes, now) {
        return Hours::Closed(Closed {
            what: frozen::words(freeze),
            opens: next.map(|(at, _)| at),
        });
    }
    match next {
        Some((at, _)) if at == now => Hours::Open,
        Some((at, Some(window))) => Hours::Closed(Closed {
            what: format!("the window {}", clock(at, window.zone(), now)),
            opens: Some(at),
        }),
        _ => Hours::Closed(Closed {
            what: "a window that no freeze closes".to_owned(),
            opens: None,
        }),
    }
}

/// The first moment from now on at which servers may pass, and the window that lets them.
fn next<'a>(
    windows: &[&'a Window],
    freezes: &[&Freeze],
    now: DateTime<Utc>,
) -> Option<(DateTime<Utc>, Option<&'a Window>)> {
    let mut at = now;
    // Each freeze is left behind once, and between two of them a window opens.
    for _ in 0..=freezes.len() * 2 + 1 {
        if let Some((_, ends)) = frozen::at(freezes, at) {
            at = ends;
            continue;
        }
        if windows.is_empty() {
            return Some((at, None));
        }
        if let Some(window) = windows.iter().find(|window| Span::at(window, at).is_some()) {
            return Some((at, Some(window)));
        }
        let openings = windows.iter().filter_map(|window| Span::after(window, at).next());
        at = openings.map(|span| span.opens).min()?;
    }
    None
}

/// `Tue 22:00 Europe/Berlin`, with the date where another Tuesday comes first.
fn clock(at: DateTime<Utc>, zone: Tz, now: DateTime<Utc>) -> String {
    let form = if at - now < WEEK {
        "%a %H:%M"
    } else {
        "%a %Y-%m-%d %H:%M"
    };
    format!("{} {zone}", at.with_timezone(&zone).format(form))
}

/// One opening to come of a window, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// When.
    pub span: Span,
    /// On the clock of its zone: `Tue 2026-12-01 22:00 to Wed 04:00 Europe/Berlin`.
    pub words: String,
    /// The freeze that holds when it opens, in words.
    pub frozen: Option<String>,
}

/// The next openings of a window, at most `most`.
#[must_use]
pub fn openings(window: &Window, freezes: &[&Freeze], now: DateTime<Utc>, most: usize) -> Vec<Opening> {
    let zone = window.zone();
    let opening = |span: Span| {
        let (opens, closes) = (span.opens.with_timezone(&zone), span.closes.with_timezone(&zone));
        let end = if opens.date_naive() == closes.date_naive() {
            "%H:%M"
        } else {
            "%a %H:%M"
        };
        Opening {
            span,
            words: format!("{} to {} {zone}", opens.format("%a %Y-%m-%d %H:%M"), closes.format(end)),
            frozen: frozen::at(freezes, span.opens).map(|(freeze, _)| frozen::words(freeze)),
        }
    };
    Span::after(window, now).take(most).map(opening).collect()
}
