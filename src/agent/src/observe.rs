//! Observes: what stands on the server, as far as a plan needs it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::adapters::machine::Users;
use crate::adapters::{disk, dpkg, systemd};
use crate::facts::Facts;

/// What is looked at.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Paths.
    pub paths: BTreeSet<String>,
    /// Units.
    pub units: BTreeSet<String>,
}

impl Scope {
    /// All that a release names.
    pub fn add(&mut self, release: &crate::release::Release) {
        self.paths.extend(release.files().map(|file| file.path.clone()));
        self.units
            .extend(release.services().map(|service| service.unit.clone()));
    }
}

/// Looks.
///
/// # Errors
/// dpkg or the disk do not say.
pub fn facts(scope: &Scope) -> Result<Facts, String> {
    let users = Users::read();
    let packages = dpkg::packages()?;
    let mut facts = Facts {
        interrupted: dpkg::is_interrupted(&packages),
        packages,
        ..Facts::default()
    };
    for path in &scope.paths {
        let fact = disk::fact(Path::new(path), &users).map_err(|error| format!("{path}: {error}"))?;
        facts.files.insert(path.clone(), fact);
    }
    let units: Vec<String> = scope.units.iter().cloned().collect();
    facts.services = systemd::facts(&units);
    Ok(facts)
}
