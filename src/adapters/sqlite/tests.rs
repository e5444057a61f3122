//! What needs the store's own connection: a disk that fills up, a commit that is given up, and a journal left in place.

use super::*;
use std::sync::Arc;

use crate::mail::OpenProblem;
use crate::memory::ServerMemory;
use crate::problem::{Code, Kind, Problem};
use crate::tag::ServerId;

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn update(servers: u32, text: &str) -> Update {
    let problem = OpenProblem::new(
        &Problem::new(Kind::Belt, Code::RowDrop, text, text),
        String::new(),
        now(),
    );
    let server = Arc::new(ServerMemory {
        held: true,
        ..ServerMemory::default()
    });
    Update {
        servers: (0..servers)
            .map(|index| (ServerId::from(&*format!("i-{index}")), server.clone()))
            .collect(),
        open: Some([(text.to_owned(), problem)].into()),
        ..Update::default()
    }
}

async fn store(directory: &tempfile::TempDir) -> SqliteStore {
    let url = format!("sqlite:{}", directory.path().join("fleetsheet.db").display());
    SqliteStore::open(&url, Access::Write, now()).await.unwrap()
}

/// Changes the store's own connection, until it is replaced.
async fn pragma(store: &SqliteStore, statement: &'static str) {
    let mut place = store.connection.lock().await;
    sqlx::query(statement).execute(place.as_mut().unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_changes_nothing_and_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    store.commit(&update(10, "before")).await.unwrap();
    let before = store.load().await.unwrap();
    // SQLite answers as it does on a full disk.
    pragma(&store, "PRAGMA max_page_count = 1").await;
    let error = store.commit(&update(2000, "after")).await.unwrap_err().to_string();
    assert!(error.contains("the disk is full; nothing was changed"), "{error}");
    assert!(error.contains("free some space"), "{error}");
    assert_eq!(store.load().await.unwrap(), before);
    // The next commit has a connection of its own, without that limit.
    store.commit(&update(2000, "after")).await.unwrap();
    assert_eq!(store.load().await.unwrap().servers.len(), 2000);
}

#[tokio::test]
async fn a_commit_that_is_given_up_is_rolled_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let big = update(2000, "after");
    let mut given_up = 0;
    for micros in (0..20).map(|step| 1 << step) {
        let before = store.load().await.unwrap();
        let done = tokio::time::timeout(Duration::from_micros(micros), store.commit(&big)).await;
        given_up += u32::from(done.is_err());
        let after = store.load().await.unwrap();
        let mut whole = before.clone();
        whole.apply(&big);
        assert!(after == before || after == whole);
    }
    assert!(given_up > 0);
    store.commit(&big).await.unwrap();
}

#[tokio::test]
async fn the_connection_is_as_durable_as_it_gets() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let mut place = store.connection.lock().await;
    let connection = place.as_mut().unwrap();
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    let sync: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    let keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!((mode.as_str(), sync, keys), ("delete", 3, 1));
}

#[tokio::test]
async fn a_hot_journal_is_read_past_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    store.commit(&update(500, "before")).await.unwrap();
    let before = store.load().await.unwrap();
    let committed = fs::read(&store.path).unwrap();
    // A transaction that spills to the file before it is committed, copied as a kill would leave it.
    pragma(&store, "PRAGMA cache_size = 5").await;
    let killed = tempfile::tempdir().unwrap();
    let path = killed.path().join("fleetsheet.db");
    {
        let mut place = store.connection.lock().await;
        let connection = place.as_mut().unwrap();
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
        carried::write(&mut rows::Rows(&mut transaction), &update(2000, "after"))
            .await
            .unwrap();
        for suffix in ["", "-journal"] {
            fs::copy(location::beside(&store.path, suffix), location::beside(&path, suffix)).unwrap();
        }
    }
    let bytes = || ["", "-journal"].map(|suffix| fs::read(location::beside(&path, suffix)).ok());
    let left = bytes();
    assert!(left.iter().all(Option::is_some));
    assert!(left[0] != Some(committed), "nothing was spilled");

    let url = format!("sqlite:{}", path.display());
    let reader = SqliteStore::open(&url, Access::Read, now()).await.unwrap();
    assert_eq!(reader.load().await.unwrap(), before);
    assert_eq!(reader.history(None, 1).await.unwrap(), []);
    assert!(bytes() == left);
    assert_eq!(fs::read_dir(killed.path()).unwrap().count(), 2);

    let writer = SqliteStore::open(&url, Access::Write, now()).await.unwrap();
    assert_eq!(writer.load().await.unwrap(), before);
    assert_eq!(bytes()[1], None);
    assert_eq!(reader.load().await.unwrap(), before, "it has a copy of its own");
}

#[tokio::test]
async fn a_file_that_was_replaced_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    fs::rename(&store.path, location::beside(&store.path, ".old")).unwrap();
    fs::copy(location::beside(&store.path, ".old"), &store.path).unwrap();
    let error = store.commit(&update(1, "after")).await.unwrap_err().to_string();
    assert!(error.contains("moved or replaced"), "{error}");
}

#[tokio::test]
async fn a_body_of_another_shape_is_refused_whole() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    store.commit(&update(3, "before")).await.unwrap();
    {
        let mut place = store.connection.lock().await;
        let connection = place.as_mut().unwrap();
        let mut rows = rows::Rows(connection);
        let mut writer = carried::Writer::begin(&mut rows).await.unwrap();
        writer
            .put_meta(carried::Key::Binding, r#"{"spreadsheet": "x"}"#.into())
            .await
            .unwrap();
        writer.seal().await.unwrap();
    }
    let error = store.load().await.unwrap_err().to_string();
    assert!(
        error.contains("meta row binding cannot be understood: missing field"),
        "{error}"
    );
    assert!(error.contains("--takeover"), "{error}");
}
