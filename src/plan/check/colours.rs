//! Blue-green, worked out anew: who may give its traffic up, to whom it may come, and which colour is remembered as active.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::evidence::Evidence;
use super::ground::Ground;
use crate::fleet::{Fleet, Server};
use crate::memory::{ActiveColour, ChannelMemory, Memory, Move, Rollout};
use crate::plan::model::Plan;
use crate::plan::policy::Policy;
use crate::rollout::Colours;
use crate::tag::{Change, ChannelName, ServerId, Version};

/// The colours by which a channel goes.
pub(super) fn of<'p>(policy: &'p Policy, name: &ChannelName, after: Option<&ChannelMemory>) -> Option<&'p Colours> {
    let rollouts = &policy.rollouts;
    let strategy = after.and_then(|memory| memory.rollout.as_ref()).map_or_else(
        || rollouts.strategy_of(name),
        |rollout| rollouts.strategy(&rollout.strategy),
    )?;
    strategy.colours.as_ref()
}

pub(super) fn check(evidence: &Evidence<'_>, faults: &mut Vec<String>) {
    let given = evidence.given;
    let names: BTreeSet<&ChannelName> = given
        .memory
        .channels
        .keys()
        .chain(evidence.channel_rows.keys().copied())
        .collect();
    for name in names {
        let Some(after) = evidence.after(name) else { continue };
        let before = evidence.known(name);
        let colours = of(given.policy, name, Some(after)).or_else(|| of(given.policy, name, before));
        let Some(colours) = colours else { continue };
        let ground = Ground::new(evidence, name);
        let live: BTreeMap<&ServerId, &Server> = ground
            .sites
            .iter()
            .filter_map(|site| Some((site.id, given.fleet.servers.get(site.id)?)))
            .collect();
        let stage = Scene {
            colours,
            policy: given.policy,
            memory: given.memory,
            fleet: given.fleet,
            name,
            live,
            plan: evidence.plan,
            after,
        };
        let mut found = stage.servers();
        if let Some(before) = before {
            stage.remembers(before, &mut found);
            stage.switches(before, evidence.latest(), &mut found);
        }
        faults.extend(found.into_iter().map(|fault| format!("channel {name}: {fault}")));
    }
}

/// The same of a rollback without the sheet. `here` says which servers are in the channel.
pub(super) fn back(
    (fleet, memory, policy): (&Fleet, &Memory, &Policy),
    (name, before, after): (&ChannelName, &ChannelMemory, &ChannelMemory),
    plan: &Plan,
    here: &dyn Fn(&ServerId) -> bool,
) -> Vec<String> {
    let Some(colours) = of(policy, name, Some(before)) else {
        return Vec::new();
    };
    if !plan.servers.iter().any(|server| server.channel.as_ref() == Some(name)) && before == after {
        return Vec::new();
    }
    let live = fleet
        .servers
        .iter()
        .filter(|(id, server)| server.state.is_live() && here(id));
    let scene = Scene {
        colours,
        policy,
        memory,
        fleet,
        name,
        live: live.collect(),
        plan,
        after,
    };
    let mut faults = scene.servers();
    scene.remembers(before, &mut faults);
    faults
}

/// One channel.
struct Scene<'a> {
    colours: &'a Colours,
    policy: &'a Policy,
    memory: &'a Memory,
    fleet: &'a Fleet,
    name: &'a ChannelName,
    /// Its live servers that are seen and not held.
    live: BTreeMap<&'a ServerId, &'a Server>,
    plan: &'a Plan,
    after: &'a ChannelMemory,
}

