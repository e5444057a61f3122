//! What is advised about rollouts: gates that failed, rollouts that get nowhere, waves that wait for people.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use fleetsheet::gate::Verdict;
use fleetsheet::plan::State;
use fleetsheet::problem::Code;
use fleetsheet::rollout::{Colours, OnFailure, Strategy};
use fleetsheet::sheet::Cell;

use super::{Case, pass, set, text, turn_keys, world};
use crate::waves::{reads, rollouts, strategy};
use crate::world::{Options, World};

fn calm() -> Options {
    Options::default()
}

/// Web goes out in waves from now on, and its first wave, a fifth of the servers, is on 2.0.0.
fn start(world: &mut World, change: fn(&mut Strategy)) {
    let mut careful = strategy(&["20%", "50%", "100%"], &["errors"]);
    change(&mut careful);
    world.release.headers.push("advance".into());
    world.policy.rollouts = Arc::new(rollouts(careful));
    reads(world, "errors", Some(Verdict::NoData));
    turn_keys(world, "web", "2.0.0");
    pass(world, &calm());
    pass(world, &calm());
}

/// A gate fails as often as it takes but once; the next pass finds it failed.
fn fail(world: &mut World) {
    reads(world, "errors", Some(Verdict::Fail));
    pass(world, &calm());
}

fn by_hand(strategy: &mut Strategy) {
    strategy.waves[0].manual = true;
    strategy.gates.clear();
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            code: Code::GateFailed,
            says: "tick advance to go on once it passes",
            provoke: |world| {
                start(world, |it| it.on_failure = OnFailure::Pause);
                fail(world);
                calm()
            },
            apply: |world| {
                reads(world, "errors", Some(Verdict::Pass));
                set(world, "web", "advance", Cell::Bool(true));
                calm()
            },
        },
        Case {
            code: Code::GateFailed,
            says: "rollback to leave 2.0.0",
            provoke: |world| {
                start(world, |it| it.on_failure = OnFailure::Pause);
                fail(world);
                calm()
            },
            apply: |world| {
                set(world, "web", "rollback", Cell::Bool(true));
                calm()
            },
        },
        Case {
            code: Code::AutoRollback,
            says: "clear both keys, let a pass see it, and type them",
            provoke: |world| {
                start(world, |_| ());
                fail(world);
                calm()
            },
            apply: |world| {
                reads(world, "errors", Some(Verdict::Pass));
                turn_keys(world, "web", "");
                pass(world, &calm());
                turn_keys(world, "web", "2.0.0");
                calm()
            },
        },
        Case {
            code: Code::Colours,
            says: "give each server one of two values of Colour",
            provoke: |world| {
                start(world, |it| it.colours = Some(colours()));
                calm()
            },
            apply: |world| {
                for (n, server) in world.fleet.servers.values_mut().enumerate() {
                    let colour = if n % 2 == 0 { "blue" } else { "green" };
                    server.tags.insert("Colour".into(), colour.into());
                }
                calm()
            },
        },
        Case {
            code: Code::Stalled,
            says: "tick rollback to leave 2.0.0",
            provoke: |world| {
                start(world, |_| ());
                world.wait(TimeDelta::hours(3));
                calm()
            },
            apply: |world| {
                set(world, "web", "rollback", Cell::Bool(true));
                calm()
            },
        },
        Case {
            code: Code::Advance,
            says: "tick advance to start the next wave",
            provoke: |world| {
                start(world, by_hand);
                calm()
            },
            apply: |world| {
                set(world, "web", "advance", Cell::Bool(true));
                calm()
            },
        },
        Case {
            code: Code::Advance,
            says: "or rollback to leave 2.0.0",
            provoke: |world| {
                start(world, by_hand);
                calm()
            },
            apply: |world| {
                set(world, "web", "rollback", Cell::Bool(true));
                calm()
            },
        },
    ]
}

/// Worlds in whose next pass a rollout is under way, by the state of its channel.
pub(super) fn worlds() -> Vec<(State, World)> {
    let of = |change: fn(&mut Strategy), act: &dyn Fn(&mut World)| {
        let mut world = world();
        pass(&mut world, &calm());
        start(&mut world, change);
        act(&mut world);
        world
    };
    let key = |world: &mut World, header: &str, version: &str| set(world, "web", header, text(version));
    vec![
        (State::Rolling, of(|_| (), &|_| ())),
        (State::Rolling, of(by_hand, &|_| ())),
        (
            State::Rolling,
            of(by_hand, &|w| {
                // A tick that was void from the beginning.
                turn_keys(w, "web", "1.0.0");
                pass(w, &calm());
                set(w, "web", "advance", Cell::Bool(true));
                pass(w, &calm());
                turn_keys(w, "web", "3.0.0");
                pass(w, &calm());
                pass(w, &calm());
            }),
        ),
        (State::Paused, of(|_| (), &|w| key(w, "desiredVersionA", ""))),
        (State::Paused, of(|_| (), &|w| turn_keys(w, "web", "3.0.0"))),
        (
            State::Paused,
            of(|_| (), &|w| set(w, "web", "enabled", Cell::Bool(false))),
        ),
        (
            State::Paused,
            of(|_| (), &|w| w.protection = crate::world::Protection::Off),
        ),
        (
            State::Paused,
            of(|_| (), &|w| {
                w.protection = crate::world::Protection::Off;
                pass(w, &calm());
                w.protection = crate::world::Protection::Whole;
            }),
        ),
        (
            State::Paused,
            of(|_| (), &|w| {
                w.policy.rollouts = Arc::default();
            }),
        ),
        (State::Paused, of(|it| it.on_failure = OnFailure::Pause, &fail)),
        (State::RolledBack, of(|_| (), &fail)),
        (
            State::Spent,
            of(|_| (), &|w| {
                fail(w);
                pass(w, &calm());
                reads(w, "errors", Some(Verdict::Pass));
            }),
        ),
        (State::Observe, of(|_| (), &|w| w.policy.observe = true)),
        (
            State::Rolling,
            of(|_| (), &|w| {
                set(w, "web", "rollback", Cell::Bool(true));
                pass(w, &calm());
                turn_keys(w, "web", "3.0.0");
                set(w, "web", "rollback", Cell::Bool(false));
            }),
        ),
    ]
}

fn colours() -> Colours {
    Colours {
        colour_tag: "Colour".into(),
        role_tag: "ReleaseRole".into(),
        first: "blue".into(),
        overlap: Duration::ZERO,
        keep: Duration::ZERO,
        manual: false,
    }
}
