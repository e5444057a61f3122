//! Several instances over a real PostgreSQL: what the store keeps, who may change it, and what becomes of passes that are killed,
//! stopped, cut off or overtaken.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod cluster;
mod copy;
mod lease;
mod network;
mod passes;
mod proxy;
mod replicas;
mod rows;
mod stops;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use cluster::Cluster;
use fleetsheet::adapters::postgres::{Address, Tls};
use fleetsheet::adapters::stores::{Held, Place, Refused, Terms};

/// A database of a test's own, on the server that all tests share. `None` where there is no PostgreSQL, which is said.
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) port: u16,
    cluster: &'static Cluster,
}

impl Database {
    pub(crate) fn new(name: &str) -> Option<Self> {
        let cluster = cluster::shared()?;
        let name = format!("t_{name}_{}", std::process::id());
        cluster.psql("postgres", &format!("CREATE DATABASE {name}"));
        Some(Self {
            name,
            port: cluster.port(),
            cluster,
        })
    }

    /// The same, in which the service's user may make its store.
    pub(crate) fn ready(name: &str) -> Option<Self> {
        let database = Self::new(name)?;
        database.sql(&format!("GRANT CREATE ON DATABASE {} TO fleetsheet", database.name));
        Some(database)
    }

    /// Runs statements as the server's owner, and gives what they print.
    pub(crate) fn sql(&self, statements: &str) -> String {
        self.cluster.psql(&self.name, statements)
    }

    /// As `state.url` says it.
    pub(crate) fn url(&self) -> String {
        self.url_at(self.port)
    }

    pub(crate) fn url_at(&self, port: u16) -> String {
        format!("postgres://fleetsheet@127.0.0.1:{port}/{}?sslmode=disable", self.name)
    }

    pub(crate) fn address(&self) -> Address {
        Address {
            host: "127.0.0.1".into(),
            port: self.port,
            user: "fleetsheet".into(),
            database: self.name.clone(),
            schema: "fleetsheet".into(),
            tls: Tls::None,
            password: None,
            password_file: None,
        }
    }

    pub(crate) fn place(&self) -> Place {
        Place::Database(Box::new(self.address()))
    }

    /// Takes the lease for `length` under the name `instance`.
    pub(crate) async fn hold(
        &self,
        instance: &str,
        tick: Option<DateTime<Utc>>,
        length: Duration,
    ) -> Result<Held, Refused> {
        let terms = Terms {
            instance: instance.into(),
            ..terms(length)
        };
        self.place().hold("pass", tick, &terms, now()).await
    }
}

pub(crate) fn terms(length: Duration) -> Terms {
    Terms {
        instance: "test".into(),
        length,
        call: length / 2,
        config: "same".into(),
    }
}

pub(crate) fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

pub(crate) fn broken<T>(result: Result<T, Refused>) -> String {
    match result {
        Err(Refused::Broken(error)) => error.to_string(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was opened"),
    }
}
