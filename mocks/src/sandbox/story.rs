//! What people and the cloud do, chapter by chapter. The last one sets the scene that the user's first pass acts on.
//!
//! Small worlds lack some of the servers; what would happen to those is left out.

use std::time::Duration;

use crate::cloud::{CloudEmulator, Fleet, State};
use crate::sheets::{CellValue, SheetsEmulator, Spreadsheet, Tab};

use super::names::{ACCOUNTS, CHANNEL_TAG, OWNER_TAG, REGIONS, RELEASE_TAB, SERVER_TAB, VERSION_TAG};
use super::roster::{Roster, Server};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// What people and the cloud change as the story goes on.
#[derive(Debug)]
pub(super) struct World<'w> {
    pub(super) sheets: &'w SheetsEmulator,
    pub(super) cloud: &'w CloudEmulator,
    pub(super) roster: &'w Roster,
}

/// A part of the story, before a pass.
#[derive(Clone, Copy, Debug)]
pub struct Chapter {
    /// What happens, in words.
    pub title: &'static str,
    /// How long before the end of the story it is.
    pub ago: Duration,
    pub(super) happens: fn(&World<'_>),
}

impl Chapter {
    /// Whether the user's pass comes after it.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.ago.is_zero()
    }
}

pub(super) const CHAPTERS: [Chapter; 5] = [
    Chapter {
        title: "fleetsheet sees the sheet for the first time",
        ago: HOUR.saturating_mul(24 * 6),
        happens: |_| {},
    },
    Chapter {
        title: "three releases are approved",
        ago: HOUR.saturating_mul(24 * 4),
        happens: approvals,
    },
    Chapter {
        title: "a bad release is rolled back, and somebody types over a cell of the service",
        ago: HOUR.saturating_mul(24 * 2),
        happens: trouble,
    },
    Chapter {
        title: "the rollback box is unticked with the keys as they were",
        ago: HOUR.saturating_mul(2),
        happens: quiet,
    },
    Chapter {
        title: "everything at once",
        ago: Duration::ZERO,
        happens: everything,
    },
];

/// How many tags an instance may carry.
const MOST_TAGS: usize = 50;

fn approvals(world: &World<'_>) {
    world.keys("web-prod", "2.3.9");
    world.keys("worker-prod", "5.2.0");
    world.keys("search-staging", "3.1.0");
}

fn trouble(world: &World<'_>) {
    world.release("search-staging", "rollback", true);
    world.release("search-staging", "notes", "3.1.0 eats memory");
    world.release("web-staging", "releaseVersion", "2.5.0");
    world.row("web-prod", 5, |book, row| {
        book.set(SERVER_TAB, (row, "hold"), true);
        book.set(SERVER_TAB, (row, "notes"), "heap dump running, ask SRE before touching");
    });
}

fn quiet(world: &World<'_>) {
    world.release("search-staging", "rollback", false);
    world.server("web-prod", 11, |fleet, server| {
        // Hours ago, so no longer shutting down.
        fleet.set_state(&server.id, State::Terminated);
    });
}

/// Moves and tags that no pair of keys approves stay below three, under which no belt trips however small the world is.
fn everything(world: &World<'_>) {
    releases(world);
    rows(world);
    servers(world);
    launches(world);
}

fn releases(world: &World<'_>) {
    world.keys("web-prod", "2.4.0");
    world.release("api-prod", "desiredVersionA", "8.3.0");
    world.release("worker-prod", "rollback", true);
    world.release("worker-prod", "notes", "5.2.0 loses jobs");
    world.keys("billing-prod", "3.12.0");
    world.release("billing-prod", "enabled", false);
    world.release("billing-prod", "notes", "after the month's close");
    // Typed as 1.10 into a cell that had lost its format.
    world.release("search-prod", "desiredVersionA", 1.1);
    world.release("search-prod", "desiredVersionB", "1.10");
}

