//! A release as this server runs it: rendered, with its variables and secrets put in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cookbook::{Cookbook, FileSpec, Kind, Service};
use crate::facts::{FileFact, FileKind};

/// Rendered cookbooks and where they come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Its channel.
    pub channel: String,
    /// Its version.
    pub version: String,
    /// The commit of its ref.
    pub commit: String,
    /// What it is here: commit, cookbooks, variables, secrets.
    pub digest: String,
    /// Its cookbooks, in order.
    pub cookbooks: Vec<Cookbook>,
    /// What `latest` was when it was prepared.
    pub latest: BTreeMap<String, String>,
}

impl Release {
    /// Its files.
    pub fn files(&self) -> impl Iterator<Item = &FileSpec> {
        self.cookbooks.iter().flat_map(|book| &book.files)
    }

    /// Its services.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.cookbooks.iter().flat_map(|book| &book.services)
    }

    /// The service of this id.
    #[must_use]
    pub fn service(&self, id: &str) -> Option<&Service> {
        self.services().find(|service| service.id == id)
    }
}

/// What a path shall hold, to put it there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// How it looks.
    pub fact: FileFact,
    /// What is in it, in base64, of a file.
    pub content: String,
    /// Never shown.
    pub sensitive: bool,
}

/// What a cookbook's file is, once it stands.
#[must_use]
pub fn fact_of(file: &FileSpec) -> FileFact {
    let content = file.content.as_deref().unwrap_or_default();
    let kind = match file.kind {
        Kind::Absent => return FileFact::default(),
        Kind::Present => FileKind::File,
        Kind::Directory => FileKind::Directory,
        Kind::Link => FileKind::Link,
    };
    let is_link = kind == FileKind::Link;
    FileFact {
        kind,
        digest: if kind == FileKind::File {
            crate::digest::sha256(content.as_bytes())
        } else {
            String::new()
        },
        target: if is_link {
            file.target.clone().unwrap_or_default()
        } else {
            String::new()
        },
        owner: file.owner.clone(),
        group: file.group.clone(),
        // A link has no mode of its own.
        mode: if is_link { 0o777 } else { file.mode },
    }
}

/// A cookbook's file, ready to be put there.
#[must_use]
pub fn saved(file: &FileSpec) -> Saved {
    use base64::Engine as _;
    let content = file.content.as_deref().unwrap_or_default();
    Saved {
        fact: fact_of(file),
        content: if file.kind == Kind::Present {
            base64::prelude::BASE64_STANDARD.encode(content)
        } else {
            String::new()
        },
        sensitive: file.sensitive == Some(true),
    }
}
