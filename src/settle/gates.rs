//! Gates that gave no data because whoever was asked did not answer, or answered with an error: a problem for each channel.

use std::collections::BTreeMap;

use crate::gate::Readings;
use crate::problem::{Code, Kind, Problem};

/// One problem for each channel, with the gates and why.
pub(super) fn unanswered(readings: &Readings) -> impl Iterator<Item = Problem> {
    readings.0.iter().filter_map(|(channel, gates)| {
        let mut causes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, taken) in gates.iter().filter(|(_, taken)| taken.reading.unanswered) {
            causes.entry(&taken.reading.why).or_default().push(name);
        }
        let words: Vec<String> = causes
            .into_iter()
            .map(|(why, gates)| format!("no answer for gate {}: {why}", gates.join(", ")))
            .collect();
        let message = format!("{channel}: {}", words.join(", and "));
        (!words.is_empty()).then(|| Problem::new(Kind::Gate, Code::GateSource, channel.to_string(), message))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{Reading, Taken};

    #[test]
    fn gates_with_one_cause_are_told_together_and_those_that_answered_not_at_all() {
        let taken = |why: &str, unanswered| Taken {
            reading: Reading {
                unanswered,
                ..Reading::no_data(why)
            },
            asked: Vec::new(),
            left_out: false,
        };
        let gates = [
            ("errors", taken("Prometheus is not reachable", true)),
            ("latency", taken("Prometheus is not reachable", true)),
            ("alarms", taken("main/eu-west-1 refuses", true)),
            ("quiet", taken("no series", false)),
        ];
        let gates: BTreeMap<String, Taken> = gates.map(|(name, taken)| (name.to_owned(), taken)).into();
        let fine = BTreeMap::from([("quiet".to_owned(), taken("no series", false))]);
        let readings = Readings([("web".into(), gates), ("db".into(), fine)].into());
        let problems: Vec<Problem> = unanswered(&readings).collect();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(
            (problems[0].kind, problems[0].code, &*problems[0].place),
            (Kind::Gate, Code::GateSource, "web")
        );
        assert_eq!(
            problems[0].message,
            "web: no answer for gate errors, latency: Prometheus is not reachable, and no answer for gate alarms: main/eu-west-1 refuses"
        );
    }
}
