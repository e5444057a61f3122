//! Looks at a plan before it is carried out, with code that shares nothing with the planner.

use std::collections::BTreeSet;

use crate::action::{Act, Action};
use crate::adapters::apt::Resolved;
use crate::config::Packages;
use crate::problem::Problem;

/// What a plan may touch.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// Paths that the releases, the snapshot or the orphans name.
    pub paths: BTreeSet<String>,
    /// Packages that may go.
    pub removable: BTreeSet<String>,
    /// Packages that must not go.
    pub protected: BTreeSet<String>,
    /// Units of the releases.
    pub units: BTreeSet<String>,
}

/// Whether a transaction may be done: nothing goes that nobody named.
///
/// # Errors
/// What would go.
pub fn belt(policy: &Packages, resolved: &Resolved, named: &BTreeSet<String>) -> Result<(), String> {
    let protected: Vec<&str> = resolved
        .remove
        .iter()
        .filter(|name| policy.protected.contains(name))
        .map(String::as_str)
        .collect();
    if !protected.is_empty() {
        return Err(format!("would remove {}, which is protected", protected.join(" ")));
    }
    let unnamed: Vec<&str> = resolved.remove.difference(named).map(String::as_str).collect();
    if unnamed.len() > policy.max_removals {
        return Err(format!("would remove {}", unnamed.join(" ")));
    }
    Ok(())
}

/// A plan that was looked at.
#[derive(Debug)]
pub struct Approved(Vec<Action>);

impl Approved {
    /// Its actions.
    #[must_use]
    pub fn into_actions(self) -> Vec<Action> {
        self.0
    }
}

const NEVER: [&str; 4] = ["/proc/", "/sys/", "/dev/", "/var/lib/fleetsheet-agent/"];

/// Looks at it.
///
/// # Errors
/// Everything in it that must not be.
pub fn approve(actions: Vec<Action>, bounds: &Bounds) -> Result<Approved, Vec<Problem>> {
    let mut found = Vec::new();
    let mut wrong = |action: &Action, why: &str| found.push(Problem::new("check", action.id.clone(), why));
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut restarted: BTreeSet<&str> = BTreeSet::new();
    let mut owing: BTreeSet<&str> = BTreeSet::new();
    let mut paths: BTreeSet<&str> = BTreeSet::new();
    for action in &actions {
        match &action.act {
            Act::File(path, _) => {
                if !path.starts_with('/') || path.contains("/../") || NEVER.iter().any(|dir| path.starts_with(dir)) {
                    wrong(action, "writes where no release may write");
                }
                if !bounds.paths.contains(path) {
                    wrong(action, "writes a path that neither release nor snapshot names");
                }
                if !paths.insert(path) {
                    wrong(action, "writes the same path twice");
                }
                if action.owes.iter().any(|id| restarted.contains(id.as_str())) {
                    wrong(action, "comes after the restart that it makes necessary");
                }
                owing.extend(action.owes.iter().map(String::as_str));
            }
            Act::Packages(transaction) => {
                for name in &transaction.remove {
                    if bounds.protected.contains(name) {
                        wrong(action, "takes a protected package away");
                    }
                    if !bounds.removable.contains(name) {
                        wrong(action, "takes a package away that nobody named");
                    }
                }
                if transaction.install.keys().any(|name| transaction.remove.contains(name)) {
                    wrong(action, "installs and removes the same package");
                }
                owing.extend(action.owes.iter().map(String::as_str));
            }
            Act::Service(service) => {
                if !bounds.units.contains(&service.unit) {
                    wrong(action, "touches a unit that no release names");
                }
                told.insert(&action.id);
                if service.started {
                    restarted.insert(&action.id);
                }
            }
            Act::Check(argv) => {
                if argv.is_empty() || told.contains(action.id.as_str()) {
                    wrong(
                        action,
                        "is a check without a program, or after the restart that it is for",
                    );
                }
            }
            Act::Command(command) => {
                if command.argv.first().is_none_or(|program| !program.starts_with('/')) || command.timeout.is_zero() {
                    wrong(action, "is a command without an absolute program or an end");
                }
            }
            Act::Repair => {}
        }
    }
    let services = owing.iter().filter(|id| id.starts_with("service:"));
    for id in services.filter(|id| !told.contains(*id)) {
        found.push(Problem::new(
            "check",
            *id,
            "is owed a restart that the plan does not make",
        ));
    }
    if found.is_empty() {
        Ok(Approved(actions))
    } else {
        Err(found)
    }
}
