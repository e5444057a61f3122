//! Laws of the decision over random worlds: three channels, a dozen servers, people who edit between passes, calls that fail
//! and passes that are killed. `PROPTEST_CASES` tries more worlds.

pub(crate) mod chance;

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use fleetsheet::plan::{Moved, Plan};
use fleetsheet::sheet::Cell;
use fleetsheet::tag::{ChannelName, TagKey};
use proptest::prelude::*;

use crate::advice::channels::untrue;
use crate::world::{Crash, Options, Row, Tab, World};
use chance::{Turn, apply, beginning, turn};

/// Worlds tried unless the environment says otherwise: half a minute of an unoptimised build.
const CASES: u32 = 150;

fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    config.failure_persistence = None;
    config
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    prop::collection::vec(turn(), 1..14)
}

/// Plays the acts of a turn; the pass is the caller's.
fn prepare(world: &mut World, turn: &Turn) {
    world.wait(TimeDelta::minutes(5));
    for act in &turn.acts {
        apply(world, act);
    }
}

/// Cells that only people may change.
fn human(tab: &Tab) -> Vec<Row> {
    let service = [
        "releaseVersion",
        "previousVersion",
        "status",
        "updatedAt",
        "name",
        "account",
        "region",
        "state",
    ];
    let cells = |row: &Row| {
        row.iter()
            .filter(|(header, _)| !service.contains(&header.as_str()))
            .map(|(header, cell)| (header.clone(), cell.clone()))
            .collect()
    };
    tab.rows.iter().map(cells).collect()
}

/// Tags that fleetsheet does not manage, and all of servers that it must not touch.
fn foreign(world: &World) -> Vec<String> {
    let ours = ["ReleaseChannel", "ReleaseVersion", "Owner", "Team"].map(TagKey::from);
    let tags = |(id, server): (_, &fleetsheet::fleet::Server)| {
        let kept: Vec<_> = server.tags.iter().filter(|(key, _)| !ours.contains(key)).collect();
        format!("{id:?} {kept:?}")
    };
    world.fleet.servers.iter().map(tags).collect()
}

/// A plan without row numbers and addresses, which sorting changes.
fn told(plan: &Plan) -> String {
    let mut problems: Vec<String> = plan.problems.iter().map(|p| placeless(&format!("{p:?}"))).collect();
    problems.sort();
    let mut rest = plan.clone();
    rest.problems.clear();
    for channel in &mut rest.channels {
        channel.rows.clear();
    }
    for server in &mut rest.servers {
        server.rows.clear();
    }
    format!("{}\n{problems:#?}", placeless(&format!("{rest:#?}")))
}

/// Takes `Tab!C7`, `row 7` and `rows 7 and 9` out of a text.
fn placeless(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive(' ') {
        let trimmed = word.trim_end();
        match word.split_once('!') {
            Some((tab, cell)) if tab.ends_with("Sheet") || tab.ends_with("Assignment") => {
                let rest = cell.trim_start_matches(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit());
                out.push_str(tab);
                out.push_str(rest);
            }
            _ if !trimmed.is_empty() && trimmed.chars().all(|c| c.is_ascii_digit() || ";:".contains(c)) => {
                out.push_str("# ")
            }
            _ => out.push_str(word),
        }
    }
    out
}

/// What one channel's box and keys have been seen to do since its last rollback.
#[derive(Default)]
struct Watch {
    /// Whether no box was seen unticked since a tick was served.
    served: bool,
    /// Versions left by rollbacks, and which keys were seen to name something else since.
    left: BTreeMap<String, [bool; 2]>,
}

/// Looks at a pass that was remembered.
fn watch(watches: &mut BTreeMap<ChannelName, Watch>, before: &World, plan: &Plan) -> Result<(), TestCaseError> {
    let Ok(sheet) = before.sheet() else { return Ok(()) };
    for channel in &plan.channels {
        let watch = watches.entry(channel.name.clone()).or_default();
        let rows: Vec<_> = sheet
            .intent
            .channels
            .iter()
            .filter(|r| r.channel == channel.name)
            .collect();
        let off = fleetsheet::sheet::intent::Tick::Off;
        watch.served &= !rows.iter().all(|row| row.rollback == off);
        for (version, seen) in &mut watch.left {
            let other = |key: &fleetsheet::sheet::intent::Key| key.text().is_some_and(|text| text != version);
            seen[0] |= rows.iter().any(|row| other(&row.key_a));
            seen[1] |= rows.iter().any(|row| other(&row.key_b));
        }
        match &channel.moved {
            Some(Moved::Rollback { from, .. }) => {
                prop_assert!(!watch.served, "{} was rolled back twice by one tick", channel.name);
                watch.served = true;
                let named = |key: &fleetsheet::sheet::intent::Key| key.text().is_none_or(|text| text == from.as_str());
                let seen = [
                    !rows.iter().any(|row| named(&row.key_a)),
                    !rows.iter().any(|row| named(&row.key_b)),
                ];
                watch.left.insert(from.to_string(), seen);
            }
            Some(Moved::Promotion { to, .. }) => {
                if let Some(seen) = watch.left.remove(to.as_str()) {
                    prop_assert_eq!(seen, [true, true], "{} came back in {}", to, channel.name);
                }
            }
            None => {}
        }
    }
    Ok(())
}

