//! Where a store in PostgreSQL is, and how one connects to it.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::adapters::files;
use crate::adapters::outbound::authorities;
use crate::adapters::rows::Fault;

/// How a connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// The server shows a certificate of its name, by these authorities or by those of this machine.
    Verified(Option<PathBuf>),
    /// None: the server is on this machine.
    None,
}

/// Where a store is.
#[derive(Clone, Debug)]
pub struct Address {
    /// A host's name or address, or the directory of a socket.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The user.
    pub user: String,
    /// The database.
    pub database: String,
    /// The schema that holds the store.
    pub schema: String,
    /// How the connection is protected.
    pub tls: Tls,
    /// The password, when the environment gave one.
    pub password: Option<SecretString>,
    /// A file that holds it alone, read for each connection, since it may be rotated.
    pub password_file: Option<PathBuf>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            user,
            database,
            ..
        } = self;
        let host = host.replace('/', "%2F");
        write!(f, "postgres://{user}@{host}:{port}/{database}")
    }
}

impl Address {
    pub(super) fn options(&self) -> Result<PgConnectOptions, Fault> {
        let password = match (&self.password, &self.password_file) {
            (Some(password), _) => Some(password.expose_secret().to_owned()),
            (None, Some(file)) => {
                let text = files::read_text(file).map_err(|error| {
                    let what = format!("{} (state.password_file) cannot be read: {error}", file.display());
                    Fault::Refused(what, "let that file hold the password alone, readable by this user")
                })?;
                Some(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            (None, None) => None,
        };
        // Whoever else has a file of passwords or a variable of libpq means other programs by it.
        let options = PgConnectOptions::new_without_pgpass()
            .port(self.port)
            .username(&self.user)
            .database(&self.database)
            .application_name("fleetsheet")
            .extra_float_digits(None)
            .statement_cache_capacity(0)
            .disable_statement_logging();
        let options = if self.host.starts_with('/') {
            options.socket(&self.host)
        } else {
            options.host(&self.host)
        };
        let options = match &self.tls {
            Tls::None => options.ssl_mode(PgSslMode::Disable),
            Tls::Verified(Some(file)) => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(file),
            Tls::Verified(None) => {
                let options = options.ssl_mode(PgSslMode::VerifyFull);
                match authorities::pem() {
                    Ok(pem) => options.ssl_root_cert_from_pem(pem),
                    Err(why) => return Err(Fault::Refused(why, "install the package ca-certificates")),
                }
            }
        };
        Ok(match password {
            Some(password) => options.password(&password),
            None => options,
        })
    }
}
