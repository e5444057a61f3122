//! The program over PostgreSQL: one pass after another, two at once, and passes that are killed, stopped or cut off.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::Database;
use crate::daemon::{Daemon, signal};
use crate::stage::Stage;

/// A stage whose store is a database, with leases as short as the shortest request allows.
pub(super) async fn stage(name: &str, servers: usize) -> Option<(Stage, Vec<String>, Database)> {
    let database = Database::ready(name)?;
    let (mut stage, ids) = Stage::web(servers).await;
    stage.setting("FLEETSHEET_STATE__URL", &database.url());
    stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "2s");
    stage.setting("FLEETSHEET_REPLICAS__LEASE", "4s");
    Some((stage, ids, database))
}

/// What each row of the store was last written by, but for the lease.
pub(super) fn written(database: &Database) -> String {
    let tables = ["meta", "channels", "servers", "problems", "news", "outbox", "events"];
    let each = tables
        .map(|table| format!("SELECT '{table}', string_agg(xmin::text, ',' ORDER BY ctid) FROM fleetsheet.{table}"));
    database.sql(&each.join(" UNION ALL "))
}

#[tokio::test]
async fn a_quiet_pass_writes_the_row_of_the_lease_and_nothing_else() {
    let Some((stage, ids, database)) = stage("quiet", 3).await else {
        return;
    };
    let first = stage.once().await;
    assert_eq!((first.code, &first.json["epoch"]), (0, &1.into()), "{first:?}");
    assert!(!first.json["instance"].as_str().unwrap().is_empty(), "{first:?}");
    stage.settle().await;
    let before = written(&database);
    let quiet = stage.once().await;
    assert_eq!((quiet.code, &quiet.json["epoch"]), (0, &3.into()), "{quiet:?}");
    assert_eq!(written(&database), before);
    // Commands that look take no lease.
    let status = stage.run(&["status", "--format", "json"]).await;
    assert_eq!(status.code, 0, "{status:?}");
    let (store, lease) = (&status.json["store"], &status.json["lease"]);
    assert_eq!(
        (&store["kind"], &store["layout"]),
        (&"postgres".into(), &2.into()),
        "{status:?}"
    );
    assert!(
        store["rows"].as_i64().unwrap() > 4 && store["id"].is_string(),
        "{status:?}"
    );
    assert_eq!(
        (&lease["epoch"], &lease["holder"]),
        (&3.into(), &Value::Null),
        "{status:?}"
    );
    assert_eq!(status.json["outcome"], "done", "{status:?}");
    for command in [&["plan"][..], &["history"], &["explain", ids[0].as_str()]] {
        let ran = stage.run(command).await;
        assert!(ran.code == 0, "{command:?}: {ran:?}");
    }
    assert_eq!(
        database.sql("SELECT epoch FROM fleetsheet.lease WHERE name = 'pass'"),
        "3"
    );
    // And a promotion goes through, with its history.
    stage.turn_keys("web-prod", "2.4.0");
    let promoted = stage.once().await;
    assert_eq!(
        (promoted.code, stage.version(&ids[2])),
        (0, "2.4.0".into()),
        "{promoted:?}"
    );
    let history = stage.run(&["history", "--format", "json"]).await;
    assert!(history.stdout.contains("promotion"), "{history:?}");
    // So does a rollback by command.
    let back = stage
        .run(&[
            "rollback", "web-prod", "--reason", "a test", "--yes", "--format", "json",
        ])
        .await;
    assert_eq!((back.code, stage.version(&ids[0])), (0, "2.3.9".into()), "{back:?}");
    assert_eq!(stage.once().await.code, 0);
}

