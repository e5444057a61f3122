//! How to reach a mail server, and as whom.

use std::path::PathBuf;

use secrecy::SecretString;

/// How to reach a mail server, and as whom.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// How the connection is secured.
    pub security: Security,
    /// Host name, or address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The user to log in as; `None`: no login.
    pub user: Option<String>,
    /// The password, unless a file holds it.
    pub password: Option<SecretString>,
    /// A file that holds the password alone. It is read at each login.
    pub password_file: Option<PathBuf>,
    /// How we name ourselves to the server; `None`: this machine's full name, else its address.
    pub hello_name: Option<String>,
    /// The sender, `NAME <ADDRESS>` or an address.
    pub from: String,
}

/// How a connection is secured. The state store names servers with these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// STARTTLS, without which nothing is sent.
    StartTls,
    /// Plain text, for servers on this machine.
    Plain,
}
