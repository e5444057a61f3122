//! Long stories, at random: people who want a rollout to go on, and others who do anything.

use super::super::acts::{Act, End, KILLS};
use super::super::decider::{Decider, Rule};
use super::super::ghosts::Ghosts;
use super::super::world::{IDS, NONE, Reading, World};
use super::{Breach, Counts, Search, State};

impl<D: Decider> Search<D> {
    /// A walk of so many steps. Most are likely to bring a rollout on, so that it gets anywhere.
    pub(crate) fn walk(
        &self,
        first: &State<D::Memory>,
        acts: &[Act],
        steps: usize,
        chance: &mut Chance,
        counts: &mut Counts,
    ) -> Result<(), Breach> {
        let mut state = first.clone();
        let mut path = Vec::new();
        while path.len() < steps {
            let act = match chance.below(2) {
                0 => chance.one(acts),
                _ => steer(&state.world, &state.ghosts, chance),
            };
            let end = if chance.below(12) == 0 {
                chance.one(&KILLS)
            } else {
                End::Whole
            };
            let mut next = state.clone();
            match self.step(&mut next, (act, end)) {
                None => {
                    // Not to go on for ever where nothing can be done.
                    path.push((Act::Nothing, End::Whole));
                    let idle = self.step(&mut state, (Act::Nothing, End::Whole));
                    if let Some(Err(broken)) = idle {
                        return Err(Breach { broken, path });
                    }
                    continue;
                }
                Some(Ok(met)) => counts.note(&met, end),
                Some(Err(broken)) => {
                    path.push((act, end));
                    return Err(Breach { broken, path });
                }
            }
            path.push((act, end));
            state = next;
        }
        Ok(())
    }

    /// The breach with every step left out that it does without, whatever law is broken then as long as it is the same.
    pub(crate) fn shrink(&self, first: &State<D::Memory>, mut breach: Breach) -> Breach {
        let mut at = 0;
        while at < breach.path.len() {
            // Two steps that undo each other only go together.
            let shorter = [1, 2].map(|count| {
                let mut path = breach.path.clone();
                path.drain(at..(at + count).min(path.len()));
                self.play(&mut first.clone(), &path)
            });
            let same = |found: &Breach| found.broken.0 == breach.broken.0;
            match shorter.into_iter().filter_map(Result::err).find(same) {
                Some(found) => (breach, at) = (found, 0),
                None => at += 1,
            }
        }
        breach
    }
}

/// What somebody does who wants a rollout to go on.
fn steer(world: &World, ghosts: &Ghosts, chance: &mut Chance) -> Act {
    let Some(row) = world.rows[0] else {
        return if world.bin.is_some() { Act::Undo } else { Act::Retype(2) };
    };
    let trouble = [
        (world.rows[1].is_some(), Act::DeleteLast),
        (!world.protected, Act::Protection),
        (row.rollback, Act::Rollback),
        (!row.enabled, Act::Enabled),
        (world.away, Act::Region),
        (!world.open, Act::Window),
        (world.reading != Reading::Pass, Act::Reading(Reading::Pass)),
    ];
    if let Some((_, act)) = trouble.into_iter().find(|(is, _)| *is) {
        return if chance.below(2) == 0 { act } else { Act::Nothing };
    }
    let held = (0..IDS).find(|id| world.servers[*id].is_some_and(|server| server.held));
    let refusing = (0..IDS).find(|id| world.servers[*id].is_some_and(|server| server.refuses));
    let key = chance.below(2);
    let rule = ghosts.said.map(|said| said.rule);
    let wanted = match (ghosts.wave(), ghosts.release()) {
        (Some(_), release) => release,
        (None, release) => release % 3 + 1,
    };
    let blank = row.keys == [NONE; 2];
    match (rule, held, refusing) {
        (Some(Rule::Spent), ..) if !blank && chance.below(3) > 0 => Act::Key(key, NONE),
        (_, Some(id), _) if chance.below(3) == 0 => Act::Hold(id),
        (_, _, Some(id)) if chance.below(3) == 0 => Act::Refuse(id),
        (Some(Rule::Manual), ..) => Act::Advance,
        _ if row.keys[key] != wanted && chance.below(3) > 0 => Act::Key(key, wanted),
        _ => Act::Nothing,
    }
}

/// The chances of a walk: the same seed, the same walk.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let limit = u64::try_from(limit).unwrap_or(1);
        usize::try_from((self.0 >> 11) % limit).unwrap_or(0)
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}
