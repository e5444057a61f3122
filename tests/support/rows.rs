//! The acts of a pass on a world: servers are tagged, and cells go where the settlement and write-back that ship say. What is
//! written, meant and remembered is decided there; a kill falls in between.

use std::collections::{BTreeMap, BTreeSet};

use fleetsheet::apply::staged;
use fleetsheet::fleet::{Outcome, Outcomes, Server, Stage};
use fleetsheet::memory::Binding;
use fleetsheet::plan::Plan;
use fleetsheet::settle::{Settled, settle};
use fleetsheet::sheet::display::Display;
use fleetsheet::sheet::parse::Sheet;
use fleetsheet::sheet::{Append, Cell, ColumnWrite, Columns, NewCell};
use fleetsheet::tag::{Change, ChannelName, ServerId, TagKey};
use fleetsheet::writeback::{Desired, Target, appends, confirmed, marked_columns, written};

use crate::world::{Crash, Options, Row, Tab, World};

impl World {
    /// Does what a plan says, as far as the pass lives.
    pub(crate) fn act(&mut self, plan: &Plan, sheet: &Sheet, options: &Options) {
        let dies = |at: Crash| options.crash == Some(at);
        if dies(Crash::BeforeCommit) {
            return;
        }
        self.memory.apply(&plan.update);
        if dies(Crash::BeforeClaim) {
            return;
        }
        // The claim comes after the memory of it: a store that claims a sheet and forgets that it took it over would serve it
        // from what it remembered before.
        self.stores = BTreeSet::from([self.memory.store.clone()]);
        let binding = self.memory.binding.get_or_insert_with(Binding::default);
        binding.marks = marks(&sheet.display);
        let mut outcomes = outcomes(plan, options);
        for (count, write) in writes(plan, self).into_iter().enumerate() {
            if dies(Crash::Tags(count)) {
                return;
            }
            if let Stage::After(channel) = &write.stage
                && self.is_shut(channel, plan, &outcomes)
            {
                let why = "waits".to_owned();
                outcomes.insert(write.server.clone(), Outcome::NotSent { why });
            } else if outcomes.get(&write.server) == Some(&Outcome::Done) {
                self.tag(&write);
            }
        }
        if matches!(options.crash, Some(Crash::Tags(_) | Crash::AfterTags)) {
            return;
        }
        let settled = settle(self.inputs(sheet, &self.policy(options)), plan, Some(&outcomes));
        self.memory.apply(&settled.update);
        write_back(self, sheet, &settled, options);
    }

    /// Whether a server that takes traffic over in this plan did not.
    fn is_shut(&self, channel: &ChannelName, plan: &Plan, outcomes: &Outcomes) -> bool {
        let opens = writes(plan, self);
        opens.iter().any(|write| {
            let waits = write.stage == Stage::First(Some(channel.clone()));
            waits && outcomes.get(&write.server) != Some(&Outcome::Done)
        })
    }

    /// Makes one call, and holds it against the first law of blue-green.
    pub(crate) fn tag(&mut self, write: &Write) {
        for colours in self.policy.rollouts.clone().colours() {
            let gives_up = |c: &&Change| c.tag == colours.role_tag && c.before.as_deref() == Some("active");
            if write.changes.iter().any(|change| gives_up(&change)) {
                let tag = |server: &Server, tag: &TagKey| server.tag(tag).map(ToString::to_string);
                let own = tag(&self.fleet.servers[&write.server], &colours.colour_tag);
                let live = self
                    .fleet
                    .servers
                    .values()
                    .filter(|server| server.state.word() == "running");
                let colour = |server: &&Server| tag(server, &colours.colour_tag).filter(|it| Some(it) != own.as_ref());
                let mut others = live.filter(|server| colour(server).is_some()).peekable();
                let whole = others.peek().is_some()
                    && others.all(|server| tag(server, &colours.role_tag).as_deref() == Some("active"));
                assert!(
                    whole,
                    "{} gives up active, and the other colour is not wholly so",
                    write.server
                );
            }
        }
        if let Some(live) = self.fleet.servers.get_mut(&write.server) {
            let tags = write.changes.iter().map(|c| (c.tag.clone(), c.after.clone()));
            live.tags.extend(tags);
        }
    }
}

/// What is sent to one server at once.
pub(crate) struct Write {
    pub(crate) server: ServerId,
    changes: Vec<Change>,
    stage: Stage,
}

/// The calls of a plan, in the order of their stages.
pub(crate) fn writes(plan: &Plan, world: &World) -> Vec<Write> {
    let mut writes = Vec::new();
    for server in &plan.servers {
        let parts = staged(&server.changes, server.channel.as_ref(), &world.policy.rollouts);
        writes.extend(parts.into_iter().map(|(changes, stage)| Write {
            server: server.id.clone(),
            changes,
            stage,
        }));
    }
    writes.sort_by_key(|write| matches!(write.stage, Stage::After(_)));
    writes
}

