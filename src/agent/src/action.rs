//! What a plan is made of.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cookbook::{Command, Service};
use crate::release::Saved;

/// Why something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// Nothing ran here yet.
    Join,
    /// Another release.
    Release,
    /// A way back.
    Rollback,
    /// It was not as the release in force left it.
    Drift,
    /// An earlier change made it necessary.
    Owed,
    /// dpkg was interrupted.
    Repair,
    /// No release names it any more.
    Orphan,
}

/// One transaction of apt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Packages to be there, with the version where one is asked.
    pub install: BTreeMap<String, Option<String>>,
    /// Packages to go.
    pub remove: BTreeSet<String>,
    /// Those to be put on hold afterwards.
    pub hold: BTreeSet<String>,
    /// Those to be taken off hold before.
    pub unhold: BTreeSet<String>,
    /// Those to be marked as installed for another one's sake.
    pub auto: BTreeSet<String>,
    /// Those to be marked as asked for.
    pub manual: BTreeSet<String>,
    /// A version may be an older one.
    pub downgrade: bool,
    /// Kept archives to install, on a way back; configuration goes with what is removed.
    pub back: bool,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// `dpkg --configure -a`.
    Repair,
    /// Packages.
    Packages(Transaction),
    /// A command.
    Command(Command),
    /// A file, folder or link is put there, or taken away.
    File(String, Saved),
    /// A service's own check of its files; the files that go back when it fails.
    Check(Vec<String>),
    /// A service is brought to where it shall be, and gets what it is owed.
    Service(Service),
}

/// One action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    /// The resource.
    pub id: String,
    /// Its kind.
    pub kind: &'static str,
    /// How it is.
    pub before: String,
    /// How it shall be.
    pub after: String,
    /// Why.
    pub reason: Reason,
    /// `ok`, or what went wrong; empty before it was done.
    pub result: String,
    /// How long it took.
    pub duration_ms: u64,
    /// How the text of a file changes, where a plan shows it.
    #[serde(skip)]
    pub diff: String,
    /// What is done.
    #[serde(skip)]
    pub act: Act,
    /// The services and commands that it makes owe something.
    #[serde(skip)]
    pub owes: Vec<String>,
    /// No release names its path afterwards.
    #[serde(skip)]
    pub forgets: bool,
}

impl Action {
    /// An action that was not done yet.
    #[must_use]
    pub fn new(id: impl Into<String>, act: Act, before: String, after: String, reason: Reason) -> Self {
        let kind = match act {
            Act::Repair => "repair",
            Act::Packages(_) => "package",
            Act::Command(_) => "command",
            Act::File(..) => "file",
            Act::Check(_) => "check",
            Act::Service(_) => "service",
        };
        Self {
            id: id.into(),
            kind,
            before,
            after,
            reason,
            result: String::new(),
            duration_ms: 0,
            diff: String::new(),
            act,
            owes: Vec::new(),
            forgets: false,
        }
    }
}
