//! Where a pass's time goes: which stages a report names, and that their times are those of the pass.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::stage::{Ran, Stage};

/// What `duration_ms` holds besides: each stage is rounded down, and a busy machine stops us between two of them.
const ROUNDING_MS: u64 = 10 + 400;

const WHOLE: [&str; 9] = [
    "apply",
    "check",
    "claim",
    "observe",
    "plan",
    "remember",
    "review",
    "settle",
    "write_back",
];

fn stages(ran: &Ran) -> BTreeMap<&str, u64> {
    let stages = ran.json["stages"].as_object().unwrap_or_else(|| panic!("{ran:?}"));
    stages
        .iter()
        .map(|(stage, ms)| (stage.as_str(), ms.as_u64().unwrap()))
        .collect()
}

fn named(ran: &Ran) -> Vec<&str> {
    stages(ran).into_keys().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stages_of_a_promotion_make_up_its_time() {
    let (stage, _) = Stage::known(20).await;
    stage.sheets.script().set_latency(Duration::from_millis(300));
    stage.cloud.script().set_latency(Duration::from_millis(200));
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.json["changed"].as_u64()), (0, Some(20)), "{ran:?}");
    assert_eq!(named(&ran), WHOLE);
    let took = stages(&ran);
    // A token and the sheet; one call that tags; the look before the write, the write, the look after it.
    for (stage, least) in [("observe", 600), ("apply", 200), ("write_back", 900)] {
        assert!(took[stage] >= least, "{stage}: {took:?}");
    }
    let (sum, all) = (took.values().sum::<u64>(), ran.json["duration_ms"].as_u64().unwrap());
    assert!(sum <= all && all - sum <= ROUNDING_MS, "{sum} of {all}: {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_names_the_stages_that_the_run_came_to() {
    let (stage, _) = Stage::known(2).await;
    let plan = stage.run(&["plan", "--format", "json"]).await;
    assert_eq!(named(&plan), ["observe", "plan", "review", "settle"]);
    let quiet = stage.once().await;
    assert_eq!(named(&quiet), WHOLE);
    let order = [
        "rollback", "web-prod", "--reason", "a test", "--yes", "--format", "json",
    ];
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    let ordered = stage.run(&order).await;
    let all = ["apply", "check", "observe", "plan", "remember", "review", "settle"];
    assert_eq!(named(&ordered), all, "{ordered:?}");
    stage
        .sheets
        .edit(|book| book.rename_tab("ServerTagAssignment", "Servers"));
    let unread = stage.once().await;
    assert_eq!(
        (unread.code, named(&unread)),
        (5, vec!["observe", "review"]),
        "{unread:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verbose_pass_tells_its_stages_in_its_text_and_in_its_log() {
    let (stage, _) = Stage::known(2).await;
    let quiet = stage.run(&["--once"]).await;
    assert!(!quiet.stdout.contains("stages  "), "{quiet:?}");
    let ran = stage.run(&["--once", "-v"]).await;
    let told = ran.stdout.lines().find(|line| line.starts_with("stages  "));
    assert!(
        told.is_some_and(|line| line.contains("observe ") && line.contains("write_back ") && line.ends_with(" ms")),
        "{}",
        ran.stdout
    );
    for stage in WHOLE.into_iter().chain(["deliver"]) {
        let line = |line: &&str| line.contains("stage ended") && line.contains(&format!(" stage={stage} "));
        let line = ran.stderr.lines().find(line);
        let line = line.unwrap_or_else(|| panic!("{stage}: {}", ran.stderr));
        assert!(line.contains(" took_ms=") && line.contains(" run="), "{line}");
    }
}
