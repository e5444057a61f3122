//! The trait of whatever carries letters to a mail server.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

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
