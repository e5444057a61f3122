//! What is remembered of mail: news that nobody was told yet, letters that no server has taken yet, and addresses that refuse
//! them; and the trait of whoever carries letters.
//!
//! All of it lives in the state store and changes with what it reports, so that no kill and no outage loses a word.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::problem::{Kind, Problem};

/// The number of a piece of news or of a letter, as text of one width; never given out twice by one store.
pub type Number = String;

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
    /// How far a release has come, once that is known.
    #[serde(default)]
    pub reach: Option<Reach>,
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
}

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

/// What is remembered besides news and letters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// The next [`Number`].
    pub next: u64,
    /// How many passes running failed or were stopped, counted up to the threshold.
    pub failing: u32,
    /// The mail server that the rest is about; another one starts afresh.
    pub server: String,
    /// How often running that server could not be used.
    pub attempts: u32,
    /// It is not tried before this time.
    pub pause_until: Option<DateTime<Utc>>,
    /// Why it could not be used, in words; empty when it could.
    pub trouble: String,
    /// Addresses that it refused for good.
    pub refused: BTreeMap<String, Refused>,
}

impl Standing {
    /// Gives out a number.
    pub fn number(&mut self) -> Number {
        let number = format!("{:012}", self.next);
        self.next += 1;
        number
    }
}

/// Everything remembered of mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// The rest.
    pub standing: Standing,
    /// News that no letter tells yet, oldest first.
    pub news: BTreeMap<Number, News>,
    /// Letters that somebody still has to get, oldest first.
    pub outbox: BTreeMap<Number, Letter>,
}

/// What is to be remembered of mail: applied whole or not at all. Absent entries stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailUpdate {
    /// Replaces the former.
    pub standing: Option<Standing>,
    /// News to keep until a letter tells them.
    pub news: BTreeMap<Number, News>,
    /// News that a letter tells by now.
    pub told: BTreeSet<Number>,
    /// Letters to insert or replace.
    pub letters: BTreeMap<Number, Letter>,
    /// Letters that are delivered, or whose content another letter has taken over.
    pub done: BTreeSet<Number>,
}

/// What waits in the outbox, for `check` and the metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Letters that somebody still has to get.
    pub letters: usize,
    /// Since when the oldest waits.
    pub oldest: Option<DateTime<Utc>>,
    /// Why, in the words of the last failure; empty when there was none.
    pub trouble: String,
    /// Addresses that the server refused for good, with its words.
    pub refused: BTreeMap<String, Refused>,
}

impl Mail {
    /// As it is once `update` is committed.
    pub fn apply(&mut self, update: &MailUpdate) {
        let MailUpdate {
            standing,
            news,
            told,
            letters,
            done,
        } = update;
        if let Some(standing) = standing {
            self.standing = standing.clone();
        }
        self.news.extend(news.clone());
        self.news.retain(|number, _| !told.contains(number));
        self.outbox.extend(letters.clone());
        self.outbox.retain(|number, _| !done.contains(number));
    }

    /// What waits.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        let of_letters = self.outbox.values().map(|letter| &letter.trouble);
        let mut troubles = of_letters.chain([&self.standing.trouble]).rev();
        Backlog {
            letters: self.outbox.len(),
            oldest: self.outbox.values().map(|letter| letter.waits_since).min(),
            trouble: troubles.find(|words| !words.is_empty()).cloned().unwrap_or_default(),
            refused: self.standing.refused.clone(),
        }
    }
}

/// A letter as it goes out, the same bytes however often it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// `Message-ID` without angle brackets and domain.
    pub id: String,
    /// `Date`.
    pub date: DateTime<Utc>,
    /// All recipients, as `To` names them.
    pub to: &'a [String],
    /// Those that it is sent to now.
    pub recipients: Vec<&'a str>,
    /// `Subject`.
    pub subject: &'a str,
    /// Plain text.
    pub text: &'a str,
    /// The same as HTML.
    pub html: &'a str,
}

/// What became of a letter that a server was offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Recipients that the server took it for.
    pub delivered: BTreeSet<String>,
    /// Recipients that it refused for good, and its words.
    pub refused: BTreeMap<String, String>,
    /// Why the others did not get it, in words; empty when there are none.
    pub trouble: String,
    /// Whether the server may have it although it did not say so.
    pub unknown: bool,
}

/// Why a mail server cannot be used at all, in words for people. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MailError(pub String);

/// Carries letters.
#[async_trait]
pub trait Carrier: Send {
    /// Makes sure that the server is there and lets us in.
    ///
    /// # Errors
    /// When no letter can be sent now.
    async fn open(&mut self) -> Result<(), MailError>;

    /// Offers a letter; [`Carrier::open`] comes before each.
    async fn send(&mut self, letter: &Outgoing<'_>) -> Sent;

    /// Takes leave.
    async fn close(&mut self);
}
