//! Plans from what stands, lets the plan be checked, and does it: for a release, and for a way back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::action::{Act, Action, Reason};
use crate::adapters::disk;
use crate::adapters::machine::{Users, is_terminated};
use crate::adapters::probe::{Made, Result3, make};
use crate::check::{Bounds, approve};
use crate::cookbook::Check;
use crate::facts::{Facts, FileKind};
use crate::machine::{Machine, Stop};
use crate::observe::{self, Scope};
use crate::plan::{self, Inputs};
use crate::release::{Release, Saved};
use crate::snapshot::Snapshot;

/// What belongs to a plan for a release.
#[derive(Clone, Debug, Default)]
pub struct Planned {
    /// The facts that it was made from.
    pub facts: Facts,
    /// Its actions.
    pub actions: Vec<Action>,
    /// Paths that no release names any more.
    pub orphans: BTreeMap<String, (Saved, Vec<String>)>,
}

/// Plans for a release, from what stands now.
///
/// # Errors
/// The facts cannot be read.
pub fn plan_for(machine: &Machine<'_>, release: &Release, reason: Reason) -> Result<Planned, Stop> {
    let mut scope = Scope::default();
    scope.add(release);
    let orphans = orphans(machine, release);
    scope.paths.extend(orphans.keys().cloned());
    let facts = observe::facts(&scope).map_err(Stop::Circumstances)?;
    let owed: BTreeSet<String> = machine.memory.owed.keys().cloned().collect();
    let ran = machine.memory.ran.get(&release.digest).cloned().unwrap_or_default();
    let inputs = Inputs {
        release,
        facts: &facts,
        owed: &owed,
        ran: &ran,
        reason,
        orphans: &orphans,
    };
    let actions = plan::plan(&inputs);
    Ok(Planned {
        facts,
        actions,
        orphans,
    })
}

/// Paths that were managed, and that neither this release nor good names.
fn orphans(machine: &Machine<'_>, release: &Release) -> BTreeMap<String, (Saved, Vec<String>)> {
    if machine.config.orphans.files == crate::config::Orphans::Leave {
        return BTreeMap::new();
    }
    let named: BTreeSet<&String> = release.files().map(|file| &file.path).collect();
    let good = machine.good();
    let services = |path: &String| -> Vec<String> {
        let books = good.iter().flat_map(|good| &good.cookbooks);
        let of = books.filter_map(|book| Some((book, book.files.iter().find(|file| file.path == *path)?)));
        of.flat_map(|(book, file)| plan::notified(book, file.notify.as_ref()))
            .collect()
    };
    let managed = machine.memory.managed.iter().filter(|(path, _)| !named.contains(path));
    managed
        .filter_map(|(path, name)| {
            let saved: Saved = machine.store.get(&format!("originals/{name}.json"))?;
            Some((path.clone(), (saved, services(path))))
        })
        .collect()
}

/// What a plan for a release may touch.
#[must_use]
pub fn bounds(machine: &Machine<'_>, release: &Release, planned: &Planned) -> Bounds {
    let packages = release.cookbooks.iter().flat_map(|book| &book.packages);
    Bounds {
        paths: release
            .files()
            .map(|file| file.path.clone())
            .chain(planned.orphans.keys().cloned())
            .collect(),
        removable: packages
            .filter(|package| !package.present)
            .map(|package| package.name.clone())
            .collect(),
        protected: machine.config.packages.protected.iter().cloned().collect(),
        units: release.services().map(|service| service.unit.clone()).collect(),
    }
}

/// Remembers what stood at each path before a release managed it first.
fn adopt(machine: &mut Machine<'_>, actions: &[Action]) -> Result<(), Stop> {
    let users = Users::read();
    let mut changed = false;
    for action in actions {
        let Act::File(path, _) = &action.act else { continue };
        if action.forgets || machine.memory.managed.contains_key(path) {
            continue;
        }
        let saved = disk::save(std::path::Path::new(path), &users)?;
        let name = crate::digest::sha256(path.as_bytes());
        machine.store.put(&format!("originals/{name}.json"), &saved)?;
        machine.memory.managed.insert(path.clone(), name);
        changed = true;
    }
    if changed { machine.remember() } else { Ok(()) }
}

/// Keeps the text of a file that somebody changed, before it is corrected.
fn keep_drift(machine: &Machine<'_>, actions: &[Action]) {
    let users = Users::read();
    for action in actions.iter().filter(|action| action.reason == Reason::Drift) {
        let Act::File(path, wanted) = &action.act else { continue };
        let saved = disk::save(std::path::Path::new(path), &users);
        if let Ok(saved) = saved
            && saved.fact.kind == FileKind::File
            && !wanted.sensitive
        {
            let at = crate::adapters::machine::now();
            let name = format!(
                "drift/{}-{}.json",
                at.format("%Y%m%dT%H%M%S%3fZ"),
                &crate::digest::sha256(path.as_bytes())[..12]
            );
            let _ = machine.store.put(
                &name,
                &serde_json::json!({"id": action.id, "path": path, "at": at, "stood": saved}),
            );
        }
    }
}

