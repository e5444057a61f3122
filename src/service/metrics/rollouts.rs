//! What Prometheus is told of rollouts: how far they are, what their gates gave, and how they ended.

use std::collections::BTreeMap;

use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Opts};

use super::maker::{MOST_CHANNELS, Maker, whole};
use crate::gate::Verdict;
use crate::plan::{GateLine, Phase};
use crate::report::ROLLOUT_ENDINGS;
use crate::settle::ChannelLine;

/// What gates give.
const VERDICTS: [Verdict; 3] = [Verdict::Pass, Verdict::NoData, Verdict::Fail];

/// All metrics about rollouts.
pub(super) struct Rollouts {
    wave: IntGaugeVec,
    state: IntGaugeVec,
    servers: IntGaugeVec,
    ended: IntCounterVec,
    reading: IntGaugeVec,
    value: GaugeVec,
    limit: GaugeVec,
    window: IntGaugeVec,
}

impl Rollouts {
    /// Registers them, and counts from zero what counts.
    pub(super) fn new(make: &mut Maker) -> prometheus::Result<Self> {
        let value = "fleetsheet_gate_value";
        let limit = "fleetsheet_gate_limit";
        let metrics = Self {
            wave: make.gauges(
                "fleetsheet_rollout_wave",
                "The wave, from 1, of a rollout under way.",
                &["channel"],
            )?,
            state: make.gauges(
                "fleetsheet_rollout_state",
                "1 for what a rollout under way is doing, 0 for what it is not.",
                &["channel", "state"],
            )?,
            servers: make.gauges(
                "fleetsheet_rollout_servers",
                "Servers of a rollout under way that carry the new version, and those that do not.",
                &["channel", "cohort"],
            )?,
            ended: make.counters(
                "fleetsheet_rollouts_total",
                "Rollouts that ended, by how they did.",
                "outcome",
            )?,
            reading: make.gauges(
                "fleetsheet_gate_reading",
                "1 for what a gate of a rollout under way gave in the last pass, 0 for what it did not.",
                &["channel", "gate", "reading"],
            )?,
            value: make.add(
                value,
                GaugeVec::new(
                    Opts::new(value, "The number that a gate gave, by cohort."),
                    &["channel", "gate", "cohort"],
                ),
            )?,
            limit: make.add(
                limit,
                GaugeVec::new(
                    Opts::new(limit, "The limit that a gate's number was held against."),
                    &["channel", "gate"],
                ),
            )?,
            window: make.gauges(
                "fleetsheet_window_open",
                "1 while servers of a channel may pass to a new version by windows and freezes, else 0.",
                &["channel"],
            )?,
        };
        for outcome in ROLLOUT_ENDINGS {
            metrics.ended.with_label_values(&[outcome]);
        }
        Ok(metrics)
    }

    /// Counts rollouts that ended in a pass.
    pub(super) fn ended(&self, endings: &BTreeMap<&'static str, u64>) {
        for (outcome, count) in endings {
            self.ended.with_label_values(&[outcome]).inc_by(*count);
        }
    }

    /// Shows those that are under way.
    pub(super) fn channels(&self, channels: &[ChannelLine]) {
        // A rollout that is over must not keep its last numbers for ever.
        for gauges in [&self.wave, &self.state, &self.servers, &self.reading, &self.window] {
            gauges.reset();
        }
        self.value.reset();
        self.limit.reset();
        for line in channels.iter().take(MOST_CHANNELS) {
            let name = line.name.as_str();
            self.window.with_label_values(&[name]).set(i64::from(line.open));
            let Some(rollout) = &line.rollout else { continue };
            self.wave.with_label_values(&[name]).set(whole(rollout.wave as u64));
            for state in Phase::ALL {
                let is_it = i64::from(state == rollout.state);
                self.state.with_label_values(&[name, state.word()]).set(is_it);
            }
            let former = line.concerned.saturating_sub(line.carrying);
            for (cohort, count) in [("new", line.carrying), ("former", former)] {
                self.servers.with_label_values(&[name, cohort]).set(whole(count));
            }
            for gate in &rollout.gates {
                self.gate(name, gate);
            }
        }
    }

    fn gate(&self, channel: &str, line: &GateLine) {
        let (gate, reading) = (line.gate.as_str(), &line.reading);
        for verdict in VERDICTS {
            let is_it = i64::from(verdict == reading.verdict);
            self.reading
                .with_label_values(&[channel, gate, verdict.words()])
                .set(is_it);
        }
        for (cohort, value) in [("new", reading.value), ("former", reading.compared)] {
            if let Some(value) = value {
                self.value.with_label_values(&[channel, gate, cohort]).set(value);
            }
        }
        if let Some(limit) = reading.limit {
            self.limit.with_label_values(&[channel, gate]).set(limit);
        }
    }
}
