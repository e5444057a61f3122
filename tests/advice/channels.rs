//! What the statuses of channels advise, done to the letter: the pass after the last step does what was promised.

use std::collections::{BTreeMap, BTreeSet};

use fleetsheet::fleet::State as Running;
use fleetsheet::plan::{Advice, ChannelPlan, Half, Plan, Rule, State, Step, Then};
use fleetsheet::sheet::Cell;
use fleetsheet::tag::Version;

use super::rollouts;
use super::{channel_row, launch, set, text, turn_keys, world};
use crate::world::{Crash, Options, Protection, World, down, source};

/// A version that stands nowhere.
const FRESH: &str = "77.7.7";

fn calm() -> Options {
    Options::default()
}

fn see(world: &mut World, options: &Options) -> Plan {
    let plan = world.pass(options);
    world.wait(chrono::TimeDelta::minutes(5));
    plan
}

fn of<'p>(plan: &'p Plan, channel: &str) -> &'p ChannelPlan {
    let found = plan.channels.iter().find(|c| c.name.as_str() == channel);
    found.unwrap_or_else(|| panic!("no channel {channel} in {plan:#?}"))
}

/// Does what is advised about a channel, and gives the last pass.
fn follow(world: &mut World, channel: &str, advice: &Advice) -> Plan {
    let mut options = Options {
        observe: world.policy.observe,
        ..calm()
    };
    for step in &advice.steps {
        match step {
            Step::Reach => {
                world.fleet.sources.values_mut().for_each(|error| *error = None);
            }
            Step::Correct => {
                for header in ["desiredVersionA", "desiredVersionB", "enabled", "rollback"] {
                    set(world, channel, header, Cell::Blank);
                }
            }
            Step::KeepOneRow => {
                let mut own = 0;
                world.release.rows.retain(|row| {
                    let is_own = row.get("channel") == Some(&text(channel));
                    own += usize::from(is_own);
                    !is_own || own == 1
                });
            }
            Step::BringBack => world.release.rows.push(channel_row(channel, "")),
            Step::Protect => world.protection = Protection::Whole,
            Step::Untick => set(world, channel, "rollback", Cell::Bool(false)),
            Step::Tick => set(world, channel, "rollback", Cell::Bool(true)),
            Step::Enable => set(world, channel, "enabled", Cell::Bool(true)),
            Step::LetSee | Step::Shown => drop(see(world, &options)),
            Step::Clear => turn_keys(world, channel, ""),
            Step::NameOther(half, version) => {
                let header = match half {
                    Half::A => "desiredVersionA",
                    Half::B => "desiredVersionB",
                };
                set(world, channel, header, text(version.as_str()));
            }
            Step::Name(version) => turn_keys(world, channel, version.as_ref().map_or(FRESH, Version::as_str)),
            Step::Advance => set(world, channel, "advance", Cell::Bool(true)),
            Step::StopAdvance => set(world, channel, "advance", Cell::Bool(false)),
            Step::Allow(belt) => drop(options.allow.insert(*belt)),
            Step::Enforce => {
                world.policy.observe = false;
                options.observe = false;
            }
        }
    }
    see(world, &options)
}

/// What is wrong with the advice that a pass gives about a channel, if anything.
pub(crate) fn untrue(world: &World, channel: &str, plan: &Plan) -> Option<String> {
    let before = of(plan, channel);
    let advice = &before.advice;
    let mut after = world.clone();
    let next = follow(&mut after, channel, advice);
    let now = of(&next, channel);
    let release = now.release.as_ref().map(Version::as_str);
    let kept = match &advice.then {
        Then::Releases(Some(version)) => release == Some(version.as_str()) && before.release != now.release,
        Then::Releases(None) => release == Some(FRESH),
        Then::RollsOut(version) => {
            release == Some(version.as_ref().map_or(FRESH, Version::as_str))
                && before.release != now.release
                && now.rollout.is_some()
        }
        Then::GoesOn(version) => release == Some(version.as_str()) && now.state == State::Rolling,
        Then::RollsBack(version) => release == Some(version.as_str()) && now.rule == Rule::RolledBack,
        // A cell that was corrected, a row that was taken away: the channel is read again, and may have another fault.
        Then::Decides => advice.steps.is_empty() || now.status != before.status || now.advice != *advice,
    };
    let words = format!("{:?}: {} → {advice}; then {}", before.state, before.status, now.status);
    (!kept).then_some(words)
}

