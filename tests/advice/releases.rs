//! Channels whose release does not move, or moved otherwise than a cell says.

use fleetsheet::plan::Belt;
use fleetsheet::problem::Code;
use fleetsheet::sheet::Cell;

use super::sheets::allow;
use super::{Case, channel_row, pass, set, text, turn_keys};
use crate::world::{Options, Protection, World};

fn calm() -> Options {
    Options::default()
}

/// Clears both keys, lets a pass see it, and types a version into them.
fn type_again(world: &mut World, channel: &str, version: &str) {
    turn_keys(world, channel, "");
    pass(world, &calm());
    turn_keys(world, channel, version);
}

/// All servers of api lose their channel while its keys are turned.
fn desert(world: &mut World) -> Options {
    for id in ["i-00000011", "i-00000012"] {
        set(world, id, "channel", Cell::Blank);
        let id = fleetsheet::tag::ServerId::from(id);
        let server = world.fleet.servers.get_mut(&id).expect("a server");
        server.tags.clear();
    }
    turn_keys(world, "api", "6.0.0");
    calm()
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            code: Code::Protection,
            says: "",
            provoke: |world| {
                world.protection = Protection::Off;
                turn_keys(world, "web", "2.0.0");
                calm()
            },
            apply: |world| {
                world.protection = Protection::Whole;
                type_again(world, "web", "2.0.0");
                calm()
            },
        },
        Case {
            code: Code::NothingToRollBack,
            says: "name the older version in both keys",
            provoke: |world| {
                set(world, "web", "rollback", Cell::Bool(true));
                calm()
            },
            apply: |world| {
                turn_keys(world, "web", "0.9.0");
                set(world, "web", "rollback", Cell::Bool(false));
                calm()
            },
        },
        Case {
            code: Code::Adopted,
            says: "name the other version in both keys",
            provoke: |world| {
                let mut row = channel_row("new", "");
                row.insert("releaseVersion".into(), text("3.0.0"));
                world.release.rows.push(row);
                calm()
            },
            apply: |world| {
                turn_keys(world, "new", "3.0.0");
                calm()
            },
        },
        Case {
            code: Code::Deserted,
            says: "put the channel of their rows",
            provoke: desert,
            apply: |world| {
                for id in ["i-00000011", "i-00000012"] {
                    set(world, id, "channel", text("api"));
                }
                calm()
            },
        },
        Case {
            code: Code::Deserted,
            says: "fleetsheet --once --allow row_drop",
            provoke: desert,
            apply: |_| allow(Belt::RowDrop),
        },
    ]
}
