//! What must hold of each run, told from what was on the server before and after it.

use super::pass::Run;
use super::rules::{Decider, Then, Verdict};
use super::world::{BAD, EDITED, FIRST, Tag, World, package_of};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Law {
    /// Package and file are of one release, and the service has read that file.
    Whole,
    /// Nothing is owed after a run.
    Owed,
    /// Only what passed its check is good.
    Good,
    /// What failed is not tried again before somebody asks.
    Once,
    /// A way back ends, and where good was.
    Back,
    /// A hold holds.
    Hold,
    /// After the last level nothing is touched.
    Broken,
    /// No fourth attempt after three ways back.
    Belt,
    /// What was ill before is no reason to go back.
    Sick,
    /// No restart without a change.
    Restart,
    /// It ends, where the tag says or where good is.
    Settles,
}

fn is_whole(world: &World) -> bool {
    world.package == package_of(world.file) && world.loaded == Some(world.file)
}

/// The law that a run to its end breaks.
pub(crate) fn broken<D: Decider>(before: &World, verdict: &Verdict, run: &Run<'_, D>) -> Option<Law> {
    let after = &run.world;
    let was_back = before.memory.attempt.is_some_and(|attempt| attempt.back > 0);
    let touched = before.body() != after.body();
    if before.memory.hold && !was_back && touched {
        return Some(Law::Hold);
    }
    let unread = before.memory.broken.is_some() && before.tag == Tag::Unreadable;
    let hands_off = before.memory.broken == Some(before.tag) || unread;
    if hands_off && !before.memory.hold && !was_back && touched {
        return Some(Law::Broken);
    }
    if run
        .became_good
        .is_some_and(|(release, passed)| !passed || release == BAD)
    {
        return Some(Law::Good);
    }
    if after.again > 1 {
        return Some(Law::Once);
    }
    let elsewhere = run.came_back.is_some_and(|(came, home)| came != home);
    let is_back = after.memory.attempt.is_some_and(|attempt| attempt.back > 0);
    if elsewhere || is_back {
        return Some(Law::Back);
    }
    if run.began.is_some() && before.memory.backs >= 3 {
        return Some(Law::Belt);
    }
    if run.went_back_sick {
        return Some(Law::Sick);
    }
    let is_quiet = before.package == after.package && before.file == after.file && !before.memory.owed;
    let went = run.came_back.is_some() || run.began.is_some() || before.memory.broken != after.memory.broken;
    if is_quiet && run.restarts > 0 && before.loaded == after.loaded && !went {
        return Some(Law::Restart);
    }
    if matches!(verdict.rule, 2 | 3) || after.memory.broken.is_some() {
        return None;
    }
    if after.memory.owed {
        return Some(Law::Owed);
    }
    let manages = after.memory.good.is_some() || after.memory.attempt.is_some();
    (verdict.then != Then::Leave && manages && !is_whole(after)).then_some(Law::Whole)
}

/// Whether the server, left alone, has come to where it belongs.
pub(crate) fn is_settled(world: &World) -> bool {
    let memory = &world.memory;
    let sick = memory.attempt.is_some_and(|open| open.sick);
    // What a bad release damaged heals on the way back only, and there is none when good was ill.
    if memory.broken.is_some() || memory.hold || world.outage || (sick && world.damage > 0) {
        return true;
    }
    if let Tag::Release(release) = world.tag
        && release != BAD
        && memory.quarantine & (1 << release) == 0
        && memory.backs < 3
    {
        return memory.good == Some(release) && memory.attempt.is_none() && world.is(release);
    }
    let left = matches!(world.tag, Tag::Nothing);
    match (memory.good, memory.attempt) {
        (Some(good), None) => left || world.is(good),
        (None, None) => {
            left || world.file == EDITED || world.loaded.is_none() || is_whole(world) || world.file == FIRST
        }
        // What was begun while good was ill stays.
        (_, Some(open)) => (world.tag == Tag::Unreadable || open.sick) && world.is(open.release),
    }
}
