//! From `state.url` to the one path by which every pass means the same file, and to files that only their owner reads.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use super::trouble;
use crate::memory::StoreError;

/// As many links as Linux follows before it answers `ELOOP`.
const MAX_LINKS: usize = 40;

/// The path in a `sqlite:PATH` URL.
pub(super) fn path_of(url: &str) -> Result<PathBuf, StoreError> {
    let wrong = |why: &str| {
        Err(StoreError::Broken {
            message: format!("state.url = {url:?} {why}; write sqlite:PATH"),
            cause: None,
        })
    };
    let Some(path) = url.strip_prefix("sqlite:") else {
        return wrong("does not name a known kind of store");
    };
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.ends_with('/') {
        return wrong("names no file");
    }
    if path == ":memory:" {
        return wrong("would forget everything when the program ends");
    }
    if path.contains(['?', '\0']) {
        return wrong("holds a character that is not allowed in a store's path");
    }
    Ok(PathBuf::from(path))
}

/// The path with every link followed, whether the file exists or not; its directory must.
pub(super) fn canonical(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => return done,
        }
        // A link whose target does not exist yet is one to the file that will be made there.
        match fs::read_link(&path) {
            Ok(target) => path = directory(&path).join(target),
            Err(_) => {
                let name = path
                    .file_name()
                    .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
                return Ok(fs::canonicalize(directory(&path))?.join(name));
            }
        }
    }
    Err(io::Error::other("too many links lead on"))
}

/// Where the file is, or is to be.
pub(super) fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Makes the directory of the store where it is missing, and answers with the store's canonical path.
pub(super) fn prepare(path: &Path) -> Result<PathBuf, StoreError> {
    let directory = directory(path);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| trouble::of_io(path, "its directory cannot be made", error))?;
    canonical(path).map_err(|error| trouble::of_io(path, "it cannot be found", error))
}

/// Opens a file for reading and writing that only its owner may read, making it where it is missing.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Gives a file that was just made to the owner of the store, as far as this user may: what root makes beside the store of the
/// service must not be closed to the service.
pub(super) fn own_like(path: &Path, store: &Path) {
    if let (Ok(file), Ok(store)) = (fs::metadata(path), fs::metadata(store))
        && (file.uid(), file.gid()) != (store.uid(), store.gid())
    {
        // It only decides what others are told, so that a failure does no harm.
        let _ = chown(path, Some(store.uid()), Some(store.gid()));
    }
}

/// `path` with `suffix` after its last character.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_file_or_are_refused() {
        for (url, path) in [
            ("sqlite:state/fleetsheet.db", "state/fleetsheet.db"),
            ("sqlite:/var/lib/x.db", "/var/lib/x.db"),
            ("sqlite:///var/lib/x.db", "/var/lib/x.db"),
            ("sqlite://x.db", "x.db"),
        ] {
            assert_eq!(path_of(url).ok(), Some(PathBuf::from(path)), "{url}");
        }
        for url in [
            "",
            "x.db",
            "postgres://h/d",
            "sqlite:",
            "sqlite:a/",
            "sqlite::memory:",
            "sqlite:a?b",
        ] {
            let error = path_of(url).map_err(|error| error.to_string());
            assert!(
                matches!(&error, Err(text) if text.contains("sqlite:PATH")),
                "{url}: {error:?}"
            );
        }
    }
}
