//! What gates gave in a pass.

use std::collections::BTreeMap;

use super::answer::Verdict;
use crate::tag::ChannelName;

/// What a gate gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// In a word.
    pub verdict: Verdict,
    /// The number.
    pub value: Option<f64>,
    /// The number of the former version, if it is compared.
    pub compared: Option<f64>,
    /// The limit that decided: the one that the number is beyond, else the one above it, else the one below.
    pub limit: Option<f64>,
    /// How many samples the number is made of, if that matters.
    pub samples: Option<f64>,
    /// What failed (`0.031 > 0.01`), or why there is no data; blank for a pass.
    pub why: String,
    /// Whether the source did not answer, or answered with an error.
    pub unanswered: bool,
}

impl Reading {
    /// No data, and why.
    #[must_use]
    pub fn no_data(why: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::NoData,
            value: None,
            compared: None,
            limit: None,
            samples: None,
            why: why.into(),
            unanswered: false,
        }
    }
}

/// What a gate gave in this pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The reading.
    pub reading: Reading,
    /// What was asked, as it was sent.
    pub asked: Vec<String>,
    /// Whether the gate is left out, because there is nothing to compare with.
    pub left_out: bool,
}

/// The readings of a pass, by channel and gate. A gate that is not among them was not asked, which is no data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings(pub BTreeMap<ChannelName, BTreeMap<String, Taken>>);

/// No gate was asked.
static NONE: Readings = Readings(BTreeMap::new());

impl Readings {
    /// Those of a pass that asks no gate.
    #[must_use]
    pub fn none() -> &'static Self {
        &NONE
    }

    /// What the gates of a channel gave.
    #[must_use]
    pub fn of(&self, channel: &ChannelName) -> Option<&BTreeMap<String, Taken>> {
        self.0.get(channel)
    }
}
