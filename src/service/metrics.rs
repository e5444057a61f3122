//! What Prometheus is told. Names and units follow its conventions; no label holds a server or a message, only the information about
//! channels holds versions, and channels, which are other people's text, are limited in number.

mod agents;
mod apis;
mod maker;
mod replicas;
mod rollouts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus::{
    Encoder as _, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::calls::Calls;
use crate::pass_end::Ending;
use crate::plan::{Belt, State};
use crate::problem::Kind;
use crate::report::Report;
use crate::settle::ChannelLine;
use crate::stages::Stage;
use crate::tag::{ChannelName, Reason};
use agents::Agents;
use apis::Apis;
use maker::{MOST_CHANNELS, Maker, whole};
use replicas::Replicas;
use rollouts::Rollouts;

/// The label of the other channels.
const OTHER: &str = "other";

/// How a pass may end.
const ENDINGS: [Ending; 7] = [
    Ending::Done,
    Ending::Partial,
    Ending::Held,
    Ending::Stopped,
    Ending::Failed,
    Ending::Busy,
    Ending::Fenced,
];

const REASONS: [Reason; 6] = [
    Reason::Release,
    Reason::Rollback,
    Reason::Join,
    Reason::Drift,
    Reason::Channel,
    Reason::Tag,
];

/// The belt that cannot be allowed for one pass, and so is not a [`Belt`].
const STORE: &str = "store";

/// A pass over 1,500 servers takes half a second with nothing to do and three minutes at most at the default limits.
const DURATIONS: [f64; 12] = [0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// A stage takes from next to nothing (a plan in which nothing changes) to nearly all of a pass.
const STAGE_DURATIONS: [f64; 14] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0, 600.0,
];

/// All metrics of one process.
pub struct Metrics {
    registry: Registry,
    names: Vec<String>,
    passes: IntCounterVec,
    pass_duration: Histogram,
    stage_duration: HistogramVec,
    pass_running: IntGauge,
    last_attempt: Gauge,
    last_success: Gauge,
    next_tick: Gauge,
    ticks_skipped: IntCounter,
    servers: IntGaugeVec,
    channels: IntGaugeVec,
    changes: IntCounterVec,
    drift: IntCounter,
    belts: IntCounterVec,
    open_problems: IntGaugeVec,
    config_current: IntGauge,
    apis: Apis,
    rollouts: Rollouts,
    replicas: Replicas,
    agents: Agents,
    outbox_mails: IntGauge,
    outbox_oldest: Gauge,
}

impl Metrics {
    /// Registers all of them, those that count from zero at zero.
    ///
    /// # Errors
    /// Never, unless a name below is not a valid name.
    pub fn new() -> prometheus::Result<Self> {
        let mut make = Maker {
            registry: Registry::new(),
            names: Vec::new(),
        };
        let m = &mut make;
        let duration = "fleetsheet_pass_duration_seconds";
        let build = "fleetsheet_build_info";
        let build_info = GaugeVec::new(Opts::new(build, "Always 1; the label tells the version."), &["version"]);
        m.add(build, build_info)?
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1.0);
        let metrics = Self {
            passes: m.counters("fleetsheet_passes_total", "Passes, by how they ended.", "outcome")?,
            pass_duration: m.add(
                duration,
                Histogram::with_opts(
                    HistogramOpts::new(duration, "How long passes took that held the store.")
                        .buckets(DURATIONS.to_vec()),
                ),
            )?,
            stage_duration: m.stages("How long each stage of those passes took.", &STAGE_DURATIONS)?,
            pass_running: m.whole("fleetsheet_pass_running", "1 while a pass runs, else 0.")?,
            last_attempt: m.gauge(
                "fleetsheet_last_attempt_timestamp_seconds",
                "When the last pass began; 0 before the first.",
            )?,
            last_success: m.gauge(
                "fleetsheet_last_success_timestamp_seconds",
                "When the last pass ended that was done, partial or held; 0 before the first.",
            )?,
            next_tick: m.gauge("fleetsheet_next_tick_timestamp_seconds", "When the next pass is due.")?,
            ticks_skipped: m.counter(
                "fleetsheet_ticks_skipped_total",
                "Ticks at which the pass before still ran.",
            )?,
            channels: m.gauges(
                "fleetsheet_channel_info",
                "Always 1; the labels tell the release in force, what each key names, and the state.",
                &["channel", "release", "desired_a", "desired_b", "state"],
            )?,
            servers: m.gauges(
                "fleetsheet_servers",
                "Servers of the sheet, by channel and by the first word of their status.",
                &["channel", "status"],
            )?,
            changes: m.counters("fleetsheet_changes_total", "Tags changed, by reason.", "reason")?,
            drift: m.counter(
                "fleetsheet_drift_total",
                "Tags found that somebody else had changed, in each pass that finds them.",
            )?,
            belts: m.counters(
                "fleetsheet_belts_tripped_total",
                "Passes that a belt stopped or held part of.",
                "belt",
            )?,
            open_problems: m.gauges(
                "fleetsheet_open_problems",
                "Problems that the last pass reported, by kind.",
                &["kind"],
            )?,
            config_current: m.whole(
                "fleetsheet_config_last_reload_successful",
                "1 while the configuration and credentials in use are those in the files, 0 while those are bad.",
            )?,
            apis: Apis::new(m)?,
            rollouts: Rollouts::new(m)?,
            replicas: Replicas::new(m)?,
            agents: Agents::new(m)?,
            outbox_mails: m.whole("fleetsheet_outbox_mails", "Mails that no server took yet.")?,
            outbox_oldest: m.gauge(
                "fleetsheet_outbox_oldest_seconds",
                "Age of the oldest of them; 0 without any.",
            )?,
            registry: make.registry,
            names: make.names,
        };
        metrics.zero();
        Ok(metrics)
    }

