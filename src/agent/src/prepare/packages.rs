//! Prepares packages: what a transaction would do, whether it may, and the archives for it and for its way back.

use std::collections::BTreeSet;

use crate::action::{Act, Action};
use crate::check::belt;
use crate::facts::Facts;
use crate::machine::{Machine, Stop};
use crate::release::Release;
use crate::way_back::keep_what_stands;

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
            Err(why) => machine.tell(
                "packages",
                &package.id,
                &format!("{why}; asked again within the attempt"),
            ),
        }
    }
    Ok(())
}

/// What the plan's transactions change, and which of them only an earlier act can make known to apt.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    /// Packages that change.
    pub changed: BTreeSet<String>,
    /// Transactions that are resolved, belted and fetched within the attempt, by the action's name.
    pub late: BTreeSet<String>,
    /// Bytes that they take.
    pub bytes: u64,
}

const UNKNOWN: [&str; 3] = [
    "Unable to locate package",
    "has no installation candidate",
    "was not found",
];

/// Fetches what the plan's transactions need, and what their way back needs.
///
/// # Errors
/// A belt, or an archive that cannot be had.
pub fn prepare(machine: &mut Machine<'_>, plan: &[Action], facts: &Facts) -> Result<Prepared, Stop> {
    let apt = machine.apt();
    let mut prepared = Prepared::default();
    for (n, action) in plan.iter().enumerate() {
        let Act::Packages(transaction) = &action.act else {
            continue;
        };
        if transaction.install.is_empty() && transaction.remove.is_empty() {
            let marks = transaction.hold.iter().chain(&transaction.unhold);
            prepared.changed.extend(marks.cloned());
            continue;
        }
        let before = plan.get(..n).unwrap_or_default();
        let makes_known = before
            .iter()
            .any(|act| matches!(act.act, Act::Command(_) | Act::File(..)));
        match apt.resolve(transaction) {
            Ok(resolved) => belt(&machine.config.packages, &resolved, &transaction.remove).map_err(Stop::Refused)?,
            Err(why) if why.contains("Essential packages were removed") => {
                return Err(Stop::Refused(format!("would remove an essential package: {why}")));
            }
            Err(why) if makes_known && UNKNOWN.iter().any(|text| why.contains(text)) => {
                machine.tell(
                    "packages",
                    &action.id,
                    "no source knows it yet: fetched within the attempt",
                );
                prepared.late.insert(action.id.clone());
                continue;
            }
            Err(why) => return Err(Stop::Circumstances(why)),
        }
        let fetched = apt.fetch(transaction).map_err(Stop::Circumstances)?;
        let resolved = fetched.resolved;
        keep_what_stands(machine, &resolved, facts)?;
        prepared.bytes += fetched.bytes;
        prepared.changed.extend(resolved.install.into_keys());
        prepared.changed.extend(resolved.remove);
    }
    if !prepared.changed.is_empty() || !prepared.late.is_empty() {
        apt.try_locks().map_err(Stop::Circumstances)?;
    }
    Ok(prepared)
}
