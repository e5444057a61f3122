//! The service cells of a server's row, as they are to be.

use std::sync::Arc;

use crate::fleet::Server;
use crate::plan::{Inputs, ServerPlan, ServerStatus};
use crate::sheet::layout::RUNNING;
use crate::tag::{Cells, TagKey};
use crate::text::shared;

/// The cells of a server; `updatedAt` is added when they are written. `done` says whether its changes were made.
pub(super) fn cells(inputs: Inputs<'_>, server: &ServerPlan, live: Option<&Server>, done: bool, status: &str) -> Cells {
    let mut cells: Vec<(Arc<str>, Arc<str>)> = vec![(shared("status"), shared(status))];
    let mut show = |header: &str, text: Arc<str>| cells.push((shared(header), text));
    let after = |key: &TagKey| {
        let changed = server.changes.iter().find(|c| done && c.tag == *key);
        let changed = changed.map(|c| &c.after);
        let text = changed.or_else(|| live.and_then(|s| s.tag(key)));
        text.map_or_else(|| shared(""), cell_text)
    };
    if let Some(live) = live {
        show("account", Arc::clone(&live.source.account));
        show("region", Arc::clone(&live.source.region));
        show("state", shared(live.state.word()));
        // EC2 takes a terminated server's tags away bit by bit: what was shown last says more.
        if live.state.is_live() {
            show("name", after(&"Name".into()));
            show("releaseVersion", after(&inputs.policy.version_tag));
            if inputs.sheet.display.servers.layout.columns.contains_key(RUNNING) {
                let says = inputs.policy.agents.read(live, inputs.now);
                show(RUNNING, says.map_or_else(|| shared(""), |says| shared(&says.words())));
            }
            for column in &inputs.sheet.display.servers.shown_tags {
                show(&column.header, after(&column.key));
            }
        }
    } else if server.status == ServerStatus::Terminated {
        show("state", shared("terminated"));
    }
    cells.into_iter().collect()
}

/// A tag's value as a cell can show it, so that what is read back is what was written: white space alone counts as nothing there,
/// and control characters may not all come back.
fn cell_text(value: &Arc<str>) -> Arc<str> {
    if value.trim().is_empty() {
        return shared("");
    }
    if !value.chars().any(char::is_control) {
        return Arc::clone(value);
    }
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        if c.is_control() {
            text.extend(c.escape_unicode());
        } else {
            text.push(c);
        }
    }
    text.into()
}
