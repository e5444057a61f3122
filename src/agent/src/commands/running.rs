//! Runs: once, at each tick, and the rollback that a person asks for.

use std::time::Duration;

use super::answer::Answer;
use super::shown;
use crate::adapters::machine::{Lock, lock};
use crate::attempt::{self, Stands};
use crate::config::Config;
use crate::machine::Stop;
use crate::outcome::Outcome;
use crate::run;
use crate::say;

/// Takes the lock, or answers who holds it.
pub(super) fn locked() -> Result<Result<Lock, Answer>, Stop> {
    let held = lock(run::lock_path())?;
    Ok(held.map_err(|holder| {
        let text = format!("another run holds the lock: {holder}\n");
        Answer::new(text, serde_json::json!({"outcome": "busy", "detail": holder}), 6)
    }))
}

fn one(config: &Config, at_once: bool) -> Result<Outcome, Stop> {
    let mut machine = run::open(config)?;
    let mut outcome = run::run(&mut machine, at_once)?;
    say::tags(&mut machine, &outcome, at_once);
    outcome.problems.clone_from(&machine.problems);
    run::record(&machine, &outcome)?;
    say::metrics(&mut machine, &outcome);
    Ok(outcome)
}

/// One run.
pub(super) fn once(config: &Config, at_once: bool) -> Result<Answer, Stop> {
    let _lock = match locked()? {
        Ok(lock) => lock,
        Err(busy) => return Ok(busy),
    };
    let outcome = one(config, at_once)?;
    let json = serde_json::to_value(&outcome).unwrap_or_default();
    Ok(Answer::new(shown::outcome(&outcome), json, outcome.code()))
}

/// A run at each tick, until it is told to stop. A run that has begun is finished.
pub(super) fn service(config: &Config, json: bool) -> Answer {
    let stop = crate::adapters::machine::terminated();
    let mut is_first = true;
    loop {
        let answer = once(config, false).unwrap_or_else(|stop| Answer::of_stop(&stop));
        // Quiet runs say nothing.
        if answer.json.get("outcome").is_none_or(|outcome| outcome != "in_sync") {
            shown::write(&answer, json);
        }
        let mut left = run::pause(config, std::mem::take(&mut is_first));
        while !left.is_zero() {
            if stop.is_asked() {
                return Answer::new("", serde_json::Value::Null, 0);
            }
            let step = left.min(Duration::from_millis(500));
            std::thread::sleep(step);
            left -= step;
        }
    }
}

/// Back to the snapshot of the last attempt.
pub(super) fn rollback(config: &Config, level: Option<u8>) -> Result<Answer, Stop> {
    let _lock = match locked()? {
        Ok(lock) => lock,
        Err(busy) => return Ok(busy),
    };
    let mut machine = run::open(config)?;
    if machine.memory.attempt.is_none()
        && let Err(none) = attempt::reopen(&mut machine)
    {
        return Ok(Answer::new(
            format!("{none}\n"),
            serde_json::json!({"outcome": "failed", "detail": none}),
            1,
        ));
    }
    attempt::begin_back(&mut machine, "rollback by hand", true, false)?;
    if let (Some(level), Some(back)) = (
        level,
        machine
            .memory
            .attempt
            .as_mut()
            .and_then(|attempt| attempt.back.as_mut()),
    ) {
        back.level = back.level.max(level);
    }
    machine.remember()?;
    let (word, code) = match attempt::finish_back(&mut machine)? {
        Stands::Broken(_) => ("broken", 4),
        _ => ("taken_back", 0),
    };
    let lines: String = machine
        .done
        .iter()
        .map(|action| {
            format!(
                "  {}: {} → {} {}\n",
                action.id, action.before, action.after, action.result
            )
        })
        .collect();
    let json = serde_json::json!({"outcome": word, "actions": machine.done, "problems": machine.problems});
    Ok(Answer::new(format!("{word}\n{lines}"), json, code))
}
