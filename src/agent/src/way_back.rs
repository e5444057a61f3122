//! The archives that a way back needs: kept before anything is changed.

use crate::adapters::apt::Resolved;
use crate::config::WayBack;
use crate::facts::Facts;
use crate::machine::{Machine, Stop};

/// Keeps the archives of what stands and would change.
///
/// # Errors
/// One can no longer be had, and `packages.way_back` requires it.
pub fn keep_what_stands(machine: &mut Machine<'_>, resolved: &Resolved, facts: &Facts) -> Result<(), Stop> {
    let apt = machine.apt();
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
    Ok(())
}