/// How the changes of a plan end.
pub(crate) fn outcomes(plan: &Plan, options: &Options) -> Outcomes {
    let changing = plan.servers.iter().filter(|s| !s.changes.is_empty());
    let outcome = |id| {
        if options.fail.contains(id) {
            let message = "UnauthorizedOperation: not allowed to tag".into();
            Outcome::Failed {
                message,
                transient: false,
                refused: options.reach,
            }
        } else {
            Outcome::Done
        }
    };
    changing.map(|s| (s.id.clone(), outcome(&s.id))).collect()
}

/// The marks of all columns that are written: by tab and header, one id for each.
fn marks(display: &Display) -> BTreeMap<String, i64> {
    let layouts = [&display.release.layout, &display.servers.layout].into_iter();
    let slots = layouts.flat_map(|layout| {
        let columns = marked_columns(layout).into_iter();
        columns.map(|(header, _)| format!("{}/{header}", layout.sheet_id))
    });
    let id = |slot: &String| {
        slot.bytes()
            .fold(7_i64, |id, byte| id.wrapping_mul(31) + i64::from(byte))
    };
    slots.map(|slot| (slot.clone(), id(&slot))).collect()
}

/// Remembers what is meant, appends, writes, and remembers what was written, as far as the pass lives.
fn write_back(world: &mut World, sheet: &Sheet, settled: &Settled, options: &Options) {
    let dies = |at: Crash| options.crash == Some(at);
    let desired = Desired::of(sheet, &world.memory, settled, world.now);
    if desired.is_empty() {
        return;
    }
    let meant = desired.meant(&world.memory, world.now);
    world.memory.apply(&meant);
    if dies(Crash::BeforeSheet) {
        return;
    }
    for rows in appends(sheet, &desired) {
        append(world, &rows);
    }
    if dies(Crash::AfterAppend) {
        return;
    }
    let mut targets = Target::all(sheet, sheet, &world.memory, &desired);
    let before = read(world, &targets);
    for target in &mut targets {
        target.check(&before).unwrap_or_else(|error| panic!("{error}"));
    }
    for write in targets.iter_mut().flat_map(|target| target.writes(true)) {
        put(world, &write);
    }
    if dies(Crash::AfterSheet) {
        return;
    }
    let after = read(world, &targets);
    for target in &mut targets {
        target.reread(&after).unwrap_or_else(|error| panic!("{error}"));
        let left = target.writes(false);
        assert!(
            left.is_empty(),
            "nobody else writes, and {left:?} is still to be written"
        );
    }
    let update = written(&confirmed(&targets), &world.memory, &desired);
    world.memory.apply(&update);
}

/// Puts rows under the last, in the order of the tab's columns.
fn append(world: &mut World, append: &Append) {
    let tab = if append.sheet_id == world.release.sheet_id {
        &mut world.release
    } else {
        &mut world.servers
    };
    for cells in &append.rows {
        let mut row = Row::new();
        for (header, cell) in tab.headers.iter().zip(cells) {
            match cell {
                NewCell::Blank => {}
                NewCell::Text(text) => drop(row.insert(header.clone(), Cell::Text(text.to_string()))),
                NewCell::Bool(ticked) => drop(row.insert(header.clone(), Cell::Bool(*ticked))),
            }
        }
        tab.rows.push(row);
    }
}

/// The tab that a mark sits in.
fn tab_of(world: &mut World, mark: i64) -> &mut Tab {
    let binding = world.memory.binding.as_ref();
    let slot = binding.and_then(|b| b.marks.iter().find(|(_, id)| **id == mark));
    let sheet_id = slot.and_then(|(slot, _)| slot.split('/').next()?.parse::<i64>().ok());
    if sheet_id == Some(world.release.sheet_id) {
        &mut world.release
    } else {
        &mut world.servers
    }
}

/// The header that a mark sits on.
fn header_of(world: &World, mark: i64) -> String {
    let binding = world.memory.binding.as_ref();
    let slot = binding.and_then(|b| b.marks.iter().find(|(_, id)| **id == mark));
    let header = slot.and_then(|(slot, _)| slot.split_once('/'));
    header.map(|(_, header)| header.to_owned()).unwrap_or_default()
}

/// What a cell shows where only its value is asked for.
fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Blank => String::new(),
        Cell::Formula { value, .. } => shown(value),
        Cell::Text(text) | Cell::Error(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
        Cell::Bool(value) => value.to_string().to_uppercase(),
    }
}

fn read(world: &mut World, targets: &[Target]) -> Columns {
    let columns: Vec<_> = targets.iter().flat_map(Target::columns).collect();
    let cells = columns.into_iter().map(|column| {
        let rows = &tab_of(world, column.mark).rows;
        let below = rows
            .iter()
            .map(|row| row.get(&column.header).map_or_else(String::new, shown));
        let all = std::iter::once(column.header.clone()).chain(below).map(Into::into);
        let all = all.collect();
        (column.mark, all)
    });
    cells.collect()
}

fn put(world: &mut World, write: &ColumnWrite) {
    let header = header_of(world, write.mark);
    let tab = tab_of(world, write.mark);
    for (row, text) in &write.cells {
        let cell = if text.is_empty() {
            Cell::Blank
        } else {
            Cell::Text(text.to_string())
        };
        tab.rows[*row as usize - 1].insert(header.clone(), cell);
    }
}
