//! Checks that sheet and store are of the same time. Stamps in the sheet that this store gave out earlier mean that the file was set back; stamps
//! later than all it ever gave out mean that the store was: somebody newer has served the sheet under its id.
//!
//! One row is somebody's typing, and an unauthorised edit. Two channels, or a tenth of the servers, are a restored copy.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::inputs::Inputs;
use super::joined::Beside;
use crate::memory::{Memory, RowMemory, Stamp};
use crate::problem::{Code, Kind, Problem};
use crate::sheet::display::{ShownRelease, ShownServer};
use crate::sheet::{stamp_text, stamp_time};
use crate::tag::{ChannelName, ServerId};

/// So many channels of another time stop the pass.
const CHANNELS: usize = 2;
/// Or one server in so many.
const SERVERS_PART: usize = 10;
/// A stamp that is further ahead than this is not a time at which anybody can have served the sheet.
const ABSURD: TimeDelta = TimeDelta::hours(24);

/// Rows that show stamps of another time.
#[derive(Default)]
struct Found<'a> {
    channels: BTreeSet<&'a ChannelName>,
    servers: BTreeSet<&'a ServerId>,
}

impl Found<'_> {
    /// The sum, if these are too many for somebody's typing among so many servers.
    fn too_many(&self, whole: usize) -> Option<String> {
        let (channels, servers) = (self.channels.len(), self.servers.len());
        let few = channels < CHANNELS && (servers == 0 || servers * SERVERS_PART < whole);
        (!few).then(|| format!("{channels} channels and {servers} of {whole} servers"))
    }
}

/// Why sheet and store are not of one time, if they are not.
/// `shown` are the rows of the server tab by id.
pub(super) fn time_travel(inputs: Inputs<'_>, shown: &[&ShownServer]) -> Option<Problem> {
    let Inputs { memory, .. } = inputs;
    let display = &inputs.sheet.display;
    let (mut earlier, mut later) = (Found::default(), Found::default());
    for row in &display.release.rows {
        let remembered = memory.channels.get(&row.channel);
        if remembered.is_some_and(|c| is_earlier(&c.row, &row.stamp.updated_at)) {
            earlier.channels.insert(&row.channel);
        }
        if is_later(row, inputs) {
            later.channels.insert(&row.channel);
        }
    }
    let (mut whole, mut last) = (0, None);
    let mut remembered = Beside::new(&memory.servers);
    let newest = memory.last_stamp.map(stamp_text);
    // A store that never made a pass has nothing to be older than: it meets everything for the first time.
    let bound = memory.binding.is_some();
    for row in shown {
        whole += usize::from(last.replace(&row.id) != Some(&row.id));
        let shown = row.updated_at();
        let remembered = remembered.at(&row.id);
        if !shown.is_empty() && remembered.is_some_and(|s| s.row.earlier.iter().any(|e| e == shown)) {
            earlier.servers.insert(&row.id);
        }
        // Times in our form stand in the order of their texts, which is seen sooner than what time a text is.
        let old = |newest: &String| newest.len() == shown.len() && shown <= newest.as_str();
        if bound && !newest.as_ref().is_some_and(old) && later_than_all(shown, memory, inputs.now) {
            later.servers.insert(&row.id);
        }
    }
    let older_sheet = earlier.too_many(whole).map(|sum| older_sheet(&sum));
    let older_store = later.too_many(whole).map(|sum| older_store(&sum, memory));
    let message = match (older_sheet, older_store) {
        (None, None) => return None,
        (Some(what), None) | (None, Some(what)) => what,
        (Some(sheet), Some(store)) => format!("{sheet}; and {store}"),
    };
    let place = display.release.layout.title.clone();
    let message = format!("belt history: {message}");
    Some(Problem::new(Kind::Belt, Code::History, place, message))
}

/// The file was set back to an older version: rows show what the service itself wrote there before.
fn older_sheet(sum: &str) -> String {
    format!(
        "{sum} show what was written there earlier, as after restoring an old version of the file (stops at 2 channels, or a \
         tenth of the servers); restore the latest version, or accept it with fleetsheet --once --allow history (then all \
         keys of the rows set back must be typed again)"
    )
}

/// The store was set back to an older copy: rows show stamps that it never gave out.
fn older_store(sum: &str, memory: &Memory) -> String {
    let last = memory.last_stamp.map_or_else(|| "none".to_owned(), stamp_text);
    format!(
        "{sum} show what was written there after the last that this store knows of ({last}), as when an old copy of the state \
         store is put back (stops at 2 channels, or a tenth of the servers); put the newer store back, or adopt what the \
         servers carry with fleetsheet --once --takeover, or accept it with fleetsheet --once --allow history (then servers go \
         back to the releases that this store remembers, and all keys of these rows must be typed again)"
    )
}

/// Whether a channel's row shows a time that this store never gave out, later than all that it did. One such row stops no pass, but
/// a store that is an old copy may have served the tick that stands there.
pub(super) fn is_later(row: &ShownRelease, inputs: Inputs<'_>) -> bool {
    let memory = inputs.memory;
    let shown = &row.stamp.updated_at;
    let remembered = memory.channels.get(&row.channel);
    let known = remembered.is_some_and(|c| c.row.stamps().any(|s| s.updated_at == *shown));
    memory.binding.is_some() && !known && later_than_all(shown, memory, inputs.now)
}

fn later_than_all(shown: &str, memory: &Memory, now: DateTime<Utc>) -> bool {
    credible(shown, memory, now).is_some_and(|at| memory.last_stamp.is_none_or(|last| at > last))
}

/// The newest stamp in the sheet, where that counts as written although this store did not write it: the stamps that it gives
/// out from now on are later.
pub(super) fn accepted(inputs: Inputs<'_>) -> Option<DateTime<Utc>> {
    let last = inputs.memory.last_stamp;
    newest(inputs).filter(|newest| last.is_none_or(|last| *newest > last))
}

/// The newest stamp in the sheet: when somebody's store wrote there last.
pub(super) fn newest(inputs: Inputs<'_>) -> Option<DateTime<Utc>> {
    let Inputs { memory, now, .. } = inputs;
    let display = &inputs.sheet.display;
    let channels = display.release.rows.iter().map(|row| row.stamp.updated_at.as_str());
    let all = channels.chain(display.servers.keyed().map(ShownServer::updated_at));
    all.filter_map(|text| credible(text, memory, now)).max()
}

/// The time of a stamp, if it may be one: exactly our form, and not absurdly far ahead. Our own may lie ahead of a clock that
/// went back.
fn credible(text: &str, memory: &Memory, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let newest = memory.last_stamp.map_or(now, |last| last.max(now));
    let bound = newest.checked_add_signed(ABSURD).unwrap_or(DateTime::<Utc>::MAX_UTC);
    stamp_time(text).filter(|at| *at <= bound)
}

fn is_earlier(row: &RowMemory<Stamp>, shown: &str) -> bool {
    !shown.is_empty() && row.earlier.iter().any(|e| e == shown) && !row.stamps().any(|s| s.updated_at == shown)
}
