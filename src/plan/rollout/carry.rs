//! What a given server of a channel is to carry, while its release passes in waves.

use std::collections::BTreeSet;

use crate::fleet::Server;
use crate::memory::{RolloutId, ServerMemory};
use crate::tag::{ServerId, TagKey, Version};

/// The release of a channel that not all of its servers are to carry.
#[derive(Clone, Debug)]
pub(in crate::plan) enum Carry {
    /// A rollout: members pass to the release, all others keep to the former version.
    Waves {
        /// What members remember.
        id: RolloutId,
        /// Whom this pass takes.
        taken: BTreeSet<ServerId>,
        /// Whether members may pass from the former version now.
        goes: Goes,
        /// The version that is left; without one, whoever is no member keeps what it carries.
        former: Option<Version>,
        /// Whether the two keys approved that.
        former_approved: bool,
    },
    /// An adopted release: whoever carries another version keeps it until both keys approve.
    Adopted,
}

/// Whether members of a rollout may pass from the former version in a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) enum Goes {
    /// They may.
    On,
    /// They may not, because no window is open.
    Closed,
    /// It stands.
    Stands,
}

/// What one server is to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) struct Wanted<'a> {
    /// The version; `None`: what it carries.
    pub(in crate::plan) version: Option<&'a Version>,
    /// Whether the keys approved it.
    pub(in crate::plan) approved: bool,
    /// Whether it has yet to pass to the release.
    pub(in crate::plan) waits: bool,
}

impl Carry {
    /// Whether a wave has taken a server.
    pub(in crate::plan) fn has(&self, id: &ServerId, memory: Option<&ServerMemory>) -> bool {
        match self {
            Self::Waves { id: rollout, taken, .. } => {
                taken.contains(id)
                    || memory.is_some_and(|m| m.member.as_ref().is_some_and(|member| member.of == *rollout))
            }
            Self::Adopted => false,
        }
    }

    /// What a server is to carry. `moved`: it comes from another channel in this pass, and what it carried there says nothing.
    pub(in crate::plan) fn wanted<'a>(
        &'a self,
        release: &'a Version,
        approved: bool,
        (id, server): (&ServerId, &Server),
        memory: Option<&ServerMemory>,
        tag: &TagKey,
    ) -> Wanted<'a> {
        let carries = server.tag(tag);
        let has = |version: &Version| carries.is_some_and(|now| **now == *version.as_str());
        let stays = |waits| Wanted {
            version: None,
            approved: true,
            waits,
        };
        let all = Wanted {
            version: Some(release),
            approved,
            waits: false,
        };
        match self {
            Self::Adopted if carries.is_some() && !has(release) => stays(false),
            Self::Adopted => all,
            Self::Waves {
                goes,
                former,
                former_approved,
                ..
            } => {
                let others = Wanted {
                    version: former.as_ref(),
                    approved: *former_approved,
                    waits: !has(release) || former.is_some(),
                };
                if !self.has(id, memory) {
                    return others;
                }
                if *goes == Goes::On || has(release) {
                    return all;
                }
                // One that carries no version has joined: it leaves nothing.
                if carries.is_none() {
                    return if *goes == Goes::Stands { others } else { all };
                }
                // Nobody passes now. What was on the release and was changed since by somebody else comes back, but for a server that
                // was set to the former version: nothing tells it from one that has yet to pass.
                let reached = memory.is_some_and(|m| m.member.as_ref().is_some_and(|member| member.reached));
                if reached && !former.as_ref().is_some_and(has) {
                    all
                } else {
                    stays(true)
                }
            }
        }
    }
}
