//! Reading what a killed pass left, without touching it.
//!
//! Its journal must be rolled back before anybody may read, and rolling back writes. So it is done on a private copy, which is
//! consistent although nothing is locked: see [`copy`].

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::location;

/// A copy of a store and its journal in a directory of its own, removed when dropped.
pub(super) struct Copy {
    directory: PathBuf,
}

impl Copy {
    /// The copied store.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.join("store.db")
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Best effort: it is in the directory for temporary files.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Copies the store with its journal; `None` when somebody rolled it back meanwhile and the store can be read as it is.
///
/// The journal holds the old pages, and is removed only when all of them are back in place. So while it stays the same
/// (each journal starts with a number of its own), whatever mixture of old and new pages was copied, rolling back the copy
/// gives the old state.
pub(super) fn copy(path: &Path) -> io::Result<Option<Copy>> {
    let journal = location::beside(path, "-journal");
    let Some(before) = read(&journal)? else {
        return Ok(None);
    };
    let directory = std::env::temp_dir().join(format!("fleetsheet-{}", Uuid::new_v4()));
    DirBuilder::new().mode(0o700).create(&directory)?;
    let copy = Copy { directory };
    write(&copy.path(), &fs::read(path)?)?;
    write(&location::beside(&copy.path(), "-journal"), &before)?;
    let unchanged = read(&journal)?.as_ref() == Some(&before);
    Ok(unchanged.then_some(copy))
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    location::open_private(path)?.write_all(bytes)
}
