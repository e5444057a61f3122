//! What people and the world may do between two passes.

use super::world::{CONFIG, IDS, NONE, Reading, Row, Server, Version, World, region};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Nothing,
    /// The owner of key A (0) or B (1) types it.
    Key(usize, Version),
    Enabled,
    Rollback,
    Advance,
    /// A service cell of the row is typed over, or rows are half sorted: the row is not confirmed any more.
    Touch,
    DeleteFirst,
    DeleteLast,
    /// The row deleted last comes back.
    Undo,
    /// One hand types a new row, with both keys.
    Retype(Version),
    /// The row is copied under itself.
    Copy,
    /// The protection of the keys goes off or on.
    Protection,
    /// One hand types both keys while nothing protects them.
    OneHand(Version),
    Terminate(usize),
    /// A server joins, with the lowest number that is free.
    Join,
    Hold(usize),
    /// Somebody tags a server.
    Drift(usize, Version),
    /// EC2 refuses to tag a server, or does not any more.
    Refuse(usize),
    Canary(usize),
    /// The second region stops answering, or answers again.
    Region,
    Window,
    Reading(Reading),
    /// The next pass comes so soon that its reading and the last one are one.
    Soon(Reading),
    /// The next pass comes so late that the wave has baked.
    Wait,
    /// The store is lost, and an empty one takes over.
    Lost,
    /// The sheet cannot be read in this pass.
    Unreadable,
}

/// How a pass ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Whole,
    /// It is killed: before its decision is on disk, before the first tag, after the first, before the sheet is written.
    BeforeCommit,
    BeforeTags,
    AmongTags,
    BeforeSheet,
}

pub(crate) const KILLS: [End; 4] = [End::BeforeCommit, End::BeforeTags, End::AmongTags, End::BeforeSheet];

impl Act {
    /// Whether it passes away with the pass, which is then not killed before anybody knows of it.
    pub(crate) fn passes(self) -> bool {
        matches!(self, Self::Unreadable)
    }

    /// How long after the last pass the next one comes.
    pub(crate) fn takes(self) -> u32 {
        match self {
            Self::Soon(_) => 0,
            Self::Wait => CONFIG.bake,
            _ => 1,
        }
    }

    /// Does it; gives whether it changes anything. `free` says whether a number is that of no server that anybody remembers.
    pub(crate) fn apply(self, world: &mut World, free: impl Fn(usize) -> bool) -> bool {
        match self {
            Self::Nothing | Self::Wait => true,
            Self::Terminate(id) => world.servers[id].take().is_some(),
            Self::Join => join(world, free),
            Self::Hold(id) => server(world, id, |server| server.held ^= true),
            Self::Refuse(id) => server(world, id, |server| server.refuses ^= true),
            Self::Canary(id) => server(world, id, |server| server.canary ^= true),
            Self::Drift(id, version) => {
                let differs = world.seen(id).is_some_and(|server| server.tag != version);
                differs && server(world, id, |server| server.tag = version)
            }
            Self::Region => set(&mut world.away, |away| *away ^= true),
            Self::Window => set(&mut world.open, |open| *open ^= true),
            Self::Protection => set(&mut world.protected, |protected| *protected ^= true),
            Self::Reading(reading) => std::mem::replace(&mut world.reading, reading) != reading,
            Self::Soon(reading) => set(&mut world.reading, |now| *now = reading),
            Self::Lost => set(&mut world.takeover, |takeover| *takeover = true),
            Self::Unreadable => set(&mut world.unreadable, |unreadable| *unreadable = true),
            _ => self.apply_to_rows(world),
        }
    }

    fn apply_to_rows(self, world: &mut World) -> bool {
        match (self, &mut world.rows) {
            (Self::Key(key, version), [Some(row), _]) => std::mem::replace(&mut row.keys[key], version) != version,
            (Self::OneHand(version), [Some(row), _]) if !world.protected => {
                std::mem::replace(&mut row.keys, [version; 2]) != [version; 2]
            }
            (Self::Enabled, [Some(row), _]) => set(&mut row.enabled, |enabled| *enabled ^= true),
            (Self::Rollback, [Some(row), _]) => set(&mut row.rollback, |rollback| *rollback ^= true),
            (Self::Advance, [Some(row), _]) => set(&mut row.advance, |advance| *advance ^= true),
            (Self::Touch, [Some(row), _]) => !std::mem::replace(&mut row.touched, true),
            (Self::DeleteFirst, [first, last]) if first.is_some() => {
                // Undo is only used where no row is left.
                world.bin = first.filter(|_| last.is_none());
                *first = last.take();
                true
            }
            (Self::DeleteLast, [_, last]) => last.take().is_some(),
            (Self::Undo, [first, _]) if first.is_none() => {
                *first = world.bin.take();
                first.is_some()
            }
            (Self::Retype(version), [first, _]) if first.is_none() => {
                *first = Some(typed(version));
                world.bin = None;
                true
            }
            (Self::Copy, [first, last]) if first.is_some() && last.is_none() => {
                *last = *first;
                true
            }
            _ => false,
        }
    }
}

/// A row that somebody typed: its service cells are blank.
fn typed(version: Version) -> Row {
    Row {
        keys: [version; 2],
        enabled: true,
        rollback: false,
        advance: false,
        release: NONE,
        previous: NONE,
        touched: true,
        stamp: 0,
    }
}

fn set<T>(what: &mut T, how: impl FnOnce(&mut T)) -> bool {
    how(what);
    true
}

fn server(world: &mut World, id: usize, how: impl FnOnce(&mut Server)) -> bool {
    world.servers[id].as_mut().is_some_and(|server| set(server, how))
}

/// A new server comes without a version, in a region that answers.
fn join(world: &mut World, free: impl Fn(usize) -> bool) -> bool {
    let comes = |id: &usize| world.servers[*id].is_none() && free(*id) && world.answers(region(*id));
    let Some(id) = (0..IDS).find(comes) else { return false };
    world.servers[id] = Some(Server {
        tag: NONE,
        held: false,
        canary: false,
        refuses: false,
    });
    true
}

/// Everything that may be done, to the first so many servers.
pub(crate) fn acts(servers: usize) -> Vec<Act> {
    let mut acts = vec![
        Act::Nothing,
        Act::Wait,
        Act::Enabled,
        Act::Rollback,
        Act::Advance,
        Act::Touch,
        Act::DeleteFirst,
        Act::DeleteLast,
        Act::Undo,
        Act::Retype(2),
        Act::Copy,
        Act::Protection,
        Act::OneHand(2),
        Act::Join,
        Act::Region,
        Act::Window,
        Act::Lost,
        Act::Unreadable,
    ];
    for key in 0..2 {
        acts.extend((0..4).map(|version| Act::Key(key, version)));
    }
    for reading in [Reading::Pass, Reading::NoData, Reading::Fail] {
        acts.extend([Act::Reading(reading), Act::Soon(reading)]);
    }
    for id in 0..servers {
        acts.extend([Act::Terminate(id), Act::Hold(id), Act::Refuse(id), Act::Canary(id)]);
        acts.extend((1..4).map(|version| Act::Drift(id, version)));
    }
    acts
}
