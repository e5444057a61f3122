//! The state store in one SQLite file: a [`Memory`] comes out whole or not at all, an [`Update`] goes in whole or not at all.
//!
//! It keeps a rollback journal, not a write-ahead log: a reader of a log writes files beside the store, and `plan` must write
//! nothing. The directory is synced when the journal goes (`synchronous = EXTRA`): with less, a power failure right after a
//! commit could undo it, and the act that it describes would be forgotten.

mod copy;
mod events;
pub mod last;
mod location;
mod lock;
mod probe;
mod rows;
mod schema;
mod snapshot;
mod trouble;
pub mod waiting;

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::Mutex;

pub(in crate::adapters) use self::copy::Whole;
pub(crate) use self::lock::running;
pub use self::lock::{Holder, StoreLock};
pub(crate) use self::probe::{is_there, probe};
use self::schema::Found;
pub(in crate::adapters) use self::schema::new_store;
use self::trouble::At as _;
pub(in crate::adapters) use self::trouble::moved;
use crate::adapters::rows::{self as carried, Fault};
use crate::adapters::taken::Taken;
use crate::memory::{About, Event, Memory, Store, StoreError, StoreReader, Update};

/// How long a statement waits for another process, such as a backup or a `plan`, to let go of the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many rows the connection's thread reads ahead: each time it has to wait for its reader costs more than a row.
const ROWS_AHEAD: usize = 1000;

/// How often a reader tries again when the journal that it was about to roll back is gone; each is another pass's start.
const SNAPSHOT_ATTEMPTS: u32 = 5;

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To load and commit; makes the store where it is missing.
    Write,
    /// To load only: makes and changes nothing, neither the file nor anything beside it.
    Read,
}

/// A store in one SQLite file, over one connection.
///
/// Open a file once in a process: to read past a killed pass's journal, a second one for reading would have to open and close
/// it, and closing a file drops the locks that SQLite holds on it in the same process.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    access: Access,
    /// `None` after a failure, and when it is opened for reading and there is no store.
    connection: Mutex<Option<SqliteConnection>>,
}

impl SqliteStore {
    /// Opens the store at `url` (`sqlite:PATH`).
    ///
    /// For [`Access::Write`], missing directories and the file are made, readable by their owner only, the layout is brought up
    /// to date and a new store gets an id. For [`Access::Read`], a missing file is an empty memory without an id.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when it cannot be opened or is not a store that this version understands.
    pub async fn open(url: &str, access: Access, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let path = location::path_of(url)?;
        let (path, connection) = match access {
            Access::Write => {
                let path = location::prepare(&path)?;
                let connection = open_to_write(&path, now).await?;
                (path, Some(connection))
            }
            Access::Read => match location::canonical(&path) {
                Ok(path) => {
                    let connection = open_to_read(&path).await?;
                    (path, connection)
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => (path, None),
                Err(error) => return Err(trouble::of_io(&path, "it cannot be found", error)),
            },
        };
        Ok(Self {
            path,
            access,
            connection: Mutex::new(connection),
        })
    }

    /// The connection; `None` when there is no store to read.
    async fn take(&self) -> Result<Option<Taken<'_, SqliteConnection>>, StoreError> {
        let mut place = self.connection.lock().await;
        let connection = match (place.take(), self.access) {
            (Some(connection), _) => Some(connection),
            (None, Access::Read) => open_to_read(&self.path).await?,
            (None, Access::Write) => open_again_to_write(&self.path).await?,
        };
        Ok(connection.map(|connection| Taken::new(place, connection)))
    }

    async fn writer(&self) -> Result<Taken<'_, SqliteConnection>, StoreError> {
        if self.access == Access::Read {
            let what = "it was opened for reading only";
            return Err(trouble::broken(&self.path, what, "report this as a bug"));
        }
        match self.take().await? {
            Some(taken) => Ok(taken),
            None => Err(trouble::broken(&self.path, "its file is gone", trouble::RESTORE)),
        }
    }
}

#[async_trait]
impl StoreReader for SqliteStore {
    async fn load(&self) -> Result<Memory, StoreError> {
        let Some(mut taken) = self.take().await? else {
            return Ok(Memory::default());
        };
        let memory = load(&mut taken.connection).await;
        taken.end(memory).map_err(|fault| fault.at(&self.path))
    }

    async fn about(&self) -> Result<Option<About>, StoreError> {
        let Some(mut taken) = self.take().await? else {
            return Ok(None);
        };
        let about = schema::about(&mut taken.connection).await;
        taken.end(about).map(Some).map_err(|fault| fault.at(&self.path))
    }

    async fn history(&self, channel: Option<&str>, limit: u32) -> Result<Vec<Event>, StoreError> {
        let Some(mut taken) = self.take().await? else {
            return Ok(Vec::new());
        };
        let events = events::history(&mut taken.connection, channel, limit).await;
        taken.end(events).map_err(|fault| fault.at(&self.path))
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, update: &Update) -> Result<(), StoreError> {
        let mut taken = self.writer().await?;
        let done = commit(&mut taken.connection, update).await;
        taken.end(done).map_err(|fault| fault.at(&self.path))
    }

