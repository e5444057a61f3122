//! What stops a rollout, lets it go on, and takes it back.

use fleetsheet::gate::Verdict;
use fleetsheet::plan::State;

use super::*;

fn half() -> World {
    let mut world = world(8, strategy(&["25%", "50%", "100%"], &["errors"]));
    reads(&mut world, "errors", Some(Verdict::NoData));
    keys(&mut world, "2.0", "2.0");
    for _ in 0..3 {
        pass(&mut world);
    }
    assert_eq!(carried(&world), BTreeMap::from([("1.0".into(), 6), ("2.0".into(), 2)]));
    world
}

fn assert_taken_back(world: &mut World, ticked: bool) {
    for _ in 0..10 {
        let plan = pass(world);
        assert!(web(&plan).rollout.is_none());
        assert_eq!(carried(world), BTreeMap::from([("1.0".into(), 8)]));
    }
    if ticked {
        tick(world, "rollback", false);
        for _ in 0..3 {
            pass(world);
            assert_eq!(on(world, "1.0"), 8, "{}", status(world));
        }
    }
}

/// Case 3.
#[test]
fn each_group_stops_it_with_its_own_cell_and_lets_it_go_on() {
    let mut world = half();
    for (a, b, why) in [
        ("", "2.0", "key A is empty"),
        ("2.0", "2.5", "key B names 2.5"),
        ("", "", "key A is empty and key B is empty"),
        ("2.5", "2.5", "2.5 waits: tick rollback to leave 2.0, or name 2.0 again"),
    ] {
        keys(&mut world, a, b);
        // A server that goes back to the former version waits, too.
        let plan = pass(&mut world);
        assert_eq!(
            status(&mut world),
            format!("paused at wave 1/3 of 2.0: {why} · 2/8 on 2.0")
        );
        assert_eq!((web(&plan).state, on(&world, "2.0")), (State::Paused, 2));
    }
    keys(&mut world, "2.0", "2.0");
    let plan = pass(&mut world);
    assert_eq!(events(&plan), ["resumed"]);
    assert_eq!(web(&plan).state, State::Rolling);
    tick(&mut world, "enabled", false);
    assert_eq!(events(&pass(&mut world)), ["paused"]);
    assert_eq!(
        status(&mut world),
        "paused at wave 1/3 of 2.0: not enabled · 2/8 on 2.0"
    );
}

/// Case 3: what one hand may have moved needs both keys anew.
#[test]
fn an_edited_or_doubled_row_and_keys_without_protection_need_both_keys_anew() {
    let edits: [(&str, Act, Act); 3] = [
        ("edited", |w| set(w, "web", "releaseVersion", text("9.9")), |_| ()),
        (
            "doubled",
            |w| {
                let row = w.release.rows[0].clone();
                w.release.rows.push(row);
            },
            |w| drop(w.release.rows.pop()),
        ),
        (
            "unprotected",
            |w| w.protection = crate::world::Protection::Off,
            |w| w.protection = crate::world::Protection::Whole,
        ),
    ];
    for (what, edit, undo) in edits {
        let mut world = half();
        reads(&mut world, "errors", Some(Verdict::Pass));
        edit(&mut world);
        pass(&mut world);
        assert!(
            status(&mut world).starts_with("paused at wave 1/3 of 2.0: "),
            "{what}: {}",
            status(&mut world)
        );
        undo(&mut world);
        for _ in 0..10 {
            pass(&mut world);
            assert_eq!(on(&world, "2.0"), 2, "{what}");
        }
        assert!(
            status(&mut world).contains("must be approved again"),
            "{what}: {}",
            status(&mut world)
        );
        keys(&mut world, "", "");
        pass(&mut world);
        keys(&mut world, "2.0", "2.0");
        for _ in 0..20 {
            pass(&mut world);
        }
        assert_eq!(on(&world, "2.0"), 8, "{what}: {}", status(&mut world));
    }
}

