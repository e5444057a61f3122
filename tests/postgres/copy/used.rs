//! A copy that was killed when it was whole: both stores may have been used since, and only an unused copy is written over.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::{Database, now};
use super::{copy, everything, file, moved_soon, over};
use crate::daemon::signal;

#[tokio::test]
async fn a_copy_that_was_used_meanwhile_is_not_written_over() {
    let Some(database) = Database::ready("copy_meanwhile") else {
        return;
    };
    let (stage, _, old) = moved_soon(2).await;
    // Killed after it was whole there, and before the old one was closed: somebody reads the old file, which keeps it from that.
    let connection = std::process::Command::new("python3")
        .args(["-c", "import sqlite3,sys,time\nc=sqlite3.connect(sys.argv[1]);c.execute('BEGIN');c.execute('SELECT * FROM meta').fetchall()\nprint('reads',flush=True)\ntime.sleep(600)"])
        .arg(stage.path("state/fleetsheet.db"))
        .stdout(std::process::Stdio::piped())
        .spawn();
    let mut reader = connection.expect("python3 runs");
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(reader.stdout.take().unwrap()), &mut line).unwrap();
    let child = stage
        .command(&["state", "copy", "--to", &database.url()])
        .envs(over(&old))
        .spawn()
        .unwrap();
    let began = Instant::now();
    while !database.place().is_there().await.unwrap() {
        assert!(began.elapsed() < Duration::from_secs(60), "it never was there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    signal(child.id().unwrap(), "KILL");
    drop(child.wait_with_output().await);
    reader.kill().unwrap();
    reader.wait().unwrap();
    // Both are whole. The old one goes on, and a repeat takes that along.
    stage.turn_keys("web-prod", "2.6.0");
    assert_eq!(stage.once().await.code, 0);
    let newer = everything(&file(&old)).await;
    // But somebody used the new one.
    let mut lease = database.hold("a", None, Duration::from_secs(60)).await.unwrap();
    let store = lease.open().await.unwrap();
    let used = fleetsheet::memory::Update {
        last_stamp: Some(now()),
        ..Default::default()
    };
    let mark = database.sql("SELECT value FROM fleetsheet.meta WHERE key = 'seal'");
    store.commit(&used).await.unwrap();
    lease.end(None, false, None).await;
    let refused = copy(&stage, &old, &database.url()).await;
    assert!(
        refused.code == 1 && refused.stderr.contains("a store is there already"),
        "{refused:?}"
    );
    assert_ne!(
        database.sql("SELECT value FROM fleetsheet.meta WHERE key = 'seal'"),
        mark
    );
    // An unused one is written over.
    database.sql("DROP SCHEMA fleetsheet CASCADE");
    let done = copy(&stage, &old, &database.url()).await;
    assert_eq!((done.code, &done.json["from"]), (0, &Value::from(old)), "{done:?}");
    assert!(everything(&database.place()).await == newer);
}
