//! Carries a whole store to another place, row by row as they are: keys, bodies, checksums and seal, the history with its numbers.
//!
//! What is carried is believed no more than what is loaded: a row that does not match its checksum, or a seal that does not hold, ends
//! it before the place is used.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Carrier, Fault, Key, Loading, Pair, Seal, Table, is_sealed};

/// How many rows are in memory at a time.
pub(in crate::adapters) const PAGE: usize = 1_000;

/// A row: key, body, checksum.
pub(in crate::adapters) type Row = (String, String, i64);

/// An event as its row holds it: its number, then the columns that [`super::events::ADD`] names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::adapters) struct Told {
    pub(in crate::adapters) number: i64,
    pub(in crate::adapters) texts: [String; 7],
}

/// One end of a copy, inside a transaction.
#[async_trait]
pub(in crate::adapters) trait Mover: Carrier {
    /// The first rows after a key, [`PAGE`] at most, by the bytes of their keys.
    async fn page(&mut self, table: Table, after: &str) -> Result<Vec<Row>, Fault>;

    /// The first events after a number, [`PAGE`] at most.
    async fn told(&mut self, after: i64) -> Result<Vec<Told>, Fault>;

    /// Adds events under their own numbers; the next one gets a number after them.
    async fn tell(&mut self, events: &[Told]) -> Result<(), Fault>;

    /// Removes all events.
    async fn untell(&mut self) -> Result<(), Fault>;

    /// The number of the newest event; 0 where there is none.
    async fn newest(&mut self) -> Result<i64, Fault>;
}

/// What a copy is marked with until it is finished: what it was made of. A place that says of itself what its mark says has been used by
/// nobody since, and may be written over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::adapters) struct Mark {
    pub(in crate::adapters) store: String,
    pub(in crate::adapters) seal: String,
    pub(in crate::adapters) newest: i64,
}

impl Mark {
    /// As it is stored.
    pub(in crate::adapters) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What [`Self::text`] stands for.
    pub(in crate::adapters) fn of_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// Carries everything from one end to the other, which holds no row but its own marks, and marks it. Says what all rows add up to.
///
/// # Errors
/// What went wrong, and whether that was at the end that is carried from.
pub(in crate::adapters) async fn carry(
    from: &mut dyn Mover,
    to: &mut dyn Mover,
) -> Result<(Mark, Seal), (bool, Fault)> {
    let (here, there) = (|fault| (true, fault), |fault| (false, fault));
    let mut loading = Loading::default();
    for table in Table::ALL {
        let mut after = String::new();
        loop {
            let rows = from.page(table, &after).await.map_err(here)?;
            let Some((last, ..)) = rows.last() else { break };
            last.clone_into(&mut after);
            for (key, body, crc) in &rows {
                loading.row(table, key, body, *crc).map_err(here)?;
            }
            let own: Vec<Pair<'_>> = rows
                .iter()
                .filter(|(key, ..)| is_sealed(table, key))
                .map(|(key, body, _)| (key.as_str(), body.clone()))
                .collect();
            if !own.is_empty() {
                to.put(table, &own).await.map_err(there)?;
            }
        }
    }
    let (memory, seal) = loading.end().map_err(here)?;
    let mut newest = 0;
    loop {
        let events = from.told(newest).await.map_err(here)?;
        let Some(last) = events.last() else { break };
        newest = last.number;
        to.tell(&events).await.map_err(there)?;
    }
    let mark = Mark {
        store: memory.store,
        seal: seal.text(),
        newest,
    };
    let marks = [(Key::Seal.word(), seal.text()), (Key::Copied.word(), mark.text())];
    to.put(Table::Meta, &marks).await.map_err(there)?;
    Ok((mark, seal))
}

/// A place that is not empty.
pub(in crate::adapters) fn taken(what: &str) -> Fault {
    Fault::Refused(what.into(), "name an empty place; nothing was changed")
}

/// Where two ends differ; `None` where they hold the same.
pub(in crate::adapters) async fn first_difference(
    one: &mut dyn Mover,
    other: &mut dyn Mover,
) -> Result<Option<String>, Fault> {
    for table in Table::ALL {
        let own = |rows: &[Row]| -> Vec<Row> {
            let is_own = |(key, ..): &&Row| is_sealed(table, key) || key == Key::Seal.word();
            rows.iter().filter(is_own).cloned().collect()
        };
        let (mut left, mut right) = (Pages::default(), Pages::default());
        loop {
            left.fill(one, table, own).await?;
            right.fill(other, table, own).await?;
            let both = left.rows.len().min(right.rows.len());
            if left.rows.drain(..both).ne(right.rows.drain(..both)) || both == 0 && left.rows.len() != right.rows.len()
            {
                return Ok(Some(format!("the rows of {} differ", table.names()[0])));
            }
            if both == 0 {
                break;
            }
        }
    }
    let mut after = 0;
    loop {
        let (left, right) = (one.told(after).await?, other.told(after).await?);
        if left != right {
            return Ok(Some(format!("the events after number {after} differ")));
        }
        match left.last() {
            Some(last) => after = last.number,
            None => return Ok(None),
        }
    }
}

/// Rows that were read and not compared yet.
#[derive(Default)]
struct Pages {
    rows: Vec<Row>,
    after: String,
    ended: bool,
}

impl Pages {
    /// Reads on until there is a row to compare, or none is left.
    async fn fill(&mut self, end: &mut dyn Mover, table: Table, own: impl Fn(&[Row]) -> Vec<Row>) -> Result<(), Fault> {
        while self.rows.is_empty() && !self.ended {
            let rows = end.page(table, &self.after).await?;
            match rows.last() {
                Some((last, ..)) => last.clone_into(&mut self.after),
                None => self.ended = true,
            }
            self.rows = own(&rows);
        }
        Ok(())
    }
}
