//! A letter in the outbox, and the addresses that refuse letters.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Digest;

/// A letter in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letter {
    /// Who it was written to, `NAME <ADDRESS>` or an address each.
    pub to: Vec<String>,
    /// The recipients that a server took it for.
    pub delivered: BTreeSet<String>,
    /// The recipients that were refused for good, and the server's words.
    pub refused: BTreeMap<String, String>,
    /// Its `Date`.
    pub composed: DateTime<Utc>,
    /// Since when its oldest part waits.
    pub waits_since: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
    /// Not before this time again.
    pub next_try: Option<DateTime<Utc>>,
    /// Why it was not delivered yet.
    pub trouble: String,
    /// Whether a server may have it already: then it is sent again as it is, and nothing is merged into it.
    pub sealed: bool,
    /// Subject, all of it safe for a header.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// What it tells.
    pub digest: Digest,
}

impl Letter {
    /// Recipients that still have to get it.
    #[must_use]
    pub fn missing(&self) -> Vec<&str> {
        let open = |to: &&String| !self.delivered.contains(*to) && !self.refused.contains_key(*to);
        self.to.iter().filter(open).map(String::as_str).collect()
    }
}

/// An address that a server refused for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// When.
    pub at: DateTime<Utc>,
    /// The server's words.
    pub why: String,
}
