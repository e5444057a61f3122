//! First contact: a channel that the store does not know is adopted from its servers, never from a cell.

use super::case::Case;
use super::keys::spend_both;
use crate::memory::{ChannelMemory, KeyState, Latch, SpentBy};
use crate::plan::adopt::Carried;
use crate::plan::model::Plan;
use crate::plan::recognise::Met;
use crate::plan::rollout::adopt;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::cell::clip;
use crate::sheet::intent::{Key, ReleaseRow, Tick};
use crate::tag::Version;

/// Adopts a channel from its servers.
pub(super) fn meet(case: &Case<'_>, row: &ReleaseRow, met: &Met, plan: &mut Plan) -> ChannelMemory {
    let release = case.carried.and_then(Carried::majority);
    let rolling = adopt(case, met, is_takeover(case));
    let majority = release.as_ref().map(Version::as_str);
    // A rollout that is adopted as it stands has its release on few servers yet.
    let adopted = rolling.as_ref().map(|(_, release, _)| release.as_str()).or(majority);
    if !met.release.is_empty() && Some(&*met.release) != adopted {
        report_other(case, met, adopted, plan);
    }
    let to = adopted.unwrap_or_default();
    plan.happenings
        .push(case.happening("adoption", &clip(&met.release), to, case.carried_words()));
    let named = [&row.key_a, &row.key_b].map(Key::version);
    let both_name = release.is_some() && named == [release.as_ref(); 2];
    let policy = case.terms.policy;
    let sure = policy.takeover && case.terms.approval.service_columns && majority == Some(&*met.release);
    let mut next = ChannelMemory {
        approved: both_name && case.protected(),
        key_a: first_state(case, &row.key_a, release.as_ref()),
        key_b: first_state(case, &row.key_b, release.as_ref()),
        // A box that cannot be read may be ticked.
        latch: (row.rollback != Tick::Off).then_some(Latch::FoundTicked),
        row: met.row.clone(),
        prior: met.previous.clone().filter(|_| sure),
        release,
        ..ChannelMemory::default()
    };
    if !case.protected() {
        spend_both(&mut next, SpentBy::Protection);
    }
    if let Some((rollout, release, former)) = rolling {
        next.rollout = Some(rollout);
        (next.release, next.prior) = (Some(release), Some(former));
        next.approved = false;
    } else if case.pace.strategy.is_some() && next.release.is_some() && case.carried.is_some_and(Carried::is_mixed) {
        next.mixed = true;
        next.approved = false;
        // Keys that stand there and name it would move servers by being met.
        for (key, state) in [(&row.key_a, &mut next.key_a), (&row.key_b, &mut next.key_b)] {
            if *state == KeyState::Live && *key != Key::Empty {
                *state = KeyState::Spent {
                    held: key.text().map(str::to_owned),
                    by: SpentBy::FirstContact,
                };
            }
        }
    }
    next
}

/// Nobody knows who typed a key that was there before the service, nor before which protection. It counts where it names what is in
/// force, and where the service watched the sheet, and nothing of the service's own stood beside it, when it was typed.
fn first_state(case: &Case<'_>, key: &Key, release: Option<&Version>) -> KeyState {
    let by = if is_takeover(case) {
        SpentBy::Takeover
    } else if *key == Key::Empty || key.version().is_some() && key.version() == release || is_fresh(case) {
        return KeyState::Live;
    } else {
        SpentBy::FirstContact
    };
    KeyState::Spent {
        held: key.text().map(str::to_owned),
        by,
    }
}

/// Whether this store takes the sheet over, in this pass or in an earlier one that could not adopt the channel.
fn is_takeover(case: &Case<'_>) -> bool {
    case.terms.policy.takeover || put_off(case) == Some(SpentBy::Takeover)
}

/// Whether the service watched the sheet before this row came: it was added to a sheet that is served, its keys were protected, and
/// nothing of the service's own stands beside them.
pub(super) fn is_fresh(case: &Case<'_>) -> bool {
    let blank = case.recognised.met.as_ref().is_some_and(|met| met.blank);
    blank && case.terms.watched && case.memory.is_none()
}

/// What kept a channel from being adopted when it was met before, if anything did: that alone is remembered of it.
fn put_off(case: &Case<'_>) -> Option<SpentBy> {
    match case.memory?.key_a {
        KeyState::Spent { by, .. } => Some(by),
        KeyState::Live => None,
    }
}

/// Reports a row that shows another release than was adopted.
fn report_other(case: &Case<'_>, met: &Met, adopted: Option<&str>, plan: &mut Plan) {
    let message = format!(
        "{} shows \"{}\", but {}, and a release is never taken from a cell, so {} was adopted; if that is not meant, name the \
         other version in both keys",
        met.place,
        clip(&met.release),
        case.carried_words(),
        adopted.unwrap_or("none")
    );
    plan.problems
        .push(Problem::new(Kind::Mismatch, Code::Adopted, &*met.place, message));
}
