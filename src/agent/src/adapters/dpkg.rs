//! What dpkg knows, read from its database and from `dpkg-query`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use crate::adapters::exec::Program;
use crate::facts::PackageFact;

const FORMAT: &str = "${Package}\t${Architecture}\t${db:Status-Abbrev}\t${Version}\n";

/// Packages that were installed because another one needs them.
fn autos() -> BTreeSet<String> {
    let text = fs::read_to_string("/var/lib/apt/extended_states").unwrap_or_default();
    let auto = text.split("\n\n").filter(|block| block.contains("Auto-Installed: 1"));
    auto.filter_map(|block| block.lines().find_map(|line| line.strip_prefix("Package: ")))
        .map(str::to_owned)
        .collect()
}

/// All packages; those of another architecture under `name:arch`.
///
/// # Errors
/// dpkg does not say.
pub fn packages() -> Result<BTreeMap<String, PackageFact>, String> {
    let ended = Program::new("dpkg-query", ["-W", "-f", FORMAT], Duration::from_secs(60)).run();
    if !ended.is_well() {
        return Err(format!("dpkg-query {}", ended.why()));
    }
    let autos = autos();
    let text = ended.text();
    let mut packages = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, _, status, version] = fields[..] else {
            continue;
        };
        let mut letters = status.chars();
        let (want, is) = (letters.next().unwrap_or(' '), letters.next().unwrap_or(' '));
        // Only its configuration is left, or nothing.
        if matches!(is, 'n' | 'c') {
            continue;
        }
        let fact = PackageFact {
            version: version.to_owned(),
            whole: is == 'i' && letters.next().is_none_or(|error| error == ' '),
            hold: want == 'h',
            auto: autos.contains(name),
        };
        packages.insert(name.to_owned(), fact);
    }
    Ok(packages)
}

/// Whether a script of a package runs: it lives on where its dpkg was killed, and holds no lock.
fn has_script() -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.map(|entry| entry.path().join("cmdline")).any(|path| {
        let line = fs::read(path).unwrap_or_default();
        line.split(|byte| *byte == 0)
            .any(|word| word.starts_with(b"/var/lib/dpkg/info/") || word.starts_with(b"/var/lib/dpkg/tmp.ci/"))
    })
}

/// Waits for scripts of packages that still run.
///
/// # Errors
/// One does not end.
pub fn wait_for_scripts(longest: Duration) -> Result<(), String> {
    let began = Instant::now();
    while has_script() {
        if began.elapsed() > longest {
            return Err("a script of a package does not end".into());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Whether dpkg was interrupted: it left updates of its database, or a package in mid-way.
#[must_use]
pub fn is_interrupted(packages: &BTreeMap<String, PackageFact>) -> bool {
    let updates = fs::read_dir("/var/lib/dpkg/updates").map_or(0, Iterator::count);
    updates > 0 || packages.values().any(|package| !package.whole)
}
