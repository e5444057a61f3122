//! Rows to memory.

use std::collections::{BTreeMap, HashMap};

use serde::de::DeserializeOwned;

use super::{Fault, Key, Seal, Table, is_sealed};
use crate::mail::Mail;
use crate::memory::Memory;

/// A memory that is being read: rows go in one by one, as a large fleet's text is many times what comes of it.
#[derive(Default)]
pub(in crate::adapters) struct Loading {
    found: Seal,
    meta: HashMap<String, String>,
    memory: Memory,
}

impl Loading {
    /// Takes a row in. It is counted into the seal before it is understood.
    pub(in crate::adapters) fn row(&mut self, table: Table, key: &str, body: &str, crc: i64) -> Result<(), Fault> {
        if crc != table.crc(key, body) {
            return Err(Fault::Damaged(format!(
                "{table:?} row {key:?} does not match its checksum"
            )));
        }
        if is_sealed(table, key) {
            self.found.add(1, crc);
        }
        let memory = &mut self.memory;
        match table {
            Table::Meta => drop(self.meta.insert(key.to_owned(), body.to_owned())),
            Table::Channels => put(&mut memory.channels, table, key, body)?,
            Table::Servers => put(&mut memory.servers, table, key, body)?,
            Table::Problems => put(&mut memory.open, table, key, body)?,
            Table::News => put(&mut memory.mail.news, table, key, body)?,
            Table::Outbox => put(&mut memory.mail.outbox, table, key, body)?,
        }
        Ok(())
    }

    /// The memory, if no row was lost or added; and what all rows add up to.
    pub(in crate::adapters) fn end(self) -> Result<(Memory, Seal), Fault> {
        let Self {
            found,
            mut meta,
            memory,
        } = self;
        let mut take = |key: Key| meta.remove(key.word());
        let store = take(Key::Store).ok_or_else(|| Fault::Damaged("its id is gone".into()))?;
        if take(Key::Seal) != Some(found.text()) {
            return Err(Fault::broken_seal());
        }
        let memory = Memory {
            store,
            binding: parse(Key::Binding, take(Key::Binding))?,
            baselines: parse(Key::Baselines, take(Key::Baselines))?.unwrap_or_default(),
            last_stamp: parse(Key::LastStamp, take(Key::LastStamp))?,
            tripped: parse(Key::Tripped, take(Key::Tripped))?.unwrap_or_default(),
            unlogged: parse(Key::Unlogged, take(Key::Unlogged))?.unwrap_or_default(),
            mail: Mail {
                standing: parse(Key::Mail, take(Key::Mail))?.unwrap_or_default(),
                ..memory.mail
            },
            ..memory
        };
        Ok((memory, found))
    }
}

fn put<K, B>(bodies: &mut BTreeMap<K, B>, table: Table, key: &str, body: &str) -> Result<(), Fault>
where
    K: Ord + for<'a> From<&'a str>,
    B: DeserializeOwned,
{
    let body = serde_json::from_str(body).map_err(|error| not_understood(&format!("{table:?} row {key:?}"), &error))?;
    bodies.insert(K::from(key), body);
    Ok(())
}

fn parse<B: DeserializeOwned>(key: Key, text: Option<String>) -> Result<Option<B>, Fault> {
    let parse = |text: String| {
        serde_json::from_str(&text).map_err(|error| not_understood(&format!("meta row {}", key.word()), &error))
    };
    text.map(parse).transpose()
}

fn not_understood(place: &str, error: &serde_json::Error) -> Fault {
    Fault::Damaged(format!("{place} cannot be understood: {error}"))
}
