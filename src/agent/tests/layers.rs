//! Holds the shape of the agent's code, as `tests/layers.rs` at the top does for the service's: no circle of imports, no module that
//! uses one above it, and files, sockets and processes in the adapters only.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../tests/layers/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use source::{Program, read_files};

const CRATES: [(&str, &str); 3] = [
    ("fleetsheet_agent", "src/lib.rs"),
    ("fleetsheet_words", "words/lib.rs"),
    ("(program)", "src/main.rs"),
];

/// What opens files, sockets or processes.
const OUTSIDE: [&str; 9] = [
    "std::fs",
    "std::os::unix::fs",
    "std::process::Command",
    "File::create",
    "File::open",
    "OpenOptions",
    "TcpListener",
    "TcpStream",
    "UnixStream",
];

type Files = BTreeMap<String, String>;

fn files() -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = read_files(root, &["src"]);
    let words = read_files(&root.join("../words"), &["src"]);
    files.extend(
        words
            .into_iter()
            .map(|(name, text)| (name.replacen("src/", "words/", 1), text)),
    );
    files
}

fn circles(program: &Program) -> BTreeSet<BTreeSet<String>> {
    let arrows = program.arrows();
    let reached = |from: &String| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(file) = next.pop() {
            for to in arrows.get(file).into_iter().flatten() {
                if seen.insert(to.clone()) {
                    next.push(to);
                }
            }
        }
        seen
    };
    let reach: BTreeMap<&String, BTreeSet<String>> = arrows.keys().map(|file| (file, reached(file))).collect();
    let circle = |(file, to): (&&String, &BTreeSet<String>)| -> BTreeSet<String> {
        to.iter()
            .filter(|other| reach.get(other).is_some_and(|back| back.contains(file.as_str())))
            .cloned()
            .collect()
    };
    reach.iter().map(circle).filter(|circle| !circle.is_empty()).collect()
}

/// The floor of each module of the list in `src/lib.rs`, counted from the edge.
fn floors(list: &str) -> BTreeMap<String, usize> {
    let (mut floor, mut floors) = (0, BTreeMap::new());
    for line in list.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            floors.insert(name.to_owned(), floor);
        } else if line.is_empty() {
            floor += 1;
        }
    }
    floors
}

fn upward(program: &Program, files: &Files) -> Vec<String> {
    let floors = floors(&files["src/lib.rs"]);
    let module = |file: &str| {
        let name = file.strip_prefix("src/")?.split(['/', '.']).next()?;
        Some((name.to_owned(), *floors.get(name)?))
    };
    let mut found = BTreeSet::new();
    for (from, targets) in program.arrows() {
        for to in &targets {
            if let (Some((user, floor)), Some((used, other))) = (module(&from), module(to))
                && user != used
                && other <= floor
            {
                found.insert(format!("{from} uses {to}"));
            }
        }
    }
    found.into_iter().collect()
}

fn strays(program: &Program) -> Vec<String> {
    let mut found = Vec::new();
    for (file, paths) in program.paths() {
        if !file.starts_with("src/") || file.starts_with("src/adapters/") {
            continue;
        }
        let opens = |path: &&String| {
            OUTSIDE
                .iter()
                .any(|name| format!("::{path}::").contains(&format!("::{name}::")))
        };
        found.extend(paths.iter().filter(opens).map(|path| format!("{file}: {path}")));
    }
    found
}

/// What is wrong after `change` was made to a copy of the sources.
fn after(change: impl FnOnce(&mut Files)) -> (BTreeSet<BTreeSet<String>>, Vec<String>, Vec<String>) {
    let mut files = files();
    change(&mut files);
    let program = Program::new(&files, &CRATES);
    (circles(&program), upward(&program, &files), strays(&program))
}

#[test]
fn the_code_is_in_layers() {
    let (circles, upward, strays) = after(|_| {});
    assert!(circles.is_empty(), "{circles:#?}");
    assert!(upward.is_empty(), "{upward:#?}");
    assert!(strays.is_empty(), "{strays:#?}");
    let files = files();
    let program = Program::new(&files, &CRATES);
    let forgotten: Vec<&String> = files.keys().filter(|file| !program.knows(file)).collect();
    assert!(forgotten.is_empty(), "{forgotten:#?}");
    let listed = floors(&files["src/lib.rs"]);
    assert_eq!(listed.keys().collect::<Vec<_>>(), program.children("fleetsheet_agent"));
}

#[test]
fn what_must_not_be_is_noticed() {
    let add = |file: &str, text: &str| after(|files| files.get_mut(file).unwrap().push_str(text));
    assert!(!add("src/problem.rs", "use crate::config::Config;\n").0.is_empty());
    assert!(!add("src/facts.rs", "use crate::plan::plan;\n").1.is_empty());
    assert!(
        !add("src/plan.rs", "fn f() { std::fs::read(\"x\").unwrap(); }\n")
            .2
            .is_empty()
    );
}
