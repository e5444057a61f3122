//! What a plan says of one channel: `plan CHANNEL` shows, counts and judges nothing else.
//!
//! What stops the whole pass, or cannot be said to be another channel's, stays.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Plan, ServerPlan, ServerStatus, Tripped};
use super::policy::Belt;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::intent::{Intent, Origin};
use crate::sheet::layout::quoted;
use crate::tag::{ChannelName, ServerId};

impl Plan {
    /// The plan of one channel.
    #[must_use]
    pub fn of_channel(mut self, name: &ChannelName, intent: &Intent) -> Self {
        let others = Others::of(&self, name, intent);
        let leaves = |server: &ServerPlan| {
            let mut held = server.withheld.iter();
            held.any(|change| change.before.as_deref() == Some(name.as_str()))
        };
        let leaving = self.servers.iter().any(leaves);
        self.channels.retain(|channel| channel.name == *name);
        self.servers.retain(|server| server.channel.as_ref() == Some(name));
        let held = |status: fn(&ServerStatus) -> bool| self.servers.iter().any(|server| status(&server.status));
        let (as_is, waits) = (
            held(|status| *status == ServerStatus::AsIs),
            held(|status| matches!(status, ServerStatus::Waiting(_))),
        );
        let concerns = |tripped: &Tripped| match tripped.belt {
            Belt::Unapproved => waits || leaving,
            Belt::FleetDrop | Belt::Source => as_is,
            // The first holds new rows, moves and promotions of all channels, the others the whole pass.
            Belt::RowDrop | Belt::Tab | Belt::History => true,
        };
        let (tripped, elsewhere): (Vec<_>, Vec<_>) = self.tripped.into_iter().partition(concerns);
        self.tripped = tripped;
        let is_elsewhere = |problem: &Problem| elsewhere.iter().any(|tripped| tripped.message == problem.message);
        self.problems.retain(|problem| match problem.kind {
            Kind::Belt => !is_elsewhere(problem) && !others.has(problem),
            _ => !others.has(problem),
        });
        self.happenings
            .retain(|happening| happening.channel == name.as_str() || happening.event == "takeover");
        self.misnamed.clear();
        self.not_ours.clear();
        self
    }
}

/// What is known to be another channel's, or none's.
struct Others {
    name: ChannelName,
    channels: BTreeSet<String>,
    servers: BTreeSet<ServerId>,
    /// Rows, by the name of their tab as addresses have it.
    rows: BTreeMap<String, BTreeSet<u32>>,
}

impl Others {
    fn of(plan: &Plan, name: &ChannelName, intent: &Intent) -> Self {
        let channels = plan.channels.iter().map(|channel| &channel.name);
        let channels = channels.filter(|other| *other != name).map(ToString::to_string);
        let named = intent.servers.iter().filter(|row| row.channel.as_ref() == Some(name));
        let own: BTreeSet<&ServerId> = plan
            .servers
            .iter()
            .filter(|server| server.channel.as_ref() == Some(name))
            .map(|server| &server.id)
            .chain(named.map(|row| &row.id))
            .collect();
        let servers = plan.servers.iter().map(|server| &server.id);
        let mut rows: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        let mut others = |origin: &Origin| {
            rows.entry(quoted(&origin.tab.title)).or_default().insert(origin.row);
        };
        for row in intent.channels.iter().filter(|row| row.channel != *name) {
            others(&row.origin);
        }
        for row in intent.servers.iter().filter(|row| !own.contains(&row.id)) {
            others(&row.origin);
        }
        for row in &intent.misnamed {
            others(&row.origin);
        }
        Self {
            name: name.clone(),
            channels: channels.collect(),
            servers: servers.filter(|id| !own.contains(id)).cloned().collect(),
            rows,
        }
    }

    fn has(&self, problem: &Problem) -> bool {
        let place = problem.place.as_str();
        let in_row = || {
            self.rows.iter().any(|(tab, rows)| {
                let cell = place.strip_prefix(tab.as_str());
                cell.and_then(row_of).is_some_and(|row| rows.contains(&row))
            })
        };
        self.channels.contains(place)
            || self.servers.contains(place)
            || (problem.code == Code::UnknownChannel && place != self.name.as_str())
            || in_row()
    }
}

/// The row of a cell's address without its tab, such as `!B4` or ` row 4`.
fn row_of(cell: &str) -> Option<u32> {
    let cell = cell.strip_prefix('!').or_else(|| cell.strip_prefix(" row "))?;
    cell.trim_start_matches(|c: char| c.is_ascii_uppercase()).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::row_of;

    #[test]
    fn the_row_of_an_address_is_found() {
        for (cell, row) in [
            ("!B4", Some(4)),
            ("!AA1200", Some(1200)),
            (" row 7", Some(7)),
            ("", None),
            ("!B", None),
            ("2!B4", None),
        ] {
            assert_eq!(row_of(cell), row, "{cell}");
        }
    }
}
