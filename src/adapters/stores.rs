//! Both kinds of store behind one door: where one is, what it remembers, and the right to change it, which is a lock beside a file
//! or a lease in a database.

mod copy;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use self::copy::{Copied, copy};
use super::postgres::{self, Address, Ended, Lease, PostgresStore};
use super::sqlite::waiting::{Waiting, is_waited_for};
use super::sqlite::{self, Access, SqliteStore, StoreLock, last};
use crate::clock::run_id;
use crate::lease::Leave;
use crate::memory::{LastPass, Store, StoreError};
use crate::text::plain;

/// Where a store is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A file: `sqlite:PATH`.
    File(String),
    /// A schema of a database.
    Database(Box<Address>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(url) => f.write_str(url.strip_prefix("sqlite:").unwrap_or(url)),
            Self::Database(address) => address.fmt(f),
        }
    }
}

/// What a lease is asked for with; a lock needs none of it.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The name of this instance.
    pub instance: String,
    /// How long a lease is.
    pub length: Duration,
    /// How long a call may take.
    pub call: Duration,
    /// A hash of the configuration.
    pub config: String,
}

/// Why the right to change a store was not given.
#[derive(Debug)]
pub enum Refused {
    /// Another one has it, in words.
    Held(String),
    /// That tick was served already.
    Served,
    /// The store cannot be used.
    Broken(StoreError),
}

/// The right to change a store.
pub struct Held {
    right: Right,
    run: String,
    now: DateTime<Utc>,
    what: String,
    place: Place,
}

enum Right {
    Lock(#[expect(dead_code, reason = "it is held for as long as it is kept")] StoreLock),
    Lease(Box<Lease>),
}

impl Place {
    /// As `state.url` names it, without what only says how it is reached.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::File(url) => url.clone(),
            Self::Database(address) => address.to_string(),
        }
    }

    /// Whether the other one is the same place, as far as their names tell.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => sqlite::is_same(one, other),
            (Self::Database(one), Self::Database(other)) => {
                one.to_string() == other.to_string() && one.schema == other.schema
            }
            _ => false,
        }
    }

    /// Why it serves nobody any more, where it was moved elsewhere. Other trouble is left to whoever opens it.
    pub async fn moved(&self, now: DateTime<Utc>) -> Option<StoreError> {
        let look = async { self.to_read(now).await?.about().await };
        look.await.err().filter(|error| matches!(error, StoreError::Moved(_)))
    }

    /// Opens it to read: it takes no commit. One that is not there is empty.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn to_read(&self, now: DateTime<Utc>) -> Result<Box<dyn Store>, StoreError> {
        Ok(match self {
            Self::File(url) => Box::new(SqliteStore::open(url, Access::Read, now).await?),
            Self::Database(address) => Box::new(PostgresStore::to_read(address)),
        })
    }

    /// Whether there is one.
    ///
    /// # Errors
    /// When that cannot be told.
    pub async fn is_there(&self) -> Result<bool, StoreError> {
        match self {
            Self::File(url) => sqlite::is_there(url),
            Self::Database(address) => postgres::is_there(address).await,
        }
    }

    /// Takes the right to change it, or says who has it; never waits for them. The times of a database's pass are the database's,
    /// those of a file's are the caller's.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn hold(
        &self,
        what: &str,
        tick: Option<DateTime<Utc>>,
        terms: &Terms,
        now: DateTime<Utc>,
    ) -> Result<Held, Refused> {
        let held = |right, run: &str, now| Held {
            right,
            run: run.to_owned(),
            now,
            what: what.to_owned(),
            place: self.clone(),
        };
        match self {
            Self::File(url) => {
                let run = run_id(now);
                match StoreLock::acquire(url, &sqlite::Holder::here(&run, what, now)) {
                    Ok(lock) => Ok(held(Right::Lock(lock), &run, now)),
                    Err(StoreError::Held(by)) => Err(Refused::Held(by)),
                    Err(error) => Err(Refused::Broken(error)),
                }
            }
            Self::Database(address) => {
                let run = postgres::now(address).await.map(run_id).map_err(Refused::Broken)?;
                let asked = postgres::Asked {
                    holder: postgres::Holder::here(&terms.instance, &run, what),
                    tick,
                    length: terms.length,
                    call: terms.call,
                    config: terms.config.clone(),
                };
                match postgres::take(address, asked).await.map_err(Refused::Broken)? {
                    postgres::Answer::Granted(lease) => {
                        let since = lease.since();
                        Ok(held(Right::Lease(lease), &run, since))
                    }
                    postgres::Answer::Served => Err(Refused::Served),
                    postgres::Answer::Held(standing) => {
                        let by = standing
                            .holder
                            .map_or_else(|| "it has not said who it is".to_owned(), |holder| holder.words());
                        Err(Refused::Held(plain(&format!(
                            "another instance holds the lease of the state store {address}: {by}; wait until it is done, or end that \
                             process"
                        ))))
                    }
                }
            }
        }
    }

    /// Who changes it now, in words; `None` when nobody does, or when that cannot be told.
    pub async fn running(&self) -> Option<String> {
        match self {
            Self::File(url) => sqlite::running(url),
            Self::Database(address) => {
                let standing = postgres::standing(address).await.ok()??;
                standing.row.held_until?;
                Some(standing.holder?.words())
            }
        }
    }

    /// Says that somebody waits who should not wait long. A lease is waited for unsaid: a pass is seconds long.
    pub fn say_waiting(&self) -> Option<Waiting> {
        match self {
            Self::File(url) => Waiting::say(url),
            Self::Database(_) => None,
        }
    }

    /// Looks whether a pass could write to it: whether it is there already, who changes it now, and what else is to be said.
    ///
    /// # Errors
    /// When it could not.
    pub async fn probe(&self) -> Result<(bool, Option<String>, Option<String>), StoreError> {
        match self {
            Self::File(url) => {
                let probed = sqlite::probe(url).await?;
                Ok((probed.exists, probed.holder, None))
            }
            Self::Database(address) => {
                let probed = postgres::probe(address).await?;
                let holder = self.running().await.filter(|_| probed.exists);
                Ok((probed.exists, holder, probed.unprotected))
            }
        }
    }

    /// Whether somebody said so.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        match self {
            Self::File(url) => is_waited_for(url),
            Self::Database(_) => false,
        }
    }

    /// The row of the lease, where instances share the store.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn standing(&self) -> Result<Option<postgres::Standing>, StoreError> {
        match self {
            Self::File(_) => Ok(None),
            Self::Database(address) => postgres::standing(address).await,
        }
    }

    /// How the last pass ended, as far as is known.
    pub async fn last(&self) -> Option<LastPass> {
        match self {
            Self::File(url) => last::read(url),
            Self::Database(address) => {
                let text = postgres::standing(address).await.ok()??.last?;
                serde_json::from_str(&text).ok()
            }
        }
    }
}