/// Worlds by what their next pass finds.
fn worlds() -> Vec<(State, World)> {
    let known = || {
        let mut world = world();
        see(&mut world, &calm());
        world
    };
    let promoted = || {
        let mut world = known();
        turn_keys(&mut world, "web", "2.0.0");
        see(&mut world, &calm());
        world
    };
    let rolled_back = || {
        let mut world = promoted();
        set(&mut world, "web", "rollback", Cell::Bool(true));
        world
    };
    let with = |mut world: World, act: &dyn Fn(&mut World)| {
        act(&mut world);
        world
    };
    let latched = || with(rolled_back(), &|w| drop(see(w, &calm())));
    let key = |world: &mut World, header: &str, version: &str| set(world, "web", header, text(version));
    let off = |world: &mut World| world.protection = Protection::Off;
    let disable = |world: &mut World| set(world, "web", "enabled", Cell::Bool(false));
    vec![
        (State::InSync, known()),
        (State::InSync, with(known(), &|w| turn_keys(w, "web", ""))),
        (State::InSync, with(known(), &disable)),
        (State::InSync, with(known(), &off)),
        (
            State::InSync,
            with(known(), &|w| set(w, "web", "releaseVersion", text("9.9.9"))),
        ),
        (State::InSync, with(known(), &|w| w.policy.observe = true)),
        (State::WaitingB, with(known(), &|w| key(w, "desiredVersionA", "2.0.0"))),
        (State::WaitingA, with(known(), &|w| key(w, "desiredVersionB", "2.0.0"))),
        (
            State::Waiting,
            with(known(), &|w| {
                key(w, "desiredVersionA", "2.0.0");
                key(w, "desiredVersionB", "3.0.0");
            }),
        ),
        (
            State::WaitingB,
            with(latched(), &|w| {
                set(w, "web", "rollback", Cell::Bool(false));
                key(w, "desiredVersionB", "");
            }),
        ),
        (
            State::Ready,
            with(known(), &|w| {
                disable(w);
                turn_keys(w, "web", "2.0.0");
            }),
        ),
        (
            State::Unprotected,
            with(known(), &|w| {
                off(w);
                turn_keys(w, "web", "2.0.0");
            }),
        ),
        (
            State::Spent,
            with(latched(), &|w| set(w, "web", "rollback", Cell::Bool(false))),
        ),
        (
            State::Spent,
            with(known(), &|w| {
                set(w, "web", "updatedAt", Cell::Blank);
                turn_keys(w, "web", "2.0.0");
            }),
        ),
        (State::Promoted, with(known(), &|w| turn_keys(w, "web", "2.0.0"))),
        (
            State::Promoted,
            // Rows changed places under a write whose end nobody saw.
            with(world(), &|w| {
                let lost = Options {
                    crash: Some(Crash::AfterSheet),
                    ..calm()
                };
                see(w, &lost);
                for (row, name) in w.release.rows.iter_mut().zip(["api", "web"]) {
                    row.insert("channel".into(), text(name));
                }
                turn_keys(w, "web", "2.0.0");
            }),
        ),
        (State::RolledBack, rolled_back()),
        (
            State::RolledBack,
            with(rolled_back(), &|w| turn_keys(w, "web", "3.0.0")),
        ),
        (
            State::RolledBack,
            with(rolled_back(), &|w| turn_keys(w, "web", "1.0.0")),
        ),
        (State::Latched, latched()),
        (State::Latched, with(latched(), &|w| turn_keys(w, "web", "3.0.0"))),
        (
            State::Latched,
            with(latched(), &|w| {
                turn_keys(w, "web", "3.0.0");
                disable(w);
            }),
        ),
        (
            State::Latched,
            with(latched(), &|w| {
                turn_keys(w, "web", "3.0.0");
                off(w);
            }),
        ),
        (
            State::NothingToRollBack,
            with(known(), &|w| set(w, "web", "rollback", Cell::Bool(true))),
        ),
        (
            State::Latched,
            with(known(), &|w| {
                set(w, "web", "rollback", Cell::Bool(true));
                see(w, &calm());
            }),
        ),
        (State::Observe, with(rolled_back(), &|w| w.policy.observe = true)),
        (
            State::Observe,
            with(known(), &|w| {
                w.policy.observe = true;
                turn_keys(w, "web", "2.0.0");
            }),
        ),
        (
            State::Error,
            with(known(), &|w| set(w, "web", "desiredVersionA", Cell::Number(2.0))),
        ),
        (
            State::Error,
            with(known(), &|w| {
                let row = w.release.rows[0].clone();
                w.release.rows.push(row);
            }),
        ),
        (
            State::Latched,
            with(promoted(), &|w| {
                // Names typed over each other: the row carries another channel's stamp.
                let other = w.release.rows[1].clone();
                for header in ["releaseVersion", "previousVersion", "updatedAt"] {
                    w.release.rows[0].insert(header.into(), other.get(header).cloned().unwrap_or_default());
                }
                set(w, "web", "rollback", Cell::Bool(true));
            }),
        ),
        (
            State::NotReleased,
            with(known(), &|w| w.release.rows.push(channel_row("web2", ""))),
        ),
        (
            State::Belt,
            with(known(), &|w| {
                turn_keys(w, "web", "2.0.0");
                w.servers.rows.drain(..5);
                for n in 1..=5 {
                    launch(w, &format!("i-{n:02}"), "elsewhere", "1.0.0");
                }
            }),
        ),
        (
            State::InSync,
            with(known(), &|w| {
                w.servers.rows.drain(..5);
                for n in 1..=5 {
                    launch(w, &format!("i-{n:02}"), "elsewhere", "1.0.0");
                }
            }),
        ),
    ]
}

