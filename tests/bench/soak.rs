//! A thousand passes of one service over emulators with random faults: `cargo bench --bench soak` (or with a number of passes
//! after `--`) prints what they cost, and fails if memory, descriptors or the store grow, or a tick is lost.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "it prints figures, and stops where it cannot get them"
)]

#[path = "../support/soak.rs"]
mod soak;
#[expect(dead_code, reason = "most of it is for the suites over emulators")]
#[path = "../support/stage.rs"]
mod stage;

use std::process::{ExitCode, Stdio};

use fleetsheet_mocks::cloud::{ACCESS_KEY, SECRET_KEY};
use serde_json::Value;
use stage::Stage;

/// Says that this process is the one that is measured.
const MEASURED: &str = "SOAK_CONFIG";

/// What memory may grow by after the first fifth: allocators keep some of what passes with retries needed.
const GROWTH: u64 = 8 * 1024 * 1024;

/// What the store may hold at the end.
const STORE: u64 = 2 * 1024 * 1024;

fn main() -> ExitCode {
    let passes = std::env::args()
        .skip(1)
        .find_map(|word| word.parse().ok())
        .unwrap_or(1000);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("runtime");
    if let Some(config) = std::env::var_os(MEASURED) {
        let figures = runtime.block_on(soak::drive(config.as_ref(), None, passes));
        println!("{figures}");
        return ExitCode::SUCCESS;
    }
    runtime.block_on(measure(passes))
}

async fn measure(passes: u64) -> ExitCode {
    let (stage, ids) = Stage::known(200).await;
    let mut command = tokio::process::Command::new(std::env::current_exe().expect("name"));
    command
        .arg(passes.to_string())
        .env_clear()
        .env(MEASURED, stage.path("fleetsheet.toml"))
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("HOME", stage.dir.path())
        // One heap: by default glibc gives each new thread one of up to eight a core, and each of them grows to the largest pass
        // that it has seen, which looks like a leak for thousands of passes.
        .env("MALLOC_ARENA_MAX", "1")
        .env("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "2s")
        .env("FLEETSHEET_STATE__HISTORY_KEEP", "24h")
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let child = command.spawn().expect("starts");
    let output = tokio::select! {
        output = child.wait_with_output() => output.expect("ends"),
        () = soak::disturb(&stage, &ids, 7) => unreachable!("it never ends"),
    };
    let figures: Value = serde_json::from_slice(&output.stdout).expect("figures");
    println!("{passes} passes over 200 servers with random faults");
    for (name, value) in figures.as_object().expect("figures") {
        println!("  {name:<18} {value}");
    }
    let number = |name: &str| figures[name].as_u64().expect("a number");
    let count = |name: &str| figures["counts"][name].as_u64().expect("a count");
    let mut wrong = Vec::new();
    if number("rss_at_the_end") > number("rss_after_a_fifth") + GROWTH {
        wrong.push("memory grows");
    }
    if number("fds_at_the_end") > number("fds_after_a_fifth") + 8 {
        wrong.push("descriptors leak");
    }
    if number("store_bytes") > STORE {
        wrong.push("the store grows");
    }
    if count("ended") + count("skipped") != number("ticks") {
        wrong.push("a tick is lost");
    }
    if count("done") < passes / 2 {
        wrong.push("most passes are not done");
    }
    wrong.iter().for_each(|what| println!("WRONG: {what}"));
    if wrong.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
