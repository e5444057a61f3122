//! What goes in comes out, the same as in SQLite; what is damaged, newer or somebody else's is refused in words.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fleetsheet::adapters::stores::Place;
use fleetsheet::mail::OpenProblem;
use fleetsheet::memory::{ChannelMemory, Event, Memory, ServerMemory, StoreError, Update};
use fleetsheet::problem::{Code, Kind, Problem};
use fleetsheet::tag::{ChannelName, ServerId, Version};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::{Database, broken, now};

const LONG: Duration = Duration::from_secs(60);

/// An update that a generator makes up: rows come, change and go, in every table.
pub(super) fn random(random: &mut TestRng, number: u32) -> Update {
    let mut pick = |most: u32| random.next_u32() % most;
    let version = |n: u32| Version::parse(&format!("1.{n}")).expect("a version");
    let text = |n: u32| {
        [
            "plain",
            "\"quoted\" 'text'; DROP TABLE meta",
            "emoji 🚀 ünïcode",
            "tab\tand\nline",
        ][n as usize % 4]
    };
    let server = |n: u32| ServerId::from(&*format!("i-{n:017x}"));
    let problem = Problem::new(Kind::Belt, Code::RowDrop, "web", text(pick(4)));
    let event = Event {
        time: now() + chrono::TimeDelta::seconds(number.into()),
        run: format!("run-{number}"),
        channel: ["web", "db", ""][pick(3) as usize].into(),
        event: "promotion".into(),
        from: "0".into(),
        to: number.to_string(),
        detail: text(pick(4)).into(),
    };
    let held = pick(2) == 0;
    let memory = Arc::new(ServerMemory {
        held,
        ..ServerMemory::default()
    });
    Update {
        channels: (0..pick(4))
            .map(|n| {
                let channel = ChannelMemory {
                    release: Some(version(number)),
                    ..ChannelMemory::default()
                };
                (ChannelName::from(&*format!("channel-{n}")), channel)
            })
            .collect(),
        servers: (0..pick(450)).map(|n| (server(n), Arc::clone(&memory))).collect(),
        forget_servers: (0..pick(250)).map(|_| server(pick(500))).collect(),
        last_stamp: Some(now() + chrono::TimeDelta::seconds(number.into())),
        open: (pick(2) == 0)
            .then(|| BTreeMap::from([(number.to_string(), OpenProblem::new(&problem, String::new(), now()))])),
        events: vec![event; pick(3) as usize],
        ..Update::default()
    }
}

/// The same but for what tells two stores apart.
fn alike(memory: Memory) -> Memory {
    Memory {
        store: String::new(),
        ..memory
    }
}

#[tokio::test]
async fn random_worlds_are_kept_as_sqlite_keeps_them() {
    let Some(database) = Database::ready("random") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let file = Place::File(format!("sqlite:{}", directory.path().join("store.db").display()));
    let mut lock = file.hold("pass", None, &super::terms(LONG), now()).await.unwrap();
    let sqlite = lock.open().await.unwrap();
    let mut lease = database.hold("a", None, LONG).await.unwrap();
    let postgres = lease.open().await.unwrap();
    let mut chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut expected = Memory::default();
    for number in 0..30 {
        let update = random(&mut chance, number);
        sqlite.commit(&update).await.unwrap();
        postgres.commit(&update).await.unwrap();
        expected.apply(&update);
        let (one, other) = (sqlite.load().await.unwrap(), postgres.load().await.unwrap());
        assert!(
            alike(one.clone()) == alike(other.clone()),
            "{number}: the stores differ"
        );
        assert!(alike(other) == expected, "{number}: something else was kept");
        let rows = |about: Option<fleetsheet::memory::About>| about.unwrap().rows;
        assert_eq!(
            rows(sqlite.about().await.unwrap()),
            rows(postgres.about().await.unwrap()),
            "{number}"
        );
    }
    for channel in [None, Some("web"), Some("nobody")] {
        for limit in [0, 1, 7, u32::MAX] {
            let told = sqlite.history(channel, limit).await.unwrap();
            assert_eq!(postgres.history(channel, limit).await.unwrap(), told);
        }
    }
    let before = now() + chrono::TimeDelta::seconds(15);
    assert_eq!(
        sqlite.prune(before).await.unwrap(),
        postgres.prune(before).await.unwrap()
    );
    assert_eq!(
        sqlite.history(None, u32::MAX).await.unwrap(),
        postgres.history(None, u32::MAX).await.unwrap()
    );
    // Whoever only reads finds the same, and can write nothing.
    let reader = database.place().to_read(now()).await.unwrap();
    assert!(alike(reader.load().await.unwrap()) == expected);
    assert!(reader.commit(&random(&mut chance, 99)).await.is_err());
    lease.end(None, false, None).await;
}

