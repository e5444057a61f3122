//! Failures of the store in words for people: which file, what is wrong, and what to do about it.

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::adapters::rows::Fault;
use crate::memory::StoreError;
use crate::text::{plain, short};

/// What to do about a file that cannot be believed.
pub(super) const RESTORE: &str = "do not put a backup back, which is older than the servers, but move the file away and let a new \
                                  store take the sheet over with `fleetsheet --once --takeover`";

/// Whether a killed writer left a journal that must be rolled back, which a read-only connection may not do
/// (`SQLITE_READONLY_ROLLBACK`).
pub(super) fn is_hot_journal(fault: &Fault) -> bool {
    matches!(fault, Fault::Sql(error) if code(error) == Some(776))
}

/// A failure as the caller sees it.
pub(super) trait At {
    /// What became of the store in this file.
    fn at(self, path: &Path) -> StoreError;
}

impl At for Fault {
    fn at(self, path: &Path) -> StoreError {
        match self {
            Self::Sql(error) => of_sql(path, error),
            Self::Damaged(what) => broken(path, format_args!("it is damaged: {what}"), RESTORE),
            Self::Refused(what, fix) => broken(path, what, fix),
            Self::Moved(to) => moved(&path.display(), &to),
            Self::Fenced | Self::Silent => broken(path, "it gave no answer", "report this as a bug"),
        }
    }
}

/// What a store says that was moved.
pub(in crate::adapters) fn moved(place: &dyn Display, to: &str) -> StoreError {
    StoreError::Moved(plain(&format!(
        "state store {place}: it was moved to {to} and is closed; set state.url to that"
    )))
}

/// Longest account of what is wrong, in characters. What cannot be read back may be quoted in it, and that may be a whole row.
const WHAT_MAX: usize = 500;

/// A store that cannot be used.
pub(super) fn broken(path: &Path, what: impl Display, fix: &str) -> StoreError {
    StoreError::Broken {
        message: message(path, what, fix),
        cause: None,
    }
}

fn message(path: &Path, what: impl Display, fix: &str) -> String {
    let said = short(&what.to_string(), WHAT_MAX);
    plain(&format!("state store {}: {said}; {fix}", path.display()))
}

/// A failure of the file system.
pub(super) fn of_io(path: &Path, what: &str, error: io::Error) -> StoreError {
    let fix = match error.kind() {
        io::ErrorKind::PermissionDenied => "let this user read and write the directory and the file",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space",
        _ => "check state.url and the file system",
    };
    StoreError::Broken {
        message: message(path, format_args!("{what}: {error}"), fix),
        cause: Some(error.into()),
    }
}

/// The extended result code of SQLite.
fn code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// What the database says, told apart by what a person can do about it (<https://sqlite.org/rescode.html>).
fn of_sql(path: &Path, error: sqlx::Error) -> StoreError {
    if let sqlx::Error::Io(error) = error {
        return of_io(path, "it cannot be opened", error);
    }
    StoreError::Broken {
        message: sql_message(path, &error),
        cause: Some(error.into()),
    }
}

fn sql_message(path: &Path, error: &sqlx::Error) -> String {
    let Some(code) = code(error) else {
        // Anything else that is not a lost connection is a column that does not hold what the layout says.
        return match error {
            sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed => message(
                path,
                format_args!("the database stopped: {error}"),
                "start fleetsheet again",
            ),
            _ => message(path, format_args!("it is damaged: {error}"), RESTORE),
        };
    };
    let said = error.as_database_error().map_or("", |error| error.message());
    let (what, fix) = match (code, code & 0xff) {
        (776, _) => ("a pass was killed while it wrote", "run this again"),
        (1032, _) => (
            "the file was moved or replaced while it was open",
            "start fleetsheet again",
        ),
        (_, 5 | 6) => (
            "another program keeps it locked, for longer than 5 seconds",
            "close that program (a backup, or a database browser)",
        ),
        (_, 3 | 8 | 23) => (
            "it may not be written",
            "let this user write the file and its directory (SQLite keeps its journal there)",
        ),
        (_, 13) => ("the disk is full; nothing was changed", "free some space"),
        (_, 14) => (
            "it cannot be opened",
            "check state.url and the permissions of the directory and the file",
        ),
        (_, 10) => ("the disk failed", "check the disk and the file system"),
        (_, 26) => ("the file is not an SQLite database", RESTORE),
        _ => ("it is damaged", RESTORE),
    };
    message(path, format_args!("{what} ({said}, SQLite code {code})"), fix)
}
