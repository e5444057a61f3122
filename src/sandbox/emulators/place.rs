//! A directory of the sandbox's own, which nobody else can read and which goes when the sandbox ends.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

/// The directory, removed with all that is in it when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    dir: PathBuf,
}

impl Place {
    /// Makes a new one among the machine's temporary files.
    pub(super) fn new() -> io::Result<Self> {
        let name = uuid::Uuid::new_v4().simple().to_string();
        let dir = std::env::temp_dir().join(format!("fleetsheet-sandbox-{}", &name[..8]));
        // Fails where the name is taken, by whatever it may be.
        DirBuilder::new().mode(0o700).create(&dir)?;
        Ok(Self { dir })
    }

    /// Where a file of this name is to be.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes a new file.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.path(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(text.as_bytes())?;
        Ok(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be removed holds nothing of worth, and there is nobody left to tell.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn nobody_else_can_read_it_and_it_goes() {
        let place = Place::new().unwrap();
        let file = place.write("key", "secret").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&place.dir), mode(&file)), (0o700, 0o600));
        place.write("key", "again").unwrap_err();
        let dir = place.dir.clone();
        drop(place);
        assert!(!dir.exists());
    }
}
