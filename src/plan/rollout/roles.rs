//! Which role each server of a blue-green channel is to have, as it follows from what is remembered of the channel.

use super::carry::Carry;
use super::cohort::Cohort;
use super::sides::Sides;
use crate::fleet::Server;
use crate::memory::{ActiveColour, ChannelMemory, Move, Rollout, ServerMemory, Switch};
use crate::rollout::{ACTIVE, ColourPhase, Colours, PREVIEW, Rollouts};
use crate::tag::{Change, ChannelName, ServerId, TagKey, Version};

/// The roles of a channel.
#[derive(Clone, Debug)]
pub(in crate::plan) struct Roles {
    colour_tag: TagKey,
    role_tag: TagKey,
    /// The colour that is to be active.
    active: String,
    /// The other one; at rest only where there are two.
    other: Option<String>,
    /// Whether both are active for now.
    both: bool,
    /// Whether a rollback in place leaves roles as they are.
    frozen: bool,
    /// Whether only members of the rollout may become active.
    switches: bool,
}

/// What a release that is taken back makes of its colours: by roles while the former colour wholly carries the former version, else
/// in place.
pub(in crate::plan) fn take_back(next: &mut ChannelMemory, rollout: Option<&Rollout>, sides: &Sides<'_>) {
    let Some(colour) = next.colour.clone() else { return };
    let Some((rollout, switch)) = rollout.and_then(|rollout| Some((rollout, rollout.switch.as_ref()?))) else {
        // The release is through: both colours carry it.
        next.colour = Some(ActiveColour {
            in_place: true,
            ..colour
        });
        return;
    };
    let phase = ColourPhase::at(rollout.wave);
    let is_back = |former: &Version| sides.wholly_carries(&switch.former, former);
    let by_roles =
        matches!(phase, ColourPhase::Switching | ColourPhase::Keep) && next.prior.as_ref().is_some_and(is_back);
    let stays = phase == ColourPhase::Preview || (phase == ColourPhase::Switching && !switch.gives_up);
    let active = if by_roles || stays {
        &switch.former
    } else {
        &switch.other
    };
    next.colour = Some(ActiveColour {
        active: active.clone(),
        in_place: phase != ColourPhase::Preview && !by_roles && next.prior.is_some(),
    });
}

/// The colours by which a channel goes, if it is blue-green.
pub(in crate::plan) fn colours_of<'a>(
    rollouts: &'a Rollouts,
    name: &ChannelName,
    known: Option<&ChannelMemory>,
) -> Option<&'a Colours> {
    let strategy = match known.and_then(|known| known.rollout.as_ref()) {
        Some(rollout) => rollouts.strategy(&rollout.strategy),
        None => rollouts.strategy_of(name),
    };
    strategy.and_then(|strategy| strategy.colours.as_ref())
}

/// Brings what is remembered of the colours up to this pass: a rollback by roles whose colour has gone since ends in place.
pub(in crate::plan) fn note(next: &mut ChannelMemory, sides: &Sides<'_>) {
    let (Some(colour), None) = (&mut next.colour, &next.rollout) else {
        return;
    };
    let goes_back = next.moved == Move::Rollback && next.unfinished.is_some();
    if !goes_back {
        colour.in_place = false;
    } else if let Some(release) = &next.release {
        colour.in_place |= !sides.wholly_carries(&colour.active, release);
    }
}

/// The roles of a channel, with whether servers of the colour that is to be active are out of sight.
pub(in crate::plan) fn roles(colours: &Colours, next: &ChannelMemory, cohort: &Cohort<'_>) -> Option<(Roles, bool)> {
    let sides = cohort.sides();
    let roles = Roles::of(colours, next, &sides)?;
    let hides = sides.hides(roles.active());
    Some((roles, hides))
}

