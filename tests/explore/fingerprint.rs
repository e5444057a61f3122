//! Tells states apart but for the clock: stamps by the order in which they are met, times by their age.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};

use chrono::{DateTime, Utc};
use fleetsheet::memory::{ChannelMemory, KeyState, Latch, Listing, Refused, RowMemory, ServerMemory, Stamp};
use fleetsheet::sheet::Cell;

use super::State;
use crate::world::Row;

/// Older than this is old: no decision looks at greater ages here.
const OLD: i64 = 10;

struct Printer {
    hasher: DefaultHasher,
    stamps: BTreeMap<String, usize>,
    now: DateTime<Utc>,
}

/// The fingerprint of a state.
pub(crate) fn fingerprint(state: &State) -> u64 {
    let State {
        world,
        model,
        bin,
        blows: _,
        path: _,
    } = state;
    let mut printer = Printer {
        hasher: DefaultHasher::new(),
        stamps: BTreeMap::new(),
        now: world.now,
    };
    printer.put(world.stores.contains(&world.memory.store));
    printer.put(world.protection as u8);
    printer.put(world.fleet.complete());
    for row in world.release.rows.iter().chain(&world.servers.rows) {
        printer.row(row);
    }
    printer.put(bin.is_some());
    if let Some(row) = bin {
        printer.row(row);
    }
    for (id, server) in &world.fleet.servers {
        printer.put((id, &server.tags));
    }
    printer.put(world.memory.binding.is_some());
    for (name, memory) in &world.memory.channels {
        printer.put(name);
        printer.channel(memory);
    }
    for (id, memory) in &world.memory.servers {
        printer.put(id);
        printer.server(memory);
    }
    model.hash(&mut printer.hasher, |[release, previous, at], hasher| {
        let known = printer.stamps.get(at.as_str()).copied();
        (release, previous, known).hash(hasher);
    });
    printer.hasher.finish()
}

impl Printer {
    fn put(&mut self, value: impl Hash) {
        value.hash(&mut self.hasher);
    }

    fn stamp(&mut self, stamp: &str) {
        let next = self.stamps.len();
        let known = match self.stamps.get(stamp) {
            Some(known) => *known,
            None => {
                self.stamps.insert(stamp.to_owned(), next);
                next
            }
        };
        self.put((stamp.is_empty(), known));
    }

    fn age(&mut self, at: DateTime<Utc>) {
        self.put((self.now - at).num_minutes().min(OLD));
    }

    fn row(&mut self, row: &Row) {
        self.put(row.len());
        for (header, cell) in row {
            self.put(header);
            match cell {
                Cell::Text(text) if header == "updatedAt" => self.stamp(text),
                Cell::Text(text) => self.put(text),
                Cell::Bool(ticked) => self.put(ticked),
                other => self.put(format!("{other:?}")),
            }
        }
    }

    fn channel(&mut self, memory: &ChannelMemory) {
        let ChannelMemory {
            colour,
            release,
            approved,
            prior,
            prior_approved,
            moved,
            key_a,
            key_b,
            latch,
            recalled,
            unfinished,
            rollout,
            advance,
            taken_back,
            mixed,
            troubled,
            row,
        } = memory;
        // No channel of this exploration has a strategy, and no server an agent.
        assert!(
            troubled.is_none()
                && !*mixed
                && colour.is_none()
                && rollout.is_none()
                && advance.is_none()
                && taken_back.is_none(),
            "{memory:?}"
        );
        self.put((
            release,
            approved,
            prior,
            prior_approved,
            *moved as u8,
            recalled,
            unfinished,
        ));
        for key in [key_a, key_b] {
            match key {
                KeyState::Live => self.put(0),
                KeyState::Spent { held, by } => self.put((1, held, *by as u8)),
            }
        }
        match latch {
            None => self.put(0),
            Some(Latch::Served { from }) => self.put((1, from)),
            Some(Latch::Nothing) => self.put(2),
            Some(Latch::FoundTicked) => self.put(3),
        }
        self.remembered(row, |printer, stamp: &Stamp| {
            let Stamp {
                release,
                previous,
                updated_at,
            } = stamp;
            printer.put((release, previous));
            printer.stamp(updated_at);
        });
    }

    fn server(&mut self, memory: &ServerMemory) {
        let ServerMemory {
            source,
            channel,
            seen,
            meant,
            asked,
            held,
            terminated,
            missing_since,
            repeats,
            row,
            // Cells that differ from what was shown are written over.
            shown,
            // Whether people were told of that decides nothing.
            edited: _,
            refused,
            listing,
            member,
            aside,
        } = memory;
        assert!(member.is_none(), "{memory:?}");
        self.put((source, channel, seen, meant, asked, held, terminated, shown));
        self.put(aside);
        self.put(missing_since.is_some());
        if let Some(Refused {
            tags,
            why,
            reach,
            tries,
            retry_at,
        }) = refused
        {
            self.put((tags, why, *reach as u8, tries));
            self.age(*retry_at);
        }
        match listing {
            Listing::Unknown => self.put(0),
            Listing::Out => self.put(1),
            Listing::In(channel) => self.put((2, channel)),
            Listing::Lost { channel, at } => {
                self.put((3, channel));
                self.age(*at);
            }
        }
        for (tag, repeat) in repeats.iter() {
            self.put((tag, &repeat.after, repeat.count));
            if let Some(at) = repeat.retry_at {
                self.age(at);
            }
        }
        self.remembered(row, |printer, stamp| printer.stamp(stamp));
    }

    /// Earlier stamps only serve the belt against restored files, which needs more channels than one.
    fn remembered<S>(&mut self, row: &RowMemory<S>, each: impl Fn(&mut Self, &S)) {
        let RowMemory {
            written,
            meant,
            earlier: _,
        } = row;
        self.put((written.is_some(), meant.len()));
        if let Some(stamp) = written {
            each(self, stamp);
        }
        for (stamp, at) in meant {
            each(self, stamp);
            self.age(*at);
        }
    }
}
