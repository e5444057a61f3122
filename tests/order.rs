//! A rollback that is ordered without the sheet does what a tick does, once, to one channel; and whoever reads the sheet next
//! goes on as after a tick that was served.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use fleetsheet::memory::{KeyState, Latch, SpentBy};
use fleetsheet::plan::check::{check, check_order};
use fleetsheet::plan::{NotOrdered, Order, Plan, State, order};
use fleetsheet::sheet::Cell;
use fleetsheet::tag::{ChannelName, Reason, TagKey, Version};
use proptest::prelude::*;

use crate::laws::chance::{Turn, apply, beginning, turn};
use crate::people::{channel_row, launch, server_row, set};
use crate::world::{Crash, Options, World, down, source};

fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

/// `web` was promoted from 1.0 to 2.0 on six servers, one of them held; `db` stayed on 5.0.
fn promoted() -> World {
    let mut world = World::new();
    world.release.rows = vec![channel_row("web", "1.0", "1.0"), channel_row("db", "5.0", "5.0")];
    for n in 1..=8 {
        let (channel, version) = if n <= 6 { ("web", "1.0") } else { ("db", "5.0") };
        let id = format!("i-{n:08}");
        world.servers.rows.push(server_row(&id, channel));
        launch(
            &mut world,
            &id,
            &[("ReleaseChannel", channel), ("ReleaseVersion", version)],
        );
    }
    pass(&mut world);
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    set(&mut world, "i-00000006", "hold", Cell::Bool(true));
    pass(&mut world);
    assert_eq!(version(&world, "i-00000001"), "2.0");
    world
}

fn keys(world: &mut World, a: &str, b: &str) {
    set(world, "web", "desiredVersionA", text(a));
    set(world, "web", "desiredVersionB", text(b));
}

fn pass(world: &mut World) -> Plan {
    world.wait(TimeDelta::minutes(5));
    world.pass(&Options::default())
}

fn version(world: &World, id: &str) -> String {
    let server = &world.fleet.servers[id];
    server
        .tag(&TagKey::from("ReleaseVersion"))
        .map(|v| v.to_string())
        .unwrap_or_default()
}

/// How many servers a plan changes.
fn changing(plan: &Plan) -> usize {
    plan.servers.iter().filter(|server| !server.changes.is_empty()).count()
}

/// The state of `web`, its status, and the release in force.
fn shown(plan: &Plan) -> (State, String, String) {
    let channel = plan
        .channels
        .iter()
        .find(|channel| channel.name.as_str() == "web")
        .unwrap();
    let release = channel.release.as_ref().unwrap();
    (channel.state, channel.status.clone(), release.to_string())
}

#[test]
fn an_order_does_what_a_tick_does() {
    let mut ticked = promoted();
    set(&mut ticked, "web", "rollback", Cell::Bool(true));
    pass(&mut ticked);
    set(&mut ticked, "web", "rollback", Cell::Bool(false));
    let mut ordered = promoted();
    let plan = ordered.order("web", None).unwrap();
    assert_eq!((plan.servers.len(), changing(&plan)), (6, 5));
    let mut changes = plan.servers.iter().flat_map(|server| &server.changes);
    assert!(changes.all(|change| change.reason == Reason::Rollback));
    assert_eq!(plan.channels[0].left_behind, ["i-00000006".into()]);
    assert_eq!(
        plan.happenings[0].detail,
        "1 held and left behind: i-00000006; ordered by somebody: a bad version"
    );
    for id in ["i-00000001", "i-00000005", "i-00000006", "i-00000007"] {
        assert_eq!(version(&ordered, id), version(&ticked, id), "{id}");
    }
    pass(&mut ordered);
    let [a, b] = [pass(&mut ticked), pass(&mut ordered)].map(|plan| shown(&plan));
    assert_eq!(a, b);
    assert_eq!((a.0, &*a.2), (State::Spent, "1.0"));
    let [a, b] = [ticked, ordered].map(|world| {
        let channel = world.channel("web").unwrap().clone();
        (
            channel.release,
            channel.approved,
            channel.prior,
            channel.key_a,
            channel.key_b,
            channel.latch,
            channel.recalled,
        )
    });
    assert_eq!(a, b);
}

