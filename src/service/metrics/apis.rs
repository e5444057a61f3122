//! What the clients count, by method of the APIs: requests, throttles, retries, waiting.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use prometheus::{CounterVec, IntCounterVec, Opts};

use super::maker::Maker;
use crate::calls::{Calls, Tally};

/// What the clients count, by method.
pub(super) struct Apis {
    calls: IntCounterVec,
    throttles: IntCounterVec,
    retries: IntCounterVec,
    wait: CounterVec,
    counted: Mutex<BTreeMap<String, Tally>>,
}

impl Apis {
    pub(super) fn new(m: &mut Maker) -> prometheus::Result<Self> {
        let wait = "fleetsheet_limiter_wait_seconds_total";
        let waited = "Time that calls waited for rate limits and for pauses after throttles.";
        Ok(Self {
            calls: m.counters("fleetsheet_api_calls_total", "Requests made.", "method")?,
            throttles: m.counters(
                "fleetsheet_api_throttles_total",
                "Requests answered with a throttle.",
                "method",
            )?,
            retries: m.counters(
                "fleetsheet_api_retries_total",
                "Calls made again after one that failed.",
                "method",
            )?,
            wait: m.add(wait, CounterVec::new(Opts::new(wait, waited), &["method"]))?,
            counted: Mutex::default(),
        })
    }

    /// Takes over what the clients counted since it was last asked.
    pub(super) fn count(&self, calls: &Calls) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for (method, now) in calls.tallies() {
            let before = counted.insert(method.clone(), now).unwrap_or_default();
            let label = [method.as_str()];
            self.calls
                .with_label_values(&label)
                .inc_by(now.made.saturating_sub(before.made));
            self.throttles
                .with_label_values(&label)
                .inc_by(now.throttled.saturating_sub(before.throttled));
            self.retries
                .with_label_values(&label)
                .inc_by(now.repeated.saturating_sub(before.repeated));
            let waited = now.waited.saturating_sub(before.waited);
            self.wait.with_label_values(&label).inc_by(waited.as_secs_f64());
        }
    }
}
