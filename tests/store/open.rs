//! Opening: makes what is missing, refuses what it does not know, and reads without a trace.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::time::Instant;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_new_store_is_private_and_keeps_its_id() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/fleetsheet.db");
    let first = load(&path, Access::Write).await.unwrap();
    let (host, id) = first.store.split_once('/').unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 4);
    assert!(
        !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c)),
        "{host}"
    );
    assert_eq!(
        first,
        Memory {
            store: first.store.clone(),
            ..Memory::default()
        }
    );
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(files(path.parent().unwrap()).len(), 1, "only the store itself");

    let bytes = fs::read(&path).unwrap();
    assert_eq!(load(&path, Access::Write).await.unwrap(), first);
    assert_eq!(fs::read(&path).unwrap(), bytes, "opening it again changes nothing");
    assert_ne!(
        load(&directory.path().join("other.db"), Access::Write)
            .await
            .unwrap()
            .store,
        first.store
    );
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fleetsheet.db");
    fs::write(&path, "").unwrap();
    assert_eq!(load(&path, Access::Read).await.unwrap(), Memory::default());
    assert_eq!(fs::read(&path).unwrap(), b"");
    assert!(!load(&path, Access::Write).await.unwrap().store.is_empty());
}

#[tokio::test]
async fn two_that_make_the_same_store_agree() {
    for _ in 0..10 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fleetsheet.db");
        let (one, two) = tokio::join!(load(&path, Access::Write), load(&path, Access::Write));
        assert_eq!(one.unwrap(), two.unwrap());
    }
}

#[tokio::test]
async fn reading_leaves_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fleetsheet.db");
    let missing = open(&path, Access::Read).await.unwrap();
    assert_eq!(missing.load().await.unwrap(), Memory::default());
    assert_eq!(missing.history(None, 10).await.unwrap(), []);
    let nowhere = directory.path().join("no/such/directory/fleetsheet.db");
    assert_eq!(load(&nowhere, Access::Read).await.unwrap(), Memory::default());
    assert!(files(directory.path()).is_empty());

    let writer = open(&path, Access::Write).await.unwrap();
    commit(&writer, 1, 20).await;
    let written = writer.load().await.unwrap();
    drop(writer);
    let before = files(directory.path());
    let reader = open(&path, Access::Read).await.unwrap();
    assert!(reader.load().await.unwrap() == written);
    assert_eq!(reader.history(None, 10).await.unwrap().len(), 1);
    for refused in [
        reader.commit(&generation(2, 1)).await,
        reader.prune(now()).await.map(drop),
    ] {
        assert!(broken(refused).contains("opened for reading"));
    }
    drop(reader);
    assert!(files(directory.path()) == before);
}

#[tokio::test]
async fn a_reader_sees_whole_commits_while_another_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fleetsheet.db");
    let writer = open(&path, Access::Write).await.unwrap();
    commit(&writer, 0, 300).await;
    let writing = tokio::spawn(async move {
        for number in 1..=20 {
            commit(&writer, number, 300).await;
        }
    });
    let reader = open(&path, Access::Read).await.unwrap();
    while !writing.is_finished() {
        let memory = reader.load().await.unwrap();
        let release = memory.channels["web-prod"].release.clone().unwrap();
        let number = release.as_str().parse().unwrap();
        assert!(memory == remembered(&memory.store, number, 300));
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn history_is_newest_last_and_is_pruned_by_age() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("fleetsheet.db"), Access::Write)
        .await
        .unwrap();
    let events: Vec<Event> = (0..10)
        .map(|index| {
            let channel = if index % 2 == 0 { "web" } else { "" };
            event(now() + TimeDelta::milliseconds(index), channel, &index.to_string())
        })
        .collect();
    for part in events.chunks(3) {
        let update = Update {
            events: part.to_vec(),
            ..Update::default()
        };
        store.commit(&update).await.unwrap();
    }
    assert_eq!(store.history(None, 100).await.unwrap(), events);
    assert_eq!(store.history(None, 4).await.unwrap(), events[6..]);
    assert_eq!(store.history(None, 0).await.unwrap(), []);
    let of_web = [6, 8].map(|index: usize| events[index].clone());
    assert_eq!(store.history(Some("web"), 2).await.unwrap(), of_web);
    assert_eq!(store.history(Some("nope"), 2).await.unwrap(), []);

    assert_eq!(store.prune(events[7].time).await.unwrap(), 7);
    assert_eq!(store.history(None, 100).await.unwrap(), events[7..]);
    store.load().await.unwrap();
}

