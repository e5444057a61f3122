//! The table itself: the first rule that matches decides about release, keys and latch.

use super::{Input, spend_both, two_rows, why};
use crate::memory::{ChannelMemory, KeyState, Latch, Move, SpentBy};
use crate::plan::{Moved, Plan, Rule};
use crate::problem::{Code, Kind, Problem};
use crate::sheet::parse::{Key, ReleaseRow, Tick};
use crate::tag::Version;

pub(super) type Matched = (Rule, String, Option<Moved>);

/// The table; the first rule that matches wins.
pub(super) fn match_rule(input: &Input<'_>, next: &mut ChannelMemory, plan: &mut Plan) -> Matched {
    if input.ticked() {
        return match (&next.latch, next.release.clone(), next.prior.clone()) {
            (None, Some(from), Some(to)) => roll_back(input, next, plan, from, to),
            (None, ..) => nothing_to_roll_back(input, next, plan),
            (Some(latch), ..) => (Rule::Latched, latched(latch), None),
        };
    }
    let [row] = input.rows else {
        return (Rule::Error, two_rows(input, plan), None);
    };
    match &row.errors[..] {
        [] => match_keys(input, row, next, plan),
        [one] => (Rule::Error, format!("error: {}", one.message), None),
        [first, more @ ..] => {
            let status = format!("error: {} (and {} more)", first.message, more.len());
            (Rule::Error, status, None)
        }
    }
}

/// Rules 5 to 11, for a channel in one row whose cells can all be read.
fn match_keys(input: &Input<'_>, row: &ReleaseRow, next: &mut ChannelMemory, plan: &mut Plan) -> Matched {
    let (a, b) = (row.key_a.version(), row.key_b.version());
    let agreed = a.filter(|a| Some(*a) == b);
    let Some(release) = next.release.clone() else {
        return match agreed {
            None => {
                let carried = match (input.carried, input.complete) {
                    (Some(carried), true) => carried.words(),
                    (None, true) => "no server carries a version".into(),
                    // Servers that nobody saw may carry anything.
                    (Some(carried), false) => format!("{}, of those that were seen", carried.words()),
                    (None, false) => "not every account and region answered".into(),
                };
                (Rule::NotReleased, format!("not released: {carried}"), None)
            }
            Some(version) => promote(input, row, version, next, plan),
        };
    };
    if (a.is_none() && b.is_none()) || agreed == Some(&release) {
        if agreed.is_some() && is_live(next) && input.protected() {
            next.approved = true;
        }
        return (Rule::InSync, "in sync".into(), None);
    }
    match agreed {
        None => (Rule::Waiting, waiting(a, b, &release), None),
        Some(version) => promote(input, row, version, next, plan),
    }
}

fn is_live(memory: &ChannelMemory) -> bool {
    memory.key_a == KeyState::Live && memory.key_b == KeyState::Live
}

fn waiting(a: Option<&Version>, b: Option<&Version>, release: &Version) -> String {
    let shown = |key: Option<&Version>| key.map_or("empty".to_owned(), Version::to_string);
    let behind = |key: Option<&Version>| key.is_none() || key == Some(release);
    let who = match (behind(a), behind(b)) {
        (_, true) => "key B",
        (true, false) => "key A",
        (false, false) => "key A or key B",
    };
    format!("waiting for {who}: A={}, B={}", shown(a), shown(b))
}

