//! Rust sources as far as imports are concerned: the tree of modules, what each file defines, and the paths it names.
//!
//! This is not a parser of the language: it knows comments, literals, `mod`, `use`, the first word of items and paths. What it
//! takes for an import and is none would show as a circle that nobody can find; what it misses is named in the head of the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Crates: what they are called in paths, and their first file. A binary is a crate that nobody can name.
pub type Crates<'a> = &'a [(&'a str, &'a str)];

/// Words that begin an item with a name.
const ITEMS: [&str; 9] = [
    "const",
    "enum",
    "fn",
    "macro_rules",
    "mod",
    "static",
    "struct",
    "trait",
    "type",
];

/// Rust files below some directories, by their path from `root`.
pub fn read_files(root: &Path, directories: &[&str]) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut next: Vec<String> = directories.iter().map(|name| (*name).to_owned()).collect();
    while let Some(directory) = next.pop() {
        for entry in fs::read_dir(root.join(&directory)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{directory}/{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                next.push(name);
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(entry.path()).unwrap();
                files.insert(name, text);
            }
        }
    }
    files
}

/// An import.
#[derive(Clone, Debug)]
struct Use {
    path: Vec<String>,
    /// What it is called here; `*` for everything.
    name: String,
    is_public: bool,
}

#[derive(Debug, Default)]
struct Module {
    file: String,
    children: BTreeSet<String>,
    items: BTreeSet<String>,
    uses: Vec<Use>,
    /// Paths outside of imports, of two words at least.
    paths: BTreeSet<Vec<String>>,
}

/// All modules, by their path from the crate's name.
#[derive(Debug, Default)]
pub struct Program {
    modules: BTreeMap<String, Module>,
    /// Files of modules that exist in tests only.
    tests: BTreeSet<String>,
}

impl Program {
    pub fn new(files: &BTreeMap<String, String>, crates: Crates<'_>) -> Self {
        let mut program = Self::default();
        for (name, file) in crates {
            let directory = file.rsplit_once('/').unwrap().0;
            program.add(files, name, file, directory);
        }
        program
    }

    fn add(&mut self, files: &BTreeMap<String, String>, name: &str, file: &str, directory: &str) {
        let text = files
            .get(file)
            .unwrap_or_else(|| panic!("{file} of {name} is not there"));
        let (words, tests) = without_tests(words(text));
        for test in tests {
            self.tests.insert(format!("{directory}/{test}"));
        }
        let module = Module {
            file: file.to_owned(),
            ..read(&words)
        };
        for child in &module.children {
            let file = format!("{directory}/{child}.rs");
            self.add(
                files,
                &format!("{name}::{child}"),
                &file,
                &format!("{directory}/{child}"),
            );
        }
        self.modules.insert(name.to_owned(), module);
    }

    /// The modules directly below one.
    pub fn children(&self, module: &str) -> Vec<&String> {
        self.modules[module].children.iter().collect()
    }

    /// Whether a file is part of the program or of its tests.
    pub fn knows(&self, file: &str) -> bool {
        let of_tests = |test: &String| {
            let rest = file.strip_prefix(test.as_str());
            rest.is_some_and(|rest| rest.starts_with(['.', '/']))
        };
        self.modules.values().any(|module| module.file == file) || self.tests.iter().any(of_tests)
    }

    /// The paths that each file names, in imports and elsewhere, as they are written.
    pub fn paths(&self) -> BTreeMap<String, BTreeSet<String>> {
        let paths = |module: &Module| {
            let imported = module.uses.iter().map(|import| import.path.join("::"));
            imported
                .chain(module.paths.iter().map(|path| path.join("::")))
                .collect()
        };
        self.modules
            .values()
            .map(|module| (module.file.clone(), paths(module)))
            .collect()
    }

