//! Servers by the names that people call them, and what was meant by a name that nothing has.

use crate::pass::Preview;
use crate::pass_end::Decided;
use crate::plan::owners;
use crate::sheet::misnamed;
use crate::tag::ServerId;
use crate::text::nearest;

/// What is said: a heading and a text, line by line.
pub type Lines = Vec<(&'static str, String)>;

/// Characters that are shown of a status cell. The service writes less; whoever may type there can fill it with 50,000.
pub(super) const CELL_MAX: usize = 2000;

/// Servers of one name that are listed.
const LISTED: usize = 20;

/// The servers that people call so.
pub(super) fn called<'a>(name: &str, preview: &'a Preview) -> Vec<&'a ServerId> {
    let Decided { observed, plan } = &*preview.decided;
    let owners = owners(&observed.sheet, &observed.fleet, plan);
    let ids = owners.get(name.trim()).into_iter();
    ids.flat_map(|ids| ids.keys().copied()).collect()
}

/// The servers that share a name.
pub(super) fn list(name: &str, ids: &[&ServerId], preview: &Preview) -> Lines {
    let fleet = &preview.decided.observed.fleet;
    let count = ids.len();
    let mut lines = vec![(
        "name",
        format!("{count} servers are called {name}; explain one of them by its id"),
    )];
    for id in ids.iter().take(LISTED) {
        let at = fleet.servers.get(*id).map_or_else(
            || "cannot be seen now".to_owned(),
            |server| format!("in {}, {}", server.source, server.state.word()),
        );
        lines.push(("server", format!("{id} {at}")));
    }
    if count > LISTED {
        lines.push(("server", format!("and {} more", count - LISTED)));
    }
    lines
}

/// What is wrong with rows that hold the text in the place of an id.
pub(super) fn rows(text: &str, preview: &Preview) -> Lines {
    let Decided { observed, plan } = &*preview.decided;
    let owners = owners(&observed.sheet, &observed.fleet, plan);
    let rows = observed
        .sheet
        .intent
        .misnamed
        .iter()
        .filter(|row| row.text.as_str() == text);
    rows.map(|row| ("problem", misnamed::problem(row, &owners).message))
        .collect()
}

/// The channel, server id or server name that was meant by a name that nothing has.
#[must_use]
pub fn meant(name: &str, preview: &Preview) -> Option<String> {
    let Decided { observed, plan } = &*preview.decided;
    let owners = owners(&observed.sheet, &observed.fleet, plan);
    let channels = plan.channels.iter().map(|channel| channel.name.as_str());
    let servers = plan.servers.iter().map(|server| server.id.as_str());
    let near = nearest(name, channels)
        .or_else(|| nearest(name, owners.keys().copied()))
        .or_else(|| nearest(name, servers));
    near.map(ToOwned::to_owned)
}