/// What stands in key A and key B when a pass first reads them after the order, what is typed then, and whether that is released.
#[test]
fn keys_that_name_the_version_left_or_together_a_third_are_spent_when_they_are_next_read() {
    let unreadable = Cell::Number(2.0);
    for (what, first, then, released) in [
        (
            "untouched",
            [text("2.0"), text("2.0")],
            [text("2.0"), text("2.0")],
            false,
        ),
        (
            "cleared and typed again",
            [Cell::Blank, Cell::Blank],
            [text("2.0"), text("2.0")],
            true,
        ),
        (
            "one cleared",
            [Cell::Blank, text("2.0")],
            [text("2.0"), text("2.0")],
            false,
        ),
        (
            "one that cannot be read at first",
            [unreadable.clone(), Cell::Blank],
            [text("2.0"), text("2.0")],
            false,
        ),
        (
            "another version in both, which may have stood there before",
            [text("3.0"), text("3.0")],
            [text("3.0"), text("3.0")],
            false,
        ),
        (
            "another version, typed since",
            [text("2.0"), text("2.0")],
            [text("3.0"), text("3.0")],
            true,
        ),
        (
            "another version in one key, and then in the other",
            [text("3.0"), text("2.0")],
            [text("3.0"), text("3.0")],
            true,
        ),
        (
            "another version in one key, while the other cannot be read",
            [text("3.0"), unreadable.clone()],
            [text("3.0"), text("3.0")],
            false,
        ),
    ] {
        let mut world = promoted();
        world.order("web", None).unwrap();
        let [a, b] = first;
        set(&mut world, "web", "desiredVersionA", a);
        set(&mut world, "web", "desiredVersionB", b);
        pass(&mut world);
        let [a, b] = then;
        set(&mut world, "web", "desiredVersionA", a);
        set(&mut world, "web", "desiredVersionB", b);
        pass(&mut world);
        let plan = pass(&mut world);
        assert_eq!(shown(&plan).2 != "1.0", released, "{what}: {:?}", shown(&plan));
    }
}

/// A key that an edit had spent at another version counts again when it is seen to hold something else, but not for the version
/// that was left meanwhile.
#[test]
fn a_key_that_was_spent_before_does_not_come_back_for_the_version_left() {
    let mut world = promoted();
    keys(&mut world, "3.0", "3.0");
    set(&mut world, "web", "updatedAt", Cell::Blank);
    pass(&mut world);
    pass(&mut world);
    let spent = KeyState::Spent {
        held: Some("3.0".into()),
        by: SpentBy::Edit,
    };
    assert_eq!(world.channel("web").unwrap().key_a, spent);
    world.order("web", None).unwrap();
    keys(&mut world, "2.0", "2.0");
    for _ in 0..3 {
        assert_eq!(shown(&pass(&mut world)).2, "1.0");
    }
}

#[test]
fn a_box_that_was_ticked_meanwhile_is_served_already() {
    let mut world = promoted();
    world.order("web", None).unwrap();
    set(&mut world, "web", "rollback", Cell::Bool(true));
    let plan = pass(&mut world);
    let (state, status, release) = shown(&plan);
    assert_eq!((state, &*release), (State::Latched, "1.0"));
    assert_eq!(status, "rolled back from 2.0; untick rollback to release again");
}

