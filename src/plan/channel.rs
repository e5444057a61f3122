//! The decision about a channel: what people ask for and who may turn the keys, against what is remembered of it. What the
//! service itself shows in its row comes in as what was recognised of it, and is never read as a wish.

mod case;
mod contact;
mod keys;
mod matched;
mod outlook;
mod rules;

use std::sync::Arc;

use super::advice::{Advice, Step, Then};
use super::model::{AgentCounts, ChannelPlan, Plan};
use super::recognise::Edit;
use super::rollout::{Carry, let_go, note_colours, stand_without_row};
use super::rule::Rule;
use super::window::Hours;
use crate::memory::{ActiveColour, Advance, ChannelMemory, KeyState, Latch, SpentBy, TakenBack};
use crate::problem::{Code, Kind, Problem};
use crate::sheet::intent::{Key, Tick};
use crate::tag::Version;
pub(super) use case::{Case, Pace, Terms};
pub(super) use keys::spend_for_gate;
use keys::{report_spent, reread_key, reread_recalled, spend_both};
pub(super) use matched::Matched;
pub(super) use rules::{latched_words, spent_words, unprotected};

/// Decides one channel: pushes its plan, its problems and happenings, and gives what to remember; `None` when it is not to be
/// known yet.
pub(super) fn decide(case: &Case<'_>, plan: &mut Plan) -> Option<(ChannelMemory, Option<Carry>)> {
    for row in case.rows {
        plan.problems.extend(row.errors.iter().cloned());
    }
    let known = case.memory.filter(|m| !case.terms.policy.takeover && is_known(m));
    let mut next = match (known, case.row(), &case.recognised.met) {
        (Some(memory), ..) => reread(case, memory, plan),
        (None, Some(row), Some(met)) if case.terms.complete => contact::meet(case, row, met, plan),
        (None, ..) => return unknown(case, plan).map(|next| (next, None)),
    };
    meet_colours(case, &mut next);
    let before = known.cloned().unwrap_or_default();
    if case.rows.is_empty() {
        let stands = stand_without_row(case, &mut next, plan);
        report_spent(case, &before, &next, plan);
        report_absent(case, &next, plan);
        // Nothing of it is tagged, and its rollout is shown all the same.
        plan.channels
            .extend(stands.map(|matched| channel_plan(case, &next, matched)));
        return Some((next, None));
    }
    note_advance(case, known.is_some(), &mut next);
    next.taken_back = next.taken_back.take().and_then(|back| unanswered(case, back));
    let mut matched = rules::match_rule(case, &mut next, plan);
    note_colours(&mut next, &case.pace.cohort.sides());
    let carry = matched.carry.take();
    let adopted = || next.mixed.then_some(Carry::Adopted);
    let carry = carry.or_else(adopted);
    report_spent(case, &before, &next, plan);
    plan.channels.push(channel_plan(case, &next, matched));
    Some((next, carry))
}

/// Which colour of a blue-green channel is active, where that is not known yet: as far as all of it is in sight.
fn meet_colours(case: &Case<'_>, next: &mut ChannelMemory) {
    let colours = case.pace.strategy.and_then(|strategy| strategy.colours.as_ref());
    let Some(colours) = colours.filter(|_| next.colour.is_none() && case.terms.complete) else {
        return;
    };
    let met = match next.rollout.as_ref().and_then(|rollout| rollout.switch.as_ref()) {
        Some(switch) if switch.gives_up => Some(switch.other.clone()),
        Some(switch) => Some(switch.former.clone()),
        None => case.pace.cohort.sides().met(&colours.first),
    };
    next.colour = met.map(|active| ActiveColour {
        active,
        in_place: false,
    });
}

/// What a gate took back, unless a key holds something else than it did then, or when it was first read since.
fn unanswered(case: &Case<'_>, mut back: TakenBack) -> Option<TakenBack> {
    let Some(row) = case.row() else { return Some(back) };
    for (key, held) in [&row.key_a, &row.key_b].into_iter().zip(&mut back.keys) {
        match (key.text(), &*held) {
            (Some(text), Some(held)) if text != held => return None,
            (Some(text), None) => *held = Some(text.to_owned()),
            _ => {}
        }
    }
    Some(back)
}

