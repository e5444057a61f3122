//! One access token: its text, which never shows, and when it runs out.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use crate::clock::now;

/// The scope of all calls to the spreadsheet: tokens are cached by scope, and the ByDataFilter reads refuse the read-only one.
pub(in crate::adapters::google_sheets) const SCOPE: &str = "https://www.googleapis.com/auth/spreadsheets";

/// The scope for asking IAM for another account's token.
pub(super) const IAM_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// A token counts as expired so long before it is: longer than most requests with it take.
const EARLY: TimeDelta = TimeDelta::minutes(1);

/// An access token.
#[derive(Clone, Debug)]
pub(in crate::adapters::google_sheets) struct Token {
    text: SecretString,
    expires: Option<DateTime<Utc>>,
}

impl Token {
    /// A token's text, if it can stand in a header: the API crate panics on one that cannot.
    pub(super) fn new(text: &str, expires: Option<DateTime<Utc>>) -> Option<Self> {
        let usable = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        usable.then(|| Self {
            text: SecretString::from(text),
            expires,
        })
    }

    /// When a token runs out that is good for so many seconds. A number of years or of the past is taken for no answer.
    pub(super) fn expiry(seconds: Option<i64>) -> Option<DateTime<Utc>> {
        let seconds = seconds.filter(|seconds| (0..=31_536_000).contains(seconds))?;
        Some(now() + TimeDelta::seconds(seconds))
    }

    /// The text, for a header.
    pub(in crate::adapters::google_sheets) fn text(&self) -> &str {
        self.text.expose_secret()
    }

    pub(in crate::adapters::google_sheets) fn is_expired(&self) -> bool {
        self.expires.is_some_and(|expires| expires - EARLY <= now())
    }
}
