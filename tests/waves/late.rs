//! Servers that are late for a release that moved whole: outside the channel's window they wait, and all else goes on.

use fleetsheet::plan::ServerStatus;
use fleetsheet::plan::check::check;
use fleetsheet::tag::Reason;
use fleetsheet::window::{Edge, Freeze};

use super::*;

const WAITS: &str = "the freeze until 2099-12-31 (feast)";

/// `web` on 2.0 for all but the first server, which was held, and is let go when a freeze has begun.
fn late() -> World {
    let mut other = strategy(&["10%", "100%"], &[]);
    other.channels = globs(&["db*"]);
    let mut world = world(4, other);
    set_server(&mut world, 1, "hold", Cell::Bool(true));
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    assert_eq!(on(&world, "2.0"), 3);
    freeze(&mut world, true);
    set_server(&mut world, 1, "hold", Cell::Bool(false));
    world
}

fn set_server(world: &mut World, n: usize, header: &str, cell: Cell) {
    let rows = &mut world.servers.rows;
    rows[n - 1].insert(header.to_owned(), cell);
}

fn freeze(world: &mut World, holds: bool) {
    let mut rollouts = (*world.policy.rollouts).clone();
    rollouts.freezes.clear();
    if holds {
        let [from, to] = ["2000-01-01", "2099-12-31"].map(|day| Edge::read(day).unwrap());
        let freeze = Freeze::new(from, to, Some("UTC".parse().unwrap()), "feast").unwrap();
        rollouts.freezes.push((globs(&["web"]), freeze));
    }
    world.policy.rollouts = Arc::new(rollouts);
}

fn status_of(plan: &Plan, n: usize) -> ServerStatus {
    let server = plan.servers.iter().find(|server| server.id.as_str() == id(n)).unwrap();
    server.status.clone()
}

#[test]
fn whoever_is_late_for_a_release_waits_for_the_window() {
    let mut world = late();
    for _ in 0..3 {
        let plan = pass(&mut world);
        assert_eq!(status_of(&plan, 1), ServerStatus::WaitsForWindow(WAITS.to_owned()));
        assert!(!plan.has_changes());
        assert_eq!(on(&world, "2.0"), 3);
        assert_eq!(status(&mut world), format!("in sync; 1 waits for {WAITS} · 3/4 on 2.0"));
    }
    freeze(&mut world, false);
    pass(&mut world);
    assert_eq!((on(&world, "2.0"), &*status(&mut world)), (4, "in sync"));
}

#[test]
fn it_is_explained_what_it_waits_for() {
    let mut world = late();
    let lines = shown::explained(&mut world, &id(1));
    let why = "it is late for its channel's release, and nobody passes to a version outside of a window";
    assert_eq!(shown::line(&lines, "why"), why);
    assert_eq!(shown::line(&lines, "because"), format!("it waits for {WAITS}"));
    assert!(shown::line(&lines, "held back").contains("1.0 → 2.0"), "{lines:#?}");
}

#[test]
fn an_operator_lets_it_through_and_that_is_told() {
    let mut world = late();
    world.policy.allow_window = true;
    let plan = pass(&mut world);
    assert_eq!((on(&world, "2.0"), events(&plan)), (4, vec!["override"]));
}

#[test]
fn drift_joins_and_rollbacks_go_on() {
    let mut world = late();
    pass(&mut world);
    let tags = &mut world.fleet.servers.get_mut(id(2).as_str()).unwrap().tags;
    tags.insert("ReleaseVersion".into(), "6.6".into());
    let joins = [("ReleaseChannel", "web")];
    world.servers.rows.push(server_row(&id(5), "web"));
    launch(&mut world, &id(5), &joins);
    let plan = pass(&mut world);
    let reason = |n: usize| {
        let server = plan.servers.iter().find(|server| server.id.as_str() == id(n)).unwrap();
        server.changes.iter().map(|change| change.reason).collect::<Vec<_>>()
    };
    assert_eq!((reason(2), reason(5)), (vec![Reason::Drift], vec![Reason::Join]));
    assert_eq!(on(&world, "2.0"), 4);
    tick(&mut world, "rollback", true);
    pass(&mut world);
    assert_eq!(on(&world, "1.0"), 5);
}

#[test]
fn the_check_refuses_a_plan_that_lets_it_pass() {
    let mut world = late();
    world.wait(TimeDelta::minutes(1));
    let mut open = world.clone();
    freeze(&mut open, false);
    let parsed = world.sheet().unwrap();
    let plan = fleetsheet::plan::plan(open.inputs(&parsed, &open.policy));
    assert!(check(open.inputs(&parsed, &open.policy), &plan).is_ok());
    let faults = check(world.inputs(&parsed, &world.policy), &plan)
        .map(|_| ())
        .unwrap_err();
    assert!(
        faults
            .iter()
            .any(|fault| fault.contains("nothing asks for ReleaseVersion")),
        "{faults:?}"
    );
}
