//! Many passes of one service as fast as they go, while the world around it is disturbed at random; and what it cost.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetsheet::adapters::listen::listen;
use fleetsheet::clients::StaticCredentials;
use fleetsheet::clock::now;
use fleetsheet::config::Config;
use fleetsheet::service::metrics::Metrics;
use fleetsheet::service::reload::ConfigFiles;
use fleetsheet::service::schedule::Ticks;
use fleetsheet::service::signals::Signals;
use fleetsheet::service::state::ServiceState;
use fleetsheet::service::{Service, http, schedule};
use fleetsheet_mocks::faults::{Fault, Script, When};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::stage::Stage;

/// Numbers that look random and are the same each time.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// One below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // Xorshift (Marsaglia 2003).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Faults that cost a pass little time. Those that have it wait for a quota would make it a soak of waiting.
const FAULTS: [Fault; 8] = [
    Fault::Status(500),
    Fault::Html503,
    Fault::ResetBefore,
    Fault::ResetAfter,
    Fault::Truncate,
    Fault::Empty200,
    Fault::Nonsense,
    Fault::Forbidden,
];

/// Disturbs the world for ever: faults now and then, promotions, drift, edits; and forgets what the emulators remember.
pub(crate) async fn disturb(stage: &Stage, ids: &[String], seed: u64) {
    let mut chance = Chance::new(seed);
    let scripts: [Script; 2] = [stage.sheets.script().clone(), stage.cloud.script().clone()];
    for round in 0_u64.. {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let fault = FAULTS[chance.below(FAULTS.len() as u64) as usize];
        if chance.below(12) == 0 {
            // Rules count calls from when they are added; one that struck is of no more use.
            let script = &scripts[chance.below(2) as usize];
            script.clear();
            script.fail("*", When::Nth(1 + chance.below(3)), fault);
        }
        if chance.below(400) == 0 {
            scripts[1].fail("ec2.CreateTags", When::First, Fault::Throttle);
        }
        if round % 60 == 7 {
            stage.turn_keys("web-prod", &format!("3.{}.0", round % 600));
        }
        if round % 20 == 3 {
            let id = &ids[chance.below(ids.len() as u64) as usize];
            stage.cloud.edit(|fleet| {
                fleet.set_tag(id, "ReleaseVersion", "9.9.9");
            });
        }
        if round % 50 == 11 {
            stage.set("web-prod", "status", "typed over");
        }
        if round % 20 == 0 {
            scripts.iter().for_each(Script::forget_calls);
            stage.sheets.desk().forget_writes();
        }
    }
}

/// Bytes of memory that are really used, and open descriptors, of this process.
fn use_of_system() -> (u64, usize) {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("VmRSS");
    let kib: u64 = line
        .split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .expect("a number");
    (kib * 1024, std::fs::read_dir("/proc/self/fd").expect("fd").count())
}

/// Makes `passes` passes with a service in this process, and gives its figures.
pub(crate) async fn drive(config: &Path, credentials: StaticCredentials, passes: u64) -> Value {
    let mut environment = Config::environment();
    environment.insert("FLEETSHEET_SCHEDULE__RUN_AT_START".into(), "false".into());
    let files = ConfigFiles {
        path: config.to_owned(),
        environment,
        sandbox: credentials,
    };
    let config = Config::load(&files.path, &files.environment).expect("config");
    let loaded = files.first(config.clone()).await.expect("connects");
    let metrics = Metrics::new().expect("metrics");
    let plan = schedule(&config);
    let state = Arc::new(ServiceState::new(
        metrics,
        plan,
        &config.sheets.spreadsheet_id,
        false,
        now(),
    ));
    let port = listen(([127, 0, 0, 1], 0).into()).await.expect("port");
    tokio::spawn(http::serve(port, Arc::clone(&state)));
    let (ticks, receiver) = mpsc::channel(1);
    let store = std::path::PathBuf::from(config.state.place.to_string());
    let service = Service::new(files, config, Some(loaded), Arc::clone(&state), Ticks::given(receiver));
    let mut service = tokio::spawn(service.serve(Signals::all().expect("signals")));
    let began = Instant::now();
    let mut chance = Chance::new(passes);
    let (mut sent, mut ended) = (0_u64, state.passes());
    let mut use_at = BTreeMap::new();
    while *ended.borrow() < passes {
        let before = *ended.borrow();
        ticks.send(()).await.expect("tick");
        sent += 1;
        if chance.below(10) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            ticks.send(()).await.expect("tick");
            sent += 1;
        }
        tokio::select! {
            pass = ended.wait_for(|ended| *ended > before) => drop(pass.expect("a pass")),
            _ = &mut service => panic!("the service ended"),
        }
        use_at.insert(*ended.borrow(), use_of_system());
    }
    // Until the last tick is judged and its pass, if it got one, has ended.
    let mut counts = BTreeMap::new();
    for _ in 0..600 {
        counts = read(&String::from_utf8(state.text(now()).expect("metrics")).expect("text"));
        if counts["ended"] + counts["skipped"] >= sent && counts["running"] == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    service.abort();
    let settled = use_at.range(passes / 5..).next().expect("a pass").1;
    let last = use_at.last_key_value().expect("a pass").1;
    json!({
        "seconds": began.elapsed().as_secs_f64(),
        "ticks": sent,
        "counts": counts,
        "rss_by_tenths": (0..10).filter_map(|tenth| Some(use_at.range(passes * tenth / 10..).next()?.1.0 >> 10)).collect::<Vec<_>>(),
        "rss_after_a_fifth": settled.0,
        "rss_at_the_end": last.0,
        "rss_most": use_at.values().map(|used| used.0).max(),
        "fds_after_a_fifth": settled.1,
        "fds_at_the_end": last.1,
        "fds_most": use_at.values().map(|used| used.1).max(),
        "store_bytes": std::fs::metadata(store).expect("store").len(),
    })
}

/// Passes by outcome, those that ended and the skipped ticks.
fn read(metrics: &str) -> BTreeMap<String, u64> {
    let value = |line: &str| {
        line.rsplit(' ')
            .next()
            .and_then(|n| n.parse::<f64>().ok())
            .unwrap_or_default() as u64
    };
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for line in metrics.lines() {
        if let Some(rest) = line.strip_prefix("fleetsheet_passes_total{outcome=\"") {
            let outcome = rest.split('"').next().unwrap_or_default();
            counts.insert(outcome.to_owned(), value(line));
            *counts.entry("ended".to_owned()).or_default() += value(line);
        } else if line.starts_with("fleetsheet_ticks_skipped_total ") {
            counts.insert("skipped".to_owned(), value(line));
        } else if line.starts_with("fleetsheet_pass_running ") {
            counts.insert("running".to_owned(), value(line));
        }
    }
    counts
}