    /// A counter that first shows at one has no increase that an alert could see.
    fn zero(&self) {
        for ending in ENDINGS {
            self.passes.with_label_values(&[ending.word()]);
        }
        for reason in REASONS {
            self.changes.with_label_values(&[reason.word()]);
        }
        for belt in Belt::ALL.iter().map(|belt| belt.word()).chain([STORE]) {
            self.belts.with_label_values(&[belt]);
        }
        for stage in Stage::ALL {
            self.stage_duration.with_label_values(&[stage.word()]);
        }
        self.config_current.set(1);
        self.open_problems(&[]);
    }

    /// The names of all metrics.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// A pass begins.
    pub fn began(&self, now: DateTime<Utc>) {
        self.pass_running.set(1);
        self.last_attempt.set(seconds(now));
    }

    /// A pass ended, with a report unless it broke off.
    pub fn ended(&self, report: Option<&Report>, now: DateTime<Utc>) {
        self.pass_running.set(0);
        let ending = report.map_or(Ending::Failed, |report| report.outcome);
        // One that was told to stop before it decided is none that failed.
        if ending == Ending::Failed && report.is_some_and(|report| report.interrupted) {
            return;
        }
        self.passes.with_label_values(&[ending.word()]).inc();
        self.replicas.ended(report.and_then(|report| report.lease.as_ref()));
        let Some(report) = report.filter(|_| ending != Ending::Busy) else {
            return;
        };
        self.pass_duration
            .observe(Duration::from_millis(report.duration_ms).as_secs_f64());
        for (stage, took) in &report.stages {
            let stage = self.stage_duration.with_label_values(&[stage.word()]);
            stage.observe(took.as_secs_f64());
        }
        if matches!(ending, Ending::Done | Ending::Partial | Ending::Held) {
            self.last_success.set(seconds(now));
        }
        let belts = report.problems.iter().filter(|problem| problem.kind == Kind::Belt);
        for belt in belts.map(|problem| problem.code).collect::<BTreeSet<_>>() {
            self.belts.with_label_values(&[belt.word()]).inc();
        }
        let kinds: Vec<Kind> = report.problems.iter().map(|problem| problem.kind).collect();
        self.open_problems(&kinds);
        // A pass that decided nothing knows nothing new of the servers.
        let Some(tally) = &report.tally else { return };
        self.drift.inc_by(tally.drift);
        for (reason, count) in &tally.changes {
            self.changes.with_label_values(&[reason]).inc_by(*count);
        }
        self.servers(&tally.servers);
        self.channels(&report.channels);
        self.rollouts.ended(&tally.rollouts);
        self.rollouts.channels(&report.channels);
        self.agents.channels(&report.channels);
    }

