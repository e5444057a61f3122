//! Holds the shape of the code: no circle of imports, no module that uses one above it, and files and sockets only where
//! they are expected.
//!
//! The sources are read as text; test code is left out. A file has an arrow to another one when it names something of it:
//! in a `use`, or in a path such as `settle::words(…)`. The arrow goes to the module that the path names, because a name
//! that a module passes on with `pub use` is part of what it offers. Three things are not what they seem:
//! - `mod x;` and a `pub use` of something below a module are not arrows. They only say where the children are, and every
//!   parent would stand in a circle with them.
//! - A path that names a module alone (`use crate::sandbox;`) is not an arrow; what is then used of it is one.
//! - Within a family (`super::X`, or any path to a module that the file stands in) a name counts for the file that defines
//!   it: only what is written in the parent itself makes a child depend on it. A parent that uses its children, and a
//!   child that uses what its parent defines, are a circle.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "layers/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use source::{Program, read_files};

/// What opens files or sockets, as paths and names are written in the sources.
const OUTSIDE: [&str; 15] = [
    "std::fs",
    "std::os::unix::fs",
    "tokio::fs",
    "DirBuilder",
    "File::create",
    "File::open",
    "OpenOptions",
    "RollingFileAppender",
    "TcpListener",
    "TcpSocket",
    "TcpStream",
    "UdpSocket",
    "UnixDatagram",
    "UnixListener",
    "UnixStream",
];

/// Who may.
const NAMED: &str = "src/adapters/";

const CRATES: [(&str, &str); 4] = [
    ("fleetsheet", "src/lib.rs"),
    ("fleetsheet_mocks", "mocks/src/lib.rs"),
    ("(program)", "src/main.rs"),
    ("(emulators)", "mocks/src/main.rs"),
];

/// Members of the workspace that lie below `src`: the agent has a test of its own, the words are below everything.
const OTHERS: [&str; 2] = ["src/agent/", "src/words/"];

type Files = BTreeMap<String, String>;

fn files() -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = read_files(root, &["src", "mocks/src"]);
    files.retain(|file, _| !OTHERS.iter().any(|other| file.starts_with(other)));
    files
}