#[test]
fn whoever_follows_the_advice_of_a_status_gets_what_it_promises() {
    let mut wrong = Vec::new();
    let mut states = BTreeSet::new();
    let all = worlds().into_iter().chain(rollouts::worlds());
    for (n, (state, mut world)) in all.enumerate() {
        let options = Options {
            observe: world.policy.observe,
            ..calm()
        };
        let plan = see(&mut world, &options);
        let channel = if state == State::NotReleased { "web2" } else { "web" };
        let found = of(&plan, channel);
        if found.state != state {
            wrong.push(format!(
                "{n}: {state:?} is meant, but it is {:?}: {}",
                found.state, found.status
            ));
        }
        states.insert(found.state);
        wrong.extend(untrue(&world, channel, &plan).map(|what| format!("{n}: {what}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(states, State::ALL.into_iter().collect(), "each state is tried");
}

/// A source that is down keeps a new channel from being adopted; the channel says so.
#[test]
fn a_channel_that_waits_for_a_source_says_so() {
    let mut world = world();
    see(&mut world, &calm());
    world.release.rows.push(channel_row("web2", "3.0.0"));
    world.fleet.sources.insert(source("main"), Some(down()));
    let plan = see(&mut world, &calm());
    assert_eq!(of(&plan, "web2").advice.steps, [Step::Reach]);
    assert_eq!(untrue(&world, "web2", &plan), None);
}

/// Unticking sends another version out at once: the status says so, and only then.
#[test]
fn a_status_says_what_unticking_releases() {
    let mut said = BTreeMap::new();
    for keys in ["1.0.0", "2.0.0", "3.0.0"] {
        let mut world = world();
        see(&mut world, &calm());
        turn_keys(&mut world, "web", "2.0.0");
        see(&mut world, &calm());
        set(&mut world, "web", "rollback", Cell::Bool(true));
        see(&mut world, &calm());
        turn_keys(&mut world, "web", keys);
        let status = of(&see(&mut world, &calm()), "web").status.clone();
        set(&mut world, "web", "rollback", Cell::Bool(false));
        let release = of(&see(&mut world, &calm()), "web").release.clone();
        let running = world.fleet.servers.values().filter(|s| s.state == Running::Running);
        assert_eq!(running.count(), 14);
        said.insert(keys, (status, release.map(|v| v.to_string())));
    }
    let tick = "rolled back from 2.0.0; untick rollback to release again";
    let to = |version: &str| Some(version.to_owned());
    let third = format!("{tick} (unticking releases 3.0.0, which both keys name)");
    assert_eq!(said["1.0.0"], (tick.to_owned(), to("1.0.0")));
    assert_eq!(said["2.0.0"], (tick.to_owned(), to("1.0.0")));
    assert_eq!(said["3.0.0"], (third, to("3.0.0")));
}

#[test]
fn advice_reads_as_a_sentence() {
    let version: Version = Version::parse("2.4.1").expect("a version");
    for (steps, then, words) in [
        (
            vec![Step::Untick],
            Then::Releases(Some(version.clone())),
            "untick rollback: that releases 2.4.1 to all servers of the channel",
        ),
        (
            vec![Step::Clear, Step::LetSee, Step::Name(Some(version.clone()))],
            Then::Releases(Some(version)),
            "clear both keys, wait for a pass and type 2.4.1 into both keys: that releases 2.4.1 to all servers of the channel",
        ),
        (
            vec![Step::Untick, Step::Name(None)],
            Then::Releases(None),
            "untick rollback and type another version into both keys: that releases it",
        ),
        (vec![Step::KeepOneRow], Then::Decides, "keep one of its rows"),
        (
            vec![Step::BringBack],
            Then::Decides,
            "bring its row back with undo, or with fleetsheet init --channel",
        ),
    ] {
        assert_eq!(Advice { steps, then }.to_string(), words);
    }
}
