//! First contact: a channel that the store does not know is adopted from its servers, never from a cell.

use super::case::Case;
use super::keys::spend_both;
use crate::memory::{ChannelMemory, KeyState, Latch, SpentBy};
use crate::plan::adopt::Carried;
use crate::plan::model::Plan;
use crate::plan::recognise::Met;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::cell::clip;
use crate::sheet::intent::{Key, ReleaseRow, Tick};
use crate::tag::Version;

/// Adopts a channel from its servers.
pub(super) fn meet(case: &Case<'_>, row: &ReleaseRow, met: &Met, plan: &mut Plan) -> ChannelMemory {
    let release = case.carried.and_then(Carried::majority);
    let adopted = release.as_ref().map(Version::as_str);
    if !met.release.is_empty() && Some(&*met.release) != adopted {
        report_other(case, met, adopted, plan);
    }
    let to = adopted.unwrap_or_default();
    plan.happenings
        .push(case.happening("adoption", &clip(&met.release), to, case.carried_words()));
    let named = [&row.key_a, &row.key_b].map(Key::version);
    let both_name = release.is_some() && named == [release.as_ref(); 2];
    let policy = case.terms.policy;
    let sure = policy.takeover && case.terms.approval.service_columns && adopted == Some(&*met.release);
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
    next
}

/// Nobody knows who typed a key that was there before the service, nor before which protection. It counts where it names what is in
/// force, and where the service watched the sheet, and nothing of the service's own stood beside it, when it was typed.
fn first_state(case: &Case<'_>, key: &Key, release: Option<&Version>) -> KeyState {
    let by = if case.terms.policy.takeover || put_off(case) == Some(SpentBy::Takeover) {
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
