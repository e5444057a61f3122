//! Makes metrics, registers them, and keeps their names.

use prometheus::core::Collector;
use prometheus::{
    Gauge, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// The most channels that get series of their own; the rest are counted together, or not at all.
pub(super) const MOST_CHANNELS: usize = 200;

/// A count as a gauge holds it.
pub(super) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Registers each metric as it makes it.
pub(super) struct Maker {
    pub(super) registry: Registry,
    pub(super) names: Vec<String>,
}

impl Maker {
    pub(super) fn add<C: Collector + Clone + 'static>(
        &mut self,
        name: &str,
        made: prometheus::Result<C>,
    ) -> prometheus::Result<C> {
        let made = made?;
        self.registry.register(Box::new(made.clone()))?;
        self.names.push(name.to_owned());
        Ok(made)
    }

    pub(super) fn counter(&mut self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.add(name, IntCounter::new(name, help))
    }

    pub(super) fn counters(&mut self, name: &str, help: &str, label: &str) -> prometheus::Result<IntCounterVec> {
        self.add(name, IntCounterVec::new(Opts::new(name, help), &[label]))
    }

    pub(super) fn gauges(&mut self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
        self.add(name, IntGaugeVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn stages(&mut self, help: &str, buckets: &[f64]) -> prometheus::Result<HistogramVec> {
        let name = "fleetsheet_stage_duration_seconds";
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.add(name, HistogramVec::new(opts, &["stage"]))
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str) -> prometheus::Result<Gauge> {
        self.add(name, Gauge::new(name, help))
    }

    pub(super) fn whole(&mut self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.add(name, IntGauge::new(name, help))
    }
}
