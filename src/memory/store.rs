//! The traits of the store that keeps a memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Event, Memory, Update};
use crate::refusal::Refusal;

/// A failure of the store, in words for people.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another pass holds it.
    #[error("{0}")]
    Held(String),
    /// The lease that it was changed under ran out, or another instance took over: nothing was written.
    #[error("{0}")]
    Fenced(String),
    /// It was moved to another place, and serves nobody here any more.
    #[error("{0}")]
    Moved(String),
    /// It cannot be opened, read or written, or holds what this version does not understand.
    #[error("{message}")]
    Broken {
        /// What is wrong and what to do, in words for people.
        message: String,
        /// What the database or the file system said, where that is the cause.
        #[source]
        cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Moved(_) => Self::held(error),
            StoreError::Held(_) | StoreError::Fenced(_) | StoreError::Broken { .. } => Self::failed(error),
        }
    }
}

/// What a store says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The kind: `sqlite` or `postgres`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its layout.
    pub layout: i64,
    /// How many sealed rows it has.
    pub rows: i64,
    /// What all rows add up to.
    pub seal: String,
}

/// Reads what was remembered.
#[async_trait]
pub trait StoreReader: Send + Sync {
    /// Everything that decisions need.
    ///
    /// # Errors
    /// When the store cannot be read whole: a half-read memory is worse than none.
    async fn load(&self) -> Result<Memory, StoreError>;

    /// What the store says of itself; `None` where there is none.
    ///
    /// # Errors
    /// As [`StoreReader::load`].
    async fn about(&self) -> Result<Option<About>, StoreError>;

    /// The newest `limit` events, newest last, of one channel or of all.
    ///
    /// # Errors
    /// As [`StoreReader::load`].
    async fn history(&self, channel: Option<&str>, limit: u32) -> Result<Vec<Event>, StoreError>;
}

/// Remembers.
#[async_trait]
pub trait Store: StoreReader {
    /// Applies `update` in one transaction that is on disk when this returns.
    ///
    /// # Errors
    /// When it could not be made durable; the caller must then not act.
    async fn commit(&self, update: &Update) -> Result<(), StoreError>;

    /// Removes a few of the oldest events that are older than `before`, and says how many.
    ///
    /// # Errors
    /// As [`Store::commit`].
    async fn prune(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;
}
