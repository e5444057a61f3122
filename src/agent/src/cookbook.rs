//! Cookbooks: what a release wants of a server.
//!
//! [`tree`] is YAML with places, [`read`] what it means, [`whole`] what must hold of all cookbooks together.

pub mod fields;
mod names;
pub mod read;
pub mod tree;
pub mod whole;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One file of a release.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cookbook {
    /// Its file in the repository.
    pub file: String,
    /// What it is called; shown, never compared.
    pub name: String,
    /// Defaults of variables.
    pub vars: BTreeMap<String, serde_json::Value>,
    /// Before packages, if one is to change.
    pub pre: Vec<Command>,
    /// Packages, one transaction.
    pub packages: Vec<Package>,
    /// After packages.
    pub post: Vec<Command>,
    /// Files, in order.
    pub files: Vec<FileSpec>,
    /// Services, in order.
    pub services: Vec<Service>,
    /// Health checks.
    pub health: Vec<Check>,
}

/// A command, as words for the kernel: no shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Its name.
    pub id: String,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// As root, else as the configured user.
    pub sudo: bool,
    /// Skips it when this ends with 0.
    pub unless: Option<Vec<String>>,
    /// Skips it when this exists.
    pub creates: Option<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// Takes back what it did.
    pub undo: Option<Vec<String>>,
    /// The resources whose change makes it run again; left out: the packages of its cookbook.
    pub on_change: Option<Vec<String>>,
}

/// Which version of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// Whichever is installed.
    Any,
    /// The newest when the release was first applied.
    Latest,
    /// This one; may end with `*`.
    Exact(String),
}

/// A package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Its name as a resource.
    pub id: String,
    /// Its name for apt.
    pub name: String,
    /// Which version.
    pub version: Wanted,
    /// Whether it shall be there.
    pub present: bool,
    /// Whether its version is put on hold.
    pub hold: bool,
    /// The services that its change restarts; left out: all of the cookbook.
    pub notify: Option<Vec<String>>,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A file.
    Present,
    /// Nothing.
    Absent,
    /// A folder.
    Directory,
    /// A symbolic link.
    Link,
}

/// A file, folder or link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSpec {
    /// Its name as a resource.
    pub id: String,
    /// Where.
    pub path: String,
    /// What.
    pub kind: Kind,
    /// What is in it; after preparation also where it came from a file of the repository.
    pub content: Option<String>,
    /// A file of the repository.
    pub source: Option<String>,
    /// Where a link leads.
    pub target: Option<String>,
    /// Whose it is.
    pub owner: String,
    /// Its group.
    pub group: String,
    /// Its mode.
    pub mode: u32,
    /// Whether it is a template.
    pub template: bool,
    /// Whether it is never shown; decided by whether it holds a secret where nobody says.
    pub sensitive: Option<bool>,
    /// A program that looks at a copy of it, `{path}`, before anything is changed.
    pub validate: Option<Vec<String>>,
    /// The services that its change restarts; left out: all of the cookbook.
    pub notify: Option<Vec<String>>,
}

/// What a change does to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnChange {
    /// Nothing.
    None,
    /// It reads its files anew.
    Reload,
    /// It is restarted.
    Restart,
}

/// A service of systemd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name as a resource.
    pub id: String,
    /// Its unit, with `.service`.
    pub unit: String,
    /// Whether it shall run.
    pub started: bool,
    /// Whether it shall start with the system.
    pub enabled: Option<bool>,
    /// What a change does to it.
    pub on_change: OnChange,
    /// A program that says whether its files are right.
    pub check: Option<Vec<String>>,
    /// Services that come first.
    pub after: Vec<String>,
}

/// What a health check asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Probe {
    /// A page.
    Http {
        /// Its address.
        url: String,
        /// The status that it shall have.
        status: u16,
        /// What shall be in it.
        contains: Option<String>,
    },
    /// A port that takes a connection.
    Tcp(String),
    /// A command that ends with 0.
    Command(Vec<String>),
    /// A unit that is active.
    Service(String),
}

/// A health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub id: String,
    /// What it asks.
    pub probe: Probe,
    /// How long it is tried.
    pub within: Duration,
}
