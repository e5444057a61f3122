//! When passes are made, and what becomes of those that fail.

use std::time::{Duration, Instant};

use fleetsheet::adapters::sqlite::{Holder, StoreLock};
use fleetsheet_mocks::faults::{Fault, When};

use crate::stage::Stage;

const NEVER: (&str, &str) = ("FLEETSHEET_SCHEDULE__CRON", "0 0 0 1 1 *");

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_is_made_at_the_start_and_on_each_tick() {
    let (stage, ids) = Stage::known(3).await;
    stage.turn_keys("web-prod", "2.4.0");
    let service = stage.start(&[]).await;
    service.passes(1).await;
    assert_eq!(stage.version(&ids[2]), "2.4.0");
    // A pass is counted right after it said that it ended.
    service.passes(3).await;
    assert!(service.metric("fleetsheet_passes_total{outcome=\"done\"}").await >= 3.0);
    assert_eq!(
        service.metric("fleetsheet_changes_total{reason=\"release\"}").await,
        3.0
    );
    let info = [
        ("channel", "web-prod"),
        ("desired_a", "2.4.0"),
        ("desired_b", "2.4.0"),
        ("release", "2.4.0"),
        ("state", "in_sync"),
    ];
    let labels = info.map(|(label, value)| format!("{label}=\"{value}\"")).join(",");
    assert_eq!(
        service.metric(&format!("fleetsheet_channel_info{{{labels}}}")).await,
        1.0
    );
    let in_sync = "fleetsheet_servers{channel=\"web-prod\",status=\"in sync\"}";
    assert_eq!(service.metric(in_sync).await, 3.0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_run_at_start_the_first_tick_is_waited_for() {
    let (stage, _) = Stage::known(1).await;
    let service = stage
        .start(&[NEVER, ("FLEETSHEET_SCHEDULE__RUN_AT_START", "false")])
        .await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(service.get("/healthz").await.status, 200);
    assert_eq!(service.get("/readyz").await.status, 503);
    service.stop().await;
    assert!(stage.sheets.script().log().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_finds_a_pass_running_is_skipped_counted_and_said() {
    let (stage, _) = Stage::known(2).await;
    stage.sheets.script().set_latency(Duration::from_millis(2500));
    let service = stage.start(&[]).await;
    service.says("tick skipped").await;
    assert!(service.metric("fleetsheet_ticks_skipped_total").await >= 1.0);
    assert_eq!(service.metric("fleetsheet_pass_running").await, 1.0);
    service.passes(1).await;
    stage.sheets.script().set_latency(Duration::ZERO);
    let log = service.stop().await;
    assert!(!log.contains("holds the state store"), "never two at once: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tick_is_a_pass_or_is_counted_as_skipped_and_none_is_made_up_for() {
    let (stage, _) = Stage::known(2).await;
    let service = stage.start(&[("FLEETSHEET_SCHEDULE__RUN_AT_START", "false")]).await;
    service.passes(1).await;
    let (ended, skipped) = (service.lines("pass ended"), service.lines("tick skipped"));
    let began = Instant::now();
    // Two or three requests: a pass of five ticks or more.
    stage.sheets.script().set_latency(Duration::from_millis(2500));
    service.says_again("tick skipped", skipped + 3).await;
    stage.sheets.script().set_latency(Duration::ZERO);
    service.passes(1).await;
    let after = Instant::now();
    let made_up = service.lines("pass ended");
    service.passes(3).await;
    let passes = service.lines("pass ended") - made_up;
    assert!(
        after.elapsed() >= Duration::from_secs(1),
        "no burst: {passes} passes in {:?}",
        after.elapsed()
    );
    let ticks = service.lines("pass ended") - ended + service.lines("tick skipped") - skipped;
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    // One more or less at each end, and one for a machine that is busy.
    assert!(
        ticks.abs_diff(seconds) <= 3,
        "{ticks} ticks in {seconds} s: {}",
        service.log()
    );
    let said = service.lines("tick skipped");
    let counted = service.metric("fleetsheet_ticks_skipped_total").await;
    assert!((said as f64..=said as f64 + 1.0).contains(&counted), "{said} {counted}");
    let log = service.stop().await;
    assert!(!log.contains("holds the state store"), "never two at once: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_another_process_holds_is_tried_again_at_the_next_tick() {
    let (stage, _) = Stage::known(1).await;
    let url = format!("sqlite:{}", stage.path("state/fleetsheet.db").display());
    let holder = Holder {
        run: "somebody".into(),
        host: "elsewhere".into(),
        pid: 1,
        since: fleetsheet::clock::now(),
        what: "pass".into(),
    };
    let held = StoreLock::acquire(&url, &holder).unwrap();
    let service = stage.start(&[]).await;
    let line = service.says("another one holds the state store").await;
    assert!(line.contains("somebody"), "{line}");
    assert!(service.metric("fleetsheet_passes_total{outcome=\"busy\"}").await >= 1.0);
    assert_eq!(service.get("/readyz").await.status, 503);
    drop(held);
    service.answers("/readyz", 200).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_goes_after_three_ticks_without_a_pass_and_comes_back() {
    let (stage, _) = Stage::known(1).await;
    let service = stage.start(&[]).await;
    service.answers("/readyz", 200).await;
    stage.sheets.script().fail("*", When::Every, Fault::Forbidden);
    let failed = service.says("pass failed").await;
    assert!(failed.contains("run=") && failed.contains("ERROR"), "{failed}");
    let answer = service.answers("/readyz", 503).await;
    assert!(answer.body.contains("for three intervals"), "{answer:?}");
    assert!(answer.body.contains("spreadsheet"), "with the reason: {answer:?}");
    assert!(service.lines("pass failed") >= 3, "not before: {}", service.log());
    assert_eq!(service.get("/healthz").await.status, 200);
    assert!(service.metric("fleetsheet_passes_total{outcome=\"failed\"}").await >= 3.0);
    stage.sheets.script().clear();
    service.answers("/readyz", 200).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_fields_are_refused_with_the_fix() {
    let (mut stage, _) = Stage::known(1).await;
    stage.setting("FLEETSHEET_SCHEDULE__CRON", "*/5 * * * *");
    let ran = stage.run(&["run"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("put the seconds first: \"0 */5 * * * *\""),
        "{}",
        ran.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_at_the_start_is_exit_2() {
    let (stage, _) = Stage::known(1).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = stage.run_with(&["run"], &[("FLEETSHEET_HTTP__LISTEN", &address)]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("http.listen") && ran.stderr.contains(&address),
        "{}",
        ran.stderr
    );
    std::fs::remove_file(stage.path("key.json")).unwrap();
    let ran = stage.run(&["run"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("key.json"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_down_at_the_start_is_no_reason_to_end() {
    let (stage, _) = Stage::known(1).await;
    stage.sheets.script().fail("*", When::Every, Fault::Forbidden);
    let service = stage.start(&[]).await;
    service.says("pass failed").await;
    stage.sheets.script().clear();
    service.answers("/readyz", 200).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_is_kept_to_write_back_when_a_region_throttles_for_ever() {
    let (mut stage, ids) = Stage::known(2).await;
    stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "2s");
    stage.setting("FLEETSHEET_SCHEDULE__PASS_TIMEOUT", "6s");
    stage.turn_keys("web-prod", "2.4.0");
    stage
        .cloud
        .script()
        .fail("ec2.CreateTags", When::Every, Fault::Throttle);
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.json["failed"].as_u64()), (4, Some(2)), "{ran:?}");
    let took = ran.json["duration_ms"].as_u64().unwrap();
    assert!((4_000..6_000).contains(&took), "{took}");
    assert!(stage.server_cell(&ids[0], "status").starts_with("failed: "));
    assert_eq!(stage.release_cell("web-prod", "releaseVersion"), "2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_waits_is_counted_and_holds_nothing_up() {
    let (mut stage, ids) = Stage::known(2).await;
    // Nothing listens on port 1.
    stage.setting("FLEETSHEET_EMAIL__SMTP_URL", "smtp://127.0.0.1:1");
    stage.setting("FLEETSHEET_EMAIL__FROM", "fleetsheet@example.com");
    stage.setting("FLEETSHEET_EMAIL__TO", "[\"ops@example.com\"]");
    stage.turn_keys("web-prod", "2.4.0");
    let service = stage.start(&[]).await;
    service.passes(2).await;
    assert_eq!(stage.version(&ids[0]), "2.4.0");
    service.answers("/readyz", 200).await;
    assert_eq!(service.metric("fleetsheet_outbox_mails").await, 1.0);
    assert!(service.metric("fleetsheet_outbox_oldest_seconds").await > 0.0);
    service.stop().await;
}

/// Two waves that wait for nothing but a pass each.
const QUICK: &str = r#"[{ name = "quick", channels = ["web-*"], waves = ["50%"], bake = "0s", warmup = "0s" }]"#;

#[tokio::test(flavor = "multi_thread")]
async fn while_a_rollout_is_under_way_passes_are_made_in_between() {
    let (mut stage, ids) = Stage::known(2).await;
    stage.setting("FLEETSHEET_STRATEGY", QUICK);
    stage.turn_keys("web-prod", "2.4.0");
    // Cron never ticks; the pass at the start begins the rollout.
    let service = stage
        .start(&[NEVER, ("FLEETSHEET_SCHEDULE__ROLLOUT_EVERY", "1s")])
        .await;
    service.passes(1).await;
    let began = Instant::now();
    while ids.iter().any(|id| stage.version(id) != "2.4.0") {
        assert!(began.elapsed() < Duration::from_secs(30), "{}", service.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Once it is done nothing ticks but cron.
    let mut passes = 0;
    while passes != service.lines("pass ended") {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", service.log());
        passes = service.lines("pass ended");
        tokio::time::sleep(Duration::from_millis(2500)).await;
    }
    let log = service.stop().await;
    assert!(!log.contains("tick skipped"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_zero_seconds_a_rollout_goes_on_with_cron_alone() {
    let (mut stage, ids) = Stage::known(2).await;
    stage.setting("FLEETSHEET_STRATEGY", QUICK);
    stage.turn_keys("web-prod", "2.4.0");
    let service = stage
        .start(&[NEVER, ("FLEETSHEET_SCHEDULE__ROLLOUT_EVERY", "0s")])
        .await;
    service.passes(1).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(service.lines("pass ended"), 1, "{}", service.log());
    let moved = ids.iter().filter(|id| stage.version(id) == "2.4.0").count();
    assert_eq!(moved, 1);
    service.stop().await;
}
