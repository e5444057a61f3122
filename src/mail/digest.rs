//! What a letter tells, before it is put in words: news, and problems that open, stay open or go away.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::problem::{Kind, Problem};

/// Something that happened and that people are told once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct News {
    /// When.
    pub at: DateTime<Utc>,
    /// What routes it.
    pub kind: Kind,
    /// What happened, one word with underscores.
    pub event: String,
    /// The channel, or empty.
    pub channel: String,
    /// Before.
    pub from: String,
    /// After.
    pub to: String,
    /// A cell, a channel or a server.
    pub place: String,
    /// The address of that place in the spreadsheet; empty when it is not known.
    pub link: String,
    /// In words.
    pub text: String,
    /// What people can do about the channel next, in words; empty where that is not known, or was not in earlier versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
    /// Why most of the servers that failed did, once that is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause: String,
    /// How far a release has come, once that is known.
    #[serde(default)]
    pub reach: Option<Reach>,
    /// The waves of a rollout that is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<PassedWave>,
}

/// A wave of a rollout that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassedWave {
    /// Which, from 1.
    pub wave: usize,
    /// How far it went, in the words of the configuration.
    pub to: String,
    /// How many servers it and the waves before had.
    pub servers: u64,
    /// When it began.
    pub began: DateTime<Utc>,
    /// When it was over.
    pub ended: DateTime<Utc>,
}

/// How far a release has come in its channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// Servers that carry it.
    pub carrying: u64,
    /// Servers that it concerns.
    pub concerned: u64,
    /// Servers whose change failed.
    pub failed: u64,
    /// Of those that carry it, servers that did before a rollback by command. A rollback that a pass makes counts none: what a killed
    /// pass moved before it cannot be told apart.
    #[serde(default, skip_serializing_if = "is_none")]
    pub already: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// A problem that is open, or was so recently that its coming back would be no news; for mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenProblem {
    /// Its kind.
    pub kind: Kind,
    /// Tells problems of one kind and place apart.
    pub code: String,
    /// Where.
    pub place: String,
    /// The address of that place in the spreadsheet; empty when it is not known.
    pub link: String,
    /// What.
    pub message: String,
    /// First seen.
    pub since: DateTime<Utc>,
    /// Gone since; `None` while it is open.
    pub closed: Option<DateTime<Utc>>,
    /// In how many passes running it was seen, counted up to the threshold.
    pub passes: u32,
    /// Whether people were last told that it is open.
    pub told_open: bool,
    /// When a letter last listed it.
    pub told: Option<DateTime<Utc>>,
    /// How many times its coming or going was told since [`OpenProblem::window`].
    pub changes: u32,
    /// When the first of those was told.
    pub window: Option<DateTime<Utc>>,
}

impl OpenProblem {
    /// One that nobody was told of.
    #[must_use]
    pub fn new(problem: &Problem, link: String, since: DateTime<Utc>) -> Self {
        Self {
            kind: problem.kind,
            code: problem.code.word().to_owned(),
            place: problem.place.clone(),
            link,
            message: problem.message.clone(),
            since,
            closed: None,
            passes: 0,
            told_open: false,
            told: None,
            changes: 0,
            window: None,
        }
    }
}

/// A problem as a digest lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// What makes it the same problem in the next digest.
    pub fingerprint: String,
    /// Its kind.
    pub kind: Kind,
    /// Tells problems of one kind apart.
    pub code: String,
    /// Where.
    pub place: String,
    /// The address of that place in the spreadsheet; empty when it is not known.
    pub link: String,
    /// What, and what to do.
    pub message: String,
    /// Open since.
    pub since: DateTime<Utc>,
    /// Gone since, when it is.
    pub until: Option<DateTime<Utc>>,
    /// Whether it keeps coming and going.
    pub unsteady: bool,
}

/// What one letter tells, before it is put in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// The pass that composed it.
    pub run: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The spreadsheet's address.
    pub sheet: String,
    /// Whether passes only observe.
    pub observe: bool,
    /// Whether the pass failed or was stopped, so that what it lists may be out of date.
    pub failing: bool,
    /// What happened.
    pub news: Vec<News>,
    /// Problems that its readers do not know yet.
    pub new: Vec<Item>,
    /// Problems that they were told of and that are still open.
    pub open: Vec<Item>,
    /// Problems that went away.
    pub resolved: Vec<Item>,
    /// What kept that pass from all or part of its work, the most serious first, whether or not it is in a list above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Item>,
    /// The word for how that pass ended; empty in letters of earlier versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ended: String,
}
