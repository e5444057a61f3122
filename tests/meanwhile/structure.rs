//! Rows, columns and headers: what people do to the shape of the tabs.

use fleetsheet_mocks::sheets::{CellValue, Spreadsheet, Tab};

use super::arena::{NEW, id};
use super::deeds::{Blame, Deed, Unseen};
use crate::stage::{RELEASE, SERVERS};

const TABS: [&str; 2] = [RELEASE, SERVERS];

fn key(tab: &str) -> &'static str {
    if tab == RELEASE { "channel" } else { "serverId" }
}

fn delete_row(book: &mut Spreadsheet, tab: &str, name: &str) {
    let tab = book.tab_mut(tab);
    if let Some(row) = tab.find(key(&tab.title), name) {
        tab.delete_rows(row..row + 1);
    }
}

/// Copies a row over another, or below the last.
fn paste(tab: &mut Tab, from: usize, to: Option<usize>, columns: std::ops::Range<usize>) {
    let to = to.unwrap_or(tab.data_rows());
    let cells = tab.rows[from].cells[columns.clone()].to_vec();
    tab.rows[to].cells[columns].clone_from_slice(&cells);
}

pub(crate) fn rows() -> Vec<Deed> {
    let both = |what: &str, act: fn(&mut Tab)| {
        Deed::new(what, move |book| {
            for tab in TABS {
                act(book.tab_mut(tab));
            }
        })
    };
    let mut deeds = vec![
        both("insert two rows on top", |tab| tab.insert_rows(1, 2)),
        both("insert a row in the middle", |tab| tab.insert_rows(3, 1)),
        both("insert rows below", |tab| tab.insert_rows(tab.data_rows(), 3)),
        both("sort from Z to A", |tab| tab.sort_rows(key(&tab.title), true)),
        both("insert a blank row and sort", |tab| {
            tab.insert_rows(2, 1);
            tab.sort_rows(key(&tab.title), false);
        }),
        both("sort by a column of theirs", |tab| tab.sort_rows("rack", true)),
        both("move a row down", |tab| tab.move_rows(1..2, 4)),
        both("move rows up", |tab| tab.move_rows(2..4, 1)),
        both("sort half the columns", |tab| {
            tab.sort_columns_only(0..5, key(&tab.title), true)
        })
        .blames(Blame::Perhaps)
        .holds(),
        both("paste a row over another", |tab| paste(tab, 1, Some(2), 0..12)).blames(Blame::Perhaps),
        both("paste a row's cells over another's, but for its key", |tab| {
            paste(tab, 1, Some(2), 1..12)
        })
        .blames(Blame::Perhaps)
        .unseen(Unseen::AtWrite),
        both("duplicate a row below", |tab| paste(tab, 1, None, 0..12)).blames(Blame::Perhaps),
        both("clear a row", |tab| {
            let row = &mut tab.rows[2];
            row.cells.iter_mut().for_each(|cell| cell.value = CellValue::Empty);
        }),
    ];
    for channel in ["web", "db", "cache"] {
        deeds.push(
            Deed::new(format!("delete the row of {channel}"), move |book| {
                delete_row(book, RELEASE, channel)
            })
            .until(move |book, before| {
                let old = before.tab(RELEASE).unwrap();
                let cells = old.rows[old.find("channel", channel).unwrap()].cells.clone();
                let tab = book.tab_mut(RELEASE);
                let end = tab.data_rows();
                tab.rows[end].cells = cells;
            }),
        );
    }
    for (name, server) in [
        ("first", id("web", 0)),
        ("last", id("cache", 2)),
        ("newest", NEW[1].0.to_owned()),
    ] {
        deeds.push(Deed::new(format!("delete the {name} server's row"), move |book| {
            delete_row(book, SERVERS, &server)
        }));
    }
    deeds.push(Deed::new("write below the last row", |book| {
        for tab in TABS {
            book.tab_mut(tab)
                .add_row(&[("notes", CellValue::from("a line of text"))]);
        }
    }));
    deeds
}

/// Puts a deleted column back as it was, with all that hung on it.
fn undelete(book: &mut Spreadsheet, before: &Spreadsheet, tab: &str, header: &str) {
    let old = before.tab(tab).unwrap();
    let at = old.column(header).unwrap();
    let tab = book.tab_mut(tab);
    if tab.column(header).is_some() {
        return;
    }
    tab.insert_columns(at, 1);
    tab.columns[at].clone_from(&old.columns[at]);
    for (row, old) in tab.rows.iter_mut().zip(&old.rows) {
        row.cells[at].clone_from(&old.cells[at]);
    }
    tab.protected.clone_from(&old.protected);
}

/// A channel's row without the cells that tell whether it is as it was left counts as edited.
fn blame(columns: &[(&str, &str)]) -> Blame {
    let tells = |(tab, header): &(&str, &str)| *tab == RELEASE && STAMP.contains(header);
    if columns.iter().any(tells) {
        Blame::Perhaps
    } else {
        Blame::Nobody
    }
}

const STAMP: [&str; 3] = ["releaseVersion", "previousVersion", "updatedAt"];

/// Columns that are deleted and moved together: of the release tab, of the server tab.
const COLUMNS: [(Option<&str>, Option<&str>); 12] = [
    (Some("channel"), None),
    (None, Some("serverId")),
    (Some("desiredVersionA"), Some("channel")),
    (Some("rollback"), None),
    (None, Some("hold")),
    (None, Some("tag:Owner")),
    (Some("notes"), Some("notes")),
    (Some("releaseVersion"), Some("releaseVersion")),
    (Some("previousVersion"), Some("name")),
    (Some("status"), Some("status")),
    (Some("updatedAt"), Some("updatedAt")),
    (Some("rack"), Some("rack")),
];

