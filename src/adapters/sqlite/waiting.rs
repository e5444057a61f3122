//! Says that somebody waits for the store who should not wait long, so that a pass which has decided nothing yet gives way.
//!
//! It is a lock on a file of its own, which the kernel releases when the one who waits ends, however that ends. It is only a hint:
//! nobody acts without the store's own lock. The file is never removed, as the lock's is not.

use std::fs::{File, TryLockError};
use std::path::PathBuf;

use super::location;
use super::lock::let_go;

/// Kept for as long as somebody waits.
#[derive(Debug)]
#[must_use = "it is said only as long as this is kept"]
pub struct Waiting {
    file: File,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let_go(&self.file);
    }
}

impl Waiting {
    /// Says it. `None` where it cannot be said, or somebody else says it already.
    pub fn say(url: &str) -> Option<Self> {
        let path = path(url)?;
        let file = location::open_private(&path).ok()?;
        location::own_like(&path, &store(url)?);
        file.try_lock().ok()?;
        Some(Self { file })
    }
}

/// Whether somebody waits for the store at `url`.
#[must_use]
pub fn is_waited_for(url: &str) -> bool {
    let Some(file) = path(url).and_then(|path| File::open(path).ok()) else {
        return false;
    };
    match file.try_lock_shared() {
        Ok(()) => {
            let_go(&file);
            false
        }
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(_)) => false,
    }
}

fn store(url: &str) -> Option<PathBuf> {
    location::canonical(&location::path_of(url).ok()?).ok()
}

fn path(url: &str) -> Option<PathBuf> {
    Some(location::beside(&store(url)?, ".waiting"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_as_long_as_somebody_waits() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("store.db").display());
        assert!(!is_waited_for(&url), "nobody ever waited");
        let waits = Waiting::say(&url).unwrap();
        let copy = waits.file.try_clone().unwrap();
        assert!(is_waited_for(&url));
        assert!(Waiting::say(&url).is_none(), "it is said already");
        assert!(is_waited_for(&url), "another one that gives up takes nothing back");
        drop(waits);
        assert!(!is_waited_for(&url), "a copy in a forked process says nothing");
        drop(copy);
    }
}
