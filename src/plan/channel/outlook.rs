//! What people can do about a channel, found by asking the table itself: what a step leads to is what the rules say of the row
//! as it then is.

use super::case::Case;
use super::matched::Matched;
use super::rules::released_by_unticking;
use crate::memory::{ChannelMemory, KeyState, Latch};
use crate::plan::advice::{Advice, Half, Step, Then};
use crate::plan::model::Moved;
use crate::plan::policy::Belt;
use crate::plan::rollout::{RolloutPlan, RolloutRule};
use crate::plan::rule::Rule;
use crate::plan::state::State;
use crate::sheet::intent::{Key, ReleaseRow, Tick};
use crate::tag::Version;

/// What people can do after this pass. `next` is what it remembers.
pub(super) fn advice(case: &Case<'_>, next: &ChannelMemory, matched: &Matched) -> Advice {
    let [row] = case.rows else {
        let step = match case.rows {
            [] => Step::BringBack,
            _ => Step::KeepOneRow,
        };
        return decides(vec![step]);
    };
    if !row.errors.is_empty() {
        return decides(vec![Step::Correct]);
    }
    if let Some(rollout) = &matched.rollout {
        if rollout.rule != RolloutRule::Starts {
            return rolling(case, row, next, rollout);
        }
    } else if matched.moved.is_none() && matched.rule == Rule::Promoted && matched.state == State::Ready {
        // Both keys name it; what it waits for comes by itself.
        return decides(Vec::new());
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
    to_release(case, row, next, wanted(row, next))
}

/// With a rollout under way.
fn rolling(case: &Case<'_>, row: &ReleaseRow, next: &ChannelMemory, rollout: &RolloutPlan) -> Advice {
    let back = || {
        let then = rollout.former.clone().map_or(Then::Decides, Then::RollsBack);
        let steps = match (row.rollback, &next.latch) {
            (Tick::On, _) => vec![Step::Untick, Step::LetSee, Step::Tick],
            (_, Some(_)) => vec![Step::LetSee, Step::Tick],
            (_, None) => vec![Step::Tick],
        };
        Advice { steps, then }
    };
    match rollout.rule {
        RolloutRule::Manual => {
            let steps = match (row.advance, &next.advance) {
                (Some(Tick::On), _) => vec![Step::StopAdvance, Step::LetSee, Step::Advance],
                (_, Some(_)) => vec![Step::LetSee, Step::Advance],
                (_, None) => vec![Step::Advance],
            };
            decides(steps)
        }
        RolloutRule::Observed => decides(vec![Step::Enforce]),
        RolloutRule::Channel(_) | RolloutRule::KeyLeft | RolloutRule::NotEnabled
            if next.rollout.as_ref().is_some_and(|it| it.failed.is_none()) =>
        {
            let mut to = to_release(case, row, next, Some(rollout.version.clone()));
            if row.rollback == Tick::On {
                untick(&mut to);
            }
            Advice {
                then: Then::GoesOn(rollout.version.clone()),
                ..to
            }
        }
        _ => back(),
    }
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
        let then = match case.pace.strategy {
            Some(_) => Then::RollsOut(Some(version)),
            None => Then::Releases(Some(version)),
        };
        return Advice {
            steps: vec![Step::Untick],
            then,
        };
    }
    if let (Some(Latch::FoundTicked), Some(prior), false) = (&next.latch, &next.prior, case.observes()) {
        return Advice {
            steps: vec![Step::Untick, Step::LetSee, Step::Tick],
            then: Then::RollsBack(prior.clone()),
        };
    }
    // The version that was just left is bad; whoever finds nothing to go back to names the older one, which no key holds yet.
    let left = |version: &Version| matches!(&next.latch, Some(Latch::Served { from }) if from == version);
    let wanted = wanted(row, next).filter(|version| matched.rule != Rule::NothingToRollBack && !left(version));
    let mut advice = to_release(case, row, next, wanted);
    untick(&mut advice);
    advice
}

/// Adds that the box is unticked. That releases, so that it comes last of what people do in the sheet.
fn untick(advice: &mut Advice) {
    let last = advice.steps.iter().rposition(|step| step.is_in_the_row());
    advice.steps.insert(last.map_or(0, |last| last + 1), Step::Untick);
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
fn to_release(case: &Case<'_>, row: &ReleaseRow, next: &ChannelMemory, wanted: Option<Version>) -> Advice {
    let mut steps = Vec::new();
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
        _ => steps.push(name(row, wanted.as_ref())),
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
    let at_once = case.pace.strategy.is_none() || (next.release.is_none() && case.carried.is_none());
    let then = if at_once {
        Then::Releases(wanted)
    } else {
        Then::RollsOut(wanted)
    };
    Advice { steps, then }
}

/// Naming a version: in the one key that does not name it yet, or in both.
fn name(row: &ReleaseRow, wanted: Option<&Version>) -> Step {
    let names = [&row.key_a, &row.key_b].map(|key| wanted.is_some() && key.version() == wanted);
    match (wanted, names) {
        (Some(version), [true, false]) => Step::NameOther(Half::B, version.clone()),
        (Some(version), [false, true]) => Step::NameOther(Half::A, version.clone()),
        _ => Step::Name(wanted.cloned()),
    }
}
