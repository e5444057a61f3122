//! What is remembered of mail: news that nobody was told yet, letters that no server has taken yet, and addresses that refuse
//! them; and the trait of whoever carries letters.
//!
//! All of it lives in the state store and changes with what it reports, so that no kill and no outage loses a word.

mod carrier;
mod digest;
mod letter;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use carrier::{Carrier, MailError, Outgoing, Sent};
pub use digest::{Digest, Item, News, OpenProblem, PassedWave, Reach};
pub use letter::{Letter, Refused};

/// The number of a piece of news or of a letter, as text of one width; never given out twice by one store.
pub type Number = String;

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
