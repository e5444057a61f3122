//! Cells that hold what their column may not.

use fleetsheet::problem::Code;
use fleetsheet::sheet::Cell;

use super::{Case, formula, server_row, set, text};
use crate::world::{Options, Row, World};

/// What the API shows of a cell that a formula in another one fills.
const SPILLED: &str = "=(a formula in another cell)";

/// Puts a cell and makes a pass as always.
fn put(world: &mut World, name: &str, header: &str, cell: Cell) -> Options {
    set(world, name, header, cell);
    Options::default()
}

macro_rules! cell {
    ($code:ident, $name:literal, $header:literal, $wrong:expr, $says:literal, $right:expr) => {
        Case {
            code: Code::$code,
            says: $says,
            provoke: |world| put(world, $name, $header, $wrong),
            apply: |world| put(world, $name, $header, $right),
        }
    };
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        cell!(
            Version,
            "web",
            "desiredVersionA",
            Cell::Number(1.1),
            "format the column as Plain text and type it again",
            text("1.1")
        ),
        cell!(
            Version,
            "web",
            "desiredVersionA",
            Cell::Bool(false),
            "remove the checkbox, format",
            text("1.1")
        ),
        cell!(
            Version,
            "web",
            "desiredVersionB",
            formula("=B2", text("1.1")),
            "type it again",
            text("1.1")
        ),
        cell!(
            Version,
            "web",
            "desiredVersionB",
            formula(SPILLED, text("1.1")),
            "delete that formula",
            text("1.1")
        ),
        cell!(
            Version,
            "web",
            "desiredVersionA",
            text("1.0\u{200b}"),
            "use letters, digits and . _ + - only",
            text("1.0")
        ),
        cell!(
            Version,
            "web",
            "desiredVersionA",
            text("-1.0"),
            "begin it with a letter or a digit",
            text("1.0")
        ),
        cell!(
            Version,
            "web",
            "desiredVersionA",
            text(&"9".repeat(129)),
            "a version has at most 128: shorten it",
            text(&"9".repeat(128))
        ),
        cell!(
            Checkbox,
            "web",
            "rollback",
            text("maybe"),
            "clear it, then Insert > Checkbox",
            Cell::Bool(false)
        ),
        cell!(
            Checkbox,
            "web",
            "enabled",
            Cell::Number(1.0),
            "clear it, then Insert > Checkbox",
            Cell::Blank
        ),
        cell!(
            Checkbox,
            "web",
            "enabled",
            formula("=TRUE", Cell::Bool(true)),
            "tick the box by hand",
            Cell::Bool(true)
        ),
        cell!(
            Checkbox,
            "web",
            "enabled",
            formula(SPILLED, Cell::Bool(true)),
            "delete that formula",
            Cell::Bool(true)
        ),
        cell!(
            Checkbox,
            "i-00000001",
            "hold",
            text("yes"),
            "clear it, then Insert > Checkbox",
            Cell::Bool(true)
        ),
        cell!(
            Checkbox,
            "i-00000001",
            "hold",
            formula("=A1", Cell::Number(1.0)),
            "let its formula give TRUE or FALSE",
            formula("=A1=1", Cell::Bool(true))
        ),
        cell!(
            Channel,
            "i-00000001",
            "channel",
            Cell::Number(7.0),
            "a channel must be text: format the column as Plain text",
            text("web")
        ),
        cell!(
            Channel,
            "i-00000001",
            "channel",
            text("=web"),
            "begin it with another character",
            text("web")
        ),
        cell!(
            Channel,
            "i-00000001",
            "channel",
            text("we\u{200b}b"),
            "type the text again without it",
            text("web")
        ),
        cell!(
            Channel,
            "i-00000001",
            "channel",
            text(&"w".repeat(257)),
            "at most 256 fit: shorten it",
            text("web")
        ),
        cell!(
            Channel,
            "i-00000001",
            "channel",
            formula("=A1", Cell::Number(7.0)),
            "let its formula give text",
            formula("=TO_TEXT(A1)", text("web"))
        ),
        cell!(
            Channel,
            "i-00000001",
            "channel",
            formula("=A1", Cell::Error("#REF!".into())),
            "correct its formula",
            formula("=A2", text("web"))
        ),
        cell!(
            TagValue,
            "i-00000001",
            "tag:Owner",
            text(&"o".repeat(300)),
            "at most 256 fit: shorten it",
            text(&"o".repeat(256))
        ),
        cell!(
            TagValue,
            "i-00000001",
            "tag:Owner",
            Cell::Number(7.0),
            "a tag's value must be text: format the column as Plain text",
            text("7")
        ),
        cell!(
            TagValue,
            "i-00000001",
            "tag:Owner",
            text("o\u{202e}o"),
            "type the text again without it",
            text("oo")
        ),
        cell!(
            TagValue,
            "i-00000001",
            "tag:Owner",
            formula("=A1", Cell::Bool(true)),
            "let its formula give text",
            formula("=A2", text("x"))
        ),
        cell!(
            TagValue,
            "i-00000001",
            "tag:Owner",
            formula("=A1", Cell::Error("#N/A".into())),
            "correct its formula",
            formula("=A2", text("x"))
        ),
        cell!(
            TagValue,
            "i-00000001",
            "tag:Owner",
            formula("=A1", text("Loading...")),
            "wait for it, or correct",
            formula("=A1", text("x"))
        ),
    ];
    cases.extend(rows());
    cases
}

