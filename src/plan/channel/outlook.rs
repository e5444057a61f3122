//! What people can do about a channel, found by asking the table itself: what a step leads to is what the rules say of the row
//! as it then is.

use super::case::Case;
use super::rules::{Matched, released_by_unticking};
use crate::memory::{ChannelMemory, KeyState, Latch};
use crate::plan::advice::{Advice, Step, Then};
use crate::plan::model::Moved;
use crate::plan::policy::Belt;
use crate::plan::rule::Rule;
use crate::plan::state::State;
use crate::sheet::intent::{Key, ReleaseRow, Tick};
use crate::tag::Version;

/// What people can do after this pass. `next` is what it remembers.
pub(super) fn advice(case: &Case<'_>, next: &ChannelMemory, matched: &Matched) -> Advice {
    let [row] = case.rows else {
        return decides(vec![Step::KeepOneRow]);
    };
    if !row.errors.is_empty() {
        return decides(vec![Step::Correct]);
    }
    if row.rollback == Tick::On {
        return ticked(case, row, next, matched);
    }
    if let (Some(Moved::Promotion { .. }), prior) = (&matched.moved, &next.prior) {
        return prior.clone().map_or_else(
            || decides(Vec::new()),
            |prior| Advice {
                // A box whose row was not the service's own in this pass is served once it was seen unticked there.
                steps: match next.latch {
                    Some(_) => vec![Step::LetSee, Step::Tick],
                    None => vec![Step::Tick],
                },
                then: Then::RollsBack(prior),
            },
        );
    }
    to_release(case, row, next, Vec::new(), wanted(row, next))
}

fn decides(steps: Vec<Step>) -> Advice {
    Advice {
        steps,
        then: Then::Decides,
    }
}

/// With the box ticked.
fn ticked(case: &Case<'_>, row: &ReleaseRow, next: &ChannelMemory, matched: &Matched) -> Advice {
    if matched.state == State::Observe {
        let then = next.prior.clone().map_or(Then::Decides, Then::RollsBack);
        return Advice {
            steps: vec![Step::Enforce],
            then,
        };
    }
    if let Some(version) = released_by_unticking(case, next) {
        return Advice {
            steps: vec![Step::Untick],
            then: Then::Releases(Some(version)),
        };
    }
    if let (Some(Latch::FoundTicked), Some(prior), false) = (&next.latch, &next.prior, case.observes()) {
        return Advice {
            steps: vec![Step::Untick, Step::LetSee, Step::Tick],
            then: Then::RollsBack(prior.clone()),
        };
    }
    // Whoever finds nothing to go back to names the older version, which no key holds yet.
    let wanted = wanted(row, next).filter(|_| matched.rule != Rule::NothingToRollBack);
    to_release(case, row, next, vec![Step::Untick], wanted)
}

/// The version that keys name and that is not in force; `None` where they name none, or two.
fn wanted(row: &ReleaseRow, next: &ChannelMemory) -> Option<Version> {
    let named = [&row.key_a, &row.key_b].map(Key::version);
    let mut news = named
        .into_iter()
        .flatten()
        .filter(|v| Some(*v) != next.release.as_ref());
    let first = news.next()?;
    news.all(|other| other == first).then(|| first.clone())
}

/// The steps after which a pass releases a version: the one that keys name already, or another.
fn to_release(
    case: &Case<'_>,
    row: &ReleaseRow,
    next: &ChannelMemory,
    mut steps: Vec<Step>,
    wanted: Option<Version>,
) -> Advice {
    let protected = case.protected();
    if !protected {
        steps.push(Step::Protect);
    }
    let keys = [(&row.key_a, &next.key_a), (&row.key_b, &next.key_b)];
    let spent = |state: &KeyState| !protected || matches!(state, KeyState::Spent { .. });
    let unread = |state: &KeyState| !protected || matches!(state, KeyState::Spent { held: None, .. });
    match &wanted {
        Some(version)
            if keys
                .iter()
                .any(|(key, state)| spent(state) && key.version() == Some(version)) =>
        {
            steps.extend([Step::Clear, Step::LetSee, Step::Name(wanted.clone())]);
        }
        Some(version) if keys.iter().all(|(key, _)| key.version() == Some(version)) => {}
        // A key that is still to be read is spent at whatever it then holds.
        _ if keys.iter().any(|(_, state)| unread(state)) => steps.extend([Step::LetSee, Step::Name(wanted.clone())]),
        _ => steps.push(Step::Name(wanted.clone())),
    }
    if row.enabled != Tick::On {
        steps.push(Step::Enable);
    }
    if case.observes() {
        steps.push(Step::Enforce);
    }
    if case.terms.row_belt.is_some() || case.terms.deserted.contains_key(case.name) {
        steps.push(Step::Allow(Belt::RowDrop));
    }
    Advice {
        steps,
        then: Then::Releases(wanted),
    }
}
