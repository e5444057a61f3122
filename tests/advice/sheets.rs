//! Tabs, headers and rows that do not fit together, and sheets that are not the one that was served.

use fleetsheet::plan::Belt;
use fleetsheet::problem::Code;
use fleetsheet::sheet::Cell;

use super::{Case, channel_row, formula, launch, pass, set, text, turn_keys};
use crate::world::{Options, World};

fn calm() -> Options {
    Options::default()
}

pub(super) fn allow(belt: Belt) -> Options {
    Options {
        allow: [belt].into(),
        ..Options::default()
    }
}

fn rename(headers: &mut [String], from: &str, to: &str) {
    for header in headers.iter_mut().filter(|header| *header == from) {
        to.clone_into(header);
    }
}

/// Two channels are promoted, and then an old version of the file is restored.
fn set_back(world: &mut World) -> Options {
    let old = world.release.clone();
    turn_keys(world, "web", "2.0.0");
    turn_keys(world, "api", "6.0.0");
    pass(world, &calm());
    world.release = old;
    calm()
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = structure();
    cases.extend(rows());
    cases.extend(identity());
    cases
}

fn structure() -> Vec<Case> {
    vec![
        Case {
            code: Code::NoColumn,
            says: "fleetsheet init adds it",
            provoke: |world| {
                world.release.headers.retain(|header| header != "status");
                calm()
            },
            apply: |world| {
                world.release.headers.push("status".into());
                calm()
            },
        },
        Case {
            code: Code::OwnColumn,
            says: "rename it",
            provoke: |world| {
                world.servers.headers.push("running".into());
                calm()
            },
            apply: |world| {
                let own = world.servers.headers.iter_mut().find(|header| *header == "running");
                *own.expect("the column") = "runs".into();
                calm()
            },
        },
        Case {
            code: Code::Structure,
            says: "bring it back",
            provoke: |world| {
                rename(&mut world.release.headers, "enabled", "on");
                calm()
            },
            apply: |world| {
                rename(&mut world.release.headers, "on", "enabled");
                calm()
            },
        },
        Case {
            code: Code::Structure,
            says: "fleetsheet init adds an empty one",
            provoke: |world| {
                world.release.headers.retain(|header| header != "enabled");
                calm()
            },
            apply: |world| {
                world.release.headers.push("enabled".into());
                calm()
            },
        },
        Case {
            code: Code::Structure,
            says: "delete or rename one of them",
            provoke: |world| {
                world.servers.headers.push("channel".into());
                calm()
            },
            apply: |world| {
                world.servers.headers.pop();
                calm()
            },
        },
        Case {
            code: Code::TagColumn,
            says: "rename the column",
            provoke: |world| {
                world.servers.headers.push("tag:Cost".into());
                calm()
            },
            apply: |world| {
                rename(&mut world.servers.headers, "tag:Cost", "cost");
                calm()
            },
        },
        Case {
            code: Code::TagColumn,
            says: "nobody can change a tag of AWS, so rename the column",
            provoke: |world| {
                world.servers.headers.push("tag:aws:x".into());
                calm()
            },
            apply: |world| {
                rename(&mut world.servers.headers, "tag:aws:x", "x");
                calm()
            },
        },
        Case {
            code: Code::Filled,
            says: "enter values there instead of the formula",
            provoke: |world| {
                for n in 1..=14 {
                    let id = format!("i-{n:08}");
                    let shown = if n == 1 {
                        "=ARRAYFORMULA(X2:X)"
                    } else {
                        "=(a formula in another cell)"
                    };
                    set(world, &id, "serverId", formula(shown, text(&id)));
                }
                launch(world, "i-00000099", "web", "1.0.0");
                calm()
            },
            apply: |world| {
                for (n, row) in world.servers.rows.iter_mut().enumerate() {
                    row.insert("serverId".into(), text(&format!("i-{:08}", n + 1)));
                }
                calm()
            },
        },
    ]
}

fn rows() -> Vec<Case> {
    vec![
        Case {
            code: Code::TwoRows,
            says: "keep one of them",
            provoke: |world| {
                let row = world.release.rows[0].clone();
                world.release.rows.push(row);
                calm()
            },
            apply: |world| {
                world.release.rows.pop();
                calm()
            },
        },
        Case {
            code: Code::Duplicate,
            says: "keep one of them",
            provoke: |world| {
                let mut row = world.servers.rows[0].clone();
                row.insert("channel".into(), text("api"));
                world.servers.rows.push(row);
                calm()
            },
            apply: |world| {
                world.servers.rows.pop();
                calm()
            },
        },
        Case {
            code: Code::UnknownChannel,
            says: "correct the name",
            provoke: |world| {
                set(world, "i-00000001", "channel", text("wbe"));
                calm()
            },
            apply: |world| {
                set(world, "i-00000001", "channel", text("web"));
                calm()
            },
        },
        Case {
            code: Code::UnknownChannel,
            says: "or add the channel",
            provoke: |world| {
                set(world, "i-00000001", "channel", text("wbe"));
                calm()
            },
            apply: |world| {
                world.release.rows.push(channel_row("wbe", "1.0.0"));
                calm()
            },
        },
        Case {
            code: Code::NoRow,
            says: "fleetsheet init --channel",
            provoke: |world| {
                world.release.rows.pop();
                calm()
            },
            apply: |world| {
                let row = [
                    ("channel", text("db")),
                    ("enabled", Cell::Bool(false)),
                    ("rollback", Cell::Bool(false)),
                ];
                let row = row.map(|(header, cell)| (header.to_owned(), cell));
                world.release.rows.push(row.into());
                calm()
            },
        },
        Case {
            code: Code::Edit,
            says: "both keys must be typed again",
            provoke: |world| {
                set(world, "web", "releaseVersion", text("9.9.9"));
                calm()
            },
            apply: |_| calm(),
        },
        Case {
            code: Code::ServerCells,
            says: "they are restored",
            provoke: |world| {
                set(world, "i-00000001", "releaseVersion", text("9.9.9"));
                calm()
            },
            apply: |_| calm(),
        },
    ]
}

fn identity() -> Vec<Case> {
    vec![
        Case {
            code: Code::Store,
            says: "fleetsheet --once --takeover",
            provoke: |world| {
                world.stores = ["another".to_owned()].into();
                calm()
            },
            apply: |_| Options {
                takeover: true,
                ..calm()
            },
        },
        Case {
            code: Code::Tab,
            says: "bring the old tab back",
            provoke: |world| {
                world.servers.sheet_id += 100;
                calm()
            },
            apply: |world| {
                world.servers.sheet_id -= 100;
                calm()
            },
        },
        Case {
            code: Code::Tab,
            says: "fleetsheet --once --allow tab",
            provoke: |world| {
                world.servers.sheet_id += 100;
                calm()
            },
            apply: |_| allow(Belt::Tab),
        },
        Case {
            code: Code::History,
            says: "fleetsheet --once --allow history",
            provoke: set_back,
            apply: |_| allow(Belt::History),
        },
    ]
}
