//! One level of a way back: what differs from the snapshot is put back, and then good's health is asked.

use crate::action::Act;
use crate::adapters::machine::is_terminated;
use crate::check::{Bounds, approve};
use crate::converge;
use crate::facts::Facts;
use crate::machine::{Machine, Stop};
use crate::memory::Attempt;
use crate::observe::{self, Scope};
use crate::snapshot::{self, Snapshot, Way};

/// Goes one level, and says whether good is as it was and healthy.
pub(super) fn go(machine: &mut Machine<'_>, attempt: &Attempt, level: u8) -> Result<(), Stop> {
    let wrong = Stop::Circumstances;
    let snapshot: Snapshot = machine
        .store
        .get(&format!("snapshots/{}.json", attempt.snapshot))
        .ok_or_else(|| wrong("the snapshot is gone".into()))?;
    let ran = machine.memory.ran.get(&attempt.to.digest).cloned().unwrap_or_default();
    for (_, id) in snapshot.stays.iter().filter(|(key, _)| ran.contains(key)) {
        machine.tell("way back", id, "has no `undo`: what it did stays");
    }
    let facts = look(&snapshot).map_err(wrong)?;
    let owed = machine.memory.owed.keys().cloned().collect();
    let touched = machine.memory.attempt.as_ref().is_none_or(|attempt| attempt.touched);
    let nothing = std::collections::BTreeSet::new();
    let way = Way {
        level,
        snapshot: &snapshot,
        facts: &facts,
        changed: &attempt.packages,
        // No service has read what goes back now.
        owed: if touched { &owed } else { &nothing },
        touched,
    };
    let actions = snapshot::plan(&way);
    let removable = facts
        .packages
        .keys()
        .filter(|name| !snapshot.packages.contains_key(*name))
        .cloned();
    let bounds = Bounds {
        paths: snapshot.files.keys().cloned().collect(),
        removable: removable.collect(),
        protected: std::collections::BTreeSet::new(),
        units: snapshot.known.keys().cloned().collect(),
    };
    if !touched {
        machine.memory.owed.clear();
    }
    let actions = actions
        .into_iter()
        .filter(|action| touched || !matches!(&action.act, Act::Command(_)))
        .collect();
    let approved = approve(actions, &bounds)
        .map_err(|problems| wrong(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
    crate::act::act(machine, approved, "")?;
    if level >= 2 {
        let facts = look(&snapshot).map_err(wrong)?;
        differs(&snapshot, &facts, attempt, level).map_err(wrong)?;
    }
    let Some(good) = machine.good() else { return Ok(()) };
    converge::health(machine, &converge::checks(&good), true)
        .map_err(|why| if is_terminated() { Stop::Later } else { wrong(why) })
}

fn look(snapshot: &Snapshot) -> Result<Facts, String> {
    observe::facts(&Scope {
        paths: snapshot.files.keys().cloned().collect(),
        units: snapshot.known.keys().cloned().collect(),
    })
}

fn differs(snapshot: &Snapshot, facts: &Facts, attempt: &Attempt, level: u8) -> Result<(), String> {
    let names = snapshot.packages.keys().chain(facts.packages.keys());
    let looked = names.filter(|name| level == 3 || attempt.packages.contains(*name));
    let wrong: Vec<&str> = looked
        .filter(|name| {
            let version = |facts: &std::collections::BTreeMap<String, crate::facts::PackageFact>| {
                let marks = |fact: &crate::facts::PackageFact| (level == 3).then_some((fact.hold, fact.auto));
                facts
                    .get(*name)
                    .map(|fact| (fact.version.clone(), fact.whole, marks(fact)))
            };
            version(&snapshot.packages) != version(&facts.packages)
        })
        .map(String::as_str)
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("packages {} are not as they were", wrong.join(" ")))
    }
}
