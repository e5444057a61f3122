//! What the sources of gates answer, and the two small traits that ask them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::fleet::Source;

/// What a gate gave, the better first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It lets the rollout go on.
    Pass,
    /// It says nothing: never good, never bad.
    NoData,
    /// It speaks against the version.
    Fail,
}

impl Verdict {
    /// The words that people read.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::NoData => "no data",
            Self::Fail => "fail",
        }
    }
}

/// A source that did not answer, or answered with an error: one line, with what to do about it where we know. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(pub String);

/// What Prometheus answers to an instant query.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A scalar, or a vector of one; it may be infinite or not a number.
    Number(f64),
    /// A vector without any.
    Nothing,
    /// A vector of several.
    Several(usize),
    /// Something that is not a number, in words: `a matrix`.
    Other(&'static str),
    /// An answer that does not know all, by Prometheus's own words.
    Partial(String),
    /// None.
    Failed(Unanswered),
}

/// What an alarm says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmState {
    /// `OK`
    Ok,
    /// `ALARM`
    Alarm,
    /// `INSUFFICIENT_DATA`, or a word that we do not know.
    Insufficient,
}

/// One alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: AlarmState,
    /// What CloudWatch says if it could not evaluate the alarm wholly: `PARTIAL_DATA`.
    pub impaired: Option<String>,
    /// How it treats missing data, if that keeps it `OK`: `notBreaching` or `ignore`.
    pub lenient: Option<String>,
}

/// Answers queries.
#[async_trait]
pub trait QuerySource: Send + Sync {
    /// One request, no retry: the value of a query at a time.
    async fn query(&self, query: &str, at: DateTime<Utc>) -> Answer;
}

/// Knows alarms.
#[async_trait]
pub trait AlarmSource: Send + Sync {
    /// The alarms of an account's region that have these names; those that it does not know are left out.
    ///
    /// # Errors
    /// Not all could be read.
    async fn alarms(&self, source: &Source, names: &[String]) -> Result<Vec<Alarm>, Unanswered>;
}

/// What the gates of a pass are asked with.
#[derive(Clone, Copy)]
pub struct GateClients<'a> {
    /// Prometheus, if the configuration names one.
    pub queries: Option<&'a dyn QuerySource>,
    /// CloudWatch.
    pub alarms: Option<&'a dyn AlarmSource>,
}
