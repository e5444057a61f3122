//! Which packages are not as they shall be.

use std::cmp::Ordering;

use super::inputs::Inputs;
use crate::action::{Act, Action, Transaction};
use crate::cookbook::{Cookbook, Package, Wanted};
use crate::debian_version::{compare, fits};
use crate::facts::PackageFact;

/// The version to install, where this package is not as it shall be.
fn missing(package: &Package, fact: Option<&PackageFact>, resolved: Option<&String>) -> Option<Option<String>> {
    let whole = fact.filter(|fact| fact.whole);
    let is_well = match (&package.version, whole) {
        (_, None) => false,
        (Wanted::Any, Some(_)) => true,
        (Wanted::Exact(version), Some(fact)) => fits(version, &fact.version),
        // A newer one than the newest of then is no drift.
        (Wanted::Latest, Some(fact)) => resolved.is_none_or(|newest| compare(&fact.version, newest) != Ordering::Less),
    };
    if is_well {
        return None;
    }
    Some(match &package.version {
        Wanted::Exact(version) if !version.ends_with('*') => Some(version.clone()),
        _ => resolved.cloned(),
    })
}

/// The transaction of a cookbook, if one is needed.
pub(super) fn action(book: &Cookbook, inputs: &Inputs<'_>) -> Option<Action> {
    let mut transaction = Transaction::default();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for package in &book.packages {
        let fact = inputs.facts.packages.get(&package.name);
        let now = fact.map_or("absent", |fact| if fact.whole { &fact.version } else { "broken" });
        if !package.present {
            if fact.is_some() {
                transaction.remove.insert(package.name.clone());
                before.push(format!("{} {now}", package.name));
                after.push(format!("{} absent", package.name));
            }
            continue;
        }
        let held = fact.is_some_and(|fact| fact.hold);
        if let Some(version) = missing(package, fact, inputs.release.latest.get(&package.name)) {
            before.push(format!("{} {now}", package.name));
            after.push(format!("{} {}", package.name, version.as_deref().unwrap_or("present")));
            transaction.downgrade |= match (&version, fact) {
                (Some(version), Some(fact)) => compare(version, &fact.version) == Ordering::Less,
                _ => false,
            };
            if held {
                transaction.unhold.insert(package.name.clone());
            }
            if package.hold {
                transaction.hold.insert(package.name.clone());
            }
            transaction.install.insert(package.name.clone(), version);
        } else if held != package.hold && matches!(package.version, Wanted::Exact(_)) {
            before.push(format!("{} {now}{}", package.name, if held { " on hold" } else { "" }));
            after.push(format!("{} {now}{}", package.name, if held { "" } else { " on hold" }));
            let set = if held {
                &mut transaction.unhold
            } else {
                &mut transaction.hold
            };
            set.insert(package.name.clone());
        }
    }
    if before.is_empty() {
        return None;
    }
    let only = book
        .packages
        .iter()
        .find(|_| before.len() == 1)
        .filter(|_| book.packages.len() == 1);
    let id = only.map_or_else(|| format!("packages:{}", book.file), |package| package.id.clone());
    Some(Action::new(
        id,
        Act::Packages(transaction),
        before.join(", "),
        after.join(", "),
        inputs.reason,
    ))
}
