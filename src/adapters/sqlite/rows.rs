//! Memory to rows and back. Every function works inside the caller's transaction, and believes a row only if its checksum and
//! the seal over all rows agree.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::events;
use super::seal::{self, Seal};
use super::trouble::Fault;
use crate::mail::{Mail, MailUpdate};
use crate::memory::{Memory, Update};
use crate::tag::{ChannelName, ServerId};

/// How many rows one statement writes. Each statement is a trip to the thread that owns the connection, and SQLite takes up to
/// 32,766 parameters, three for each row.
const ROWS_A_STATEMENT: usize = 200;

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
    for (key, value) in read(connection, Table::Meta, &mut found).await? {
        meta.insert(key, value);
    }
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
    for (key, body) in read(connection, table, found).await? {
        let place = format!("{table:?} row {key:?}");
        bodies.insert(K::from(&key), parse((body, place))?);
    }
    Ok(bodies)
}

/// Reads keys and bodies, and counts them into the seal.
async fn read(
    connection: &mut SqliteConnection,
    table: Table,
    found: &mut Seal,
) -> Result<Vec<(String, String)>, Fault> {
    let [name, key, body] = table.names();
    let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {key}, {body}, crc FROM {name}"));
    let mut pairs = Vec::new();
    for row in query.build().fetch_all(connection).await? {
        let (key, body, crc): (String, String, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if crc != table.crc(&key, &body) {
            return Err(Fault::Damaged(format!(
                "{table:?} row {key:?} does not match its checksum"
            )));
        }
        if table != Table::Meta || key != Key::Seal.word() {
            found.add(1, crc);
        }
        pairs.push((key, body));
    }
    Ok(pairs)
}

fn parse<B: DeserializeOwned>((text, place): (String, String)) -> Result<B, Fault> {
    serde_json::from_str(&text).map_err(|error| Fault::Damaged(format!("{place} cannot be understood: {error}")))
}

/// Writes everything that `update` says.
pub(super) async fn write(connection: &mut SqliteConnection, update: &Update) -> Result<(), Fault> {
    let Update {
        binding,
        channels,
        servers,
        forget_servers,
        baselines,
        last_stamp,
        open,
        tripped,
        unlogged,
        mail,
        events,
    } = update;
    verify(connection).await?;
    if let Some(binding) = binding {
        put_meta(connection, Key::Binding, json(binding)?).await?;
    }
    if let Some(baselines) = baselines {
        put_meta(connection, Key::Baselines, json(baselines)?).await?;
    }
    if let Some(stamp) = last_stamp {
        put_meta(connection, Key::LastStamp, json(stamp)?).await?;
    }
    if let Some(tripped) = tripped {
        put_meta(connection, Key::Tripped, json(tripped)?).await?;
    }
    if let Some(unlogged) = unlogged {
        put_meta(connection, Key::Unlogged, json(unlogged)?).await?;
    }
    put_all(connection, Table::Channels, channels, ChannelName::as_str).await?;
    put_all(connection, Table::Servers, servers, ServerId::as_str).await?;
    for id in forget_servers {
        sqlx::query("DELETE FROM servers WHERE id = $1")
            .bind(id.as_str())
            .execute(&mut *connection)
            .await?;
    }
    if let Some(open) = open {
        sqlx::query("DELETE FROM problems").execute(&mut *connection).await?;
        put_all(connection, Table::Problems, open, String::as_str).await?;
    }
    write_mail(connection, mail).await?;
    for event in events {
        events::append(connection, event).await?;
    }
    seal(connection).await
}

async fn write_mail(connection: &mut SqliteConnection, update: &MailUpdate) -> Result<(), Fault> {
    let MailUpdate {
        standing,
        news,
        told,
        letters,
        done,
    } = update;
    if let Some(standing) = standing {
        put_meta(connection, Key::Mail, json(standing)?).await?;
    }
    put_all(connection, Table::News, news, String::as_str).await?;
    put_all(connection, Table::Outbox, letters, String::as_str).await?;
    for (statement, numbers) in [
        ("DELETE FROM news WHERE number = $1", told),
        ("DELETE FROM outbox WHERE number = $1", done),
    ] {
        for number in numbers {
            sqlx::query(statement).bind(number).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

fn json(body: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(body)
        .map_err(|error| Fault::Refused(format!("this cannot be remembered: {error}"), "report this as a bug"))
}

async fn put_all<K, B: Serialize>(
    connection: &mut SqliteConnection,
    table: Table,
    bodies: &BTreeMap<K, B>,
    key: fn(&K) -> &str,
) -> Result<(), Fault> {
    let mut rows = Vec::with_capacity(bodies.len());
    for (name, body) in bodies {
        rows.push((key(name), json(body)?));
    }
    for some in rows.chunks(ROWS_A_STATEMENT) {
        put(connection, table, some).await?;
    }
    Ok(())
}

/// Writes one value of the table `meta`; [`seal`] must follow in the same transaction.
pub(super) async fn put_meta(connection: &mut SqliteConnection, key: Key, value: String) -> Result<(), Fault> {
    put(connection, Table::Meta, &[(key.word(), value)]).await
}

async fn put(connection: &mut SqliteConnection, table: Table, rows: &[(&str, String)]) -> Result<(), Fault> {
    let [name, key, body] = table.names();
    let mut query = QueryBuilder::<Sqlite>::new(format!("INSERT INTO {name} ({key}, {body}, crc) "));
    query.push_values(rows, |mut row, (key, body)| {
        row.push_bind(*key).push_bind(body).push_bind(table.crc(key, body));
    });
    query.push(format!(
        " ON CONFLICT ({key}) DO UPDATE SET {body} = excluded.{body}, crc = excluded.crc"
    ));
    query.build().execute(connection).await?;
    Ok(())
}

/// Seals all rows as they now are.
pub(super) async fn seal(connection: &mut SqliteConnection) -> Result<(), Fault> {
    let seal = sum(connection).await?;
    put_meta(connection, Key::Seal, seal.text()).await
}

/// Refuses to write to a store that lost rows: the next seal would bless what is left.
async fn verify(connection: &mut SqliteConnection) -> Result<(), Fault> {
    let sealed: Option<String> = sqlx::query_scalar("SELECT value FROM meta WHERE key = 'seal'")
        .fetch_optional(&mut *connection)
        .await?;
    if sealed != Some(sum(connection).await?.text()) {
        return Err(broken_seal());
    }
    Ok(())
}

fn broken_seal() -> Fault {
    Fault::Damaged("rows were lost or added".into())
}

async fn sum(connection: &mut SqliteConnection) -> Result<Seal, Fault> {
    let sums = sqlx::query(
        "SELECT COUNT(*), CAST(COALESCE(SUM(crc), 0) AS BIGINT) FROM meta WHERE key <> 'seal' \
         UNION ALL SELECT COUNT(*), CAST(COALESCE(SUM(crc), 0) AS BIGINT) FROM channels \
         UNION ALL SELECT COUNT(*), CAST(COALESCE(SUM(crc), 0) AS BIGINT) FROM servers \
         UNION ALL SELECT COUNT(*), CAST(COALESCE(SUM(crc), 0) AS BIGINT) FROM problems \
         UNION ALL SELECT COUNT(*), CAST(COALESCE(SUM(crc), 0) AS BIGINT) FROM news \
         UNION ALL SELECT COUNT(*), CAST(COALESCE(SUM(crc), 0) AS BIGINT) FROM outbox",
    )
    .fetch_all(connection)
    .await?;
    let mut seal = Seal::default();
    for row in sums {
        seal.add(row.try_get(0)?, row.try_get(1)?);
    }
    Ok(seal)
}
