//! Memory to rows. A [`Writer`] knows what each of its changes does to the seal, so that sealing needs no second look at all
//! rows. It begins only where the old seal holds: the next one would bless whatever is left.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::super::events;
use super::super::seal::Seal;
use super::super::trouble::Fault;
use super::{Key, Table, broken_seal};
use crate::mail::MailUpdate;
use crate::memory::Update;
use crate::tag::{ChannelName, ServerId};

/// How many rows one statement writes. Each statement is a trip to the thread that owns the connection, and SQLite takes up to
/// 32,766 parameters, three for each row.
const ROWS_A_STATEMENT: usize = 200;

/// A key and a body.
type Pair<'a> = (&'a str, String);

/// Writes everything that `update` says.
pub(in crate::adapters::sqlite) async fn write(
    connection: &mut SqliteConnection,
    update: &Update,
) -> Result<(), Fault> {
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
    let mut writer = Writer::begin(connection).await?;
    let meta = [
        meta(Key::Binding, binding.as_ref())?,
        meta(Key::Baselines, baselines.as_ref())?,
        meta(Key::LastStamp, last_stamp.as_ref())?,
        meta(Key::Tripped, tripped.as_ref())?,
        meta(Key::Unlogged, unlogged.as_ref())?,
        meta(Key::Mail, mail.standing.as_ref())?,
    ];
    let meta: Vec<Pair<'_>> = meta.into_iter().flatten().collect();
    writer.put(Table::Meta, &meta).await?;
    writer.put_all(Table::Channels, channels, ChannelName::as_str).await?;
    writer.put_all(Table::Servers, servers, ServerId::as_str).await?;
    writer
        .delete(Table::Servers, forget_servers.iter().map(ServerId::as_str))
        .await?;
    if let Some(open) = open {
        writer.clear(Table::Problems).await?;
        writer.put_all(Table::Problems, open, String::as_str).await?;
    }
    writer.put_mail(mail).await?;
    for event in events {
        events::append(writer.connection, event).await?;
    }
    writer.seal().await
}

fn meta<B: Serialize>(key: Key, body: Option<&B>) -> Result<Option<Pair<'static>>, Fault> {
    body.map(|body| Ok((key.word(), json(body)?))).transpose()
}

fn json(body: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(body)
        .map_err(|error| Fault::Refused(format!("this cannot be stored: {error}"), "report this as a bug"))
}

/// Changes rows in one transaction of the caller's; what it changed counts only once it is sealed.
#[must_use = "rows that were changed and not sealed are refused as damaged"]
pub(in crate::adapters::sqlite) struct Writer<'c> {
    connection: &'c mut SqliteConnection,
    /// What all rows add up to, as they now are.
    sum: Seal,
}

impl<'c> Writer<'c> {
    /// Begins to write to a store that holds no rows yet.
    pub(in crate::adapters::sqlite) fn of_nothing(connection: &'c mut SqliteConnection) -> Self {
        Self {
            connection,
            sum: Seal::default(),
        }
    }

    /// Begins to write, if no row was lost or added since the store was sealed.
    pub(in crate::adapters::sqlite) async fn begin(connection: &'c mut SqliteConnection) -> Result<Self, Fault> {
        let sealed: Option<String> = sqlx::query_scalar("SELECT value FROM meta WHERE key = 'seal'")
            .fetch_optional(&mut *connection)
            .await?;
        let sum = sum(connection).await?;
        if sealed != Some(sum.text()) {
            return Err(broken_seal());
        }
        Ok(Self { connection, sum })
    }

    /// Writes one value of the table `meta`.
    pub(in crate::adapters::sqlite) async fn put_meta(&mut self, key: Key, value: String) -> Result<(), Fault> {
        self.put(Table::Meta, &[(key.word(), value)]).await
    }

    /// Seals all rows as they now are.
    pub(in crate::adapters::sqlite) async fn seal(self) -> Result<(), Fault> {
        // The seal is not a part of its own sum.
        upsert(self.connection, Table::Meta, &[(Key::Seal.word(), self.sum.text())]).await
    }

    async fn put_mail(&mut self, update: &MailUpdate) -> Result<(), Fault> {
        let MailUpdate {
            standing: _,
            news,
            told,
            letters,
            done,
        } = update;
        self.put_all(Table::News, news, String::as_str).await?;
        self.put_all(Table::Outbox, letters, String::as_str).await?;
        self.delete(Table::News, told.iter().map(String::as_str)).await?;
        self.delete(Table::Outbox, done.iter().map(String::as_str)).await
    }

    async fn put_all<K, B: Serialize>(
        &mut self,
        table: Table,
        bodies: &BTreeMap<K, B>,
        key: fn(&K) -> &str,
    ) -> Result<(), Fault> {
        let mut bodies = bodies.iter();
        loop {
            let mut rows = Vec::new();
            for (name, body) in bodies.by_ref().take(ROWS_A_STATEMENT) {
                rows.push((key(name), json(body)?));
            }
            if rows.is_empty() {
                return Ok(());
            }
            self.put(table, &rows).await?;
        }
    }

    /// Writes rows of different keys, in place of those with the same keys.
    async fn put(&mut self, table: Table, rows: &[Pair<'_>]) -> Result<(), Fault> {
        for rows in rows.chunks(ROWS_A_STATEMENT) {
            let keys = rows.iter().map(|(key, _)| *key);
            let replaced = keyed(table, "SELECT crc FROM", keys)
                .build()
                .fetch_all(&mut *self.connection)
                .await?;
            self.gone(&replaced)?;
            upsert(self.connection, table, rows).await?;
            for (key, body) in rows {
                self.sum.add(1, table.crc(key, body));
            }
        }
        Ok(())
    }

    async fn delete(&mut self, table: Table, keys: impl Iterator<Item = &str>) -> Result<(), Fault> {
        let keys: Vec<&str> = keys.collect::<BTreeSet<_>>().into_iter().collect();
        for keys in keys.chunks(ROWS_A_STATEMENT) {
            let mut query = keyed(table, "DELETE FROM", keys.iter().copied());
            query.push(" RETURNING crc");
            let gone = query.build().fetch_all(&mut *self.connection).await?;
            self.gone(&gone)?;
        }
        Ok(())
    }

    async fn clear(&mut self, table: Table) -> Result<(), Fault> {
        let [name, ..] = table.names();
        let mut query = QueryBuilder::<Sqlite>::new(format!("DELETE FROM {name} RETURNING crc"));
        let gone = query.build().fetch_all(&mut *self.connection).await?;
        self.gone(&gone)
    }

    /// Takes rows out of the sum, by their checksums.
    fn gone(&mut self, rows: &[SqliteRow]) -> Result<(), Fault> {
        for row in rows {
            let crc: i64 = row.try_get(0)?;
            self.sum.add(-1, -crc);
        }
        Ok(())
    }
}

/// A statement over the rows with these keys, of which there is at least one.
fn keyed<'k>(table: Table, what: &str, keys: impl Iterator<Item = &'k str>) -> QueryBuilder<Sqlite> {
    let [name, key, _] = table.names();
    let mut query = QueryBuilder::new(format!("{what} {name} WHERE {key} IN ("));
    let mut list = query.separated(", ");
    for key in keys {
        list.push_bind(key);
    }
    query.push(")");
    query
}

async fn upsert(connection: &mut SqliteConnection, table: Table, rows: &[Pair<'_>]) -> Result<(), Fault> {
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

/// What all rows add up to, as the database has them.
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
