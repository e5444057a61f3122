//! The most memory that a pass of the program takes: `cargo bench --bench memory` prints the table, beside what it is to be. With
//! numbers of servers after `--`, those alone. `tests/pass/memory.rs` holds the limits.
//!
//! It starts the real program, over emulators in this process, and reads from the system how much was resident at most.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "it prints figures, and stops where it cannot get them"
)]

#[path = "../support/resident.rs"]
mod resident;
#[expect(dead_code, reason = "most of it is for the suites over emulators")]
#[path = "../support/stage.rs"]
mod stage;

use stage::{Stage, fleet};

/// Servers, and the most MiB that any pass over them is to take.
const AIMS: [(usize, u64); 3] = [(1_500, 60), (10_000, 100), (100_000, 350)];

fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("runtime");
    println!("most resident memory of a pass, in MiB");
    println!(
        "{:>9}  {:>10}  {:>14}  {:>9}  {:>4}",
        "servers", "first pass", "nothing to do", "promotion", "aim"
    );
    for (servers, aim) in AIMS {
        if asked.is_empty() || asked.contains(&servers) {
            let [first, quiet, promotion] = runtime.block_on(peaks(servers));
            println!("{servers:>9}  {first:>10}  {quiet:>14}  {promotion:>9}  {aim:>4}");
        }
    }
}

/// Of a first pass, one with nothing to do, and a promotion of all.
async fn peaks(servers: usize) -> [u64; 3] {
    let (fleet, ids) = fleet(servers, "web-prod", "2.3.9");
    let rows: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    let stage = Stage::new(&[("web-prod", "2.3.9", "2.3.9", true)], &rows, fleet).await;
    let first = peak(&stage, 0).await;
    let quiet = peak(&stage, 0).await;
    stage.turn_keys("web-prod", "2.4.0");
    [first, quiet, peak(&stage, servers).await]
}

async fn peak(stage: &Stage, changed: usize) -> u64 {
    let (ran, peak) = resident::watched(stage.command(&["--once", "--format", "json"]), "VmHWM").await;
    let ran = stage::Ran::of(ran);
    assert_eq!(
        (ran.code, ran.json["changed"].as_u64()),
        (0, u64::try_from(changed).ok()),
        "{ran:?}"
    );
    peak.div_ceil(1024)
}
