//! The decision about a channel: what people ask for and who may turn the keys, against what is remembered of it. What the
//! service itself shows in its row comes in as what was recognised of it, and is never read as a wish.

mod case;
mod contact;
mod keys;
mod outlook;
mod rules;

use std::sync::Arc;

use super::advice::{Advice, Step, Then};
use super::model::{ChannelPlan, Plan};
use super::recognise::Edit;
use super::rule::Rule;
use crate::memory::{ChannelMemory, KeyState, Latch, SpentBy};
use crate::problem::{Code, Kind, Problem};
use crate::sheet::intent::{Key, Tick};
use crate::tag::Version;
pub(super) use case::{Case, Terms};
use keys::{report_spent, reread_key, reread_recalled, spend_both};
use rules::Matched;

/// Decides one channel: pushes its plan, its problems and happenings, and gives what to remember; `None` when it is not to be
/// known yet.
pub(super) fn decide(case: &Case<'_>, plan: &mut Plan) -> Option<ChannelMemory> {
    for row in case.rows {
        plan.problems.extend(row.errors.iter().cloned());
    }
    let known = case.memory.filter(|m| !case.terms.policy.takeover && is_known(m));
    let mut next = match (known, case.row(), &case.recognised.met) {
        (Some(memory), ..) => reread(case, memory, plan),
        (None, Some(row), Some(met)) if case.terms.complete => contact::meet(case, row, met, plan),
        (None, ..) => return unknown(case, plan),
    };
    let before = known.cloned().unwrap_or_default();
    if case.rows.is_empty() {
        report_spent(case, &before, &next, plan);
        report_absent(case, &next, plan);
        return Some(next);
    }
    let matched = rules::match_rule(case, &mut next, plan);
    report_spent(case, &before, &next, plan);
    plan.channels.push(channel_plan(case, &next, matched));
    Some(next)
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
    let [a, b] = &mut next.recalled;
    reread_recalled(&mut next.key_a, a, case.rows.iter().map(|row| &row.key_a));
    reread_recalled(&mut next.key_b, b, case.rows.iter().map(|row| &row.key_b));
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
