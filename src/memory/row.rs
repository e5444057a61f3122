//! What is remembered of a row in the sheet: how the service left it, so that somebody else's hand is recognised.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How long a write whose reply was lost may still land: Sheets gives up on a request after 180 s
/// (<https://developers.google.com/workspace/sheets/api/limits>), and clocks differ.
pub const LATE_WRITE: TimeDelta = TimeDelta::minutes(10);

/// The cells that tell whether a row is as the service left it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// `releaseVersion`.
    pub release: String,
    /// `previousVersion`.
    pub previous: String,
    /// `updatedAt`.
    pub updated_at: String,
}

/// What the service wrote, or may have written, to a row. `S` is what it is recognised by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowMemory<S> {
    /// What it last read back there.
    pub written: Option<S>,
    /// What it has meant to write since, and when: a lost reply is no edit.
    pub meant: Vec<(S, DateTime<Utc>)>,
    /// `updatedAt` of earlier writes, oldest first: how a restored old version of the file is recognised.
    pub earlier: Vec<String>,
}

impl<S> Default for RowMemory<S> {
    fn default() -> Self {
        Self {
            written: None,
            meant: Vec::new(),
            earlier: Vec::new(),
        }
    }
}

impl<S> RowMemory<S> {
    /// All that the row may show without an edit: what was written, and what was meant to be since.
    pub fn stamps(&self) -> impl Iterator<Item = &S> {
        self.written.iter().chain(self.meant.iter().map(|(stamp, _)| stamp))
    }
}

/// What a row of the service is recognised by.
pub trait Stamped {
    /// How many times of earlier writes are remembered for each row.
    const EARLIER_MAX: usize;

    /// Its `updatedAt`, empty where there is none.
    fn updated_at(&self) -> &str;
}

impl Stamped for Stamp {
    const EARLIER_MAX: usize = 64;

    fn updated_at(&self) -> &str {
        &self.updated_at
    }
}

impl Stamped for Arc<str> {
    const EARLIER_MAX: usize = 16;

    fn updated_at(&self) -> &str {
        self
    }
}

impl<S: Stamped> RowMemory<S> {
    /// Takes `found` for what stands in the row. A time that is written over with another is an earlier one from now on; one
    /// that vanished with its column is not, as it may come back with it.
    pub fn read_back(&mut self, found: S) {
        let before = self.written.take();
        let superseded = |b: &S| {
            !b.updated_at().is_empty() && !found.updated_at().is_empty() && b.updated_at() != found.updated_at()
        };
        if let Some(before) = before.filter(superseded) {
            self.earlier.push(before.updated_at().to_owned());
            let surplus = self.earlier.len().saturating_sub(S::EARLIER_MAX);
            self.earlier.drain(..surplus);
        }
        self.written = Some(found);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{RowMemory, Stamp, Stamped};

    #[test]
    fn earlier_times_are_kept_once_each_and_the_oldest_go() {
        let mut row: RowMemory<Arc<str>> = RowMemory::default();
        for n in 0..100 {
            row.read_back(format!("t{n}").into());
            row.read_back(format!("t{n}").into());
        }
        assert_eq!(row.written.as_deref(), Some("t99"));
        let kept: Vec<String> = (99 - <Arc<str> as Stamped>::EARLIER_MAX..99)
            .map(|n| format!("t{n}"))
            .collect();
        assert_eq!(row.earlier, kept);
    }

    #[test]
    fn a_time_that_vanished_with_its_column_is_no_earlier_one() {
        let stamp = |updated_at: &str, release: &str| Stamp {
            release: release.into(),
            previous: String::new(),
            updated_at: updated_at.into(),
        };
        let mut row: RowMemory<Stamp> = RowMemory::default();
        for (updated_at, release) in [("", "1"), ("t1", "1"), ("", "1"), ("t1", "1"), ("t1", "2")] {
            row.read_back(stamp(updated_at, release));
        }
        assert_eq!(row.earlier, Vec::<String>::new());
        row.read_back(stamp("t2", "2"));
        assert_eq!(row.earlier, ["t1"]);
    }
}
