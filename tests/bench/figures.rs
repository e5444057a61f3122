//! Figures to show: the planner alone, and whole passes over emulators with latency and EC2's documented token buckets.
//!
//! `cargo bench --bench figures` prints them; with numbers after `--`, such as `-- 1000000`, the planner's alone for fleets of that size. Nothing here passes or fails: times on a shared machine are figures, not tests.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "it prints figures, and stops where it cannot get them"
)]

#[path = "../support/computed.rs"]
mod computed;
#[expect(dead_code, reason = "most of it is for the suites over emulators")]
#[path = "../support/daemon.rs"]
mod daemon;
#[path = "../support/planned.rs"]
mod planned;
#[expect(dead_code, reason = "most of it is for the suites over emulators")]
#[path = "../support/stage.rs"]
mod stage;

use std::hint::black_box;
use std::time::{Duration, Instant};

use fleetsheet::fleet::{Fleet, Source};
use fleetsheet::memory::Memory;
use fleetsheet::plan::{Policy, plan};
use fleetsheet::sheet::parse::Sheet;
use fleetsheet_mocks::prometheus::{PrometheusEmulator, Reply};
use planned::inputs;
use stage::{Stage, fleet};

/// Five waves, without a bake; the gate must pass once in each.
const STRATEGY: &str = r#"[{ name = "careful", channels = ["*"], waves = ["10%", "25%", "50%", "75%", "100%"], bake = "0s", warmup = "0s", gates = ["errors"] }]"#;
const GATE: &str =
    r#"[{ name = "errors", query = 'errors{version="{{version}}"}', max = 0.01, passes = 1, interval = "0s" }]"#;

/// How often the planner plans the same.
const TIMES: usize = 15;

fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|size| size.parse().ok()).collect();
    println!("planner alone (median of {TIMES}, one core)");
    for servers in if asked.is_empty() { &[1_500, 100_000] } else { &*asked } {
        planner(*servers);
    }
    if !asked.is_empty() {
        return;
    }
    println!(
        "\none pass of the program, its start and its report included, over emulators that wait 50 ms before each answer"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("runtime");
    runtime.block_on(passes());
    println!("\na rollout of 1,500 servers in five waves that a gate of Prometheus watches, a pass after the other");
    runtime.block_on(rollout());
}

/// A fleet in step with its sheet, both keys of its one channel just turned.
fn world(servers: usize) -> (Sheet, Fleet, Memory, Policy, Sheet) {
    let sheet = |version: &str| {
        planned::sheet(
            &["Owner"],
            [("web-prod".to_owned(), version.to_owned())],
            (0..servers).map(|i| (format!("i-{i:017x}"), "web-prod".to_owned())),
        )
    };
    let (policy, fleet) = (planned::policy(), running(servers));
    let (before, after) = (sheet("2.3.9"), sheet("2.4.0"));
    let mut memory = planned::memory();
    let first = plan(inputs(&before, &fleet, &memory, &policy));
    memory.apply(&first.update);
    (before, fleet, memory, policy, after)
}

/// Servers of web-prod that all carry 2.3.9.
fn running(servers: usize) -> Fleet {
    let source = Source {
        account: "main".into(),
        region: "eu-west-1".into(),
    };
    let mut fleet = Fleet::default();
    fleet.sources.insert(source.clone(), None);
    for i in 0..servers {
        let server = planned::server(&source, "web-prod", "2.3.9");
        fleet.servers.insert(format!("i-{i:017x}").as_str().into(), server);
    }
    fleet
}

fn planner(servers: usize) {
    let (before, fleet, memory, policy, after) = world(servers);
    for (what, sheet, changes) in [("nothing to do", &before, 0), ("a promotion of all", &after, servers)] {
        let took = median(TIMES, || {
            let start = Instant::now();
            let planned = black_box(plan(inputs(sheet, &fleet, &memory, &policy)));
            let took = start.elapsed();
            assert_eq!(
                planned.servers.iter().filter(|s| !s.changes.is_empty()).count(),
                changes
            );
            took
        });
        println!(
            "  {servers:>7} servers, {what:<20} {:>9.3} ms",
            took.as_secs_f64() * 1000.0
        );
    }
}

fn median(times: usize, mut one: impl FnMut() -> Duration) -> Duration {
    let mut all: Vec<Duration> = (0..times).map(|_| one()).collect();
    all.sort();
    all[times / 2]
}

