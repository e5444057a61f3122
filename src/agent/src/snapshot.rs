//! What stood here before an attempt, and the way back to it at three levels. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::action::{Act, Action, Reason, Transaction};
use crate::cookbook::{Command, OnChange, Service};
use crate::facts::{Facts, FileFact, FileKind, PackageFact, ServiceFact};
use crate::plan::differs;
use crate::release::Saved;

/// A snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Files that good or the attempt manage.
    pub files: BTreeMap<String, Saved>,
    /// All packages.
    pub packages: BTreeMap<String, PackageFact>,
    /// Their units.
    pub services: BTreeMap<String, ServiceFact>,
    /// The services that hear of a path's change, and what they do then.
    pub notifies: BTreeMap<String, BTreeSet<String>>,
    /// The services, by unit.
    pub known: BTreeMap<String, Service>,
    /// What takes commands of the attempt back.
    pub undo: Vec<Command>,
    /// Commands of the attempt that nothing takes back: what they did stays.
    #[serde(default)]
    pub stays: Vec<(String, String)>,
}

/// What a way back is planned from.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// The level, 1 to 3.
    pub level: u8,
    /// Where to.
    pub snapshot: &'a Snapshot,
    /// What is.
    pub facts: &'a Facts,
    /// Packages that the attempt changed.
    pub changed: &'a BTreeSet<String>,
    /// What is owed.
    pub owed: &'a BTreeSet<String>,
    /// The attempt touched a service or a package: what files owe is settled by restarts.
    pub touched: bool,
}

/// The plan of a way back.
#[must_use]
pub fn plan(way: &Way<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    if way.facts.interrupted {
        let (before, after) = ("dpkg was interrupted".into(), "configured".into());
        actions.push(Action::new("dpkg", Act::Repair, before, after, Reason::Repair));
    }
    for command in &way.snapshot.undo {
        let act = Act::Command(command.clone());
        actions.push(Action::new(
            command.id.clone(),
            act,
            "run".into(),
            command.argv.join(" "),
            Reason::Rollback,
        ));
    }
    let mut concerned: BTreeSet<String> = BTreeSet::new();
    // Before their packages go: not every package stops what it brought.
    actions.extend(services(way, &concerned).into_iter().rev().filter(is_stop));
    if way.level == 3 {
        actions.extend(stops(way));
    }
    if way.level >= 2
        && let Some(action) = packages(way)
    {
        concerned.extend(way.snapshot.known.values().map(|service| service.id.clone()));
        actions.push(action);
    }
    for (path, saved) in &way.snapshot.files {
        let before = way.facts.files.get(path).cloned().unwrap_or_default();
        let same_folder = before.kind == FileKind::Directory && saved.fact.kind == FileKind::Directory;
        let mut wanted = saved.fact.clone();
        if same_folder {
            wanted.digest.clone_from(&before.digest);
        }
        if before == wanted {
            continue;
        }
        let act = Act::File(path.clone(), saved.clone());
        // One that held a secret shows nothing of it, whichever of the two it was.
        let hidden = saved.sensitive || before.is_private();
        let shown = |fact: &FileFact| if hidden { "hidden".to_owned() } else { fact.shown() };
        let (stood, after) = (shown(&before), shown(&saved.fact));
        let mut action = Action::new(format!("file:{path}"), act, stood, after, Reason::Rollback);
        if way.touched {
            let names = way.snapshot.notifies.get(path).into_iter().flatten();
            action.owes = names.filter(|id| runs(way, id)).cloned().collect();
            concerned.extend(action.owes.iter().cloned());
        }
        actions.push(action);
    }
    actions.extend(services(way, &concerned).into_iter().filter(|action| !is_stop(action)));
    actions
}

/// Whether a service ran as the snapshot was taken.
fn runs(way: &Way<'_>, id: &str) -> bool {
    let unit = way
        .snapshot
        .known
        .iter()
        .find(|(_, service)| service.id == id)
        .map(|(unit, _)| unit);
    unit.and_then(|unit| way.snapshot.services.get(unit))
        .is_some_and(ServiceFact::is_up)
}

fn is_stop(action: &Action) -> bool {
    matches!(&action.act, Act::Service(service) if !service.started)
}

/// At the last level all services stop, each before those that it comes after, so that none runs on beside what is put back.
fn stops(way: &Way<'_>) -> Vec<Action> {
    let known = &way.snapshot.known;
    let is_up = |facts: &BTreeMap<String, ServiceFact>, unit: &String| facts.get(unit).is_some_and(ServiceFact::is_up);
    let mut up: Vec<&Service> = known
        .iter()
        .filter(|(unit, _)| is_up(&way.snapshot.services, unit) && is_up(&way.facts.services, unit))
        .map(|(_, service)| service)
        .collect();
    up.sort_by_key(|service| std::cmp::Reverse(depth(known, service, 8)));
    let stop = |service: &Service| {
        let mut wanted = service.clone();
        (wanted.started, wanted.enabled) = (false, None);
        let (before, after) = ("active".into(), "stopped, to be started in order".into());
        Action::new(
            service.id.clone(),
            Act::Service(wanted),
            before,
            after,
            Reason::Rollback,
        )
    };
    up.into_iter().map(stop).collect()
}

