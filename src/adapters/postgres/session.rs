//! One connection, whose every statement has an end on both sides.

use std::future::Future;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{ConnectOptions as _, PgConnection, Postgres};

use super::address::Address;
use crate::adapters::rows::Fault;

/// Longer than any one statement may take on the server, so that its own timeout speaks first.
const STATEMENT_LIMIT: Duration = Duration::from_secs(20);

/// How long it may take to connect.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// All it reads is of one moment, and it can write nothing.
    Read,
    /// It may wait for a commit that is under way.
    Write,
    /// It takes, keeps or leaves a lease, which must not wait long for anybody.
    Lease,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Session {
    connection: PgConnection,
    schema: String,
    limit: Duration,
}

/// A statement, which no connection prepares for longer than it takes.
pub(super) fn sql(text: &'static str) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(text).persistent(false)
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Fault> {
    let done = tokio::time::timeout(limit, work).await.map_err(|_| Fault::Silent)?;
    Ok(done?)
}

impl Session {
    pub(super) async fn connect(address: &Address) -> Result<Self, Fault> {
        let options = address.options()?;
        Ok(Self {
            connection: within(CONNECT_LIMIT, options.connect()).await?,
            schema: address.schema.clone(),
            limit: STATEMENT_LIMIT,
        })
    }

    /// Gives every statement at most so long.
    pub(super) fn limited(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Begins a transaction, which sets for itself whatever it needs: a pooler keeps no session.
    pub(super) async fn begin(&mut self, mode: Mode) -> Result<(), Fault> {
        let (begin, lock) = match mode {
            Mode::Read => ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "5s"),
            Mode::Write => ("BEGIN ISOLATION LEVEL READ COMMITTED", "5s"),
            Mode::Lease => ("BEGIN ISOLATION LEVEL READ COMMITTED", "2s"),
        };
        let schema = self.schema.replace('"', "\"\"");
        let text = format!(
            "{begin}; SET LOCAL search_path = \"{schema}\"; SET LOCAL synchronous_commit = on; \
             SET LOCAL statement_timeout = '15s'; SET LOCAL lock_timeout = '{lock}'; \
             SET LOCAL idle_in_transaction_session_timeout = '10s'; SET LOCAL standard_conforming_strings = on"
        );
        self.raw(text).await
    }

    /// Runs statements that take no values and give no rows.
    pub(super) async fn raw(&mut self, text: String) -> Result<(), Fault> {
        let text = sqlx::AssertSqlSafe(text);
        within(self.limit, sqlx::raw_sql(text).execute(&mut self.connection)).await?;
        Ok(())
    }

    /// What was written is on disk when this returns. A commit whose answer is lost counts as failed.
    pub(super) async fn commit(&mut self) -> Result<(), Fault> {
        self.raw("COMMIT".into()).await
    }

    /// Ends a transaction that wrote nothing, or takes back what it wrote.
    pub(super) async fn end(&mut self) -> Result<(), Fault> {
        self.raw("ROLLBACK".into()).await
    }

    pub(super) async fn all(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, Fault> {
        within(self.limit, query.fetch_all(&mut self.connection)).await
    }

    pub(super) async fn one(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<PgRow, Fault> {
        within(self.limit, query.fetch_one(&mut self.connection)).await
    }

    pub(super) async fn first(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<Option<PgRow>, Fault> {
        within(self.limit, query.fetch_optional(&mut self.connection)).await
    }

    pub(super) async fn execute(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<u64, Fault> {
        Ok(within(self.limit, query.execute(&mut self.connection))
            .await?
            .rows_affected())
    }
}
