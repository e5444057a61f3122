//! The table itself: the first rule that matches decides about release, keys and latch.

use super::case::Case;
use super::keys::{spend_both, spend_named, why};
use super::matched::Matched;
use crate::memory::{ChannelMemory, KeyState, Latch, Move, Rollout, SpentBy, Unfinished};
use crate::plan::model::{By, Moved, Plan, Tone};
use crate::plan::rollout::{Carry, RolloutPlan, Started, lapse, start, take_colours_back, taken_back_words, under_way};
use crate::plan::rule::Rule;
use crate::plan::state::State;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::intent::{ReleaseRow, Tick};
use crate::tag::Version;

/// The table; the first rule that matches wins.
pub(super) fn match_rule(case: &Case<'_>, next: &mut ChannelMemory, plan: &mut Plan) -> Matched {
    if case.ticked() && next.latch.is_none() && next.rollout.is_some() {
        if let Some(from) = next.release.clone() {
            return roll_back(case, next, from);
        }
    } else if let Some(matched) = under_way(case, next, plan) {
        return matched;
    }
    if case.ticked() {
        let mut matched = match (&next.latch, next.release.clone(), next.prior.clone()) {
            (None, Some(from), Some(_)) => roll_back(case, next, from),
            (None, ..) => nothing_to_roll_back(case, next, plan),
            (Some(latch), ..) => latched(latch),
        };
        if next.latch.is_some()
            && let Some(version) = released_by_unticking(case, next)
        {
            matched
                .status
                .push_str(&format!(" (unticking releases {version}, which both keys name)"));
        }
        return matched;
    }
    let [row] = case.rows else {
        return Matched::new(Rule::Error, case.two_rows(plan));
    };
    match &row.errors[..] {
        [] => {
            let matched = match_keys(case, row, next, plan);
            if next.taken_back.is_none() || matched.moved.is_some() {
                return matched;
            }
            // What a gate did is told until somebody answers it with a key.
            Matched {
                status: taken_back_words(next),
                tone: Tone::Bad,
                ..matched
            }
        }
        [one] => Matched::new(Rule::Error, format!("error: {}", one.message)),
        [first, more @ ..] => {
            let status = format!("error: {} (and {} more)", first.message, more.len());
            Matched::new(Rule::Error, status)
        }
    }
}

/// What unticking `rollback` releases at once; `None` where it releases nothing.
pub(super) fn released_by_unticking(case: &Case<'_>, next: &ChannelMemory) -> Option<Version> {
    let row = case.row().filter(|row| row.errors.is_empty())?;
    match match_keys(case, row, &mut next.clone(), &mut Plan::default()).moved {
        Some(Moved::Promotion { to, .. }) => Some(to),
        _ => None,
    }
}

/// Rules 5 to 11, for a channel in one row whose cells can all be read.
fn match_keys(case: &Case<'_>, row: &ReleaseRow, next: &mut ChannelMemory, plan: &mut Plan) -> Matched {
    let (a, b) = (row.key_a.version(), row.key_b.version());
    let agreed = a.filter(|a| Some(*a) == b);
    let Some(release) = next.release.clone() else {
        return match agreed {
            None => {
                let carried = match (case.carried, case.terms.complete) {
                    (Some(carried), true) => carried.words(),
                    (None, true) => "no server carries a version".into(),
                    // Servers that nobody saw may carry anything.
                    (Some(carried), false) => format!("{}, of those that were seen", carried.words()),
                    (None, false) => "not every account and region answered".into(),
                };
                Matched::new(Rule::NotReleased, format!("not released: {carried}"))
            }
            Some(version) => promote(case, row, version, next, plan),
        };
    };
    if (a.is_none() && b.is_none()) || agreed == Some(&release) {
        if let Some(version) = agreed.filter(|_| next.mixed) {
            return promote(case, row, version, next, plan);
        }
        if agreed.is_some() && is_live(next) && case.protected() {
            next.approved = true;
        }
        return Matched::new(Rule::InSync, "in sync");
    }
    match agreed {
        None => waiting(a, b, &release),
        Some(version) => promote(case, row, version, next, plan),
    }
}

fn is_live(memory: &ChannelMemory) -> bool {
    memory.key_a == KeyState::Live && memory.key_b == KeyState::Live
}

/// Rule 7.
fn waiting(a: Option<&Version>, b: Option<&Version>, release: &Version) -> Matched {
    let shown = |key: Option<&Version>| key.map_or("empty".to_owned(), Version::to_string);
    let behind = |key: Option<&Version>| key.is_none() || key == Some(release);
    let (state, who) = match (behind(a), behind(b)) {
        (_, true) => (State::WaitingB, "key B"),
        (true, false) => (State::WaitingA, "key A"),
        (false, false) => (State::Waiting, "key A or key B"),
    };
    let status = format!("waiting for {who}: A={}, B={}", shown(a), shown(b));
    Matched {
        state,
        ..Matched::new(Rule::Waiting, status)
    }
}

