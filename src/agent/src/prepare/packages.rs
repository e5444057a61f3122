//! Prepares packages: what a transaction would do, whether it may, and the archives for it and for its way back.

use std::collections::BTreeSet;

use crate::action::{Act, Action};
use crate::adapters::apt::Resolved;
use crate::config::{Config, WayBack};
use crate::facts::Facts;
use crate::machine::{Machine, Stop};
use crate::release::Release;

/// Whether a transaction may be done: nothing goes that nobody named.
///
/// # Errors
/// What would go.
pub fn belt(config: &Config, resolved: &Resolved, named: &BTreeSet<String>) -> Result<(), String> {
    let protected: Vec<&str> = resolved
        .remove
        .iter()
        .filter(|name| config.packages.protected.contains(name))
        .map(String::as_str)
        .collect();
    if !protected.is_empty() {
        return Err(format!("would remove {}, which is protected", protected.join(" ")));
    }
    let unnamed: Vec<&str> = resolved.remove.difference(named).map(String::as_str).collect();
    if unnamed.len() > config.packages.max_removals {
        return Err(format!("would remove {}", unnamed.join(" ")));
    }
    Ok(())
}

/// What `latest` and patterns are now: asked of apt once a release.
///
/// # Errors
/// apt does not know one.
pub fn latest(machine: &mut Machine<'_>, release: &mut Release, facts: &Facts) -> Result<(), Stop> {
    use crate::cookbook::Wanted;
    let apt = machine.apt();
    let wanted: Vec<_> = release
        .cookbooks
        .iter()
        .flat_map(|book| &book.packages)
        .filter(|package| package.present)
        .cloned()
        .collect();
    let missing = wanted.iter().any(|package| {
        let fact = facts.packages.get(&package.name);
        fact.is_none() || package.version == Wanted::Latest || matches!(&package.version, Wanted::Exact(version) if fact.is_none_or(|fact| !crate::debian_version::fits(version, &fact.version)))
    });
    let age = machine.memory.updated.map(|at| crate::adapters::machine::now() - at);
    let old = age.is_none_or(|age| {
        age.to_std()
            .map_or(true, |age| age > machine.config.packages.update_max_age)
    });
    if missing && old {
        apt.try_locks().map_err(Stop::Circumstances)?;
        match apt.update() {
            Ok(()) => machine.memory.updated = Some(crate::adapters::machine::now()),
            // Old lists may do; what they lack is told by what follows.
            Err(why) => machine.tell("packages", "apt-get update", &why),
        }
    }
    for package in wanted {
        let version = match &package.version {
            Wanted::Latest => None,
            Wanted::Exact(version) if version.ends_with('*') => Some(version.clone()),
            _ => continue,
        };
        let ask = crate::action::Transaction {
            install: [(package.name.clone(), version)].into(),
            downgrade: true,
            ..Default::default()
        };
        match apt.resolve(&ask) {
            Ok(resolved) => {
                let now = facts.packages.get(&package.name).map(|fact| fact.version.clone());
                let found = resolved.install.get(&package.name).cloned().or(now);
                release
                    .latest
                    .extend(found.map(|version| (package.name.clone(), version)));
            }
            // A pre_install or an earlier cookbook may make it known.
            Err(why) => machine.tell("packages", &package.id, &why),
        }
    }
    Ok(())
}

/// Fetches what the plan's transactions need, and what their way back needs. Gives the packages that change.
///
/// # Errors
/// A belt, or an archive that cannot be had.
pub fn prepare(machine: &mut Machine<'_>, plan: &[Action], facts: &Facts) -> Result<BTreeSet<String>, Stop> {
    let apt = machine.apt();
    let mut changed = BTreeSet::new();
    for action in plan {
        let Act::Packages(transaction) = &action.act else {
            continue;
        };
        if transaction.install.is_empty() && transaction.remove.is_empty() {
            changed.extend(transaction.hold.iter().chain(&transaction.unhold).cloned());
            continue;
        }
        let resolved = apt.resolve(transaction).map_err(Stop::Circumstances)?;
        belt(machine.config, &resolved, &transaction.remove).map_err(Stop::Refused)?;
        let resolved = apt.fetch(transaction).map_err(Stop::Circumstances)?;
        for name in resolved.install.keys().chain(&resolved.remove) {
            let Some(now) = facts.packages.get(name) else { continue };
            if apt.keep(name, &now.version) {
                continue;
            }
            if machine.config.packages.way_back == WayBack::Require {
                return Err(Stop::Refused(format!(
                    "the archive of {name} {} can no longer be had",
                    now.version
                )));
            }
            machine.tell(
                "packages",
                name,
                &format!("no way back to {}: its archive can no longer be had", now.version),
            );
        }
        changed.extend(resolved.install.into_keys());
        changed.extend(resolved.remove);
    }
    if !changed.is_empty() {
        apt.try_locks().map_err(Stop::Circumstances)?;
    }
    Ok(changed)
}
