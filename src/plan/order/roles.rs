//! The roles of a blue-green channel in a rollback without the sheet.

use std::collections::{BTreeMap, BTreeSet};

use super::members::Roll;
use crate::fleet::Server;
use crate::memory::{ActiveColour, ChannelMemory};
use crate::plan::model::Plan;
use crate::plan::policy::Policy;
use crate::plan::rollout::{Roles, Side, Sides, colours_of, note_colours, take_colours_back};
use crate::rollout::ACTIVE;
use crate::tag::{Change, ChannelName, ServerId};

/// Takes back what may not be done yet: no server gives its traffic up unless the other colour takes it.
pub(in crate::plan) fn cover(
    live: &BTreeMap<ServerId, &Server>,
    roles: Option<&(Roles, bool)>,
    own: usize,
    plan: &mut Plan,
) {
    let Some((roles, hides)) = roles else { return };
    let Plan { servers, update, .. } = plan;
    let comes = |change: &Change| change.tag == *roles.tag() && &*change.after == ACTIVE;
    let made: BTreeSet<ServerId> = servers
        .iter()
        .skip(own)
        .filter(|server| server.changes.iter().any(comes))
        .map(|server| server.id.clone())
        .collect();
    let all = live.iter().map(|(id, server)| (*server, made.contains(id)));
    if roles.is_covered(all, *hides) {
        return;
    }
    for server in servers.iter_mut().skip(own) {
        let before = server.changes.len();
        server.changes.retain(|change| !roles.gives_up(change));
        if server.changes.is_empty() && before > 0 {
            update.servers.remove(&server.id);
        }
    }
}

/// What a rollback without the sheet makes of the two sides of a blue-green channel.
pub(in crate::plan) struct Sidedness {
    /// Which colour is active then.
    pub(in crate::plan) colour: Option<ActiveColour>,
    /// The roles, with whether servers of the colour that is to be active are out of sight.
    pub(in crate::plan) roles: Option<(Roles, bool)>,
}

impl Sidedness {
    /// `moves`: the release is taken back now; else one that was is finished.
    pub(in crate::plan) fn new(
        name: &ChannelName,
        known: &ChannelMemory,
        moves: bool,
        servers: &BTreeMap<&ServerId, (&Server, bool)>,
        roll: &Roll<'_>,
        policy: &Policy,
    ) -> Self {
        let Some(colours) = colours_of(&policy.rollouts, name, Some(known)) else {
            return Self {
                colour: known.colour.clone(),
                roles: None,
            };
        };
        let tag = &policy.version_tag;
        let seen = servers.values().filter(|(_, held)| !held);
        let sides = Sides {
            seen: seen.map(|(server, _)| Side::seen(server, colours, tag)).collect(),
            away: roll.unseen().map(|server| Side::away(server, colours, tag)).collect(),
        };
        let mut next = known.clone();
        if moves {
            take_colours_back(&mut next, known.rollout.as_ref(), &sides);
            next.release = next.prior.take();
            next.rollout = None;
        } else {
            note_colours(&mut next, &sides);
        }
        let roles = Roles::of(colours, &next, &sides).map(|roles| {
            let hides = sides.hides(roles.active());
            (roles, hides)
        });
        Self {
            colour: next.colour,
            roles,
        }
    }
}
