//! What each server is tagged with in a pass.

use super::super::decider::{Moves, Rule};
use super::super::world::{IDS, NONE, Server, Version, has};
use super::{Needed, Pass, Rollout};

impl Pass<'_> {
    pub(super) fn moves(&self, rule: Rule) -> Moves {
        let mut moves = [None; IDS];
        let untouched = match rule {
            // With no row nothing of the channel is tagged either way.
            Rule::NoRow => self.has(Needed::RowTags),
            Rule::Unmet | Rule::Unreadable => true,
            _ => self.memory.release == NONE,
        };
        if untouched {
            return moves;
        }
        for (id, to) in moves.iter_mut().enumerate() {
            let server = self.world.seen(id).filter(|server| !server.held);
            *to = server.and_then(|server| {
                let wanted = match &self.memory.rollout {
                    Some(rollout) => self.wanted(rollout, id, server),
                    None if self.memory.mixed && server.tag != NONE => server.tag,
                    None if server.tag != NONE && rule == Rule::InSync && !self.has(Needed::LateCorrected) => {
                        server.tag
                    }
                    None => self.memory.release,
                };
                (wanted != server.tag && wanted != NONE).then_some(wanted)
            });
        }
        moves
    }

    /// What a server should carry while a rollout is under way.
    fn wanted(&self, rollout: &Rollout, id: usize, server: &Server) -> Version {
        let (release, former) = (self.memory.release, self.memory.prior);
        let joins = server.tag == NONE;
        // Without a former version others keep what they carry.
        let others = if former == NONE { server.tag } else { former };
        if !has(rollout.members, id) {
            return others;
        }
        let moving = self.moving || (self.stands && !self.has(Needed::LateWaitWhilePaused));
        if moving || server.tag == release {
            release
        } else if joins {
            // A member without a version is one that joined in the last wave.
            if self.stands { others } else { release }
        } else if server.tag != former && (has(rollout.reached, id) || !self.has(Needed::DriftOnlyBack)) {
            release
        } else {
            // Somebody set it to the former version, or it was never seen to carry the new one: it passes to it, not back to
            // it, so it waits until the rollout goes on. It is not sent back either, because a pass that was killed may have
            // tagged it.
            server.tag
        }
    }
}