/// The latch of `advance`: a tick belongs to the wave in which it is first seen, and means nothing elsewhere.
fn note_advance(case: &Case<'_>, is_known: bool, next: &mut ChannelMemory) {
    if !case.advance_box() {
        // A box that cannot be read leaves the latch, and so does a column that is gone: when it comes back, its ticks are no new ones.
        // A tick that nobody can withdraw any more lets no wave go on.
        if case.rows.iter().all(|row| row.advance == Some(Tick::Off)) {
            next.advance = None;
        } else if case.rows.iter().all(|row| row.advance.is_none()) {
            next.advance = next.advance.take().map(|_| Advance::Void);
        }
        return;
    }
    // A tick that is only watched is first seen when it may be served.
    if case.observes() {
        return;
    }
    let counts = is_known && case.row().is_some() && case.recognised.confirmed;
    let tick = match &next.rollout {
        Some(rollout) if counts => Advance::Waits {
            rollout: rollout.id,
            wave: rollout.wave,
            at: case.terms.now,
        },
        _ => Advance::Void,
    };
    let is_fresh = next.advance.is_none() && tick != Advance::Void;
    if let (true, Some(rollout)) = (is_fresh, &mut next.rollout) {
        let_go(rollout);
    }
    let known = next.advance.get_or_insert(tick);
    let lapsed = matches!((&*known, &next.rollout), (Advance::Waits { rollout, wave, .. }, now)
        if now.as_ref().is_none_or(|now| (now.id, now.wave) != (*rollout, *wave)));
    if lapsed {
        *known = Advance::Void;
    }
}

/// The plan of a channel before its servers are counted.
fn channel_plan(case: &Case<'_>, next: &ChannelMemory, matched: Matched) -> ChannelPlan {
    let advice = outlook::advice(case, next, &matched);
    channel_plan_with(case, next, matched, advice)
}

fn channel_plan_with(case: &Case<'_>, next: &ChannelMemory, matched: Matched, advice: Advice) -> ChannelPlan {
    ChannelPlan {
        advice,
        name: case.name.clone(),
        rows: case.rows.iter().map(|row| row.origin.row).collect(),
        release: next.release.clone(),
        previous: next.prior.clone(),
        status: matched.status,
        tone: matched.tone,
        would: matched.would,
        rollout: matched.rollout,
        rolled: case.memory.is_some_and(|known| known.rollout.is_some()),
        open: case.pace.hours == Hours::Open,
        rule: matched.rule,
        state: matched.state,
        desired_a: case.row().and_then(|row| named(&row.key_a)),
        desired_b: case.row().and_then(|row| named(&row.key_b)),
        moved: matched.moved,
        concerned: 0,
        carrying: 0,
        unseen: 0,
        held: 0,
        rowless: 0,
        left_behind: Vec::new(),
        agents: AgentCounts::default(),
    }
}

/// What a key's cell says, for reports.
fn named(key: &Key) -> Option<Arc<str>> {
    key.text().map(Arc::from)
}

/// What is remembered of a channel that could not be adopted, at a takeover or when its row was first seen: nothing to go by, and
/// no key that counts. (An update forgets no channel, so this stands for one that is not known.)
fn unmet(by: SpentBy) -> ChannelMemory {
    let mut unmet = ChannelMemory::default();
    spend_both(&mut unmet, by);
    unmet
}

/// Whether the store knows a channel. Its row does not tell: that is remembered of every row that was ever written.
fn is_known(memory: &ChannelMemory) -> bool {
    let is_unmet = |by: SpentBy| {
        let unmet = unmet(by);
        memory.key_a == unmet.key_a && memory.key_b == unmet.key_b
    };
    memory.release.is_some() || !(is_unmet(SpentBy::Takeover) || is_unmet(SpentBy::FirstContact))
}

