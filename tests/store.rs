//! The state store on real files: what goes in comes out, whatever kills the writer, and nothing else is believed.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it fails")]

#[path = "store/corrupt.rs"]
mod corrupt;
#[path = "store/crash.rs"]
mod crash;
#[path = "store/lock.rs"]
mod lock;
#[path = "store/open.rs"]
mod open;
#[path = "store/random.rs"]
mod random;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet::adapters::sqlite::{Access, SqliteStore};
use fleetsheet::fleet::Source;
use fleetsheet::mail::OpenProblem;
use fleetsheet::memory::{
    ChannelMemory, Event, Memory, Move, RowMemory, ServerMemory, Stamp, Store, StoreError, StoreReader, Update,
};
use fleetsheet::problem::{Code, Kind, Problem};
use fleetsheet::tag::{ChannelName, ServerId, TagKey, TagSet, Version};
use sqlx::{Connection, SqliteConnection};

/// Names the store to a helper process, which is this test program running one ignored test.
const HELPER_STORE: &str = "FLEETSHEET_TEST_STORE";

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

async fn open(path: &Path, access: Access) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(&url(path), access, now()).await
}

async fn load(path: &Path, access: Access) -> Result<Memory, StoreError> {
    open(path, access).await?.load().await
}

fn broken<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Broken { message, .. }) => message,
        other => panic!("expected a broken store, got {other:?}"),
    }
}

async fn sql(path: &Path, statement: &'static str) {
    let mut connection = SqliteConnection::connect(&url(path)).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// This program again, running only the ignored test `helper`.
fn helper(helper: &str, store: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([helper, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(HELPER_STORE, store)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

fn helper_store() -> Option<PathBuf> {
    std::env::var_os(HELPER_STORE).map(PathBuf::from)
}

/// Everything in a directory: names, bytes and times of change.
fn files(directory: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let changed = entry.metadata().unwrap().modified().unwrap();
            (entry.path(), (fs::read(entry.path()).unwrap(), changed))
        })
        .collect()
}

/// An update that leaves the number `generation` in every row.
fn generation(generation: u32, servers: u32) -> Update {
    let text: Arc<str> = generation.to_string().into();
    let version = Version::parse(&text).unwrap();
    let server = |index: u32| {
        let memory = ServerMemory {
            source: Some(Source {
                account: "production".into(),
                region: "eu-west-1".into(),
            }),
            channel: Some(ChannelName::from("web-prod")),
            seen: TagSet::from([
                (TagKey::from("ReleaseChannel"), "web-prod".into()),
                (TagKey::from("ReleaseVersion"), text.clone()),
                (TagKey::from("Owner"), "team-checkout".into()),
            ]),
            row: RowMemory {
                written: Some("2026-11-21T22:58:01.123456Z".into()),
                meant: Vec::new(),
                earlier: vec![text.to_string(), "2026-11-20T22:58:01.123456Z".into()],
            },
            ..ServerMemory::default()
        };
        (ServerId::from(&*format!("i-{index:017x}")), Arc::new(memory))
    };
    let channel = ChannelMemory {
        release: Some(version),
        moved: Move::Promotion,
        row: RowMemory {
            written: Some(Stamp {
                release: text.to_string(),
                ..Stamp::default()
            }),
            ..RowMemory::default()
        },
        ..ChannelMemory::default()
    };
    let problem = Problem::new(Kind::Belt, Code::RowDrop, "web-prod", &*text);
    let problem = OpenProblem::new(&problem, String::new(), now());
    Update {
        channels: BTreeMap::from([(ChannelName::from("web-prod"), channel)]),
        servers: (0..servers).map(server).collect(),
        last_stamp: Some(now() + TimeDelta::seconds(generation.into())),
        open: Some(BTreeMap::from([(text.to_string(), problem)])),
        events: vec![event(now() + TimeDelta::seconds(generation.into()), "web-prod", &text)],
        ..Update::default()
    }
}

fn event(time: DateTime<Utc>, channel: &str, to: &str) -> Event {
    Event {
        time,
        run: "run-1".into(),
        channel: channel.into(),
        event: "promotion".into(),
        from: "0".into(),
        to: to.into(),
        detail: "both keys name it".into(),
    }
}

/// The memory of a store that committed [`generation`] only.
fn remembered(store: &str, number: u32, servers: u32) -> Memory {
    let mut memory = Memory {
        store: store.into(),
        ..Memory::default()
    };
    memory.apply(&generation(number, servers));
    memory
}

async fn commit(store: &SqliteStore, number: u32, servers: u32) {
    store.commit(&generation(number, servers)).await.unwrap();
}
