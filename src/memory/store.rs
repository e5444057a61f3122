//! The traits of the store that keeps a memory.

use async_trait::async_trait;

use super::{Event, Memory, Update};

/// A failure of the store, in words for people.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another pass holds it.
    #[error("{0}")]
    Held(String),
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

/// Reads what was remembered.
#[async_trait]
pub trait StoreReader: Send + Sync {
    /// Everything that decisions need.
    ///
    /// # Errors
    /// When the store cannot be read whole: a half-read memory is worse than none.
    async fn load(&self) -> Result<Memory, StoreError>;

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
}
