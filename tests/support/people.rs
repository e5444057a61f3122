//! What people and the cloud do to a simulated world, in code.

use std::sync::Arc;

use fleetsheet::fleet::{Server, State};
use fleetsheet::sheet::Cell;

use crate::world::{Row, World, source};

/// A row of the release tab, enabled, with these keys.
pub(crate) fn channel_row(channel: &str, a: &str, b: &str) -> Row {
    let mut row = Row::new();
    row.insert("channel".into(), Cell::Text(channel.into()));
    for (header, key) in [("desiredVersionA", a), ("desiredVersionB", b)] {
        if !key.is_empty() {
            row.insert(header.into(), Cell::Text(key.into()));
        }
    }
    row.insert("enabled".into(), Cell::Bool(true));
    row.insert("rollback".into(), Cell::Bool(false));
    row
}

/// A row of the server tab.
pub(crate) fn server_row(id: &str, channel: &str) -> Row {
    let mut row = Row::new();
    row.insert("serverId".into(), Cell::Text(id.into()));
    row.insert("channel".into(), Cell::Text(channel.into()));
    row.insert("hold".into(), Cell::Bool(false));
    row
}

/// A running server.
pub(crate) fn launch(world: &mut World, id: &str, tags: &[(&str, &str)]) {
    let server = Server {
        source: source("main"),
        state: State::Running,
        tags: tags.iter().map(|(k, v)| ((*k).into(), Arc::from(*v))).collect(),
        metadata_tags: false,
        spot: false,
        zone: None,
    };
    world.fleet.servers.insert(id.into(), server);
}

/// Types into a cell of the first row of a channel or server, if there is one.
pub(crate) fn set(world: &mut World, name: &str, header: &str, cell: Cell) {
    if let Some(row) = world.row_mut(name) {
        row.insert(header.to_owned(), cell);
    }
}
