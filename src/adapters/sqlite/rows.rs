//! Rows to memory. Everything happens inside the caller's transaction, and a row is believed only if its checksum and the seal
//! over all rows agree.

mod write;

use std::collections::{BTreeMap, HashMap};

use futures_util::TryStreamExt as _;
use serde::de::DeserializeOwned;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::seal::{self, Seal};
use super::trouble::Fault;
use crate::mail::Mail;
use crate::memory::Memory;

pub(super) use write::{Writer, write};

/// A table of keys and bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Meta,
    Channels,
    Servers,
    Problems,
    News,
    Outbox,
}

impl Table {
    /// Its name (which is part of each row's checksum) and those of its columns for key and body.
    fn names(self) -> [&'static str; 3] {
        match self {
            Self::Meta => ["meta", "key", "value"],
            Self::Channels => ["channels", "name", "body"],
            Self::Servers => ["servers", "id", "body"],
            Self::Problems => ["problems", "fingerprint", "body"],
            Self::News => ["news", "number", "body"],
            Self::Outbox => ["outbox", "number", "body"],
        }
    }

    fn crc(self, key: &str, body: &str) -> i64 {
        let [table, ..] = self.names();
        seal::crc(&[table, key, body])
    }
}

/// A key of the table `meta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The id of the store.
    Store,
    /// When it was made, for people.
    Created,
    /// The spreadsheet it serves.
    Binding,
    /// What the belts compare with.
    Baselines,
    /// The newest `updatedAt` given out.
    LastStamp,
    /// Belts that hold something back.
    Tripped,
    /// Events that are not yet in the audit tab.
    Unlogged,
    /// What is remembered of mail besides news and letters.
    Mail,
    /// The [`Seal`].
    Seal,
}

impl Key {
    fn word(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Created => "created",
            Self::Binding => "binding",
            Self::Baselines => "baselines",
            Self::LastStamp => "last_stamp",
            Self::Tripped => "tripped",
            Self::Unlogged => "unlogged",
            Self::Mail => "mail",
            Self::Seal => "seal",
        }
    }
}

/// Reads everything that decisions need.
pub(super) async fn load(connection: &mut SqliteConnection) -> Result<Memory, Fault> {
    let mut found = Seal::default();
    let mut meta: HashMap<String, String> = HashMap::new();
    let each = |key: &str, value: &str| drop(meta.insert(key.to_owned(), value.to_owned()));
    read(connection, Table::Meta, &mut found, each).await?;
    let channels = bodies(connection, Table::Channels, &mut found).await?;
    let servers = bodies(connection, Table::Servers, &mut found).await?;
    let open = bodies(connection, Table::Problems, &mut found).await?;
    let news = bodies(connection, Table::News, &mut found).await?;
    let outbox = bodies(connection, Table::Outbox, &mut found).await?;

    let mut take = |key: Key| meta.remove(key.word());
    let store = take(Key::Store).ok_or_else(|| Fault::Damaged("its id is gone".into()))?;
    if take(Key::Seal) != Some(found.text()) {
        return Err(broken_seal());
    }
    let meta_body = |key: Key, text: String| (text, format!("meta row {}", key.word()));
    let binding = take(Key::Binding).map(|text| parse(meta_body(Key::Binding, text)));
    let baselines = take(Key::Baselines).map(|text| parse(meta_body(Key::Baselines, text)));
    let last_stamp = take(Key::LastStamp).map(|text| parse(meta_body(Key::LastStamp, text)));
    let tripped = take(Key::Tripped).map(|text| parse(meta_body(Key::Tripped, text)));
    let unlogged = take(Key::Unlogged).map(|text| parse(meta_body(Key::Unlogged, text)));
    let standing = take(Key::Mail).map(|text| parse(meta_body(Key::Mail, text)));
    let mail = Mail {
        standing: standing.transpose()?.unwrap_or_default(),
        news,
        outbox,
    };
    Ok(Memory {
        store,
        binding: binding.transpose()?,
        channels,
        servers,
        baselines: baselines.transpose()?.unwrap_or_default(),
        last_stamp: last_stamp.transpose()?,
        open,
        tripped: tripped.transpose()?.unwrap_or_default(),
        unlogged: unlogged.transpose()?.unwrap_or_default(),
        mail,
    })
}

/// Reads a table whose bodies are JSON.
async fn bodies<K, B>(
    connection: &mut SqliteConnection,
    table: Table,
    found: &mut Seal,
) -> Result<BTreeMap<K, B>, Fault>
where
    K: Ord + for<'a> From<&'a str>,
    B: DeserializeOwned,
{
    let mut bodies = BTreeMap::new();
    let mut wrong = None;
    let each = |key: &str, body: &str| match serde_json::from_str(body) {
        Ok(body) => drop(bodies.insert(K::from(key), body)),
        Err(error) => {
            wrong.get_or_insert_with(|| not_understood(&format!("{table:?} row {key:?}"), &error));
        }
    };
    read(connection, table, found, each).await?;
    wrong.map_or(Ok(bodies), Err)
}

/// Reads keys and bodies one by one, as a large fleet's text is many times what comes of it, and counts them into the seal.
async fn read(
    connection: &mut SqliteConnection,
    table: Table,
    found: &mut Seal,
    mut each: impl FnMut(&str, &str),
) -> Result<(), Fault> {
    let [name, key, body] = table.names();
    let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {key}, {body}, crc FROM {name}"));
    let mut rows = query.build().fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let (key, body, crc): (&str, &str, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if crc != table.crc(key, body) {
            return Err(Fault::Damaged(format!(
                "{table:?} row {key:?} does not match its checksum"
            )));
        }
        if table != Table::Meta || key != Key::Seal.word() {
            found.add(1, crc);
        }
        each(key, body);
    }
    Ok(())
}

fn parse<B: DeserializeOwned>((text, place): (String, String)) -> Result<B, Fault> {
    serde_json::from_str(&text).map_err(|error| not_understood(&place, &error))
}

fn not_understood(place: &str, error: &serde_json::Error) -> Fault {
    Fault::Damaged(format!("{place} cannot be understood: {error}"))
}

fn broken_seal() -> Fault {
    Fault::Damaged("rows were lost or added".into())
}