/// A channel that is not known and cannot be adopted in this pass.
fn unknown(case: &Case<'_>, plan: &mut Plan) -> Option<ChannelMemory> {
    let (matched, step) = match case.rows {
        [] => (None, Step::Reach),
        [_] => (
            Some(Matched::new(
                Rule::NotReleased,
                "not released: waiting for every account and region to answer before adopting what the servers carry",
            )),
            Step::Reach,
        ),
        _ => (Some(Matched::new(Rule::Error, case.two_rows(plan))), Step::KeepOneRow),
    };
    if let Some(matched) = matched {
        let advice = Advice {
            steps: vec![step],
            then: Then::Decides,
        };
        plan.channels
            .push(channel_plan_with(case, &ChannelMemory::default(), matched, advice));
    }
    // A takeover cannot adopt what it cannot see, and what this store remembers may be long out of date: the channel is
    // forgotten, and is met for the first time once it can be adopted.
    if case.terms.policy.takeover {
        let row = case.memory.map(|memory| memory.row.clone()).unwrap_or_default();
        return Some(ChannelMemory {
            row,
            ..unmet(SpentBy::Takeover)
        });
    }
    // Keys that stand there already must not look, once every source answers, as if they had been typed since.
    let stood = case.row().is_some() && !contact::is_fresh(case);
    case.memory
        .cloned()
        .or_else(|| stood.then(|| unmet(SpentBy::FirstContact)))
}

/// Reports a channel without a row.
fn report_absent(case: &Case<'_>, next: &ChannelMemory, plan: &mut Plan) {
    let release = next.release.as_ref().map_or("none", Version::as_str);
    let message = format!(
        "the channel {} has no row in {} any more (release {release}); its servers are left as they are; bring the row \
         back with fleetsheet init --channel or undo",
        case.name, case.terms.intent.release_tab
    );
    let name = case.name.as_str();
    plan.problems
        .push(Problem::new(Kind::Mismatch, Code::NoRow, name, message));
}

/// Brings what is remembered of a known channel up to what its rows show: stamps, spent keys, latch.
fn reread(case: &Case<'_>, memory: &ChannelMemory, plan: &mut Plan) -> ChannelMemory {
    let mut next = ChannelMemory {
        row: case.recognised.row.clone(),
        ..memory.clone()
    };
    match case.rows {
        [] => spend_both(&mut next, SpentBy::Absence),
        [row] if case.recognised.confirmed => {
            if case.protected() {
                reread_key(&mut next.key_a, &row.key_a);
                reread_key(&mut next.key_b, &row.key_b);
            } else {
                spend_both(&mut next, SpentBy::Protection);
            }
        }
        [_] => {
            if let Some(edit) = &case.recognised.edit {
                report_edit(case, edit, memory, plan);
            }
            spend_both(&mut next, SpentBy::Edit);
        }
        _ => spend_both(&mut next, SpentBy::TwoRows),
    }
    reread_recalled(&mut next, case.rows);
    if case.recognised.foreign {
        next.latch.get_or_insert(Latch::FoundTicked);
    } else if !case.rows.is_empty() && case.rows.iter().all(|row| row.rollback == Tick::Off) {
        next.latch = None;
    }
    next
}

fn report_edit(case: &Case<'_>, edit: &Edit, memory: &ChannelMemory, plan: &mut Plan) {
    // As long as the cells cannot be restored the edit stands there in every pass, but it happened once.
    let known = KeyState::Spent {
        held: None,
        by: SpentBy::Edit,
    };
    if memory.key_a != known || memory.key_b != known {
        let detail = edit.detail.clone();
        plan.happenings
            .push(case.happening("unauthorised_edit", &edit.from, &edit.to, detail));
    }
    plan.problems.push(Problem::new(
        Kind::UnauthorisedEdit,
        Code::Edit,
        &*edit.place,
        &*edit.detail,
    ));
}
