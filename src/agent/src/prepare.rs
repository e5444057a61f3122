//! Prepares a release: cookbooks out of Git, variables and secrets put in. Changes nothing on the server but what the agent keeps.

pub mod packages;

use std::collections::BTreeMap;

use crate::adapters::git::{Failure, Git};
use crate::adapters::machine::folder;
use crate::config::Config;
use crate::cookbook::read::{Allowed, read};
use crate::cookbook::{Cookbook, Kind, fields, tree, whole};
use crate::digest::of_release;
use crate::machine::{Machine, Stop};
use crate::memory::Memory;
use crate::problem::Problem;
use crate::release::Release;
use crate::template::{Context, render};

/// Variables and secrets of this server.
#[derive(Clone, Debug, Default)]
pub struct Local {
    /// Variables, each of which wins over a default.
    pub vars: BTreeMap<String, serde_json::Value>,
    /// Secrets.
    pub secrets: BTreeMap<String, String>,
    /// What is known of the machine.
    pub host: BTreeMap<String, String>,
}

/// Reads variables and secrets.
///
/// # Errors
/// One cannot be read.
pub fn local(config: &Config, host: BTreeMap<String, String>) -> Result<Local, String> {
    let mut local = Local {
        host,
        ..Local::default()
    };
    for (name, text) in folder(&config.vars.dir, ".yaml").map_err(|error| format!("vars.d: {error}"))? {
        let node = tree::read(&name, &text)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        match fields::json(&node) {
            serde_json::Value::Object(map) => local.vars.extend(map),
            _ => return Err(format!("{name} is no mapping")),
        }
    }
    // A run by hand finds the credentials of the service, or it would see another digest. A file of the agent's own folder wins.
    let own = std::env::var_os("CREDENTIALS_DIRECTORY").map(std::path::PathBuf::from);
    let given = own.unwrap_or_else(|| "/run/credentials/fleetsheet-agent.service".into());
    let mut secrets = BTreeMap::new();
    for dir in [&given, &config.secrets.dir] {
        secrets.extend(folder(dir, "").map_err(|error| format!("secrets: {error}"))?);
    }
    for (name, mut text) in secrets {
        if text.ends_with('\n') {
            text.pop();
        }
        local.secrets.insert(name, text);
    }
    Ok(local)
}

/// What a release is here: commit, cookbooks, variables, secrets, keyed with this machine's key.
#[must_use]
pub fn digest(memory: &Memory, config: &Config, channel: &str, commit: &str, local: &Local) -> String {
    let vars = serde_json::to_string(&local.vars).unwrap_or_default();
    let secrets = serde_json::to_string(&local.secrets).unwrap_or_default();
    of_release(
        memory.key.as_bytes(),
        &[commit, channel, &config.source.cookbooks.join("\n"), &vars, &secrets],
    )
}

/// Where files of a release are read.
pub trait Files {
    /// A file; `None` where there is none of that name.
    ///
    /// # Errors
    /// It cannot be read as text.
    fn file(&self, path: &str) -> Result<Option<String>, String>;
}

/// Files of a commit.
#[derive(Debug)]
pub struct Commit<'a> {
    /// The repository.
    pub git: &'a Git<'a>,
    /// The commit.
    pub commit: &'a str,
}

impl Files for Commit<'_> {
    fn file(&self, path: &str) -> Result<Option<String>, String> {
        self.git.file(self.commit, path)
    }
}

/// Files of a working copy.
#[derive(Debug)]
pub struct Folder<'a>(pub &'a std::path::Path);

impl Files for Folder<'_> {
    fn file(&self, path: &str) -> Result<Option<String>, String> {
        crate::adapters::disk::text(&self.0.join(path))
    }
}

/// What the machine allows in cookbooks.
#[must_use]
pub fn allowed(config: &Config) -> Allowed {
    Allowed {
        shell: config.commands.shell,
        timeout: config.limits.command,
    }
}

