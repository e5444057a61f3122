//! Where a server stands in the order of its channel, and which wave takes it: for those who ask when its turn is.

use std::collections::{BTreeMap, BTreeSet};

use super::cohort::{Cohort, Site, cohorts};
use super::members::fill;
use super::roles::colours_of;
use super::start::started_waves;
use crate::memory::{Rollout, StartedWave};
use crate::plan::inputs::Inputs;
use crate::plan::joined;
use crate::plan::model::Plan;
use crate::plan::policy::SourceBelts;
use crate::rollout::ColourPhase;
use crate::tag::ServerId;

/// The place of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The wave that takes it, or took it at the latest, from 1.
    pub wave: usize,
    /// How many waves there are.
    pub waves: usize,
    /// How far that wave goes, in the words of the configuration.
    pub to: String,
    /// Its place among those whom this wave and the waves before have taken then, from 1.
    pub place: u64,
    /// How many those are.
    pub size: u64,
    /// Whether it was taken.
    pub member: bool,
    /// Whether a rollout is under way after this plan; else it is the next one's place.
    pub under_way: bool,
}

/// The place of a server after this plan; `None` for one that no wave is about: without a channel whose releases go in waves, not
/// live, held, or in two channels.
#[must_use]
pub fn place(inputs: Inputs<'_>, plan: &Plan, id: &ServerId) -> Option<Place> {
    let server = plan.servers.iter().find(|server| server.id == *id)?;
    let (name, channel) = plan
        .channels
        .iter()
        .find(|channel| Some(&channel.name) == server.channel.as_ref())
        .map(|channel| (&channel.name, channel))?;
    let rollout = channel.rollout.as_ref().and_then(|_| {
        let next = plan.update.channels.get(name);
        next.or_else(|| inputs.memory.channels.get(name))?.rollout.as_ref()
    });
    let strategy = inputs.policy.rollouts.strategy_of(name);
    if rollout.is_some_and(|rollout| rollout.switch.is_some()) || strategy.is_some_and(|it| it.colours.is_some()) {
        return None;
    }
    let waves = match (rollout, strategy) {
        (Some(rollout), _) => rollout.waves.clone(),
        (None, strategy) => started_waves(strategy?),
    };
    let (asked, shown) = (joined::server_rows(inputs), joined::shown_servers(inputs));
    let (rows, servers) = (joined::release_rows(inputs), joined::servers(inputs, &asked, &shown));
    let no_belts = SourceBelts::new();
    let cohorts = cohorts(
        inputs,
        &servers,
        &rows,
        &no_belts,
        &BTreeSet::from([name]),
        &BTreeMap::new(),
    );
    let cohort = cohorts.get(name)?;
    let members: BTreeSet<&ServerId> = plan
        .servers
        .iter()
        .filter(|server| server.member && rollout.is_some() && server.channel.as_ref() == Some(name))
        .map(|server| &server.id)
        .collect();
    let now = rollout.map_or(0, |rollout: &Rollout| rollout.wave);
    let found = found(&waves, now, cohort, members, id)?;
    Some(Place {
        under_way: rollout.is_some(),
        ..found
    })
}

/// What a server is in a blue-green channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its colour, if it has one.
    pub colour: Option<String>,
    /// The role that it carries.
    pub role: Option<String>,
    /// The phase that takes it; `None` where nobody knows which colour is active.
    pub phase: Option<ColourPhase>,
    /// Whether it was taken.
    pub member: bool,
    /// Whether a rollout is under way after this plan; else it is the next one's phase.
    pub under_way: bool,
}

/// The same as [`place`] in a blue-green channel; `None` for a server that cannot be seen, or is in another channel.
#[must_use]
pub fn turn(inputs: Inputs<'_>, plan: &Plan, id: &ServerId) -> Option<Turn> {
    let server = plan.servers.iter().find(|server| server.id == *id)?;
    let name = server.channel.as_ref()?;
    let known = plan.update.channels.get(name);
    let known = known.or_else(|| inputs.memory.channels.get(name));
    let colours = colours_of(&inputs.policy.rollouts, name, known)?;
    let live = inputs.fleet.servers.get(id)?;
    let tag = |key| live.tag(key).map(ToString::to_string);
    let colour = tag(&colours.colour_tag);
    let rollout = known.and_then(|known| known.rollout.as_ref());
    let active = known.and_then(|known| known.colour.as_ref());
    let is_first = match (rollout.and_then(|rollout| rollout.switch.as_ref()), active) {
        (Some(switch), _) => Some(colour.as_ref() == Some(&switch.other)),
        (None, Some(active)) => Some(colour.as_ref().is_some_and(|colour| *colour != active.active)),
        (None, None) => None,
    };
    let phase = is_first.map(|first| match first {
        true => ColourPhase::Preview,
        false => ColourPhase::Follow,
    });
    Some(Turn {
        role: tag(&colours.role_tag),
        colour,
        phase,
        member: server.member && rollout.is_some(),
        under_way: rollout.is_some(),
    })
}

/// Lets the waves from `now` on take whom they would, one after the other, until one has taken the server.
fn found<'a>(
    waves: &[StartedWave],
    now: usize,
    cohort: &Cohort<'a>,
    mut members: BTreeSet<&'a ServerId>,
    id: &ServerId,
) -> Option<Place> {
    let mut taken: Vec<ServerId> = cohort
        .sites
        .iter()
        .filter(|site| members.contains(site.id))
        .map(|site| site.id.clone())
        .collect();
    let member = members.contains(id);
    for wave in now..waves.len() {
        let is_member = |site: &Site<'_>| members.contains(site.id);
        let takes = fill(waves, wave, cohort, &is_member).takes;
        taken.extend(takes);
        if let Some(at) = taken.iter().position(|one| one == id) {
            return Some(Place {
                wave: wave + 1,
                waves: waves.len(),
                to: waves.get(wave).map_or_else(String::new, |wave| wave.to.to_string()),
                place: at as u64 + 1,
                size: taken.len() as u64,
                member,
                under_way: false,
            });
        }
        let all: BTreeSet<&ServerId> = taken.iter().collect();
        let sites = cohort.sites.iter().map(|site| site.id);
        members = sites.filter(|id| all.contains(id)).collect();
    }
    None
}
