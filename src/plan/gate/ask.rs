//! What is asked for a gate: its queries and alarms with the rollout's values in them.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::gate::{Alarms, Gate, Kind, Lacking, Query, Slot, Template, Values};

/// The servers that a gate looks at.
#[derive(Clone, Copy, Debug)]
pub struct Cohorts<'a> {
    /// The channel's name.
    pub channel: &'a str,
    /// The version that it rolls out.
    pub version: &'a str,
    /// The version that it leaves, if there is one.
    pub former: Option<&'a str>,
    /// Whether this is the last wave, after which no server is left to compare with.
    pub last_wave: bool,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Nothing: there is nothing to compare with, and the gate does nothing else.
    LeftOut,
    /// Nothing, because that could give no data: why.
    NoData(String),
    /// Prometheus.
    Queries(Queries),
    /// CloudWatch, about the alarms of these names.
    Alarms(Vec<String>),
    /// Nobody: the fleet shows it.
    Nobody,
}

/// The queries of one reading, all for the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queries {
    /// The number.
    pub value: String,
    /// The same of the former version, if it is compared.
    pub former: Option<String>,
    /// How many samples the number is made of, if that matters.
    pub samples: Option<String>,
    /// The same of the former version.
    pub former_samples: Option<String>,
}

impl Queries {
    /// All of them, as they are sent.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let more = [&self.former, &self.samples, &self.former_samples];
        [Some(&self.value)]
            .into_iter()
            .chain(more.map(Option::as_ref))
            .flatten()
            .map(String::as_str)
    }
}

/// What is asked for a gate. `since` is when the wave settled, or until then the rollout's first move; `None` before that. What was
/// earlier says nothing about this wave.
#[must_use]
pub fn ask(gate: &Gate, cohorts: &Cohorts<'_>, since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Ask {
    match &gate.kind {
        Kind::Alarms(alarms) => ask_alarms(alarms, cohorts),
        Kind::Agents(_) => Ask::Nobody,
        Kind::Query(query) => {
            let former = cohorts.former.filter(|_| query.ratio.is_some() && !cohorts.last_wave);
            if former.is_none() && gate.only_compares() {
                return Ask::LeftOut;
            }
            ask_queries(query, cohorts, former, window(query.window, since, now))
        }
    }
}

fn ask_queries(query: &Query, cohorts: &Cohorts<'_>, former: Option<&str>, window: Result<Duration, u64>) -> Ask {
    let values = Values {
        channel: cohorts.channel,
        version: cohorts.version,
        previous: cohorts.former,
        window: window.ok(),
    };
    let before = former.map(|version| Values { version, ..values });
    let fill = |template: Option<&Template>, values: Option<&Values<'_>>| {
        template
            .zip(values)
            .map(|(template, values)| template.fill(values))
            .transpose()
    };
    let filled = || {
        Ok::<_, Lacking>(Queries {
            value: query.query.fill(&values)?,
            former: fill(Some(&query.query), before.as_ref())?,
            samples: fill(query.counted(), Some(&values))?,
            former_samples: fill(query.counted(), before.as_ref())?,
        })
    };
    match filled() {
        Ok(queries) => Ask::Queries(queries),
        Err(Lacking(Slot::Window)) => Ask::NoData(format!(
            "it looks back to when servers last passed, which is {} s ago, and needs {} s",
            window.err().unwrap_or_default(),
            Query::SHORTEST.as_secs()
        )),
        Err(lacking) => Ask::NoData(words(lacking)),
    }
}

fn ask_alarms(alarms: &Alarms, cohorts: &Cohorts<'_>) -> Ask {
    let values = Values {
        channel: cohorts.channel,
        version: cohorts.version,
        previous: cohorts.former,
        window: None,
    };
    let names: Result<BTreeSet<String>, Lacking> = alarms.names.iter().map(|name| name.fill(&values)).collect();
    match names {
        Ok(names) => Ask::Alarms(names.into_iter().collect()),
        Err(lacking) => Ask::NoData(words(lacking)),
    }
}

fn words(Lacking(slot): Lacking) -> String {
    format!("it asks for {{{{{}}}}}, and this rollout has none", slot.word())
}

/// How far back a query may look, or how many seconds that would be where they are too few.
fn window(whole: Duration, since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<Duration, u64> {
    let known = since.map_or(whole, |since| (now - since).to_std().unwrap_or_default());
    let seconds = whole.min(known).as_secs();
    let window = Duration::from_secs(seconds);
    if window < Query::SHORTEST {
        Err(seconds)
    } else {
        Ok(window)
    }
}
