//! Checks whether a channel's rows are as the service left them. If what it shows there differs from what it remembers, one
//! hand may have moved the keys beside it.

use chrono::{DateTime, Utc};

use super::edits::change;
use super::history;
use super::inputs::Inputs;
use crate::memory::{ChannelMemory, LATE_WRITE, Memory, RowMemory, Stamp};
use crate::sheet::cell::clip;
use crate::sheet::display::ShownRelease;
use crate::sheet::layout::Layout;
use crate::tag::{ChannelName, Version};

/// What the rows of a channel show of the service.
#[derive(Default)]
pub(super) struct Recognised {
    /// Whether the channel has one row, and that is as the service left it.
    pub(super) confirmed: bool,
    /// Whether a row carries another channel's stamp, or one of a time that this store does not know: its box is not served.
    pub(super) foreign: bool,
    /// How the one row was typed over, if it was.
    pub(super) edit: Option<Edit>,
    /// What is remembered of the row from now on.
    pub(super) row: RowMemory<Stamp>,
    /// The one row, for a channel that is met for the first time.
    pub(super) met: Option<Met>,
}

/// A row whose service cells somebody typed over.
pub(super) struct Edit {
    pub(super) place: String,
    /// The release that stood there.
    pub(super) from: String,
    /// What stands there instead.
    pub(super) to: String,
    pub(super) detail: String,
}

/// A row that is met for the first time.
pub(super) struct Met {
    /// Where its release stands.
    pub(super) place: String,
    /// The release that it shows.
    pub(super) release: String,
    /// The previous version that it shows.
    pub(super) previous: Option<Version>,
    /// Whether the service's cells are all blank.
    pub(super) blank: bool,
    /// What is remembered of it.
    pub(super) row: RowMemory<Stamp>,
}

/// Recognises the rows of a channel.
pub(super) fn recognise(inputs: Inputs<'_>, name: &ChannelName, rows: &[&ShownRelease]) -> Recognised {
    let memory = inputs.memory;
    let known = memory.channels.get(name);
    let foreign = |row: &&ShownRelease| carries_foreign_stamp(row, memory) || history::is_later(row, inputs);
    let mut recognised = Recognised {
        foreign: rows.iter().any(foreign),
        row: known.map(|known| known.row.clone()).unwrap_or_default(),
        ..Recognised::default()
    };
    let [row] = rows else { return recognised };
    let layout = &*inputs.sheet.display.release.layout;
    recognised.met = Some(meet(row, layout));
    let Some(known) = known else { return recognised };
    if is_strayed(row, memory) {
        recognised.confirmed = true;
    } else if known.row.stamps().any(|stamp| *stamp == row.stamp) {
        recognised.confirmed = true;
        confirm(&mut recognised.row, &row.stamp, inputs.now);
    } else {
        recognised.edit = edit(row, layout, known);
    }
    recognised
}

fn meet(row: &ShownRelease, layout: &Layout) -> Met {
    let Stamp {
        release,
        previous,
        updated_at,
    } = &row.stamp;
    Met {
        place: layout.place("releaseVersion", row.row),
        release: release.trim().to_owned(),
        previous: Version::parse(previous).ok(),
        blank: [release, previous, updated_at, &row.status]
            .iter()
            .all(|text| text.trim().is_empty()),
        row: RowMemory {
            written: Some(row.stamp.clone()),
            ..RowMemory::default()
        },
    }
}

/// Takes what stands in the row as read back. Writes that may still land are remembered a while longer.
fn confirm(row: &mut RowMemory<Stamp>, found: &Stamp, now: DateTime<Utc>) {
    if row.written.as_ref() != Some(found) {
        row.read_back(found.clone());
    }
    row.meant.retain(|(stamp, at)| stamp != found && now - *at < LATE_WRITE);
}

fn edit(row: &ShownRelease, layout: &Layout, known: &ChannelMemory) -> Option<Edit> {
    let wrote = known.row.written.as_ref()?;
    let cells = [
        ("releaseVersion", &wrote.release, &row.stamp.release),
        ("previousVersion", &wrote.previous, &row.stamp.previous),
        ("updatedAt", &wrote.updated_at, &row.stamp.updated_at),
    ];
    let place = |header: &str| layout.place(header, row.row);
    let changed: Vec<_> = cells.iter().filter(|(_, before, found)| before != found).collect();
    let words: Vec<String> = changed
        .iter()
        .map(|(header, before, found)| change(&place(header), before, found))
        .collect();
    Some(Edit {
        place: place(changed.first().map_or("releaseVersion", |(header, _, _)| header)),
        from: clip(&wrote.release),
        to: clip(&row.stamp.release),
        detail: format!(
            "service cells of {} were changed by hand ({}); they are restored, and both keys must be typed again",
            row.channel,
            words.join(", ")
        ),
    })
}

/// Whether a row shows what was meant for another channel's, and was not read back there yet: rows that changed places under a
/// write whose end nobody saw. That is a lost call, too, and not an edit.
fn is_strayed(row: &ShownRelease, memory: &Memory) -> bool {
    let mut others = memory.channels.iter().filter(|(name, _)| **name != row.channel);
    !row.stamp.updated_at.is_empty()
        && others.any(|(_, other)| other.row.meant.iter().any(|(stamp, _)| *stamp == row.stamp))
}

/// Whether a row carries the stamp of another channel: its cells were swapped, sorted or pasted.
fn carries_foreign_stamp(row: &ShownRelease, memory: &Memory) -> bool {
    let shown = &row.stamp.updated_at;
    let mut others = memory.channels.iter().filter(|(name, _)| **name != row.channel);
    !shown.is_empty()
        && others
            .any(|(_, other)| other.row.stamps().any(|s| s.updated_at == *shown) || other.row.earlier.contains(shown))
}
