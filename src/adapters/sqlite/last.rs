//! How the last pass ended, in a small file beside the store: to say so must not cost a quiet pass a transaction.
//!
//! The file is replaced as a whole, by its name, and decides nothing: one that is missing or damaged is the same as none.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};

use super::{location, trouble};
use crate::memory::{LastPass, StoreError};

/// More than the report of a pass over 10,000 channels has; the rest of a file that somebody else filled is not read.
const MAX_TEXT: u64 = 16 << 20;

/// Notes how a pass ended on the store at `url`. The caller holds the store's lock.
///
/// # Errors
/// When the file cannot be written.
pub fn note(url: &str, last: &LastPass) -> Result<(), StoreError> {
    let store = location::canonical(&location::path_of(url)?);
    let path = |suffix| store.as_ref().map(|store| location::beside(store, suffix));
    let write = || -> io::Result<()> {
        let (new, path) = (io_path(path(".last.new"))?, io_path(path(".last"))?);
        let mut file = location::open_private(&new)?;
        file.set_len(0)?;
        file.write_all(&serde_json::to_vec(last)?)?;
        if let Ok(store) = &store {
            location::own_like(&new, store);
        }
        fs::rename(new, path)
    };
    write().map_err(|error| {
        let store = location::path_of(url).unwrap_or_default();
        trouble::of_io(&store, "the end of this pass cannot be noted beside it", error)
    })
}

fn io_path<T>(path: Result<T, &io::Error>) -> io::Result<T> {
    path.map_err(|error| error.kind().into())
}

/// How the last pass on the store at `url` ended, as far as the file tells.
#[must_use]
pub fn read(url: &str) -> Option<LastPass> {
    let store = location::canonical(&location::path_of(url).ok()?).ok()?;
    let mut text = Vec::new();
    let file = File::open(location::beside(&store, ".last")).ok()?;
    file.take(MAX_TEXT).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}
