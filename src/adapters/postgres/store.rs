//! The store itself: reads of one moment, and commits that lie wholly before the next lease or do not happen.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use super::address::Address;
use super::fence::{Fence, holds};
use super::layout::{self, Found};
use super::session::{Mode, Session};
use super::{rows, trouble};
use crate::adapters::rows::{Fault, write};
use crate::adapters::taken::Taken;
use crate::memory::{About, Event, Memory, Store, StoreError, StoreReader, Update};

/// A store in PostgreSQL, over one connection.
#[derive(Debug)]
pub struct PostgresStore {
    address: Address,
    /// `None`: it is only read.
    fence: Option<Fence>,
    /// `None` before the first use, and after a failure.
    session: Mutex<Option<Session>>,
}

impl PostgresStore {
    /// A store that is only read. Nothing is asked yet: what is read later is of that later moment.
    #[must_use]
    pub fn to_read(address: &Address) -> Self {
        Self {
            address: address.clone(),
            fence: None,
            session: Mutex::new(None),
        }
    }

    pub(super) fn fenced(address: &Address, fence: Fence, session: Session) -> Self {
        Self {
            address: address.clone(),
            fence: Some(fence),
            session: Mutex::new(Some(session)),
        }
    }

    async fn take(&self) -> Result<Taken<'_, Session>, Fault> {
        let mut place = self.session.lock().await;
        let session = match place.take() {
            Some(session) => session,
            None => Session::connect(&self.address).await?,
        };
        Ok(Taken::new(place, session))
    }

    fn said(&self, fault: Fault) -> StoreError {
        trouble::at(fault, &self.address)
    }

    fn fence(&self) -> Result<&Fence, Fault> {
        let what = "it was opened for reading only";
        self.fence
            .as_ref()
            .ok_or_else(|| Fault::Refused(what.into(), "report this as a bug"))
    }

    async fn read(&self) -> Result<Memory, Fault> {
        let mut taken = self.take().await?;
        let memory = async {
            let session = &mut taken.connection;
            session.begin(Mode::Read).await?;
            let memory = match layout::inspect(session, &self.address).await? {
                Found::Nothing => Memory::default(),
                Found::Current => rows::load(session).await?,
            };
            session.end().await?;
            Ok(memory)
        };
        let memory = memory.await;
        taken.end(memory)
    }

    async fn said_of_itself(&self) -> Result<Option<About>, Fault> {
        let mut taken = self.take().await?;
        let about = async {
            let session = &mut taken.connection;
            session.begin(Mode::Read).await?;
            let about = match layout::inspect(session, &self.address).await? {
                Found::Nothing => None,
                Found::Current => Some(layout::about(session).await?),
            };
            session.end().await?;
            Ok(about)
        };
        let about = about.await;
        taken.end(about)
    }

    async fn told(&self, channel: Option<&str>, limit: u32) -> Result<Vec<Event>, Fault> {
        let mut taken = self.take().await?;
        let events = async {
            let session = &mut taken.connection;
            session.begin(Mode::Read).await?;
            let events = match layout::inspect(session, &self.address).await? {
                Found::Nothing => Vec::new(),
                Found::Current => rows::history(session, channel, limit).await?,
            };
            session.end().await?;
            Ok(events)
        };
        let events = events.await;
        taken.end(events)
    }

    /// Does something in one transaction, which lies wholly before the next lease or does not happen; says how many events it removed.
    async fn write(&self, work: Work<'_>) -> Result<u64, Fault> {
        let fence = self.fence()?;
        if fence.leave.is_lost() {
            return Err(Fault::Fenced);
        }
        let mut taken = self.take().await?;
        let done = async {
            let session = &mut taken.connection;
            session.begin(Mode::Write).await?;
            if !holds(session, fence.epoch).await? {
                fence.leave.lose();
                return Err(Fault::Fenced);
            }
            let done = match work {
                Work::Commit(update) => write(&mut rows::Rows(session), update).await.map(|()| 0)?,
                Work::Prune(before) => rows::prune(session, before).await?,
            };
            session.commit().await?;
            Ok(done)
        };
        let done = done.await;
        taken.end(done)
    }
}

/// What is written.
enum Work<'a> {
    Commit(&'a Update),
    Prune(DateTime<Utc>),
}

#[async_trait]
impl StoreReader for PostgresStore {
    async fn load(&self) -> Result<Memory, StoreError> {
        self.read().await.map_err(|fault| self.said(fault))
    }

    async fn about(&self) -> Result<Option<About>, StoreError> {
        self.said_of_itself().await.map_err(|fault| self.said(fault))
    }

    async fn history(&self, channel: Option<&str>, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.told(channel, limit).await.map_err(|fault| self.said(fault))
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn commit(&self, update: &Update) -> Result<(), StoreError> {
        let done = self.write(Work::Commit(update)).await;
        done.map(drop).map_err(|fault| self.said(fault))
    }

    async fn prune(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let done = self.write(Work::Prune(before)).await;
        done.map_err(|fault| self.said(fault))
    }
}
