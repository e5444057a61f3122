//! What Prometheus is told of the lease that instances share. All of it stays at zero where the store is a file.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge};

use super::Maker;
use crate::report::LeaseLine;

/// A look takes a millisecond in the same rack, and ten seconds where somebody has to be told.
const DURATIONS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 10.0];

/// The metrics.
pub(super) struct Replicas {
    acting: IntGauge,
    epoch: IntGauge,
    left: prometheus::Gauge,
    expired: IntCounter,
    fenced: IntCounterVec,
    served: IntCounterVec,
    errors: IntCounter,
    seconds: Histogram,
}

impl Replicas {
    pub(super) fn new(m: &mut Maker) -> prometheus::Result<Self> {
        let seconds = "fleetsheet_store_seconds";
        let replicas = Self {
            acting: m.whole("fleetsheet_acting", "1 while this instance holds the lease, else 0.")?,
            epoch: m.whole(
                "fleetsheet_epoch",
                "The number of the last lease of a pass, whoever has or had it.",
            )?,
            left: m.gauge(
                "fleetsheet_lease_seconds_left",
                "How much is left of the lease that this instance holds; 0 without one.",
            )?,
            expired: m.counter(
                "fleetsheet_leases_expired_total",
                "Leases taken from an instance that did not give them back.",
            )?,
            fenced: m.counters(
                "fleetsheet_fenced_total",
                "Passes that ended because their lease was lost, by what noticed it first.",
                "what",
            )?,
            served: m.counters(
                "fleetsheet_ticks_served_total",
                "Ticks served, by this instance or by another.",
                "by",
            )?,
            errors: m.counter(
                "fleetsheet_store_errors_total",
                "Looks at the shared store that failed.",
            )?,
            seconds: m.add(
                seconds,
                Histogram::with_opts(
                    HistogramOpts::new(seconds, "How long the shared store took to answer.")
                        .buckets(DURATIONS.to_vec()),
                ),
            )?,
        };
        for what in ["commit", "call"] {
            replicas.fenced.with_label_values(&[what]);
        }
        for by in ["self", "other"] {
            replicas.served.with_label_values(&[by]);
        }
        Ok(replicas)
    }

    /// A pass under a lease ended.
    pub(super) fn ended(&self, lease: Option<&LeaseLine>) {
        let Some(lease) = lease else { return };
        self.expired.inc_by(u64::from(lease.expired));
        if let Some(what) = lease.fenced {
            self.fenced.with_label_values(&[what]).inc();
        }
    }

    /// The store answered a look after so long.
    pub(super) fn looked(&self, epoch: i64, left: Option<Duration>, took: Duration) {
        self.acting.set(i64::from(left.is_some()));
        self.epoch.set(epoch);
        self.left.set(left.unwrap_or_default().as_secs_f64());
        self.seconds.observe(took.as_secs_f64());
    }

    /// A tick was served.
    pub(super) fn served(&self, own: bool) {
        let by = if own { "self" } else { "other" };
        self.served.with_label_values(&[by]).inc();
    }

    /// The store gave no answer.
    pub(super) fn silent(&self) {
        self.errors.inc();
        self.acting.set(0);
    }
}