    /// Which files each file names something of.
    pub fn arrows(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut arrows = BTreeMap::new();
        for (name, module) in &self.modules {
            let passed_on = |import: &&Use| {
                let target = self.module_of(name, &import.path);
                !(import.is_public && target.is_some_and(|target| is_below(&target, name)))
            };
            let imports = module.uses.iter().filter(passed_on).map(|import| &import.path);
            let targets = imports
                .chain(&module.paths)
                .filter_map(|path| self.target(name, path, 0));
            let targets: BTreeSet<String> = targets
                .map(|target| self.modules[&target].file.clone())
                .filter(|target| *target != module.file)
                .collect();
            arrows.insert(module.file.clone(), targets);
        }
        arrows
    }

    fn module_of(&self, from: &str, path: &[String]) -> Option<String> {
        self.walk(from, path, 0).map(|(module, _)| module)
    }

    /// The module that a path of `from` depends on; `None` when it names a module alone, or nothing of ours.
    fn target(&self, from: &str, path: &[String], depth: usize) -> Option<String> {
        let (module, item) = self.walk(from, path, depth)?;
        let item = item?;
        // Inside a family, what is only passed on counts for whom it comes from.
        if is_below(from, &module) && !self.modules[&module].items.contains(&item) && depth < 8 {
            let import = self.modules[&module].uses.iter().find(|import| import.name == item);
            if let Some(import) = import {
                return self.target(&module, &import.path, depth + 1);
            }
        }
        Some(module)
    }

    /// The last module that a path leads through, and the word after it.
    fn walk(&self, from: &str, path: &[String], depth: usize) -> Option<(String, Option<String>)> {
        let (first, mut rest) = path.split_first()?;
        let root = from.split("::").next()?;
        let mut module = match first.as_str() {
            "crate" => root.to_owned(),
            "self" => from.to_owned(),
            "super" => from.rsplit_once("::")?.0.to_owned(),
            name if self.modules[from].children.contains(name) => format!("{from}::{name}"),
            name => {
                let import = self.modules[from]
                    .uses
                    .iter()
                    .find(|import| import.name == name && import.path[0] != name);
                match import {
                    Some(import) if depth < 8 => {
                        let whole: Vec<String> = import.path.iter().chain(rest).cloned().collect();
                        return self.walk(from, &whole, depth + 1);
                    }
                    _ if self.modules.contains_key(name) => name.to_owned(),
                    _ => return None,
                }
            }
        };
        while let Some((next, after)) = rest.split_first() {
            if next == "super" {
                module = module.rsplit_once("::")?.0.to_owned();
            } else if self.modules[&module].children.contains(next) {
                module = format!("{module}::{next}");
            } else if next != "self" {
                return Some((module, Some(next.clone())));
            }
            rest = after;
        }
        Some((module, None))
    }
}

fn is_below(module: &str, above: &str) -> bool {
    module.strip_prefix(above).is_some_and(|rest| rest.starts_with("::"))
}

/// Names, `::` and single signs, without comments and without what stands in literals.
fn words(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let at = |i: usize| letters.get(i).copied().unwrap_or('\0');
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let (mut words, mut i) = (Vec::new(), 0);
    while i < letters.len() {
        match at(i) {
            '/' if at(i + 1) == '/' => i = find(&letters, i, "\n"),
            '/' if at(i + 1) == '*' => i = find(&letters, i + 2, "*/"),
            '"' => i = end_of_text(&letters, i),
            '\'' if at(i + 1) == '\\' => i = find(&letters, i + 3, "'"),
            '\'' if at(i + 2) == '\'' => i += 3,
            ':' if at(i + 1) == ':' => {
                words.push("::".to_owned());
                i += 2;
            }
            c if is_name(c) => {
                let start = i;
                while is_name(at(i)) {
                    i += 1;
                }
                let word: String = letters[start..i].iter().collect();
                let hashes = letters[i..].iter().take_while(|c| **c == '#').count();
                if ["r", "br", "cr"].contains(&word.as_str()) && at(i + hashes) == '"' {
                    i = find(&letters, i + hashes + 1, &format!("\"{}", "#".repeat(hashes)));
                } else if !(["b", "c"].contains(&word.as_str()) && at(i) == '"') {
                    words.push(word);
                }
            }
            c => {
                if !c.is_whitespace() {
                    words.push(c.to_string());
                }
                i += 1;
            }
        }
    }
    words
}

