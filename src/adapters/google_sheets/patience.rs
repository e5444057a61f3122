//! Whether a call is tried again, and after how long.
//!
//! Quota comes back each minute, so a call waits for the next one; faults that may pass are met a few times; a token that was
//! not accepted is replaced once. Nothing else is tried again.

use std::time::Duration;

use chrono::DateTime;
use google_sheets4::hyper::header::{DATE, HeaderMap, RETRY_AFTER};

use super::failure::Failure;
use crate::pacing::Delays;
use crate::sheet::SheetErrorKind;

/// Attempts at a call that meets faults that may pass. Waiting for quota does not count.
pub(super) const ATTEMPTS: u32 = 5;

/// The wait for quota, give or take a second or two so that clients who share it do not return together. It is refilled each
/// minute (Sheets API, usage limits), but nobody says when a minute begins: after a whole one it has.
const MINUTE: Duration = Duration::from_secs(62);
const MINUTE_JITTER: f64 = 0.03;

/// The longest wait that a server is granted.
const LONGEST_WAIT: Duration = Duration::from_secs(65);

/// Decides how long to wait before another attempt, and whether there is one.
pub(super) struct Patience {
    faults: Delays,
    quota: Delays,
    /// A request was made after the wait that the server asked for, and was refused again.
    misled: bool,
    attempts_left: u32,
    refreshed: bool,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self {
            faults: Delays::new(Duration::from_millis(400), Duration::from_secs(10), None).with_jitter(0.3),
            quota: Delays::new(MINUTE, MINUTE, None).with_jitter(MINUTE_JITTER),
            misled: false,
            attempts_left: ATTEMPTS - 1,
            refreshed: false,
        }
    }

    /// Which attempt at meeting no fault the next one is.
    pub(super) fn attempt(&self) -> u32 {
        ATTEMPTS - self.attempts_left
    }

    /// How long to wait before another attempt; `None`: there is none.
    pub(super) fn wait(&mut self, failure: &Failure) -> Option<Duration> {
        if failure.unauthorized && !self.refreshed {
            self.refreshed = true;
            return Some(Duration::ZERO);
        }
        match failure.error.kind {
            SheetErrorKind::Quota => match failure.retry_after {
                Some(asked) if !self.misled => {
                    self.misled = true;
                    Some(asked.clamp(Duration::from_secs(1), LONGEST_WAIT))
                }
                _ => self.quota.next_delay(),
            },
            SheetErrorKind::Transient if self.attempts_left > 0 => {
                self.attempts_left -= 1;
                let pause = self.faults.next_delay()?;
                Some(pause.max(failure.retry_after.unwrap_or_default()).min(LONGEST_WAIT))
            }
            _ => None,
        }
    }
}

/// How long the server asks to wait (RFC 9110, section 10.2.3): seconds, or a date, which is compared with the answer's own, because
/// this machine's clock may be wrong.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text| DateTime::parse_from_rfc2822(text).ok();
    (date(asked)? - date(text(DATE)?)?).to_std().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::google_sheets::failure::error;

    fn failure(kind: SheetErrorKind) -> Failure {
        Failure {
            error: error(kind, "no"),
            unauthorized: false,
            retry_after: None,
            cut_short: false,
        }
    }

    #[test]
    fn quota_is_waited_for_a_minute_each_time() {
        let minute = Duration::from_secs(60)..=LONGEST_WAIT;
        let mut patience = Patience::new();
        for _ in 0..100 {
            let wait = patience.wait(&failure(SheetErrorKind::Quota)).unwrap();
            assert!(minute.contains(&wait), "{wait:?}");
        }
    }

    #[test]
    fn a_server_that_says_how_long_is_believed_once() {
        for (asked, granted) in [(0, 1), (20, 20), (7200, 65)] {
            let asked = Failure {
                retry_after: Some(Duration::from_secs(asked)),
                ..failure(SheetErrorKind::Quota)
            };
            let mut patience = Patience::new();
            assert_eq!(patience.wait(&asked), Some(Duration::from_secs(granted)));
            assert!(patience.wait(&asked) >= Some(Duration::from_secs(60)), "refused again");
        }
    }

    #[test]
    fn faults_that_may_pass_are_met_a_few_times_and_others_once() {
        let mut patience = Patience::new();
        let tries = std::iter::from_fn(|| patience.wait(&failure(SheetErrorKind::Transient))).count();
        assert_eq!(tries as u32, ATTEMPTS - 1);
        for kind in [
            SheetErrorKind::OutcomeUnknown,
            SheetErrorKind::Denied,
            SheetErrorKind::Refused,
            SheetErrorKind::Nonsense,
        ] {
            assert_eq!(Patience::new().wait(&failure(kind)), None);
        }
    }

    #[test]
    fn one_fresh_token_is_fetched() {
        let refused = Failure {
            unauthorized: true,
            ..failure(SheetErrorKind::Denied)
        };
        let mut patience = Patience::new();
        assert_eq!(patience.wait(&refused), Some(Duration::ZERO));
        assert_eq!(patience.wait(&refused), None);
    }

    #[test]
    fn a_server_asks_to_wait_in_seconds_or_until_a_date() {
        let asked = |pairs: &[(_, &'static str)]| {
            let headers: HeaderMap = pairs
                .iter()
                .map(|(name, text)| (Clone::clone(name), text.parse().unwrap()))
                .collect();
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        let date = (DATE, "Sun, 22 Nov 2026 10:00:00 GMT");
        assert_eq!(asked(&[(RETRY_AFTER, "20")]), Some(20));
        assert_eq!(
            asked(&[(RETRY_AFTER, "Sun, 22 Nov 2026 10:00:20 GMT"), date.clone()]),
            Some(20)
        );
        assert_eq!(
            asked(&[(RETRY_AFTER, "Sun, 22 Nov 2026 09:00:20 GMT"), date.clone()]),
            None
        );
        assert_eq!(asked(&[(RETRY_AFTER, "Sun, 22 Nov 2026 10:00:20 GMT")]), None);
        assert_eq!(asked(&[(RETRY_AFTER, "soon"), date]), None);
    }
}
