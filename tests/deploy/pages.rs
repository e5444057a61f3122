//! The pages that people read: the README stays short, links and paths lead to what exists, and what is listed is what there is.
//!
//! What the tables say about meaning no test can hold; that nothing is missing from them, and nothing is made up, it can.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use fleetsheet::cli::Invocation;

const PAGES: [&str; 6] = [
    "README.md",
    "config/deploy/README.md",
    "config/deploy/NIGHT.md",
    ".github/SECURITY.md",
    ".github/CONTRIBUTING.md",
    "tests/README.md",
];
/// How a word begins that is a path in this repository.
const FOLDERS: [&str; 7] = [
    "src/",
    "tests/",
    "config/",
    "mocks/",
    "sheet-templates/",
    ".ci/",
    ".github/",
];
const README_LINES: usize = 200;
const LINE_CHARACTERS: usize = 140;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: impl AsRef<Path>) -> String {
    let path = root().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines of a page outside and inside its fenced blocks; each block begins with the line that opens it.
fn split(text: &str) -> (Vec<&str>, Vec<Vec<&str>>) {
    let (mut prose, mut blocks, mut inside) = (Vec::new(), Vec::<Vec<&str>>::new(), false);
    for line in text.lines() {
        let fence = line.starts_with("```");
        match (inside, fence) {
            (false, true) => blocks.push(vec![line]),
            (false, false) => prose.push(line),
            (true, false) => blocks.last_mut().unwrap().push(line),
            (true, true) => {}
        }
        inside ^= fence;
    }
    assert!(!inside, "a block without an end");
    (prose, blocks)
}

/// What is between backquotes in a page's prose.
fn spans<'a>(prose: &[&'a str]) -> Vec<&'a str> {
    prose
        .iter()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

/// The part of a link's address behind `#` that leads to a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn anchors(page: &Path) -> BTreeSet<String> {
    let text = read(page);
    let (prose, _) = split(&text);
    let headings = prose.iter().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// The addresses of a page's links to this repository.
fn links(page: &str) -> Vec<String> {
    let text = read(page);
    let (prose, _) = split(&text);
    let address = |rest: &str| rest.split(')').next().unwrap_or_default().to_owned();
    prose
        .iter()
        .flat_map(|line| line.split("](").skip(1).map(address))
        .filter(|link| !link.starts_with("https://"))
        .collect()
}

/// The file that a link of `page` leads to, from the root.
fn target(page: &str, link: &str) -> PathBuf {
    let path = link.split('#').next().unwrap_or_default();
    if path.is_empty() {
        return page.into();
    }
    let folder = root().join(page).parent().unwrap().to_owned();
    let found = folder.join(path).canonicalize();
    let found = found.unwrap_or_else(|error| panic!("{page} links to {link}: {error}"));
    let root = root().canonicalize().unwrap();
    let inside = found.strip_prefix(root);
    inside
        .unwrap_or_else(|_| panic!("{page} links out of the repository: {link}"))
        .to_owned()
}

#[test]
fn the_readme_is_short_and_lines_fit_a_screen() {
    let lines = read("README.md").lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines");
    for page in PAGES {
        for (i, line) in read(page).lines().enumerate() {
            let length = line.chars().count();
            assert!(
                line.starts_with('|') || length <= LINE_CHARACTERS,
                "{page}:{}: {length} characters",
                i + 1
            );
        }
    }
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut followed = 0;
    for page in PAGES {
        for link in links(page) {
            let file = target(page, &link);
            if let Some((_, heading)) = link.split_once('#') {
                let known = anchors(&file);
                assert!(known.contains(heading), "{page} links to {link}, of {known:?}");
            }
            followed += 1;
        }
    }
    assert!(followed > 40, "{followed}");
    let from_readme: BTreeSet<PathBuf> = links("README.md")
        .iter()
        .map(|link| target("README.md", link))
        .collect();
    for page in &PAGES[1..] {
        assert!(
            from_readme.contains(Path::new(page)),
            "the README does not link to {page}"
        );
    }
}

#[test]
fn every_path_that_is_named_exists() {
    let mut named = 0;
    for page in PAGES {
        let text = read(page);
        let (prose, blocks) = split(&text);
        let code = spans(&prose).into_iter().chain(blocks.into_iter().flatten());
        for word in code.flat_map(str::split_whitespace) {
            if FOLDERS.iter().any(|folder| word.starts_with(folder)) {
                assert!(root().join(word).exists(), "{page} names {word}");
                named += 1;
            }
        }
    }
    assert!(named > 40, "{named}");
}

#[test]
fn the_first_commands_are_those_that_ci_runs() {
    let readme = read("README.md");
    let (_, blocks) = split(&readme);
    let commands: Vec<&[&str]> = blocks
        .iter()
        .filter(|block| block[0] == "```sh")
        .map(|block| &block[1..])
        .collect();
    let first = "cargo run -- --once --config config/sandbox.toml";
    let tests = "cargo test --workspace --locked";
    assert_eq!(commands, [&[first][..], &[tests][..]]);

    // The script takes the first one out of the page: these are its own lines.
    let script = read(".ci/run");
    let taking: Vec<&str> = script.lines().filter(|line| line.starts_with("first=")).collect();
    assert!(!taking.is_empty() && script.contains("-c \"$first\""), "{taking:?}");
    let taken = std::process::Command::new("bash")
        .args(["-euo", "pipefail", "-c"])
        .arg(format!("{}\nprintf %s \"$first\"", taking.join("\n")))
        .current_dir(root())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&taken.stdout), first, "{taken:?}");
    assert!(script.lines().any(|line| line.starts_with(tests)), "{tests}");
}

#[test]
fn the_commands_that_are_named_are_those_that_there_are() {
    let arguments = ["fleetsheet", "--help"].map(OsString::from);
    let help = Invocation::parse(arguments, None, |_| false).unwrap_err().to_string();
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let known: BTreeSet<&str> = list
        .lines()
        .take_while(|line| !line.is_empty())
        // A long description goes on on lines that begin further in.
        .filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    let named = |page: &str| -> BTreeSet<String> {
        let text = read(page);
        let calls = spans(&split(&text).0)
            .into_iter()
            .filter_map(|span| span.strip_prefix("fleetsheet "));
        let names = calls.filter_map(|call| call.split_whitespace().next());
        names.filter(|name| !name.starts_with('-')).map(str::to_owned).collect()
    };
    assert!(known.len() > 5, "{known:?}");
    assert_eq!(
        named("README.md").iter().map(String::as_str).collect::<BTreeSet<_>>(),
        known
    );
    for page in PAGES {
        let strange: Vec<String> = named(page)
            .into_iter()
            .filter(|name| !known.contains(&**name))
            .collect();
        assert!(strange.is_empty(), "{page}: {strange:?}");
    }
}

/// The templates colour cells by how their status begins: by each status that needs an eye.
#[test]
fn every_status_that_has_a_colour_is_explained() {
    let readme = read("README.md");
    let (_, statuses) = readme.split_once("\nA **channel** ").unwrap();
    let (channels, servers) = statuses.split_once("\nA **server** ").unwrap();
    let (servers, _) = servers.split_once("\n### ").unwrap();
    for (template, table) in [("ReleaseSheet", channels), ("ServerTagAssignment", servers)] {
        let text = read(format!("sheet-templates/{template}.toml"));
        let starts: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("starts = ")).collect();
        assert!(starts.len() > 5, "{template}");
        for status in starts {
            let status = status.trim_matches('"');
            assert!(table.contains(&format!("`{status}")), "{template}: {status}");
        }
    }
}
