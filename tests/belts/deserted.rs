//! A promotion that would reach nobody: everything that can befall both servers of a channel between two passes, against what the
//! contract says of it, and against that without one of its clauses.

use fleetsheet::fleet::State;
use fleetsheet::plan::{Belt, Moved, Plan};
use fleetsheet::sheet::Cell;

use super::{id, settle};
use crate::people::{channel_row, launch, server_row, set};
use crate::world::{Options, World};

/// What befalls a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    Held,
    Stopped,
    /// Its region does not show it any more, though nobody saw it end.
    Vanished,
    Terminated,
    Blank,
    Error,
    /// Another channel, and one that is in no row of the release tab.
    Moved,
    Mistyped,
    /// A second row names another channel, below and above its own.
    Below,
    Above,
    /// Its row is deleted: it carries its channel's tag, another's, or was just terminated.
    Deleted,
    DeletedAndRetagged,
    DeletedAndTerminated,
}

use Fate::*;

const FATES: [Fate; 14] = [
    Stays,
    Held,
    Stopped,
    Vanished,
    Terminated,
    Blank,
    Error,
    Moved,
    Mistyped,
    Below,
    Above,
    Deleted,
    DeletedAndRetagged,
    DeletedAndTerminated,
];

/// A clause that a mutant of the contract leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    Nothing,
    /// Servers that ended left the channel, too.
    Ended,
    /// A server without a row is nowhere.
    Tag,
    /// Only rows that are gone count, whatever the cells of the others hold.
    Cells,
    /// Of rows that disagree any is enough.
    Dispute,
}

impl Fate {
    fn befall(self, world: &mut World, id: &str) {
        let state = |world: &mut World, state| world.fleet.servers.get_mut(id).unwrap().state = state;
        let delete = |world: &mut World| {
            world
                .servers
                .rows
                .retain(|row| row["serverId"] != Cell::Text(id.into()))
        };
        match self {
            Stays => {}
            Held => set(world, id, "hold", Cell::Bool(true)),
            Stopped => state(world, State::Stopped),
            Vanished => drop(world.fleet.servers.remove(id)),
            Terminated => state(world, State::Terminated),
            Blank => set(world, id, "channel", Cell::Blank),
            Error => set(world, id, "channel", Cell::Error("#REF!".into())),
            Moved => set(world, id, "channel", Cell::Text("db".into())),
            Mistyped => set(world, id, "channel", Cell::Text("wbe".into())),
            Below => world.servers.rows.push(server_row(id, "db")),
            Above => world.servers.rows.insert(0, server_row(id, "db")),
            Deleted => delete(world),
            DeletedAndRetagged => {
                delete(world);
                let server = world.fleet.servers.get_mut(id).unwrap();
                server.tags.insert("ReleaseChannel".into(), "db".into());
            }
            DeletedAndTerminated => {
                delete(world);
                state(world, State::Terminated);
            }
        }
    }

    fn has_ended(self) -> bool {
        matches!(self, Terminated | DeletedAndTerminated)
    }

    fn is_in_the_channel(self, without: Without) -> bool {
        match self {
            Stays | Held | Stopped | Vanished => true,
            Deleted => without != Without::Tag,
            Blank | Error | Moved | Mistyped => without == Without::Cells,
            Below | Above => matches!(without, Without::Cells | Without::Dispute),
            Terminated | DeletedAndTerminated | DeletedAndRetagged => false,
        }
    }
}

/// Whether the promotion is to be held.
fn reaches_nobody(fates: [Fate; 2], without: Without) -> bool {
    let left = |fate: &Fate| without == Without::Ended || !fate.has_ended();
    fates.iter().any(left) && !fates.iter().any(|fate| fate.is_in_the_channel(without))
}

/// Two servers of web, so few that no belt looks at them, and many of db; both keys of web turned meanwhile.
fn world(fates: [Fate; 2]) -> World {
    let mut world = World::new();
    world.release.rows = ["web", "db"].map(|name| channel_row(name, "1.0", "1.0")).to_vec();
    world.policy.max_unapproved_change = 1.0;
    for n in 0..20 {
        let channel = if n < 2 { "web" } else { "db" };
        world.servers.rows.push(server_row(&id(n), channel));
        let tags = [("ReleaseChannel", channel), ("ReleaseVersion", "1.0")];
        launch(&mut world, &id(n), &tags);
    }
    settle(&mut world);
    for (n, fate) in fates.into_iter().enumerate() {
        fate.befall(&mut world, &id(n));
    }
    turn(&mut world, "2.0");
    world
}

fn turn(world: &mut World, version: &str) {
    for key in ["desiredVersionA", "desiredVersionB"] {
        set(world, "web", key, Cell::Text(version.into()));
    }
}

fn moved(plan: &Plan) -> Option<&Moved> {
    let web = plan.channels.iter().find(|c| c.name.as_str() == "web");
    web.unwrap().moved.as_ref()
}

#[test]
fn whatever_befalls_a_channel_its_promotion_waits_exactly_if_it_would_reach_nobody() {
    let all = || FATES.into_iter().flat_map(|a| FATES.map(|b| [a, b]));
    for fates in all() {
        let mut world = world(fates);
        // A day of passes does not wear it out.
        for pass in 0..3 {
            let plan = settle(&mut world);
            assert!(plan.stop.is_empty() && plan.tripped.is_empty(), "{fates:?}");
            let held = reaches_nobody(fates, Without::Nothing);
            assert_eq!(moved(&plan).is_none(), held || pass > 0, "{fates:?}, pass {pass}");
            let said = plan.problems.iter().any(|p| p.message.contains("would reach nobody"));
            assert_eq!((said, plan.is_held()), (held, held), "{fates:?}, pass {pass}");
        }
    }
    for without in [Without::Ended, Without::Tag, Without::Cells, Without::Dispute] {
        assert!(
            all().any(|fates| reaches_nobody(fates, without) != reaches_nobody(fates, Without::Nothing)),
            "nothing shows that {without:?} matters"
        );
    }
}

#[test]
fn one_server_that_comes_back_or_an_operator_ends_it_and_the_keys_still_count() {
    let mut world = world([Blank, Below]);
    assert!(moved(&settle(&mut world)).is_none());
    let allow = Options {
        allow: [Belt::RowDrop].into(),
        ..Options::default()
    };
    assert!(moved(&world.decide(&allow)).is_some());
    set(&mut world, &id(0), "channel", Cell::Text("web".into()));
    assert!(moved(&settle(&mut world)).is_some());
    let version = world.fleet.servers[&*id(0)].tag(&"ReleaseVersion".into()).unwrap();
    assert_eq!(&**version, "2.0");
}

#[test]
fn a_channel_that_never_had_servers_is_promoted_and_a_rollback_waits_for_nobody() {
    let mut world = world([Stays, Stays]);
    world.release.rows.push(channel_row("new", "", ""));
    settle(&mut world);
    for key in ["desiredVersionA", "desiredVersionB"] {
        set(&mut world, "new", key, Cell::Text("7.0".into()));
    }
    let plan = settle(&mut world);
    let new = plan.channels.iter().find(|c| c.name.as_str() == "new").unwrap();
    assert!(matches!(new.moved, Some(Moved::Promotion { .. })), "{new:?}");
    (0..2).for_each(|n| Blank.befall(&mut world, &id(n)));
    set(&mut world, "web", "rollback", Cell::Bool(true));
    assert!(matches!(moved(&settle(&mut world)), Some(Moved::Rollback { .. })));
}