/// Where a text that is looked for ends, from `start` on.
fn find(letters: &[char], start: usize, text: &str) -> usize {
    let text: Vec<char> = text.chars().collect();
    let found = letters
        .get(start..)
        .and_then(|rest| rest.windows(text.len()).position(|part| part == text));
    found.map_or(letters.len(), |at| start + at + text.len())
}

fn end_of_text(letters: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < letters.len() && letters[i] != '"' {
        i += if letters[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// Leaves out what only tests are built with, and names the modules that do.
fn without_tests(words: Vec<String>) -> (Vec<String>, Vec<String>) {
    let mark = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut modules, mut i) = (Vec::new(), Vec::new(), 0);
    while i < words.len() {
        if !words[i..].iter().take(mark.len()).eq(mark.iter()) {
            kept.push(words[i].clone());
            i += 1;
            continue;
        }
        i += mark.len();
        if words[i] == "mod" && words[i + 2] == ";" {
            modules.push(words[i + 1].clone());
        }
        let mut open = 0_usize;
        while let Some(word) = words.get(i) {
            i += 1;
            match word.as_str() {
                "{" => open += 1,
                "}" if open == 1 => break,
                "}" => open -= 1,
                ";" if open == 0 => break,
                _ => {}
            }
        }
    }
    (kept, modules)
}

/// The tree of one file: its children, items, imports and paths.
fn read(words: &[String]) -> Module {
    let mut module = Module::default();
    let (mut i, mut open) = (0, 0_usize);
    let word = |i: usize| words.get(i).map_or("", String::as_str);
    while i < words.len() {
        match word(i) {
            "{" => open += 1,
            "}" => open = open.saturating_sub(1),
            "mod" if word(i + 2) == ";" => {
                module.children.insert(word(i + 1).to_owned());
                i += 2;
            }
            "mod" if word(i + 2) == "{" => panic!("the module {} is not in a file of its own", word(i + 1)),
            // After a bound, `use<'a>` names lifetimes.
            "use" if word(i + 1) != "<" => {
                let is_public = i > 0 && matches!(word(i - 1), "pub" | ")");
                i = read_use(words, i + 1, &[], is_public, &mut module.uses);
                continue;
            }
            item if open == 0 && ITEMS.contains(&item) => {
                let name = if word(i + 1) == "!" { i + 2 } else { i + 1 };
                module.items.insert(word(name).to_owned());
            }
            name if word(i + 1) == "::" && (i == 0 || word(i - 1) != "::") => {
                let mut path = vec![name.to_owned()];
                while word(i + 1) == "::" && word(i + 2).starts_with(|c: char| c.is_alphabetic() || c == '_') {
                    path.push(word(i + 2).to_owned());
                    i += 2;
                }
                if path.len() > 1 {
                    module.paths.insert(path);
                }
            }
            _ => {}
        }
        i += 1;
    }
    module
}

/// Reads an import from `i` on, which may branch, and gives where it ends.
fn read_use(words: &[String], mut i: usize, before: &[String], is_public: bool, uses: &mut Vec<Use>) -> usize {
    let mut path = before.to_vec();
    loop {
        match words[i].as_str() {
            "::" => i += 1,
            "{" => {
                i += 1;
                while words[i] != "}" {
                    i = read_use(words, i, &path, is_public, uses);
                    if words[i] == "," {
                        i += 1;
                    }
                }
                return i + 1;
            }
            ";" | "," | "}" => break,
            "as" => {
                let name = words[i + 1].clone();
                uses.push(Use { path, name, is_public });
                return i + 2;
            }
            word => {
                if word != "self" || path.is_empty() {
                    path.push(word.to_owned());
                }
                i += 1;
            }
        }
    }
    let name = path.last().cloned().unwrap_or_default();
    uses.push(Use { path, name, is_public });
    i
}