/// Case 5.
#[test]
fn a_tick_takes_everybody_back_in_any_state() {
    let states: [(&str, Act); 4] = [
        ("moving", |_| ()),
        ("paused", |w| keys(w, "", "2.0")),
        ("not enabled", |w| tick(w, "enabled", false)),
        ("third version", |w| keys(w, "3.0", "3.0")),
    ];
    for (what, edit) in states {
        let mut world = half();
        edit(&mut world);
        pass(&mut world);
        tick(&mut world, "rollback", true);
        let plan = pass(&mut world);
        assert_eq!(web(&plan).state, State::RolledBack, "{what}");
        assert!(
            status(&mut world).starts_with("rolled back from 2.0; untick rollback"),
            "{what}"
        );
        if what == "third version" {
            tick(&mut world, "rollback", true);
            assert_eq!(on(&world, "1.0"), 8);
            continue;
        }
        assert_taken_back(&mut world, true);
    }
}

#[test]
fn a_rollback_from_the_command_line_ends_it() {
    let mut world = half();
    world.order("web", None).unwrap();
    assert_eq!(carried(&world), BTreeMap::from([("1.0".into(), 8)]));
    assert_taken_back(&mut world, false);
    assert!(status(&mut world).starts_with("held: 2.0 must be approved again"));
}

/// Case 4.
#[test]
fn both_keys_on_the_former_version_take_it_back_at_once() {
    let mut world = half();
    tick(&mut world, "enabled", false);
    keys(&mut world, "1.0", "1.0");
    let plan = pass(&mut world);
    assert_eq!(events(&plan), ["taken_back"]);
    assert_eq!(carried(&world), BTreeMap::from([("1.0".into(), 8)]));
    assert_eq!(status(&mut world), "in sync");
    // No key is spent.
    tick(&mut world, "enabled", true);
    keys(&mut world, "2.0", "2.0");
    let plan = pass(&mut world);
    assert_eq!(events(&plan), ["promotion"]);
}

/// Case 6.
#[test]
fn a_gate_that_fails_twice_takes_it_back_whatever_else_is_wrong() {
    let states: [(&str, Act); 4] = [
        ("as it is", |_| ()),
        ("not enabled", |w| tick(w, "enabled", false)),
        ("in two rows", |w| {
            let row = w.release.rows[0].clone();
            w.release.rows.push(row);
        }),
        ("a key that cannot be read", |w| {
            set(w, "web", "desiredVersionA", Cell::Number(2.0))
        }),
    ];
    for (what, edit) in states {
        let mut world = half();
        edit(&mut world);
        reads(&mut world, "errors", Some(Verdict::Fail));
        let plan = pass(&mut world);
        assert_eq!(on(&world, "2.0"), 2, "{what}: {:?}", events(&plan));
        let plan = pass(&mut world);
        assert!(events(&plan).contains(&"auto_rollback"), "{what}: {:?}", events(&plan));
        assert!(events(&plan).contains(&"gate_failed"), "{what}: {:?}", events(&plan));
        let says = "rolled back from 2.0: gate errors failed in wave 1/3 (0.031 > 0.01); clear both keys, let a pass see it, and type them again";
        assert!(web(&plan).status.starts_with(says), "{what}: {}", web(&plan).status);
        if what == "as it is" {
            pass(&mut world);
            assert_eq!(status(&mut world), says);
        }
        assert_taken_back(&mut world, false);
        keys(&mut world, "", "");
        world.release.rows.truncate(1);
        pass(&mut world);
        keys(&mut world, "", "");
        pass(&mut world);
        assert_eq!(status(&mut world), "in sync", "{what}");
    }
}

