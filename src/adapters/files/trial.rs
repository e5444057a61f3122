//! Finds out whether files can be made in a directory, and leaves nothing behind.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Whether files can be made in a directory, or in the nearest one above it that exists: makes one there and removes it.
///
/// # Errors
/// They cannot.
pub fn can_make_files_in(directory: &Path) -> io::Result<()> {
    let here = |path: &Path| path.as_os_str().is_empty();
    let mut directory = directory;
    let nearest = loop {
        if here(directory) {
            break Path::new(".");
        }
        match fs::metadata(directory) {
            Ok(metadata) if metadata.is_dir() => break directory,
            Ok(_) => {
                let what = format!("{} is not a directory", directory.display());
                return Err(io::Error::new(io::ErrorKind::NotADirectory, what));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        directory = directory.parent().unwrap_or(Path::new(""));
    };
    let path = nearest.join(format!(".fleetsheet-check-{}", uuid::Uuid::new_v4().simple()));
    drop(
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?,
    );
    fs::remove_file(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_tried_and_left_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        can_make_files_in(dir.path()).unwrap();
        can_make_files_in(&dir.path().join("not/yet/there")).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let below = can_make_files_in(&file.join("below")).unwrap_err();
        assert_eq!(below.kind(), io::ErrorKind::NotADirectory, "{below}");
        assert!(can_make_files_in(Path::new("/proc/nobody/makes/this")).is_err());
    }
}
