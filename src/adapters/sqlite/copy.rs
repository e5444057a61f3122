//! One end of a copy that is a file: the store as a whole, which others are kept away from.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqlitePool, Transaction};

use super::rows::Rows;
use super::schema::{self, Found};
use super::trouble::{self, At as _};
use super::{Access, location, open_if_store, options, regular_file};
use crate::adapters::rows::{Fault, Key, Mark, Mover, PAGE, Row, Table, Told, taken};
use crate::memory::StoreError;

/// A file as one end of a copy.
pub(in crate::adapters) struct Whole {
    path: PathBuf,
    /// Of one connection, whose transactions can be kept.
    pool: SqlitePool,
    open: Option<Transaction<'static, Sqlite>>,
}

impl Whole {
    /// Opens the store that is copied. Its layout stays as it is.
    pub(in crate::adapters) async fn source(url: &str) -> Result<Self, StoreError> {
        let path = location::prepare(&location::path_of(url)?)?;
        regular_file(&path)?;
        match open_if_store(&path, Access::Write).await {
            Ok(Some(connection)) => {
                drop(connection);
                Self::at(path).await
            }
            Ok(None) => Err(trouble::broken(&path, "it holds no store", "check state.url")),
            Err(fault) => Err(fault.at(&path)),
        }
    }

    /// Opens the place that it is copied to, making the file where it is missing.
    pub(in crate::adapters) async fn target(url: &str) -> Result<Self, StoreError> {
        let path = location::prepare(&location::path_of(url)?)?;
        regular_file(&path)?;
        drop(location::open_private(&path).map_err(|error| trouble::of_io(&path, "it cannot be opened", error))?);
        Self::at(path).await
    }

    async fn at(path: PathBuf) -> Result<Self, StoreError> {
        let one = SqlitePoolOptions::new().max_connections(1);
        match one.connect_with(options(&path, Access::Write)).await {
            Ok(pool) => Ok(Self { path, pool, open: None }),
            Err(error) => Err(Fault::from(error).at(&path)),
        }
    }

    /// The canonical path.
    pub(in crate::adapters) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::adapters) fn said(&self, fault: Fault) -> StoreError {
        fault.at(&self.path)
    }

    /// The rows, in the transaction that was begun.
    pub(in crate::adapters) fn rows(&mut self) -> Result<Rows<'_>, Fault> {
        let open = self
            .open
            .as_mut()
            .ok_or_else(|| Fault::Damaged("no transaction was begun".into()))?;
        Ok(Rows(open))
    }

    pub(in crate::adapters) async fn begin(&mut self, writes: bool) -> Result<(), Fault> {
        let begin = if writes { "BEGIN IMMEDIATE" } else { "BEGIN" };
        self.open = Some(self.pool.begin_with(begin).await?);
        Ok(())
    }

    pub(in crate::adapters) async fn end(&mut self, commits: bool) -> Result<(), Fault> {
        match self.open.take() {
            Some(open) if commits => Ok(open.commit().await?),
            Some(open) => Ok(open.rollback().await?),
            None => Ok(()),
        }
    }

    /// The mark of a copy that is there and of which nothing was used, or `None` where nothing is there. Makes the tables.
    pub(in crate::adapters) async fn room(&mut self) -> Result<Option<Mark>, Fault> {
        let Rows(connection) = self.rows()?;
        match schema::inspect(connection).await? {
            Found::Nothing => {
                schema::lay(connection).await?;
                Ok(None)
            }
            Found::Older => Err(taken("a store of an older layout is there")),
            Found::Current => {
                schema::serves(connection).await?;
                let mark = schema::value(connection, Key::Copied).await?;
                let said = Mark {
                    store: schema::value(connection, Key::Store).await?.unwrap_or_default(),
                    seal: schema::value(connection, Key::Seal).await?.unwrap_or_default(),
                    newest: Rows(connection).newest().await?,
                };
                match mark.as_deref().and_then(Mark::of_text) {
                    Some(mark) if mark == said => Ok(Some(mark)),
                    _ => Err(taken("a store is there already")),
                }
            }
        }
    }
}

#[async_trait]
impl Mover for Rows<'_> {
    async fn page(&mut self, table: Table, after: &str) -> Result<Vec<Row>, Fault> {
        let [name, key, body] = table.names();
        let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {key}, {body}, crc FROM {name} WHERE {key} > "));
        query.push_bind(after).push(format!(" ORDER BY {key} LIMIT {PAGE}"));
        let rows = query.build().fetch_all(&mut *self.0).await?;
        rows.iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
            .collect()
    }

    async fn told(&mut self, after: i64) -> Result<Vec<Told>, Fault> {
        let query = "SELECT time, run, channel, event, from_value, to_value, detail, seq FROM events WHERE seq > $1 ORDER BY seq LIMIT $2";
        let query = sqlx::query(query).bind(after).bind(PAGE as i64);
        let rows = query.fetch_all(&mut *self.0).await?;
        rows.iter().map(told).collect()
    }

    async fn tell(&mut self, events: &[Told]) -> Result<(), Fault> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO events (seq, time, run, channel, event, from_value, to_value, detail) ",
        );
        query.push_values(events, |mut row, event| {
            row.push_bind(event.number);
            for text in &event.texts {
                row.push_bind(text);
            }
        });
        query.build().execute(&mut *self.0).await?;
        Ok(())
    }

    async fn untell(&mut self) -> Result<(), Fault> {
        sqlx::query("DELETE FROM events").execute(&mut *self.0).await?;
        Ok(())
    }

    async fn newest(&mut self) -> Result<i64, Fault> {
        let query = sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM events");
        Ok(query.fetch_one(&mut *self.0).await?)
    }
}

fn told(row: &sqlx::sqlite::SqliteRow) -> Result<Told, Fault> {
    let mut texts: [String; 7] = Default::default();
    for (nth, text) in texts.iter_mut().enumerate() {
        *text = row.try_get(nth)?;
    }
    Ok(Told {
        number: row.try_get(7)?,
        texts,
    })
}
