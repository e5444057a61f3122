//! How much memory a pass takes. A stopwatch would say nothing on a busy machine; what is resident at most is nearly the same each
//! time, and has a limit here that is close to what it is. The program's own code does not count: of a debug build it is four fifths
//! of all that is resident, and grows with each client that is linked. `cargo bench --bench memory` is the longer table.

use crate::resident::watched;
use crate::stage::{Ran, Stage};

/// Servers of the passes that are measured.
const SERVERS: usize = 1_500;

/// Most KiB of a debug build: what it measures, and a tenth.
const QUIET: u64 = 16_900;
const PROMOTION: u64 = 20_400;

async fn peak(stage: &Stage) -> (Ran, u64) {
    let mut command = stage.command(&["--once", "--format", "json"]);
    // One heap: with one for each thread it depends on which thread did what.
    command.env("MALLOC_ARENA_MAX", "1");
    let (output, peak) = watched(command, "RssAnon").await;
    let ran = Ran::of(output);
    assert_eq!(ran.code, 0, "{ran:?}");
    (ran, peak)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_over_a_thousand_and_a_half_takes_little_memory() {
    let (stage, _) = Stage::known(SERVERS).await;
    let (ran, quiet) = peak(&stage).await;
    assert_eq!(ran.json["changed"], 0, "{ran:?}");
    stage.turn_keys("web-prod", "2.4.0");
    let (ran, promotion) = peak(&stage).await;
    assert_eq!(ran.json["changed"], SERVERS, "{ran:?}");
    println!(
        "most that is resident, and not of a file, of {SERVERS} servers: {quiet} KiB with nothing to do, {promotion} KiB in a promotion"
    );
    assert!(
        quiet > 0 && quiet <= QUIET,
        "{quiet} KiB with nothing to do; at most {QUIET}"
    );
    assert!(
        promotion <= PROMOTION,
        "{promotion} KiB in a promotion; at most {PROMOTION}"
    );
}
