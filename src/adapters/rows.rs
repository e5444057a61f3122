//! A memory as rows of keys and bodies, the same in every kind of store. A row is believed only if its checksum and the seal over
//! all rows agree.
//!
//! The stores themselves only carry rows in and out: they are their [`Table`]s, and a [`Carrier`] each.

mod carry;
pub(in crate::adapters) mod events;
mod fault;
mod load;
mod seal;
mod time;
mod write;

use crate::memory::About;

pub(in crate::adapters) use carry::{Mark, Mover, PAGE, Row, Told, carry, first_difference, taken};
pub(in crate::adapters) use fault::Fault;
pub(in crate::adapters) use load::Loading;
pub(in crate::adapters) use seal::{Seal, crc};
pub(in crate::adapters) use time::{sortable, time_of};
pub(in crate::adapters) use write::{Carrier, Pair, Writer, write};

/// A table of keys and bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::adapters) enum Table {
    Meta,
    Channels,
    Servers,
    Problems,
    News,
    Outbox,
}

impl Table {
    /// All of them.
    pub(in crate::adapters) const ALL: [Self; 6] = [
        Self::Meta,
        Self::Channels,
        Self::Servers,
        Self::Problems,
        Self::News,
        Self::Outbox,
    ];

    /// Its name (which is part of each row's checksum) and those of its columns for key and body.
    pub(in crate::adapters) fn names(self) -> [&'static str; 3] {
        match self {
            Self::Meta => ["meta", "key", "value"],
            Self::Channels => ["channels", "name", "body"],
            Self::Servers => ["servers", "id", "body"],
            Self::Problems => ["problems", "fingerprint", "body"],
            Self::News => ["news", "number", "body"],
            Self::Outbox => ["outbox", "number", "body"],
        }
    }

    pub(in crate::adapters) fn crc(self, key: &str, body: &str) -> i64 {
        let [table, ..] = self.names();
        seal::crc(&[table, key, body])
    }
}

/// A key of the table `meta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::adapters) enum Key {
    /// The id of the store.
    Store,
    /// When it was made, for people.
    Created,
    /// The spreadsheet it serves.
    Binding,
    /// What the belts compare with.
    Baselines,
    /// The newest `updatedAt` given out.
    LastStamp,
    /// Belts that hold something back.
    Tripped,
    /// Events that are not yet in the audit tab.
    Unlogged,
    /// What is remembered of mail besides news and letters.
    Mail,
    /// The layout, where the database itself keeps none.
    Layout,
    /// Where the store went, when it was moved: it serves nobody here any more.
    Moved,
    /// What a copy that is not finished was made of.
    Copied,
    /// The [`Seal`].
    Seal,
}

impl Key {
    pub(in crate::adapters) fn word(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Created => "created",
            Self::Binding => "binding",
            Self::Baselines => "baselines",
            Self::LastStamp => "last_stamp",
            Self::Tripped => "tripped",
            Self::Unlogged => "unlogged",
            Self::Mail => "mail",
            Self::Layout => "layout",
            Self::Moved => "moved",
            Self::Copied => "copied",
            Self::Seal => "seal",
        }
    }
}

/// What a store says of itself.
pub(in crate::adapters) fn about_of(kind: &'static str, id: String, layout: i64, seal: String) -> About {
    About {
        kind,
        id,
        layout,
        rows: Seal::of_text(&seal).map_or(0, Seal::rows),
        seal,
    }
}

/// The rows that do not count into the seal: the seal itself, and what is the place's and not the memory's.
const UNSEALED: [Key; 4] = [Key::Seal, Key::Layout, Key::Moved, Key::Copied];

/// Whether a row counts into the seal.
pub(in crate::adapters) fn is_sealed(table: Table, key: &str) -> bool {
    table != Table::Meta || !UNSEALED.iter().any(|unsealed| unsealed.word() == key)
}