/// Rules 8 to 11: both keys name a version that is not in force.
fn promote(case: &Case<'_>, row: &ReleaseRow, version: &Version, next: &mut ChannelMemory, plan: &mut Plan) -> Matched {
    if !case.protected() {
        let repair = unprotected(case, version, next, plan);
        return Matched::new(Rule::Unprotected, format!("held: {repair}"));
    }
    if let Some(words) = spent_words(next, version) {
        return Matched::new(Rule::Spent, format!("held: {words}"));
    }
    if row.enabled != Tick::On {
        return Matched::new(Rule::Ready, format!("ready: {version} has both keys; not enabled"));
    }
    if let (Some(belt), None) = (case.terms.row_belt, case.pace.strategy) {
        return Matched {
            state: State::Belt,
            ..Matched::new(Rule::Promoted, format!("held: {version} waits: {belt}"))
        };
    }
    if let Some(count) = case.terms.deserted.get(case.name) {
        return deserted(case, version, *count, plan);
    }
    // A release that was adopted over several versions is none that all could go back to.
    let former = next.release.clone().filter(|release| release != version && !next.mixed);
    let started = match start(case, next, version, former.as_ref()) {
        Started::Cannot(why) => return no_colours(case, version, why, plan),
        Started::Waits(what, belt) => {
            let status = format!("ready: {version} has both keys; waits for {what}");
            return Matched {
                state: if belt { State::Belt } else { State::Ready },
                ..Matched::new(Rule::Promoted, status)
            };
        }
        started if case.observes() => {
            let would = match started {
                Started::Rolls(rolls) => format!("would start {}", rolls.2.status(rolls.2.carrying)),
                _ => format!("would release {version}"),
            };
            return Matched::watched(Rule::Promoted, would);
        }
        started => started,
    };
    next.taken_back = None;
    next.mixed = false;
    if let Started::Rolls(rolls) = started {
        return roll_out(version, former, *rolls, next);
    }
    let from = next.release.replace(version.clone());
    next.prior.clone_from(&from);
    next.prior_approved = next.approved;
    next.approved = true;
    next.moved = Move::Promotion;
    next.unfinished = Some(Unfinished {
        from: from.clone(),
        behind: false,
    });
    let to = version.clone();
    Matched {
        tone: Tone::Good,
        moved: Some(Moved::Promotion { from, to }),
        ..Matched::new(Rule::Promoted, "in sync")
    }
}

/// A blue-green channel whose colours cannot be told.
fn no_colours(case: &Case<'_>, version: &Version, why: String, plan: &mut Plan) -> Matched {
    let message = format!("{}: {version} has both keys, but {why}", case.name);
    let place = case.place("status");
    plan.problems
        .push(Problem::new(Kind::Mismatch, Code::Colours, place, message));
    Matched {
        state: State::Error,
        tone: Tone::Bad,
        ..Matched::new(Rule::Promoted, format!("error: {version} has both keys, but {why}"))
    }
}

/// A rollout starts: the release is the new version from now on.
fn roll_out(
    version: &Version,
    from: Option<Version>,
    (rollout, carry, shown): (Rollout, Carry, RolloutPlan),
    next: &mut ChannelMemory,
) -> Matched {
    next.prior_approved = from.is_some() && next.approved;
    next.release = Some(version.clone());
    next.prior.clone_from(&from);
    next.approved = true;
    next.moved = Move::Promotion;
    next.unfinished = None;
    next.rollout = Some(rollout);
    Matched {
        state: State::Rolling,
        tone: Tone::Good,
        moved: Some(Moved::Promotion {
            from,
            to: version.clone(),
        }),
        carry: Some(carry),
        ..Matched::new(Rule::Promoted, shown.status(shown.carrying))
    }
    .with_rollout(shown)
}

/// Rule 8: what is to be repaired. Both keys are spent.
pub(in crate::plan) fn unprotected(
    case: &Case<'_>,
    version: &Version,
    next: &mut ChannelMemory,
    plan: &mut Plan,
) -> String {
    spend_both(next, SpentBy::Protection);
    let repair = case.terms.approval.faults.join("; ");
    // In a rollout both keys may name the version that it leaves.
    let named = case.agreed().unwrap_or(version);
    let message = format!("{named} has both keys, but they may be one person's: {repair}");
    let place = case.place("desiredVersionA");
    plan.problems
        .push(Problem::new(Kind::Belt, Code::Protection, place, message));
    repair
}

