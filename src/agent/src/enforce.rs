//! Enforces good: corrects drift, settles what is owed, looks at its health. And looks at files before anything is changed.

use chrono::{DateTime, TimeDelta, Utc};

use crate::action::{Act, Action, Reason};
use crate::adapters::dpkg;
use crate::adapters::exec::Program;
use crate::adapters::machine::{is_terminated, now};
use crate::attempt::Stands;
use crate::config::DriftAct;
use crate::converge;
use crate::machine::{Machine, Stop};
use crate::plan::differs;
use crate::release::Release;

/// After so many corrections running a resource is contested.
const CONTESTED: u32 = 3;

/// Enforces good, where there is one.
///
/// # Errors
/// What stopped it.
pub fn enforce(machine: &mut Machine<'_>) -> Result<Stands, Stop> {
    let Some(good) = machine.good() else {
        return settle_owed(machine);
    };
    let mut planned = converge::plan_for(machine, &good, Reason::Drift)?;
    let at = now();
    // What is contested is corrected with growing pauses.
    let waits = |action: &Action| {
        machine.memory.contested.get(&action.id).is_some_and(|(times, last)| {
            let pause = TimeDelta::minutes(1_i64 << times.saturating_sub(CONTESTED).min(6));
            *times >= CONTESTED && at - *last < pause && at >= *last
        })
    };
    // A service that only hears of a file is not what somebody changed.
    let itself = |action: &&Action| match &action.act {
        Act::Service(service) => differs(
            service,
            &planned.facts.services.get(&service.unit).cloned().unwrap_or_default(),
        ),
        Act::File(..) | Act::Packages(_) => true,
        _ => false,
    };
    let mut drift = planned
        .actions
        .iter()
        .filter(|action| action.reason == Reason::Drift)
        .peekable();
    let contested = drift.peek().is_some() && drift.all(|action| waits(action) || !itself(&action));
    let drifted: Vec<String> = planned
        .actions
        .iter()
        .filter(|action| action.reason == Reason::Drift && itself(action))
        .map(|action| action.id.clone())
        .collect();
    if machine.config.drift.act == DriftAct::Report || contested {
        for action in &planned.actions {
            let message = format!("is {} and not {}", action.before, action.after);
            machine.tell("drift", &action.id, &message);
        }
        planned.actions.retain(|action| matches!(action.reason, Reason::Repair));
    } else {
        let lately = |(times, last): &(u32, DateTime<Utc>)| *times >= CONTESTED && at - *last < TimeDelta::minutes(10);
        machine
            .memory
            .contested
            .retain(|id, entry| drifted.contains(id) || lately(entry));
        for id in &drifted {
            let entry = machine.memory.contested.entry(id.clone()).or_insert((0, at));
            *entry = (entry.0 + 1, at);
        }
    }
    if !planned.actions.is_empty() {
        fetch(machine, &planned.actions);
        converge::converge(machine, &good, planned)?;
    }
    let patience = !machine.done.is_empty();
    let unhealthy = converge::health(machine, &converge::checks(&good), patience).err();
    if unhealthy.is_some() && patience && is_terminated() {
        return Err(Stop::Later);
    }
    machine.memory.unhealthy = unhealthy;
    Ok(Stands::Good)
}

/// A package that is gone is fetched again where its archive was not kept.
fn fetch(machine: &mut Machine<'_>, actions: &[Action]) {
    let apt = machine.apt();
    for action in actions {
        if let Act::Packages(transaction) = &action.act
            && !transaction.install.is_empty()
            && let Err(why) = apt.fetch(transaction)
        {
            machine.tell("packages", &action.id, &why);
        }
    }
}

/// Settles what is owed where nothing else is to be done.
///
/// # Errors
/// What stopped it.
pub fn settle_owed(machine: &mut Machine<'_>) -> Result<Stands, Stop> {
    let Some(good) = machine.good() else {
        return Ok(Stands::Good);
    };
    if machine.memory.owed.is_empty() {
        return Ok(Stands::Good);
    }
    let mut planned = converge::plan_for(machine, &good, Reason::Owed)?;
    let owed = machine.memory.owed.clone();
    planned.actions.retain(|action| match &action.act {
        Act::Service(_) | Act::Check(_) => owed.contains_key(&action.id),
        Act::Command(_) => action.owes.iter().any(|key| owed.contains_key(key)),
        _ => false,
    });
    converge::converge(machine, &good, planned)?;
    Ok(Stands::Good)
}

/// Repairs what an interrupted dpkg left, before anything is asked of apt, which would refuse.
///
/// # Errors
/// Packages stay broken that the release does not name.
pub fn repair(machine: &mut Machine<'_>, release: &Release) -> Result<(), Stop> {
    let packages = dpkg::packages().map_err(Stop::Circumstances)?;
    if !dpkg::is_interrupted(&packages) {
        return Ok(());
    }
    let (before, after) = ("dpkg was interrupted".into(), "configured".into());
    let mut action = Action::new("dpkg", Act::Repair, before, after, Reason::Repair);
    let said = machine.apt().repair();
    action.result = said.clone().err().unwrap_or_else(|| "ok".into());
    machine.done.push(action);
    let named = |name: &str| {
        let mut ours = release.cookbooks.iter().flat_map(|book| &book.packages);
        ours.any(|package| package.name == name)
    };
    let packages = dpkg::packages().map_err(Stop::Circumstances)?;
    let broken: Vec<&str> = packages
        .iter()
        .filter(|(name, fact)| !fact.whole && !named(name))
        .map(|(name, _)| name.as_str())
        .collect();
    match (broken.is_empty(), said) {
        (true, _) => Ok(()),
        (false, said) => Err(Stop::Circumstances(format!(
            "packages {} are broken, and no release names them; repair them with dpkg --configure -a: {}",
            broken.join(" "),
            said.err().unwrap_or_default()
        ))),
    }
}

/// Lets each `validate` look at a copy.
///
/// # Errors
/// One does not pass.
pub fn validate(machine: &Machine<'_>, release: &Release) -> Result<(), Stop> {
    let dir = machine.store.dir.join("log");
    for file in release.files() {
        let parents = crate::adapters::disk::check_parents(std::path::Path::new(&file.path));
        parents.map_err(|error| Stop::Refused(format!("{}: {error}", file.id)))?;
        let Some(argv) = &file.validate else { continue };
        let copy = dir.join("validate.tmp");
        crate::adapters::disk::replace(&copy, file.content.as_deref().unwrap_or_default().as_bytes(), 0o600)?;
        let words: Vec<String> = argv
            .iter()
            .map(|word| word.replace("{path}", &copy.to_string_lossy()))
            .collect();
        let ended = Program::new(&words[0], &words[1..], machine.config.limits.command).run();
        let _ = crate::adapters::disk::remove(&copy);
        // A program that a package of this release brings is not there yet.
        if ended.code == Some(127) {
            continue;
        }
        if !ended.is_well() {
            return Err(Stop::Circumstances(format!("validate {}: {}", file.id, ended.why())));
        }
    }
    Ok(())
}
