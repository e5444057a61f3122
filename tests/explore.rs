//! One channel, two servers, and everything that people may do to them in six passes, one edit between two passes; each pass
//! ends well or is killed between any two of its writes; the store may be lost, and the sheet taken over, at any time.
//!
//! Every step is compared with a model that knows nothing of stamps and memories: it sees what people did, and says which
//! version must be in force. States that are alike but for the clock are visited once.

mod edits;
mod fingerprint;
mod model;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::TimeDelta;
use fleetsheet::plan::Plan;
use fleetsheet::plan::check::check;

use crate::people::{channel_row, launch, server_row};
use crate::world::{Crash, Options, Protection, Row, World, down, source};
use edits::{EDITS, Edit, edit, restore};
use fingerprint::fingerprint;
use model::Model;

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
    /// Edits that came to a sheet and a memory met before.
    known: usize,
    crashes: BTreeMap<Crash, usize>,
    promotions: usize,
    rollbacks: usize,
    takeovers: usize,
}

fn beginning() -> State {
    met(unmet("1.0"))
}

/// One channel with these keys, and its servers, which no pass has seen.
fn unmet(keys: &str) -> State {
    let mut world = World::new();
    world.release.rows = vec![channel_row("web", keys, keys)];
    for id in ["i-00000001", "i-00000002"] {
        world.servers.rows.push(server_row(id, "web"));
        launch(&mut world, id, &[("ReleaseChannel", "web"), ("ReleaseVersion", "1.0")]);
    }
    // Fewer columns, faster passes.
    let spare = ["tag:Owner", "tag:Team", "name", "account", "region"];
    world.release.headers.retain(|h| !spare.contains(&h.as_str()));
    world.servers.headers.retain(|h| !spare.contains(&h.as_str()));
    // Two servers are too few for shares of them to mean anything.
    world.policy.max_row_drop = 2.0;
    world.policy.max_unapproved_change = 2.0;
    world.protection = Protection::Whole;
    State {
        model: Model::default(),
        world,
        bin: None,
        blows: 0,
        path: Vec::new(),
    }
}

/// The first pass.
fn met(mut state: State) -> State {
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
        Arc::make_mut(server).row.earlier.clear();
    }
    world.memory.baselines = fleetsheet::memory::Baselines::default();
}

