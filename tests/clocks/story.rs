//! A story of two channels in which everything happens that remembers a time: promotions, a rollback, edits, belts, a missing
//! server, passes that are killed.

use fleetsheet::sheet::Cell;

use crate::people::{channel_row, launch, server_row, set};
use crate::world::{Crash, Options, World};

/// What happens before a pass, and what is special about the pass.
type Act = fn(&mut World) -> Options;

/// The story, step by step.
pub(crate) const STEPS: [(&str, Act); 27] = [
    ("first contact", |_| Options::default()),
    ("both keys", |w| keys(w, "web", "2.0")),
    ("quiet", |_| Options::default()),
    ("key A of two", |w| key(w, "db", "desiredVersionA", "6.0")),
    ("key B of two", |w| key(w, "db", "desiredVersionB", "6.0")),
    ("rollback", |w| tick(w, "web", true)),
    ("still ticked", |_| Options::default()),
    ("unticked", |w| tick(w, "web", false)),
    ("typed over", |w| key(w, "web", "releaseVersion", "9.9")),
    ("after the edit", |_| Options::default()),
    ("keys cleared", |w| keys(w, "web", "")),
    ("keys retyped", |w| keys(w, "web", "3.0")),
    ("drift", |w| tagged(w, "i-00000003", "0.1")),
    ("one moves", |w| key(w, "i-00000001", "channel", "db")),
    ("rows gone", |w| {
        w.servers.rows.drain(..12);
        keys(w, "db", "7.0")
    }),
    ("rows still gone", |_| Options::default()),
    ("rows back", |w| {
        let rows = (1..=12).map(|n| server_row(&id(n), if n == 1 { "db" } else { "web" }));
        w.servers.rows.splice(0..0, rows);
        Options::default()
    }),
    ("half of a region gone", |w| {
        (15..=30).for_each(|n| drop(w.fleet.servers.remove(&*id(n))));
        Options::default()
    }),
    ("still gone", |_| Options::default()),
    ("back", |w| {
        (15..=30).for_each(|n| live(w, n, "db", "7.0"));
        Options::default()
    }),
    ("three more move", |w| {
        (2..=4).for_each(|n| set(w, &id(n), "channel", Cell::Text("db".into())));
        Options::default()
    }),
    ("they wait", |_| Options::default()),
    ("they stay", |w| {
        (2..=4).for_each(|n| set(w, &id(n), "channel", Cell::Text("web".into())));
        Options::default()
    }),
    ("killed before the sheet is written", |w| {
        killed(keys(w, "web", "4.0"), Crash::BeforeSheet)
    }),
    ("killed after it was", |w| {
        killed(keys(w, "db", "8.0"), Crash::AfterSheet)
    }),
    ("one is missing", |w| {
        w.fleet.servers.remove(&*id(9));
        Options::default()
    }),
    ("and found", |w| {
        live(w, 9, "web", "4.0");
        Options::default()
    }),
];

fn id(n: usize) -> String {
    format!("i-{n:08}")
}

fn live(world: &mut World, n: usize, channel: &str, version: &str) {
    launch(
        world,
        &id(n),
        &[("ReleaseChannel", channel), ("ReleaseVersion", version)],
    );
}

fn key(world: &mut World, name: &str, header: &str, text: &str) -> Options {
    let cell = if text.is_empty() {
        Cell::Blank
    } else {
        Cell::Text(text.into())
    };
    set(world, name, header, cell);
    Options::default()
}

fn keys(world: &mut World, channel: &str, version: &str) -> Options {
    key(world, channel, "desiredVersionA", version);
    key(world, channel, "desiredVersionB", version)
}

fn tick(world: &mut World, channel: &str, ticked: bool) -> Options {
    set(world, channel, "rollback", Cell::Bool(ticked));
    Options::default()
}

fn tagged(world: &mut World, id: &str, version: &str) -> Options {
    if let Some(server) = world.fleet.servers.get_mut(id) {
        server.tags.insert("ReleaseVersion".into(), version.into());
    }
    Options::default()
}

fn killed(options: Options, crash: Crash) -> Options {
    Options {
        crash: Some(crash),
        ..options
    }
}

/// Thirty servers in two channels.
pub(crate) fn beginning() -> World {
    let mut world = World::new();
    world.release.rows = vec![channel_row("web", "1.0", "1.0"), channel_row("db", "5.0", "5.0")];
    for n in 1..=30 {
        let (channel, version) = if n <= 12 { ("web", "1.0") } else { ("db", "5.0") };
        world.servers.rows.push(server_row(&id(n), channel));
        live(&mut world, n, channel, version);
    }
    world
}
