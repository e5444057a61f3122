//! Memory to rows. A [`Writer`] knows what each of its changes does to the seal, so that no commit needs a look at all rows.
//!
//! A seal that no longer holds stays broken, whatever is written after: each change adds to it what it adds to the rows, so that
//! the difference stays, and the next one who loads the store finds it.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::Serialize;

use super::{Fault, Key, Seal, Table};
use crate::memory::{Event, Update};
use crate::tag::{ChannelName, ServerId};

/// How many rows one statement writes: each is a trip to whoever holds the rows, and SQLite takes up to 32,766 parameters, three
/// for each row.
const ROWS_A_STATEMENT: usize = 200;

/// A key and a body.
pub(in crate::adapters) type Pair<'a> = (&'a str, String);

/// Carries rows into a store, inside a transaction of the caller's.
#[async_trait]
pub(in crate::adapters) trait Carrier: Send {
    /// Writes rows of different keys, in place of those with the same keys, and gives the checksums of those.
    async fn put(&mut self, table: Table, rows: &[Pair<'_>]) -> Result<Vec<i64>, Fault>;

    /// Removes rows by key, at least one, and gives their checksums.
    async fn delete(&mut self, table: Table, keys: &[&str]) -> Result<Vec<i64>, Fault>;

    /// Removes all rows of a table, and gives their checksums.
    async fn clear(&mut self, table: Table) -> Result<Vec<i64>, Fault>;

    /// Adds an event.
    async fn event(&mut self, event: &Event) -> Result<(), Fault>;

    /// The seal, as it is stored. Nobody else writes until the transaction ends.
    async fn sealed(&mut self) -> Result<Option<String>, Fault>;
}

/// Writes everything that `update` says.
pub(in crate::adapters) async fn write(carrier: &mut dyn Carrier, update: &Update) -> Result<(), Fault> {
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
    let mut writer = Writer::begin(carrier).await?;
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
    writer.put_all(Table::News, &mail.news, String::as_str).await?;
    writer.put_all(Table::Outbox, &mail.letters, String::as_str).await?;
    writer.delete(Table::News, mail.told.iter().map(String::as_str)).await?;
    writer
        .delete(Table::Outbox, mail.done.iter().map(String::as_str))
        .await?;
    for event in events {
        writer.carrier.event(event).await?;
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
pub(in crate::adapters) struct Writer<'c> {
    carrier: &'c mut dyn Carrier,
    /// What all rows add up to, as they now are.
    sum: Seal,
}

impl<'c> Writer<'c> {
    /// Begins to write to a store that holds no rows yet.
    pub(in crate::adapters) fn of_nothing(carrier: &'c mut dyn Carrier) -> Self {
        Self {
            carrier,
            sum: Seal::default(),
        }
    }

    /// Begins to write from what the store says that its rows add up to.
    pub(in crate::adapters) async fn begin(carrier: &'c mut dyn Carrier) -> Result<Self, Fault> {
        let sealed = carrier.sealed().await?;
        let sum = sealed.as_deref().and_then(Seal::of_text);
        let sum = sum.ok_or_else(Fault::broken_seal)?;
        Ok(Self { carrier, sum })
    }

    /// Writes one value of the table `meta`.
    pub(in crate::adapters) async fn put_meta(&mut self, key: Key, value: String) -> Result<(), Fault> {
        self.put(Table::Meta, &[(key.word(), value)]).await
    }

    /// Seals all rows as they now are.
    pub(in crate::adapters) async fn seal(self) -> Result<(), Fault> {
        // The seal is not a part of its own sum.
        let row = [(Key::Seal.word(), self.sum.text())];
        self.carrier.put(Table::Meta, &row).await?;
        Ok(())
    }

    async fn put_all<K: Sync, B: Serialize + Sync>(
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
            let replaced = self.carrier.put(table, rows).await?;
            self.gone(&replaced);
            for (key, body) in rows {
                self.sum.add(1, table.crc(key, body));
            }
        }
        Ok(())
    }

    async fn delete(&mut self, table: Table, keys: impl Iterator<Item = &str> + Send) -> Result<(), Fault> {
        let keys: Vec<&str> = keys.collect::<BTreeSet<_>>().into_iter().collect();
        for keys in keys.chunks(ROWS_A_STATEMENT) {
            let gone = self.carrier.delete(table, keys).await?;
            self.gone(&gone);
        }
        Ok(())
    }

    async fn clear(&mut self, table: Table) -> Result<(), Fault> {
        let gone = self.carrier.clear(table).await?;
        self.gone(&gone);
        Ok(())
    }

    /// Takes rows out of the sum, by their checksums.
    fn gone(&mut self, checksums: &[i64]) {
        for crc in checksums {
            self.sum.add(-1, crc.wrapping_neg());
        }
    }
}
