//! Makes one call of the API in as many attempts as it takes: paced, timed, counted, and repeated only where that is known to be
//! safe. A write of unknown outcome is never repeated here: only its caller can find out whether it happened.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use google_sheets4::common::{Delegate, Response, Retry};
use serde_json::Value;

use super::GoogleSheets;
use super::failure::{Failure, Method, Seen, Subject, error};
use super::pace::Lane;
use super::patience::{ATTEMPTS, Patience, retry_after};
use crate::calls::Calls;
use crate::sheet::{SheetError, SheetErrorKind};

/// Time for one call with all its attempts where the caller sets no deadline: two waits for the next minute's quota, and some.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(150);

/// Watches one attempt from inside the API crate: counts its request, and sees the header that the crate's errors lose.
#[derive(Clone)]
pub(super) struct Probe {
    seen: Arc<Mutex<Seen>>,
    calls: Calls,
    name: &'static str,
}

impl Probe {
    fn new(calls: &Calls, name: &'static str) -> Self {
        Self {
            seen: Arc::default(),
            calls: calls.clone(),
            name,
        }
    }

    fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Delegate for Probe {
    fn pre_request(&mut self) {
        self.calls.count(self.name);
        self.note(|seen| seen.sent = true);
    }

    fn http_failure(&mut self, response: &Response, _: Option<&Value>) -> Retry {
        let wait = retry_after(response.headers());
        self.note(|seen| {
            seen.status = Some(response.status().as_u16());
            seen.retry_after = wait;
        });
        Retry::Abort
    }
}

impl GoogleSheets {
    /// Makes a call; `attempt` makes one request of it.
    pub(super) async fn call<T, F, Made>(&self, method: Method, attempt: F) -> Result<T, SheetError>
    where
        F: Fn(Probe) -> Made + Send + Sync,
        Made: Future<Output = google_sheets4::Result<(Response, T)>> + Send,
    {
        let inner = &*self.inner;
        let deadline = self.deadline.unwrap_or_else(|| Instant::now() + DEFAULT_PATIENCE);
        let mut patience = Patience::new();
        let mut before = None;
        let what = if method.writes {
            "writing to the sheet"
        } else {
            "reading the sheet"
        };
        let waits = inner.calls.wait(what);
        loop {
            let failure = match self.try_once(method, deadline, &attempt).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = patience.wait(&failure);
            let quota = failure.error.kind == SheetErrorKind::Quota;
            if let Some(wait) = wait.filter(|_| quota) {
                // All requests wait, this one too when it is tried again.
                self.lane(method).used_up(wait);
            }
            match wait.filter(|wait| *wait < left) {
                Some(wait) => {
                    if failure.unauthorized {
                        inner.tokens.forget().await;
                    }
                    tracing::debug!(
                        sheets.method = method.name,
                        wait_ms = wait.as_millis() as u64,
                        "trying again: {}",
                        failure.error
                    );
                    if quota {
                        waits.is_for(format!("{what} (once Google's quota allows it, in about a minute)"));
                    } else {
                        waits.is_for(format!("{what} (try {} of {ATTEMPTS})", patience.attempt()));
                        tokio::time::sleep(wait).await;
                    }
                    inner.calls.repeated(method.name);
                    before = Some(failure.error);
                }
                // Time that ran out hides what went wrong, which the attempt before it saw.
                None => return Err(before.filter(|_| failure.cut_short).unwrap_or(failure.error)),
            }
        }
    }

    fn lane(&self, method: Method) -> &Lane {
        let pace = &self.inner.pace;
        if method.writes { &pace.writes } else { &pace.reads }
    }

    async fn try_once<T, F, Made>(&self, method: Method, deadline: Instant, attempt: &F) -> Result<T, Failure>
    where
        F: Fn(Probe) -> Made + Send + Sync,
        Made: Future<Output = google_sheets4::Result<(Response, T)>> + Send,
    {
        let inner = &*self.inner;
        let left = || deadline.saturating_duration_since(Instant::now());
        let lane = self.lane(method);
        if left().is_zero() {
            return Err(Failure::out_of_time(method, SheetErrorKind::Transient));
        }
        if lane.refilled().is_some_and(|refilled| refilled >= deadline) {
            return Err(Failure::used_up(method));
        }
        let asked = Instant::now();
        let admitted = tokio::time::timeout(left(), lane.admit()).await;
        inner.calls.waited(method.name, asked.elapsed());
        if admitted.is_err() {
            return Err(Failure::out_of_time(method, SheetErrorKind::Quota));
        }

        if let Err(not_sent) = inner.calls.may_leave() {
            return Err(Failure::not_sent(method, not_sent));
        }
        let probe = Probe::new(&inner.calls, method.name);
        let limit = inner.timeout.min(left());
        let result = tokio::time::timeout(limit, attempt(probe.clone())).await;
        let mut failure = match result {
            Ok(Ok((_, answer))) => return Ok(answer),
            Ok(Err(failure)) => {
                let subject = Subject {
                    account: match self.service_account_email() {
                        "" => "the account of the credentials",
                        email => email,
                    },
                    spreadsheet_id: &inner.spreadsheet_id,
                };
                Failure::of(&failure, probe.seen(), method, subject)
            }
            Err(_) => Failure::timed_out(method, probe.seen(), limit, inner.timeout),
        };
        if probe.seen().status == Some(429) {
            inner.calls.throttled(method.name);
        }
        failure.error = error(failure.error.kind, &inner.tokens.redact(&failure.error.message));
        Err(failure)
    }
}
