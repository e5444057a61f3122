//! One channel, two servers, and everything that people may do to them in six passes, one edit between two passes; each pass
//! ends well or is killed between any two of its writes; the store may be lost, and the sheet taken over, at any time.
//!
//! Every step is compared with a model that knows nothing of stamps and memories: it sees what people did, and says which
//! version must be in force. States that are alike but for the clock are visited once.

#[path = "explore/model.rs"]
mod model;
#[path = "support/people.rs"]
mod people;
#[path = "support/rows.rs"]
mod rows;
#[expect(dead_code, reason = "shared with the laws and the golden cases, which use the rest")]
#[path = "support/world.rs"]
mod world;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chrono::TimeDelta;
use fleetsheet::memory::Memory;
use fleetsheet::plan::Plan;
use fleetsheet::plan::check::check;
use fleetsheet::sheet::Cell;

use model::Model;
use people::{channel_row, launch, server_row, set};
use world::{Crash, Options, Protection, Row, World};

/// Passes after the first.
const PASSES: usize = 6;

/// How often in one story a pass is killed or the sheet is taken over (`EXPLORE_BLOWS` raises it).
fn blows() -> usize {
    from_environment("EXPLORE_BLOWS", 1)
}

fn from_environment(name: &str, otherwise: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(otherwise)
}