/// How many services one after the other come before this one by `after`.
fn depth(known: &BTreeMap<String, Service>, service: &Service, most: usize) -> usize {
    let before = known.values().filter(|other| service.after.contains(&other.id));
    let depths = before.map(|other| {
        if most == 0 {
            0
        } else {
            1 + depth(known, other, most - 1)
        }
    });
    depths.max().unwrap_or(0)
}

/// Services that are not as they were, or that hear of a change, each behind those that it comes after.
fn services(way: &Way<'_>, concerned: &BTreeSet<String>) -> Vec<Action> {
    let known = &way.snapshot.known;
    let mut ordered: Vec<(&String, &Service)> = known.iter().collect();
    // Two releases together may hold a circle that neither has: the search ends all the same.
    ordered.sort_by_key(|(_, service)| depth(known, service, 8));
    let actions = ordered.into_iter().filter_map(|(unit, service)| {
        let then = way.snapshot.services.get(unit).cloned().unwrap_or_default();
        let now = way.facts.services.get(unit).cloned().unwrap_or_default();
        let mut wanted = service.clone();
        wanted.started = then.is_up();
        wanted.enabled = if then.known { then.is_enabled() } else { None };
        if way.level == 3 && wanted.started {
            wanted.on_change = OnChange::Restart;
        }
        let hears = concerned.contains(&service.id) || way.owed.contains(&service.id) || way.level == 3;
        if !(differs(&wanted, &now) || hears && wanted.started) {
            return None;
        }
        let after = if wanted.started { "active" } else { "inactive" };
        let act = Act::Service(wanted);
        let mut action = Action::new(service.id.clone(), act, now.active, after.into(), Reason::Rollback);
        if way.level == 3 && then.is_up() {
            action.owes = vec![service.id.clone()];
        }
        Some(action)
    });
    actions.collect()
}

fn packages(way: &Way<'_>) -> Option<Action> {
    let mut transaction = Transaction {
        back: true,
        downgrade: true,
        ..Transaction::default()
    };
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let names: BTreeSet<&String> = way.snapshot.packages.keys().chain(way.facts.packages.keys()).collect();
    for name in names {
        if way.level == 2 && !way.changed.contains(name) {
            continue;
        }
        let (then, now) = (way.snapshot.packages.get(name), way.facts.packages.get(name));
        match (then, now) {
            (None, Some(fact)) => {
                transaction.remove.insert(name.clone());
                if fact.hold {
                    transaction.unhold.insert(name.clone());
                }
                before.push(format!("{name} {}", fact.version));
                after.push(format!("{name} absent"));
            }
            (Some(then), now) if now.is_none_or(|now| now.version != then.version || !now.whole) => {
                if now.is_some_and(|now| now.hold) {
                    transaction.unhold.insert(name.clone());
                }
                transaction.install.insert(name.clone(), Some(then.version.clone()));
                before.push(format!("{name} {}", now.map_or("absent", |now| &now.version)));
                after.push(format!("{name} {}", then.version));
                if then.hold {
                    transaction.hold.insert(name.clone());
                }
                if then.auto {
                    transaction.auto.insert(name.clone());
                }
            }
            (Some(then), Some(now)) if (then.hold, then.auto) != (now.hold, now.auto) => {
                let marks = |fact: &PackageFact| format!("{name} hold {} auto {}", fact.hold, fact.auto);
                before.push(marks(now));
                after.push(marks(then));
                let sets = &mut transaction;
                if then.hold != now.hold {
                    let set = if then.hold { &mut sets.hold } else { &mut sets.unhold };
                    set.insert(name.clone());
                }
                if then.auto != now.auto {
                    let set = if then.auto { &mut sets.auto } else { &mut sets.manual };
                    set.insert(name.clone());
                }
            }
            _ => {}
        }
    }
    let act = Act::Packages(transaction);
    (!before.is_empty()).then(|| Action::new("packages", act, before.join(", "), after.join(", "), Reason::Rollback))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(id: &str, after: &[&str]) -> (String, Service) {
        let service = Service {
            id: id.into(),
            unit: format!("{id}.service"),
            started: true,
            enabled: None,
            on_change: OnChange::Restart,
            check: None,
            after: after.iter().map(|id| (*id).to_owned()).collect(),
        };
        (service.unit.clone(), service)
    }

    #[test]
    fn a_way_back_starts_services_behind_those_they_come_after_and_stops_them_before() {
        let up = |name: &str, state: &str| {
            let fact = ServiceFact {
                known: true,
                active: state.into(),
                ..ServiceFact::default()
            };
            (format!("{name}.service"), fact)
        };
        let known: BTreeMap<_, _> = [service("a", &["b"]), service("b", &["c"]), service("c", &[])].into();
        let units = |state: &str| ["a", "b", "c"].map(|name| up(name, state)).into();
        let ids = |then: &str, now: &str| -> Vec<String> {
            let snapshot = Snapshot {
                services: units(then),
                known: known.clone(),
                ..Snapshot::default()
            };
            let facts = Facts {
                services: units(now),
                ..Facts::default()
            };
            let nothing = BTreeSet::new();
            let way = Way {
                level: 1,
                snapshot: &snapshot,
                facts: &facts,
                changed: &nothing,
                owed: &nothing,
                touched: true,
            };
            plan(&way).into_iter().map(|action| action.id).collect()
        };
        assert_eq!(ids("active", "inactive"), ["c", "b", "a"]);
        assert_eq!(ids("inactive", "active"), ["a", "b", "c"]);
    }
}