/// Brings the server to a release.
///
/// # Errors
/// What stopped it.
pub fn converge(machine: &mut Machine<'_>, release: &Release, planned: Planned) -> Result<(), Stop> {
    let bounds = bounds(machine, release, &planned);
    let approved = match approve(planned.actions.clone(), &bounds) {
        Ok(approved) => approved,
        Err(problems) => {
            let why = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            machine.problems.extend(problems);
            return Err(Stop::Refused(format!("the plan does not pass its check: {why}")));
        }
    };
    adopt(machine, &planned.actions)?;
    keep_drift(machine, &planned.actions);
    crate::act::act(machine, approved, &release.digest)
}

/// Makes all checks of a release until they pass, each for as long as it is given.
pub fn health(machine: &mut Machine<'_>, checks: &[Check], patience: bool) -> Result<(), String> {
    let began = Instant::now();
    let interval = machine.config.health.interval;
    let mut left: Vec<&Check> = checks.iter().collect();
    let mut made: BTreeMap<String, Made> = BTreeMap::new();
    loop {
        left.retain(|check| {
            let result = make(check);
            let passes = result.result == Result3::Pass;
            made.insert(check.id.clone(), result);
            !passes
        });
        let waits = |check: &&&Check| {
            patience
                && !is_terminated()
                && began.elapsed() + interval < check.within.max(interval + Duration::from_millis(1))
        };
        if left.is_empty() || left.iter().any(|check| !waits(&check)) || Instant::now() > machine.deadline {
            break;
        }
        std::thread::sleep(interval);
    }
    machine.took("health", began);
    machine.health = checks.iter().filter_map(|check| made.get(&check.id).cloned()).collect();
    match left.first().and_then(|check| made.get(&check.id)) {
        None => Ok(()),
        Some(made) => Err(format!("health {} {}", made.id, made.message)),
    }
}

/// All checks of a release.
#[must_use]
pub fn checks(release: &Release) -> Vec<Check> {
    release
        .cookbooks
        .iter()
        .flat_map(|book| book.health.iter().cloned())
        .collect()
}

/// Takes a snapshot of what stands, for an attempt at `next`.
///
/// # Errors
/// Something cannot be read.
pub fn snapshot(
    machine: &Machine<'_>,
    good: Option<&Release>,
    next: &Release,
    planned: &Planned,
) -> Result<Snapshot, Stop> {
    let users = Users::read();
    let mut scope = Scope::default();
    scope.add(next);
    scope.paths.extend(planned.orphans.keys().cloned());
    scope.paths.extend(machine.memory.managed.keys().cloned());
    if let Some(good) = good {
        scope.add(good);
    }
    let facts = observe::facts(&scope).map_err(Stop::Circumstances)?;
    let mut snapshot = Snapshot {
        packages: facts.packages,
        services: facts.services,
        ..Snapshot::default()
    };
    for path in scope.paths {
        // Good's files as good has them, else what stands there.
        let of_good = good
            .and_then(|good| good.files().find(|file| file.path == path))
            .map(crate::release::saved);
        let saved = match of_good {
            Some(saved) => saved,
            None => disk::save(std::path::Path::new(&path), &users)?,
        };
        snapshot.files.insert(path, saved);
    }
    for release in [Some(next), good].into_iter().flatten() {
        for book in &release.cookbooks {
            for file in &book.files {
                let names = plan::notified(book, file.notify.as_ref());
                snapshot.notifies.entry(file.path.clone()).or_default().extend(names);
            }
            snapshot.known.extend(
                book.services
                    .iter()
                    .map(|service| (service.unit.clone(), service.clone())),
            );
        }
    }
    let commands = next.cookbooks.iter().flat_map(|book| book.pre.iter().chain(&book.post));
    let of = |command: &crate::cookbook::Command| {
        let book = next.cookbooks.iter().find(|book| {
            let mut all = book.pre.iter().chain(&book.post);
            all.any(|other| std::ptr::eq(other, command))
        });
        book.map_or_else(String::new, |book| plan::key(book, command))
    };
    for command in commands {
        if command.undo.is_none() {
            snapshot.stays.push((of(command), command.id.clone()));
        }
        if let Some(undo) = &command.undo {
            let undone = crate::cookbook::Command {
                id: format!("{}:undo", command.id),
                argv: undo.clone(),
                unless: None,
                creates: None,
                ..command.clone()
            };
            snapshot.undo.push(undone);
        }
    }
    Ok(snapshot)
}
