//! What a gate looks at and how it judges, as a configuration defines it.

use std::time::Duration;

use super::template::{Slot, Template};
use crate::fleet::Source;

/// A gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Its name.
    pub name: String,
    /// What it looks at.
    pub kind: Kind,
    /// So many passes in a row end a wave.
    pub passes: u32,
    /// After so many failures in a row it has failed.
    pub failures: u32,
    /// Readings within this time are one.
    pub interval: Duration,
    /// Whether it is shown and decides nothing.
    pub report_only: bool,
}

/// What a gate looks at.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A number that Prometheus knows.
    Query(Query),
    /// Alarms of CloudWatch.
    Alarms(Alarms),
    /// What the agents on members say they run.
    Agents(Agents),
}

/// A query of Prometheus and its limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The query.
    pub query: Template,
    /// The least that passes.
    pub min: Option<f64>,
    /// The most that passes.
    pub max: Option<f64>,
    /// How many times what the former version gives still passes.
    pub ratio: Option<f64>,
    /// What is added to that.
    pub slack: f64,
    /// How many samples the number is made of.
    pub samples: Option<Template>,
    /// How many it takes.
    pub min_samples: Option<f64>,
    /// How far back `{{window}}` looks.
    pub window: Duration,
}

/// Alarms of CloudWatch.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarms {
    /// Their names.
    pub names: Vec<Template>,
    /// Where they are.
    pub source: Source,
    /// Whether an alarm that is `OK` because missing data counts as good is believed.
    pub trust_missing: bool,
}

/// What the agents on a rollout's members must say.
#[derive(Clone, Debug, PartialEq)]
pub struct Agents {
    /// The least share of them that runs the version without trouble.
    pub min_running: f64,
    /// The largest share of them that may have come to trouble with it.
    pub max_bad: f64,
}

/// A key of a gate that is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The key.
    pub key: &'static str,
    /// What is wrong and the fix, to follow the key's name.
    pub why: String,
}

impl Gate {
    /// Whether what it looks at depends on the version: one that does not can fail before a rollout starts.
    #[must_use]
    pub fn is_of_a_version(&self) -> bool {
        match &self.kind {
            Kind::Query(query) => query.templates().any(|template| template.uses(Slot::Version)),
            Kind::Alarms(alarms) => alarms.names.iter().any(|name| name.uses(Slot::Version)),
            Kind::Agents(_) => true,
        }
    }

    /// Whether somebody is asked. What agents say stands in the tags of their servers, which are read anyway.
    #[must_use]
    pub const fn is_asked(&self) -> bool {
        !matches!(self.kind, Kind::Agents(_))
    }

    /// Whether its failure may take a release back. An agent's word only stops a rollout.
    #[must_use]
    pub const fn may_take_back(&self) -> bool {
        !matches!(self.kind, Kind::Agents(_))
    }

    /// Whether it looks at nothing but how the new version compares with the former one: where there is nothing to compare it is left
    /// out.
    #[must_use]
    pub const fn only_compares(&self) -> bool {
        match &self.kind {
            Kind::Query(query) => query.ratio.is_some() && query.min.is_none() && query.max.is_none(),
            Kind::Alarms(_) | Kind::Agents(_) => false,
        }
    }
}

impl Query {
    /// The shortest time that can be looked back.
    pub const SHORTEST: Duration = Duration::from_secs(10);