fn rows(world: &World<'_>) {
    world.row("api-prod", 7, |book, row| {
        book.set(SERVER_TAB, (row, "channel"), "api-prd")
    });
    world.row("api-staging", 6, |book, row| {
        book.set(SERVER_TAB, (row, "channel"), "web-staging");
        book.set(SERVER_TAB, (row, "notes"), "lent to the web team for a load test");
    });
    world.row("billing-prod", 2, |book, row| {
        book.set(SERVER_TAB, (row, "tag:Owner"), "team-payments");
    });
    if let Some(server) = world.roster.nth("search-prod", 4) {
        let id = server.id.clone();
        world
            .sheets
            .edit(|book| add_row(book, &id, "search-staging", "moved? please check"));
    }
}

fn servers(world: &World<'_>) {
    for n in [1, 8, 13] {
        world.server("web-staging", n, |fleet, server| {
            fleet.set_tag(&server.id, VERSION_TAG, "2.6.0-dev");
        });
    }
    world.server("api-staging", 3, |fleet, server| {
        fleet.delete_tag(&server.id, VERSION_TAG);
    });
    world.server("api-prod", 3, |fleet, server| {
        fleet.vanish(&server.id);
    });
}

fn launches(world: &World<'_>) {
    for n in 1..=4 {
        let name = format!("web-prod-scaled-{n:02}");
        let region = REGIONS[n % REGIONS.len()];
        let tags = [
            ("Name", name.as_str()),
            (CHANNEL_TAG, "web-prod"),
            (VERSION_TAG, "2.3.9"),
            (OWNER_TAG, "team-web"),
        ];
        world.cloud.edit(|fleet| fleet.launch(ACCOUNTS[0].number, region, tags));
    }
    // One that came with nearly all the tags that a server can carry: two more just fit.
    let keys: Vec<String> = (1..MOST_TAGS - 2).map(|n| format!("cost/{n:02}")).collect();
    let tags = keys.iter().map(|key| (key.as_str(), "yes"));
    let tags = std::iter::once(("Name", "worker-prod-vendor-01")).chain(tags);
    let id = world
        .cloud
        .edit(|fleet| fleet.launch(ACCOUNTS[0].number, REGIONS[0], tags));
    world
        .sheets
        .edit(|book| add_row(book, &id, "worker-prod", "vendor's image"));
}

fn add_row(book: &mut Spreadsheet, id: &str, channel: &str, notes: &str) {
    book.tab_mut(SERVER_TAB).add_row(&[
        ("serverId", id.into()),
        ("channel", channel.into()),
        ("hold", false.into()),
        ("notes", notes.into()),
    ]);
}

impl World<'_> {
    /// Both groups type a version.
    fn keys(&self, channel: &str, version: &str) {
        self.release(channel, "desiredVersionA", version);
        self.release(channel, "desiredVersionB", version);
    }

    /// Somebody edits a cell of a channel's row.
    fn release(&self, channel: &str, header: &str, value: impl Into<CellValue>) {
        self.sheets.edit(|book| {
            if let Some(row) = row_of(book.tab(RELEASE_TAB), "channel", channel) {
                book.set(RELEASE_TAB, (row, header), value);
            }
        });
    }

    /// Somebody edits the row of a channel's `n`th server.
    fn row(&self, channel: &str, n: usize, edit: impl FnOnce(&mut Spreadsheet, usize)) {
        let Some(server) = self.roster.nth(channel, n) else {
            return;
        };
        self.sheets.edit(|book| {
            if let Some(row) = row_of(book.tab(SERVER_TAB), "serverId", &server.id) {
                edit(book, row);
            }
        });
    }

    /// Something befalls a channel's `n`th server.
    fn server(&self, channel: &str, n: usize, happens: impl FnOnce(&mut Fleet, &Server)) {
        if let Some(server) = self.roster.nth(channel, n) {
            self.cloud.edit(|fleet| happens(fleet, server));
        }
    }
}

/// The number in the margin of the row that holds this text.
/// The row of a channel's first server.
pub(super) fn first_row(sheets: &SheetsEmulator, roster: &Roster, channel: &str) -> Option<usize> {
    let server = roster.nth(channel, 0)?;
    sheets.edit(|book| row_of(book.tab(SERVER_TAB), "serverId", &server.id))
}

fn row_of(tab: Option<&Tab>, header: &str, text: &str) -> Option<usize> {
    tab?.find(header, text).map(|row| row + 1)
}