    async fn prune(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut taken = self.writer().await?;
        let removed = events::prune(&mut taken.connection, before).await;
        taken.end(removed).map_err(|fault| fault.at(&self.path))
    }
}

async fn load(connection: &mut SqliteConnection) -> Result<Memory, Fault> {
    // One transaction, so that all tables are of one moment.
    let mut transaction = connection.begin().await?;
    let memory = rows::load(&mut transaction).await?;
    transaction.rollback().await?;
    Ok(memory)
}

async fn commit(connection: &mut SqliteConnection, update: &Update) -> Result<(), Fault> {
    // Immediate: a transaction that only later turns into a writer fails on contention instead of waiting.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    carried::write(&mut rows::Rows(&mut transaction), update).await?;
    Ok(transaction.commit().await?)
}

async fn open_to_write(path: &Path, now: DateTime<Utc>) -> Result<SqliteConnection, StoreError> {
    regular_file(path)?;
    // Made here, not by SQLite, to be private from its first moment; journals take its permissions.
    drop(location::open_private(path).map_err(|error| trouble::of_io(path, "it cannot be opened", error))?);
    let open = async {
        let mut connection = connect(path, Access::Write).await?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        schema::migrate(&mut transaction, now).await?;
        schema::serves(&mut transaction).await?;
        transaction.commit().await?;
        Ok(connection)
    };
    open.await.map_err(|fault: Fault| fault.at(path))
}

/// Whether two addresses lead to one file.
pub(in crate::adapters) fn is_same(one: &str, other: &str) -> bool {
    let path = |url: &str| location::canonical(&location::path_of(url).ok()?).ok();
    path(one).is_some() && path(one) == path(other)
}

/// Opens what was open before: a store that has vanished meanwhile must not be made anew.
async fn open_again_to_write(path: &Path) -> Result<Option<SqliteConnection>, StoreError> {
    if !regular_file(path)? {
        return Ok(None);
    }
    open_if_store(path, Access::Write).await.map_err(|fault| fault.at(path))
}

async fn open_to_read(path: &Path) -> Result<Option<SqliteConnection>, StoreError> {
    if !regular_file(path)? {
        return Ok(None);
    }
    for _ in 0..SNAPSHOT_ATTEMPTS {
        match open_if_store(path, Access::Read).await {
            Err(fault) if trouble::is_hot_journal(&fault) => {}
            opened => return opened.map_err(|fault| fault.at(path)),
        }
        let copy = snapshot::copy(path)
            .map_err(|error| trouble::of_io(path, "the journal that a killed pass left cannot be copied", error))?;
        if let Some(copy) = copy {
            // Once opened and rolled back, the copy is read through its descriptor and its name is not needed.
            let opened = open_if_store(&copy.path(), Access::Write).await;
            return opened.map_err(|fault| fault.at(path));
        }
    }
    Err(trouble::broken(
        path,
        "passes that were killed keep changing it",
        "run this again when no pass is running",
    ))
}

/// Whether a file is there; anything else that may stand there is an error.
fn regular_file(path: &Path) -> Result<bool, StoreError> {
    match fs::metadata(path) {
        // SQLite takes what is shorter than its smallest page for an empty file.
        Ok(metadata) if metadata.is_file() && (1..512).contains(&metadata.len()) => Err(trouble::broken(
            path,
            "the file is not an SQLite database",
            trouble::RESTORE,
        )),
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(metadata) => {
            let what = if metadata.is_dir() {
                "a directory"
            } else {
                "not a regular file"
            };
            let fix = "let state.url name a file";
            Err(trouble::broken(path, format_args!("it is {what}"), fix))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(trouble::of_io(path, "it cannot be inspected", error)),
    }
}

/// Opens a file as it is; `None` when it holds nothing yet.
async fn open_if_store(path: &Path, access: Access) -> Result<Option<SqliteConnection>, Fault> {
    let mut connection = connect(path, access).await?;
    match schema::inspect(&mut connection).await? {
        Found::Nothing => Ok(None),
        Found::Current => {
            schema::serves(&mut connection).await?;
            Ok(Some(connection))
        }
        Found::Older => Err(Fault::Refused(
            "an older fleetsheet wrote it, and reading it must not change it".into(),
            "run one pass of this version to bring it up to date",
        )),
    }
}

async fn connect(path: &Path, access: Access) -> Result<SqliteConnection, sqlx::Error> {
    options(path, access).connect().await
}

fn options(path: &Path, access: Access) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .row_buffer_size(ROWS_AHEAD)
        .foreign_keys(true)
        .pragma("cell_size_check", "ON")
        .disable_statement_logging();
    match access {
        Access::Write => options
            .journal_mode(SqliteJournalMode::Delete)
            .synchronous(SqliteSynchronous::Extra),
        Access::Read => options.read_only(true).pragma("query_only", "ON"),
    }
}