/// What a person or an operator does between two passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit {
    Nothing,
    KeyA(&'static str),
    KeyB(&'static str),
    Enabled,
    Rollback,
    /// A service cell is typed over.
    Service,
    /// The first row is deleted.
    DeleteFirst,
    /// The last one is.
    DeleteLast,
    /// The row deleted last comes back, as undo brings it.
    Undo,
    /// A row is typed anew.
    Retype,
    /// The row is copied under itself.
    Copy,
    /// The store is lost, and an empty one takes over.
    Lost,
    /// The store takes over what it serves already.
    Takeover,
}

const EDITS: [Edit; 17] = [
    Edit::Nothing,
    Edit::KeyA("1.0"),
    Edit::KeyA("2.0"),
    Edit::KeyA(""),
    Edit::KeyB("1.0"),
    Edit::KeyB("2.0"),
    Edit::KeyB(""),
    Edit::Enabled,
    Edit::Rollback,
    Edit::Service,
    Edit::DeleteFirst,
    Edit::DeleteLast,
    Edit::Undo,
    Edit::Retype,
    Edit::Copy,
    Edit::Lost,
    Edit::Takeover,
];

const CRASHES: [Crash; 7] = [
    Crash::BeforeCommit,
    Crash::BeforeClaim,
    Crash::Tags(0),
    Crash::Tags(1),
    Crash::AfterTags,
    Crash::BeforeSheet,
    Crash::AfterSheet,
];

#[derive(Clone)]
struct State {
    world: World,
    model: Model,
    /// The row deleted last.
    bin: Option<Row>,
    /// How often a pass was killed or the sheet was taken over.
    blows: usize,
    /// How it came about, for a reader of a failure.
    path: Vec<(Edit, Option<Crash>)>,
}

#[derive(Default)]
struct Counts {
    states: usize,
    transitions: usize,
    passes: usize,
    crashes: BTreeMap<Crash, usize>,
    promotions: usize,
    rollbacks: usize,
    takeovers: usize,
}

fn beginning() -> State {
    let mut world = World::new();
    world.release.rows = vec![channel_row("web", "1.0", "1.0")];
    for id in ["i-1", "i-2"] {
        world.servers.rows.push(server_row(id, "web"));
        launch(&mut world, id, &[("ReleaseChannel", "web"), ("ReleaseVersion", "1.0")]);
    }
    // Fewer columns, faster passes.
    let spare = ["notes", "tag:Owner", "tag:Team", "name", "account", "region"];
    world.release.headers.retain(|h| !spare.contains(&h.as_str()));
    world.servers.headers.retain(|h| !spare.contains(&h.as_str()));
    // Two servers are too few for shares of them to mean anything.
    world.policy.max_row_drop = 2.0;
    world.policy.max_unapproved_change = 2.0;
    world.protection = Protection::Whole;
    let mut state = State {
        model: Model::default(),
        world,
        bin: None,
        blows: 0,
        path: Vec::new(),
    };
    state.model.pass(&state.world, false);
    state.world.pass(&Options::default());
    state.model.written(&state.world);
    forget_the_past(&mut state.world);
    state
}

/// Earlier stamps only serve the belt against restored files; without them states that are alike look alike.
fn forget_the_past(world: &mut World) {
    for channel in world.memory.channels.values_mut() {
        channel.row.earlier.clear();
    }
    for server in world.memory.servers.values_mut() {
        server.row.earlier.clear();
    }
    world.memory.baselines = fleetsheet::memory::Baselines::default();
}

fn text(text: &str) -> Cell {
    if text.is_empty() {
        Cell::Blank
    } else {
        Cell::Text(text.into())
    }
}

/// Makes an edit; `None` where it would change nothing.
fn edit(state: &mut State, edit: Edit) -> Option<()> {
    let count = state.world.release.rows.len();
    let world = &mut state.world;
    match edit {
        Edit::Nothing | Edit::Takeover => {}
        Edit::KeyA(key) => retype(world, "desiredVersionA", text(key))?,
        Edit::KeyB(key) => retype(world, "desiredVersionB", text(key))?,
        Edit::Enabled => toggle(world, "enabled")?,
        Edit::Rollback => toggle(world, "rollback")?,
        Edit::Service => retype(world, "releaseVersion", text("9.9"))?,
        // Undo is only used where no row is left.
        Edit::DeleteFirst if count > 0 => state.bin = Some(world.release.rows.remove(0)).filter(|_| count == 1),
        Edit::DeleteLast if count > 1 => drop(world.release.rows.pop()),
        Edit::Undo if count == 0 => world.release.rows.push(state.bin.take()?),
        Edit::Retype if count == 0 => {
            state.bin = None;
            world.release.rows.push(channel_row("web", "2.0", "2.0"));
        }
        Edit::Copy if count == 1 => {
            let row = world.release.rows[0].clone();
            world.release.rows.push(row);
        }
        Edit::Lost => {
            let number: u32 = world.memory.store.trim_start_matches("store-").parse().ok()?;
            world.memory = Memory {
                store: format!("store-{}", number + 1),
                ..Memory::default()
            };
            state.model.lose();
        }
        _ => return None,
    }
    Some(())
}

fn retype(world: &mut World, header: &str, cell: Cell) -> Option<()> {
    let now = world.release.rows.first()?.get(header).cloned().unwrap_or_default();
    (now != cell).then(|| set(world, "web", header, cell))
}

fn toggle(world: &mut World, header: &str) -> Option<()> {
    let ticked = world.release.rows.first()?.get(header) == Some(&Cell::Bool(true));
    set(world, "web", header, Cell::Bool(!ticked));
    Some(())
}

/// A state without its clock: stamps by the order in which they are met, times by their age.
fn fingerprint(state: &State) -> u64 {
    let State { world, model, bin, .. } = state;
    let tags: Vec<_> = world.fleet.servers.values().map(|s| &s.tags).collect();
    let served = world.stores.contains(&world.memory.store);
    let mut text = String::new();
    let _ = write!(
        text,
        "{served}{:?}{:?}{tags:?}{:?}{:?}{:?}{model:?}{bin:?}",
        world.release.rows, world.servers.rows, world.memory.channels, world.memory.servers, world.memory.binding
    );
    let mut hasher = DefaultHasher::new();
    let mut stamps: Vec<&str> = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("2026-") {
        rest[..at].hash(&mut hasher);
        let tail = &rest[at..];
        let end = tail.find('Z').map_or(tail.len(), |z| z + 1);
        let stamp = &tail[..end];
        if stamp.contains('.') {
            let known = stamps.iter().position(|s| *s == stamp);
            known.unwrap_or(stamps.len()).hash(&mut hasher);
            if known.is_none() {
                stamps.push(stamp);
            }
        } else {
            let time = stamp.parse().unwrap_or(world.now);
            (world.now - time).num_minutes().min(10).hash(&mut hasher);
        }
        rest = &tail[end..];
    }
    rest.hash(&mut hasher);
    hasher.finish()
}

/// What the world shows and remembers once all is quiet, without stamps.
fn outcome(state: &State) -> String {
    let mut world = state.world.clone();
    for _ in 0..3 {
        world.wait(TimeDelta::minutes(5));
        // A takeover that was killed before it claimed the sheet is made again.
        let takeover = !world.decide(&Options::default()).stop.is_empty();
        world.pass(&Options {
            takeover,
            ..Options::default()
        });
    }
    let mut text = String::new();
    for row in world.release.rows.iter().chain(&world.servers.rows) {
        let mut row = row.clone();
        row.remove("updatedAt");
        let _ = writeln!(text, "{row:?}");
    }
    for server in world.fleet.servers.values() {
        let _ = writeln!(text, "{:?}", server.tags);
    }
    if let Some(m) = world.channel("web") {
        let _ = writeln!(
            text,
            "{:?} {:?} {:?} {:?} {:?}",
            m.release, m.prior, m.key_a, m.key_b, m.latch
        );
    }
    text
}

/// Whether key A and key B could be exchanged without anybody seeing it.
fn alike(state: &State) -> bool {
    let cells = |row: &Row| row.get("desiredVersionA") == row.get("desiredVersionB");
    let memory = state.world.channel("web");
    state.world.release.rows.iter().chain(&state.bin).all(cells)
        && memory.is_none_or(|m| m.key_a == m.key_b)
        && state.model.alike()
}

/// One edit and one pass, in every way in which it can end. Of the last pass, which nothing follows, only the good end shows
/// anything.
fn step(from: &State, what: Edit, last: bool, counts: &mut Counts) -> Vec<State> {
    let takeover = matches!(what, Edit::Lost | Edit::Takeover);
    let left = blows() - from.blows;
    if takeover && left == 0 {
        return Vec::new();
    }
    // Where the two keys are alike, what B may do is what A may do.
    if matches!(what, Edit::KeyB(_)) && alike(from) {
        return Vec::new();
    }
    let mut edited = from.clone();
    edited.blows += usize::from(takeover);
    if edit(&mut edited, what).is_none() {
        return Vec::new();
    }
    edited.world.wait(TimeDelta::minutes(5));
    let options = Options {
        takeover,
        ..Options::default()
    };
    let Ok(sheet) = edited.world.sheet() else {
        panic!("the sheet cannot be read");
    };
    if what == Edit::Lost {
        let plan = edited.world.decide_on(&sheet, &Options::default());
        assert!(!plan.stop.is_empty(), "a lost store acts");
    }
    let plan = edited.world.decide_on(&sheet, &options);
    if !plan.stop.is_empty() {
        let claimed = edited.world.stores.contains(&edited.world.memory.store);
        assert!(!claimed, "{:?} {what:?}: stopped\n{plan:#?}", from.path);
        edited.path.push((what, None));
        return vec![edited];
    }
    let policy = edited.world.policy(&options);
    let verdict = check(&sheet, &edited.world.fleet, &edited.world.memory, &policy, &plan);
    assert!(verdict.is_ok(), "{:?} {what:?}: {verdict:?}\n{plan:#?}", from.path);
    counts.passes += 1;
    let changing = plan.servers.iter().filter(|s| !s.changes.is_empty()).count();

    let mut ends = Vec::new();
    let mut seen = edited.model.clone();
    let moved = seen.pass(&edited.world, takeover);
    agree(from, what, &seen, &plan, moved, counts);
    let crashes = CRASHES.into_iter().filter(|_| left > 0 && !last).map(Some);
    for crash in std::iter::once(None).chain(crashes) {
        if matches!(crash, Some(Crash::Tags(at)) if at >= changing) {
            continue;
        }
        let mut next = edited.clone();
        let options = Options {
            crash,
            ..options.clone()
        };
        next.world.act(&plan, &sheet, &options);
        if crash != Some(Crash::BeforeCommit) {
            next.model = seen.clone();
        }
        if matches!(crash, None | Some(Crash::AfterSheet)) {
            next.model.written(&next.world);
        }
        next.model.prune(&next.world, next.bin.as_ref());
        forget_the_past(&mut next.world);
        next.path.push((what, crash));
        // A takeover that is killed is one blow.
        next.blows += usize::from(crash.is_some() && !takeover);
        tags_are_right(&next, crash);
        ends.push(next);
    }
    ends
}

/// The plan does what the model says, and nothing else.
fn agree(from: &State, what: Edit, model: &Model, plan: &Plan, moved: Option<&str>, counts: &mut Counts) {
    let channel = plan.channels.first();
    let release = channel.and_then(|c| c.release.as_ref()).map(|v| v.as_str());
    let previous = channel.and_then(|c| c.previous.as_ref()).map(|v| v.as_str());
    let found = channel.and_then(|c| c.moved.as_ref()).map(|m| match m {
        fleetsheet::plan::Moved::Promotion { .. } => "promotion",
        fleetsheet::plan::Moved::Rollback { .. } => "rollback",
    });
    assert_eq!(found, moved, "{:?} {what:?}\n{model:?}\n{plan:#?}", from.path);
    if channel.is_some() {
        let expected = (model.release.as_deref(), model.prior.as_deref());
        assert_eq!(
            (release, previous),
            expected,
            "{:?} {what:?}\n{model:?}\n{plan:#?}",
            from.path
        );
    }
    counts.promotions += usize::from(moved == Some("promotion"));
    counts.rollbacks += usize::from(moved == Some("rollback"));
    counts.takeovers += usize::from(matches!(what, Edit::Lost | Edit::Takeover));
}

/// After a pass that ends, servers carry the release; after one that does not, nothing but an old one or the new.
fn tags_are_right(state: &State, crash: Option<Crash>) {
    let served = state.world.stores.contains(&state.world.memory.store);
    let listed = !state.world.release.rows.is_empty();
    for server in state.world.fleet.servers.values() {
        let version = server.tag(&state.world.policy.version_tag).map(|v| &**v);
        assert!(matches!(version, Some("1.0" | "2.0")), "{:?}: {version:?}", state.path);
        if let (None, true, Some(release)) = (crash, listed && served, state.model.release.as_deref()) {
            assert_eq!(version, Some(release), "{:?}", state.path);
        }
    }
}

#[test]
fn everything_that_can_happen_in_six_passes() {
    let mut counts = Counts::default();
    let passes = from_environment("EXPLORE_PASSES", PASSES);
    let first = beginning();
    // The fewest blows with which a state was reached: with more left, more can follow.
    let mut seen: HashMap<u64, usize> = HashMap::from([(fingerprint(&first), 0)]);
    let mut frontier = vec![first];
    for depth in 1..=passes {
        let mut next = Vec::new();
        for state in &frontier {
            for what in EDITS {
                let mut ends = step(state, what, depth == passes, &mut counts);
                counts.transitions += ends.len();
                // What a killed pass must come to: the first end is that of a pass that was not.
                let mut expected: Option<String> = None;
                let whole = ends.first().cloned();
                for end in ends.drain(..) {
                    if let Some((_, Some(crash))) = end.path.last() {
                        *counts.crashes.entry(*crash).or_default() += 1;
                    }
                    // Nothing follows the last pass.
                    if depth == passes {
                        continue;
                    }
                    let known = seen.entry(fingerprint(&end)).or_insert(usize::MAX);
                    if *known <= end.blows {
                        continue;
                    }
                    *known = end.blows;
                    if let (Some((_, Some(_))), Some(whole)) = (end.path.last(), &whole) {
                        let expected = expected.get_or_insert_with(|| outcome(whole));
                        assert_eq!(outcome(&end), *expected, "{:?}", end.path);
                    }
                    next.push(end);
                }
            }
        }
        println!("pass {depth}: from {} states", frontier.len());
        frontier = next;
    }
    counts.states = seen.len();
    println!(
        "{} states, {} transitions, {} plans, {} promotions, {} rollbacks, {} takeovers; killed: {:?}",
        counts.states,
        counts.transitions,
        counts.passes,
        counts.promotions,
        counts.rollbacks,
        counts.takeovers,
        counts.crashes
    );
    let crashed: BTreeSet<Crash> = counts.crashes.keys().copied().collect();
    assert_eq!(crashed, BTreeSet::from(CRASHES), "every crash point was met");
    assert!(counts.promotions > 0 && counts.rollbacks > 0 && counts.takeovers > 0);
}
