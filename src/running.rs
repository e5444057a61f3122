//! What servers say they run: the two tags that the agent on a server writes, as the fleet shows them.
//!
//! A tag's value is somebody else's text. What an agent does not write is unreadable, and says nothing.

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet_words::report::{Report, State};
use fleetsheet_words::{keys, version};

use crate::fleet::Server;
use crate::tag::TagKey;

/// What an agent writes for the version where it runs none.
const NONE: &str = "none";
/// What stands in the place of a value that no agent wrote.
const UNREADABLE: &str = "unreadable";

/// The tags that agents write, and when one counts as silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentTags {
    /// Key of the tag that names what runs.
    pub running: TagKey,
    /// Key of the tag that says how it stands.
    pub agent: TagKey,
    /// An agent without a word for so long is silent.
    pub silent_after: TimeDelta,
}

impl Default for AgentTags {
    fn default() -> Self {
        Self {
            running: keys::RUNNING.into(),
            agent: keys::AGENT.into(),
            silent_after: TimeDelta::hours(13),
        }
    }
}

/// A tag's value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value<T> {
    /// The server does not carry it.
    Absent,
    /// No agent wrote that.
    Unreadable,
    /// What it says.
    Is(T),
}

/// What the agent of a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running<'a> {
    /// The version that runs; an empty text for none.
    version: Value<&'a str>,
    report: Value<Report>,
    silent: bool,
}

impl AgentTags {
    /// What the agent of a server says; `None` where nothing shows that it has one.
    #[must_use]
    pub fn read<'a>(&self, server: &'a Server, now: DateTime<Utc>) -> Option<Running<'a>> {
        let (runs, said) = (server.tag(&self.running), server.tag(&self.agent));
        if runs.is_none() && said.is_none() {
            return None;
        }
        let version = runs.map_or(Value::Absent, |text| match &**text {
            NONE => Value::Is(""),
            text => version(text).map_or(Value::Unreadable, Value::Is),
        });
        let report = said.map_or(Value::Absent, |text| {
            Report::parse(text).map_or(Value::Unreadable, Value::Is)
        });
        let silent = matches!(&report, Value::Is(report) if now - report.at >= self.silent_after);
        Some(Running {
            version,
            report,
            silent,
        })
    }
}

impl Running<'_> {
    const fn report(&self) -> Option<&Report> {
        match &self.report {
            Value::Is(report) => Some(report),
            Value::Absent | Value::Unreadable => None,
        }
    }

    /// Whether it runs a version, by a report that is readable and not too old.
    #[must_use]
    pub fn runs(&self, version: &str) -> bool {
        self.report().is_some() && !self.silent && self.version == Value::Is(version)
    }

    /// Whether it says that this version is in trouble there.
    #[must_use]
    pub fn is_in_trouble(&self, version: &str) -> bool {
        self.report().is_some_and(|report| match report.state {
            State::Quarantined => report.names(version),
            State::Failed | State::Refused | State::Unhealthy | State::Broken => true,
            _ => false,
        })
    }

    /// Whether there was no word for too long.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        self.silent
    }

    /// Its word: what it says, without when. The same word with another time is a heartbeat.
    #[must_use]
    pub fn word(&self) -> Option<String> {
        self.report().map(Report::said)
    }

    /// What is said of it in a cell: `2.3.9 · quarantined 2.4.0: health site 502`. It changes only with what the agent says, and once
    /// when it falls silent.
    #[must_use]
    pub fn words(&self) -> String {
        let version = match self.version {
            Value::Is("") => NONE,
            Value::Is(version) => version,
            Value::Unreadable => UNREADABLE,
            Value::Absent => "no version",
        };
        let mut words = vec![version.to_owned()];
        match &self.report {
            Value::Is(report) => {
                if report.said() != State::Ok.word() {
                    words.push(report.said());
                }
                if self.silent {
                    words.push(format!("silent since {}", report.at.format("%Y-%m-%d %H:%M UTC")));
                }
            }
            Value::Unreadable => words.push(format!("{UNREADABLE} report")),
            Value::Absent => words.push("no report".to_owned()),
        }
        words.join(" · ")
    }
}
