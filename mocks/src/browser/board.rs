//! What the service said: its last passes, and each rollout with what its gates gave in each of them.
//!
//! It comes as the JSON that the service's own reports are, and is read as that.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::story::Happened;

/// Passes that are shown.
const PASSES: usize = 12;
/// Readings of a gate that are shown.
const READINGS: usize = 120;
/// Things that happened that are remembered.
const HAPPENED: usize = 2_000;
/// Events that end a rollout.
const ENDS: [&str; 4] = ["rollout_done", "auto_rollback", "rollback", "taken_back"];

/// A rollout as it went so far.
#[derive(Clone, Debug, Default)]
struct Course {
    /// As the last pass told it.
    last: Value,
    /// How it ended.
    ended: Option<String>,
    /// What gates gave, in order.
    gates: BTreeMap<String, VecDeque<Value>>,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Board {
    passes: VecDeque<Value>,
    count: u64,
    channels: Vec<Value>,
    problems: Vec<Value>,
    courses: BTreeMap<String, Course>,
    happened: VecDeque<Happened>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

impl Board {
    /// Notes a pass that ended; `why` says what kept it from its work.
    pub(super) fn note(&mut self, report: &Value, why: Option<&str>, at: DateTime<Utc>) {
        self.count += 1;
        let events = list(&report["events"]);
        self.happened.extend(events.iter().map(|event| Happened {
            channel: text(&event["channel"]),
            event: text(&event["event"]),
            from: text(&event["from"]),
            to: text(&event["to"]),
            detail: text(&event["detail"]),
        }));
        while self.happened.len() > HAPPENED {
            self.happened.pop_front();
        }
        self.passes.push_front(json!({
            "number": self.count,
            "at": at.timestamp_millis(),
            "outcome": report["outcome"],
            "ms": report["duration_ms"],
            "changed": report["changed"],
            "failed": report["failed"],
            "calls": report["calls"],
            "events": events,
            "why": why,
            "problems": list(&report["problems"]).len(),
        }));
        self.passes.truncate(PASSES);
        self.problems = list(&report["problems"]).to_vec();
        let channels = list(&report["channels"]);
        for channel in channels {
            self.follow(channel, events, at);
        }
        if !channels.is_empty() {
            self.channels = channels.iter().map(slim).collect();
        }
    }

    fn follow(&mut self, channel: &Value, events: &[Value], at: DateTime<Utc>) {
        let name = text(&channel["channel"]);
        let rollout = &channel["rollout"];
        if rollout.is_null() {
            if let Some(course) = self.courses.get_mut(&name).filter(|course| course.ended.is_none()) {
                let ended = events.iter().filter(|event| event["channel"] == channel["channel"]);
                let word = ended
                    .map(|event| text(&event["event"]))
                    .find(|word| ENDS.contains(&&**word));
                // A channel that the pass could not decide about has none, either, and its rollout goes on.
                course.ended = word;
            }
            return;
        }
        let course = self.courses.entry(name).or_default();
        let same = course.ended.is_none() && course.last["version"] == rollout["version"];
        if !same {
            *course = Course::default();
        }
        course.last = rollout.clone();
        for gate in list(&rollout["gates"]) {
            let readings = course.gates.entry(text(&gate["gate"])).or_default();
            readings.push_back(json!({
                "at": at.timestamp_millis(),
                "value": gate["value"],
                "compared": gate["compared"],
                "limit": gate["limit"],
                "reading": gate["reading"],
                "wave": rollout["wave"],
            }));
            if readings.len() > READINGS {
                readings.pop_front();
            }
        }
    }

    /// How many passes there were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// What happened, in order.
    pub(super) fn happened(&self) -> Vec<Happened> {
        self.happened.iter().cloned().collect()
    }

    /// The channels of the last pass that told any.
    pub(super) fn channels(&self) -> &[Value] {
        &self.channels
    }

    /// What the last pass said of a place, such as a region.
    pub(super) fn said_of(&self, place: &str) -> Option<String> {
        let names = |problem: &&Value| {
            let is = |field: &str| problem[field].as_str().is_some_and(|text| text.contains(place));
            problem["kind"] == "api_failure" && (is("where") || is("message"))
        };
        self.problems
            .iter()
            .find(names)
            .map(|problem| text(&problem["message"]))
    }

    /// The last passes as the page shows them.
    pub(super) fn shown_passes(&self) -> Value {
        json!({ "count": self.count, "list": self.passes, "problems": self.problems })
    }

    /// Channels and rollouts as the page shows them.
    pub(super) fn shown_rollouts(&self) -> Value {
        let courses: BTreeMap<&String, Value> = self
            .courses
            .iter()
            .map(|(name, course)| {
                (
                    name,
                    json!({ "last": course.last, "ended": course.ended, "gates": course.gates }),
                )
            })
            .collect();
        json!({ "channels": self.channels, "courses": courses })
    }
}

/// A channel without what is shown elsewhere.
fn slim(channel: &Value) -> Value {
    let mut channel = channel.clone();
    if let Some(channel) = channel.as_object_mut() {
        for field in ["moved", "left_behind", "rollout"] {
            channel.remove(field);
        }
    }
    channel
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rollout: Value, events: Value) -> Value {
        json!({
            "outcome": "done", "duration_ms": 5, "events": events, "problems": [],
            "channels": [{ "channel": "api-prod", "status": "x", "rollout": rollout }],
        })
    }

    #[test]
    fn a_rollout_is_followed_to_its_end() {
        let mut board = Board::default();
        let gate = |value: f64| json!([{ "gate": "errors", "value": value, "limit": 0.02, "reading": "pass" }]);
        for value in [0.1, 0.2] {
            let rollout = json!({ "version": "2", "wave": 1, "gates": gate(value) });
            board.note(&report(rollout, json!([])), None, DateTime::UNIX_EPOCH);
        }
        board.note(&report(Value::Null, json!([])), None, DateTime::UNIX_EPOCH);
        let shown = board.shown_rollouts();
        assert_eq!(shown["courses"]["api-prod"]["ended"], Value::Null);
        let end = json!([{ "event": "rollout_done", "channel": "api-prod", "from": "1", "to": "2", "detail": "" }]);
        board.note(&report(Value::Null, end), None, DateTime::UNIX_EPOCH);
        let shown = board.shown_rollouts();
        assert_eq!(shown["courses"]["api-prod"]["ended"], "rollout_done");
        assert_eq!(list(&shown["courses"]["api-prod"]["gates"]["errors"]).len(), 2);
        let next = json!({ "version": "3", "wave": 1, "gates": gate(0.3) });
        board.note(&report(next, json!([])), None, DateTime::UNIX_EPOCH);
        let shown = board.shown_rollouts();
        assert_eq!(list(&shown["courses"]["api-prod"]["gates"]["errors"]).len(), 1);
        assert_eq!((board.count(), board.happened().len()), (5, 1));
    }
}