pub(crate) fn columns() -> Vec<Deed> {
    let mut deeds = vec![Deed::new("add a column of their own", |book| {
        TABS.iter().for_each(|tab| book.tab_mut(tab).add_column("bay"));
    })];
    for (at, count) in [(0, 1), (1, 1), (2, 2), (6, 1)] {
        deeds.push(Deed::new(
            format!("insert {count} columns before column {at}"),
            move |book| {
                TABS.iter().for_each(|tab| book.tab_mut(tab).insert_columns(at, count));
            },
        ));
    }
    for (nth, (release, server)) in COLUMNS.into_iter().enumerate() {
        let both: Vec<(&str, &str)> = [
            release.map(|header| (RELEASE, header)),
            server.map(|header| (SERVERS, header)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let (deleted, undone) = (both.clone(), both.clone());
        deeds.push(
            Deed::new(format!("delete the columns {both:?}"), move |book| {
                for (tab, header) in &deleted {
                    book.tab_mut(tab).delete_column(header);
                }
            })
            .blames(blame(&both))
            .until(move |book, before| {
                for (tab, header) in &undone {
                    undelete(book, before, tab, header);
                }
            }),
        );
        let to = nth % 2 * 8;
        deeds.push(Deed::new(format!("move the columns {both:?} to {to}"), move |book| {
            for (tab, header) in &both {
                book.tab_mut(tab).move_column(header, to);
            }
        }));
    }
    deeds
}

fn swap(book: &mut Spreadsheet, tab: &str, one: &str, other: &str) {
    let tab = book.tab_mut(tab);
    let (a, b) = (tab.column(one).unwrap(), tab.column(other).unwrap());
    tab.rows[0].cells[a].value = other.into();
    tab.rows[0].cells[b].value = one.into();
}

/// Headers that are renamed together, and whether once more with the old name coming back.
const HEADERS: [(&[(&str, &str)], bool); 11] = [
    (&[(RELEASE, "channel")], true),
    (&[(RELEASE, "desiredVersionB")], false),
    (&[(RELEASE, "notes"), (SERVERS, "notes")], true),
    (&[(RELEASE, "status"), (SERVERS, "status")], true),
    (&[(RELEASE, "updatedAt"), (SERVERS, "updatedAt")], true),
    (&[(RELEASE, "releaseVersion"), (SERVERS, "name")], false),
    (&[(SERVERS, "serverId")], true),
    (&[(SERVERS, "channel")], false),
    (&[(SERVERS, "hold")], false),
    (&[(SERVERS, "tag:Owner")], false),
    (&[(SERVERS, "rack")], false),
];

pub(crate) fn headers() -> Vec<Deed> {
    let mut deeds = Vec::new();
    for (headers, again) in HEADERS {
        let to = |book: &mut Spreadsheet| {
            headers
                .iter()
                .for_each(|(tab, header)| book.tab_mut(tab).rename_column(header, "mine"))
        };
        let back = |book: &mut Spreadsheet| {
            headers
                .iter()
                .for_each(|(tab, header)| book.tab_mut(tab).rename_column("mine", header))
        };
        let blame = blame(headers);
        let rename = Deed::new(format!("rename {headers:?}"), to).blames(blame);
        deeds.push(rename.until(move |book, _| back(book)));
        if again {
            let twice = Deed::new(format!("rename {headers:?} and back"), to).then(back);
            deeds.push(twice.blames(blame).holds());
        }
    }
    deeds.push(Deed::new("write all headers in capitals and spaces", |book| {
        for tab in TABS {
            for cell in &mut book.tab_mut(tab).rows[0].cells {
                if let CellValue::Text(text) = &mut cell.value {
                    *text = format!(" {} ", text.to_uppercase());
                }
            }
        }
    }));
    for (tab, one, other, blame) in [
        (RELEASE, "desiredVersionA", "desiredVersionB", Blame::Nobody),
        (RELEASE, "channel", "notes", Blame::Perhaps),
        (RELEASE, "status", "notes", Blame::Perhaps),
        (RELEASE, "releaseVersion", "previousVersion", Blame::Perhaps),
        (SERVERS, "serverId", "channel", Blame::Perhaps),
        (SERVERS, "status", "notes", Blame::Perhaps),
        (SERVERS, "name", "state", Blame::Perhaps),
        (SERVERS, "status", "updatedAt", Blame::Perhaps),
    ] {
        deeds.push(
            Deed::new(format!("{tab}: swap the headers {one} and {other}"), move |book| {
                swap(book, tab, one, other)
            })
            .blames(blame)
            .until(move |book, _| swap(book, tab, one, other)),
        );
    }
    deeds.push(
        Deed::new("write status twice", |book| {
            TABS.iter().for_each(|tab| book.tab_mut(tab).add_column("status"));
        })
        .until(|book, _| {
            for tab in TABS {
                let tab = book.tab_mut(tab);
                let extra = (0..tab.columns.len())
                    .rfind(|at| *tab.value(0, *at) == "status".into())
                    .unwrap();
                tab.rows[0].cells[extra].value = CellValue::Empty;
            }
        }),
    );
    deeds
}
