//! What the agent remembers between runs: `state.json`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A release by name; its rendered text is in `desired/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its channel.
    pub channel: String,
    /// Its version.
    pub version: String,
    /// Its commit.
    pub commit: String,
    /// What it is here.
    pub digest: String,
}

/// The way from good to another release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// Where to.
    pub to: Named,
    /// The snapshot that its way back leads to.
    pub snapshot: String,
    /// When its checks passed first.
    pub watching: Option<DateTime<Utc>>,
    /// Failures running, in the watch.
    pub fails: u32,
    /// Good failed its checks before it began.
    pub sick: bool,
    /// It has touched a package, a command or a service: what files owe is settled by restarts.
    pub touched: bool,
    /// Packages that it changes.
    pub packages: BTreeSet<String>,
    /// Transactions that are resolved and fetched within it, by the action's name.
    pub late: BTreeSet<String>,
    /// Its way back, once that began.
    pub back: Option<Back>,
}

/// A way back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// The level, 1 to 3.
    pub level: u8,
    /// Why.
    pub why: String,
    /// When it began.
    pub since: DateTime<Utc>,
}

/// What is owed to a service or a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// The service's start as it was when the restart was about to be made; another one since then settles it.
    pub asked: Option<String>,
}

/// The last level failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// The version that the tag named then.
    pub tag: String,
    /// Its digest.
    pub digest: String,
    /// Why.
    pub why: String,
}

/// Tries later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// Of which version.
    pub version: String,
    /// How often in a row.
    pub failures: u32,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Why.
    pub why: String,
}

impl Backoff {
    /// Whether it goes on. One that ends in more than an hour was made by a clock that was put back since.
    #[must_use]
    pub fn goes_on(&self, at: DateTime<Utc>) -> bool {
        self.until > at && self.until - at <= TimeDelta::hours(1)
    }
}

/// What was reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// The version.
    pub running: String,
    /// The state and its detail.
    pub said: String,
    /// When it was written.
    pub at: Option<DateTime<Utc>>,
    /// Since when there is something else to say.
    pub since: Option<DateTime<Utc>>,
    /// Not before.
    pub not_before: Option<DateTime<Utc>>,
    /// Refusals running.
    pub refusals: u32,
}

/// The API was asked what IMDS does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// When.
    pub at: DateTime<Utc>,
    /// Channel and version; nothing where it did not say.
    pub answer: Option<(Option<String>, Option<String>)>,
}

/// A hold of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Until when.
    pub until: DateTime<Utc>,
    /// Why.
    pub why: String,
}

impl Hold {
    /// Whether it goes on. One that ends in more than a day was made by a clock that was put back since.
    #[must_use]
    pub fn goes_on(&self, at: DateTime<Utc>) -> bool {
        self.until > at && self.until - at <= TimeDelta::hours(24)
    }
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The server that this is the memory of.
    pub instance: String,
    /// The key of digests.
    pub key: String,
    /// The last release that passed.
    pub good: Option<Named>,
    /// Since when it runs.
    pub good_since: Option<DateTime<Utc>>,
    /// The API's last answer, where IMDS does not say.
    pub api: Option<Asked>,
    /// The open attempt.
    pub attempt: Option<Attempt>,
    /// The snapshot of the last attempt.
    pub last_snapshot: Option<String>,
    /// The attempt that made good what it is, and what was good before: for a rollback by hand.
    pub last: Option<(Attempt, Option<Named>)>,
    /// Digests that failed here, with version and why.
    pub quarantine: BTreeMap<String, (String, String)>,
    /// The commit of each version, as first seen.
    pub pins: BTreeMap<String, String>,
    /// Versions whose ref is to be looked at again.
    pub look_again: BTreeSet<String>,
    /// The version that the tag names, and since when.
    pub first_seen: Option<(String, DateTime<Utc>)>,
    /// When a failed version is tried again.
    pub backoff: Option<Backoff>,
    /// When automatic ways back began.
    pub backs: Vec<DateTime<Utc>>,
    /// Restarts, reloads and commands that are owed.
    pub owed: BTreeMap<String, Owed>,
    /// Commands that were run, by digest.
    pub ran: BTreeMap<String, BTreeSet<String>>,
    /// Nothing is changed until then.
    pub hold: Option<Hold>,
    /// Hands off.
    pub broken: Option<Broken>,
    /// Paths that releases manage, each with the file in `originals/` that holds what was there before.
    pub managed: BTreeMap<String, String>,
    /// Corrections of a resource running.
    pub contested: BTreeMap<String, (u32, DateTime<Utc>)>,
    /// Good fails its checks.
    pub unhealthy: Option<String>,
    /// When apt's lists were fetched last.
    pub updated: Option<DateTime<Utc>>,
    /// What was reported.
    pub reported: Reported,
    /// What could be said of a memory that was lost.
    pub lost: Option<String>,
}

impl Memory {
    /// How often in a row this version could not be applied, as far as it was to be tried again later.
    #[must_use]
    pub fn failures_of(&self, version: &str) -> u32 {
        let backoff = self.backoff.as_ref().filter(|backoff| backoff.version == version);
        backoff.map_or(0, |backoff| backoff.failures)
    }
}