#[tokio::test]
async fn what_is_no_store_is_refused_with_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let of = |name: &str| directory.path().join(name);
    fs::create_dir(of("directory")).unwrap();
    fs::write(of("text"), "spreadsheet_id = \"x\"\n".repeat(300)).unwrap();
    fs::write(of("short"), "x").unwrap();
    fs::write(of("foreign"), "").unwrap();
    sql(&of("foreign"), "CREATE TABLE channels (name TEXT)").await;
    symlink(of("loop"), of("loop")).unwrap();
    for (name, what, fix) in [
        ("directory", "it is a directory", "let state.url name a file"),
        ("text", "not an SQLite database", "--once --takeover"),
        ("short", "not an SQLite database", "--once --takeover"),
        ("foreign", "of another program", "another path"),
        ("loop", "cannot be found", "state.url"),
        ("text/below.db", "cannot be", "state.url"),
    ] {
        for access in [Access::Write, Access::Read] {
            let before = fs::read(of(name)).ok();
            let message = broken(load(&of(name), access).await);
            let file = of(name).display().to_string();
            for part in [&*file, what, fix] {
                assert!(message.contains(part), "{name}, {access:?}: {message}");
            }
            assert_eq!(fs::read(of(name)).ok(), before, "{name} is left as it is");
        }
    }
    assert!(broken(SqliteStore::open("postgres://h/d", Access::Write, now()).await).contains("sqlite:PATH"));
}

#[tokio::test]
async fn a_newer_layout_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fleetsheet.db");
    commit(&open(&path, Access::Write).await.unwrap(), 1, 3).await;
    sql(
        &path,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9, 'x', TRUE, X'00', 1)",
    )
    .await;
    for access in [Access::Write, Access::Read] {
        let before = files(directory.path());
        let message = broken(load(&path, access).await);
        assert!(message.contains("layout 9; this one knows 2"), "{message}");
        assert!(message.contains("run that version"), "{message}");
        assert!(files(directory.path()) == before);
    }
}

/// Root may do everything, so that as root the test runs its helper as somebody else.
#[tokio::test]
async fn without_permission_it_is_said_who_may_not_do_what() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("readable.db");
    commit(&open(&path, Access::Write).await.unwrap(), 1, 3).await;
    fs::copy(&path, directory.path().join("private.db")).unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&path, 0o444);
    mode(&directory.path().join("private.db"), 0);
    mode(directory.path(), 0o555);
    let mut other = helper("open::without_permission", &path);
    if fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0) {
        other.uid(65_534);
    }
    match other.output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
        Err(error) => eprintln!("skipped: this program cannot be run as another user: {error}"),
    }
    mode(directory.path(), 0o755);
}

#[tokio::test]
#[ignore = "a helper process of without_permission_it_is_said_who_may_not_do_what"]
async fn without_permission() {
    let Some(path) = helper_store() else { return };
    let read = load(&path, Access::Read).await.unwrap();
    assert!(read == remembered(&read.store, 1, 3));
    let private = path.with_file_name("private.db");
    let absent = path.with_file_name("absent.db");
    for (path, access) in [
        (&path, Access::Write),
        (&private, Access::Write),
        (&private, Access::Read),
        (&absent, Access::Write),
    ] {
        let message = broken(load(path, access).await);
        assert!(message.contains("cannot be opened"), "{message}");
        assert!(message.contains("the directory and the file"), "{message}");
    }
}

/// Prints what the budget of a pass can count on; the limit is loose, for machines that are busy.
#[tokio::test]
async fn a_whole_fleet_is_committed_and_loaded_in_no_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("fleetsheet.db"), Access::Write)
        .await
        .unwrap();
    for number in 1..=3 {
        let update = generation(number, 1600);
        let start = Instant::now();
        store.commit(&update).await.unwrap();
        let committed = start.elapsed();
        let memory = store.load().await.unwrap();
        println!("commit {committed:?}, load {:?}", start.elapsed() - committed);
        assert_eq!(memory.servers.len(), 1600);
        assert!(start.elapsed().as_secs() < 5);
    }
}
