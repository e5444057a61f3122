//! The daily log file, opened anew when somebody deleted or moved it: what is written into a file without a name is lost.
//!
//! A file that was copied and cut, as by `copytruncate`, keeps its name and is appended to from its new end.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tracing_appender::rolling::{InitError, RollingFileAppender, Rotation};

use super::{Identity, identity};
use crate::clock::now;

/// How its name begins.
const PREFIX: &str = "fleetsheet";
/// How its name ends.
const SUFFIX: &str = "log";

/// Today's file (days are UTC days).
pub struct DailyFile {
    dir: PathBuf,
    keep: usize,
    appender: RollingFileAppender,
    /// Which day's file is open, and which file that is; `None` where that could not be told.
    open: Option<(PathBuf, Identity)>,
}

impl DailyFile {
    /// Opens today's file and forgets those beyond `keep`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(dir: PathBuf, keep: usize) -> Result<Self, InitError> {
        let mut file = Self {
            appender: appender(&dir, keep)?,
            dir,
            keep,
            open: None,
        };
        file.note();
        Ok(file)
    }

    fn today(&self) -> PathBuf {
        self.dir.join(format!("{PREFIX}.{}.{SUFFIX}", now().format("%Y-%m-%d")))
    }

    /// Notes which file is open, after a line went into it.
    fn note(&mut self) {
        let path = self.today();
        self.open = identity(&path).ok().map(|which| (path, which));
    }

    /// Opens today's file anew if it is not there any more. One that cannot be opened is tried again with the next line.
    fn mind(&mut self) {
        let today = self.today();
        let Some((path, which)) = &self.open else {
            return self.reopen();
        };
        // At midnight the appender goes on to the next day's by itself.
        if *path == today && identity(path).ok().as_ref() != Some(which) {
            self.reopen();
        }
    }

    fn reopen(&mut self) {
        if let Ok(appender) = appender(&self.dir, self.keep) {
            self.appender = appender;
            self.note();
        }
    }
}

impl Write for DailyFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.mind();
        let written = self.appender.write(line)?;
        if self.open.as_ref().is_none_or(|(path, _)| *path != self.today()) {
            self.note();
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.appender.flush()
    }
}

fn appender(dir: &Path, keep: usize) -> Result<RollingFileAppender, InitError> {
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(PREFIX)
        .filename_suffix(SUFFIX)
        .max_log_files(keep)
        .build(dir)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn only(dir: &Path) -> PathBuf {
        let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|end| end == SUFFIX));
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }

    #[test]
    fn a_file_that_was_deleted_moved_or_cut_is_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("logs");
        let mut file = DailyFile::open(place.clone(), 3).unwrap();
        file.write_all(b"one\n").unwrap();
        let path = only(&place);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");

        fs::remove_file(&path).unwrap();
        file.write_all(b"two\n").unwrap();
        assert_eq!(fs::read_to_string(only(&place)).unwrap(), "two\n");

        let moved = path.with_extension("log.1");
        fs::rename(&path, &moved).unwrap();
        file.write_all(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(only(&place)).unwrap(), "three\n");
        assert_eq!(fs::read_to_string(&moved).unwrap(), "two\n");

        // As `create` of logrotate does: an empty file in its place.
        fs::rename(&path, &moved).unwrap();
        fs::write(&path, "").unwrap();
        file.write_all(b"four\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "four\n");

        // As `copytruncate` does.
        fs::copy(&path, &moved).unwrap();
        fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(0)
            .unwrap();
        file.write_all(b"five\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "five\n");

        fs::remove_dir_all(&place).unwrap();
        file.write_all(b"six\n").unwrap();
        file.write_all(b"seven\n").unwrap();
        assert_eq!(fs::read_to_string(only(&place)).unwrap(), "six\nseven\n");
    }
}
