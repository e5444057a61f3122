//! Acts: an approved plan, action by action. Before each act what it makes owed is in the memory and its intent in the journal.

mod packages;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::action::{Act, Action};
use crate::adapters::exec::{Ended, Program};
use crate::adapters::machine::{Users, is_terminated, now, told};
use crate::adapters::{disk, systemd};
use crate::check::Approved;
use crate::cookbook::{Command, OnChange, Service};
use crate::machine::{Machine, Stop};
use crate::memory::Owed;
use crate::plan::differs;

/// How long a service must stay up to count as up.
const STEADY: Duration = Duration::from_secs(5);

/// Does it.
///
/// # Errors
/// What stopped it; the rest was not done.
pub fn act(machine: &mut Machine<'_>, approved: Approved, digest: &str) -> Result<(), Stop> {
    let acts = Instant::now();
    let done = all(machine, approved, digest);
    machine.took("act", acts);
    done
}

fn all(machine: &mut Machine<'_>, approved: Approved, digest: &str) -> Result<(), Stop> {
    let mut started: Vec<Service> = Vec::new();
    for mut action in approved.into_actions() {
        if is_terminated() {
            steady(&started)?;
            return Err(Stop::Later);
        }
        if Instant::now() > machine.deadline {
            return Err(Stop::Circumstances("the run took too long".into()));
        }
        intend(machine, &action)?;
        let began = Instant::now();
        let done = one(machine, &action, digest, &mut started);
        action.duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        action.result = match &done {
            Ok(()) => "ok".into(),
            Err(stop) => stop.why().to_owned(),
        };
        let line = json!({"at": now(), "done": action.id, "result": action.result, "ms": action.duration_ms});
        machine.store.append("journal.jsonl", &line, false)?;
        machine.done.push(action);
        done?;
    }
    steady(&started)
}

/// What it makes owed, then what is intended: both on disk before anything changes.
fn intend(machine: &mut Machine<'_>, action: &Action) -> Result<(), Stop> {
    let before = machine.memory.clone();
    for id in &action.owes {
        machine.memory.owed.insert(id.clone(), Owed::default());
    }
    if matches!(action.act, Act::Packages(_) | Act::Service(_) | Act::Command(_))
        && let Some(attempt) = &mut machine.memory.attempt
    {
        attempt.touched = true;
    }
    if machine.memory != before {
        machine.remember()?;
    }
    let line = json!({"at": now(), "intend": action.id, "before": action.before, "after": action.after, "reason": action.reason});
    machine.store.append("journal.jsonl", &line, true)?;
    disk::durable();
    Ok(())
}

fn one(machine: &mut Machine<'_>, action: &Action, digest: &str, started: &mut Vec<Service>) -> Result<(), Stop> {
    match &action.act {
        Act::Repair => {
            let repaired = machine.apt().repair().map_err(Stop::Circumstances);
            // On a way back the former version heals what cannot be configured.
            let is_back = machine
                .memory
                .attempt
                .as_ref()
                .is_some_and(|attempt| attempt.back.is_some());
            if is_back { Ok(()) } else { repaired }
        }
        Act::Packages(transaction) => packages::packages(machine, &action.id, transaction),
        Act::Command(command) => {
            run_command(machine, command)?;
            for key in &action.owes {
                machine.memory.owed.remove(key);
                machine
                    .memory
                    .ran
                    .entry(digest.to_owned())
                    .or_default()
                    .insert(key.clone());
            }
            machine.remember()
        }
        Act::File(path, saved) => {
            let users = Users::read();
            disk::put(Path::new(path), saved, &users).map_err(|error| match error.raw_os_error() {
                // No space, a quota, a disk that cannot be written: not the release's fault.
                Some(28 | 122 | 30 | 5) => Stop::Circumstances(format!("disk: {error}")),
                _ => Stop::Release(format!("file {path}: {error}")),
            })?;
            if action.forgets {
                machine.memory.managed.remove(path);
                machine.remember()?;
            }
            Ok(())
        }
        Act::Check(argv) => {
            let ended = program(argv, machine.config.limits.command, None);
            if ended.is_well() {
                Ok(())
            } else {
                Err(fault(&ended, format!("check {}: {}", action.id, ended.why())))
            }
        }
        Act::Service(service) => serve(machine, service, started),
    }
}

fn program(argv: &[String], timeout: Duration, user: Option<(u32, u32)>) -> Ended {
    let (name, arguments) = argv
        .split_first()
        .map_or(("/bin/false", &[][..]), |(name, rest)| (name.as_str(), rest));
    let program = Program::new(name, arguments, timeout);
    match user {
        Some((uid, gid)) => program.user(uid, gid).run(),
        None => program.run(),
    }
}

fn run_command(machine: &Machine<'_>, command: &Command) -> Result<(), Stop> {
    if command.creates.as_ref().is_some_and(|path| Path::new(path).exists()) {
        return Ok(());
    }
    let users = Users::read();
    let user = if command.sudo {
        None
    } else {
        let name = &machine.config.commands.user;
        let both = users
            .both(name)
            .ok_or_else(|| Stop::Circumstances(format!("no user {name} on this server")))?;
        Some(both)
    };
    if let Some(unless) = &command.unless
        && program(unless, command.timeout, user).is_well()
    {
        return Ok(());
    }
    let ended = program(&command.argv, command.timeout, user);
    if ended.is_well() {
        Ok(())
    } else {
        Err(fault(&ended, format!("{}: {}", command.id, ended.why())))
    }
}

