//! How a belt trips: shares, what they are compared with, and the message that says so.

use chrono::TimeDelta;

use crate::plan::model::{Plan, Tripped};
use crate::plan::policy::{Belt, Policy};
use crate::problem::{Kind, Problem};

/// How far back the belts look.
pub(super) const DAY: TimeDelta = TimeDelta::hours(24);
/// Shares are compared with this much slack, so that 3 of 10 is not more than 0.3 by a rounding error.
pub(super) const SLACK: f64 = 1e-9;

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of rows and servers are far below 2^52"
)]
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Whether a part of a whole reaches a limit; a limit of 1 switches it off.
pub(super) fn reaches(part: u64, whole: u64, limit: f64) -> bool {
    limit < 1.0 && part > 0 && share(part, whole) + SLACK >= limit
}

/// A part of a whole in percent.
pub(super) fn percent(part: u64, whole: u64) -> String {
    percent_of(share(part, whole))
}

/// A share in percent.
pub(super) fn percent_of(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Reports a belt that trips; gives its message when it holds.
pub(super) fn trip(plan: &mut Plan, policy: &Policy, belt: Belt, place: &str, what: String) -> Option<String> {
    let word = belt.word();
    let allowed = policy.allow.contains(&belt);
    let fix = if allowed {
        "let through by --allow"
    } else {
        "if it is meant, run fleetsheet --once --allow"
    };
    let message = format!("belt {word}: {what}; {fix} {word}");
    plan.problems
        .push(Problem::new(Kind::Belt, belt.code(), place, message.clone()));
    plan.tripped.push(Tripped {
        belt,
        place: place.to_owned(),
        message: message.clone(),
        allowed,
    });
    (!allowed).then_some(message)
}
