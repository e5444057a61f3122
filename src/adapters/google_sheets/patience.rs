//! Whether a call is tried again, and after how long.
//!
//! Quota comes back each minute, so a call waits for it; faults that may pass are met a few times; a token that was not
//! accepted is replaced once. Nothing else is tried again.

use std::time::Duration;

use chrono::DateTime;
use google_sheets4::hyper::header::{DATE, HeaderMap, RETRY_AFTER};

use super::failure::Failure;
use crate::pacing::Delays;
use crate::sheet::SheetErrorKind;

/// Attempts at a call that meets faults that may pass. Waiting for quota does not count.
pub(super) const ATTEMPTS: u32 = 5;

/// Longest wait for quota: it is refilled each minute (Sheets API, usage limits), plus some for clocks that differ.
const QUOTA_WAIT_MAX: Duration = Duration::from_secs(65);

/// Decides how long to wait before another attempt, and whether there is one.
pub(super) struct Patience {
    faults: Delays,
    quota: Delays,
    attempts_left: u32,
    refreshed: bool,
}

impl Patience {
    pub(super) fn new() -> Self {
        // Less jitter than elsewhere: the waits for quota must add up to most of a minute.
        let growing = |first, most| Delays::new(first, most, None).with_jitter(0.3);
        Self {
            faults: growing(Duration::from_millis(400), Duration::from_secs(10)),
            // Nobody says when the minute began: 2, 4, 8, 16, 32 seconds are out of it at the latest, and often sooner.
            quota: growing(Duration::from_secs(2), QUOTA_WAIT_MAX / 2),
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
                Some(asked) => Some(asked.clamp(Duration::from_secs(1), QUOTA_WAIT_MAX)),
                None => self.quota.next_delay(),
            },
            SheetErrorKind::Transient if self.attempts_left > 0 => {
                self.attempts_left -= 1;
                let pause = self.faults.next_delay()?;
                Some(pause.max(failure.retry_after.unwrap_or_default()).min(QUOTA_WAIT_MAX))
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
        }
    }

    #[test]
    fn quota_is_waited_for_longer_than_its_minute() {
        let mut patience = Patience::new();
        let waits: Vec<_> = (0..5)
            .filter_map(|_| patience.wait(&failure(SheetErrorKind::Quota)))
            .collect();
        assert!(waits.iter().all(|wait| *wait <= QUOTA_WAIT_MAX));
        assert!(waits.iter().sum::<Duration>() >= Duration::from_secs(40), "{waits:?}");
        let asked = Failure {
            retry_after: Some(Duration::from_secs(7200)),
            ..failure(SheetErrorKind::Quota)
        };
        assert_eq!(patience.wait(&asked), Some(QUOTA_WAIT_MAX));
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