/// Reads these cookbooks, all of them, so that all that is wrong is told at once.
///
/// # Errors
/// What is wrong.
pub fn cookbooks(files: &dyn Files, names: &[String], allowed: Allowed) -> Result<Vec<Cookbook>, Vec<Problem>> {
    let (mut books, mut problems) = (Vec::new(), Vec::new());
    for name in names {
        match files.file(name) {
            Ok(Some(text)) => match read(name, &text, allowed) {
                Ok(book) => books.push(book),
                Err(found) => problems.extend(found),
            },
            Ok(None) => problems.push(Problem::new(
                "cookbook",
                name.as_str(),
                "is not in the repository; add it, or change source.cookbooks",
            )),
            Err(why) => problems.push(Problem::new("cookbook", name.as_str(), why)),
        }
    }
    for book in &mut books {
        for file in &mut book.files {
            let Some(source) = &file.source else { continue };
            match files.file(source) {
                Ok(Some(text)) => file.content = Some(text),
                Ok(None) => problems.push(Problem::new(
                    "cookbook",
                    book.file.as_str(),
                    format!("{}: {source} is not in the repository", file.id),
                )),
                Err(why) => problems.push(Problem::new(
                    "cookbook",
                    book.file.as_str(),
                    format!("{}: {source} {why}", file.id),
                )),
            }
        }
    }
    if problems.is_empty() {
        problems.extend(whole::problems(&books));
    }
    if problems.is_empty() { Ok(books) } else { Err(problems) }
}

/// Puts variables, facts of the machine and secrets into templates.
///
/// # Errors
/// A template that cannot be rendered.
pub fn rendered(release: &mut Release, local: &Local) -> Result<(), Vec<Problem>> {
    let about = [
        ("channel", &release.channel),
        ("version", &release.version),
        ("commit", &release.commit),
    ];
    let about: BTreeMap<String, String> = about
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .collect();
    let mut problems = Vec::new();
    for book in &mut release.cookbooks {
        let mut vars = book.vars.clone();
        vars.extend(local.vars.clone());
        let context = Context {
            vars,
            host: local.host.clone(),
            release: about.clone(),
            secrets: local.secrets.clone(),
        };
        for file in book
            .files
            .iter_mut()
            .filter(|file| file.template && file.kind == Kind::Present)
        {
            let mut wrong = |message: String| {
                problems.push(Problem::new(
                    "cookbook",
                    book.file.as_str(),
                    format!("{}: {message}", file.id),
                ))
            };
            match render(file.content.as_deref().unwrap_or_default(), &context) {
                Ok((text, secrets)) => {
                    file.content = Some(text);
                    if !secrets.is_empty() && file.sensitive != Some(false) {
                        if file.mode & 0o077 != 0 {
                            wrong(format!(
                                "holds a secret, and mode {:04o} lets others read it; use \"0600\", or say sensitive: false",
                                file.mode
                            ));
                        }
                        file.sensitive = Some(true);
                    }
                }
                Err(why) => wrong(why),
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The names of cookbooks for a channel.
#[must_use]
pub fn names(config: &Config, channel: &str) -> Vec<String> {
    config
        .source
        .cookbooks
        .iter()
        .map(|name| name.replace("{channel}", channel))
        .collect()
}

/// Fetches the ref of a version, verifies it, and gives its commit.
///
/// # Errors
/// It must not run here, or cannot be had.
pub fn commit(git: &Git<'_>, memory: &Memory, version: &str) -> Result<String, Failure> {
    let pinned = memory.pins.get(version);
    if let Some(commit) = pinned
        && !memory.look_again.contains(version)
        && git.has(commit)
    {
        return Ok(commit.clone());
    }
    git.fetch(version)?;
    let commit = git.verify(version)?;
    match pinned {
        Some(pinned) if *pinned != commit => Err(Failure::Refused("the ref moved since it was first seen".into())),
        _ => Ok(commit),
    }
}

/// What is left free besides what a release takes: the agent's own notes.
const SPARE: u64 = 1 << 20;

/// Whether there is room for a release, bytes and inodes, before anything is changed.
///
/// # Errors
/// There is not.
pub fn room(machine: &Machine<'_>, release: &Release, packages: u64) -> Result<(), Stop> {
    let texts = release.files().filter_map(|file| file.content.as_ref());
    let files: u64 = texts.map(|text| u64::try_from(text.len()).unwrap_or(u64::MAX)).sum();
    let inodes = u64::try_from(release.files().count()).unwrap_or(u64::MAX) + if packages > 0 { 1000 } else { 10 };
    let state = machine.store.dir.clone();
    for (place, bytes) in [
        ("/usr".into(), packages),
        ("/var".into(), packages / 8),
        ("/etc".into(), files),
        (state, files * 3 + SPARE),
    ] {
        let (free, left) = crate::adapters::disk::free(&place)?;
        let place = place.display();
        if free < bytes {
            return Err(Stop::Circumstances(format!(
                "{place} has {free} bytes free, and {bytes} are needed"
            )));
        }
        if left < inodes {
            return Err(Stop::Circumstances(format!(
                "{place} has {left} inodes free, and {inodes} are needed"
            )));
        }
    }
    Ok(())
}
