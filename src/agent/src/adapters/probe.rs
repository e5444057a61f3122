//! Health checks.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use serde::Serialize;

use crate::adapters::exec::Program;
use crate::adapters::http::{Silence, ask};
use crate::adapters::systemd;
use crate::cookbook::{Check, Probe};

/// What a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Result3 {
    /// It is well.
    Pass,
    /// It is not.
    Fail,
    /// Nobody knows; never a pass.
    Unknown,
}

/// A check that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Made {
    /// Its name.
    pub id: String,
    /// What it says.
    pub result: Result3,
    /// In a few words.
    pub message: String,
}

const ONE: Duration = Duration::from_secs(5);

/// Makes a check once.
#[must_use]
pub fn make(check: &Check) -> Made {
    let (result, message) = match &check.probe {
        Probe::Http { url, status, contains } => match ask("GET", url, &[], None, ONE) {
            Err(Silence::Late) => (Result3::Unknown, "no answer in time".into()),
            Err(Silence::Other(why)) => (Result3::Fail, why),
            Ok(answer) if answer.status != *status => (Result3::Fail, answer.status.to_string()),
            Ok(answer) => match contains {
                Some(text) if !answer.body.contains(text.as_str()) => (Result3::Fail, "without the text".into()),
                _ => (Result3::Pass, answer.status.to_string()),
            },
        },
        Probe::Tcp(address) => match address.to_socket_addrs().ok().and_then(|mut found| found.next()) {
            None => (Result3::Unknown, "no such host".into()),
            Some(address) => match TcpStream::connect_timeout(&address, ONE) {
                Ok(_) => (Result3::Pass, "open".into()),
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                    (Result3::Unknown, "no answer in time".into())
                }
                Err(error) => (Result3::Fail, error.kind().to_string()),
            },
        },
        Probe::Command(argv) => {
            let (program, arguments) = argv
                .split_first()
                .map_or(("/bin/false", &[][..]), |(program, rest)| (program.as_str(), rest));
            let ended = Program::new(program, arguments, ONE * 6).run();
            match (ended.is_well(), ended.late) {
                (true, _) => (Result3::Pass, "exit 0".into()),
                (_, true) => (Result3::Unknown, "took too long".into()),
                _ => (
                    Result3::Fail,
                    ended
                        .code
                        .map_or_else(|| "killed".into(), |code| format!("exit {code}")),
                ),
            }
        }
        Probe::Service(unit) => {
            let fact = systemd::fact(unit);
            let result = if fact.is_up() { Result3::Pass } else { Result3::Fail };
            (result, if fact.known { fact.active } else { "not there".into() })
        }
    };
    Made {
        id: check.id.clone(),
        result,
        message,
    }
}