/// Rules 8 to 11: both keys name a version that is not in force.
fn promote(
    input: &Input<'_>,
    row: &ReleaseRow,
    version: &Version,
    next: &mut ChannelMemory,
    plan: &mut Plan,
) -> Matched {
    if !input.protected() {
        spend_both(next, SpentBy::Protection);
        let repair = input.sheet.guards.faults.join("; ");
        let message = format!("{version} has both keys, but they may be one person's: {repair}");
        plan.problems.push(Problem::new(
            Kind::Belt,
            Code::Protection,
            input.place("desiredVersionA"),
            message,
        ));
        return (Rule::Unprotected, format!("held: {repair}"), None);
    }
    let spent = [&next.key_a, &next.key_b].into_iter().find_map(|key| match key {
        KeyState::Spent { by, .. } => Some(*by),
        KeyState::Live => None,
    });
    if let Some(by) = spent {
        let status = format!(
            "held: {version} must be approved again; clear both keys, let a pass see it, and type them again ({})",
            why(by)
        );
        return (Rule::Spent, status, None);
    }
    if row.enabled != Tick::On {
        return (
            Rule::Ready,
            format!("ready: {version} has both keys; not enabled"),
            None,
        );
    }
    if let Some(belt) = input.row_belt {
        return (Rule::Promoted, format!("held: {version} waits: {belt}"), None);
    }
    if input.policy.observe {
        return (Rule::Promoted, format!("observe: would release {version}"), None);
    }
    let from = next.release.replace(version.clone());
    next.prior.clone_from(&from);
    next.prior_approved = next.approved;
    next.approved = true;
    next.moved = Move::Promotion;
    (
        Rule::Promoted,
        "in sync".into(),
        Some(Moved::Promotion {
            from,
            to: version.clone(),
        }),
    )
}

/// Rule 1.
fn roll_back(input: &Input<'_>, next: &mut ChannelMemory, plan: &mut Plan, from: Version, to: Version) -> Matched {
    if input.policy.observe {
        return (
            Rule::RolledBack,
            format!("observe: would roll back from {from} to {to}"),
            None,
        );
    }
    next.release = Some(to.clone());
    next.approved = next.prior_approved;
    next.prior = None;
    next.prior_approved = false;
    next.moved = Move::Rollback;
    next.latch = Some(Latch::Served { from: from.clone() });
    for (which, state) in [("A", &mut next.key_a), ("B", &mut next.key_b)] {
        let cells = input
            .rows
            .iter()
            .map(|row| if which == "A" { &row.key_a } else { &row.key_b });
        spend_named(state, cells, &from);
    }
    let message = format!("{} is rolled back from {from} to {to}", input.name);
    plan.problems.push(Problem::new(
        Kind::Release,
        Code::RolledBack,
        input.place("rollback"),
        message,
    ));
    let status = served(&from);
    (Rule::RolledBack, status, Some(Moved::Rollback { from, to }))
}

/// Spends a key that names the version left. One that cannot be read may name it, and is spent at what it is first read to
/// hold; one that waits for that already goes on waiting.
fn spend_named<'k>(state: &mut KeyState, cells: impl Iterator<Item = &'k Key>, left: &Version) {
    if matches!(state, KeyState::Spent { held: None, .. }) {
        return;
    }
    for key in cells {
        let held = match key {
            Key::Unreadable => None,
            Key::Names(version) if version == left => Some(left.to_string()),
            Key::Names(_) | Key::Empty => continue,
        };
        *state = KeyState::Spent {
            held,
            by: SpentBy::Rollback,
        };
    }
}

/// Rule 2.
fn nothing_to_roll_back(input: &Input<'_>, next: &mut ChannelMemory, plan: &mut Plan) -> Matched {
    if input.policy.observe {
        return (Rule::NothingToRollBack, NOTHING.into(), None);
    }
    next.latch = Some(Latch::Nothing);
    let message = format!("{}: {}", input.name, NOTHING.trim_start_matches("error: "));
    plan.problems.push(Problem::new(
        Kind::Mismatch,
        Code::NothingToRollBack,
        input.place("rollback"),
        message,
    ));
    (Rule::NothingToRollBack, NOTHING.into(), None)
}

const NOTHING: &str = "error: nothing to roll back to; name the older version in both keys";

/// The status of a tick that was served, the same as long as it stands: a pass that sees it again has nothing to write.
fn served(from: &Version) -> String {
    format!("rolled back from {from}; untick rollback to release again")
}

/// Rule 3.
fn latched(latch: &Latch) -> String {
    match latch {
        Latch::Served { from } => served(from),
        Latch::Nothing => NOTHING.into(),
        Latch::FoundTicked => {
            "rollback stood ticked when the row was first seen or after an edit, so it is not served; untick and tick again".into()
        }
    }
}
