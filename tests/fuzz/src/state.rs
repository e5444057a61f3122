//! Files in place of a store: what was written comes back whole, or nothing does and the error says so.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet::adapters::sqlite::{Access, SqliteStore};
use fleetsheet::memory::{
    ChannelMemory, Event, Memory, ServerMemory, Store as _, StoreError, StoreReader as _, Update,
};
use fleetsheet::plan::plan;
use fleetsheet::sheet::parse::parse;
use fleetsheet::tag::{TagSet, Version};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use tokio::runtime::Runtime;

use crate::judge;
use crate::scene::{Scene, names};

/// Tables of keys and bodies: name, key and body.
const TABLES: [[&str; 3]; 6] = [
    ["meta", "key", "value"],
    ["channels", "name", "body"],
    ["servers", "id", "body"],
    ["problems", "fingerprint", "body"],
    ["news", "number", "body"],
    ["outbox", "number", "body"],
];

struct Bench {
    runtime: Runtime,
    /// A good store.
    file: Vec<u8>,
    /// What is in it.
    memory: Memory,
}

/// A path for a store, of this input alone. In memory where that can be had: a disk would take most of the time.
fn fresh() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    base.join(format!("fleetsheet-fuzz-{}-{count}.db", std::process::id()))
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// A good store, made once.
fn bench() -> &'static Bench {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    BENCH.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
        let path = fresh();
        let memory = runtime.block_on(async {
            let store = open(&path, Access::Write)
                .await
                .unwrap_or_else(|error| panic!("{error}"));
            store.commit(&update()).await.unwrap_or_else(|error| panic!("{error}"));
            store.load().await.unwrap_or_else(|error| panic!("{error}"))
        });
        let file = fs::read(&path).unwrap_or_else(|error| panic!("{error}"));
        clean(&path);
        Bench { runtime, file, memory }
    })
}

fn update() -> Update {
    let channel = ChannelMemory {
        release: Version::parse("2.3.9").ok(),
        ..ChannelMemory::default()
    };
    let server = Arc::new(ServerMemory {
        channel: Some("web".into()),
        seen: TagSet::from([("ReleaseVersion".into(), "2.3.9".into())]),
        ..ServerMemory::default()
    });
    Update {
        channels: BTreeMap::from([("web".into(), channel)]),
        servers: (0..20)
            .map(|i| (format!("i-{i}").as_str().into(), server.clone()))
            .collect(),
        last_stamp: Some(now()),
        events: vec![Event {
            time: now(),
            run: "run-1".into(),
            channel: "web".into(),
            event: "promotion".into(),
            from: "2.3.8".into(),
            to: "2.3.9".into(),
            detail: String::new(),
        }],
        ..Update::default()
    }
}

async fn open(path: &Path, access: Access) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(&format!("sqlite:{}", path.display()), access, now()).await
}

/// What a file gives to a pass that may write and to a command that only looks.
async fn load(path: &Path, access: Access) -> Result<Memory, StoreError> {
    let store = open(path, access).await?;
    // The history is not sealed: it must not fail in any other way than with an error.
    if let Err(error) = store.history(None, 10).await {
        judge_error(&error);
    }
    store.load().await
}

fn judge_error(error: &StoreError) {
    let text = error.to_string();
    judge::one_line("an error of the store", &text);
    judge::at_most("an error of the store", &text, 1000);
    assert!(matches!(error, StoreError::Broken { .. }), "{error}");
}

/// Removes the files of one input.
fn clean(path: &Path) {
    for ending in ["", "-journal", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let _ = fs::remove_file(name);
    }
}

/// Mutations of a good file, or with `=` first any bytes. Each mutation is `OFFSET:XOR`, at most three bytes (more could be made to
/// fit a checksum of 32 bits, and then it is no accident), or `cut LENGTH`; one a line.
pub fn file(data: &[u8]) {
    let bench = bench();
    let mut good = true;
    let bytes = match data.strip_prefix(b"=") {
        Some(bytes) => {
            good = false;
            bytes.to_vec()
        }
        None => mutated(&bench.file, &String::from_utf8_lossy(data)),
    };
    let path = fresh();
    for access in [Access::Read, Access::Write] {
        clean(&path);
        fs::write(&path, &bytes).unwrap_or_else(|error| panic!("{error}"));
        match bench.runtime.block_on(load(&path, access)) {
            Ok(memory) if good && !bytes.is_empty() => assert_eq!(memory, bench.memory, "half read"),
            // An empty file is a store that was about to be made.
            Ok(memory) => assert!(bytes.is_empty() && memory.channels.is_empty(), "{memory:?}"),
            Err(error) => judge_error(&error),
        }
        if access == Access::Read {
            assert_eq!(fs::read(&path).ok(), Some(bytes.clone()), "a look changed the file");
        }
    }
    clean(&path);
}

