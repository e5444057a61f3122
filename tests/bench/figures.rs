//! Figures to show: the planner alone, and whole passes over emulators with latency and EC2's documented token buckets.
//!
//! `cargo bench --bench figures` prints them. Nothing here passes or fails: times on a shared machine are figures, not tests.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "it prints figures, and stops where it cannot get them"
)]

#[expect(dead_code, reason = "most of it is for the suites over emulators")]
#[path = "../support/stage.rs"]
mod stage;

use std::hint::black_box;
use std::time::{Duration, Instant};

use fleetsheet::fleet::{Fleet, Server, Source, State};
use fleetsheet::memory::Memory;
use fleetsheet::plan::{Inputs, Policy, plan};
use fleetsheet::sheet::names::Keyholders;
use fleetsheet::sheet::names::Names;
use fleetsheet::sheet::parse::{Sheet, parse};
use fleetsheet::sheet::{Cell, RawSpreadsheet, RawTab};
use stage::{Stage, fleet};

fn main() {
    println!("planner alone (median of 15, one core)");
    for servers in [1_500, 100_000] {
        planner(servers);
    }
    println!(
        "\none pass of the program, its start and its report included, over emulators that wait 50 ms before each answer"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("runtime");
    runtime.block_on(passes());
}

/// A fleet in step with its sheet, both keys of its one channel just turned.
fn world(servers: usize) -> (Sheet, Fleet, Memory, Policy, Sheet) {
    let text = |t: &str| Cell::Text(t.to_owned());
    let sheet = |version: &str| {
        let release = vec![
            stage::RELEASE_HEADERS.iter().map(|h| text(h)).collect(),
            vec![
                text("web-prod"),
                text(version),
                text(version),
                Cell::Bool(true),
                Cell::Bool(false),
            ],
        ];
        let mut rows: Vec<Vec<Cell>> = vec![stage::SERVER_HEADERS.iter().map(|h| text(h)).collect()];
        rows.extend((0..servers).map(|i| vec![text(&format!("i-{i:017x}")), text("web-prod")]));
        let tab = |id, title: &str, rows| RawTab {
            sheet_id: id,
            title: title.into(),
            rows,
            ..RawTab::default()
        };
        let tabs = vec![tab(1, "ReleaseSheet", release), tab(2, "ServerTagAssignment", rows)];
        RawSpreadsheet {
            tabs,
            ..RawSpreadsheet::default()
        }
    };
    let names = Names {
        release_tab: "ReleaseSheet".into(),
        server_tab: "ServerTagAssignment".into(),
        audit_tab: "AuditLog".into(),
        managed: vec!["Owner".into()],
        server_authority: Default::default(),
        keyholders: Keyholders::default(),
    };
    let policy = Policy {
        rows: fleetsheet::plan::Rows::All,
        spreadsheet: "bench".into(),
        channel_tag: "ReleaseChannel".into(),
        version_tag: "ReleaseVersion".into(),
        observe: false,
        require_protection: false,
        max_row_drop: 0.3,
        max_fleet_drop: 0.3,
        max_unapproved_change: 0.1,
        allow: Default::default(),
        takeover: false,
    };
    let fleet = running(servers);
    let (Ok(before), Ok(after)) = (parse(&sheet("2.3.9"), &names), parse(&sheet("2.4.0"), &names)) else {
        panic!("the bench's own sheet must parse");
    };
    let mut memory = Memory {
        store: "bench".into(),
        ..Memory::default()
    };
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
        let tags = [
            ("Name", "web"),
            ("ReleaseChannel", "web-prod"),
            ("ReleaseVersion", "2.3.9"),
        ];
        let server = Server {
            source: source.clone(),
            state: State::Running,
            tags: tags.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
            metadata_tags: false,
            spot: false,
        };
        fleet.servers.insert(format!("i-{i:017x}").as_str().into(), server);
    }
    fleet
}

fn inputs<'a>(sheet: &'a Sheet, fleet: &'a Fleet, memory: &'a Memory, policy: &'a Policy) -> Inputs<'a> {
    Inputs {
        sheet,
        fleet,
        memory,
        policy,
        now: fleetsheet::clock::now(),
    }
}

fn planner(servers: usize) {
    let (before, fleet, memory, policy, after) = world(servers);
    for (what, sheet, changes) in [("nothing to do", &before, 0), ("a promotion of all", &after, servers)] {
        let took = median(15, || {
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
}

async fn timed(stage: &Stage, changed: u64) -> (Duration, String) {
    let start = Instant::now();
    let ran = stage.once().await;
    let took = start.elapsed();
    assert_eq!((ran.code, ran.json["changed"].as_u64()), (0, Some(changed)), "{ran:?}");
    (took, ran.json["calls"].to_string())
}

fn show(what: &str, mut all: Vec<(Duration, String)>) {
    all.sort();
    let (took, calls) = &all[all.len() / 2];
    println!("  {what:<30} {:>6.2} s   {calls}", took.as_secs_f64());
}
