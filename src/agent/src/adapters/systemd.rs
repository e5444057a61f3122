//! systemd, through `systemctl`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::adapters::exec::{Ended, Program};
use crate::facts::ServiceFact;

const PROPERTIES: &str =
    "--property=Id,LoadState,ActiveState,UnitFileState,InvocationID,NeedDaemonReload,NRestarts,Names";

/// What is known of these units, in one call.
#[must_use]
pub fn facts(units: &[String]) -> BTreeMap<String, ServiceFact> {
    if units.is_empty() {
        return BTreeMap::new();
    }
    let arguments = ["show", PROPERTIES, "--"]
        .into_iter()
        .map(str::to_owned)
        .chain(units.iter().cloned());
    let ended = Program::new("systemctl", arguments, Duration::from_secs(30)).run();
    let text = ended.text();
    // The answers come in the order of the questions, whatever name a unit has really.
    let blocks = text.split("\n\n").map(|block| {
        let value = |key: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().to_owned()
        };
        let enabled = value("UnitFileState");
        let load = value("LoadState");
        ServiceFact {
            known: !matches!(load.as_str(), "not-found" | ""),
            masked: load == "masked",
            active: value("ActiveState"),
            invocation: value("InvocationID"),
            stale: value("NeedDaemonReload") == "yes",
            restarts: value("NRestarts").parse().unwrap_or(0),
            enabled,
        }
    });
    units.iter().cloned().zip(blocks).collect()
}

/// One unit.
#[must_use]
pub fn fact(unit: &str) -> ServiceFact {
    facts(&[unit.to_owned()]).remove(unit).unwrap_or_default()
}

/// Gives an order.
#[must_use]
pub fn order(words: &[&str], timeout: Duration) -> Ended {
    Program::new("systemctl", words, timeout).run()
}
