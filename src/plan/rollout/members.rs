//! Who is in a wave: (waves, cohort, members so far) → the wave's size and whom it takes next.

use super::cohort::{Cohort, Site};
use crate::memory::StartedWave;
use crate::rollout::Size;
use crate::tag::ServerId;

/// A wave as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filled {
    /// How many servers it is to have.
    pub(super) size: u64,
    /// Whom it takes now, in order.
    pub(super) takes: Vec<ServerId>,
}

/// Fills a wave up. `is_member` says who was taken before; members that are held or out of sight are not in the cohort, so that
/// their places go to the next.
pub(super) fn fill(
    waves: &[StartedWave],
    wave: usize,
    cohort: &Cohort<'_>,
    is_member: &dyn Fn(&Site<'_>) -> bool,
) -> Filled {
    let members = cohort.sites.iter().filter(|site| is_member(site)).count() as u64;
    let rest = || cohort.sites.iter().filter(|site| !is_member(site));
    let takes = |sites: &mut dyn Iterator<Item = &Site<'_>>| sites.map(|site| site.id.clone()).collect::<Vec<_>>();
    let here = |at: &dyn Fn(&Site<'_>) -> bool| {
        let takes = takes(&mut rest().filter(|site| at(site)));
        Filled {
            size: members + takes.len() as u64,
            takes,
        }
    };
    let all = cohort.len();
    let size = match waves.get(wave).map(|wave| &wave.to) {
        _ if wave + 1 >= waves.len() => all,
        None => all,
        Some(Size::Account(name)) => return here(&|site| *site.source.account == **name),
        Some(Size::Region(name)) => return here(&|site| *site.source.region == **name),
        Some(Size::Zone(name)) => return here(&|site| site.zone == Some(name)),
        Some(Size::Canary) => canaries(waves, wave, cohort),
        Some(number) => number.of(all).unwrap_or(all),
    };
    let room = usize::try_from(size.saturating_sub(members)).unwrap_or(usize::MAX);
    Filled {
        size,
        takes: takes(&mut rest().take(room)),
    }
}

/// As many as are ticked, at least one, and no more than the next wave that has a number.
fn canaries(waves: &[StartedWave], wave: usize, cohort: &Cohort<'_>) -> u64 {
    let all = cohort.len();
    let ticked = cohort.sites.iter().filter(|site| site.canary).count() as u64;
    let later = waves.iter().skip(wave + 1).find_map(|wave| wave.to.of(all));
    ticked.max(1).min(later.unwrap_or(all)).min(all)
}

/// The first wave from `from` on that is not skipped: one that would take nobody is, unless somebody is to let it go on. The last
/// never is.
pub(super) fn next_wave(
    waves: &[StartedWave],
    from: usize,
    cohort: &Cohort<'_>,
    is_member: &dyn Fn(&Site<'_>) -> bool,
) -> usize {
    let last = waves.len().saturating_sub(1);
    let stays = |wave: &usize| {
        *wave >= last
            || waves.get(*wave).is_some_and(|wave| wave.manual)
            || !fill(waves, *wave, cohort, is_member).takes.is_empty()
    };
    (from..last).find(stays).unwrap_or(last)
}
