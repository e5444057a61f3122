//! Runs: once, at each tick, and the rollback that a person asks for.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use fleetsheet_words::report::State;

use super::answer::Answer;
use super::shown;
use crate::adapters::machine::{Lock, is_replaced, is_terminated, listen, lock, now, say_next};
use crate::attempt;
use crate::config::{Config, Mode};
use crate::machine::{Machine, Stop};
use crate::outcome::{Outcome, outcome};
use crate::rules::{Tags, Then, Verdict};
use crate::{run, say, tags};

/// Takes the lock, or answers who holds it.
pub(super) fn locked() -> Result<Result<Lock, Answer>, Stop> {
    let held = lock(run::lock_path())?;
    Ok(held.map_err(|holder| {
        let text = format!("another run holds the lock: {holder}\n");
        Answer::new(text, Answer::unknown("busy", &holder, &[]), 6)
    }))
}

fn one(config: &Config, at_once: bool) -> Result<Outcome, Stop> {
    let mut machine = run::open(config)?;
    let before = machine.memory.clone();
    let outcome = run::run(&mut machine, at_once)?;
    // Where nothing is changed, it is remembered all the same since when a version waits.
    if config.mode == Mode::Observe && machine.memory != before {
        machine.remember()?;
    }
    tell(&mut machine, outcome, at_once)
}

/// Says what a run came to, in tags, history and metrics. A run that was told to stop has nothing to say: the next one has.
fn tell(machine: &mut Machine<'_>, mut outcome: Outcome, at_once: bool) -> Result<Outcome, Stop> {
    if !is_terminated() {
        say::tags(machine, &outcome, at_once);
    }
    outcome.problems.clone_from(&machine.problems);
    run::record(machine, &outcome)?;
    say::metrics(machine, &outcome);
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

/// A run at each tick, until it is told to stop: the act under way is finished, the rest is the next run's.
pub(super) fn service(config: &Config, json: bool) -> Answer {
    listen();
    let mut is_first = true;
    let ends = Answer::new("", serde_json::Value::Null, 0);
    loop {
        let answer = once(config, false).unwrap_or_else(|stop| Answer::of_stop(&stop));
        // Quiet runs say nothing.
        if answer.json.get("outcome").is_none_or(|outcome| outcome != "in_sync") {
            shown::write(&answer, json);
        }
        // Its own package came in this run: systemd starts the new program.
        if is_replaced() {
            return ends;
        }
        let mut left = run::pause(config, std::mem::take(&mut is_first));
        say_next(now() + TimeDelta::from_std(left).unwrap_or(TimeDelta::zero()));
        while !left.is_zero() {
            if is_terminated() {
                return ends;
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
    let began = (now(), Instant::now());
    let tags = tags::read(&mut machine, true);
    if let Tags::Read { version, .. } = &tags {
        machine.asked = Some(version.clone().unwrap_or_default());
    }
    if machine.memory.attempt.is_none()
        && let Err(none) = attempt::reopen(&mut machine)
    {
        let json = Answer::unknown("failed", none, &[]);
        return Ok(Answer::new(format!("{none}\n"), json, 1));
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
    let verdict = Verdict {
        rule: 1,
        take_back: false,
        then: Then::FinishBack,
        state: State::Quarantined,
        detail: "rollback by hand".into(),
    };
    let ended = attempt::finish_back(&mut machine);
    let outcome = outcome(&mut machine, &tags, &verdict, ended, began);
    let outcome = tell(&mut machine, outcome, true)?;
    // What was asked for is done: that is no failure.
    let code = if outcome.outcome == "taken_back" {
        0
    } else {
        outcome.code()
    };
    let json = serde_json::to_value(&outcome).unwrap_or_default();
    Ok(Answer::new(shown::outcome(&outcome), json, code))
}
