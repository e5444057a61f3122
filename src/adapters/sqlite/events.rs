//! The history in SQLite.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use crate::adapters::rows::events::{ADD, PRUNE, PRUNED_MOST, event};
use crate::adapters::rows::{Fault, sortable};
use crate::memory::Event;

/// Adds an event.
pub(super) async fn append(connection: &mut SqliteConnection, event: &Event) -> Result<(), Fault> {
    let Event {
        time,
        run,
        channel,
        event,
        from,
        to,
        detail,
    } = event;
    sqlx::query(ADD)
        .bind(sortable(*time))
        .bind(run)
        .bind(channel)
        .bind(event)
        .bind(from)
        .bind(to)
        .bind(detail)
        .execute(connection)
        .await?;
    Ok(())
}

/// The newest events, newest last.
pub(super) async fn history(
    connection: &mut SqliteConnection,
    channel: Option<&str>,
    limit: u32,
) -> Result<Vec<Event>, Fault> {
    let query = match channel {
        None => sqlx::query(
            "SELECT time, run, channel, event, from_value, to_value, detail FROM events ORDER BY seq DESC LIMIT $1",
        )
        .bind(i64::from(limit)),
        Some(channel) => sqlx::query(
            "SELECT time, run, channel, event, from_value, to_value, detail FROM events WHERE channel = $2 \
             ORDER BY seq DESC LIMIT $1",
        )
        .bind(i64::from(limit))
        .bind(channel),
    };
    query.fetch_all(connection).await?.iter().rev().map(event).collect()
}

/// Removes the oldest of the events older than `before`, and says how many.
pub(super) async fn prune(connection: &mut SqliteConnection, before: DateTime<Utc>) -> Result<u64, Fault> {
    let done = sqlx::query(PRUNE)
        .bind(sortable(before))
        .bind(PRUNED_MOST)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