impl Roles {
    /// The roles that follow from what is remembered once a channel was decided; `None` where it is in none.
    pub(in crate::plan) fn of(colours: &Colours, next: &ChannelMemory, sides: &Sides<'_>) -> Option<Self> {
        let roles = |active: &str, other: Option<&str>| Self {
            colour_tag: colours.colour_tag.clone(),
            role_tag: colours.role_tag.clone(),
            active: active.to_owned(),
            other: other.map(str::to_owned),
            both: false,
            frozen: false,
            switches: false,
        };
        let Some(rollout) = &next.rollout else {
            let colour = next.colour.as_ref()?;
            let all = sides.colours();
            let mut others = all.iter().filter(|it| **it != colour.active);
            let other = others.next().filter(|_| others.next().is_none());
            return Some(Self {
                frozen: colour.in_place,
                ..roles(&colour.active, other.copied())
            });
        };
        let Switch {
            former,
            other,
            gives_up,
            ..
        } = rollout.switch.as_ref()?;
        Some(match ColourPhase::at(rollout.wave) {
            ColourPhase::Preview => roles(former, Some(other)),
            phase => Self {
                both: phase == ColourPhase::Switching && !gives_up,
                switches: true,
                ..roles(other, Some(former))
            },
        })
    }

    fn colour<'s>(&self, server: &'s Server) -> Option<&'s str> {
        server.tag(&self.colour_tag).map(|colour| &**colour)
    }

    /// The role that a server is to have and has not; `None` where its role stays.
    pub(in crate::plan) fn wanted(
        &self,
        (id, server): (&ServerId, &Server),
        memory: Option<&ServerMemory>,
        carry: Option<&Carry>,
        version: (&TagKey, Option<&Version>),
    ) -> Option<&'static str> {
        let colour = self.colour(server).filter(|_| !self.frozen)?;
        let is_active = colour == self.active;
        let wanted = if is_active || (self.both && self.other.as_deref() == Some(colour)) {
            ACTIVE
        } else if self.other.as_deref() == Some(colour) {
            PREVIEW
        } else {
            return None;
        };
        if server.tag(&self.role_tag).is_some_and(|now| **now == *wanted) {
            return None;
        }
        if wanted == ACTIVE {
            // Traffic comes to a server only with the version that it is to have.
            let (tag, asked) = version;
            let carries = server.tag(tag);
            let ready =
                carries.is_none() || asked.is_none_or(|asked| carries.is_some_and(|it| **it == *asked.as_str()));
            let taken = !self.switches || !is_active || carry.is_some_and(|carry| carry.has(id, memory));
            if !ready || !taken {
                return None;
            }
        }
        Some(wanted)
    }

    /// Whether a server's version waits until it takes no traffic any more.
    pub(in crate::plan) fn keeps_version(&self, server: &Server) -> bool {
        let takes_traffic = server.tag(&self.role_tag).is_some_and(|now| **now == *ACTIVE);
        let ours = self.other.is_some() && self.colour(server) == self.other.as_deref();
        takes_traffic && ours && !self.frozen
    }

    /// The colour that is to be active.
    pub(in crate::plan) fn active(&self) -> &str {
        &self.active
    }

    /// Key of the role tag.
    pub(in crate::plan) const fn tag(&self) -> &TagKey {
        &self.role_tag
    }

    /// Whether a change takes a server's traffic away.
    pub(in crate::plan) fn gives_up(&self, change: &Change) -> bool {
        change.tag == self.role_tag && change.before.as_deref() == Some(ACTIVE) && &*change.after != ACTIVE
    }

    /// Whether servers may give up `active`: all of the other colour are active, or become so in this plan, which each
    /// server is told with. `hides`: one of them is out of sight.
    pub(in crate::plan) fn is_covered<'a>(
        &self,
        servers: impl Iterator<Item = (&'a Server, bool)>,
        hides: bool,
    ) -> bool {
        let mut theirs = servers
            .filter(|(server, _)| self.colour(server) == Some(&*self.active))
            .peekable();
        let active = |server: &Server| server.tag(&self.role_tag).is_some_and(|now| **now == *ACTIVE);
        theirs.peek().is_some() && theirs.all(|(server, made)| made || active(server)) && !hides
    }
}
