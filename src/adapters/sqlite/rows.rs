//! Rows in and out of SQLite. Everything happens inside the caller's transaction.

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::events;
use crate::adapters::rows::{Carrier, Fault, Loading, Pair, Table};
use crate::memory::{Event, Memory};

/// Reads everything that decisions need.
pub(super) async fn load(connection: &mut SqliteConnection) -> Result<Memory, Fault> {
    let mut loading = Loading::default();
    for table in Table::ALL {
        let [name, key, body] = table.names();
        let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {key}, {body}, crc FROM {name}"));
        let mut rows = query.build().fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            loading.row(table, row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)?;
        }
    }
    Ok(loading.end()?.0)
}

/// Carries rows into an open transaction.
pub(in crate::adapters) struct Rows<'c>(pub(super) &'c mut SqliteConnection);

#[async_trait]
impl Carrier for Rows<'_> {
    async fn put(&mut self, table: Table, rows: &[Pair<'_>]) -> Result<Vec<i64>, Fault> {
        let keys = rows.iter().map(|(key, _)| *key);
        let replaced = keyed(table, "SELECT crc FROM", keys)
            .build()
            .fetch_all(&mut *self.0)
            .await?;
        let [name, key, body] = table.names();
        let mut query = QueryBuilder::<Sqlite>::new(format!("INSERT INTO {name} ({key}, {body}, crc) "));
        query.push_values(rows, |mut row, (key, body)| {
            row.push_bind(*key).push_bind(body).push_bind(table.crc(key, body));
        });
        query.push(format!(
            " ON CONFLICT ({key}) DO UPDATE SET {body} = excluded.{body}, crc = excluded.crc"
        ));
        query.build().execute(&mut *self.0).await?;
        checksums(&replaced)
    }

    async fn delete(&mut self, table: Table, keys: &[&str]) -> Result<Vec<i64>, Fault> {
        let mut query = keyed(table, "DELETE FROM", keys.iter().copied());
        query.push(" RETURNING crc");
        let gone = query.build().fetch_all(&mut *self.0).await?;
        checksums(&gone)
    }

    async fn clear(&mut self, table: Table) -> Result<Vec<i64>, Fault> {
        let [name, ..] = table.names();
        let mut query = QueryBuilder::<Sqlite>::new(format!("DELETE FROM {name} RETURNING crc"));
        let gone = query.build().fetch_all(&mut *self.0).await?;
        checksums(&gone)
    }

    async fn event(&mut self, event: &Event) -> Result<(), Fault> {
        events::append(self.0, event).await
    }

    async fn sealed(&mut self) -> Result<Option<String>, Fault> {
        let sealed = sqlx::query_scalar("SELECT value FROM meta WHERE key = 'seal'");
        Ok(sealed.fetch_optional(&mut *self.0).await?)
    }
}

fn checksums(rows: &[SqliteRow]) -> Result<Vec<i64>, Fault> {
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
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