/// Whose fault it is that a program failed: what the kernel killed, or had no space for, is not the release's.
fn fault(ended: &Ended, why: String) -> Stop {
    if ended.is_killed() || ended.complaint.contains("No space left on device") {
        Stop::Circumstances(why)
    } else {
        Stop::Release(why)
    }
}

/// Brings a service to where it shall be.
fn serve(machine: &mut Machine<'_>, service: &Service, started: &mut Vec<Service>) -> Result<(), Stop> {
    let timeout = machine.config.limits.service_start;
    let unit = service.unit.as_str();
    let give = |words: &[&str]| {
        let ended = systemd::order(words, timeout);
        if ended.is_well() {
            Ok(())
        } else {
            Err(Stop::Release(format!("{}: {} {}", service.id, words[0], ended.why())))
        }
    };
    let mut fact = systemd::fact(unit);
    if fact.stale {
        give(&["daemon-reload"])?;
        fact = systemd::fact(unit);
    }
    if fact.masked && service.started {
        give(&["unmask", "--", unit])?;
        fact = systemd::fact(unit);
    }
    if !fact.known && !service.started && !fact.is_up() {
        return settle(machine, &service.id);
    }
    if let (Some(wanted), Some(enabled)) = (service.enabled, fact.is_enabled())
        && wanted != enabled
    {
        give(&[if wanted { "enable" } else { "disable" }, "--quiet", "--", unit])?;
    }
    if !service.started {
        if fact.is_up() || fact.active == "activating" {
            let stopped = give(&["stop", "--", unit]);
            if stopped.is_err() {
                let _ = systemd::order(&["kill", "--signal=KILL", "--", unit], timeout);
                give(&["stop", "--", unit])?;
            }
        }
        return settle(machine, &service.id);
    }
    let owed = machine.memory.owed.get(&service.id).cloned();
    let settled = owed.as_ref().is_some_and(|owed| {
        owed.asked
            .as_ref()
            .is_some_and(|asked| *asked != fact.invocation && fact.is_up())
    });
    let _ = systemd::order(&["reset-failed", "--", unit], timeout);
    if !fact.is_up() {
        give(&["restart", "--", unit])?;
        machine.restarted.push(service.id.clone());
        started.push(service.clone());
    } else if owed.is_some() && !settled {
        if service.on_change == OnChange::Reload {
            give(&["reload-or-restart", "--", unit])?;
        } else {
            if let Some(owed) = machine.memory.owed.get_mut(&service.id) {
                owed.asked = Some(fact.invocation.clone());
            }
            machine.remember()?;
            disk::durable();
            restart(unit, timeout).map_err(|why| Stop::Release(format!("{}: {why}", service.id)))?;
            machine.restarted.push(service.id.clone());
        }
        started.push(service.clone());
    }
    let after = systemd::fact(unit);
    if differs(service, &after) && after.active != "activating" {
        return Err(Stop::Release(format!(
            "{}: is {} after its start",
            service.id, after.active
        )));
    }
    settle(machine, &service.id)
}

/// A stop that hangs is ended by a kill, so that a start can follow.
fn restart(unit: &str, timeout: Duration) -> Result<(), String> {
    let ended = systemd::order(&["restart", "--", unit], timeout);
    if ended.is_well() {
        return Ok(());
    }
    if ended.late {
        let _ = systemd::order(&["kill", "--signal=KILL", "--", unit], timeout);
        if systemd::order(&["restart", "--", unit], timeout).is_well() {
            return Ok(());
        }
    }
    Err(format!("restart {}", ended.why()))
}

fn settle(machine: &mut Machine<'_>, id: &str) -> Result<(), Stop> {
    if machine.memory.owed.remove(id).is_some() {
        machine.remember()?;
    }
    Ok(())
}

/// Services that were started stay up for a while, all in the same while.
fn steady(started: &[Service]) -> Result<(), Stop> {
    if started.is_empty() {
        return Ok(());
    }
    let least = told("STEADY").map_or(STEADY, |millis| Duration::from_millis(millis.unsigned_abs()));
    let units: Vec<String> = started.iter().map(|service| service.unit.clone()).collect();
    let began = Instant::now();
    let mut before = systemd::facts(&units);
    while began.elapsed() < least || before.values().any(|fact| fact.active == "activating") {
        if began.elapsed() > STEADY * 18 {
            return Err(Stop::Release("a service does not come up".into()));
        }
        std::thread::sleep(Duration::from_millis(500));
        let after = systemd::facts(&units);
        for service in started {
            let (then, now) = (
                before.get(&service.unit).cloned().unwrap_or_default(),
                after.get(&service.unit).cloned().unwrap_or_default(),
            );
            let again = then.is_up() && now.restarts > then.restarts;
            if again || !(now.is_up() || now.active == "activating") {
                return Err(Stop::Release(format!("{}: died after its start", service.id)));
            }
        }
        before = after;
    }
    Ok(())
}
