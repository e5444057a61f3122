//! `[state]`: where the store is, and how it is reached.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// `[state]`.
#[derive(Clone, Debug)]
pub struct State {
    /// Where the store is.
    pub place: StatePlace,
    /// The same as it was written.
    pub url: String,
    /// What a database needs besides its address.
    pub access: Access,
    /// How long history is kept; at least a day.
    pub history_keep: Duration,
}

/// How a database in PostgreSQL is reached, whatever its address is.
#[derive(Clone, Debug)]
pub struct Access {
    /// The password, when the environment gave one.
    pub password: Option<SecretString>,
    /// A file that holds it alone.
    pub password_file: Option<PathBuf>,
    /// The schema.
    pub schema: String,
}

/// Where the store is: `state.url` and what belongs to it.
#[derive(Clone, Debug)]
pub enum StatePlace {
    /// A file; a relative path starts at the current directory.
    Sqlite(PathBuf),
    /// A schema of a database in PostgreSQL.
    Postgres(Postgres),
}

/// A database in PostgreSQL.
#[derive(Clone, Debug)]
pub struct Postgres {
    /// A host's name or address, or the directory of a socket.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The user.
    pub user: String,
    /// The database.
    pub database: String,
    /// Whether the server shows a certificate of its name; else it is on this machine.
    pub verified: bool,
    /// Authorities that count instead of those of this machine.
    pub authorities: Option<PathBuf>,
    /// The password, when the environment gave one.
    pub password: Option<SecretString>,
    /// A file that holds it alone.
    pub password_file: Option<PathBuf>,
    /// The schema.
    pub schema: String,
}
