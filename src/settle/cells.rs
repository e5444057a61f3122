//! The service cells of a server's row, as they are to be.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fleet::Server;
use crate::plan::{Inputs, ServerPlan, ServerStatus};
use crate::tag::TagKey;

/// Service cells of one row, by canonical header; `updatedAt` is added when they are written.
pub type Cells = BTreeMap<Arc<str>, String>;

/// The cells of a server. `done` says whether its changes were made.
pub(super) fn cells(inputs: Inputs<'_>, server: &ServerPlan, live: Option<&Server>, done: bool) -> Cells {
    let mut cells = Cells::new();
    let after = |key: &TagKey| {
        let changed = server.changes.iter().find(|c| done && c.tag == *key);
        let changed = changed.map(|c| &*c.after);
        let text = changed.or_else(|| live.and_then(|s| s.tag(key)).map(|v| &**v));
        text.map(cell_text).unwrap_or_default()
    };
    if let Some(live) = live {
        cells.insert("account".into(), live.source.account.to_string());
        cells.insert("region".into(), live.source.region.to_string());
        cells.insert("state".into(), live.state.word().to_owned());
        // EC2 takes a terminated server's tags away bit by bit: what was shown last says more.
        if live.state.is_live() {
            cells.insert("name".into(), after(&"Name".into()));
            cells.insert("releaseVersion".into(), after(&inputs.policy.version_tag));
            for column in &inputs.sheet.display.servers.shown_tags {
                cells.insert(column.header.clone(), after(&column.key));
            }
        }
    } else if server.status == ServerStatus::Terminated {
        cells.insert("state".into(), "terminated".into());
    }
    cells
}

/// A tag's value as a cell can show it, so that what is read back is what was written: white space alone counts as nothing there,
/// and control characters may not all come back.
fn cell_text(value: &str) -> String {
    if value.trim().is_empty() {
        return String::new();
    }
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        if c.is_control() {
            text.extend(c.escape_unicode());
        } else {
            text.push(c);
        }
    }
    text
}
