//! Says how it stands: in the two tags, and in metrics.

use std::time::Duration;

use fleetsheet_words::report::State;

use crate::adapters::disk;
use crate::adapters::ec2::Ec2;
use crate::adapters::machine::now;
use crate::digest::share;
use crate::machine::Machine;
use crate::metrics::Metrics;
use crate::outcome::Outcome;
use crate::problem::own;
use crate::report::{self, News, Pace};
use crate::tags::endpoint;

/// Writes the report if one is due. What goes wrong with it is told, and tried again later.
pub fn tags(machine: &mut Machine<'_>, outcome: &Outcome, at_once: bool) {
    let config = machine.config;
    if !config.report.tags {
        return;
    }
    let news = News {
        running: outcome.running.clone(),
        state: State::of(outcome.state).unwrap_or(State::Failed),
        detail: detail(machine, outcome),
    };
    let thousand = share(
        &format!("report {}", machine.identity.instance_id),
        Duration::from_millis(1000),
    );
    let pace = Pace {
        spread: config.report.spread,
        heartbeat: config.report.heartbeat,
        share: u32::try_from(thousand.as_millis()).unwrap_or(0),
        at_once,
    };
    let before = machine.memory.reported.clone();
    let at = now();
    if let Some(due) = report::due(&mut machine.memory.reported, &news, pace, at) {
        match write(machine, &news, &due.to_string()) {
            Ok(()) => report::written(&mut machine.memory.reported, &news, &due),
            Err(why) => {
                report::refused(&mut machine.memory.reported, at);
                machine.tell("report", "tags", &why);
            }
        }
    }
    if machine.memory.reported != before
        && let Err(stop) = machine.remember()
    {
        machine.tell("report", "state.json", stop.why());
    }
}

/// Our own words only: what a tool or a person said is not for a tag.
fn detail(machine: &Machine<'_>, outcome: &Outcome) -> String {
    let held = machine.memory.hold.as_ref().filter(|_| outcome.outcome == "held");
    held.map_or_else(
        || own(&outcome.detail).to_owned(),
        |hold| format!("until {}", hold.until.format("%Y-%m-%dT%H:%M:%SZ")),
    )
}

fn write(machine: &Machine<'_>, news: &News, text: &str) -> Result<(), String> {
    let imds = machine.imds.as_ref().ok_or("IMDS does not answer")?;
    let credentials = imds.credentials()?;
    let ec2 = Ec2 {
        endpoint: endpoint(machine),
        region: &machine.identity.region,
        credentials: &credentials,
    };
    let keys = &machine.config.tags;
    let tags = [
        (keys.running.as_str(), news.running.as_str()),
        (keys.agent.as_str(), text),
    ];
    ec2.create_tags(&machine.identity.instance_id, &tags, now())
        .map_err(|refusal| refusal.why)
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// Writes the metrics.
pub fn metrics(machine: &mut Machine<'_>, outcome: &Outcome) {
    let path = machine.config.report.metrics_file.clone();
    if path.is_empty() {
        return;
    }
    let path = std::path::Path::new(&path);
    let before = disk::text(path).ok().flatten().unwrap_or_default();
    let text = text(machine, outcome, Metrics::from_text(&before), &before);
    if let Err(error) = disk::replace(path, text.as_bytes(), 0o644) {
        // The folder is node_exporter's; without it there is nobody to read it.
        if error.kind() != std::io::ErrorKind::NotFound {
            machine.tell("metrics", &path.display().to_string(), &error.to_string());
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and seconds are far below 2^52")]
fn text(machine: &Machine<'_>, outcome: &Outcome, mut metrics: Metrics, before: &str) -> String {
    let labels = [
        ("channel", outcome.channel.as_str()),
        ("desired", outcome.desired.as_str()),
        ("running", outcome.running.as_str()),
        ("state", outcome.state),
    ];
    metrics.set("info", &labels, 1.0);
    let at = now().timestamp() as f64;
    metrics.set("last_run_timestamp_seconds", &[], at);
    let success = before
        .lines()
        .find_map(|line| line.strip_prefix("fleetsheet_agent_last_success_timestamp_seconds "))
        .and_then(|value| value.parse().ok());
    let success = if outcome.code() == 0 { Some(at) } else { success };
    if let Some(success) = success {
        metrics.set("last_success_timestamp_seconds", &[], success);
    }
    metrics.set(
        "run_duration_seconds",
        &[("stage", "all")],
        outcome.duration_ms as f64 / 1000.0,
    );
    for (stage, took) in &machine.stages {
        metrics.set("run_duration_seconds", &[("stage", stage)], seconds(*took));
    }
    metrics.add("runs_total", &[("outcome", outcome.outcome)], 1.0);
    let mut drifted = 0;
    // What was planned and not done has no result.
    for action in outcome.actions.iter().filter(|action| !action.result.is_empty()) {
        let result = if action.result == "ok" { "ok" } else { "failed" };
        metrics.add("actions_total", &[("kind", action.kind), ("result", result)], 1.0);
        if action.reason == crate::action::Reason::Drift {
            metrics.add("drift_total", &[("kind", action.kind)], 1.0);
            drifted += 1;
        }
        if action.kind == "service" && machine.restarted.contains(&action.id) {
            metrics.add("restarts_total", &[("service", &action.id)], 1.0);
            metrics.set(
                "restart_seconds",
                &[("service", &action.id)],
                action.duration_ms as f64 / 1000.0,
            );
        }
    }
    if drifted > 0 {
        metrics.set("drift_seconds", &[], outcome.duration_ms as f64 / 1000.0);
    }
    for (level, healed) in &machine.backs {
        let result = if *healed { "healed" } else { "failed" };
        metrics.add("back_total", &[("level", &level.to_string()), ("result", result)], 1.0);
        metrics.set("recovery_seconds", &[], outcome.duration_ms as f64 / 1000.0);
    }
    for made in &outcome.health {
        let value = match made.result {
            crate::adapters::probe::Result3::Pass => 1.0,
            crate::adapters::probe::Result3::Fail => 0.0,
            crate::adapters::probe::Result3::Unknown => -1.0,
        };
        metrics.set("health", &[("check", &made.id)], value);
    }
    for (well, took) in &machine.fetches {
        metrics.add("fetches_total", &[("result", if *well { "ok" } else { "failed" })], 1.0);
        metrics.set("fetch_seconds", &[], seconds(*took));
    }
    if outcome.outcome == "refused" {
        let why = if outcome.detail.contains("ways back") {
            "belt"
        } else {
            "release"
        };
        metrics.add("refused_total", &[("why", why)], 1.0);
    }
    metrics.set("quarantined", &[], machine.memory.quarantine.len() as f64);
    metrics.set("owed", &[], machine.memory.owed.len() as f64);
    let (peak, cpu) = disk::usage();
    metrics.set("memory_peak_bytes", &[], peak as f64);
    metrics.add("cpu_seconds_total", &[], cpu);
    metrics.text()
}
