//! Whether two instances have the same configuration: all that decides what a pass does, and nothing that may differ between hosts.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

use super::model::{Config, Email, Prometheus, Replicas, Sheets, StatePlace};

impl fmt::Display for StatePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(it) => {
                let host = it.host.replace('/', "%2F");
                write!(f, "postgres://{}@{host}:{}/{}", it.user, it.port, it.database)
            }
        }
    }
}

impl Config {
    /// A hash of all but names, addresses to listen on, paths, and `[state]`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let path: Option<PathBuf> = None;
        let sheets = Sheets {
            credentials_file: path.clone(),
            ..self.sheets.clone()
        };
        let prometheus = Prometheus {
            token_file: path.clone(),
            password_file: path.clone(),
            ca_file: path.clone(),
            ..self.prometheus.clone()
        };
        let email = self.email.clone().map(|email| Email {
            smtp_password_file: path,
            hello_name: None,
            ..email
        });
        let replicas = Replicas {
            name: None,
            ..self.replicas.clone()
        };
        let said = format!(
            "{:?}",
            (
                (
                    self.mode,
                    &self.schedule,
                    sheets,
                    &self.aws,
                    &self.tags,
                    &self.authority
                ),
                (&self.limits, &self.belts, &self.discovery, prometheus, &self.rollouts),
                (&self.dual_key, email, replicas),
            )
        );
        let mut hasher = DefaultHasher::new();
        said.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}
