//! Sheet, fleet and memory joined by server: all that is known of each.

use std::borrow::Cow;
use std::collections::BTreeMap;

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
pub(super) type Recall<'a> = Cow<'a, ServerMemory>;

/// All that is known of one server.
pub(super) struct Joined<'a> {
    pub(super) id: &'a ServerId,
    pub(super) rows: Vec<&'a ServerRow>,
    /// What the service shows in its row, if it has exactly one: of two rows each has a stamp of its own.
    pub(super) shown: Option<&'a ShownServer>,
    pub(super) server: Option<&'a Server>,
    pub(super) memory: Option<&'a ServerMemory>,
}

impl<'a> Joined<'a> {
    pub(super) fn remembered(&self) -> Recall<'a> {
        self.memory.map_or_else(Recall::default, Cow::Borrowed)
    }

    pub(super) fn live(&self) -> Option<&'a Server> {
        self.server.filter(|server| server.state.is_live())
    }

    pub(super) fn disagree(&self) -> bool {
        self.rows.windows(2).any(|pair| !pair[0].agrees(pair[1]))
    }

    /// Whether any of its rows holds it. A box that cannot be read and a column that vanished let nobody go: what the store
    /// remembers goes on holding.
    pub(super) fn held(&self) -> bool {
        let remembered = self.memory.is_some_and(|m| m.held);
        self.rows.iter().any(|row| match row.hold {
            Some(Tick::On) => true,
            Some(Tick::Off) => false,
            Some(Tick::Unreadable) | None => remembered,
        })
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

/// Joins sheet, fleet and memory by server id, in order. A server that only the memory knows is not among them.
pub(super) fn servers<'a>(inputs: Inputs<'a>) -> Vec<Joined<'a>> {
    let mut rows: Vec<&ServerRow> = inputs.sheet.intent.servers.iter().collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id).then(a.origin.row.cmp(&b.origin.row)));
    let mut rows = rows.into_iter().peekable();
    let mut shown: Vec<&ShownServer> = inputs.sheet.display.servers.rows.iter().collect();
    shown.sort_by(|a, b| a.id.cmp(&b.id));
    let mut shown = shown.into_iter().peekable();
    let mut servers = inputs.fleet.servers.iter().peekable();
    let mut remembered = inputs.memory.servers.iter().peekable();
    let mut joined = Vec::with_capacity(inputs.fleet.servers.len());
    loop {
        let heads = [rows.peek().map(|r| &r.id), servers.peek().map(|(id, _)| *id)];
        let Some(id) = heads.into_iter().flatten().min() else {
            return joined;
        };
        let mut own = Vec::new();
        while let Some(row) = rows.next_if(|row| row.id == *id) {
            own.push(row);
        }
        while shown.next_if(|row| row.id < *id).is_some() {}
        let first = shown.next_if(|row| row.id == *id);
        let another = shown.peek().is_some_and(|row| row.id == *id);
        let server = servers.next_if(|(other, _)| *other == id).map(|(_, server)| server);
        while remembered.next_if(|(other, _)| *other < id).is_some() {}
        let memory = remembered.next_if(|(other, _)| *other == id).map(|(_, memory)| memory);
        joined.push(Joined {
            id,
            rows: own,
            shown: first.filter(|_| !another),
            server,
            memory,
        });
    }
}
