//! What a command comes to.

use crate::adapters::machine::now;
use crate::machine::Stop;
use crate::problem::Problem;

/// What a command comes to.
#[derive(Debug)]
pub struct Answer {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: serde_json::Value,
    /// The exit code.
    pub code: u8,
}

impl Answer {
    pub(super) fn new(text: impl Into<String>, json: serde_json::Value, code: u8) -> Self {
        Self {
            text: text.into(),
            json,
            code,
        }
    }

    pub(super) fn of_problems(problems: &[Problem], code: u8) -> Self {
        let text = problems
            .iter()
            .map(|problem| format!("{problem}\n"))
            .collect::<String>();
        Self::new(text, serde_json::json!({ "problems": problems }), code)
    }

    pub(super) fn of_stop(stop: &Stop) -> Self {
        let (code, outcome) = if matches!(stop, Stop::Refused(_)) {
            (5, "refused")
        } else {
            (1, "failed")
        };
        let problems = [Problem::new("run", "fleetsheet-agent", stop.why())];
        Self {
            json: Self::unknown(outcome, stop.why(), &problems),
            ..Self::of_problems(&problems, code)
        }
    }

    /// The keys of a run that never came to know its server.
    pub(super) fn unknown(outcome: &str, detail: &str, problems: &[Problem]) -> serde_json::Value {
        serde_json::json!({
            "run": now(), "outcome": outcome, "channel": "", "desired": "", "running": "", "commit": "", "state": "",
            "detail": detail, "actions": [], "health": [], "problems": problems, "duration_ms": 0,
        })
    }
}