fn mutated(file: &[u8], mutations: &str) -> Vec<u8> {
    let mut bytes = file.to_vec();
    let mut left = 3;
    for line in mutations.lines() {
        if let Some(length) = line.strip_prefix("cut ") {
            bytes.truncate(length.parse().unwrap_or(usize::MAX));
        } else if let Some((offset, xor)) = line.split_once(':').filter(|_| left > 0)
            && let (Ok(offset), Ok(xor)) = (offset.parse::<usize>(), xor.parse::<u8>())
        {
            left -= 1;
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= xor;
            }
        }
    }
    bytes
}

/// Rows with any text in their columns and a seal that holds: `TABLE|KEY|BODY`, one a line.
pub fn rows(data: &[u8]) {
    let bench = bench();
    let path = fresh();
    fs::write(&path, &bench.file).unwrap_or_else(|error| panic!("{error}"));
    let text = String::from_utf8_lossy(data);
    bench.runtime.block_on(async {
        if let Err(error) = put(&path, &text).await {
            panic!("the rows cannot be written: {error}");
        }
        match load(&path, Access::Read).await {
            Err(error) => judge_error(&error),
            Ok(memory) => {
                assert_eq!(load(&path, Access::Write).await.ok().as_ref(), Some(&memory));
                decide(memory);
            }
        }
    });
    clean(&path);
}

/// Whatever is remembered, a decision can be made from it.
fn decide(memory: Memory) {
    let mut scene = Scene::new();
    for line in [
        "row web|2.4.0|2.4.0|[x]|[ ]",
        "servers",
        "row i-00000001|web",
        "server i-00000001 running web|2.3.9|web",
    ] {
        scene.line(line);
    }
    scene.memory = memory;
    let sheet = parse(&scene.raw, &names()).unwrap_or_else(|why| panic!("{why:?}"));
    for takeover in [false, true] {
        scene.policy.takeover = takeover;
        let planned = plan(scene.inputs(&sheet));
        assert!(!takeover || planned.stop.is_empty(), "{planned:?}");
    }
}

async fn put(path: &Path, text: &str) -> Result<(), sqlx::Error> {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await?;
    for line in text.lines().take(20) {
        let mut cells = line.splitn(3, '|');
        let (Some(table), Some(key), Some(body)) = (cells.next(), cells.next(), cells.next()) else {
            continue;
        };
        let Some([table, key_column, body_column]) = TABLES.into_iter().find(|[name, ..]| *name == table) else {
            continue;
        };
        if (table, key) == ("meta", "seal") {
            continue;
        }
        let statement =
            format!("INSERT OR REPLACE INTO {table} ({key_column}, {body_column}, crc) VALUES ($1, $2, $3)");
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(key)
            .bind(body)
            .bind(crc(&[table, key, body]))
            .execute(&mut connection)
            .await?;
    }
    seal(&mut connection).await?;
    connection.close().await
}

/// Seals the rows as a store does: how many there are, and what their checksums add up to.
async fn seal(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let (mut rows, mut sum) = (0_i64, 0_i64);
    for [table, key, _] in TABLES {
        let statement = format!("SELECT {key}, crc FROM {table}");
        for row in sqlx::query(sqlx::AssertSqlSafe(statement))
            .fetch_all(&mut *connection)
            .await?
        {
            if (table, row.try_get::<String, _>(0)?.as_str()) != ("meta", "seal") {
                rows += 1;
                sum += row.try_get::<i64, _>(1)?;
            }
        }
    }
    let text = format!("{rows} rows, {sum:x}");
    sqlx::query("UPDATE meta SET value = $1, crc = $2 WHERE key = 'seal'")
        .bind(&text)
        .bind(crc(&["meta", "seal", &text]))
        .execute(connection)
        .await?;
    Ok(())
}

/// CRC-32 as zip has it, over the parts with a zero byte after each.
fn crc(parts: &[&str]) -> i64 {
    let mut sum = u32::MAX;
    for byte in parts.iter().flat_map(|part| part.bytes().chain([0])) {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 };
        }
    }
    i64::from(!sum)
}
