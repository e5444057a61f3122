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
    let sum = async |by: &str| {
        let series = format!("fleetsheet_ticks_served_total{{by=\"{by}\"}}");
        let mut sum = 0.0;
        for service in [&a, &b, &c] {
            sum += service.metric(&series).await;
        }
        sum
    };
    let began = Instant::now();
    while sum("self").await < 6.0 {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{}{}{}",
            a.log(),
            b.log(),
            c.log()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(ids.iter().all(|id| stage.version(id) == "2.4.0"));
    // What one of them serves, the two others see.
    assert!(sum("other").await >= 8.0);
    for service in [&a, &b, &c] {
        assert!(service.metric("fleetsheet_epoch").await >= 6.0);
    }
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
    let mut b = service(&stage, "b").await;
    b.answers("/readyz", 200).await;
    assert_eq!(b.metric("fleetsheet_acting").await, 0.0);
    assert_eq!(b.lines("pass ended"), 0, "{}", b.log());
    // Told to stop: the other serves the next tick.
    a.stop().await;
    b.passes(1).await;
    // Killed in the middle of a pass: taken over when the lease ends.
    stage.turn_keys("web-prod", "2.4.0");
    let (pid, before) = (b.pid(), stage.cloud.script().count("ec2.CreateTags"));
    let script = stage.cloud.script();
    script.before("ec2.CreateTags", before + 1, move || signal(pid, "KILL"));
    b.ended().await;
    let a = service(&stage, "a").await;
    let began = Instant::now();
    while !ids.iter().all(|id| stage.version(id) == "2.4.0") {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", a.log());
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
    a.shows("/metrics", "fleetsheet_leases_expired_total 1").await;
    assert!(passes(&[&a]) >= 1);
    a.stop().await;
}
