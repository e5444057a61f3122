//! Passes that are stopped at random instants for longer than their lease, while another instance goes on, and then continue.
//!
//! A run of the suite makes a few; `FLEETSHEET_STOPS=1000` makes so many, and prints what was counted.

use std::time::{Duration, Instant};

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::passes::{stage, written};
use crate::daemon::signal;
use crate::stage::Ran;

/// How many without being asked for more.
const FEW: u32 = 5;

/// By then the server has ended the session of one that was stopped within a transaction, on a slow machine, too.
const TAKEN_OVER: Duration = Duration::from_secs(60);

/// `limits.concurrency`: what may have been in hand.
const IN_HAND: u64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_is_stopped_at_a_random_instant_commits_nothing_stale_and_the_world_is_right() {
    let stops = std::env::var("FLEETSHEET_STOPS")
        .ok()
        .map_or(FEW, |text| text.parse().unwrap());
    let Some((mut stage, ids, database)) = stage("stops", 8).await else {
        return;
    };
    stage.setting("FLEETSHEET_LIMITS__BATCH_SIZE", "1");
    stage.setting("FLEETSHEET_LIMITS__CONCURRENCY", "2");
    stage.settle().await;
    stage.turn_keys("web-prod", "4.0.0");
    let began = Instant::now();
    stage.settle().await;
    let whole = began.elapsed();
    let mut chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let (mut over, mut fenced, mut done, mut stale_calls) = (0, 0, 0, 0);
    for stop in 0..stops {
        let version = format!("5.{stop}.0");
        stage.turn_keys("web-prod", &version);
        let alpha = stage
            .command(&["--once", "--format", "json"])
            .env("FLEETSHEET_REPLICAS__NAME", "alpha")
            .spawn()
            .unwrap();
        let pid = alpha.id().unwrap();
        tokio::time::sleep(whole.mul_f64(f64::from(chance.next_u32() % 1000) / 1000.0)).await;
        if std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            signal(pid, "STOP");
        }
        // Longer than the lease, so that it is over by every clock.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let beta = [("FLEETSHEET_REPLICAS__NAME", "beta")];
        // One that is stopped within a transaction holds its rows until the server ends its session.
        let since = Instant::now();
        let other = loop {
            let other = stage.run_with(&["--once", "--format", "json"], &beta).await;
            if other.code == 0 || since.elapsed() > TAKEN_OVER {
                break other;
            }
        };
        assert_eq!(other.code, 0, "{stop}: {other:?}");
        assert!(ids.iter().all(|id| stage.version(id) == version), "{stop}: {other:?}");
        let (calls, writes) = (
            stage.cloud.script().count("ec2.CreateTags"),
            stage.sheets.desk().writes().len(),
        );
        let before = written(&database);
        let epoch = database.sql("SELECT epoch FROM fleetsheet.lease WHERE name = 'pass'");
        signal(pid, "CONT");
        let ran = Ran::of(alpha.wait_with_output().await.unwrap());
        let stale = stage.cloud.script().count("ec2.CreateTags") - calls;
        match (ran.code, &ran.json["epoch"]) {
            // One whose session the server ended meanwhile may fail before it looks at its lease.
            (1 | 6, _) if ran.json["outcome"] != "busy" => {
                fenced += 1;
                assert_eq!(written(&database), before, "{stop}: a stale commit: {ran:?}");
                assert_eq!(
                    stage.sheets.desk().writes().len(),
                    writes,
                    "{stop}: a stale write: {ran:?}"
                );
            }
            // It was over before it was stopped, or had not asked for the lease yet and made a whole pass of its own after the other.
            (0, own) if own.as_i64().is_some_and(|own| own <= epoch.parse::<i64>().unwrap()) => over += 1,
            (0, _) => done += 1,
            _ => panic!("{stop}: {ran:?}"),
        }
        assert!(stale <= IN_HAND, "{stop}: {stale} stale calls: {ran:?}");
        stale_calls += stale;
        let quiet = stage.run_with(&["--once", "--format", "json"], &beta).await;
        assert_eq!(
            (quiet.code, &quiet.json["changed"]),
            (0, &0.into()),
            "{stop}: {quiet:?}"
        );
        assert!(ids.iter().all(|id| stage.version(id) == version), "{stop}: {quiet:?}");
    }
    println!(
        "{stops} random stops: {fenced} fenced with 0 stale commits and {stale_calls} stale calls, {over} were over before, {done} began after"
    );
}
