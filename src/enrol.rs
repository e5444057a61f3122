//! Which servers get a row because somebody asked for all that carry certain tags: the choice behind `fleetsheet add`.
//!
//! A pure function of sheet, fleet and memory. It writes nothing, and no tag of a server depends on it but by the next pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::fleet::filter::{Filter, pass};
use crate::fleet::{Fleet, Server};
use crate::memory::Memory;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::parse::Sheet;
use crate::tag::{ChannelName, ServerId, TagKey};
use crate::text::few;

/// Names that a message lists.
const NAMED: usize = 20;

/// A row to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedRow {
    /// Its server.
    pub id: ServerId,
    /// Its channel; `None` leaves the cell blank.
    pub channel: Option<ChannelName>,
    /// Whether it comes back held, because the store remembers so.
    pub held: bool,
}

/// What was chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Rows to add, in the order of ids.
    pub rows: Vec<WantedRow>,
    /// Live servers with these tags that have a row.
    pub listed: u64,
    /// What people should know.
    pub notes: Vec<Problem>,
}

/// Why there is nothing to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Impossible {
    /// What was asked for cannot be.
    Asked(String),
    /// The sheet is made so that no row can be added.
    Sheet(String),
}

/// What is chosen from.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The spreadsheet.
    pub sheet: &'a Sheet,
    /// The fleet.
    pub fleet: &'a Fleet,
    /// What is remembered.
    pub memory: &'a Memory,
    /// The tag that names a server's channel.
    pub channel_tag: &'a TagKey,
}

/// Chooses the live servers that carry all these tags and have no row. They get `channel`; where none is given, the one that
/// their channel tag names, if this sheet has it.
///
/// # Errors
/// When there is no such channel, or no row can be added.
pub fn choose(seen: Seen<'_>, filters: &[Filter], channel: Option<&ChannelName>) -> Result<Chosen, Impossible> {
    let known: BTreeSet<&ChannelName> = seen.sheet.intent.channels.iter().map(|row| &row.channel).collect();
    if let Some(channel) = channel.filter(|channel| !known.contains(channel)) {
        return Err(Impossible::Asked(unknown(channel, &known, seen.sheet)));
    }
    let filled = &seen.sheet.display.servers.filled;
    let needs = ["serverId"].into_iter().chain(channel.map(|_| "channel"));
    if let Some(header) = needs.into_iter().find(|header| filled.contains(*header)) {
        return Err(Impossible::Sheet(format!(
            "a formula fills the column {header} of {}, and a value there would break it: enter values instead of the formula, \
             or add the servers where it takes them from",
            seen.sheet.intent.server_tab
        )));
    }
    let listed: BTreeSet<&ServerId> = seen.sheet.display.servers.rows.iter().map(|row| &row.id).collect();
    let mut chosen = Chosen::default();
    let mut kept_out: Vec<&ServerId> = Vec::new();
    let mut leaves: BTreeMap<&Arc<str>, u64> = BTreeMap::new();
    let live = || seen.fleet.servers.iter().filter(|(_, server)| server.state.is_live());
    for (id, server) in live().filter(|(_, server)| pass(filters, server)) {
        if listed.contains(id) {
            chosen.listed += 1;
            continue;
        }
        let held = seen.memory.servers.get(id).is_some_and(|server| server.held);
        if held && filled.contains("hold") {
            kept_out.push(id);
            continue;
        }
        let tagged = server.tag(seen.channel_tag);
        let own = tagged.and_then(|tag| known.get(&ChannelName::from(&**tag)).copied().cloned());
        if let (Some(tag), Some(channel)) = (tagged.filter(|tag| !tag.is_empty()), channel)
            && **tag != *channel.as_str()
        {
            *leaves.entry(tag).or_default() += 1;
        }
        chosen.rows.push(WantedRow {
            id: id.clone(),
            channel: channel.cloned().or(own),
            held,
        });
    }
    chosen.notes.extend(unheld(&kept_out, seen));
    chosen
        .notes
        .extend(leaves.into_iter().map(|(tag, count)| leaving(tag, count, channel)));
    if chosen.rows.is_empty() && chosen.listed == 0 && kept_out.is_empty() {
        let absent = |filter: &&Filter| !live().any(|(_, server)| has(server, filter));
        chosen.notes.extend(filters.iter().filter(absent).map(nobody));
    }
    chosen.notes.sort();
    chosen.notes.dedup();
    Ok(chosen)
}

fn has(server: &Server, filter: &Filter) -> bool {
    server.tag(filter.key()).is_some()
}

fn unknown(channel: &ChannelName, known: &BTreeSet<&ChannelName>, sheet: &Sheet) -> String {
    let tab = &sheet.intent.release_tab;
    let list = match known.len() {
        0 => "it has none yet; make one with fleetsheet init --channel NAME".to_owned(),
        _ => format!("it has {}", few(known.iter().map(|name| name.as_str()), NAMED)),
    };
    format!("--channel {channel} has no row in {tab}: {list}")
}

/// Held servers that cannot come back held, because a formula fills the boxes.
fn unheld(ids: &[&ServerId], seen: Seen<'_>) -> Option<Problem> {
    if ids.is_empty() {
        return None;
    }
    let message = format!(
        "{} must come back held, and a formula fills the column hold, so no row is added for them; enter values there instead \
         of the formula",
        few(ids.iter().map(|id| id.as_str()), NAMED)
    );
    let place = seen.sheet.display.servers.layout.place("hold", 1);
    Some(Problem::new(Kind::Mismatch, Code::Filled, place, message))
}

/// Servers that carry another channel than the one asked for: the next pass moves them.
fn leaving(tag: &str, count: u64, channel: Option<&ChannelName>) -> Problem {
    let to = channel.map_or_else(String::new, ToString::to_string);
    let message = format!(
        "{count} of them {} the channel {tag} now; the next pass moves {} to {to}. If that is not meant, clear the channel of \
         {} before it",
        if count == 1 { "carries" } else { "carry" },
        if count == 1 { "it" } else { "them" },
        if count == 1 { "its row" } else { "their rows" },
    );
    Problem::new(Kind::Mismatch, Code::Channel, tag, message)
}

/// A filter by a tag that no live server carries.
fn nobody(filter: &Filter) -> Problem {
    let key = filter.key().as_str();
    let hint = match key.strip_prefix("tag:") {
        Some(rest) => format!("write {rest}=VALUE, without tag:"),
        None => "keys are case-sensitive".to_owned(),
    };
    let message = format!("no live server carries the tag {key}; {hint}");
    Problem::new(Kind::Mismatch, Code::NoRow, key, message)
}
