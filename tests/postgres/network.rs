//! Connections that are cut, that swallow everything, that give no answer or a late one: no pass hangs, no change is made twice, and
//! another instance finishes what was begun.

use std::time::{Duration, Instant};

use super::Database;
use super::passes::stage;
use super::proxy::{Proxy, Trouble};
use crate::stage::{Ran, Stage};

/// Longer than any pass may take, on however busy a machine: each statement ends after 20 s, and the lease after 4.
const NO_HANG: Duration = Duration::from_secs(120);

async fn pass(stage: &Stage, name: &str, url: &str) -> Ran {
    let settings = [("FLEETSHEET_REPLICAS__NAME", name), ("FLEETSHEET_STATE__URL", url)];
    let run = stage.run_with(&["--once", "--format", "json"], &settings);
    tokio::time::timeout(NO_HANG, run).await.expect("a pass hangs")
}

/// Another instance that reaches the database makes passes until one is not told that the lease is held.
async fn finished(stage: &Stage, database: &Database) -> Ran {
    let began = Instant::now();
    loop {
        let ran = pass(stage, "beta", &database.url()).await;
        if ran.code != 6 {
            return ran;
        }
        assert!(began.elapsed() < NO_HANG, "nobody can take over: {ran:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Promotes over a proxy that begins to disturb with one message after the other, and lets another instance finish.
#[expect(clippy::print_stdout, reason = "it says what it tried")]
async fn disturbed(name: &str, trouble: Trouble, points: u64) {
    let Some((stage, ids, database)) = stage(name, 4).await else {
        return;
    };
    stage.settle().await;
    stage.turn_keys("web-prod", "3.0.0");
    let whole = Proxy::start(database.port, trouble, 0).await;
    let ran = pass(&stage, "alpha", &database.url_at(whole.port)).await;
    assert_eq!((ran.code, stage.version(&ids[0])), (0, "3.0.0".to_owned()), "{ran:?}");
    let messages = whole.seen();
    let mut ended = std::collections::BTreeMap::new();
    for point in 1..=points {
        let version = format!("3.{point}.0");
        stage.turn_keys("web-prod", &version);
        let proxy = Proxy::start(database.port, trouble, (messages * point / (points + 1)).max(1)).await;
        let ran = pass(&stage, "alpha", &database.url_at(proxy.port)).await;
        assert!([0, 1, 6].contains(&ran.code), "{point}: {ran:?}");
        *ended.entry(ran.code).or_insert(0) += 1;
        proxy.heal();
        let after = finished(&stage, &database).await;
        assert_eq!(after.code, 0, "{point}: {after:?}");
        assert!(ids.iter().all(|id| stage.version(id) == version), "{point}: {after:?}");
        let told =
            format!("SELECT COUNT(*) FROM fleetsheet.events WHERE event = 'promotion' AND to_value = '{version}'");
        assert_eq!(database.sql(&told), "1", "{point}: it was promoted twice");
        let quiet = pass(&stage, "beta", &database.url()).await;
        assert_eq!(
            (quiet.code, &quiet.json["changed"]),
            (0, &0.into()),
            "{point}: {quiet:?}"
        );
    }
    println!("{trouble:?} at {points} of {messages} messages: passes by exit code {ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_ends_the_pass_and_another_instance_finishes_it() {
    disturbed("cut", Trouble::Cut, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_everything_hangs_no_pass_and_another_instance_finishes_it() {
    disturbed("hole", Trouble::BlackHole, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost_count_as_failures_and_another_instance_finishes_it() {
    disturbed("deaf", Trouble::Deaf, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_come_late_make_a_pass_slow_and_nothing_else() {
    let Some((mut stage, ids, database)) = stage("late", 4).await else {
        return;
    };
    stage.setting("FLEETSHEET_REPLICAS__LEASE", "30s");
    stage.settle().await;
    stage.turn_keys("web-prod", "3.0.0");
    let proxy = Proxy::start(database.port, Trouble::Late(Duration::from_millis(60)), 1).await;
    let ran = pass(&stage, "alpha", &database.url_at(proxy.port)).await;
    assert_eq!((ran.code, stage.version(&ids[3])), (0, "3.0.0".to_owned()), "{ran:?}");
    assert!(
        ran.json["duration_ms"].as_u64().unwrap() > 120,
        "it was not late: {ran:?}"
    );
    // Later than every timeout it is as if nothing came.
    stage.turn_keys("web-prod", "3.1.0");
    let proxy = Proxy::start(database.port, Trouble::Late(Duration::from_secs(600)), 8).await;
    let ran = pass(&stage, "alpha", &database.url_at(proxy.port)).await;
    assert!([1, 6].contains(&ran.code), "{ran:?}");
    let after = finished(&stage, &database).await;
    assert_eq!(
        (after.code, stage.version(&ids[0])),
        (0, "3.1.0".to_owned()),
        "{after:?}"
    );
}