/// The last row of the server tab.
fn last(world: &mut World) -> &mut Row {
    world.servers.rows.last_mut().expect("a row")
}

/// Rows that say something, but not of whom.
fn rows() -> Vec<Case> {
    vec![
        Case {
            code: Code::NoChannel,
            says: "name one or clear the row",
            provoke: |world| {
                world
                    .release
                    .rows
                    .push([("desiredVersionA".to_owned(), text("2.0.0"))].into());
                Options::default()
            },
            apply: |world| {
                world.release.rows.pop();
                Options::default()
            },
        },
        Case {
            code: Code::NoChannel,
            says: "name one or clear the row",
            provoke: |world| {
                world
                    .release
                    .rows
                    .push([("desiredVersionA".to_owned(), text("2.0.0"))].into());
                Options::default()
            },
            apply: |world| {
                world.release.rows[3].insert("channel".into(), text("new"));
                Options::default()
            },
        },
        Case {
            code: Code::Channel,
            says: "format the column as Plain text and type it again",
            provoke: |world| put(world, "db", "channel", Cell::Number(7.0)),
            apply: |world| {
                world.release.rows[2].insert("channel".into(), text("db"));
                Options::default()
            },
        },
        Case {
            code: Code::ServerId,
            says: "type the instance id, or clear the row",
            provoke: |world| {
                world.servers.rows.push([("channel".to_owned(), text("web"))].into());
                Options::default()
            },
            apply: |world| {
                *last(world) = Row::new();
                Options::default()
            },
        },
        Case {
            code: Code::ServerId,
            says: "an instance id must be text: format the column as Plain text and type it again",
            provoke: |world| put(world, "i-00000014", "serverId", Cell::Number(14.0)),
            apply: |world| {
                // The server is discovered meanwhile and has another row.
                world.servers.rows[13].insert("serverId".into(), text("i-00000014"));
                Options::default()
            },
        },
        Case {
            code: Code::ServerId,
            says: "type the text again without it",
            provoke: |world| {
                world.servers.rows.push(server_row("i-00000099\u{200b}", "web"));
                Options::default()
            },
            apply: |world| {
                last(world).insert("serverId".into(), text("i-00000099"));
                Options::default()
            },
        },
        Case {
            code: Code::ServerId,
            says: "type the instance id",
            provoke: |world| {
                world.servers.rows.push(server_row(&"i".repeat(257), "web"));
                Options::default()
            },
            apply: |world| {
                last(world).insert("serverId".into(), text("i-00000099"));
                Options::default()
            },
        },
        Case {
            code: Code::ServerId,
            says: "type the instance id, or clear the row",
            provoke: |world| {
                world.servers.rows.push(server_row("=== API ===", "web"));
                Options::default()
            },
            apply: |world| {
                last(world).clear();
                Options::default()
            },
        },
        Case {
            code: Code::ServerId,
            says: "it is i-0000abcd in capitals: write it in lower case",
            provoke: |world| {
                world.servers.rows.push(server_row("I-0000ABCD", "web"));
                Options::default()
            },
            apply: |world| {
                last(world).insert("serverId".into(), text("i-0000abcd"));
                Options::default()
            },
        },
        Case {
            code: Code::ServerId,
            says: "it is the name of i-00000099: put that id there",
            provoke: |world| {
                crate::people::launch(world, "i-00000099", &[("Name", "web-99")]);
                world.servers.rows.push(server_row("web-99", "web"));
                Options::default()
            },
            apply: |world| {
                last(world).insert("serverId".into(), text("i-00000099"));
                Options::default()
            },
        },
        Case {
            code: Code::ServerId,
            says: "which has row 2: delete this row",
            provoke: |world| {
                let server = world.fleet.servers.get_mut("i-00000001").expect("server");
                server.tags.insert("Name".into(), "web-1".into());
                world.servers.rows.push(server_row("web-1", "web"));
                Options::default()
            },
            apply: |world| {
                world.servers.rows.pop();
                Options::default()
            },
        },
    ]
}
