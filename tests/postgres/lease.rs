//! The right to change the store: one at a time, never twice the same tick, and no commit once it is over.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet::adapters::stores::{Held, Refused};
use fleetsheet::lease::NOT_SENT;
use fleetsheet::memory::{StoreError, Update};

use super::{Database, now};

const LONG: Duration = Duration::from_secs(60);

fn tick(number: i64) -> Option<DateTime<Utc>> {
    Some(now() + TimeDelta::minutes(number))
}

fn stamped(seconds: i64) -> Update {
    Update {
        last_stamp: Some(now() + TimeDelta::seconds(seconds)),
        ..Update::default()
    }
}

fn held_by(result: Result<Held, Refused>) -> String {
    match result {
        Err(Refused::Held(by)) => by,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("two hold it"),
    }
}

#[tokio::test]
async fn one_holds_it_at_a_time_and_a_tick_is_served_once() {
    let Some(database) = Database::ready("ticks") else {
        return;
    };
    let first = database.hold("a", tick(1), LONG).await.unwrap();
    assert_eq!(first.epoch(), Some(1));
    let by = held_by(database.hold("b", tick(1), LONG).await);
    assert!(by.contains("instance a") && by.contains(first.run()), "{by}");
    assert!(held_by(database.hold("b", None, LONG).await).contains("instance a"));
    first.end(tick(2), false, None).await;
    assert!(matches!(database.hold("b", tick(1), LONG).await, Err(Refused::Served)));
    let second = database.hold("b", tick(2), LONG).await.unwrap();
    assert_eq!(second.epoch(), Some(2));
    // A pass that was told to stop gives its tick back.
    second.end(tick(3), true, None).await;
    let third = database.hold("a", tick(2), LONG).await.unwrap();
    third.end(tick(3), false, None).await;
    // A pass that was asked for serves none.
    let asked = database.hold("b", None, LONG).await.unwrap();
    asked.end(tick(3), false, None).await;
    assert!(matches!(database.hold("a", tick(2), LONG).await, Err(Refused::Served)));
    assert_eq!(database.hold("a", tick(3), LONG).await.unwrap().epoch(), Some(5));
    // The times are the database's, whatever the caller's clock says (here: 2024).
    let standing = database.place().standing().await.unwrap().unwrap();
    assert!((standing.row.now - fleetsheet::clock::now()).abs() < TimeDelta::minutes(1));
    assert!(standing.expires_at.unwrap() > fleetsheet::clock::now());
}

#[tokio::test]
async fn many_that_ask_at_once_get_one_lease() {
    let Some(database) = Database::ready("race") else {
        return;
    };
    database
        .hold("first", None, LONG)
        .await
        .unwrap()
        .end(None, false, None)
        .await;
    for round in 2..12 {
        let asked = (0..6).map(|n| {
            let name = format!("i{n}");
            let database = &database;
            async move { database.hold(&name, tick(round), LONG).await }
        });
        let granted: Vec<Held> = futures(asked).await.into_iter().filter_map(Result::ok).collect();
        assert_eq!(granted.len(), 1, "{round}");
        for held in granted {
            assert_eq!(held.epoch(), Some(round));
            held.end(None, false, None).await;
        }
    }
}

async fn futures<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        all.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => {
                done.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done
}

#[tokio::test]
async fn a_stale_one_writes_nothing_and_calls_nobody() {
    let Some(database) = Database::ready("stale") else {
        return;
    };
    let mut first = database.hold("a", tick(1), LONG).await.unwrap();
    let store = first.open().await.unwrap();
    store.commit(&stamped(1)).await.unwrap();
    assert_eq!(first.leave().unwrap().to_call(), Ok(()));
    // As if it had stood still for longer than its lease.
    database
        .sql("UPDATE fleetsheet.lease SET expires_at = clock_timestamp() - interval '1 second' WHERE name = 'pass'");
    let mut second = database.hold("b", tick(1), LONG).await.unwrap();
    assert_eq!(second.lease().unwrap().expired().unwrap().instance, "a");
    let fenced = store.commit(&stamped(2)).await;
    assert!(matches!(fenced, Err(StoreError::Fenced(_))), "{fenced:?}");
    assert!(first.leave().unwrap().is_lost());
    assert_eq!(first.leave().unwrap().to_call(), Err(NOT_SENT));
    assert!(matches!(store.prune(now()).await, Err(StoreError::Fenced(_))));
    first.lost().await;
    // Nor does its end take the lease from whoever has it.
    first.end(tick(9), false, None).await;
    assert!(held_by(database.hold("c", None, LONG).await).contains("instance b"));
    let store = second.open().await.unwrap();
    assert_eq!(store.load().await.unwrap().last_stamp, stamped(1).last_stamp);
    store.commit(&stamped(3)).await.unwrap();
    assert_eq!(store.load().await.unwrap().last_stamp, stamped(3).last_stamp);
}

#[tokio::test]
async fn a_lease_is_renewed_for_as_long_as_the_store_answers() {
    let Some(database) = Database::ready("renewed") else {
        return;
    };
    let short = Duration::from_secs(3);
    let held = database.hold("a", tick(1), short).await.unwrap();
    tokio::time::sleep(short * 2).await;
    assert!(!held.leave().unwrap().is_lost());
    assert!(held_by(database.hold("b", tick(2), short).await).contains("instance a"));
    // Its sessions are ended again and again: it goes on over new ones.
    let began = Instant::now();
    while began.elapsed() < short * 2 {
        database.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'fleetsheet' AND datname = current_database()",
        );
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    assert!(!held.leave().unwrap().is_lost());
    // The row cannot be changed for longer than the lease: it is over by the holder's own clocks, without a word from the server.
    database.sql(
        "ALTER TABLE fleetsheet.lease DISABLE ROW LEVEL SECURITY; REVOKE UPDATE ON fleetsheet.lease FROM fleetsheet",
    );
    let lost = tokio::time::timeout(short * 3, held.lost()).await;
    assert!(lost.is_ok(), "it never noticed");
    assert!(began.elapsed() > short * 2);
}

#[tokio::test]
async fn a_holder_that_stands_still_inside_a_transaction_is_overtaken() {
    let Some(database) = Database::ready("still") else {
        return;
    };
    let short = Duration::from_secs(1);
    drop(database.hold("a", tick(1), short).await.unwrap());
    // A client that stopped in the middle of a message is not idle in the server's eyes, and no timeout of the server ends it.
    let mut still = std::process::Command::new("psql")
        .args([
            "-X",
            "-q",
            "-h",
            "127.0.0.1",
            "-U",
            "fleetsheet",
            "-d",
            &database.name,
            "-p",
            &database.port.to_string(),
        ])
        .args([
            "-c",
            "BEGIN; SELECT * FROM fleetsheet.lease WHERE name = 'pass' FOR SHARE; SELECT pg_sleep(120)",
        ])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let waits = "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(120)%' AND wait_event = 'PgSleep'";
    while database.sql(waits) != "1" {
        assert!(began.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let began = Instant::now();
    let taken = loop {
        match database.hold("b", tick(1), LONG).await {
            Ok(held) => break held,
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
        assert!(began.elapsed() < Duration::from_secs(30), "it was never overtaken");
    };
    let took = began.elapsed();
    let _ = still.kill();
    let _ = still.wait();
    assert_eq!(taken.lease().unwrap().expired().unwrap().instance, "a");
    assert!(took < Duration::from_secs(14), "{took:?}");
}
