//! One pass at a time on one store, by an advisory lock on a file beside it.
//!
//! The kernel releases the lock when the process ends, however it ends, so a lock is never stale. The file's text only says who
//! holds it, and decides nothing. The file is never removed: a process that waited for a removed one would hold a lock that no
//! other process can see.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::{location, trouble};
use crate::adapters::files::host_name;
use crate::memory::StoreError;
use crate::text::plain;

/// More than any holder's text has; the rest of a file that somebody else filled is not read.
const MAX_TEXT: u64 = 4096;

/// Who holds a store, for the message that the second one gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The pass.
    pub run: String,
    /// The machine.
    pub host: String,
    /// The process there.
    pub pid: u32,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What it is doing, such as `--once`.
    pub what: String,
}

impl Holder {
    /// This process, which does `what` since `since`.
    #[must_use]
    pub fn here(run: &str, what: &str, since: DateTime<Utc>) -> Self {
        Self {
            run: run.to_owned(),
            host: host_name(),
            pid: std::process::id(),
            since,
            what: what.to_owned(),
        }
    }
}

/// The right to change a store, for as long as it is kept.
#[derive(Debug)]
#[must_use = "the store is held only as long as this is kept"]
pub struct StoreLock {
    file: File,
}

impl StoreLock {
    /// Takes the lock of the store at `url`, or says who has it; never waits.
    ///
    /// # Errors
    /// [`StoreError::Held`] when another pass holds it, in this process or another; [`StoreError::Broken`] when the lock file
    /// cannot be opened.
    pub fn acquire(url: &str, holder: &Holder) -> Result<Self, StoreError> {
        let store = location::prepare(&location::path_of(url)?)?;
        let path = location::beside(&store, ".lock");
        let failed = |error: io::Error| trouble::of_io(&path, "the lock cannot be taken", error);
        let mut file = location::open_private(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Held(held(&store, &mut file))),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        say(&mut file, holder).map_err(failed)?;
        Ok(Self { file })
    }
}

/// Who holds the store's lock, in words; `None` when nobody does. A free lock is not taken, because a pass that begins at this
/// moment must not find it taken; only one in which a killed pass left its name is taken for a moment.
pub(super) fn holder(store: &Path) -> Result<Option<String>, StoreError> {
    let path = location::beside(store, ".lock");
    let failed = |error: io::Error| trouble::of_io(&path, "the lock cannot be taken", error);
    let mut file = match OpenOptions::new().read(true).write(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if file.metadata().map_err(failed)?.len() == 0 {
        return Ok(None);
    }
    match file.try_lock_shared() {
        Ok(()) => {
            let_go(&file);
            Ok(None)
        }
        Err(TryLockError::WouldBlock) => Ok(Some(held(store, &mut file))),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Who holds the lock of the store at `url` now, in words; `None` when nobody does, or when that cannot be told.
#[must_use]
pub(crate) fn running(url: &str) -> Option<String> {
    let store = location::canonical(&location::path_of(url).ok()?).ok()?;
    holder(&store).ok().flatten()
}

impl Drop for StoreLock {
    fn drop(&mut self) {
        // A reader of the file should not take the lock for held. A failure only leaves the text of a pass that is over.
        let _ = self.file.set_len(0);
        let_go(&self.file);
    }
}

/// Releases the lock on `file` at once. To close the file is not enough: a process that another thread has just forked holds a
/// copy of it until it becomes another program, and the lock with it.
pub(super) fn let_go(file: &File) {
    // What fails here the kernel does when the last copy is closed.
    let _ = file.unlock();
}

fn say(file: &mut File, holder: &Holder) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(serde_json::to_string(holder)?.as_bytes())
}

/// Names the holder, as far as the file tells: it may be in the middle of writing its name, or hold anything.
fn held(store: &Path, file: &mut File) -> String {
    let mut text = Vec::new();
    let read = file.take(MAX_TEXT).read_to_end(&mut text);
    let who = match read.ok().and_then(|_| serde_json::from_slice::<Holder>(&text).ok()) {
        Some(Holder {
            run,
            host,
            pid,
            since,
            what,
        }) => format!(
            "run {run} ({what}) on {host}, process {pid}, since {}",
            since.to_rfc3339_opts(SecondsFormat::Secs, true)
        ),
        None => "it has not said who it is".into(),
    };
    plain(&format!(
        "another pass holds the state store {}: {who}; wait until it is done, or end that process",
        store.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_process_does_not_keep_a_lock_that_was_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("store.db").display());
        let since = DateTime::UNIX_EPOCH;
        let lock = StoreLock::acquire(&url, &Holder::here("first", "--once", since)).unwrap();
        let copy = lock.file.try_clone().unwrap();
        let second = Holder::here("second", "--once", since);
        assert!(matches!(StoreLock::acquire(&url, &second), Err(StoreError::Held(_))));
        drop(lock);
        assert!(StoreLock::acquire(&url, &second).is_ok(), "the copy keeps nothing");
        drop(copy);
    }
}
