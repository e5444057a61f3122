//! Sheet, fleet and memory joined by server: all that is known of each.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Iter;
use std::iter::Peekable;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use super::inputs::Inputs;
use crate::fleet::{Server, Source};
use crate::memory::{ChannelMemory, ServerMemory};
use crate::sheet::display::{ShownRelease, ShownServer};
use crate::sheet::intent::{ReleaseRow, ServerRow, Tick};
use crate::tag::{ChannelName, ServerId};
use crate::text::called;

/// The rows of the release tab, by channel.
pub(super) type Rows<'a> = BTreeMap<&'a ChannelName, Vec<&'a ReleaseRow>>;

/// What will be remembered of the channels.
pub(super) type Channels = BTreeMap<ChannelName, ChannelMemory>;

/// What is remembered of a server, copied only when something of it changes: in a quiet pass over a large fleet nothing does.
pub(super) struct Recall<'a> {
    kept: &'a ServerMemory,
    /// Boxed, because the drafts of all servers are moved about.
    new: Option<Box<ServerMemory>>,
}

/// Of a server that is not known.
static NOTHING: LazyLock<ServerMemory> = LazyLock::new(ServerMemory::default);

impl Recall<'_> {
    pub(super) fn to_mut(&mut self) -> &mut ServerMemory {
        self.new.get_or_insert_with(|| Box::new(self.kept.clone()))
    }

    /// What there is to remember, if it may be new.
    pub(super) fn into_new(self) -> Option<ServerMemory> {
        self.new.map(|new| *new)
    }
}

impl Deref for Recall<'_> {
    type Target = ServerMemory;

    fn deref(&self) -> &ServerMemory {
        self.new.as_deref().unwrap_or(self.kept)
    }
}

/// All that is known of one server; of one that neither the sheet nor the fleet shows, what is remembered.
pub(super) struct Joined<'a> {
    pub(super) id: &'a ServerId,
    /// Its rows, from top to bottom.
    pub(super) rows: &'a [&'a ServerRow],
    /// What the service shows in its row, if it has exactly one: of two rows each has a stamp of its own.
    pub(super) shown: Option<&'a ShownServer>,
    pub(super) server: Option<&'a Server>,
    pub(super) memory: Option<&'a Arc<ServerMemory>>,
}

impl<'a> Joined<'a> {
    pub(super) fn remembered(&self) -> Recall<'a> {
        Recall {
            kept: self.before().unwrap_or(&NOTHING),
            new: self.memory.is_none().then(Box::default),
        }
    }

    pub(super) fn before(&self) -> Option<&'a ServerMemory> {
        self.memory.map(|memory| &**memory)
    }

    pub(super) fn live(&self) -> Option<&'a Server> {
        self.server.filter(|server| server.state.is_live())
    }

    /// Whether only the memory knows it.
    pub(super) fn is_past(&self) -> bool {
        self.rows.is_empty() && self.server.is_none()
    }

    /// The channel that its row names; of several the last that names one.
    pub(super) fn named(&self) -> Option<&'a ChannelName> {
        self.rows.iter().rev().find_map(|row| row.channel.as_ref())
    }

    /// Whether its rows disagree about the channel, which puts it in none.
    pub(super) fn disputed(&self) -> bool {
        let mut channels = self.rows.iter().map(|row| &row.channel);
        channels
            .next()
            .is_some_and(|first| channels.any(|other| other != first))
    }

    pub(super) fn disagree(&self) -> bool {
        disagree(self.rows)
    }

    /// Whether any of its rows holds it.
    pub(super) fn held(&self) -> bool {
        hold(self.rows, self.memory.is_some_and(|m| m.held))
    }

    /// Its id, with the name that the fleet or its row shows.
    pub(super) fn called(&self) -> String {
        let shown = self.shown.and_then(|row| row.service.get("name"));
        let shown = shown.map(|name| name.trim()).filter(|name| !name.is_empty());
        called(self.id.as_str(), self.server.and_then(Server::name).or(shown))
    }

    /// Where it lives or last lived.
    pub(super) fn source(&self) -> Option<&'a Source> {
        self.server
            .map(|s| &s.source)
            .or_else(|| self.memory.and_then(|m| m.source.as_ref()))
    }
}

/// Whether rows of one server disagree.
pub(super) fn disagree(rows: &[&ServerRow]) -> bool {
    rows.windows(2).any(|pair| !pair[0].agrees(pair[1]))
}

