//! What mail tells of a rollout: its start, its end and who took it back, and no single wave.

use chrono::TimeDelta;
use fleetsheet::alert::{Audience, Rules, news};
use fleetsheet::gate::Verdict;
use fleetsheet::mail::News;
use fleetsheet::problem::{Code, Kind};
use fleetsheet::sheet::names::{Keyholders, Names};

use super::*;

/// Makes a pass and gives the news that it keeps for a letter.
fn told(world: &mut World) -> Vec<News> {
    let none: [String; 0] = [];
    let names = Names {
        release_tab: "ReleaseSheet".into(),
        server_tab: "ServerTagAssignment".into(),
        audit_tab: "AuditLog".into(),
        managed: Vec::new(),
        server_authority: [].into(),
        keyholders: Keyholders::new(&none, &none, &none, None),
    };
    let routes = BTreeMap::new();
    let rules = Rules {
        audience: Some(Audience {
            to: &["ops@example.com".to_owned()],
            routes: &routes,
            repeat_after: TimeDelta::hours(24),
            failure_threshold: 2,
        }),
        spreadsheet: "sheet-1",
        names: &names,
        observe: false,
    };
    let memory = world.memory.clone();
    let plan = pass(world);
    let sheet = world.sheet().unwrap();
    let update = news(&plan, &sheet, &memory, &rules, world.now);
    update.news.into_values().collect()
}

#[test]
fn a_course_is_told_at_its_start_and_with_a_table_of_its_waves_at_its_end() {
    let mut world = world(8, strategy(&["25%", "50%", "100%"], &[]));
    keys(&mut world, "2.0", "2.0");
    let start = told(&mut world);
    assert_eq!(start.len(), 1);
    assert_eq!((start[0].event.as_str(), start[0].kind), ("rollout", Kind::Release));
    assert_eq!((&*start[0].from, &*start[0].to), ("1.0", "2.0"));
    assert_eq!(
        start[0].text,
        "in 3 waves, by strategy careful; wave 1 (25%) takes 2 servers"
    );
    let mut all = Vec::new();
    for _ in 0..8 {
        all.extend(told(&mut world));
    }
    let [done] = &all[..] else { panic!("{all:#?}") };
    assert_eq!((&*done.event, &*done.from, &*done.to), ("rollout_done", "1.0", "2.0"));
    let waves: Vec<(usize, &str, u64)> = done.waves.iter().map(|w| (w.wave, &*w.to, w.servers)).collect();
    assert_eq!(waves, [(1, "25%", 2), (2, "50%", 4), (3, "100%", 8)]);
    assert!(done.waves.windows(2).all(|pair| pair[0].ended == pair[1].began));
    assert_eq!(done.waves[2].ended, done.at);
}

#[test]
fn a_gate_that_takes_a_release_back_is_told_once_with_its_number() {
    let mut world = world(8, strategy(&["25%", "100%"], &["errors"]));
    keys(&mut world, "2.0", "2.0");
    told(&mut world);
    reads(&mut world, "errors", Some(Verdict::Fail));
    let mut all = told(&mut world);
    all.extend(told(&mut world));
    all.extend(told(&mut world));
    let [back] = &all[..] else { panic!("{all:#?}") };
    assert_eq!((&*back.event, back.kind), ("auto_rollback", Kind::Gate));
    assert_eq!((&*back.from, &*back.to), ("2.0", "1.0"));
    assert_eq!(back.cause, "gate errors failed in wave 1/2 (0.031 > 0.01)");
    assert!(
        back.advice
            .ends_with("type 2.0 into both keys: that begins to roll 2.0 out in waves"),
        "{}",
        back.advice
    );
}

#[test]
fn both_keys_on_the_former_version_are_told_as_taking_it_back() {
    let mut world = world(8, strategy(&["25%", "100%"], &[]));
    keys(&mut world, "2.0", "2.0");
    told(&mut world);
    keys(&mut world, "1.0", "1.0");
    let all = told(&mut world);
    let [back] = &all[..] else { panic!("{all:#?}") };
    assert_eq!((&*back.event, back.kind), ("taken_back", Kind::Release));
    assert_eq!((&*back.from, &*back.to), ("2.0", "1.0"));
}

#[test]
fn a_wave_that_waits_for_people_is_a_problem_until_they_tick() {
    let mut by_hand = strategy(&["25%", "100%"], &[]);
    by_hand.waves[0].manual = true;
    let mut world = world(8, by_hand);
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    let waits = |plan: &Plan| -> Vec<String> {
        let own = plan.problems.iter().filter(|problem| problem.code == Code::Advance);
        own.map(|problem| problem.message.clone()).collect()
    };
    let plan = pass(&mut world);
    assert_eq!(
        waits(&plan),
        [
            "web: wave 1/2 of 2.0 is over and waits for advance; tick advance to start the next wave, or rollback to leave 2.0"
        ]
    );
    tick(&mut world, "advance", true);
    assert_eq!(waits(&pass(&mut world)), [""; 0]);
    // Without the column nobody could.
    let mut by_hand = strategy(&["25%", "100%"], &[]);
    by_hand.waves[0].manual = true;
    let mut world = super::world(8, by_hand);
    world.release.headers.retain(|header| header != "advance");
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    let said = waits(&pass(&mut world));
    assert!(
        said[0].contains("write advance into a free column of row 1"),
        "{said:?}"
    );
}

fn stalls(plan: &Plan) -> bool {
    plan.problems.iter().any(|problem| problem.code == Code::Stalled)
}

#[test]
fn a_wave_that_nothing_but_a_gate_holds_for_long_is_a_problem() {
    let mut world = world(8, strategy(&["25%", "100%"], &["errors"]));
    reads(&mut world, "errors", Some(Verdict::NoData));
    keys(&mut world, "2.0", "2.0");
    for _ in 0..120 {
        assert!(!stalls(&pass(&mut world)));
    }
    // Settled, and held since, in the second pass.
    pass(&mut world);
    let plan = pass(&mut world);
    assert!(stalls(&plan), "{:#?}", plan.problems);
    // What people stop is theirs, and the time before it does not count.
    tick(&mut world, "enabled", false);
    assert!(!stalls(&pass(&mut world)));
    tick(&mut world, "enabled", true);
    for _ in 0..120 {
        assert!(!stalls(&pass(&mut world)));
    }
    assert!(stalls(&pass(&mut world)));
    reads(&mut world, "errors", Some(Verdict::Pass));
    for _ in 0..3 {
        pass(&mut world);
    }
    assert_eq!(on(&world, "2.0"), 8);
    assert!(!stalls(&pass(&mut world)));
}

#[test]
fn what_bakes_for_long_is_not_stalled_when_it_has() {
    let mut slow = strategy(&["25%", "100%"], &["errors"]);
    slow.bake = Duration::from_secs(3 * 3600);
    let mut world = world(8, slow);
    reads(&mut world, "errors", Some(Verdict::NoData));
    keys(&mut world, "2.0", "2.0");
    for _ in 0..(180 + 120) {
        assert!(!stalls(&pass(&mut world)), "{}", status(&mut world));
    }
    for _ in 0..3 {
        pass(&mut world);
    }
    assert!(stalls(&pass(&mut world)), "{}", status(&mut world));
}
