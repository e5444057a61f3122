//! The table itself: the first rule that matches decides about release, keys and latch.

use super::case::Case;
use super::keys::{spend_both, spend_named, why};

use crate::memory::{ChannelMemory, KeyState, Latch, Move, SpentBy, Unfinished};
use crate::plan::model::{Moved, Plan, Tone};
use crate::plan::rule::Rule;
use crate::plan::state::State;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::intent::{ReleaseRow, Tick};
use crate::tag::Version;

/// What the rule that matched says.
pub(super) struct Matched {
    pub(super) rule: Rule,
    pub(super) state: State,
    pub(super) status: String,
    pub(super) tone: Tone,
    /// What `mode = "observe"` keeps from happening, in words.
    pub(super) would: Option<String>,
    pub(super) moved: Option<Moved>,
}

impl Matched {
    /// A status that moves nothing.
    pub(super) fn new(rule: Rule, status: impl Into<String>) -> Self {
        let tone = match rule {
            Rule::NothingToRollBack | Rule::Error => Tone::Bad,
            Rule::InSync => Tone::Good,
            _ => Tone::Waiting,
        };
        Self {
            rule,
            state: State::of(rule),
            status: status.into(),
            tone,
            would: None,
            moved: None,
        }
    }

    /// What would happen if the pass did not only observe.
    fn watched(rule: Rule, would: String) -> Self {
        Self {
            state: State::Observe,
            would: Some(would.clone()),
            ..Self::new(rule, format!("observe: {would}"))
        }
    }
}

/// The table; the first rule that matches wins.
pub(super) fn match_rule(case: &Case<'_>, next: &mut ChannelMemory, plan: &mut Plan) -> Matched {
    if case.ticked() {
        let mut matched = match (&next.latch, next.release.clone(), next.prior.clone()) {
            (None, Some(from), Some(to)) => roll_back(case, next, from, to),
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
        [] => match_keys(case, row, next, plan),
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
        spend_both(next, SpentBy::Protection);
        let repair = case.terms.approval.faults.join("; ");
        let message = format!("{version} has both keys, but they may be one person's: {repair}");
        plan.problems.push(Problem::new(
            Kind::Belt,
            Code::Protection,
            case.place("desiredVersionA"),
            message,
        ));
        return Matched::new(Rule::Unprotected, format!("held: {repair}"));
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
        return Matched::new(Rule::Spent, status);
    }
    if row.enabled != Tick::On {
        return Matched::new(Rule::Ready, format!("ready: {version} has both keys; not enabled"));
    }
    if let Some(belt) = case.terms.row_belt {
        return Matched {
            state: State::Belt,
            ..Matched::new(Rule::Promoted, format!("held: {version} waits: {belt}"))
        };
    }
    if let Some(count) = case.terms.deserted.get(case.name) {
        return deserted(case, version, *count, plan);
    }
    if case.observes() {
        return Matched::watched(Rule::Promoted, format!("would release {version}"));
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

/// Rule 1.
fn roll_back(case: &Case<'_>, next: &mut ChannelMemory, from: Version, to: Version) -> Matched {
    if case.observes() {
        return Matched::watched(Rule::RolledBack, format!("would roll back from {from} to {to}"));
    }
    next.release = Some(to.clone());
    next.approved = next.prior_approved;
    next.prior = None;
    next.prior_approved = false;
    next.moved = Move::Rollback;
    next.unfinished = Some(Unfinished {
        from: Some(from.clone()),
        behind: false,
    });
    next.latch = Some(Latch::Served { from: from.clone() });
    for (which, state) in [("A", &mut next.key_a), ("B", &mut next.key_b)] {
        let cells = case
            .rows
            .iter()
            .map(|row| if which == "A" { &row.key_a } else { &row.key_b });
        spend_named(state, cells, &from);
    }
    Matched {
        moved: Some(Moved::Rollback { from: from.clone(), to }),
        ..Matched::new(Rule::RolledBack, served(&from))
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
    let status = match latch {
        Latch::Served { from } => served(from),
        Latch::Nothing => {
            return Matched {
                tone: Tone::Bad,
                ..Matched::new(Rule::Latched, NOTHING)
            };
        }
        Latch::FoundTicked => {
            "rollback stood ticked when the row was first seen or after an edit, so it is not served; untick and tick again".into()
        }
    };
    Matched::new(Rule::Latched, status)
}
