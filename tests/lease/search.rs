//! Breadth first through all orders of acts: what is found is the shortest story. A world that was reached before is not followed
//! again, nor is its mirror image.

use std::collections::HashSet;

use super::model::{Act, Breach, Counts, Needed, World, acts};

/// What a search found.
pub(super) struct Found {
    pub(super) states: usize,
    pub(super) transitions: u64,
    pub(super) counts: Counts,
    pub(super) breach: Option<(Breach, Vec<Act>)>,
}

/// A world, and how it was reached: the last act, and where the world before stands.
struct Reached {
    world: World,
    by: Option<(Act, usize)>,
}

/// Tries every order of at most `depth` acts, without the rule `dropped` if there is one.
pub(super) fn search(dropped: Option<Needed>, depth: usize) -> Found {
    let acts = acts();
    let mut reached = vec![Reached {
        world: World::default(),
        by: None,
    }];
    let mut seen: HashSet<World> = [World::default()].into();
    let mut found = Found {
        states: 1,
        transitions: 0,
        counts: Counts::default(),
        breach: None,
    };
    let mut from = 0;
    for _ in 0..depth {
        let to = reached.len();
        for at in from..to {
            for act in &acts {
                let world = reached[at].world;
                let Some(after) = world.after(*act, dropped, &mut found.counts) else {
                    continue;
                };
                found.transitions += 1;
                match after {
                    Ok(world) if !seen.contains(&world.mirrored()) && seen.insert(world) => reached.push(Reached {
                        world,
                        by: Some((*act, at)),
                    }),
                    Ok(_) => {}
                    Err(breach) => {
                        found.breach = Some((breach, story(&reached, at, *act)));
                        found.states = reached.len();
                        return found;
                    }
                }
            }
        }
        from = to;
    }
    found.states = reached.len();
    found
}

fn story(reached: &[Reached], mut at: usize, last: Act) -> Vec<Act> {
    let mut story = vec![last];
    while let Some((act, before)) = reached[at].by {
        story.push(act);
        at = before;
    }
    story.reverse();
    story
}