async fn passes() {
    let (fleet, ids) = fleet(1_500, "web-prod", "2.0.0");
    let servers: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    let stage = Stage::new(&[("web-prod", "2.0.0", "2.0.0", true)], &servers, fleet).await;
    stage.once().await;
    stage.sheets.script().set_latency(Duration::from_millis(50));
    stage.cloud.script().set_latency(Duration::from_millis(50));
    let mut promotions = Vec::new();
    for patch in 1..=5 {
        for key in ["desiredVersionA", "desiredVersionB"] {
            stage.set("web-prod", key, format!("2.0.{patch}"));
        }
        promotions.push(timed(&stage, 1_500).await);
    }
    show("a promotion of 1,500 servers", promotions);
    let mut idle = Vec::new();
    for _ in 0..5 {
        idle.push(timed(&stage, 0).await);
    }
    show("nothing to do", idle);
    println!("\none pass of the service with nothing to do");
    served(&stage).await;
}

/// What each wave costs, and the passes between them, which only look.
async fn rollout() {
    let latency = Duration::from_millis(50);
    let (fleet, ids) = fleet(1_500, "web-prod", "2.0.0");
    let servers: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    let mut stage = Stage::new(&[("web-prod", "2.0.0", "2.0.0", true)], &servers, fleet).await;
    let prometheus = PrometheusEmulator::start().await.expect("an emulator");
    prometheus.serve(|_| Reply::vector([0.001]));
    prometheus.script().set_latency(latency);
    stage.setting("FLEETSHEET_PROMETHEUS__URL", &prometheus.endpoint());
    stage.setting("FLEETSHEET_STRATEGY", STRATEGY);
    stage.setting("FLEETSHEET_GATE", GATE);
    stage.once().await;
    stage.sheets.script().set_latency(latency);
    stage.cloud.script().set_latency(latency);
    for key in ["desiredVersionA", "desiredVersionB"] {
        stage.set("web-prod", key, "2.0.1".to_owned());
    }
    let mut between = Vec::new();
    for (nth, moves) in [150, 225, 375, 375, 375].into_iter().enumerate() {
        if nth > 0 {
            // It is found settled, and then the gate passes.
            between.push(timed(&stage, 0).await);
        }
        show(
            &format!("wave {}, {moves} servers", nth + 1),
            vec![timed(&stage, moves).await],
        );
    }
    show("a pass between two waves", between);
}

/// Passes of a service that holds its tokens and connections: how long they take, where, and what they compute.
async fn served(stage: &Stage) {
    const PASSES: usize = 21;
    let never = ("FLEETSHEET_SCHEDULE__CRON", "0 0 0 1 1 *");
    let service = stage.start(&[never, ("RUST_LOG", "fleetsheet=debug")]).await;
    service.signal("USR1");
    service.says("pass ended").await;
    let spent = || computed::computed(service.pid()).expect("it runs");
    let (before, seen) = (spent(), service.lines("pass ended"));
    for pass in 0..PASSES {
        service.signal("USR1");
        service.says_again("pass ended", seen + pass).await;
    }
    let spent = spent() - before;
    let log = service.stop().await;
    let median = |line: &str, field: &str| {
        let lines = log.lines().filter(|l| l.contains(line));
        let values = lines.filter_map(|l| l.split(field).nth(1)?.split(' ').next()?.parse().ok());
        let mut values: Vec<u64> = values.collect();
        values.drain(..values.len().saturating_sub(PASSES));
        values.sort_unstable();
        values[values.len() / 2]
    };
    println!("  {:<30} {:>6} ms", "all of it", median(" pass ended ", "duration_ms="));
    println!(
        "  {:<30} {:>6} ms",
        "processor time",
        spent.as_millis() / PASSES as u128
    );
    for one in fleetsheet::stages::Stage::ALL {
        let stage = format!(" stage={} ", one.word());
        println!("    {:<28} {:>6} ms", one.word(), median(&stage, "took_ms="));
    }
}

async fn timed(stage: &Stage, changed: u64) -> (Duration, String) {
    let start = Instant::now();
    let ran = stage.once().await;
    let took = start.elapsed();
    assert_eq!((ran.code, ran.json["changed"].as_u64()), (0, Some(changed)), "{ran:?}");
    let of = |field: &str| ran.json[field].to_string();
    let in_the_pass = format!(
        "{}\n    of them in the pass: {} ms, {}",
        of("calls"),
        of("duration_ms"),
        of("stages")
    );
    (took, in_the_pass)
}

fn show(what: &str, mut all: Vec<(Duration, String)>) {
    all.sort();
    let (took, calls) = &all[all.len() / 2];
    println!("  {what:<30} {:>6.2} s   {calls}", took.as_secs_f64());
}