/// Case 8.
#[test]
fn no_data_keeps_failures_and_breaks_passes() {
    let mut world = half();
    for verdict in [Verdict::Fail, Verdict::NoData] {
        reads(&mut world, "errors", Some(verdict));
        pass(&mut world);
    }
    assert!(
        status(&mut world).contains("waits: gate errors fails (1 of 2)"),
        "{}",
        status(&mut world)
    );
    reads(&mut world, "errors", Some(Verdict::Fail));
    pass(&mut world);
    assert_eq!(on(&world, "1.0"), 8);
}

/// Case 9.
#[test]
fn one_tick_of_advance_is_one_wave() {
    let mut world = half();
    tick(&mut world, "advance", true);
    let plan = pass(&mut world);
    assert_eq!(events(&plan), ["advance", "wave"]);
    assert_eq!(on(&world, "2.0"), 4);
    for _ in 0..5 {
        pass(&mut world);
        assert_eq!(on(&world, "2.0"), 4, "{}", status(&mut world));
    }
    // Not in a pass whose reading fails.
    tick(&mut world, "advance", false);
    pass(&mut world);
    tick(&mut world, "advance", true);
    reads(&mut world, "errors", Some(Verdict::Fail));
    pass(&mut world);
    assert_eq!(on(&world, "2.0"), 4);
    reads(&mut world, "errors", Some(Verdict::Pass));
    pass(&mut world);
    assert_eq!(on(&world, "2.0"), 8);
}

#[test]
fn a_tick_whose_column_was_gone_for_a_while_is_no_new_one() {
    for served in [false, true] {
        let mut world = half();
        if !served {
            reads(&mut world, "errors", Some(Verdict::Fail));
        }
        tick(&mut world, "advance", true);
        pass(&mut world);
        assert_eq!(on(&world, "2.0"), if served { 4 } else { 2 });
        let headers = world.release.headers.clone();
        world.release.headers.retain(|header| header != "advance");
        reads(&mut world, "errors", Some(Verdict::Pass));
        pass(&mut world);
        reads(&mut world, "errors", Some(Verdict::NoData));
        world.release.headers = headers;
        for _ in 0..3 {
            pass(&mut world);
            assert_eq!(on(&world, "2.0"), if served { 4 } else { 2 }, "{}", status(&mut world));
        }
        tick(&mut world, "advance", false);
        pass(&mut world);
        tick(&mut world, "advance", true);
        pass(&mut world);
        assert_eq!(on(&world, "2.0"), if served { 8 } else { 4 }, "{}", status(&mut world));
    }
}

#[test]
fn a_tick_of_advance_before_the_start_means_nothing() {
    let mut world = world(8, strategy(&["25%", "100%"], &["errors"]));
    tick(&mut world, "advance", true);
    pass(&mut world);
    keys(&mut world, "2.0", "2.0");
    for _ in 0..5 {
        pass(&mut world);
        assert_eq!(on(&world, "2.0"), 2);
    }
}

#[test]
fn a_gate_that_only_pauses_stands_until_somebody_lets_it_go_on() {
    let mut careful = strategy(&["25%", "100%"], &["errors"]);
    careful.on_failure = OnFailure::Pause;
    let mut world = world(8, careful);
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    pass(&mut world);
    reads(&mut world, "errors", Some(Verdict::Fail));
    pass(&mut world);
    let plan = pass(&mut world);
    assert_eq!(events(&plan), ["gate_failed", "paused"]);
    assert!(status(&mut world).starts_with("paused at wave 1/2 of 2.0: gate errors failed in wave 1/2 (0.031 > 0.01)"));
    tick(&mut world, "advance", true);
    pass(&mut world);
    assert_eq!(on(&world, "2.0"), 2, "it still fails");
    reads(&mut world, "errors", Some(Verdict::Pass));
    pass(&mut world);
    assert_eq!(on(&world, "2.0"), 8, "{}", status(&mut world));
}

