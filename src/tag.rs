//! The vocabulary: versions, channels, server ids, tag changes and their reasons.
//!
//! Values here are checked when they are made, so that no other module checks them again.

mod texts;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::text::{shared, shared_text};
pub use texts::{Name, Texts};

/// Declares a name that is cheap to clone: a plan over a large fleet copies each of them many times.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        // Most that are compared are held together: then nothing is read. (`Arc` does the same where it only asks for equality.)
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                if Arc::ptr_eq(&self.0, &other.0) {
                    return Ordering::Equal;
                }
                self.0.cmp(&other.0)
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                shared_text(deserializer).map(Self)
            }
        }

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&$name> for Arc<str> {
            fn from(name: &$name) -> Self {
                Arc::clone(&name.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// A version that may be put on servers: `[A-Za-z0-9][A-Za-z0-9._+-]{0,127}`, compared byte for byte.
    Version
}
name! {
    /// The name of a release channel, as the `channel` columns and the channel tag carry it.
    ChannelName
}
name! {
    /// An EC2 instance id.
    ServerId
}
name! {
    /// The key of a tag.
    TagKey
}

impl From<&str> for ChannelName {
    fn from(text: &str) -> Self {
        Self(shared(text))
    }
}

impl From<&str> for ServerId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl ServerId {
    /// Whether it has the form of an instance id: `i-` and 8 or 17 lower-case hexadecimal digits.
    #[must_use]
    pub(crate) fn is_instance(&self) -> bool {
        let digits = self.as_str().strip_prefix("i-");
        let hexadecimal = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        digits.is_some_and(|digits| matches!(digits.len(), 8 | 17) && digits.bytes().all(hexadecimal))
    }
}

impl From<&str> for TagKey {
    fn from(text: &str) -> Self {
        Self(shared(text))
    }
}

impl Name for TagKey {
    fn named(text: &str) -> Self {
        text.into()
    }

    fn text(&self) -> &str {
        self.as_str()
    }
}

impl Version {
    /// Reads a version from a cell's or a tag's text, ignoring white space around it.
    ///
    /// # Errors
    /// Says why the text is not a version and what to write, in words that follow "holds …". A character that is not allowed is named with its code
    /// point, because a Cyrillic `а` or a zero-width space looks as if nothing is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = fleetsheet_words::version(text.trim())?;
        Ok(Self(shared(text)))
    }
}

/// Why a tag is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// The channel's release moved forward, or the server is late to it.
    Release,
    /// The channel's release was taken back.
    Rollback,
    /// The server did not carry the tag yet.
    Join,
    /// Somebody else changed the tag.
    Drift,
    /// The sheet moved the server to another channel.
    Channel,
    /// The sheet asks for another value of a managed tag.
    Tag,
}

impl Reason {
    /// The word that reports, mails and the audit log use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Rollback => "rollback",
            Self::Join => "join",
            Self::Drift => "drift",
            Self::Channel => "channel",
            Self::Tag => "tag",
        }
    }
}

/// One tag of one server that is to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which tag.
    pub tag: TagKey,
    /// What the server carries now; `None` when it does not carry the tag.
    pub before: Option<Arc<str>>,
    /// What it shall carry.
    pub after: Arc<str>,
    /// Why.
    pub reason: Reason,
}

/// The values that one server's tags shall take, sent in one call.
pub type TagSet = Texts<TagKey>;

/// Service cells of one row, by canonical header.
pub type Cells = Texts<Arc<str>>;
