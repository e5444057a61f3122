//! The lock: one holder at a time, by whatever path, and free as soon as the holder is gone.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use fleetsheet::adapters::sqlite::{Holder, StoreLock};

fn holder(run: &str) -> Holder {
    Holder {
        run: run.into(),
        host: "ops-1".into(),
        pid: 4242,
        since: now(),
        what: "--once".into(),
    }
}

fn held(result: Result<StoreLock, StoreError>) -> String {
    match result {
        Err(StoreError::Held(message)) => message,
        other => panic!("expected a held store, got {other:?}"),
    }
}

/// Takes a lock that was let go just now. A process that another test starts at that moment holds a copy of the descriptor until it
/// runs its own program, and the lock with it.
fn freed(url: &str, holder: &Holder) -> StoreLock {
    let began = Instant::now();
    loop {
        match StoreLock::acquire(url, holder) {
            Err(StoreError::Held(_)) if began.elapsed() < Duration::from_secs(5) => {
                thread::sleep(Duration::from_millis(5))
            }
            other => return other.unwrap(),
        }
    }
}

#[test]
fn a_second_lock_in_the_same_process_is_told_who_holds_the_first() {
    let directory = tempfile::tempdir().unwrap();
    let url = url(&directory.path().join("state/fleetsheet.db"));
    let first = StoreLock::acquire(&url, &holder("run-7")).unwrap();
    let message = held(StoreLock::acquire(&url, &holder("run-8")));
    for part in [
        "run-7",
        "--once",
        "ops-1",
        "4242",
        "2024-10-04T00:00:00Z",
        "state/fleetsheet.db",
    ] {
        assert!(message.contains(part), "{message}");
    }
    drop(first);
    let second = freed(&url, &holder("run-8"));
    assert!(held(StoreLock::acquire(&url, &holder("run-9"))).contains("run-8"));
    drop(second);
    assert_eq!(
        fs::read(directory.path().join("state/fleetsheet.db.lock")).unwrap(),
        b""
    );
}

#[test]
fn every_path_to_a_store_meets_the_same_lock() {
    let directory = tempfile::tempdir().unwrap();
    let of = |name: &str| directory.path().join(name);
    fs::create_dir(of("real")).unwrap();
    fs::create_dir(of("other")).unwrap();
    symlink("real", of("link")).unwrap();
    // It points at a store that does not exist yet.
    symlink("../real/fleetsheet.db", of("other/alias.db")).unwrap();
    for exists in [false, true] {
        if exists {
            fs::write(of("real/fleetsheet.db"), "").unwrap();
        }
        let lock = freed(&url(&of("real/fleetsheet.db")), &holder("run-1"));
        let relative = relative_to_here(&of("real/fleetsheet.db"));
        for path in [
            of("link/fleetsheet.db"),
            of("other/alias.db"),
            of("other/../real/./fleetsheet.db"),
            relative,
        ] {
            assert!(held(StoreLock::acquire(&url(&path), &holder("run-2"))).contains("run-1"));
        }
        drop(lock);
    }
    assert!(!of("other/alias.db.lock").exists());
}

fn relative_to_here(path: &Path) -> PathBuf {
    let up = std::env::current_dir()
        .unwrap()
        .components()
        .skip(1)
        .map(|_| "..")
        .collect::<PathBuf>();
    up.join(path.strip_prefix("/").unwrap())
}

#[test]
fn rubbish_in_the_lock_file_decides_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let url = url(&directory.path().join("fleetsheet.db"));
    let file = directory.path().join("fleetsheet.db.lock");
    for rubbish in [&b"{\"run\": \"run-0\""[..], b"\xff\x00", &[b'7'; 1 << 20]] {
        fs::write(&file, rubbish).unwrap();
        let lock = freed(&url, &holder("run-1"));
        assert!(held(StoreLock::acquire(&url, &holder("run-2"))).contains("run-1"));
        fs::write(&file, rubbish).unwrap();
        assert!(held(StoreLock::acquire(&url, &holder("run-2"))).contains("has not said who"));
        drop(lock);
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(broken(StoreLock::acquire(&url, &holder("run-1"))).contains("fleetsheet.db.lock"));
}

#[test]
fn a_lock_ends_with_its_process_however_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fleetsheet.db");
    for _ in 0..5 {
        let mut other = hold_elsewhere(&path);
        let message = held(StoreLock::acquire(&url(&path), &holder("run-1")));
        assert!(message.contains(&format!("process {}", other.id())), "{message}");
        other.kill().unwrap();
        other.wait().unwrap();
        drop(freed(&url(&path), &holder("run-1")));
    }
}

fn hold_elsewhere(path: &Path) -> Child {
    let mut other = helper("lock::hold_until_killed", path).spawn().unwrap();
    let said = BufReader::new(other.stdout.take().unwrap());
    assert!(said.lines().any(|line| line.unwrap().ends_with("it is held")));
    other
}

#[test]
#[ignore = "a helper process of a_lock_ends_with_its_process_however_it_ends"]
fn hold_until_killed() {
    let Some(path) = helper_store() else { return };
    let me = Holder {
        pid: std::process::id(),
        ..holder("elsewhere")
    };
    let _lock = StoreLock::acquire(&url(&path), &me).unwrap();
    println!("it is held");
    // Ends with the parent, which holds the other end of this pipe, if not killed before.
    std::io::stdin().lines().for_each(drop);
}
