//! What must be in force, worked out from what people did: the contract of a channel without the machinery that keeps it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use fleetsheet::sheet::Cell;

use crate::world::{Protection, Row, World};

/// Whether a key counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Key {
    /// It does.
    #[default]
    Counts,
    /// It does not, whatever it is first read to hold.
    Unread,
    /// It does not until it is seen to hold something else.
    SpentAt(String),
}

/// The channel as it must be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// The version in force.
    pub(crate) release: Option<String>,
    /// Where a rollback goes.
    pub(crate) prior: Option<String>,
    keys: [Key; 2],
    /// What a rollback without the sheet left, for each key that was not read since.
    recalled: [Option<String>; 2],
    latched: bool,
    known: bool,
    /// Whether a takeover met the channel before it could be adopted.
    unmet: bool,
    /// Whether its row was met before it could be adopted, and stood there before the service watched the sheet.
    put_off: bool,
    /// Whether a pass before this one served the sheet and found the keys protected.
    watched: bool,
    /// Service cells of rows as the service left or accepted them.
    ours: BTreeSet<[String; 3]>,
}

fn shown(row: &Row, header: &str) -> String {
    match row.get(header) {
        Some(Cell::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

fn stamp(row: &Row) -> [String; 3] {
    ["releaseVersion", "previousVersion", "updatedAt"].map(|h| shown(row, h))
}

fn ticked(row: &Row, header: &str) -> bool {
    row.get(header) == Some(&Cell::Bool(true))
}

fn keys(row: &Row) -> [String; 2] {
    ["desiredVersionA", "desiredVersionB"].map(|h| shown(row, h))
}

impl Model {
    /// A pass looks at the world; gives the move that it must make.
    pub(crate) fn pass(&mut self, world: &World, takeover: bool) -> Option<&'static str> {
        let moved = self.decide(world, takeover);
        self.watched = world.protection != Protection::Off;
        moved
    }

    fn decide(&mut self, world: &World, takeover: bool) -> Option<&'static str> {
        let rows = &world.release.rows;
        let protected = world.protection != Protection::Off;
        if takeover || !self.known {
            self.meet(world, takeover);
            if !self.known {
                return None;
            }
        } else {
            self.read(rows, protected);
        }
        let any_tick = rows.iter().any(|row| ticked(row, "rollback"));
        if any_tick {
            return self.tick(rows);
        }
        let [row] = &rows[..] else { return None };
        let [a, b] = keys(row);
        let agreed = a == b && !a.is_empty() && Some(&a) != self.release.as_ref();
        if agreed && self.keys == [Key::Counts, Key::Counts] && ticked(row, "enabled") {
            self.prior = self.release.replace(a);
            return Some("promotion");
        }
        None
    }

    /// First contact or takeover.
    fn meet(&mut self, world: &World, takeover: bool) {
        self.unmet |= takeover && (self.known || !world.release.rows.is_empty());
        let ([row], true) = (&world.release.rows[..], world.fleet.complete()) else {
            let fresh =
                |row: &Row| self.watched && stamp(row).iter().all(String::is_empty) && shown(row, "status").is_empty();
            let put_off = matches!(&world.release.rows[..], [row] if !fresh(row));
            *self = Self {
                put_off: self.put_off || (!takeover && put_off),
                unmet: self.unmet,
                watched: self.watched,
                ours: std::mem::take(&mut self.ours),
                ..Self::default()
            };
            return;
        };
        let mut carried: BTreeMap<&str, usize> = BTreeMap::new();
        for server in world.fleet.servers.values() {
            if let Some(version) = server.tag(&world.policy.version_tag) {
                *carried.entry(version).or_default() += 1;
            }
        }
        let total: usize = carried.values().sum();
        let most = carried.iter().find(|(_, count)| **count * 2 > total);
        let release = most.map(|(version, _)| (*version).to_owned());
        let [stood, previous, _] = stamp(row);
        let blank = stamp(row).iter().all(String::is_empty) && shown(row, "status").is_empty();
        let watched = blank && self.watched && !self.put_off;
        let counts = |text: &str| !self.unmet && (text.is_empty() || release.as_deref() == Some(text) || watched);
        let held = world.protection == Protection::Whole;
        self.prior = (held && takeover && release.as_ref() == Some(&stood) && !previous.is_empty()).then_some(previous);
        self.keys = keys(row).map(|text| match world.protection {
            Protection::Off => Key::Unread,
            _ if counts(&text) => Key::Counts,
            _ => Key::SpentAt(text),
        });
        self.release = release;
        self.latched = ticked(row, "rollback");
        self.recalled = [None, None];
        self.known = true;
        self.unmet = false;
        self.put_off = false;
        self.ours = BTreeSet::from([stamp(row)]);
    }

    /// A pass of a store that knows the channel.
    fn read(&mut self, rows: &[Row], protected: bool) {
        match rows {
            [row] if protected && self.ours.contains(&stamp(row)) => {
                for (key, text) in self.keys.iter_mut().zip(keys(row)) {
                    match key {
                        Key::Unread => *key = Key::SpentAt(text),
                        Key::SpentAt(held) if *held != text => *key = Key::Counts,
                        Key::SpentAt(_) | Key::Counts => {}
                    }
                }
            }
            _ => self.keys = [Key::Unread, Key::Unread],
        }
        if !rows.is_empty() {
            let before = std::mem::take(&mut self.recalled);
            for row in rows {
                let texts = keys(row);
                // No box stands ticked, so nothing else would hold a third version back; who typed it, and whether that was
                // before the release was taken back, nobody saw.
                let third = texts[0] == texts[1] && !texts[0].is_empty() && Some(&texts[0]) != self.release.as_ref();
                for ((key, left), text) in self.keys.iter_mut().zip(&before).zip(texts) {
                    let spends = left.as_ref().is_some_and(|left| third || *left == text);
                    if spends && *key != Key::Unread {
                        *key = Key::SpentAt(text);
                    }
                }
            }
        }
        if !rows.is_empty() && !rows.iter().any(|row| ticked(row, "rollback")) {
            self.latched = false;
        }
    }

    fn tick(&mut self, rows: &[Row]) -> Option<&'static str> {
        if std::mem::replace(&mut self.latched, true) {
            return None;
        }
        let prior = self.prior.take()?;
        let left = self.release.replace(prior);
        for row in rows {
            for (key, text) in self.keys.iter_mut().zip(keys(row)) {
                if Some(&text) == left.as_ref() && *key != Key::Unread {
                    *key = Key::SpentAt(text);
                }
            }
        }
        Some("rollback")
    }

    /// Somebody takes the release back without the sheet; gives whether there is a way back.
    pub(crate) fn order(&mut self) -> bool {
        let Some(prior) = self.prior.take() else { return false };
        let left = self.release.replace(prior);
        self.recalled = [left.clone(), left];
        self.latched = true;
        true
    }

    /// The pass wrote the sheet.
    pub(crate) fn written(&mut self, world: &World) {
        self.ours.extend(world.release.rows.iter().map(stamp));
    }

    /// Feeds all of it to a hasher; stamps as their reader sees them.
    pub(crate) fn hash<H: Hasher>(&self, hasher: &mut H, stamp: impl Fn(&[String; 3], &mut H)) {
        let Self {
            release,
            prior,
            keys,
            recalled,
            latched,
            known,
            unmet,
            put_off,
            watched,
            ours,
        } = self;
        (
            release,
            prior,
            keys,
            recalled,
            latched,
            known,
            unmet,
            put_off,
            watched,
            ours.len(),
        )
            .hash(hasher);
        for own in ours {
            stamp(own, hasher);
        }
    }

    /// Whether both keys count alike.
    pub(crate) fn alike(&self) -> bool {
        self.keys[0] == self.keys[1] && self.recalled[0] == self.recalled[1]
    }

    /// The store is lost.
    pub(crate) fn lose(&mut self) {
        *self = Self::default();
    }

    /// Forgets stamps that stand nowhere any more.
    pub(crate) fn prune(&mut self, world: &World, bin: Option<&Row>) {
        let stands: Vec<_> = world.release.rows.iter().chain(bin).map(stamp).collect();
        self.ours.retain(|stamp| stands.contains(stamp));
    }
}
