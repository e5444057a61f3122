//! One end of a copy that is a database: the store as a whole, which others are kept away from.

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::address::Address;
use super::fence::{Fence, holds};
use super::layout::{self, Found};
use super::rows::{Rows, rows_after};
use super::session::{Mode, Session, sql};
use super::trouble;
use crate::adapters::rows::{Fault, Mark, Mover, PAGE, Row, Table, Told, taken};
use crate::memory::StoreError;

/// A schema as one end of a copy.
pub(in crate::adapters) struct Whole {
    address: Address,
    session: Session,
    /// Whose commits count; a place that is copied to has no lease yet.
    fence: Option<Fence>,
}

impl Whole {
    pub(super) fn fenced(address: &Address, fence: Fence, session: Session) -> Self {
        Self {
            address: address.clone(),
            session,
            fence: Some(fence),
        }
    }

    /// Opens the place that a store is copied to.
    pub(in crate::adapters) async fn target(address: &Address) -> Result<Self, StoreError> {
        let session = Session::connect(address).await;
        Ok(Self {
            address: address.clone(),
            session: session.map_err(|fault| trouble::at(fault, address))?,
            fence: None,
        })
    }

    pub(in crate::adapters) fn said(&self, fault: Fault) -> StoreError {
        trouble::at(fault, &self.address)
    }

    pub(in crate::adapters) fn rows(&mut self) -> Rows<'_> {
        Rows(&mut self.session)
    }

    pub(in crate::adapters) async fn begin(&mut self, writes: bool) -> Result<(), Fault> {
        let session = &mut self.session;
        session.begin(if writes { Mode::Write } else { Mode::Read }).await?;
        match &self.fence {
            Some(fence) if writes && !holds(session, fence.epoch).await? => {
                fence.leave.lose();
                Err(Fault::Fenced)
            }
            _ => Ok(()),
        }
    }

    pub(in crate::adapters) async fn end(&mut self, commits: bool) -> Result<(), Fault> {
        match commits {
            true => self.session.commit().await,
            false => self.session.end().await,
        }
    }

    /// The mark of a copy that is there and of which nothing was used, or `None` where nothing is there. Makes the tables. Nobody
    /// takes the lease of the place, or makes a store there, until the transaction ends.
    pub(in crate::adapters) async fn room(&mut self) -> Result<Option<Mark>, Fault> {
        let session = &mut self.session;
        layout::can_write(session).await?;
        layout::alone(session).await?;
        if layout::inspect(session, &self.address).await? == Found::Nothing {
            layout::lay(session, &self.address).await?;
            return Ok(None);
        }
        let lease = "SELECT released FROM lease WHERE name = 'pass' FOR UPDATE";
        let free: bool = session.one(sql(lease)).await?.try_get(0)?;
        if !free {
            return Err(taken("a pass is under way there"));
        }
        let ask = "SELECT (SELECT value FROM meta WHERE key = 'copied'), (SELECT value FROM meta WHERE key = 'store'), \
                   (SELECT value FROM meta WHERE key = 'seal')";
        let row = session.one(sql(ask)).await?;
        let (mark, store, seal): (Option<String>, Option<String>, Option<String>) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let said = Mark {
            store: store.unwrap_or_default(),
            seal: seal.unwrap_or_default(),
            newest: Rows(session).newest().await?,
        };
        match mark.as_deref().and_then(Mark::of_text) {
            Some(mark) if mark == said => Ok(Some(mark)),
            _ => Err(taken("a store is there already")),
        }
    }

    /// Keeps how the last pass ended.
    pub(in crate::adapters) async fn note(&mut self, last: &str) -> Result<(), Fault> {
        let note = sql("UPDATE lease SET last = $1 WHERE name = 'pass'").bind(last);
        self.session.execute(note).await.map(drop)
    }
}

#[async_trait]
impl Mover for Rows<'_> {
    async fn page(&mut self, table: Table, after: &str) -> Result<Vec<Row>, Fault> {
        let rows = rows_after(self.0, table, after, PAGE as i64).await?;
        rows.iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
            .collect()
    }

    async fn told(&mut self, after: i64) -> Result<Vec<Told>, Fault> {
        let query = "SELECT time, run, channel, event, from_value, to_value, detail, seq FROM events WHERE seq > $1 \
                     ORDER BY seq LIMIT $2";
        let rows = self.0.all(sql(query).bind(after).bind(PAGE as i64)).await?;
        rows.iter().map(told).collect()
    }

    async fn tell(&mut self, events: &[Told]) -> Result<(), Fault> {
        let insert = "INSERT INTO events (seq, time, run, channel, event, from_value, to_value, detail) \
                      SELECT * FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], \
                      $8::text[])";
        let numbers: Vec<i64> = events.iter().map(|event| event.number).collect();
        let mut insert = sql(insert).bind(numbers);
        for nth in 0..7 {
            let column: Vec<&str> = events.iter().map(|event| event.texts[nth].as_str()).collect();
            insert = insert.bind(column);
        }
        self.0.execute(insert).await?;
        let next = "SELECT setval(pg_get_serial_sequence('events', 'seq'), (SELECT MAX(seq) FROM events))";
        self.0.one(sql(next)).await.map(drop)
    }

    async fn untell(&mut self) -> Result<(), Fault> {
        self.0.execute(sql("DELETE FROM events")).await.map(drop)
    }

    async fn newest(&mut self) -> Result<i64, Fault> {
        let row = self.0.one(sql("SELECT COALESCE(MAX(seq), 0) FROM events")).await?;
        Ok(row.try_get(0)?)
    }
}

fn told(row: &PgRow) -> Result<Told, Fault> {
    let mut texts: [String; 7] = Default::default();
    for (nth, text) in texts.iter_mut().enumerate() {
        *text = row.try_get(nth)?;
    }
    Ok(Told {
        number: row.try_get(7)?,
        texts,
    })
}
