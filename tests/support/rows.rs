//! The simulated writing back: which service cells a pass changes, and what it remembers of having done so.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use fleetsheet::memory::{RowMemory, Stamp};
use fleetsheet::plan::{ChannelPlan, Plan, ServerPlan, ServerStatus};
use fleetsheet::sheet::Cell;
use fleetsheet::sheet::parse::Sheet;
use fleetsheet::tag::{ChannelName, ServerId, Version};

use crate::world::{Crash, Options, Row, World};

/// Cells that shall stand in a row.
type Cells = Vec<(&'static str, String)>;

/// What is written in one request: by tab and row.
#[derive(Default)]
struct Batch {
    release: BTreeMap<usize, (ChannelName, Cells)>,
    servers: BTreeMap<usize, (ServerId, Cells)>,
}

/// Journals the stamps, appends, writes, and remembers what was written.
pub(crate) fn write_back(world: &mut World, plan: &Plan, sheet: &Sheet, options: &Options) {
    let dies = |at: Crash| options.crash == Some(at);
    let first_new = world.servers.rows.len();
    let new: Vec<&ServerPlan> = plan.servers.iter().filter(|s| s.append).collect();
    let mut batch = Batch::default();
    for channel in &plan.channels {
        for number in &channel.rows {
            let at = *number as usize - 2;
            let cells = channel_cells(channel, plan, options);
            let known = world.channel(channel.name.as_str()).map(|m| &m.row);
            let row = &world.release.rows[at];
            let confirmed = known.is_none_or(|k| k.written.is_none() || knows(k, &stamp_of(row)));
            if !confirmed || differs(row, &cells) {
                batch.release.insert(at, (channel.name.clone(), cells));
            }
        }
    }
    for server in plan.servers.iter().filter(|s| s.status != ServerStatus::AsIs) {
        let cells = server_cells(world, server, options);
        for number in &server.rows {
            let at = *number as usize - 2;
            if differs(&world.servers.rows[at], &cells) {
                batch.servers.insert(at, (server.id.clone(), cells.clone()));
            }
        }
        if let Some(at) = new.iter().position(|n| n.id == server.id) {
            batch.servers.insert(first_new + at, (server.id.clone(), cells));
        }
    }
    journal(world, &mut batch);
    if dies(Crash::BeforeSheet) {
        return;
    }
    for server in new {
        let mut row = Row::new();
        row.insert("serverId".into(), text(server.id.as_str()));
        let channel = server.channel.as_ref().map_or("", ChannelName::as_str);
        row.insert("channel".into(), text(channel));
        row.insert("hold".into(), Cell::Bool(server.append_held));
        world.servers.rows.push(row);
    }
    if dies(Crash::AfterAppend) {
        return;
    }
    for (at, (_, cells)) in &batch.release {
        put(&mut world.release.rows[*at], cells);
    }
    for (at, (_, cells)) in &batch.servers {
        put(&mut world.servers.rows[*at], cells);
    }
    if !dies(Crash::AfterSheet) {
        read_back(world, &batch, sheet);
    }
}

/// Remembers each stamp before it is written.
fn journal(world: &mut World, batch: &mut Batch) {
    let now = world.now;
    for (name, cells) in batch.release.values_mut() {
        cells.push(("updatedAt", world.stamp()));
        let stamp = Stamp {
            release: cells[0].1.clone(),
            previous: cells[1].1.clone(),
            updated_at: cells[3].1.clone(),
        };
        // A channel that cannot be adopted yet is not known, and so is nothing of its row.
        if let Some(memory) = world.memory.channels.get_mut(name).filter(|m| m.row.written.is_some()) {
            memory.row.meant.push((stamp, now));
        }
    }
    for (id, cells) in batch.servers.values_mut() {
        let stamp = world.stamp();
        cells.push(("updatedAt", stamp.clone()));
        let memory = world.memory.servers.entry(id.clone()).or_default();
        memory.row.meant.push((stamp, now));
    }
}

/// Remembers what stands there now. Of rows that stand twice each stamp stays one that was meant.
fn read_back(world: &mut World, batch: &Batch, sheet: &Sheet) {
    for (at, (name, _)) in &batch.release {
        let twice = sheet.intent.channels.iter().filter(|row| row.channel == *name).count() > 1;
        let found = stamp_of(&world.release.rows[*at]);
        if let Some(memory) = world.memory.channels.get_mut(name).filter(|_| !twice) {
            settle(&mut memory.row, found, |s| s.updated_at.clone());
        }
    }
    for (at, (id, cells)) in &batch.servers {
        let twice = sheet.intent.servers.iter().filter(|row| row.id == *id).count() > 1;
        let _ = at;
        let found = cells.last().map(|(_, text)| text.clone()).unwrap_or_default();
        if let Some(memory) = world.memory.servers.get_mut(id).filter(|_| !twice) {
            settle(&mut memory.row, found, Clone::clone);
        }
    }
}

fn settle<S: PartialEq>(row: &mut RowMemory<S>, found: S, updated_at: impl Fn(&S) -> String) {
    row.meant.retain(|(stamp, _): &(S, DateTime<Utc>)| *stamp != found);
    if let Some(before) = row.written.replace(found) {
        let before = updated_at(&before);
        if !before.is_empty() {
            row.earlier.push(before);
        }
    }
}

fn knows(row: &RowMemory<Stamp>, stamp: &Stamp) -> bool {
    row.written.as_ref() == Some(stamp) || row.meant.iter().any(|(meant, _)| meant == stamp)
}

fn channel_cells(channel: &ChannelPlan, plan: &Plan, options: &Options) -> Cells {
    let version = |v: &Option<Version>| v.as_ref().map(ToString::to_string).unwrap_or_default();
    vec![
        ("releaseVersion", version(&channel.release)),
        ("previousVersion", version(&channel.previous)),
        ("status", status(channel, plan, options)),
    ]
}

/// The channel's status with the progress of its servers, once the plan's changes are made.
pub(crate) fn status(channel: &ChannelPlan, plan: &Plan, options: &Options) -> String {
    let tried = |s: &&ServerPlan| {
        s.channel.as_ref() == Some(&channel.name) && s.changes.iter().any(|c| c.tag.as_str() == "ReleaseVersion")
    };
    let (failed, done): (Vec<_>, Vec<_>) = plan
        .servers
        .iter()
        .filter(tried)
        .partition(|s| options.fail.contains(&s.id));
    let carrying = channel.carrying + done.len() as u64;
    let mut status = channel.status.clone();
    if let Some(release) = channel.release.as_ref().filter(|_| carrying < channel.concerned) {
        status.push_str(&format!(" · {carrying}/{} on {release}", channel.concerned));
    }
    if !failed.is_empty() {
        status.push_str(&format!(" · {} failed", failed.len()));
    }
    status
}

fn server_cells(world: &World, server: &ServerPlan, options: &Options) -> Cells {
    let failed = options.fail.contains(&server.id) && !server.changes.is_empty();
    let status = if failed { "failed".into() } else { word(&server.status) };
    let live = world.fleet.servers.get(&server.id);
    let carried = live.and_then(|s| s.tag(&world.policy.version_tag));
    vec![
        ("status", status),
        ("state", live.map(|s| s.state.word().to_owned()).unwrap_or_default()),
        ("releaseVersion", carried.map(ToString::to_string).unwrap_or_default()),
    ]
}

/// A server's status in words.
pub(crate) fn word(status: &ServerStatus) -> String {
    match status {
        ServerStatus::InSync => "in sync".into(),
        ServerStatus::Held => "held".into(),
        ServerStatus::UnknownChannel => "unknown channel".into(),
        ServerStatus::Unassigned => "unassigned".into(),
        ServerStatus::Duplicate => "duplicate".into(),
        ServerStatus::Terminated => "terminated".into(),
        ServerStatus::Missing => "missing".into(),
        ServerStatus::Gone => "gone".into(),
        ServerStatus::Contested(what) => format!("contested: {what}"),
        ServerStatus::Error(what) => format!("error: {what}"),
        ServerStatus::Waiting(why) => format!("waiting: {why}"),
        ServerStatus::AsIs => "as is".into(),
    }
}

fn text(text: &str) -> Cell {
    if text.is_empty() {
        Cell::Blank
    } else {
        Cell::Text(text.into())
    }
}

fn shown(row: &Row, header: &str) -> String {
    match row.get(header) {
        Some(Cell::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

fn stamp_of(row: &Row) -> Stamp {
    Stamp {
        release: shown(row, "releaseVersion"),
        previous: shown(row, "previousVersion"),
        updated_at: shown(row, "updatedAt"),
    }
}

fn differs(row: &Row, cells: &Cells) -> bool {
    cells.iter().any(|(header, value)| shown(row, header) != *value)
}

fn put(row: &mut Row, cells: &Cells) {
    for (header, value) in cells {
        row.insert((*header).to_owned(), text(value));
    }
}