impl Held {
    /// The id of the pass.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.run
    }

    /// When it began.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// What was said that it is for.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The number of the lease; a lock has none.
    #[must_use]
    pub fn epoch(&self) -> Option<i64> {
        match &self.right {
            Right::Lock(_) => None,
            Right::Lease(lease) => Some(lease.epoch()),
        }
    }

    /// The leave to act, where it can end by itself.
    #[must_use]
    pub fn leave(&self) -> Option<&Leave> {
        match &self.right {
            Right::Lock(_) => None,
            Right::Lease(lease) => Some(lease.leave()),
        }
    }

    /// The lease, where it is one.
    #[must_use]
    pub fn lease(&self) -> Option<&Lease> {
        match &self.right {
            Right::Lock(_) => None,
            Right::Lease(lease) => Some(lease),
        }
    }

    /// Waits until the lease is lost; for ever where there is none.
    pub async fn lost(&self) {
        match self.leave() {
            Some(leave) => leave.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Opens the store to change it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(&mut self) -> Result<Box<dyn Store>, StoreError> {
        Ok(match (&mut self.right, &self.place) {
            (Right::Lease(lease), _) => Box::new(lease.store().await?),
            (Right::Lock(_), place) => Box::new(SqliteStore::open(&place.url(), Access::Write, self.now).await?),
        })
    }

    /// How the last pass ended, as far as is known.
    pub async fn last(&self) -> Option<LastPass> {
        self.place.last().await
    }

    /// Notes beside a file how a pass ended. A lease has it noted when it is given back.
    pub fn note(&self, ended: &LastPass) {
        if let Place::File(url) = &self.place
            && let Err(error) = last::note(url, ended)
        {
            tracing::warn!(error = %error, "cannot note how this pass ended; fleetsheet status shows an earlier one");
        }
    }

    /// Gives the right back, once all that was begun under it has ended, and notes how.
    pub async fn end(self, next: Option<DateTime<Utc>>, gives_back: bool, ended: Option<&LastPass>) {
        if let Right::Lease(lease) = self.right {
            let last = ended.and_then(|last| serde_json::to_string(last).ok());
            lease.end(Ended { next, gives_back, last }).await;
        }
    }
}