/// Rule 9: why a version must be approved again, if it must.
pub(in crate::plan) fn spent_words(next: &ChannelMemory, version: &Version) -> Option<String> {
    let spent = [&next.key_a, &next.key_b].into_iter().find_map(|key| match key {
        KeyState::Spent { by, .. } => Some(*by),
        KeyState::Live => None,
    });
    spent.map(|by| {
        format!(
            "{version} must be approved again; clear both keys, let a pass see it, and type them again ({})",
            why(by)
        )
    })
}

/// Rule 11 for a channel that lost all its servers: it would look done without having reached anybody.
fn deserted(case: &Case<'_>, version: &Version, count: usize, plan: &mut Plan) -> Matched {
    let tab = &case.terms.intent.server_tab;
    let servers = if count == 1 { "the one server" } else { "all servers" };
    let why = format!(
        "{servers} ({count}) that the channel had left it since the last pass, though none has ended; put the channel of their \
         rows in {tab} right, or, if it is meant, run fleetsheet --once --allow row_drop"
    );
    let message = format!("{}: {version} has both keys and would reach nobody: {why}", case.name);
    let name = case.name.as_str();
    plan.problems
        .push(Problem::new(Kind::Belt, Code::Deserted, name, message));
    Matched {
        state: State::Belt,
        ..Matched::new(Rule::Promoted, format!("held: {version} would reach nobody: {why}"))
    }
}

/// Rule 1. A rollout that left no version behind ends where its servers are.
fn roll_back(case: &Case<'_>, next: &mut ChannelMemory, from: Version) -> Matched {
    let to = next.prior.clone();
    if case.observes() {
        let back = to.as_ref().map_or_else(String::new, |to| format!(" to {to}"));
        return Matched::watched(Rule::RolledBack, format!("would roll back from {from}{back}"));
    }
    let rollout = next.rollout.take();
    take_colours_back(next, rollout.as_ref(), &case.pace.cohort.sides());
    next.release.clone_from(&to);
    next.approved = next.prior_approved;
    next.prior = None;
    next.prior_approved = false;
    next.taken_back = None;
    next.mixed = false;
    lapse(next);
    next.moved = Move::Rollback;
    next.unfinished = Some(Unfinished {
        from: Some(from.clone()),
        behind: false,
    });
    next.latch = Some(Latch::Served { from: from.clone() });
    spend_left(case, next, &from);
    Matched {
        moved: Some(Moved::Rollback {
            from: from.clone(),
            to,
            by: By::Tick,
        }),
        ..Matched::new(Rule::RolledBack, served(&from))
    }
}

/// Spends each key that names the version left.
fn spend_left(case: &Case<'_>, next: &mut ChannelMemory, left: &Version) {
    for (which, state) in [("A", &mut next.key_a), ("B", &mut next.key_b)] {
        let cells = case
            .rows
            .iter()
            .map(|row| if which == "A" { &row.key_a } else { &row.key_b });
        spend_named(state, cells, left);
    }
}

/// Rule 2.
fn nothing_to_roll_back(case: &Case<'_>, next: &mut ChannelMemory, plan: &mut Plan) -> Matched {
    if case.observes() {
        return Matched::new(Rule::NothingToRollBack, NOTHING);
    }
    next.latch = Some(Latch::Nothing);
    let message = format!("{}: {}", case.name, NOTHING.trim_start_matches("error: "));
    plan.problems.push(Problem::new(
        Kind::Mismatch,
        Code::NothingToRollBack,
        case.place("rollback"),
        message,
    ));
    Matched::new(Rule::NothingToRollBack, NOTHING)
}

const NOTHING: &str = "error: nothing to roll back to; name the older version in both keys";

/// The status of a tick that was served, the same as long as it stands: a pass that sees it again has nothing to write.
fn served(from: &Version) -> String {
    format!("rolled back from {from}; untick rollback to release again")
}

/// Rule 3.
fn latched(latch: &Latch) -> Matched {
    let matched = Matched::new(Rule::Latched, latched_words(latch));
    match latch {
        Latch::Nothing => Matched {
            tone: Tone::Bad,
            ..matched
        },
        Latch::Served { .. } | Latch::FoundTicked => matched,
    }
}

/// Why a box that is ticked does nothing.
pub(in crate::plan) fn latched_words(latch: &Latch) -> String {
    match latch {
        Latch::Served { from } => served(from),
        Latch::Nothing => NOTHING.into(),
        Latch::FoundTicked => {
            "rollback stood ticked when the row was first seen or after an edit, so it is not served; untick and tick again".into()
        }
    }
}