#[test]
fn a_manual_wave_waits_for_somebody() {
    let mut careful = strategy(&["25%", "100%"], &[]);
    careful.waves[0].manual = true;
    let mut world = world(8, careful);
    keys(&mut world, "2.0", "2.0");
    for _ in 0..4 {
        pass(&mut world);
    }
    assert!(
        status(&mut world).contains("2/2; waits for advance"),
        "{}",
        status(&mut world)
    );
    tick(&mut world, "advance", true);
    pass(&mut world);
    assert_eq!(on(&world, "2.0"), 8);
}

#[test]
fn a_gate_that_looks_at_no_version_and_fails_holds_the_start() {
    let mut world = world(8, strategy(&["25%", "100%"], &["load"]));
    reads(&mut world, "load", Some(Verdict::Fail));
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    assert_eq!(
        status(&mut world),
        "ready: 2.0 has both keys; waits for gate load, which fails"
    );
    assert_eq!(on(&world, "1.0"), 8);
    reads(&mut world, "load", Some(Verdict::NoData));
    pass(&mut world);
    assert_eq!(on(&world, "2.0"), 2);
}

/// Case 18.
#[test]
fn a_pass_that_observes_moves_nobody() {
    let mut world = half();
    let observe = Options {
        observe: true,
        ..Options::default()
    };
    reads(&mut world, "errors", Some(Verdict::Fail));
    for _ in 0..4 {
        let plan = pass_with(&mut world, &observe);
        assert!(plan.servers.iter().all(|server| server.changes.is_empty()));
        assert!(
            status(&mut world).starts_with("observe: would "),
            "{}",
            status(&mut world)
        );
    }
    assert_eq!(on(&world, "2.0"), 2);
}

/// Nothing of it is done, but a failed gate and keys on the former version are told, whatever else the rollout stands for.
#[test]
fn a_pass_that_observes_says_what_would_take_the_rollout_back() {
    let observe = Options {
        observe: true,
        ..Options::default()
    };
    let mut by_keys = half();
    keys(&mut by_keys, "1.0", "1.0");
    pass_with(&mut by_keys, &observe);
    assert_eq!(
        status(&mut by_keys),
        "observe: would take 2.0 back to 1.0, which both keys name · 2/8 on 2.0"
    );
    let mut by_gate = half();
    reads(&mut by_gate, "errors", Some(Verdict::Fail));
    tick(&mut by_gate, "enabled", false);
    for _ in 0..4 {
        pass_with(&mut by_gate, &observe);
    }
    let said = status(&mut by_gate);
    assert!(
        said.starts_with("observe: would roll back from 2.0: gate errors failed"),
        "{said}"
    );
    for world in [&by_keys, &by_gate] {
        assert_eq!(on(world, "2.0"), 2);
    }
    pass(&mut by_gate);
    assert_eq!(on(&by_gate, "1.0"), 8, "what failed while nobody acted has failed");
}

/// A tick is served when somebody acts on the sheet again, and nothing is forgotten for it meanwhile.
#[test]
fn a_pass_that_observes_remembers_no_tick_of_advance() {
    let mut pauses = strategy(&["25%", "100%"], &["errors"]);
    pauses.on_failure = OnFailure::Pause;
    let mut world = world(8, pauses);
    reads(&mut world, "errors", Some(Verdict::Fail));
    keys(&mut world, "2.0", "2.0");
    for _ in 0..4 {
        pass(&mut world);
    }
    let failed = |world: &World| world.memory.channels["web"].rollout.as_ref().unwrap().failed.is_some();
    assert!(failed(&world), "{}", status(&mut world));
    let observe = Options {
        observe: true,
        ..Options::default()
    };
    tick(&mut world, "advance", true);
    for _ in 0..3 {
        pass_with(&mut world, &observe);
        assert_eq!(world.memory.channels["web"].advance, None);
        assert!(failed(&world));
    }
    reads(&mut world, "errors", Some(Verdict::Pass));
    for _ in 0..2 {
        pass(&mut world);
    }
    assert_eq!(on(&world, "2.0"), 8, "{}", status(&mut world));
}