#[test]
fn what_an_order_could_not_reach_follows_later_and_a_second_order_takes_no_second_step() {
    let mut world = promoted();
    let far = source("far");
    for id in ["i-00000001", "i-00000002"] {
        world.fleet.servers.get_mut(id).unwrap().source = far.clone();
    }
    world.fleet.sources.insert(far.clone(), Some(down()));
    let plan = world.order("web", Some(1)).unwrap();
    assert_eq!(changing(&plan), 3);
    assert_eq!(
        ["i-00000001", "i-00000003", "i-00000004"].map(|id| version(&world, id)),
        ["2.0", "1.0", "2.0"]
    );
    let again = world.order("web", None).unwrap();
    assert_eq!((again.channels[0].moved.clone(), changing(&again)), (None, 2));
    assert!(again.happenings.is_empty(), "it happened once");
    assert_eq!(version(&world, "i-00000004"), "1.0");
    world.fleet.sources.insert(far, None);
    pass(&mut world);
    assert_eq!(version(&world, "i-00000001"), "1.0");
    assert_eq!(world.channel("web").unwrap().latch, None, "the box was seen unticked");
    assert_eq!(world.order("web", None), Err(done()));
}

/// A pass that reads the sheet opens the latch. What did not follow is finished all the same.
#[test]
fn an_order_is_finished_though_a_pass_has_seen_the_box_unticked() {
    let mut world = promoted();
    world.order("web", Some(1)).unwrap();
    world.wait(TimeDelta::minutes(5));
    let plan = world.decide(&Options::default());
    let sheet = world.sheet().unwrap();
    world.act(
        &plan,
        &sheet,
        &Options {
            crash: Some(Crash::Tags(0)),
            ..Options::default()
        },
    );
    assert_eq!(world.channel("web").unwrap().latch, None, "the box was seen unticked");
    let again = world.order("web", None).unwrap();
    assert_eq!((again.channels[0].moved.clone(), changing(&again)), (None, 4));
    assert_eq!(version(&world, "i-00000005"), "1.0");
    pass(&mut world);
    assert_eq!(world.order("web", None), Err(done()));
}

/// It was rolled back already, wholly.
fn done() -> NotOrdered {
    NotOrdered::Done("web".into(), Version::parse("1.0").unwrap())
}

/// One that is held and carries the version that comes back is not behind.
#[test]
fn only_those_that_carry_another_version_are_left_behind() {
    let mut world = promoted();
    let held = world.fleet.servers.get_mut("i-00000006").unwrap();
    held.tags.insert("ReleaseVersion".into(), "1.0".into());
    let plan = world.order("web", None).unwrap();
    assert_eq!(plan.channels[0].left_behind, []);
    assert_eq!(plan.happenings[0].detail, "ordered by somebody: a bad version");
}

/// What people may make of a server's row.
#[derive(Clone, Copy, Debug, PartialEq)]
enum RowIs {
    AsItWas,
    Blank,
    OfNoChannel,
    Moved,
    Held,
    LetGo,
    Unreadable,
    DoubledAlike,
    DoubledApart,
    Deleted,
}

const ROWS: [RowIs; 10] = [
    RowIs::AsItWas,
    RowIs::Blank,
    RowIs::OfNoChannel,
    RowIs::Moved,
    RowIs::Held,
    RowIs::LetGo,
    RowIs::Unreadable,
    RowIs::DoubledAlike,
    RowIs::DoubledApart,
    RowIs::Deleted,
];

fn make(world: &mut World, id: &str, row: RowIs) {
    match row {
        RowIs::AsItWas => {}
        RowIs::Blank => set(world, id, "channel", Cell::Blank),
        RowIs::OfNoChannel => set(world, id, "channel", text("wbe")),
        RowIs::Moved => set(world, id, "channel", text("db")),
        RowIs::Held => set(world, id, "hold", Cell::Bool(true)),
        RowIs::LetGo => set(world, id, "hold", Cell::Bool(false)),
        RowIs::Unreadable => set(world, id, "channel", Cell::Number(7.0)),
        RowIs::DoubledAlike | RowIs::DoubledApart => {
            let mut twin = world.row_mut(id).unwrap().clone();
            if row == RowIs::DoubledApart {
                twin.insert("channel".into(), text("db"));
            }
            world.servers.rows.push(twin);
        }
        RowIs::Deleted => world.servers.rows.retain(|row| row.get("serverId") != Some(&text(id))),
    }
}