    /// What the channels are at.
    pub(super) fn channels(&self, channels: &[ChannelLine]) {
        // A label that changed would leave its former series behind.
        self.channels.reset();
        for line in channels.iter().take(MOST_CHANNELS) {
            let key = |named: &Option<Arc<str>>| named.as_deref().unwrap_or_default().to_owned();
            let (a, b) = (key(&line.desired_a), key(&line.desired_b));
            let state = line.state.map_or("", State::word);
            self.channels
                .with_label_values(&[line.name.as_str(), &line.release, &a, &b, state])
                .set(1);
        }
    }

    fn open_problems(&self, kinds: &[Kind]) {
        for kind in Kind::ALL {
            let count = kinds.iter().filter(|other| **other == kind).count();
            self.open_problems
                .with_label_values(&[kind.word()])
                .set(whole(count as u64));
        }
    }

    fn servers(&self, servers: &BTreeMap<(Option<ChannelName>, &'static str), u64>) {
        let channels: BTreeSet<&ChannelName> = servers.keys().filter_map(|(channel, _)| channel.as_ref()).collect();
        let named: BTreeSet<&ChannelName> = channels.into_iter().take(MOST_CHANNELS).collect();
        // Channels that vanished must not keep their last count for ever.
        self.servers.reset();
        for ((channel, status), count) in servers {
            let label = match channel {
                Some(channel) if named.contains(channel) => channel.as_str(),
                Some(_) => OTHER,
                None => "",
            };
            self.servers.with_label_values(&[label, status]).add(whole(*count));
        }
    }

    /// What was to be a pass was another instance's.
    pub(super) fn stood_by(&self) {
        self.pass_running.set(0);
        self.forget();
    }

    /// Only who served the last tick shows servers, channels and rollouts.
    fn forget(&self) {
        self.servers.reset();
        self.channels.reset();
        self.rollouts.channels(&[]);
        self.open_problems(&[]);
    }

    /// Some instance made a pass that was done, partial or held.
    pub(super) fn succeeded(&self, at: DateTime<Utc>) {
        self.last_success.set(self.last_success.get().max(seconds(at)));
    }

    pub(super) fn store_looked(&self, epoch: i64, left: Option<Duration>, took: Duration) {
        self.replicas.looked(epoch, left, took);
    }

    pub(super) fn store_silent(&self) {
        self.replicas.silent();
    }

    pub(super) fn tick_served(&self, own: bool) {
        self.replicas.served(own);
        if !own {
            self.forget();
        }
    }

    /// A tick found a pass running.
    pub fn skipped(&self) {
        self.ticks_skipped.inc();
    }

    /// The next pass is due then.
    pub fn due(&self, next: Option<DateTime<Utc>>) {
        self.next_tick.set(next.map_or(0.0, seconds));
    }

    /// Whether what the configuration and credentials files hold is what is used.
    pub fn config(&self, is_current: bool) {
        self.config_current.set(i64::from(is_current));
    }

    /// How many mails wait, and for how long the oldest does.
    pub fn outbox(&self, mails: u64, oldest: Duration) {
        self.outbox_mails.set(whole(mails));
        self.outbox_oldest.set(oldest.as_secs_f64());
    }

    /// The text that Prometheus reads. `calls` must be the same counter each time.
    ///
    /// # Errors
    /// When a metric cannot be written, which does not happen to ours.
    pub fn text(&self, calls: &Calls) -> prometheus::Result<Vec<u8>> {
        self.apis.count(calls);
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time in milliseconds is far below 2^52")]
fn seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests;
