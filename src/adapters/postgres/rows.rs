//! Rows in and out of PostgreSQL. Everything happens inside the caller's transaction, whose schema is the store's.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::session::{Session, sql};
use crate::adapters::rows::events::{ADD, PRUNE, PRUNED_MOST, event};
use crate::adapters::rows::{Carrier, Fault, Loading, Pair, Table, sortable};
use crate::memory::{Event, Memory};

/// How many rows come with one answer: a large fleet must not be in memory as text all at once.
const ROWS_AN_ANSWER: i64 = 5_000;

/// Reads everything that decisions need.
pub(super) async fn load(session: &mut Session) -> Result<Memory, Fault> {
    let mut loading = Loading::default();
    for table in Table::ALL {
        let mut after = String::new();
        loop {
            let rows = rows_after(session, table, &after, ROWS_AN_ANSWER).await?;
            for row in &rows {
                loading.row(table, row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)?;
            }
            match rows.last() {
                Some(last) if rows.len() as i64 == ROWS_AN_ANSWER => after = last.try_get(0)?,
                _ => break,
            }
        }
    }
    Ok(loading.end()?.0)
}

/// The first rows after a key, so many at most.
pub(super) async fn rows_after(
    session: &mut Session,
    table: Table,
    after: &str,
    most: i64,
) -> Result<Vec<PgRow>, Fault> {
    session.all(sql(page(table)).bind(after).bind(most)).await
}

/// Keys are compared byte by byte (their columns have the collation `C`), and none is empty.
fn page(table: Table) -> &'static str {
    match table {
        Table::Meta => "SELECT key, value, crc FROM meta WHERE key > $1 ORDER BY key LIMIT $2",
        Table::Channels => "SELECT name, body, crc FROM channels WHERE name > $1 ORDER BY name LIMIT $2",
        Table::Servers => "SELECT id, body, crc FROM servers WHERE id > $1 ORDER BY id LIMIT $2",
        Table::Problems => {
            "SELECT fingerprint, body, crc FROM problems WHERE fingerprint > $1 ORDER BY fingerprint LIMIT $2"
        }
        Table::News => "SELECT number, body, crc FROM news WHERE number > $1 ORDER BY number LIMIT $2",
        Table::Outbox => "SELECT number, body, crc FROM outbox WHERE number > $1 ORDER BY number LIMIT $2",
    }
}

/// The statements over one table.
struct Statements {
    replaced: &'static str,
    put: &'static str,
    delete: &'static str,
    clear: &'static str,
}

macro_rules! statements {
    ($table:literal, $key:literal, $body:literal) => {
        Statements {
            replaced: concat!("SELECT crc FROM ", $table, " WHERE ", $key, " = ANY($1)"),
            put: concat!(
                "INSERT INTO ",
                $table,
                " (",
                $key,
                ", ",
                $body,
                ", crc) SELECT * FROM UNNEST($1::text[], $2::text[], $3::bigint[]) ",
                "ON CONFLICT (",
                $key,
                ") DO UPDATE SET ",
                $body,
                " = excluded.",
                $body,
                ", crc = excluded.crc"
            ),
            delete: concat!("DELETE FROM ", $table, " WHERE ", $key, " = ANY($1) RETURNING crc"),
            clear: concat!("DELETE FROM ", $table, " RETURNING crc"),
        }
    };
}

fn statements(table: Table) -> Statements {
    match table {
        Table::Meta => statements!("meta", "key", "value"),
        Table::Channels => statements!("channels", "name", "body"),
        Table::Servers => statements!("servers", "id", "body"),
        Table::Problems => statements!("problems", "fingerprint", "body"),
        Table::News => statements!("news", "number", "body"),
        Table::Outbox => statements!("outbox", "number", "body"),
    }
}

/// Carries rows into an open transaction.
pub(in crate::adapters) struct Rows<'s>(pub(super) &'s mut Session);

#[async_trait]
impl Carrier for Rows<'_> {
    async fn put(&mut self, table: Table, rows: &[Pair<'_>]) -> Result<Vec<i64>, Fault> {
        let Statements { replaced, put, .. } = statements(table);
        let keys: Vec<&str> = rows.iter().map(|(key, _)| *key).collect();
        let gone = self.0.all(sql(replaced).bind(&keys)).await?;
        let bodies: Vec<&str> = rows.iter().map(|(_, body)| body.as_str()).collect();
        let sums: Vec<i64> = rows.iter().map(|(key, body)| table.crc(key, body)).collect();
        self.0.execute(sql(put).bind(&keys).bind(&bodies).bind(&sums)).await?;
        checksums(&gone)
    }

    async fn delete(&mut self, table: Table, keys: &[&str]) -> Result<Vec<i64>, Fault> {
        let gone = self.0.all(sql(statements(table).delete).bind(keys)).await?;
        checksums(&gone)
    }

    async fn clear(&mut self, table: Table) -> Result<Vec<i64>, Fault> {
        let gone = self.0.all(sql(statements(table).clear)).await?;
        checksums(&gone)
    }

    async fn event(&mut self, event: &Event) -> Result<(), Fault> {
        let Event {
            time,
            run,
            channel,
            event,
            from,
            to,
            detail,
        } = event;
        let insert = sql(ADD).bind(sortable(*time));
        let insert = insert
            .bind(run)
            .bind(channel)
            .bind(event)
            .bind(from)
            .bind(to)
            .bind(detail);
        self.0.execute(insert).await?;
        Ok(())
    }

    async fn sealed(&mut self) -> Result<Option<String>, Fault> {
        let sealed = self
            .0
            .first(sql("SELECT value FROM meta WHERE key = 'seal' FOR UPDATE"));
        let sealed = sealed.await?;
        sealed.map(|row| Ok(row.try_get(0)?)).transpose()
    }
}

fn checksums(rows: &[PgRow]) -> Result<Vec<i64>, Fault> {
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The newest events, newest last.
pub(super) async fn history(session: &mut Session, channel: Option<&str>, limit: u32) -> Result<Vec<Event>, Fault> {
    let query = "SELECT time, run, channel, event, from_value, to_value, detail FROM events \
                 WHERE $2::text IS NULL OR channel = $2 ORDER BY seq DESC LIMIT $1";
    let rows = session.all(sql(query).bind(i64::from(limit)).bind(channel)).await?;
    rows.iter().rev().map(event).collect()
}

/// Removes the oldest of the events older than `before`, and says how many.
pub(super) async fn prune(session: &mut Session, before: DateTime<Utc>) -> Result<u64, Fault> {
    session
        .execute(sql(PRUNE).bind(sortable(before)).bind(PRUNED_MOST))
        .await
}
