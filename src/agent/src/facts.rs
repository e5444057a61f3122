//! What stands on the server.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All of it that a plan is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Packages that dpkg knows, by name.
    pub packages: BTreeMap<String, PackageFact>,
    /// What is at the paths that were asked for.
    pub files: BTreeMap<String, FileFact>,
    /// Units that were asked for.
    pub services: BTreeMap<String, ServiceFact>,
    /// dpkg was interrupted.
    pub interrupted: bool,
}

/// A package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFact {
    /// Its version.
    pub version: String,
    /// Unpacked and configured.
    pub whole: bool,
    /// On hold.
    pub hold: bool,
    /// Installed because another one needs it.
    pub auto: bool,
}

/// What is at a path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    /// Of what kind.
    pub kind: FileKind,
    /// SHA-256 of what is in it, of a file.
    pub digest: String,
    /// Where it leads, of a link.
    pub target: String,
    /// Whose it is; a number where the user has no name.
    pub owner: String,
    /// Its group.
    pub group: String,
    /// Its mode.
    pub mode: u32,
}

/// A kind of thing at a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    /// Nothing.
    #[default]
    Absent,
    /// A file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Link,
    /// A socket, a device, a pipe.
    Other,
}

/// A unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFact {
    /// systemd has it.
    pub known: bool,
    /// It is masked.
    pub masked: bool,
    /// `active`, `inactive`, `failed`, `activating`, …
    pub active: String,
    /// `enabled`, `disabled`, `static`, …
    pub enabled: String,
    /// Changes with each start.
    pub invocation: String,
    /// Its file changed since systemd read it.
    pub stale: bool,
    /// How often systemd restarted it.
    pub restarts: u32,
}

impl ServiceFact {
    /// Whether it runs.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading")
    }

    /// Whether it starts with the system; what cannot be enabled counts as neither.
    #[must_use]
    pub fn is_enabled(&self) -> Option<bool> {
        match self.enabled.as_str() {
            "enabled" | "enabled-runtime" => Some(true),
            "disabled" | "masked" | "masked-runtime" | "" => Some(false),
            _ => None,
        }
    }
}

impl FileFact {
    /// Whether nobody but its owner may read it: what is in it is shown nowhere, nor is its digest.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.kind == FileKind::File && self.mode & 0o077 == 0
    }

    /// In a few words, for a plan.
    #[must_use]
    pub fn shown(&self) -> String {
        let owner = format!("{:04o} {}:{}", self.mode, self.owner, self.group);
        match self.kind {
            FileKind::Absent => "absent".into(),
            FileKind::File if self.is_private() => format!("{owner} hidden"),
            FileKind::File => format!("{owner} {}", self.digest.get(..12).unwrap_or("hidden")),
            FileKind::Directory => format!("{owner} folder"),
            FileKind::Link => format!("link to {}", self.target),
            FileKind::Other => "neither file, folder nor link".into(),
        }
    }
}