    /// The templates that are asked.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        [Some(&self.query), self.counted()].into_iter().flatten()
    }

    /// How the samples are counted, where that matters.
    #[must_use]
    pub(crate) const fn counted(&self) -> Option<&Template> {
        match (&self.samples, self.min_samples) {
            (Some(samples), Some(_)) => Some(samples),
            _ => None,
        }
    }

    /// Keys that do not fit together, each with its fix.
    #[must_use]
    pub fn wrongs(&self) -> Vec<Wrong> {
        let mut wrongs = Vec::new();
        let mut wrong = |key, why: &str| {
            wrongs.push(Wrong {
                key,
                why: why.to_owned(),
            });
        };
        let numbers = [
            ("min", self.min),
            ("max", self.max),
            ("ratio", self.ratio),
            ("slack", Some(self.slack)),
            ("min_samples", self.min_samples),
        ];
        for (key, _) in numbers
            .iter()
            .filter(|(_, number)| number.is_some_and(|number| !number.is_finite()))
        {
            wrong(key, "is not a number; write one");
        }
        if self.min.is_none() && self.max.is_none() && self.ratio.is_none() {
            wrong("query", "has no limit, so it could never fail; set max, min or ratio");
        }
        if let (Some(min), Some(max)) = (self.min, self.max)
            && min > max
        {
            wrong(
                "min",
                "is more than max, so it could never pass; write the smaller number in min",
            );
        }
        if self.ratio.is_some_and(|ratio| ratio <= 0.0) {
            wrong(
                "ratio",
                "is not more than 0; write how many times the former value passes, such as 1.2",
            );
        }
        if self.slack < 0.0 {
            wrong(
                "slack",
                "is less than 0; write what is added to the former value times ratio",
            );
        }
        if self.ratio.is_some() && !self.query.uses(Slot::Version) {
            wrong(
                "ratio",
                "compares two versions, and the query has no {{version}}, so it would compare a number with itself; write {{version}} in the query or take ratio out",
            );
        }
        if self.min_samples.is_some() && self.samples.is_none() {
            wrong(
                "min_samples",
                "has no samples to count; write their query in samples or take min_samples out",
            );
        }
        if self.window < Self::SHORTEST && self.templates().any(|template| template.uses(Slot::Window)) {
            wrong(
                "window",
                "is shorter than 10s, so it would never have data; write a longer one",
            );
        }
        wrongs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(change: impl FnOnce(&mut Query)) -> Query {
        let mut query = Query {
            query: Template::query("errors{version=\"{{version}}\"}[{{window}}]").unwrap(),
            min: None,
            max: Some(0.01),
            ratio: None,
            slack: 0.0,
            samples: None,
            min_samples: None,
            window: Duration::from_secs(300),
        };
        change(&mut query);
        query
    }

    #[test]
    fn keys_that_do_not_fit_together_are_refused() {
        let up = || Template::query("up").unwrap();
        assert_eq!(query(|_| ()).wrongs(), []);
        assert_eq!(query(|it| it.ratio = Some(1.2)).wrongs(), []);
        let cases: [(&str, Query); 12] = [
            ("query", query(|it| it.max = None)),
            ("max", query(|it| it.max = Some(f64::NAN))),
            ("slack", query(|it| it.slack = f64::INFINITY)),
            ("min", query(|it| it.min = Some(0.02))),
            ("ratio", query(|it| it.ratio = Some(0.0))),
            ("ratio", query(|it| it.ratio = Some(-1.0))),
            ("slack", query(|it| it.slack = -0.1)),
            ("min_samples", query(|it| it.min_samples = Some(10.0))),
            ("window", query(|it| it.window = Duration::from_secs(9))),
            ("ratio", query(|it| (it.query, it.ratio) = (up(), Some(1.0)))),
            // The version must be in the query itself.
            (
                "ratio",
                query(|it| (it.samples, it.query, it.ratio) = (Some(it.query.clone()), up(), Some(1.0))),
            ),
            (
                "min_samples",
                query(|it| (it.samples, it.min_samples) = (Some(up()), Some(f64::NEG_INFINITY))),
            ),
        ];
        for (key, query) in cases {
            let wrongs = query.wrongs();
            let [wrong] = &wrongs[..] else {
                panic!("{key}: {wrongs:?}")
            };
            assert_eq!(wrong.key, key, "{wrong:?}");
            assert!(wrong.why.contains("; "), "no fix: {wrong:?}");
        }
        // A window that nobody looks at may be short.
        assert_eq!(query(|it| (it.query, it.window) = (up(), Duration::ZERO)).wrongs(), []);
        // All of them are told at once.
        assert_eq!(query(|it| (it.slack, it.min) = (-1.0, Some(1.0))).wrongs().len(), 2);
    }
}