/// Whether any of a server's rows holds it. A box that cannot be read and a column that vanished let nobody go: what the store
/// remembers goes on holding.
pub(super) fn hold(rows: &[&ServerRow], remembered: bool) -> bool {
    rows.iter().any(|row| match row.hold {
        Some(Tick::On) => true,
        Some(Tick::Off) => false,
        Some(Tick::Unreadable) | None => remembered,
    })
}

/// Groups the rows of the release tab by channel.
pub(super) fn release_rows<'a>(inputs: Inputs<'a>) -> Rows<'a> {
    let mut rows = Rows::new();
    for row in &inputs.sheet.intent.channels {
        rows.entry(&row.channel).or_default().push(row);
    }
    rows
}

/// Groups what the service shows in the release tab by channel.
pub(super) fn shown_releases<'a>(inputs: Inputs<'a>) -> BTreeMap<&'a ChannelName, Vec<&'a ShownRelease>> {
    let mut rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in &inputs.sheet.display.release.rows {
        rows.entry(&row.channel).or_default().push(row);
    }
    rows
}

/// The rows of the server tab by server id, those of one server from top to bottom.
pub(super) fn server_rows<'a>(inputs: Inputs<'a>) -> Vec<&'a ServerRow> {
    let mut rows: Vec<&ServerRow> = inputs.sheet.intent.servers.iter().collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id).then(a.origin.row.cmp(&b.origin.row)));
    rows
}

/// The same of what the service shows there.
pub(super) fn shown_servers<'a>(inputs: Inputs<'a>) -> Vec<&'a ShownServer> {
    let mut shown: Vec<&ShownServer> = inputs.sheet.display.servers.rows.iter().collect();
    shown.sort_by(|a, b| a.id.cmp(&b.id));
    shown
}

/// Joins sheet, fleet and memory by server id, in order, each of them walked through once: in a large fleet looking each server up by
/// its id is what takes the time of a decision. `rows` and `shown` are by id.
pub(super) fn servers<'a>(inputs: Inputs<'a>, rows: &'a [&'a ServerRow], shown: &[&'a ShownServer]) -> Vec<Joined<'a>> {
    let mut left = rows;
    let mut shown = shown.iter().copied().peekable();
    let mut servers = inputs.fleet.servers.iter().peekable();
    let mut remembered = inputs.memory.servers.iter().peekable();
    let mut joined = Vec::with_capacity(inputs.fleet.servers.len().max(inputs.memory.servers.len()));
    loop {
        let heads = [
            left.first().map(|row| &row.id),
            servers.peek().map(|(id, _)| *id),
            remembered.peek().map(|(id, _)| *id),
        ];
        let Some(id) = heads.into_iter().flatten().min() else {
            return joined;
        };
        let (own, rest) = left.split_at(left.iter().take_while(|row| row.id == *id).count());
        left = rest;
        while shown.next_if(|row| row.id < *id).is_some() {}
        let first = shown.next_if(|row| row.id == *id);
        let another = shown.peek().is_some_and(|row| row.id == *id);
        joined.push(Joined {
            id,
            rows: own,
            shown: first.filter(|_| !another),
            server: servers.next_if(|(other, _)| *other == id).map(|(_, server)| server),
            memory: remembered.next_if(|(other, _)| *other == id).map(|(_, memory)| memory),
        });
    }
}

/// Walks through a map beside somebody who goes through ids in order, so that nothing is looked up.
pub(super) struct Beside<'a, V> {
    left: Peekable<Iter<'a, ServerId, V>>,
}

impl<'a, V> Beside<'a, V> {
    pub(super) fn new(map: &'a BTreeMap<ServerId, V>) -> Self {
        Self {
            left: map.iter().peekable(),
        }
    }

    /// What the map holds for an id, which is later than those asked for before.
    pub(super) fn at(&mut self, id: &ServerId) -> Option<&'a V> {
        while let Some((other, value)) = self.left.peek() {
            match (*other).cmp(id) {
                Ordering::Less => drop(self.left.next()),
                Ordering::Equal => return Some(*value),
                Ordering::Greater => break,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_walked_beside_is_what_would_be_looked_up() {
        let id = |n: u32| ServerId::from(&*format!("i-{n:08x}"));
        let map: BTreeMap<ServerId, u32> = [2, 3, 5, 9].map(|n| (id(n), n)).into();
        for asked in [
            vec![],
            vec![1, 2, 3, 4, 5, 6, 9, 10],
            vec![3, 9],
            vec![2, 2],
            vec![10],
            vec![0],
        ] {
            let mut beside = Beside::new(&map);
            for n in asked {
                assert_eq!(beside.at(&id(n)), map.get(&id(n)), "{n}");
            }
        }
    }
}
