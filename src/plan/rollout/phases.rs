//! The phases of a blue-green rollout, which stand in for waves: how one starts, who is in it, whether it has settled and what it
//! waits for.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::cohort::{Cohort, Site};
use super::members::Filled;
use super::sides::Sides;
use super::words::clock;
use crate::memory::{ChannelMemory, Rollout, StartedWave, Switch};
use crate::rollout::{ColourPhase, Colours, PREVIEW, Size};
use crate::tag::Version;

/// The phases, as a rollout keeps them.
pub(super) fn phases(colours: &Colours) -> Vec<StartedWave> {
    let phase = |phase: ColourPhase| StartedWave {
        to: Size::ALL,
        manual: colours.manual && phase == ColourPhase::Preview,
    };
    ColourPhase::ALL.map(phase).to_vec()
}

/// The two colours between which a release passes, or why there are none.
pub(super) fn two(colours: &Colours, next: &ChannelMemory, sides: &Sides<'_>) -> Result<Switch, String> {
    let (all, tag) = (sides.colours(), colours.colour_tag.as_str());
    let names: Vec<String> = all.iter().map(|it| crate::text::plain(it)).collect();
    if all.len() != 2 {
        let found = match &names[..] {
            [] => format!("no server carries the tag {tag}"),
            [one] => format!("all its servers that carry the tag {tag} are {one}"),
            _ => format!("its servers are of {} colours ({})", names.len(), names.join(", ")),
        };
        return Err(format!(
            "{found}; blue-green takes two: give each server one of two values of {tag}"
        ));
    }
    let active = next.colour.as_ref().map(|colour| colour.active.as_str());
    let other = all
        .iter()
        .find(|it| active.is_some_and(|active| **it != active && all.contains(active)));
    match (active, other) {
        (Some(active), Some(other)) => Ok(Switch {
            former: active.to_owned(),
            other: (*other).to_owned(),
            whole: None,
            gives_up: false,
        }),
        _ => Err(format!(
            "none of its colours ({}) is known to be active; set {} = active on all servers of one of them, or name it as first in \
             the strategy",
            names.join(" and "),
            colours.role_tag
        )),
    }
}

