//! The store and the memory that a pass decides from, kept in step: what is remembered is committed first, then applied.
//!
//! Only a journal commits during a pass, so nothing acts on a memory that the store does not hold.

use crate::memory::{Memory, Store, StoreError, Update};

/// A store, and what it holds.
pub struct Journal<'a> {
    store: &'a dyn Store,
    memory: Memory,
    in_step: bool,
}

impl<'a> Journal<'a> {
    /// Loads all that `store` holds.
    ///
    /// # Errors
    /// As [`crate::memory::StoreReader::load`].
    pub async fn open(store: &'a dyn Store) -> Result<Self, StoreError> {
        let memory = store.load().await?;
        Ok(Self {
            store,
            memory,
            in_step: true,
        })
    }

    /// What is remembered.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Commits `update`, then applies it to the memory. Does nothing where the update is empty, so that a pass with nothing to
    /// remember makes no transaction.
    ///
    /// # Errors
    /// When the update could not be made durable. The caller must then not act: whether the store holds it is not known until
    /// [`Journal::catch_up`].
    pub async fn remember(&mut self, update: &Update) -> Result<(), StoreError> {
        if update.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.store.commit(update).await {
            self.in_step = false;
            return Err(error);
        }
        self.memory.apply(update);
        Ok(())
    }

    /// Loads the memory anew if a commit failed since it was loaded: only the store knows whether that commit took effect.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub async fn catch_up(&mut self) -> Result<(), StoreError> {
        if !self.in_step {
            self.memory = self.store.load().await?;
            self.in_step = true;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::Journal;
    use crate::memory::{Binding, Event, Memory, Store, StoreError, StoreReader, Update};

    /// A store in memory that can fail after a commit took effect, as a disk can.
    #[derive(Default)]
    struct Fake {
        held: Mutex<Memory>,
        asked: Mutex<Vec<&'static str>>,
        loses_reply: bool,
    }

    #[async_trait]
    impl StoreReader for Fake {
        async fn load(&self) -> Result<Memory, StoreError> {
            self.asked.lock().unwrap().push("load");
            Ok(self.held.lock().unwrap().clone())
        }

        async fn about(&self) -> Result<Option<crate::memory::About>, StoreError> {
            Ok(None)
        }

        async fn history(&self, _: Option<&str>, _: u32) -> Result<Vec<Event>, StoreError> {
            Ok(Vec::new())
        }
    }

    #[async_trait]
    impl Store for Fake {
        async fn commit(&self, update: &Update) -> Result<(), StoreError> {
            self.asked.lock().unwrap().push("commit");
            self.held.lock().unwrap().apply(update);
            if self.loses_reply {
                return Err(StoreError::Broken {
                    message: "the disk is gone".into(),
                    cause: None,
                });
            }
            Ok(())
        }

        async fn prune(&self, _: chrono::DateTime<chrono::Utc>) -> Result<u64, StoreError> {
            Ok(0)
        }
    }

    fn bound(spreadsheet: &str) -> Update {
        Update {
            binding: Some(Binding {
                spreadsheet: spreadsheet.into(),
                ..Binding::default()
            }),
            ..Update::default()
        }
    }

    #[tokio::test]
    async fn an_empty_update_makes_no_transaction() {
        let store = Fake::default();
        let mut journal = Journal::open(&store).await.unwrap();
        journal.remember(&Update::default()).await.unwrap();
        journal.catch_up().await.unwrap();
        assert_eq!(*store.asked.lock().unwrap(), ["load"]);
    }

    #[tokio::test]
    async fn memory_and_store_are_the_same_after_each_commit() {
        let store = Fake::default();
        let mut journal = Journal::open(&store).await.unwrap();
        journal.remember(&bound("book")).await.unwrap();
        assert_eq!(*journal.memory(), *store.held.lock().unwrap());
        assert_eq!(*store.asked.lock().unwrap(), ["load", "commit"]);
    }

    #[tokio::test]
    async fn a_commit_without_an_answer_is_not_applied_until_the_store_is_asked() {
        let store = Fake {
            loses_reply: true,
            ..Fake::default()
        };
        let mut journal = Journal::open(&store).await.unwrap();
        assert!(journal.remember(&bound("book")).await.is_err());
        assert_eq!(journal.memory().binding, None);
        journal.catch_up().await.unwrap();
        assert_eq!(journal.memory().binding, bound("book").binding);
    }
}