#[tokio::test]
async fn the_second_of_two_passes_says_who_has_the_lease() {
    let Some((mut stage, _, _database)) = stage("busy", 3).await else {
        return;
    };
    stage.settle().await;
    stage.setting("FLEETSHEET_REPLICAS__LEASE", "60s");
    stage.setting("FLEETSHEET_REPLICAS__NAME", "alpha");
    let mut first = stage.command(&["--once", "--format", "json"]).spawn().unwrap();
    let pid = first.id().unwrap();
    stage
        .cloud
        .script()
        .before("ec2.DescribeInstances", 1, move || signal(pid, "STOP"));
    let began = Instant::now();
    while stage.cloud.script().count("ec2.DescribeInstances") == 0 {
        assert!(began.elapsed() < Duration::from_secs(40), "it never asked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let beta = [("FLEETSHEET_REPLICAS__NAME", "beta")];
    let second = stage.run_with(&["--once", "--format", "json"], &beta).await;
    assert_eq!(
        (second.code, &second.json["outcome"]),
        (6, &"busy".into()),
        "{second:?}"
    );
    assert!(second.problems().concat().contains("instance alpha"), "{second:?}");
    let status = stage.run(&["status", "--format", "json"]).await;
    assert_eq!(status.json["lease"]["holder"]["instance"], "alpha", "{status:?}");
    signal(pid, "CONT");
    assert!(first.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_pass_that_is_killed_is_finished_by_the_next_and_the_lease_is_said_to_have_run_out() {
    let Some((mut stage, ids, database)) = stage("killed", 4).await else {
        return;
    };
    stage.settle().await;
    stage.setting("FLEETSHEET_REPLICAS__NAME", "alpha");
    stage.turn_keys("web-prod", "2.4.0");
    let mut command = stage.command(&["--once", "--format", "json"]);
    let mut child = command.spawn().unwrap();
    let pid = child.id().unwrap();
    stage
        .cloud
        .script()
        .before("ec2.CreateTags", 1, move || signal(pid, "KILL"));
    let _ = child.wait().await;
    let beta = [("FLEETSHEET_REPLICAS__NAME", "beta")];
    let began = Instant::now();
    let ran = loop {
        let ran = stage.run_with(&["--once", "--format", "json"], &beta).await;
        if ran.code != 6 {
            break ran;
        }
        assert!(ran.problems().concat().contains("instance alpha"), "{ran:?}");
        assert!(began.elapsed() < Duration::from_secs(15), "{ran:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ids.iter().all(|id| stage.version(id) == "2.4.0"), "{ran:?}");
    let event = "SELECT from_value || ' ' || to_value FROM fleetsheet.events WHERE event = 'lease_expired'";
    assert_eq!(database.sql(event), "alpha beta");
    let promotions = "SELECT COUNT(*) FROM fleetsheet.events WHERE event = 'promotion'";
    assert_eq!(database.sql(promotions), "1");
}

#[tokio::test]
async fn a_pass_that_stood_still_for_longer_than_its_lease_sends_nothing_more() {
    let Some((mut stage, ids, database)) = stage("stopped", 12).await else {
        return;
    };
    // Many small calls, so that some are in hand, and more are to come.
    stage.setting("FLEETSHEET_LIMITS__BATCH_SIZE", "1");
    stage.setting("FLEETSHEET_LIMITS__CONCURRENCY", "2");
    stage.settle().await;
    stage.setting("FLEETSHEET_REPLICAS__NAME", "alpha");
    for (round, nth) in [1, 3, 6].into_iter().enumerate() {
        let version = format!("3.{round}.0");
        stage.turn_keys("web-prod", &version);
        stage.cloud.script().forget_calls();
        let child = stage.command(&["--once", "--format", "json"]).spawn().unwrap();
        let pid = child.id().unwrap();
        stage
            .cloud
            .script()
            .before("ec2.CreateTags", nth, move || signal(pid, "STOP"));
        let began = Instant::now();
        while stage.cloud.script().count("ec2.CreateTags") < nth {
            assert!(began.elapsed() < Duration::from_secs(30));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        let beta = [("FLEETSHEET_REPLICAS__NAME", "beta")];
        let other = stage.run_with(&["--once", "--format", "json"], &beta).await;
        assert_eq!(other.code, 0, "{other:?}");
        assert!(ids.iter().all(|id| stage.version(id) == version), "{other:?}");
        let (calls, writes) = (
            stage.cloud.script().count("ec2.CreateTags"),
            stage.sheets.desk().writes().len(),
        );
        let before = written(&database);
        signal(pid, "CONT");
        let stale = crate::stage::Ran::of(child.wait_with_output().await.unwrap());
        assert_eq!((stale.code, &stale.json["outcome"]), (6, &"fenced".into()), "{stale:?}");
        // Nothing was in hand that had not left: two calls at most.
        assert!(stage.cloud.script().count("ec2.CreateTags") <= calls + 2, "{stale:?}");
        assert_eq!(stage.sheets.desk().writes().len(), writes, "{stale:?}");
        assert_eq!(written(&database), before, "a stale one wrote");
        let quiet = stage.run_with(&["--once", "--format", "json"], &beta).await;
        assert_eq!((quiet.code, &quiet.json["changed"]), (0, &0.into()), "{quiet:?}");
    }
}

#[tokio::test]
async fn a_database_that_is_restarted_costs_one_pass_at_most() {
    let Some((stage, _, _)) = stage("probe", 1).await else {
        return;
    };
    drop(stage);
    let cluster = super::cluster::Cluster::start("restart", "").expect("there is one");
    let (mut stage, ids) = Stage::web(3).await;
    cluster.psql("postgres", "GRANT CREATE ON DATABASE postgres TO fleetsheet");
    let url = format!(
        "postgres://fleetsheet@127.0.0.1:{}/postgres?sslmode=disable",
        cluster.port()
    );
    stage.setting("FLEETSHEET_STATE__URL", &url);
    stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "2s");
    stage.setting("FLEETSHEET_REPLICAS__LEASE", "4s");
    let daemon: Daemon = stage.start(&[]).await;
    daemon.passes(2).await;
    cluster.crash();
    stage.turn_keys("web-prod", "2.4.0");
    let began = Instant::now();
    while !ids.iter().all(|id| stage.version(id) == "2.4.0") {
        assert!(began.elapsed() < Duration::from_secs(40), "{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    daemon.answers("/readyz", 200).await;
    let log = daemon.stop().await;
    let failed = log.lines().filter(|line| line.contains("pass failed")).count();
    assert!(failed <= 1, "{log}");
    drop(cluster);
}
