//! Which gates a pass asks: those of rollouts under way, and those that look at no version where a rollout could start.

use fleetsheet::gate::Verdict;
use fleetsheet::plan::{questions_before_start, questions_under_way};

use super::*;

/// The gates that the next pass asks, with or without the sheet.
fn asked(world: &World, reads_sheet: bool) -> Vec<String> {
    let mut questions = questions_under_way(&world.memory, &world.policy, world.now);
    if reads_sheet {
        let sheet = world.sheet().unwrap();
        let before = questions_before_start(&sheet.intent, &world.memory, &world.policy, world.now);
        questions.extend(before);
    }
    let shown = |question: &fleetsheet::plan::Question<'_>| format!("{} {}", question.channel, question.gate.name);
    questions.iter().map(shown).collect()
}

#[test]
fn gates_are_asked_where_a_rollout_is_under_way_or_could_start() {
    let none: [&str; 0] = [];
    let mut world = world(8, strategy(&["25%", "100%"], &["errors", "load"]));
    assert_eq!(asked(&world, true), none, "both keys name what is in force");
    keys(&mut world, "2.0", "1.0");
    assert_eq!(asked(&world, true), none);
    keys(&mut world, "2.0", "2.0");
    assert_eq!(asked(&world, true), ["web load"]);
    assert_eq!(asked(&world, false), none);
    pass(&mut world);
    assert_eq!(asked(&world, true), ["web errors", "web load"]);
    assert_eq!(asked(&world, false), ["web errors", "web load"]);
    keys(&mut world, "1.0", "1.0");
    pass(&mut world);
    assert_eq!(asked(&world, true), none);
}

#[test]
fn a_channel_that_is_new_is_asked_about_before_its_first_release() {
    let mut careful = strategy(&["25%", "100%"], &["load"]);
    careful.channels = globs(&["*"]);
    let mut world = world(8, careful);
    reads(&mut world, "load", Some(Verdict::Pass));
    world.release.rows.push(channel_row("new", "1.0", "1.0"));
    assert_eq!(asked(&world, true), ["new load"]);
}

#[test]
fn a_mixed_release_that_was_adopted_is_asked_about_before_it_is_approved() {
    let mut world = World::new();
    world.policy.rollouts = Arc::new(rollouts(strategy(&["25%", "100%"], &["load"])));
    world.release.rows = vec![channel_row("web", "", "")];
    for n in 1..=8 {
        add(&mut world, n, if n <= 5 { "1.0" } else { "0.9" });
    }
    for _ in 0..2 {
        pass(&mut world);
    }
    keys(&mut world, "1.0", "1.0");
    assert_eq!(asked(&world, true), ["web load"]);
}