impl<'a> Scene<'a> {
    fn colour(&self, server: &'a Server) -> Option<&'a str> {
        server.tag(&self.colours.colour_tag).map(|it| &**it)
    }

    fn is_active(&self, server: &Server) -> bool {
        server.tag(&self.colours.role_tag).is_some_and(|it| **it == *"active")
    }

    fn change(&self, id: &ServerId) -> Option<&Change> {
        let server = self.plan.servers.iter().find(|server| server.id == *id)?;
        server.changes.iter().find(|change| change.tag == self.colours.role_tag)
    }

    /// Servers of a colour, or of none that is known, that may be alive and are out of sight.
    fn hides(&self, colour: &str) -> bool {
        self.memory.servers.iter().any(|(id, server)| {
            let asleep = server
                .source
                .as_ref()
                .is_some_and(|source| !self.fleet.answered(source));
            let theirs = server
                .seen
                .get(&self.colours.colour_tag)
                .is_none_or(|it| **it == *colour);
            let ours = server.channel.as_ref() == Some(self.name) && !server.held;
            let alive = !server.terminated && server.missing_since.is_none() && !self.fleet.servers.contains_key(id);
            asleep && theirs && ours && alive
        })
    }

    /// B1: whether all of a colour are active, or become so in this plan.
    fn is_covered(&self, colour: &str) -> bool {
        let mut theirs = self
            .live
            .iter()
            .filter(|(_, server)| self.colour(server) == Some(colour))
            .peekable();
        let comes = |id: &ServerId| self.change(id).is_some_and(|change| &*change.after == "active");
        theirs.peek().is_some() && theirs.all(|(id, server)| self.is_active(server) || comes(id)) && !self.hides(colour)
    }

    /// The colours that may be active, and whether another one may be told to be in preview.
    fn allowed(&self) -> (Vec<&str>, Vec<&str>) {
        if let Some(Rollout {
            switch: Some(switch),
            wave,
            ..
        }) = &self.after.rollout
        {
            let (former, other) = (switch.former.as_str(), switch.other.as_str());
            return match wave {
                0 => (vec![former], vec![other]),
                1 if !switch.gives_up => (vec![former, other], Vec::new()),
                _ => (vec![other], vec![former]),
            };
        }
        let Some(colour) = &self.after.colour else {
            return (Vec::new(), Vec::new());
        };
        if colour.in_place {
            return (Vec::new(), Vec::new());
        }
        let others = self.live.values().filter_map(|server| self.colour(server));
        (vec![&colour.active], others.filter(|it| *it != colour.active).collect())
    }

    /// B1, B4, and to whom traffic may come.
    fn servers(&self) -> Vec<String> {
        let (active, preview) = self.allowed();
        let mut faults = Vec::new();
        for server in self
            .plan
            .servers
            .iter()
            .filter(|server| server.channel.as_ref() == Some(self.name))
        {
            let Some(live) = self.live.get(&server.id) else {
                continue;
            };
            let mut must = |holds: bool, fault: &str| {
                if !holds {
                    faults.push(format!("{}: {fault}", server.id));
                }
            };
            let colour = self.colour(live).unwrap_or_default();
            let role = server.changes.iter().find(|change| change.tag == self.colours.role_tag);
            let version = server
                .changes
                .iter()
                .find(|change| change.tag == self.policy.version_tag);
            match role.map(|change| &*change.after) {
                Some("active") => {
                    must(active.contains(&colour), "its colour is not to be active");
                    let other = version.is_some_and(|change| change.before.is_some());
                    must(!other, "traffic comes while its version changes");
                    must(
                        self.carries_its_version(live, version, colour),
                        "traffic comes to another version",
                    );
                }
                Some("preview") => {
                    must(preview.contains(&colour), "its colour is not to be in preview");
                    let covered = active.iter().any(|it| *it != colour && self.is_covered(it));
                    must(
                        covered || !self.is_active(live),
                        "it gives its traffic up, and the other colour does not take it",
                    );
                }
                Some(_) => must(false, "its role is neither active nor preview"),
                None => {}
            }
            let in_place = self.after.colour.as_ref().is_some_and(|it| it.in_place) && self.after.rollout.is_none();
            if version.is_some() && self.is_active(live) && preview.contains(&colour) && !in_place {
                must(false, "its version changes while it takes traffic");
            }
        }
        faults
    }

    /// B2 and B5: whoever is to take traffic carries what its colour is on.
    fn carries_its_version(&self, live: &Server, change: Option<&Change>, colour: &str) -> bool {
        let now = live.tag(&self.policy.version_tag);
        let then = change.map(|change| &change.after).or(now);
        let asked = match &self.after.rollout {
            Some(Rollout {
                switch: Some(switch), ..
            }) if switch.former == colour => self.after.prior.as_ref(),
            _ => self.after.release.as_ref(),
        };
        self.after.mixed || asked.is_none_or(|asked| then.is_some_and(|it| **it == *asked.as_str()))
    }

    fn carry(&self, colour: &str, version: Option<&Version>) -> bool {
        let mut theirs = self
            .live
            .values()
            .filter(|server| self.colour(server) == Some(colour))
            .peekable();
        theirs.peek().is_some()
            && theirs.all(|server| {
                let now = server.tag(&self.policy.version_tag);
                now.is_some_and(|now| version.is_some_and(|it| **now == *it.as_str()))
            })
    }

    /// Which colour is active is forgotten by nobody, and turns only where a switch is through or taken back.
    fn remembers(&self, before: &ChannelMemory, faults: &mut Vec<String>) {
        let active = |colour: &Option<ActiveColour>| colour.as_ref().map(|it| it.active.clone());
        let (was, is) = (active(&before.colour), active(&self.after.colour));
        let switch = before.rollout.as_ref().and_then(|rollout| rollout.switch.as_ref());
        let ended = switch.is_some() && self.after.rollout.is_none();
        let turned = match switch {
            Some(switch) if ended => [Some(&switch.former), Some(&switch.other)].contains(&is.as_ref()),
            _ => was.is_none() || was == is,
        };
        if !turned {
            faults.push("another colour counts as active though nothing was switched".to_owned());
        }
        let back = ended && self.after.moved == Move::Rollback;
        if let (Some(rollout), Some(switch), true) = (&before.rollout, switch, back) {
            let by_roles = !self.after.colour.as_ref().is_some_and(|it| it.in_place);
            let theirs = |server: &&&Server| self.colour(server) == Some(&*switch.former);
            let other = |server: &&Server| {
                let now = server.tag(&self.policy.version_tag);
                now.is_some_and(|now| before.prior.as_ref().is_none_or(|it| **now != *it.as_str()))
            };
            let strays = self.live.values().filter(theirs).any(other);
            if rollout.wave > 0 && before.prior.is_some() && by_roles && (strays || rollout.wave > 2) {
                faults.push(
                    "is rolled back by roles though the former colour does not carry the former version".to_owned(),
                );
            }
        }
    }

    /// How a switch goes on: the colours stay, it goes to a whole colour, and the former one gives up after the overlap.
    fn switches(&self, before: &ChannelMemory, now: chrono::DateTime<chrono::Utc>, faults: &mut Vec<String>) {
        let mut must = |holds: bool, fault: &str| {
            if !holds {
                faults.push(fault.to_owned());
            }
        };
        let Some(rollout) = &self.after.rollout else { return };
        let (Some(was), Some(switch)) = (&before.rollout, &rollout.switch) else {
            if let (None, Some(switch)) = (&before.rollout, &rollout.switch) {
                let all: BTreeSet<&str> = self.live.values().filter_map(|server| self.colour(server)).collect();
                let known = self.after.colour.as_ref().is_some_and(|it| it.active == switch.former);
                must(known && !rollout.adopted, "starts from a colour that is not active");
                must(
                    all.len() <= 2 && switch.former != switch.other,
                    "starts without two colours",
                );
            }
            return;
        };
        let Some(before_switch) = &was.switch else {
            return must(false, "becomes blue-green under way");
        };
        must(
            (&before_switch.former, &before_switch.other) == (&switch.former, &switch.other),
            "changes its colours",
        );
        must(rollout.wave <= was.wave + 1, "skips a phase");
        let release = self.after.release.as_ref();
        if was.wave == 0 && rollout.wave == 1 {
            let count = |colour: &str| {
                self.live
                    .values()
                    .filter(|server| self.colour(server) == Some(colour))
                    .count()
            };
            must(
                self.carry(&switch.other, release),
                "switches to a colour that does not wholly carry the version",
            );
            must(
                count(&switch.other) >= count(&switch.former),
                "switches to a colour that is smaller than the active one",
            );
        }
        if switch.gives_up && !before_switch.gives_up {
            let overlap = TimeDelta::from_std(self.colours.overlap).unwrap_or(TimeDelta::MAX);
            let whole = self
                .live
                .values()
                .filter(|server| self.colour(server) == Some(&*switch.other));
            must(
                whole.clone().count() > 0 && whole.clone().all(|server| self.is_active(server)),
                "gives up too early",
            );
            must(
                overlap.is_zero() || before_switch.whole.is_some_and(|since| now - since >= overlap),
                "gives up before the overlap is over",
            );
        }
        if was.wave == 1 && rollout.wave == 2 {
            let formers = self
                .live
                .values()
                .filter(|server| self.colour(server) == Some(&*switch.former));
            must(
                !formers.clone().any(|server| self.is_active(server)) && before_switch.gives_up,
                "ends a switch while the former colour takes traffic",
            );
        }
    }
}
