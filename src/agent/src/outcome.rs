//! What a run came to, in the words of reports.

use std::time::Instant;

use chrono::{DateTime, Utc};
use fleetsheet_words::report::State;
use serde::Serialize;

use crate::action::Action;
use crate::adapters::probe::Made;
use crate::attempt::Stands;
use crate::machine::{Machine, Stop};
use crate::problem::Problem;
use crate::rules::{Tags, Verdict};

/// How a run ended.
pub type Ended = Result<Stands, Stop>;

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// When it began.
    pub run: DateTime<Utc>,
    /// In a word.
    pub outcome: &'static str,
    /// The channel that the tag names.
    pub channel: String,
    /// The version that the tag names.
    pub desired: String,
    /// The version that runs.
    pub running: String,
    /// Its commit.
    pub commit: String,
    /// The state that is reported.
    pub state: &'static str,
    /// And in detail.
    pub detail: String,
    /// What was done, or would be.
    pub actions: Vec<Action>,
    /// What checks said.
    pub health: Vec<Made>,
    /// What was wrong.
    pub problems: Vec<Problem>,
    /// How long it took.
    pub duration_ms: u64,
}

impl Outcome {
    /// The exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self.outcome {
            "in_sync" | "converged" | "held" => 0,
            "taken_back" | "unhealthy" | "broken" => 4,
            "refused" => 5,
            "busy" => 6,
            _ => 1,
        }
    }
}

/// A line of the history: quiet runs say next to nothing.
#[must_use]
pub fn brief(outcome: &Outcome) -> serde_json::Value {
    serde_json::json!({
        "run": outcome.run, "outcome": outcome.outcome, "desired": outcome.desired, "running": outcome.running,
        "state": outcome.state, "detail": outcome.detail, "actions": outcome.actions, "duration_ms": outcome.duration_ms,
    })
}

/// How a run ended: its outcome, and the state with its detail.
fn told(machine: &Machine<'_>, verdict: &Verdict, ended: Ended) -> (&'static str, State, String) {
    let quiet = if machine.done.is_empty() {
        "in_sync"
    } else {
        "converged"
    };
    match ended {
        Err(stop) => {
            let word = if matches!(stop, Stop::Refused(_)) {
                "refused"
            } else {
                "failed"
            };
            (
                word,
                if word == "refused" {
                    State::Refused
                } else {
                    State::Failed
                },
                stop.why().to_owned(),
            )
        }
        Ok(Stands::Watching) => ("converged", State::Watching, verdict.detail.clone()),
        Ok(Stands::Unhealthy(why)) => ("unhealthy", State::Unhealthy, why),
        Ok(Stands::TakenBack {
            quarantined: Some(version),
            why,
        }) => ("taken_back", State::Quarantined, format!("{version}: {why}")),
        Ok(Stands::TakenBack { why, .. }) => ("taken_back", State::Failed, why),
        Ok(Stands::Broken(why)) => ("broken", State::Broken, why),
        Ok(Stands::Good) => match verdict.rule {
            2 => ("held", State::Held, verdict.detail.clone()),
            3 => ("broken", State::Broken, verdict.detail.clone()),
            4 | 11 => ("failed", verdict.state, verdict.detail.clone()),
            7 | 9 => ("refused", verdict.state, verdict.detail.clone()),
            5 | 12 => ("converged", State::Ok, verdict.detail.clone()),
            _ => (quiet, verdict.state, verdict.detail.clone()),
        },
    }
}

/// What is said of how it stands.
#[must_use]
pub fn outcome(
    machine: &mut Machine<'_>,
    tags: &Tags,
    verdict: &Verdict,
    ended: Ended,
    began: (DateTime<Utc>, Instant),
) -> Outcome {
    let (channel, desired) = match tags {
        Tags::Read { channel, version } => (channel.clone().unwrap_or_default(), version.clone().unwrap_or_default()),
        Tags::Unreadable(_) => (String::new(), String::new()),
    };
    let (word, state, detail) = told(machine, verdict, ended);
    let (word, state, detail) = match (&machine.memory.unhealthy, state) {
        (Some(why), State::Ok) => ("unhealthy", State::Unhealthy, why.clone()),
        _ => (word, state, detail),
    };
    let contested = machine
        .memory
        .contested
        .iter()
        .find(|(_, (times, _))| *times >= 3)
        .map(|(id, _)| id.clone());
    let (state, detail) = match contested {
        Some(id) if state == State::Ok => (State::Contested, id),
        _ => (state, detail),
    };
    let stays = machine
        .memory
        .attempt
        .as_ref()
        .filter(|_| state == State::Unhealthy)
        .map(|attempt| attempt.to.clone());
    let runs = stays.or_else(|| machine.memory.good.clone()).unwrap_or_default();
    Outcome {
        run: began.0,
        outcome: word,
        channel,
        desired,
        running: if runs.version.is_empty() {
            "none".into()
        } else {
            runs.version
        },
        commit: runs.commit,
        state: state.word(),
        detail,
        actions: machine.done.clone(),
        health: machine.health.clone(),
        problems: machine.problems.clone(),
        duration_ms: u64::try_from(began.1.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}
