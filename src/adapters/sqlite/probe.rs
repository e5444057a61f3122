//! Whether a pass could write to the store, found out without writing to it.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use sqlx::Connection as _;

use super::schema::Found;
use super::trouble::{self, At as _};
use super::{Access, connect, location, lock, regular_file, schema};
use crate::adapters::files;
use crate::adapters::rows::Fault;
use crate::memory::StoreError;

/// A store that a pass could write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Probed {
    /// Whether it is there already; else the first pass makes it.
    pub(crate) exists: bool,
    /// Who holds it at this moment, in words.
    pub(crate) holder: Option<String>,
}

/// Looks whether a pass could open and write the store at `url`, which is neither made nor changed.
///
/// # Errors
/// [`StoreError::Broken`] when it could not.
pub(crate) async fn probe(url: &str) -> Result<Probed, StoreError> {
    let path = location::path_of(url)?;
    let path = match location::canonical(&path) {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path,
        Err(error) => return Err(trouble::of_io(&path, "it cannot be found", error)),
    };
    let exists = regular_file(&path)?;
    files::can_make_files_in(location::directory(&path)).map_err(|error| {
        let what = "its directory takes no files, and SQLite keeps its journal there";
        trouble::of_io(&path, what, error)
    })?;
    if exists {
        writable(&path).await?;
    }
    let holder = lock::holder(&path)?;
    Ok(Probed { exists, holder })
}

/// Whether there is a store at `url`. An empty file, or a directory that is not there, holds none.
///
/// # Errors
/// [`StoreError::Broken`] when that cannot be told, or something else stands there.
pub(crate) fn is_there(url: &str) -> Result<bool, StoreError> {
    let path = location::path_of(url)?;
    let path = match location::canonical(&path) {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(trouble::of_io(&path, "it cannot be found", error)),
    };
    let holds = || std::fs::metadata(&path).is_ok_and(|file| file.len() > 0);
    Ok(regular_file(&path)? && holds())
}

/// Begins to write and takes it back before anything was written.
async fn writable(path: &Path) -> Result<(), StoreError> {
    // Opening it to write would roll back what a killed pass left, and that is for the next pass to do.
    if std::fs::metadata(location::beside(path, "-journal")).is_ok_and(|journal| journal.len() > 0) {
        let opened = OpenOptions::new().write(true).open(path).map(drop);
        return opened.map_err(|error| trouble::of_io(path, "it may not be written", error));
    }
    let begin = async {
        let mut connection = connect(path, Access::Write).await?;
        let found: Found = schema::inspect(&mut connection).await?;
        tracing::debug!(layout = ?found, "the state store can be opened");
        let transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        transaction.rollback().await?;
        connection.close().await?;
        Ok(())
    };
    begin.await.map_err(|fault: Fault| fault.at(path))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::super::{Holder, SqliteStore, StoreLock};
    use super::*;

    fn url(path: &Path) -> String {
        format!("sqlite:{}", path.display())
    }

    fn entries(dir: &Path) -> usize {
        std::fs::read_dir(dir).unwrap().count()
    }

    #[tokio::test]
    async fn a_store_is_probed_without_being_made_or_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/store.db");
        let absent = Probed {
            exists: false,
            holder: None,
        };
        assert_eq!(probe(&url(&path)).await.unwrap(), absent);
        assert_eq!(entries(dir.path()), 0);

        drop(
            SqliteStore::open(&url(&path), Access::Write, DateTime::UNIX_EPOCH)
                .await
                .unwrap(),
        );
        let before = std::fs::read(&path).unwrap();
        assert!(probe(&url(&path)).await.unwrap().exists);
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(entries(path.parent().unwrap()), 1);

        // What a killed pass leaves is not touched.
        let journal = location::beside(&path, "-journal");
        std::fs::write(&journal, "left behind").unwrap();
        assert!(probe(&url(&path)).await.unwrap().exists);
        assert_eq!(std::fs::read(&journal).unwrap(), b"left behind");
        std::fs::remove_file(&journal).unwrap();

        let holder = Holder {
            run: "20260101T000000Z-1".into(),
            host: "here".into(),
            pid: 1,
            since: DateTime::UNIX_EPOCH,
            what: "pass".into(),
        };
        let lock = StoreLock::acquire(&url(&path), &holder).unwrap();
        let held = probe(&url(&path)).await.unwrap().holder.unwrap();
        assert!(held.contains("20260101T000000Z-1"), "{held}");
        drop(lock);
        assert_eq!(probe(&url(&path)).await.unwrap().holder, None);
    }

    #[tokio::test]
    async fn what_is_no_store_or_takes_no_file_is_said() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("text"), "x".repeat(9000)).unwrap();
        for (path, says) in [
            (dir.path().join("text"), "not an SQLite database"),
            (dir.path().join("text/store.db"), "state.url"),
            (dir.path().to_owned(), "directory"),
            ("/proc/fleetsheet/store.db".into(), "takes no files"),
        ] {
            let error = probe(&url(&path)).await.unwrap_err().to_string();
            assert!(error.contains(says), "{}: {error}", path.display());
        }
        assert_eq!(entries(dir.path()), 1);
    }
}