/// Whatever stands in the rows of two servers, of which one was held: an order touches whom a tick would touch, with the sheet at
/// hand at once, and without it as of the pass that last read it. A tick also moves whom the sheet moves; an order leaves that to
/// the next pass.
#[test]
fn an_order_reaches_whom_a_tick_reaches_whatever_stands_in_the_rows() {
    let (free, held) = ("i-00000001", "i-00000006");
    let mut tried = 0;
    for (first, second) in ROWS.iter().flat_map(|first| ROWS.map(|second| (*first, second))) {
        for seen_by_a_pass in [false, true] {
            let mut world = promoted();
            make(&mut world, free, first);
            make(&mut world, held, second);
            if seen_by_a_pass {
                // One hand on two of eight servers is held by a belt, which is not what this is about.
                world.pass(&Options {
                    allow: BTreeSet::from([fleetsheet::plan::Belt::Unapproved]),
                    ..Options::default()
                });
            }
            let mut ticked = world.clone();
            set(&mut ticked, "web", "rollback", Cell::Bool(true));
            ticked.pass(&Options::default());
            let sheet = world.sheet().unwrap();
            for sheet in [Some(&sheet), None] {
                if sheet.is_none() && !seen_by_a_pass {
                    continue;
                }
                let mut ordered = world.clone();
                ordered.order_on(sheet, "web", None).unwrap();
                for n in 1..=8 {
                    let id = format!("i-{n:08}");
                    let before = version(&world, &id);
                    let went_back = |world: &World| before == "2.0" && version(world, &id) == "1.0";
                    assert_eq!(
                        went_back(&ordered),
                        went_back(&ticked),
                        "{id}: {first:?}, {second:?}, seen by a pass {seen_by_a_pass}, with the sheet {}",
                        sheet.is_some()
                    );
                    assert!(
                        went_back(&ordered) || version(&ordered, &id) == before,
                        "{id}: {first:?}, {second:?} became {}",
                        version(&ordered, &id)
                    );
                }
                tried += 1;
            }
        }
    }
    println!("rows under an order: {tried} stories");
}

/// A region that left the configuration holds part of an order back, and says so.
#[test]
fn an_order_says_what_a_lost_source_holds_back() {
    let mut world = promoted();
    let lost = source("main/us-east-1");
    world.fleet.sources.insert(lost.clone(), None);
    for id in ["i-00000001", "i-00000002"] {
        world.fleet.servers.get_mut(id).unwrap().source = lost.clone();
    }
    pass(&mut world);
    world.fleet.sources.remove(&lost);
    world.fleet.servers.retain(|_, server| server.source != lost);
    let plan = world.order("web", None).unwrap();
    assert!(plan.is_held(), "{plan:#?}");
    let said = |problem: &fleetsheet::problem::Problem| {
        problem.place == lost.to_string() && problem.message.contains("2 servers of web")
    };
    assert!(plan.problems.iter().any(said), "{plan:#?}");
    assert_eq!((plan.channels[0].unseen, changing(&plan)), (2, 3));
}

/// A store that the sheet does not name any more knows nothing of what its servers should carry.
#[test]
fn a_store_that_was_replaced_orders_nothing() {
    let mut world = promoted();
    let own = world.memory.store.clone();
    let ordered = |world: &World, claims: Option<&[&str]>| {
        let claims = claims.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
        let web = ChannelName::from("web");
        let asked = Order {
            channel: &web,
            reason: "a bad version",
            by: "somebody",
            claims: claims.as_ref(),
            sheet: None,
        };
        order(&world.fleet, &world.memory, &world.policy, asked).map(|_| ())
    };
    let replaced = |by: &str| Err(NotOrdered::Replaced(by.to_owned()));
    assert_eq!(ordered(&world, None), Ok(()));
    assert_eq!(ordered(&world, Some(&[])), Ok(()));
    assert_eq!(ordered(&world, Some(&[&own])), Ok(()));
    assert_eq!(ordered(&world, Some(&["other"])), replaced("other"));
    assert_eq!(ordered(&world, Some(&[&own, "other"])), replaced("other"));
    // The sheet said so when it could be read.
    let served = std::mem::replace(&mut world.stores, BTreeSet::from(["other".to_owned()]));
    let stopped = world.decide(&Options::default());
    assert!(!stopped.stop.is_empty());
    world.memory.apply(&stopped.update);
    assert_eq!(ordered(&world, None), replaced("other"));
    assert_eq!(ordered(&world, Some(&[&own])), Ok(()));
    world.stores = served;
    pass(&mut world);
    assert_eq!(ordered(&world, None), Ok(()));
}

