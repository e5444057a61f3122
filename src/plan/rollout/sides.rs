//! The two sides of a blue-green channel as this pass finds them: which server is of which colour, and has which role and version.

use std::collections::BTreeSet;

use crate::fleet::Server;
use crate::memory::ServerMemory;
use crate::rollout::{ACTIVE, Colours};
use crate::tag::{TagKey, Version};

/// A live server that is not held.
#[derive(Clone, Copy)]
pub(in crate::plan) struct Side<'a> {
    pub(in crate::plan) colour: Option<&'a str>,
    pub(in crate::plan) role: Option<&'a str>,
    pub(in crate::plan) version: Option<&'a str>,
}

impl<'a> Side<'a> {
    /// One that is seen.
    pub(in crate::plan) fn seen(server: &'a Server, colours: &Colours, version_tag: &TagKey) -> Self {
        let tag = |key| server.tag(key).map(|value| &**value);
        Self {
            colour: tag(&colours.colour_tag),
            role: tag(&colours.role_tag),
            version: tag(version_tag),
        }
    }

    /// One that is out of sight, as it was when last seen.
    pub(in crate::plan) fn away(memory: &'a ServerMemory, colours: &Colours, version_tag: &TagKey) -> Self {
        let tag = |key| memory.seen.get(key).map(|value: &std::sync::Arc<str>| &**value);
        Self {
            colour: tag(&colours.colour_tag),
            role: tag(&colours.role_tag),
            version: tag(version_tag),
        }
    }
}

/// All of them.
#[derive(Default)]
pub(in crate::plan) struct Sides<'a> {
    pub(in crate::plan) seen: Vec<Side<'a>>,
    /// Those out of sight.
    pub(in crate::plan) away: Vec<Side<'a>>,
}

impl<'a> Sides<'a> {
    /// The colours that there are.
    pub(in crate::plan) fn colours(&self) -> BTreeSet<&'a str> {
        let all = self.seen.iter().chain(&self.away);
        all.filter_map(|side| side.colour).collect()
    }

    /// Those of a colour that are seen.
    pub(in crate::plan) fn of<'s>(&'s self, colour: &'s str) -> impl Iterator<Item = &'s Side<'a>> {
        self.seen.iter().filter(move |side| side.colour == Some(colour))
    }

    /// Whether one out of sight is of this colour, or may be.
    pub(in crate::plan) fn hides(&self, colour: &str) -> bool {
        self.away.iter().any(|side| side.colour.is_none_or(|it| it == colour))
    }

    /// Whether all servers of a colour are active, and there is one. Nobody knows that of one that is out of sight.
    pub(in crate::plan) fn is_wholly_active(&self, colour: &str) -> bool {
        self.of(colour).next().is_some() && self.of(colour).all(|side| side.role == Some(ACTIVE)) && !self.hides(colour)
    }

    /// Whether all servers of a colour carry a version, as far as they were ever seen, and one is in sight. One that carries none joins.
    pub(in crate::plan) fn wholly_carries(&self, colour: &str, version: &Version) -> bool {
        let away = self
            .away
            .iter()
            .filter(|side| side.colour.is_none_or(|it| it == colour));
        self.of(colour).next().is_some()
            && self
                .of(colour)
                .chain(away)
                .all(|side| side.version.is_none_or(|it| it == version.as_str()))
    }

    /// The colour that is active at first contact: the one that is wholly and alone so, else the configured one.
    pub(in crate::plan) fn met(&self, first: &str) -> Option<String> {
        let all = self.colours();
        let alone = |colour: &&&str| {
            let mut others = self
                .seen
                .iter()
                .chain(&self.away)
                .filter(|side| side.colour != Some(**colour));
            self.is_wholly_active(colour) && !others.any(|side| side.role == Some(ACTIVE))
        };
        let found = all.iter().find(alone).copied();
        found.or_else(|| all.get(first).copied()).map(str::to_owned)
    }
}
