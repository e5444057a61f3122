//! The program's planner, check and tagging in a process of their own, with a cloud in memory: for fleets that are too large for
//! emulators on the same machine. The sheet is neither fetched nor written.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fleetsheet::apply::{Applier, Silent};
use fleetsheet::fleet::{CloudError, CloudErrorKind, Fleet, Outcome, ServerChange, Source, TagWriter};
use fleetsheet::pacing::{Limits, Pacing};
use fleetsheet::plan::check::check;
use fleetsheet::plan::plan;
use fleetsheet::sheet::parse::Sheet;
use fleetsheet::tag::{ServerId, TagSet};

use crate::planned::{self, inputs};
use crate::tools::{Cost, LATENCY, read_measured};
use crate::world::{BEFORE, Shape, channel, id, version};

/// What the process is told and says.
const WORD: &str = "--alone";

/// Runs it as a process and measures that.
pub(crate) fn measure(shape: Shape) -> Cost {
    let dir = tempfile::tempdir().expect("directory");
    let result = dir.path().join("measured");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/side_by_side/measured.py");
    let numbers = [shape.servers, shape.pairs, shape.sets, usize::from(shape.throttled)];
    let output = Command::new("python3")
        .arg(script)
        .arg(&result)
        .arg(std::env::current_exe().expect("this program"))
        .arg(WORD)
        .args(numbers.map(|n| n.to_string()))
        .output()
        .expect("python3 runs");
    let (_, peak_kb) = read_measured(&result, &String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [seconds, calls, throttled] = numbers.as_slice() else {
        panic!("the process said {said:?}")
    };
    Cost {
        seconds: *seconds,
        calls: *calls as u64,
        throttled: *throttled as u64,
        traffic: None,
        peak_kb,
    }
}

/// The process: `--alone SERVERS PAIRS SETS THROTTLED`; false if it is not asked for.
pub(crate) async fn serve(arguments: &[String]) -> Option<String> {
    let [word, numbers @ ..] = arguments else { return None };
    if word != WORD {
        return None;
    }
    let numbers: Vec<usize> = numbers.iter().filter_map(|n| n.parse().ok()).collect();
    let [servers, pairs, sets, throttled] = numbers.as_slice() else {
        panic!("{WORD} needs four numbers")
    };
    let shape = Shape {
        servers: *servers,
        pairs: *pairs,
        sets: *sets,
        throttled: *throttled > 0,
    };
    Some(promote(shape).await)
}

async fn promote(shape: Shape) -> String {
    let fleet = fleet(shape);
    let mut memory = planned::memory();
    let policy = planned::policy();
    let first = sheet(shape, |_| BEFORE.to_owned());
    memory.apply(&plan(inputs(&first, &fleet, &memory, &policy)).update);
    drop(first);
    let sheet = sheet(shape, version);

    let begun = Instant::now();
    let inputs = inputs(&sheet, &fleet, &memory, &policy);
    let planned = plan(inputs);
    let approved = check(inputs, &planned).expect("the check approves");
    let change = |server: &fleetsheet::plan::ServerPlan| ServerChange {
        stage: fleetsheet::fleet::Stage::First(None),
        server: server.id.clone(),
        source: fleet.servers[&server.id].source.clone(),
        user_tags: 3,
        metadata_tags: false,
        changes: server.changes.clone(),
    };
    let changes: Vec<ServerChange> = approved.changes().map(change).collect();
    assert_eq!(changes.len(), shape.servers);
    let cloud = Cloud {
        throttles: shape.throttled,
        ..Cloud::default()
    };
    let (_keep, stop) = tokio::sync::watch::channel(false);
    let applier = Applier {
        writer: &cloud,
        pacing: &Pacing::new(Limits::default()),
        deadline: tokio::time::Instant::now() + Duration::from_secs(3600),
        stop,
        progress: &Silent,
    };
    let applied = applier.apply(&changes).await;
    let seconds = begun.elapsed().as_secs_f64();
    let done = applied
        .outcomes
        .values()
        .filter(|outcome| **outcome == Outcome::Done)
        .count();
    assert_eq!(done, shape.servers);
    let throttled = cloud.throttled.load(Ordering::Relaxed);
    format!("{seconds} {} {throttled}", applied.stats.calls)
}

/// EC2 in memory: it takes its time, and has its documented bucket for each account and region.
#[derive(Default)]
struct Cloud {
    buckets: Mutex<HashMap<Source, (f64, Option<Instant>)>>,
    throttles: bool,
    calls: AtomicU64,
    throttled: AtomicU64,
}

impl Cloud {
    fn lets_through(&self, source: &Source) -> bool {
        const HOLDS: f64 = 100.0;
        const GAINS: f64 = 10.0;
        let nth = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let mut buckets = self.buckets.lock().expect("nobody panicked");
        let (tokens, counted) = buckets.entry(source.clone()).or_insert((HOLDS, None));
        let now = Instant::now();
        let gained = counted.map_or(0.0, |at| (now - at).as_secs_f64() * GAINS);
        *tokens = (*tokens + gained).min(HOLDS);
        *counted = Some(now);
        if *tokens < 1.0 || (self.throttles && nth % 10 == 3) {
            self.throttled.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        *tokens -= 1.0;
        true
    }
}

#[async_trait]
impl TagWriter for Cloud {
    async fn create_tags(&self, source: &Source, _: &[ServerId], _: &TagSet) -> Result<(), CloudError> {
        tokio::time::sleep(LATENCY).await;
        if self.lets_through(source) {
            return Ok(());
        }
        Err(CloudError {
            kind: CloudErrorKind::Throttled,
            code: "RequestLimitExceeded".to_owned(),
            message: "Request limit exceeded.".to_owned(),
        })
    }
}

fn fleet(shape: Shape) -> Fleet {
    let source = |(account, region): (String, String)| Source {
        account: account.as_str().into(),
        region: region.as_str().into(),
    };
    let sources: Vec<Source> = shape.places().into_iter().map(source).collect();
    let mut fleet = Fleet::default();
    fleet
        .sources
        .extend(sources.iter().map(|source| (source.clone(), None)));
    for n in 0..shape.servers {
        let (place, of) = shape.of(n);
        let server = planned::server(&sources[place], &channel(of), BEFORE);
        fleet.servers.insert(id(n).as_str().into(), server);
    }
    fleet
}

/// A sheet whose keys name a version for each channel.
fn sheet(shape: Shape, version: impl Fn(usize) -> String) -> Sheet {
    planned::sheet(
        &[],
        (0..shape.sets).map(|n| (channel(n), version(n))),
        (0..shape.servers).map(|n| (id(n), channel(shape.of(n).1))),
    )
}
