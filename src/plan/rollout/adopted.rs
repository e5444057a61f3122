//! A rollout that a takeover finds under way.

use super::members::fill;
use super::phases;
use super::start::started_waves;
use crate::memory::{ActiveColour, ChannelMemory, Rollout};
use crate::plan::channel::Case;
use crate::plan::recognise::Met;
use crate::tag::Version;

/// The rollout that stands there, its release and its former version: where the service's columns, which nobody else may edit, show
/// just the two versions that the servers carry. Its members are those that carry the release, and its wave is the first that
/// holds so many.
pub(in crate::plan) fn adopt(case: &Case<'_>, met: &Met, takeover: bool) -> Option<(Rollout, Version, Version)> {
    let strategy = case.pace.strategy?;
    if !takeover || !case.terms.approval.service_columns {
        return None;
    }
    let release = Version::parse(&met.release).ok()?;
    let former = met.previous.clone().filter(|former| *former != release)?;
    // Servers that carry no version yet are joins, not a third version.
    if !case.carried.is_some_and(|carried| carried.are(&release, &former)) {
        return None;
    }
    let sites = &case.pace.cohort.sites;
    let members = sites
        .iter()
        .filter(|site| site.carries == Some(release.as_str()))
        .count() as u64;
    let waves = started_waves(strategy);
    let holds = |wave: &usize| fill(&waves, *wave, case.pace.cohort, &|_| false).size >= members;
    let (wave, switch) = match &strategy.colours {
        None => (
            (0..waves.len()).find(holds).unwrap_or(waves.len().saturating_sub(1)),
            None,
        ),
        Some(colours) => {
            let sides = case.pace.cohort.sides();
            let colour = sides.met(&colours.first).map(|active| ActiveColour {
                active,
                in_place: false,
            });
            let known = ChannelMemory {
                colour,
                ..ChannelMemory::default()
            };
            let switch = phases::two(colours, &known, &sides).ok()?;
            let (wave, switch) = phases::found(&switch, &sides, &release, &former)?;
            (wave, Some(switch))
        }
    };
    let rollout = Rollout {
        id: case.terms.now.timestamp_micros(),
        strategy: strategy.name.clone(),
        waves,
        wave,
        began: case.terms.now,
        first_move: Some(case.terms.now),
        settled: None,
        gates: Default::default(),
        failed: None,
        adopted: true,
        paused: false,
        held_since: None,
        past: Vec::new(),
        switch,
    };
    Some((rollout, release, former))
}
