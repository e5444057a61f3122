//! Servers that are not there, not tagged, or too many at once.

use fleetsheet::plan::Belt;
use fleetsheet::problem::Code;
use fleetsheet::tag::ServerId;

use super::sheets::allow;
use super::{Case, launch, pass, server_row, set, text};
use crate::world::{Options, World, down, source};

fn calm() -> Options {
    Options::default()
}

fn vanish(world: &mut World, ids: std::ops::RangeInclusive<u32>) {
    for n in ids {
        world.fleet.servers.remove(&*format!("i-{n:08}"));
    }
}

/// Somebody else writes the version of a server, pass after pass.
fn contest(world: &mut World) -> Options {
    for _ in 0..2 {
        launch(world, "i-00000001", "web", "6.6.6");
        pass(world, &calm());
    }
    launch(world, "i-00000001", "web", "6.6.6");
    calm()
}

fn lose_rows(world: &mut World) -> Options {
    world.servers.rows.drain(..5);
    for n in 1..=5 {
        // Their tags name another channel now, so they are not discovered.
        launch(world, &format!("i-{n:08}"), "elsewhere", "1.0.0");
    }
    calm()
}

fn move_five(world: &mut World) -> Options {
    for n in 1..=5 {
        set(world, &format!("i-{n:08}"), "channel", text("api"));
    }
    calm()
}

fn refuse(_: &mut World) -> Options {
    Options {
        fail: [ServerId::from("i-00000001")].into(),
        ..calm()
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = belts();
    cases.extend([
        Case {
            code: Code::Missing,
            says: "if it is gone for good, delete its row",
            provoke: |world| {
                vanish(world, 1..=1);
                calm()
            },
            apply: |world| {
                world.servers.rows.remove(0);
                calm()
            },
        },
        Case {
            code: Code::Contested,
            says: "find out who, and make them stop",
            provoke: contest,
            apply: |world| {
                world.wait(chrono::TimeDelta::hours(1));
                calm()
            },
        },
    ]);
    cases
}

fn belts() -> Vec<Case> {
    vec![
        Case {
            code: Code::RowDrop,
            says: "if it is meant, run fleetsheet --once --allow row_drop",
            provoke: lose_rows,
            apply: |_| allow(Belt::RowDrop),
        },
        Case {
            code: Code::RowDrop,
            says: "",
            provoke: lose_rows,
            apply: |world| {
                world
                    .servers
                    .rows
                    .extend((1..=5).map(|n| server_row(&format!("i-{n:08}"), "web")));
                calm()
            },
        },
        Case {
            code: Code::FleetDrop,
            says: "if it is meant, run fleetsheet --once --allow fleet_drop",
            provoke: |world| {
                vanish(world, 1..=5);
                calm()
            },
            apply: |_| allow(Belt::FleetDrop),
        },
        Case {
            code: Code::Unapproved,
            says: "if it is meant, run fleetsheet --once --allow unapproved",
            provoke: move_five,
            apply: |_| allow(Belt::Unapproved),
        },
    ]
}

/// Failures whose message is the far end's: what goes away there goes away here.
#[test]
fn a_failure_that_is_over_there_is_over_here() {
    for (code, provoke, mend) in [
        (
            Code::Source,
            (|world: &mut World| {
                world.fleet.sources.insert(source("main"), Some(down()));
                calm()
            }) as fn(&mut World) -> Options,
            (|world: &mut World| {
                world.fleet.sources.insert(source("main"), None);
                calm()
            }) as fn(&mut World) -> Options,
        ),
        (
            Code::Tags,
            |world: &mut World| {
                launch(world, "i-00000001", "web", "6.6.6");
                refuse(world)
            },
            |_: &mut World| calm(),
        ),
    ] {
        let mut world = super::world();
        pass(&mut world, &calm());
        let options = provoke(&mut world);
        let found = pass(&mut world, &options);
        assert!(found.iter().any(|problem| problem.code == code), "{found:#?}");
        let options = mend(&mut world);
        let after = pass(&mut world, &options);
        assert!(after.iter().all(|problem| problem.code != code), "{after:#?}");
    }
}