#[test]
fn the_check_refuses_keys_of_a_third_version_that_still_count() {
    let mut world = promoted();
    world.order("web", None).unwrap();
    keys(&mut world, "3.0", "3.0");
    world.wait(TimeDelta::minutes(5));
    let sheet = world.sheet().unwrap();
    let policy = world.policy(&Options::default());
    let mut plan = world.decide(&Options::default());
    let verdict = |plan: &Plan| check(world.inputs(&sheet, &policy), plan).map(|_| ());
    assert_eq!(verdict(&plan), Ok(()));
    plan.update.channels.get_mut(&ChannelName::from("web")).unwrap().key_b = KeyState::Live;
    let faults = verdict(&plan).unwrap_err();
    assert!(
        faults.iter().any(|fault| fault.contains("nobody saw typed")),
        "{faults:?}"
    );
}

/// A channel, what is done to the world, and what the refusal says.
type Refused = (&'static str, fn(&mut World), &'static str);

/// What the check says, and what was done to the world or the plan.
type Tampered = (&'static str, Box<dyn Fn(&mut World, &mut Plan)>);

#[test]
fn what_cannot_be_trusted_is_refused() {
    let nothing = |_: &mut World| ();
    let cases: [Refused; 6] = [
        ("nobody", nothing, "knows no channel called nobody"),
        ("web", |w| w.policy.observe = true, "mode is \"observe\""),
        ("db", nothing, "db has no version to go back to"),
        (
            "web",
            |w| w.policy.spreadsheet = "another".into(),
            "another spreadsheet",
        ),
        (
            "web",
            |w| w.fleet.sources.values_mut().for_each(|answer| *answer = Some(down())),
            "no live server of web was seen",
        ),
        (
            "web",
            |w| {
                for n in 1..=4 {
                    let server = w.fleet.servers.get_mut(format!("i-{n:08}").as_str()).unwrap();
                    server.tags.insert("ReleaseVersion".into(), "3.0".into());
                }
            },
            "4 of 6 servers of web carry neither 2.0, which would be left, nor 1.0",
        ),
    ];
    for (channel, change, says) in cases {
        let mut world = promoted();
        change(&mut world);
        let before = world.clone();
        let why = world.order(channel, None).unwrap_err().to_string();
        assert!(why.contains(says), "{why}");
        assert_eq!(world.memory, before.memory, "{why}");
    }
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
#[test]
fn the_check_refuses_an_order_that_does_more_or_less() {
    let other = || Version::parse("9.0").unwrap();
    let web = || ChannelName::from("web");
    let cases: Vec<Tampered> = vec![
        (
            "the release is not the one before",
            Box::new(move |_, plan| {
                plan.update.channels.get_mut(&web()).unwrap().release = Some(other());
            }),
        ),
        (
            "a second step back is left",
            Box::new(move |_, plan| {
                plan.update.channels.get_mut(&web()).unwrap().prior = Some(other());
            }),
        ),
        (
            "an approval came from nowhere",
            Box::new(move |w, _| {
                w.memory.channels.get_mut(&web()).unwrap().prior_approved ^= true;
            }),
        ),
        (
            "keys that name the version left would count",
            Box::new(move |_, plan| {
                plan.update.channels.get_mut(&web()).unwrap().recalled[1] = None;
            }),
        ),
        (
            "would be served again",
            Box::new(move |_, plan| {
                plan.update.channels.get_mut(&web()).unwrap().latch = Some(Latch::Nothing);
            }),
        ),
        (
            "what nobody read",
            Box::new(move |_, plan| {
                plan.update.channels.get_mut(&web()).unwrap().key_a = KeyState::Spent {
                    held: None,
                    by: SpentBy::Edit,
                };
            }),
        ),
        (
            "more than the channel web",
            Box::new(move |w, plan| {
                let db = w.memory.channels[&ChannelName::from("db")].clone();
                plan.update.channels.insert("db".into(), db);
            }),
        ),
        (
            "more than the channel web",
            Box::new(|w, plan| plan.update.last_stamp = Some(w.now)),
        ),
        ("in mode observe", Box::new(|w, _| w.policy.observe = true)),
        (
            "i-00000001: is held",
            Box::new(|w, _| Arc::make_mut(w.memory.servers.get_mut("i-00000001").unwrap()).held = true),
        ),
        (
            "i-00000001: is in another channel",
            Box::new(|w, _| {
                Arc::make_mut(w.memory.servers.get_mut("i-00000001").unwrap()).channel = Some("db".into());
            }),
        ),
        (
            "i-00000001: is not live",
            Box::new(|w, _| drop(w.fleet.servers.remove("i-00000001"))),
        ),
        (
            "i-00000001: more is changed",
            Box::new(|_, plan| plan.servers[0].changes[0].after = Arc::from("9.0")),
        ),
        (
            "i-00000001: more is changed",
            Box::new(|_, plan| plan.servers[0].changes[0].tag = TagKey::from("Owner")),
        ),
        (
            "servers are remembered anew that do not change",
            Box::new(|_, plan| drop(plan.servers.remove(0))),
        ),
    ];
    for (says, tamper) in cases {
        let mut world = promoted();
        let mut plan = world.clone().order("web", None).unwrap();
        let verdict = |world: &World, plan: &Plan| {
            check_order(&world.fleet, &world.memory, &world.policy, &web(), None, plan).map(|_| ())
        };
        assert_eq!(verdict(&world, &plan), Ok(()), "{says}: good before");
        tamper(&mut world, &mut plan);
        let faults = verdict(&world, &plan).expect_err(says);
        assert!(faults.iter().any(|fault| fault.contains(says)), "{says}: {faults:?}");
    }
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    proptest::collection::vec(turn(), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happened before: nothing moves but one channel and the version tags of its servers, and none that is held.
    #[test]
    fn an_order_touches_its_channel_alone(start in beginning(), turns in turns()) {
        let mut world = start;
        for turn in &turns {
            world.wait(TimeDelta::minutes(5));
            for act in &turn.acts {
                apply(&mut world, act);
            }
            world.pass(&turn.options());
        }
        for name in ["api", "db", "web"] {
            let before = world.clone();
            let Ok(plan) = world.order(name, None) else { continue };
            let release = plan.channels[0].release.clone();
            let known = before.channel(name).unwrap();
            prop_assert_eq!(&release, if plan.channels[0].moved.is_some() { &known.prior } else { &known.release });
            for (id, server) in &world.fleet.servers {
                let was = &before.fleet.servers[id];
                if was == server {
                    continue;
                }
                let held = before.memory.servers.get(id).is_some_and(|m| m.held);
                prop_assert!(!held, "{id} is held");
                let mut back = server.clone();
                let tag = TagKey::from("ReleaseVersion");
                prop_assert_eq!(back.tags.get(&tag).map(|v| &**v), release.as_ref().map(Version::as_str));
                match was.tags.get(&tag) {
                    Some(version) => back.tags.insert(tag, version.clone()),
                    None => back.tags.remove(&tag),
                };
                prop_assert_eq!(&back, was);
            }
            for other in ["api", "db", "web"] {
                prop_assert!(other == name || before.channel(other) == world.channel(other));
            }
        }
    }
}
