//! The history: what happened, a row for each event. It is not sealed, as no decision is made from it.

use chrono::{DateTime, Utc};
use sqlx::{Row, SqliteConnection};

use crate::adapters::rows::{Fault, sortable, time_of};
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
    sqlx::query(
        "INSERT INTO events (time, run, channel, event, from_value, to_value, detail) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
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
    let mut events = Vec::new();
    for row in query.fetch_all(connection).await?.iter().rev() {
        let time: String = row.try_get(0)?;
        events.push(Event {
            time: time_of(&time)?,
            run: row.try_get(1)?,
            channel: row.try_get(2)?,
            event: row.try_get(3)?,
            from: row.try_get(4)?,
            to: row.try_get(5)?,
            detail: row.try_get(6)?,
        });
    }
    Ok(events)
}

/// How many events are removed at a time: a clock that is years ahead for one pass must not empty the history.
const PRUNED_MOST: i64 = 10;

/// Removes the oldest of the events older than `before`, and says how many.
pub(super) async fn prune(connection: &mut SqliteConnection, before: DateTime<Utc>) -> Result<u64, Fault> {
    let done =
        sqlx::query("DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE time < $1 ORDER BY seq LIMIT $2)")
            .bind(sortable(before))
            .bind(PRUNED_MOST)
            .execute(connection)
            .await?;
    Ok(done.rows_affected())
}
