//! What this user may do with files and directories, found out without leaving anything behind.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::prerequisites::Permissions;

/// Looks at who may do what with a file, links followed.
///
/// # Errors
/// It is not there, or cannot be looked at.
pub fn permissions(path: &Path) -> io::Result<Permissions> {
    let metadata = fs::metadata(path)?;
    // The kernel gives a process's own entry to the user it runs as; without /proc the stricter reading holds.
    let own = fs::metadata("/proc/self").map_or(true, |own| own.uid() == metadata.uid());
    Ok(Permissions {
        mode: metadata.permissions().mode() & 0o777,
        own,
    })
}

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

    #[test]
    fn the_mode_of_what_a_link_leads_to_counts() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("key"), dir.path().join("link"));
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let expected = Permissions { mode: 0o640, own: true };
        assert_eq!(permissions(&link).unwrap(), expected);
    }
}
