//! An alarm of CloudWatch: what it looks at, and what it says of itself.

use std::collections::BTreeMap;

/// What an alarm looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlarmKind {
    /// A metric.
    Metric,
    /// Other alarms.
    Composite,
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// What it looks at.
    pub kind: AlarmKind,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// `PARTIAL_DATA` and its like, if it could not be evaluated wholly.
    pub evaluation: Option<String>,
    /// How it treats missing data: `missing` unless it says something else.
    pub missing: Option<String>,
    /// Whether it acts when its state changes.
    pub actions: bool,
}

impl Alarm {
    /// An alarm of a metric in this state.
    #[must_use]
    pub fn metric(state: &str) -> Self {
        Self {
            kind: AlarmKind::Metric,
            state: state.to_owned(),
            evaluation: None,
            missing: None,
            actions: true,
        }
    }

    /// An alarm of other alarms in this state.
    #[must_use]
    pub fn composite(state: &str) -> Self {
        Self {
            kind: AlarmKind::Composite,
            ..Self::metric(state)
        }
    }
}

/// Alarms by account, region and name.
pub(crate) type World = BTreeMap<(String, String), BTreeMap<String, Alarm>>;