/// Whom a phase takes: the other colour, and at the end everybody.
pub(super) fn fill(
    phase: ColourPhase,
    switch: &Switch,
    cohort: &Cohort<'_>,
    is_member: &dyn Fn(&Site<'_>) -> bool,
) -> Filled {
    let theirs = |site: &&Site<'_>| phase == ColourPhase::Follow || site.colour == Some(&*switch.other);
    let takes = cohort.sites.iter().filter(theirs).filter(|site| !is_member(site));
    Filled {
        size: cohort.sites.iter().filter(theirs).count() as u64,
        takes: takes.map(|site| site.id.clone()).collect(),
    }
}

/// How far a phase is.
pub(super) struct Progress {
    pub(super) carrying: u64,
    pub(super) behind: u64,
    pub(super) stuck: u64,
    /// Whether all is as it must be for the phase to end, roles and sizes included.
    pub(super) is_through: bool,
}

/// How far a phase other than the last is. All servers must carry the version: no failure is borne where traffic goes.
pub(super) fn progress(rollout: &Rollout, switch: &Switch, cohort: &Cohort<'_>, release: &Version) -> Progress {
    let sides = cohort.sides();
    let others = || cohort.sites.iter().filter(|site| site.colour == Some(&*switch.other));
    let behind = || others().filter(|site| site.carries != Some(release.as_str()));
    let is_through = match ColourPhase::at(rollout.wave) {
        ColourPhase::Preview => lacks(switch, &sides) == 0,
        ColourPhase::Switching => {
            switch.gives_up
                && sides.is_wholly_active(&switch.other)
                && sides.of(&switch.former).all(|side| side.role == Some(PREVIEW))
        }
        ColourPhase::Keep | ColourPhase::Follow => true,
    };
    let count = |sites: &mut dyn Iterator<Item = &Site<'_>>| sites.count() as u64;
    Progress {
        carrying: count(&mut others()) - count(&mut behind()),
        behind: count(&mut behind()),
        stuck: count(&mut behind().filter(|site| site.stuck)),
        is_through: is_through && behind().next().is_none(),
    }
}

/// How many servers the other colour lacks to be as large as the active one.
fn lacks(switch: &Switch, sides: &Sides<'_>) -> usize {
    sides
        .of(&switch.former)
        .count()
        .saturating_sub(sides.of(&switch.other).count())
}

/// Follows a switch: since when the other colour is wholly active, and whether the former one gives its traffic up.
pub(super) fn follow(
    rollout: &mut Rollout,
    colours: &Colours,
    cohort: &Cohort<'_>,
    release: &Version,
    now: DateTime<Utc>,
) {
    let is_switching = rollout.phase() == Some(ColourPhase::Switching);
    let Some(switch) = rollout.switch.as_mut().filter(|_| is_switching) else {
        return;
    };
    let sides = cohort.sides();
    let carries = sides
        .of(&switch.other)
        .all(|side| side.version == Some(release.as_str()));
    if carries && sides.is_wholly_active(&switch.other) {
        let since = *switch.whole.get_or_insert(now);
        switch.gives_up |= now >= gives_up_at(since, colours);
    } else if !switch.gives_up {
        switch.whole = None;
    }
}

fn gives_up_at(since: DateTime<Utc>, colours: &Colours) -> DateTime<Utc> {
    let overlap = TimeDelta::from_std(colours.overlap).unwrap_or(TimeDelta::MAX);
    since.checked_add_signed(overlap).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// What a phase that is not through waits for, in words, and until when; blank where its servers are on their way.
pub(super) fn waits(
    rollout: &Rollout,
    switch: &Switch,
    colours: Option<&Colours>,
    cohort: &Cohort<'_>,
    now: DateTime<Utc>,
) -> (String, Option<DateTime<Utc>>) {
    let sides = cohort.sides();
    let (former, other) = (crate::text::plain(&switch.former), crate::text::plain(&switch.other));
    match ColourPhase::at(rollout.wave) {
        ColourPhase::Preview if lacks(switch, &sides) > 0 => {
            let (have, want) = (sides.of(&switch.other).count(), sides.of(&switch.former).count());
            (
                format!("waits for as many servers of {other} as of {former} ({have} of {want})"),
                None,
            )
        }
        ColourPhase::Switching if !switch.gives_up => match (switch.whole, colours) {
            (Some(since), Some(colours)) => {
                let at = gives_up_at(since, colours);
                (
                    format!("{former} and {other} are active until {}", clock(at, now)),
                    Some(at),
                )
            }
            _ => (format!("{other} becomes active"), None),
        },
        ColourPhase::Switching => (format!("{former} stops being active"), None),
        _ => (String::new(), None),
    }
}

/// Those that join a colour that is on the new version, and carry none yet: they leave nothing by it.
pub(super) fn joins<'c>(
    phase: ColourPhase,
    switch: &Switch,
    cohort: &'c Cohort<'_>,
    is_member: &dyn Fn(&Site<'_>) -> bool,
) -> BTreeSet<&'c crate::tag::ServerId> {
    let theirs = |site: &&Site<'_>| phase == ColourPhase::Follow || site.colour == Some(&*switch.other);
    let sites = cohort.sites.iter().filter(|_| phase > ColourPhase::Preview);
    let joins = sites
        .filter(theirs)
        .filter(|site| site.carries.is_none() && !is_member(site));
    joins.map(|site| site.id).collect()
}

/// The phase that a store which takes over finds: by the roles and versions that stand there.
pub(super) fn found(
    switch: &Switch,
    sides: &Sides<'_>,
    release: &Version,
    former: &Version,
) -> Option<(usize, Switch)> {
    let whole = |colour: &str, version: &Version| {
        sides.is_wholly_active(colour) && sides.of(colour).all(|side| side.version == Some(version.as_str()))
    };
    let turned = || Switch {
        former: switch.other.clone(),
        other: switch.former.clone(),
        whole: None,
        gives_up: false,
    };
    for it in [switch.clone(), turned()] {
        if whole(&it.former, former) {
            return Some((0, it));
        }
    }
    for it in [switch.clone(), turned()] {
        if whole(&it.other, release) && !sides.is_wholly_active(&it.former) {
            let keeps = sides.of(&it.former).all(|side| side.version == Some(former.as_str()));
            let wave = if keeps { ColourPhase::Keep } else { ColourPhase::Follow };
            let switch = Switch { gives_up: true, ..it };
            return Some((wave as usize, switch));
        }
    }
    None
}
