//! Several services over one store: each tick is served once, whoever is killed or told to stop is followed by another.

use std::time::{Duration, Instant};

use super::Database;
use super::passes::stage;
use crate::daemon::{Daemon, signal};
use crate::stage::Stage;

async fn service(stage: &Stage, name: &str) -> Daemon {
    let settings = [
        ("FLEETSHEET_REPLICAS__NAME", name),
        ("FLEETSHEET_REPLICAS__STANDBY_AFTER", "1s"),
        ("FLEETSHEET_SCHEDULE__CRON", "*/2 * * * * *"),
    ];
    stage.start(&settings).await
}

fn epoch(database: &Database) -> i64 {
    database
        .sql("SELECT epoch FROM fleetsheet.lease WHERE name = 'pass'")
        .parse()
        .unwrap()
}

/// The passes that the logs of these services tell of.
fn passes(services: &[&Daemon]) -> usize {
    services.iter().map(|service| service.lines("pass ended")).sum()
}

#[tokio::test]
async fn each_tick_is_served_once_whoever_is_there() {
    let Some((stage, ids, database)) = stage("three", 3).await else {
        return;
    };
    let (a, b, c) = (
        service(&stage, "a").await,
        service(&stage, "b").await,
        service(&stage, "c").await,
    );
    for service in [&a, &b, &c] {
        service.answers("/readyz", 200).await;
    }
    stage.turn_keys("web-prod", "2.4.0");
    tokio::time::sleep(Duration::from_secs(14)).await;
    assert!(ids.iter().all(|id| stage.version(id) == "2.4.0"));
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for service in [&a, &b, &c] {
        own.push(service.metric("fleetsheet_ticks_served_total{by=\"self\"}").await);
        other.push(service.metric("fleetsheet_ticks_served_total{by=\"other\"}").await);
        assert!(service.metric("fleetsheet_epoch").await >= 5.0);
    }
    // One of them serves, and goes on to; the others see it.
    let most = own.iter().copied().fold(0.0, f64::max);
    assert!(most >= 5.0, "{own:?} {other:?}");
    assert!(
        other.iter().filter(|seen| **seen >= 5.0).count() >= 2,
        "{own:?} {other:?}"
    );
    let logs = [a.stop().await, b.stop().await, c.stop().await];
    let ended: usize = logs
        .iter()
        .map(|log| log.lines().filter(|line| line.contains("pass ended")).count())
        .sum();
    // Every lease was one pass, and no tick had two.
    assert_eq!(ended as i64, epoch(&database), "{logs:?}");
    let seconds: i64 = database
        .sql("SELECT extract(epoch FROM tick)::bigint % 2 FROM fleetsheet.lease WHERE name = 'pass'")
        .parse()
        .unwrap();
    assert_eq!(seconds, 0);
}

#[tokio::test]
async fn whoever_is_killed_or_told_to_stop_is_followed_by_another() {
    let Some((stage, ids, database)) = stage("follow", 3).await else {
        return;
    };
    let a = service(&stage, "a").await;
    a.passes(1).await;
    let b = service(&stage, "b").await;
    b.answers("/readyz", 200).await;
    assert_eq!(b.metric("fleetsheet_acting").await, 0.0);
    assert_eq!(b.lines("pass ended"), 0, "{}", b.log());
    // Told to stop: the other serves the next tick.
    a.stop().await;
    b.passes(1).await;
    // Killed in the middle of a pass: taken over when the lease ends.
    let a = service(&stage, "a").await;
    stage.turn_keys("web-prod", "2.4.0");
    let (pid, before) = (b.pid(), stage.cloud.script().count("ec2.CreateTags"));
    stage
        .cloud
        .script()
        .before("ec2.CreateTags", before + 1, move || signal(pid, "KILL"));
    let began = Instant::now();
    while !ids.iter().all(|id| stage.version(id) == "2.4.0") {
        assert!(began.elapsed() < Duration::from_secs(30), "{}", a.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let event = "SELECT from_value || ' ' || to_value FROM fleetsheet.events WHERE event = 'lease_expired'";
    let began = Instant::now();
    while database.sql(event) != "b a" {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{:?}\n{}",
            database.sql(event),
            a.log()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(a.metric("fleetsheet_leases_expired_total").await >= 1.0);
    assert!(passes(&[&a]) >= 1);
    a.stop().await;
    drop(b);
}