/// Whether something was met before with as many blows left, so that nothing new can follow; else it is noted.
fn is_old<K: std::hash::Hash + Eq>(met: &mut HashMap<K, usize>, what: K, blows: usize) -> bool {
    let fewest = met.entry(what).or_insert(usize::MAX);
    let old = *fewest <= blows;
    *fewest = blows.min(*fewest);
    old
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

/// One edit and one pass, in every way in which it can end. Nothing follows the last pass, so only its good end is looked at.
fn step(
    from: &State,
    what: Edit,
    last: bool,
    met: &mut HashMap<(u64, bool), usize>,
    counts: &mut Counts,
) -> Vec<State> {
    let takeover = what.takes_over();
    let blow = takeover || what.is_blow();
    let left = blows() - from.blows;
    if blow && left == 0 {
        return Vec::new();
    }
    // Where the two keys are alike, what B may do is what A may do.
    if matches!(what, Edit::KeyB(_)) && alike(from) {
        return Vec::new();
    }
    let mut edited = from.clone();
    edited.blows += usize::from(blow);
    if edit(&mut edited, what).is_none() {
        return Vec::new();
    }
    edited.world.wait(TimeDelta::minutes(5));
    // Different edits of different states may come to one sheet before one memory.
    if is_old(met, (fingerprint(&edited), takeover), edited.blows) {
        counts.known += 1;
        return Vec::new();
    }
    let options = Options {
        takeover,
        ..Options::default()
    };
    let Ok(sheet) = edited.world.sheet() else {
        panic!("the sheet cannot be read");
    };
    if matches!(what, Edit::Lost | Edit::LostInTheOpen) {
        let plan = edited.world.decide_on(&sheet, &Options::default());
        assert!(!plan.stop.is_empty(), "a lost store acts");
    }
    let plan = edited.world.decide_on(&sheet, &options);
    if !plan.stop.is_empty() {
        let claimed = edited.world.stores.contains(&edited.world.memory.store);
        assert!(!claimed, "{:?} {what:?}: stopped\n{plan:#?}", from.path);
        restore(&mut edited.world);
        edited.path.push((what, None));
        return vec![edited];
    }
    let policy = edited.world.policy(&options);
    let verdict = check(edited.world.inputs(&sheet, &policy), &plan);
    assert!(verdict.is_ok(), "{:?} {what:?}: {verdict:?}\n{plan:#?}", from.path);
    counts.passes += 1;
    let changing = plan.servers.iter().filter(|s| !s.changes.is_empty()).count();

    let mut seen = edited.model.clone();
    let moved = seen.pass(&edited.world, takeover);
    agree(from, what, &seen, &plan, moved, counts);
    let killed = left > 0 && !last && !what.is_blow();
    let crashes = CRASHES.into_iter().filter(|_| killed);
    let crashes = crashes.filter(|crash| !matches!(crash, Crash::Tags(at) if *at >= changing));
    let end = |crash: Option<Crash>| {
        let mut next = edited.clone();
        let options = Options {
            crash,
            ..options.clone()
        };
        next.world.act(&plan, &sheet, &options);
        next.end(what, crash, &seen);
        next
    };
    std::iter::once(None).chain(crashes.map(Some)).map(end).collect()
}

impl State {
    /// A pass ended so; `seen` is the model once it has looked.
    fn end(&mut self, what: Edit, crash: Option<Crash>, seen: &Model) {
        if crash != Some(Crash::BeforeCommit) {
            self.model = seen.clone();
        }
        if matches!(crash, None | Some(Crash::AfterSheet)) {
            self.model.written(&self.world);
        }
        self.model.prune(&self.world, self.bin.as_ref());
        forget_the_past(&mut self.world);
        restore(&mut self.world);
        self.path.push((what, crash));
        // A takeover that is killed is one blow.
        self.blows += usize::from(crash.is_some() && !what.takes_over());
        tags_are_right(self, crash);
    }
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
    counts.takeovers += usize::from(what.takes_over());
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

/// Follows everything that can happen after `first` in so many passes.
#[expect(clippy::print_stdout, reason = "the counts are for the reader")]
fn explore(first: State, passes: usize) -> Counts {
    let mut counts = Counts::default();
    // The fewest blows with which a state was reached: with more left, more can follow.
    let mut seen: HashMap<u64, usize> = HashMap::from([(fingerprint(&first), 0)]);
    let mut met = HashMap::new();
    let mut frontier = vec![first];
    for depth in 1..=passes {
        let mut next = Vec::new();
        for state in &frontier {
            for what in EDITS {
                let ends = step(state, what, depth == passes, &mut met, &mut counts);
                counts.transitions += ends.len();
                follow(ends, depth == passes, &mut seen, &mut counts, &mut next);
            }
        }
        println!("pass {depth}: from {} states", frontier.len());
        frontier = next;
    }
    counts.states = seen.len();
    counts
}

/// Keeps the ends of a pass from which something new can follow. A pass that was killed must come to what its good end comes to.
fn follow(ends: Vec<State>, last: bool, seen: &mut HashMap<u64, usize>, counts: &mut Counts, next: &mut Vec<State>) {
    let mut expected: Option<String> = None;
    let whole = ends.first().cloned();
    for end in ends {
        if let Some((_, Some(crash))) = end.path.last() {
            *counts.crashes.entry(*crash).or_default() += 1;
        }
        // Nothing follows the last pass.
        if last || is_old(seen, fingerprint(&end), end.blows) {
            continue;
        }
        if let (Some((_, Some(_))), Some(whole)) = (end.path.last(), &whole) {
            let expected = expected.get_or_insert_with(|| outcome(whole));
            assert_eq!(outcome(&end), *expected, "{:?}", end.path);
        }
        next.push(end);
    }
}

#[test]
fn everything_that_can_happen_in_six_passes() {
    let counts = explore(beginning(), from_environment("EXPLORE_PASSES", PASSES));
    println!(
        "{} states, {} transitions, {} plans ({} more were known), {} promotions, {} rollbacks, {} takeovers; killed: {:?}",
        counts.states,
        counts.transitions,
        counts.passes,
        counts.known,
        counts.promotions,
        counts.rollbacks,
        counts.takeovers,
        counts.crashes
    );
    let crashed: BTreeSet<Crash> = counts.crashes.keys().copied().collect();
    assert_eq!(crashed, BTreeSet::from(CRASHES), "every crash point was met");
    assert!(counts.promotions > 0 && counts.rollbacks > 0 && counts.takeovers > 0);
}

/// The sheet was in use, and part of the fleet did not answer when it was first met: its keys do not look typed since.
#[test]
fn everything_that_can_happen_in_three_passes_after_a_first_one_that_could_not_adopt() {
    let mut first = unmet("2.0");
    first.world.fleet.sources.insert(source("second"), Some(down()));
    let mut first = met(first);
    restore(&mut first.world);
    assert!(
        first
            .world
            .channel("web")
            .is_some_and(|channel| channel.release.is_none())
    );
    let counts = explore(first, 3);
    assert!(counts.promotions > 0, "keys that are typed anew count");
}

/// Both keys name a third version that no pass has seen when the release is taken back without the sheet. No box stands ticked, so
/// only spent keys hold that version back.
#[test]
fn everything_that_can_happen_in_three_passes_after_an_order_under_keys_that_name_a_third_version() {
    for order in [Edit::Order, Edit::OrderKilled, Edit::OrderCut] {
        let mut first = met(unmet("2.0"));
        // Typed anew, as keys that stood there when the sheet was met do not count.
        for what in ["", "2.0", "3.0"] {
            for key in [Edit::KeyA(what), Edit::KeyB(what)] {
                edit(&mut first, key);
            }
            if what != "3.0" {
                first = met(first);
            }
        }
        assert_eq!(first.model.release.as_deref(), Some("2.0"));
        edit(&mut first, order).expect("there is a way back");
        let counts = explore(first, 3);
        assert!(counts.promotions > 0, "keys that are typed anew count");
    }
}
