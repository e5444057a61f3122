//! Every column of both tabs typed over, with every kind of value.

use fleetsheet_mocks::sheets::{CellValue, Spreadsheet};

use super::arena::{NEW, id};
use super::deeds::{Blame, Deed, Unseen};
use crate::stage::{RELEASE, SERVER_HEADERS, SERVERS};

fn values() -> [(&'static str, CellValue); 5] {
    [
        ("text", "typed".into()),
        ("a boolean", true.into()),
        ("a number", CellValue::Number(2.4)),
        ("a formula", CellValue::formula("=A1&\"x\"", "2.4.0")),
        ("nothing", CellValue::Empty),
    ]
}

fn key(tab: &str) -> &'static str {
    if tab == RELEASE { "channel" } else { "serverId" }
}

/// Types into the cell of a row, wherever it stands; nobody types into a row that is not there.
fn type_over(book: &mut Spreadsheet, tab: &str, name: &str, header: &str, value: &CellValue) {
    if let Some(row) = book.tab_mut(tab).find(key(tab), name) {
        book.set(tab, (row + 1, header), value.clone());
    }
}

/// A deed of several cells, each of another row: tab, row, header, value.
fn several(cells: Vec<(&'static str, String, &'static str, CellValue)>) -> Deed {
    let words: Vec<_> = cells
        .iter()
        .map(|(_, row, header, value)| format!("{header} of {row}: {value:?}"))
        .collect();
    Deed::new(format!("type {}", words.join(", ")), move |book| {
        for (tab, row, header, value) in &cells {
            type_over(book, tab, row, header, value);
        }
    })
}

pub(crate) fn releases() -> Vec<Deed> {
    let mut deeds = Vec::new();
    let of = |channel: &str, header, kind: usize| (RELEASE, channel.to_owned(), header, values()[kind % 5].1.clone());
    for kind in 0..5 {
        deeds.extend([
            several(vec![of("web", "desiredVersionA", kind), of("db", "rollback", kind + 1)]),
            several(vec![
                of("web", "desiredVersionB", kind),
                of("cache", "channel", kind + 2),
            ]),
            several(vec![of("web", "enabled", kind), of("db", "desiredVersionA", kind + 3)]),
            several(vec![
                of("web", "releaseVersion", kind),
                of("db", "previousVersion", kind + 1),
                of("cache", "status", kind + 2),
            ])
            .blames(Blame::Once),
            several(vec![
                of("web", "previousVersion", kind),
                of("db", "updatedAt", kind + 1),
            ])
            .blames(Blame::Once),
        ]);
        let plain = ["web", "db", "cache"].into_iter().enumerate();
        let notes =
            plain.flat_map(|(nth, channel)| [of(channel, "notes", kind + nth), of(channel, "rack", kind + nth + 3)]);
        if kind % 3 == 0 {
            deeds.push(several(notes.collect()));
        }
    }
    deeds.push(
        Deed::new("type over the name of cache with that of web", |book| {
            type_over(book, RELEASE, "cache", "channel", &"web".into())
        })
        .blames(Blame::Perhaps),
    );
    deeds.push(
        Deed::new("swap the names of web and cache", |book| {
            type_over(book, RELEASE, "cache", "channel", &"x".into());
            type_over(book, RELEASE, "web", "channel", &"cache".into());
            type_over(book, RELEASE, "x", "channel", &"web".into());
        })
        .blames(Blame::Perhaps)
        .unseen(Unseen::TillReadBack),
    );
    deeds.push(
        Deed::new("type over all service cells of web, with new keys", |book| {
            for header in ["releaseVersion", "previousVersion", "status", "updatedAt"] {
                type_over(book, RELEASE, "web", header, &"7.0.0".into());
            }
            for header in ["desiredVersionA", "desiredVersionB"] {
                type_over(book, RELEASE, "web", header, &"7.0.0".into());
            }
        })
        .blames(Blame::Once)
        .unseen(Unseen::AtWrite),
    );
    deeds.push(Deed::new("take the keys of web back", |book| {
        for header in ["desiredVersionA", "desiredVersionB"] {
            type_over(book, RELEASE, "web", header, &"2.3.9".into());
        }
    }));
    deeds.push(Deed::new("untick rollback", |book| {
        type_over(book, RELEASE, "db", "rollback", &false.into())
    }));
    deeds
}

pub(crate) fn servers() -> Vec<Deed> {
    let mut deeds = Vec::new();
    let all: Vec<String> = ["web", "db", "cache"]
        .into_iter()
        .flat_map(|channel| (0..3).map(move |nth| id(channel, nth)))
        .collect();
    let of = |nth: usize, header, kind: usize| {
        (
            SERVERS,
            all[nth % all.len()].clone(),
            header,
            values()[kind % 5].1.clone(),
        )
    };
    for kind in 0..5 {
        deeds.push(several(vec![
            of(kind, "serverId", kind),
            of(kind + 2, "channel", kind + 1),
            of(kind + 4, "hold", kind + 2),
            of(kind + 6, "tag:Owner", kind + 3),
        ]));
    }
    for (nth, header) in SERVER_HEADERS.into_iter().enumerate().skip(5) {
        deeds.push(several((0..5).map(|kind| of(nth + kind, header, kind)).collect()).blames(Blame::Once));
    }
    let theirs = (0..5).flat_map(|kind| [of(kind, "notes", kind), of(kind, "rack", kind + 1)]);
    deeds.push(several(theirs.collect()));
    let (one, other) = (id("web", 0), id("db", 0));
    let pairs = [
        ("another server's id", other, Blame::Perhaps),
        ("a new server's id", NEW[0].0.to_owned(), Blame::Perhaps),
    ];
    for (what, value, blame) in pairs {
        let server = one.clone();
        deeds.push(
            Deed::new(format!("type {what} over a server's id"), move |book| {
                type_over(book, SERVERS, &server, "serverId", &value.as_str().into())
            })
            .blames(blame),
        );
    }
    deeds.push(Deed::new("type another channel", move |book| {
        type_over(book, SERVERS, &id("cache", 0), "channel", &"web".into())
    }));
    deeds.push(Deed::new("hold a server", |book| {
        type_over(book, SERVERS, &id("web", 1), "hold", &true.into())
    }));
    deeds.push(Deed::new("add a row for a new server", |book| {
        let cells = [("serverId", NEW[0].0), ("channel", "web"), ("notes", "mine")];
        book.tab_mut(SERVERS)
            .add_row(&cells.map(|(header, text)| (header, CellValue::from(text))));
    }));
    deeds.push(
        Deed::new("type over all service cells of a server", |book| {
            for header in [
                "name",
                "account",
                "region",
                "state",
                "releaseVersion",
                "status",
                "updatedAt",
            ] {
                type_over(book, SERVERS, &id("db", 2), header, &"mine".into());
            }
        })
        .blames(Blame::Once),
    );
    deeds
}