#[tokio::test]
async fn what_was_changed_by_hand_is_refused_and_no_commit_blesses_it() {
    let Some(database) = Database::ready("damage") else {
        return;
    };
    let mut lease = database.hold("a", None, LONG).await.unwrap();
    let store = lease.open().await.unwrap();
    let mut chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for number in 0..5 {
        store.commit(&random(&mut chance, number)).await.unwrap();
    }
    drop((store, lease));
    database.sql("ALTER SCHEMA fleetsheet RENAME TO whole");
    for (statement, said) in [
        ("DELETE FROM servers WHERE id LIKE '%7'", "rows were lost or added"),
        ("DELETE FROM meta WHERE key = 'last_stamp'", "rows were lost or added"),
        ("DELETE FROM meta WHERE key = 'seal'", "rows were lost or added"),
        ("DELETE FROM meta WHERE key = 'store'", "its id is gone"),
        ("DELETE FROM meta WHERE key = 'layout'", "its layout is not known"),
        (
            "UPDATE servers SET body = '{}' WHERE id LIKE '%5'",
            "does not match its checksum",
        ),
        (
            "UPDATE channels SET name = 'x' WHERE name = 'channel-0'",
            "does not match its checksum",
        ),
        ("DROP TABLE outbox", "its tables are not those of layout 2"),
        (
            "UPDATE meta SET value = '3' WHERE key = 'layout'",
            "a newer fleetsheet wrote it (layout 3",
        ),
    ] {
        database.sql(&format!(
            "DROP SCHEMA IF EXISTS fleetsheet CASCADE; CREATE SCHEMA fleetsheet AUTHORIZATION fleetsheet; {}",
            copy_of("whole")
        ));
        database.sql(&format!("SET search_path = fleetsheet; {statement}"));
        let message = match database.place().to_read(now()).await.unwrap().load().await {
            Err(StoreError::Broken { message, .. }) => message,
            other => panic!("{statement}: {other:?}"),
        };
        assert!(message.contains(said), "{statement}: {message}");
    }
    // What is lost stays lost, however much is written after.
    database.sql(&format!(
        "DROP SCHEMA fleetsheet CASCADE; CREATE SCHEMA fleetsheet AUTHORIZATION fleetsheet; {}",
        copy_of("whole")
    ));
    database.sql("UPDATE fleetsheet.lease SET released = true; DELETE FROM fleetsheet.servers WHERE id LIKE '%7'");
    let mut lease = database.hold("a", None, LONG).await.unwrap();
    let store = lease.open().await.unwrap();
    for number in 10..13 {
        store.commit(&random(&mut chance, number)).await.unwrap();
        assert!(
            store
                .load()
                .await
                .unwrap_err()
                .to_string()
                .contains("rows were lost or added")
        );
    }
}

/// Statements that copy the tables of a schema into `fleetsheet`, for the service's user.
fn copy_of(schema: &str) -> String {
    let tables = [
        "meta", "channels", "servers", "problems", "news", "outbox", "events", "lease",
    ];
    let copies = tables.map(|table| {
        let copied = match table {
            // Their numbers begin anew in the copy.
            "events" => "",
            _ => &format!("INSERT INTO fleetsheet.{table} SELECT * FROM {schema}.{table};"),
        };
        format!(
            "CREATE TABLE fleetsheet.{table} (LIKE {schema}.{table} INCLUDING ALL); {copied} \
             ALTER TABLE fleetsheet.{table} OWNER TO fleetsheet;"
        )
    });
    copies.join(" ")
}

#[tokio::test]
async fn what_cannot_be_used_is_said_in_words() {
    let Some(database) = Database::new("refused") else {
        return;
    };
    // Another program's schema.
    database.sql("CREATE SCHEMA fleetsheet; CREATE TABLE fleetsheet.orders (id int)");
    let said = broken(database.hold("a", None, LONG).await);
    assert!(
        said.contains("belongs to another program") && said.contains("state.schema"),
        "{said}"
    );
    database.sql("DROP SCHEMA fleetsheet CASCADE");
    // No right to create.
    let said = broken(database.hold("a", None, LONG).await);
    assert!(
        said.contains("may connect but not create") && said.contains("GRANT CREATE"),
        "{said}"
    );
    let probed = database.place().probe().await.unwrap_err().to_string();
    assert!(probed.contains("GRANT CREATE"), "{probed}");
    assert!(!database.place().is_there().await.unwrap());
    assert_eq!(
        database.place().to_read(now()).await.unwrap().load().await.unwrap(),
        Memory::default()
    );
    // A server that takes no writes.
    let grant = format!("GRANT CREATE ON DATABASE {0} TO fleetsheet", database.name);
    database.sql(&grant);
    database.sql(&format!(
        "ALTER DATABASE {} SET default_transaction_read_only = on",
        database.name
    ));
    let said = broken(database.hold("a", None, LONG).await);
    assert!(said.contains("takes no writes") || said.contains("SQLSTATE"), "{said}");
    database.sql(&format!(
        "BEGIN READ WRITE; ALTER DATABASE {} RESET default_transaction_read_only; COMMIT",
        database.name
    ));
    // No server, no such database, no such user.
    let mut wrong = database.address();
    wrong.port = crate::venv::free_port().port();
    let place = Place::Database(Box::new(wrong));
    assert!(
        place
            .probe()
            .await
            .unwrap_err()
            .to_string()
            .contains("cannot be reached")
    );
    let mut wrong = database.address();
    wrong.database = "nowhere".into();
    let place = Place::Database(Box::new(wrong));
    assert!(
        place
            .probe()
            .await
            .unwrap_err()
            .to_string()
            .contains("database is not there")
    );
    // And then it can be made, once.
    let (exists, holder, unprotected) = database.place().probe().await.unwrap();
    assert_eq!((exists, holder), (false, None));
    assert!(unprotected.unwrap().contains("synchronous_standby_names"));
    let lease = database.hold("a", None, LONG).await.unwrap();
    assert!(database.place().is_there().await.unwrap());
    let (exists, holder, _) = database.place().probe().await.unwrap();
    assert!(exists && holder.unwrap().contains("instance a"));
    lease.end(None, false, None).await;
}
