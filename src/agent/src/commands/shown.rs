//! How answers look.

use std::io::Write as _;

use super::answer::Answer;
use crate::action::Action;
use crate::outcome::Outcome;
use crate::problem::plain;

/// Writes an answer.
pub fn write(answer: &Answer, json: bool) {
    let text = if json {
        format!("{}\n", answer.json)
    } else {
        answer.text.clone()
    };
    // Nobody reads it: there is nobody to tell.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// A run, for people.
#[must_use]
pub fn outcome(outcome: &Outcome) -> String {
    let mut text = format!("{}: {}", outcome.outcome, outcome.state);
    if !outcome.detail.is_empty() {
        text.push_str(&format!(" {}", plain(&outcome.detail)));
    }
    text.push_str(&format!(
        " (runs {}, tag asks {})\n",
        plain(&outcome.running),
        or(&outcome.desired, "nothing")
    ));
    text.push_str(&actions(outcome));
    for made in &outcome.health {
        text.push_str(&format!("  health {}: {:?} {}\n", made.id, made.result, plain(&made.message)).to_lowercase());
    }
    for problem in &outcome.problems {
        text.push_str(&format!("  {problem}\n"));
    }
    text
}

fn or(text: &str, otherwise: &str) -> String {
    if text.is_empty() {
        otherwise.to_owned()
    } else {
        plain(text)
    }
}

/// Actions, with before and after.
#[must_use]
pub fn actions(outcome: &Outcome) -> String {
    let lines = outcome.actions.iter().map(|action| {
        let result = if action.result.is_empty() || action.result == "ok" {
            String::new()
        } else {
            format!("  FAILED: {}", plain(&action.result))
        };
        format!(
            "  {:<9}{}: {} → {}{result}\n{}",
            format!("{:?}", action.reason).to_lowercase(),
            plain(&action.id),
            plain(&action.before),
            plain(&action.after),
            diff(action)
        )
    });
    lines.collect()
}

/// The lines of a file that change.
#[must_use]
pub fn diff(action: &Action) -> String {
    let lines = action.diff.lines().map(|line| format!("      {}\n", plain(line)));
    lines.collect()
}
