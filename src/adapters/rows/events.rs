//! The history: what happened, a row for each event, the same in every kind of store. It is not sealed, as no decision is made from it.

use sqlx::{ColumnIndex, Decode, Row, Type};

use super::{Fault, time_of};
use crate::memory::Event;

/// Adds an event: time, run, channel, event, from, to, detail.
pub(in crate::adapters) const ADD: &str =
    "INSERT INTO events (time, run, channel, event, from_value, to_value, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// Removes the oldest events before a time, so many at most.
pub(in crate::adapters) const PRUNE: &str =
    "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE time < $1 ORDER BY seq LIMIT $2)";

/// How many events are removed at a time: a clock that is years ahead for one pass must not empty the history.
pub(in crate::adapters) const PRUNED_MOST: i64 = 10;

/// The event in a row of the columns of [`ADD`].
pub(in crate::adapters) fn event<R: Row>(row: &R) -> Result<Event, Fault>
where
    usize: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
{
    let time: String = row.try_get(0)?;
    Ok(Event {
        time: time_of(&time)?,
        run: row.try_get(1)?,
        channel: row.try_get(2)?,
        event: row.try_get(3)?,
        from: row.try_get(4)?,
        to: row.try_get(5)?,
        detail: row.try_get(6)?,
    })
}