/// Sets of files that can all be reached from each other.
fn circles(program: &Program) -> Vec<BTreeSet<String>> {
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
    let mut found = BTreeSet::new();
    for (file, to) in &reach {
        let back = |other: &&String| reach.get(other).is_some_and(|reach| reach.contains(*file));
        let circle: BTreeSet<String> = to.iter().filter(back).cloned().collect();
        if !circle.is_empty() {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

/// Uses of a module that stands above or beside the one that uses it, in the list of `src/lib.rs`. Blank lines part the
/// floors of that list, the edge of the program comes first.
fn upward(program: &Program, files: &Files) -> Vec<String> {
    let floors = floors(&files["src/lib.rs"]);
    let module = |file: &str| {
        let below = file.strip_prefix("src/")?;
        let name = below.split(['/', '.']).next()?;
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

/// The floor of each module of the list, counted from the edge.
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

/// Names in files of the program that open files or sockets without being named for it.
fn strays(program: &Program) -> Vec<String> {
    let mut found = Vec::new();
    for (file, paths) in program.paths() {
        if !file.starts_with("src/") || file.starts_with(NAMED) {
            continue;
        }
        let opens = |path: &&String| {
            let path = format!("::{path}::");
            OUTSIDE.iter().any(|name| path.contains(&format!("::{name}::")))
        };
        found.extend(paths.iter().filter(opens).map(|path| format!("{file}: {path}")));
    }
    found
}

#[test]
fn no_import_leads_back_to_where_it_came_from() {
    let circles = circles(&Program::new(&files(), &CRATES));
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn a_module_uses_only_what_stands_below_it() {
    let files = files();
    let program = Program::new(&files, &CRATES);
    let listed = floors(&files["src/lib.rs"]);
    assert_eq!(listed.keys().collect::<Vec<_>>(), program.children("fleetsheet"));
    let upward = upward(&program, &files);
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn only_the_adapters_open_files_and_sockets() {
    let strays = strays(&Program::new(&files(), &CRATES));
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn every_file_is_part_of_the_program() {
    let files = files();
    let program = Program::new(&files, &CRATES);
    let forgotten: Vec<&String> = files.keys().filter(|file| !program.knows(file)).collect();
    assert!(forgotten.is_empty(), "{forgotten:#?}");
}

/// The same findings after `change` was made to a copy of the sources.
fn after(change: impl FnOnce(&mut Files)) -> (Vec<BTreeSet<String>>, Vec<String>, Vec<String>) {
    let mut files = files();
    change(&mut files);
    let program = Program::new(&files, &CRATES);
    (circles(&program), upward(&program, &files), strays(&program))
}

fn add(files: &mut Files, file: &str, text: &str) {
    files.get_mut(file).unwrap().push_str(text);
}

#[test]
fn what_must_not_be_is_noticed() {
    let now = after(|_| {});
    let (circles, upward, _) = after(|files| add(files, "src/text.rs", "use crate::tag::Version as V;\n"));
    let circle = |circles: &[BTreeSet<String>]| circles.iter().any(|circle| circle.contains("src/text.rs"));
    assert!(!circle(&now.0) && circle(&circles), "{circles:?}");
    assert!(upward.contains(&"src/text.rs uses src/tag.rs".to_owned()), "{upward:?}");

    let (circles, _, _) = after(|files| {
        add(files, "src/service.rs", "const LONGEST: u8 = 0;\n");
        add(
            files,
            "src/service/schedule.rs",
            "fn longest() -> u8 { super::LONGEST }\n",
        );
    });
    let circle = circles.iter().find(|circle| circle.contains("src/service/schedule.rs"));
    assert!(
        circle.is_some_and(|circle| circle.contains("src/service.rs")),
        "{circles:?}"
    );

    let (circles, _, _) = after(|files| {
        add(
            files,
            "mocks/src/clock.rs",
            "use crate::sheets;\nfn f() { sheets::SheetsEmulator::g() }\n",
        );
        add(
            files,
            "mocks/src/sheets.rs",
            "use crate::clock::now as what_time_it_is;\n",
        );
    });
    assert!(
        circles.iter().any(|circle| circle.contains("mocks/src/clock.rs")),
        "{circles:?}"
    );

    let opening = [
        (
            "src/plan.rs",
            "fn f() { std::fs::read(\"x\").unwrap(); }\n",
            "std::fs::read",
        ),
        ("src/report.rs", "use std::{fs as files, io};\n", "std::fs"),
        (
            "src/config.rs",
            "use tokio::net::{TcpStream, UdpSocket};\n",
            "tokio::net::TcpStream",
        ),
        ("src/service/http.rs", "fn f() { File::open(\"x\"); }\n", "File::open"),
    ];
    let (_, _, strays) = after(|files| opening.iter().for_each(|(file, text, _)| add(files, file, text)));
    for (file, text, name) in opening {
        assert!(strays.contains(&format!("{file}: {name}")), "{text}: {strays:?}");
    }
    let allowed = |files: &mut Files| {
        opening
            .iter()
            .for_each(|(_, text, _)| add(files, "src/adapters/files.rs", text))
    };
    assert_eq!(after(allowed).2, now.2);
}

#[test]
fn words_that_are_not_code_are_not_imports() {
    let text = "// use crate::plan::Plan;\n/* use crate::plan::Plan; */\nconst A: &str = \"use crate::plan::Plan; // \\\" \";\n\
                const B: &str = r#\"crate::plan::plan()\"\"#;\nconst C: char = '\"';\n\
                #[cfg(test)]\nmod tests { use crate::plan::Plan; fn f() {} }\n#[cfg(test)]\nfn f() { crate::plan::plan() }\n";
    assert_eq!(after(|files| add(files, "src/text.rs", text)), after(|_| {}));
    let code = "fn g<'a>(a: &'a str) { let _ = '{'; crate::plan::plan() }\n";
    let upward = after(|files| add(files, "src/text.rs", &format!("{text}{code}"))).1;
    assert!(
        upward.contains(&"src/text.rs uses src/plan.rs".to_owned()),
        "{upward:?}"
    );
}
