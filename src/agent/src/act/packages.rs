//! Does a transaction of packages; fetches it first where only an earlier act of the attempt made it known.

use std::collections::BTreeSet;

use crate::action::Transaction;
use crate::adapters::apt::NOT_BEGUN;
use crate::adapters::{dpkg, systemd};
use crate::check::belt;
use crate::debian_version::fits;
use crate::facts::Facts;
use crate::machine::{Machine, Stop};
use crate::way_back::keep_what_stands;

/// Resolves, belts and fetches, and remembers what the way back has to put back, before anything is changed.
fn fetch_late(machine: &mut Machine<'_>, transaction: &Transaction) -> Result<(), Stop> {
    let apt = machine.apt();
    let resolved = apt.resolve(transaction).map_err(Stop::Release)?;
    belt(&machine.config.packages, &resolved, &transaction.remove).map_err(Stop::Refused)?;
    apt.fetch(transaction).map_err(Stop::Circumstances)?;
    let facts = Facts {
        packages: dpkg::packages().map_err(Stop::Circumstances)?,
        ..Facts::default()
    };
    keep_what_stands(machine, &resolved, &facts)?;
    if let Some(attempt) = &mut machine.memory.attempt {
        attempt.packages.extend(resolved.install.into_keys());
        attempt.packages.extend(resolved.remove);
    }
    machine.remember()
}

/// Does a transaction. Whether it was done is what dpkg says.
pub(super) fn packages(machine: &mut Machine<'_>, id: &str, transaction: &Transaction) -> Result<(), Stop> {
    let apt = machine.apt();
    let attempt = machine.memory.attempt.as_ref();
    if attempt.is_some_and(|attempt| attempt.back.is_none() && attempt.late.contains(id)) {
        fetch_late(machine, transaction)?;
    }
    apt.try_locks().map_err(Stop::Circumstances)?;
    let said = apt.act(transaction);
    if transaction.downgrade {
        // systemd notices a unit that is newer than what it read, and not one that is older.
        let _ = systemd::order(&["daemon-reload"], machine.config.limits.service_start);
    }
    // Whether it was done is what dpkg says.
    let after = dpkg::packages().map_err(Stop::Circumstances)?;
    let mut wrong: BTreeSet<String> = BTreeSet::new();
    for (name, version) in &transaction.install {
        let whole = after.get(name).filter(|fact| fact.whole);
        if whole.is_none_or(|fact| version.as_ref().is_some_and(|version| !fits(version, &fact.version))) {
            wrong.insert(name.clone());
        }
    }
    wrong.extend(
        transaction
            .remove
            .iter()
            .filter(|name| after.contains_key(*name))
            .cloned(),
    );
    wrong.extend(
        after
            .iter()
            .filter(|(_, fact)| !fact.whole)
            .map(|(name, _)| name.clone()),
    );
    if wrong.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = wrong.into_iter().collect();
    let why = said.err().unwrap_or_else(|| "dpkg says otherwise".into());
    let adverse = ["No space left", "enough free space", "Could not get lock", NOT_BEGUN];
    let no_space = adverse.iter().any(|text| why.contains(text));
    let why = format!("package {}: {why}", names.join(" "));
    Err(if no_space {
        Stop::Circumstances(why)
    } else {
        Stop::Release(why)
    })
}