/// Every version that changed became its channel's release.
fn only_releases(before: &World, after: &World, plan: &Plan) -> Result<(), TestCaseError> {
    let version = TagKey::from("ReleaseVersion");
    let channel = TagKey::from("ReleaseChannel");
    for (id, server) in &after.fleet.servers {
        let was = before.fleet.servers.get(id).and_then(|s| s.tag(&version));
        let Some(now) = server.tag(&version).filter(|now| Some(*now) != was) else {
            continue;
        };
        let name = server.tag(&channel).map(|c| ChannelName::from(&**c));
        let release = name.and_then(|name| after.memory.channels.get(&name)?.release.clone());
        prop_assert_eq!(
            release.as_ref().map(|v| v.as_str()),
            Some(&**now),
            "{:?}\n{:#?}",
            id,
            plan
        );
    }
    Ok(())
}

/// What is not an instance id is nowhere taken for a server; that it is told is all that becomes of it.
fn only_servers(plan: &Plan) -> Result<(), TestCaseError> {
    for server in &plan.servers {
        let digits = server.id.as_str().strip_prefix("i-").unwrap_or_default();
        let hexadecimal = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        prop_assert!([8, 17].contains(&digits.len()) && hexadecimal, "{}", server.id);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_moves_without_its_approval(start in beginning(), turns in turns()) {
        let mut world = start;
        let mut watches = BTreeMap::new();
        for turn in &turns {
            prepare(&mut world, turn);
            let before = world.clone();
            let options = turn.options();
            prop_assert_eq!(world.decide(&options), world.decide(&options), "a plan made twice is one plan");
            // The check looks at every plan inside `pass`.
            let plan = world.pass(&options);
            if turn.crash != Some(Crash::BeforeCommit) && plan.stop.is_empty() {
                watch(&mut watches, &before, &plan)?;
            }
            only_releases(&before, &world, &plan)?;
            only_servers(&plan)?;
            let rows = |w: &World| (human(&w.release), human(&w.servers));
            let (release, mut servers) = rows(&world);
            servers.truncate(before.servers.rows.len());
            prop_assert_eq!((release, servers), rows(&before), "a human cell changed");
            prop_assert_eq!(foreign(&world), foreign(&before), "a tag changed that is not managed");
        }
    }

    #[test]
    fn after_a_pass_nothing_is_left_to_do(start in beginning(), turns in turns()) {
        let mut world = start;
        for turn in &turns {
            prepare(&mut world, turn);
            let options = Options { observe: false, ..turn.options() };
            let plan = world.pass(&options);
            let whole = turn.crash.is_none() && turn.fail.is_empty() && plan.stop.is_empty();
            if whole {
                let next = world.decide(&Options::default());
                prop_assert!(!next.has_changes(), "{next:#?}\nafter\n{plan:#?}\nin {world:#?}");
                prop_assert!(next.stop.is_empty());
                // Nothing to say, nothing to write: the third pass leaves the sheet as the second did.
                world.pass(&Options::default());
                let quiet = world.clone();
                world.pass(&Options::default());
                prop_assert_eq!(&world.release, &quiet.release);
                prop_assert_eq!(&world.servers, &quiet.servers);
            }
        }
    }

    #[test]
    fn whoever_follows_the_advice_of_a_status_gets_what_it_promises(start in beginning(), turns in turns()) {
        let mut world = start;
        for turn in &turns {
            prepare(&mut world, turn);
            let options = Options { observe: false, ..turn.options() };
            let plan = world.pass(&options);
            if turn.crash.is_some() || !plan.stop.is_empty() {
                continue;
            }
            let mut later = world.clone();
            later.wait(TimeDelta::minutes(5));
            for channel in &plan.channels {
                let untrue = untrue(&later, channel.name.as_str(), &plan);
                prop_assert!(untrue.is_none(), "{}: {untrue:?}\nin {world:#?}", channel.name);
            }
        }
    }

    #[test]
    fn order_changes_nothing(start in beginning(), turns in turns(), seed in any::<u64>()) {
        let mut world = start;
        for turn in &turns {
            prepare(&mut world, turn);
            let mut sorted = world.clone();
            for tab in [&mut sorted.release, &mut sorted.servers] {
                shuffle(&mut tab.rows, seed);
                shuffle(&mut tab.headers, seed.rotate_left(17));
            }
            let options = turn.options();
            prop_assert_eq!(told(&world.decide(&options)), told(&sorted.decide(&options)));
            world.pass(&options);
        }
    }
}

/// Orders a list by chance.
fn shuffle<T>(list: &mut [T], seed: u64) {
    let mut state = seed | 1;
    for at in (1..list.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        list.swap(at, usize::try_from(state >> 33).unwrap_or(0) % (at + 1));
    }
}

#[test]
fn what_the_laws_leave_out_is_left_out() {
    let text = "ReleaseSheet!B12: rows 7 and 9; it holds 1.4.2";
    assert_eq!(placeless(text), "ReleaseSheet: rows # and # it holds 1.4.2");
    let mut list: Vec<u32> = (0..9).collect();
    shuffle(&mut list, 7);
    let all: BTreeSet<u32> = list.iter().copied().collect();
    assert!(list != (0..9).collect::<Vec<_>>() && all.len() == 9);
    assert_eq!(
        human(&Tab {
            sheet_id: 1,
            headers: Vec::new(),
            rows: vec![Row::from([("status".into(), Cell::Blank)])]
        })
        .len(),
        1
    );
}
