//! The guided story: what to do next, and whether it is done. That is read off the world, never off clicks, so whoever does
//! things in another order, in another terminal or with other buttons gets the same ticks.

use serde_json::{Value, json};

use crate::sandbox::{BAD_VERSION, REGIONS};

/// The channel of the waves.
pub(super) const CHANNEL: &str = "api-prod";
/// The version that does well.
pub(super) const GOOD_VERSION: &str = "8.4.0";
/// The channel that is taken back by a tick.
pub(super) const TAKEN_BACK: &str = "web-prod";
/// The channel whose key holds a number from the beginning.
pub(super) const NUMBER: &str = "search-prod";
/// The region that goes away.
pub(super) const REGION: &str = REGIONS[1];

/// A step: a name for it, what to do, and who does it.
struct Step {
    name: &'static str,
    title: &'static str,
    todo: &'static str,
    who: &'static str,
}

const STEPS: [Step; 9] = [
    Step {
        name: "key_a",
        title: "Turn key A",
        todo: "You are the SRE. In ReleaseSheet, type 8.4.0 into desiredVersionA of api-prod. (desiredVersionB is not yours: try it.)",
        who: "sre",
    },
    Step {
        name: "key_b",
        title: "Turn key B",
        todo: "Switch to the release manager and type 8.4.0 into desiredVersionB of api-prod. The next pass starts the rollout.",
        who: "manager",
    },
    Step {
        name: "waves",
        title: "Watch the waves",
        todo: "Nothing to do: a few servers first, then more. Each wave bakes for some seconds, and its gates must pass.",
        who: "",
    },
    Step {
        name: "bad",
        title: "Release a bad version",
        todo: "Type 8.5.0 into desiredVersionA as the SRE and into desiredVersionB as the release manager. It makes errors: see its gates.",
        who: "sre",
    },
    Step {
        name: "rollback",
        title: "Roll back by hand",
        todo: "Tick rollback of web-prod. One person of either group is enough, and all its servers go back at once.",
        who: "sre",
    },
    Step {
        name: "typed_over",
        title: "Type over a cell of the service",
        todo: "Only the owner gets past the protection: as the owner, type 9.9.9 into releaseVersion of api-staging.",
        who: "owner",
    },
    Step {
        name: "number",
        title: "Paste a number as a version",
        todo: "As the SRE, copy desiredVersionA of search-prod, which is the number 1.1, and paste it into desiredVersionA of billing-prod.",
        who: "sre",
    },
    Step {
        name: "terminated",
        title: "Terminate a server",
        todo: "Choose a dot of the fleet and terminate that server. Its row stays, and says so.",
        who: "",
    },
    Step {
        name: "region",
        title: "Take a region away and back",
        todo: "Switch on \u{201c}Region us-east-1 is away\u{201d}, see a pass do without it, and switch it off again.",
        who: "",
    },
];

/// Something that a pass said happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Happened {
    pub(super) channel: String,
    pub(super) event: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) detail: String,
}

/// The world as far as the story goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// What key A of the channel holds.
    pub(super) key_a: String,
    /// What key B holds.
    pub(super) key_b: String,
    /// The release of the channel.
    pub(super) release: String,
    /// Its status.
    pub(super) status: String,
    /// The status of the channel that is taken back.
    pub(super) other_status: String,
    /// All that passes said happened since the beginning.
    pub(super) happened: Vec<Happened>,
    /// Statuses of channels that wait for a number to be typed again as text, but for the one that does so from the beginning.
    pub(super) numbers: Vec<String>,
    /// How many rows say that their server ended.
    pub(super) ended: usize,
    /// Whether the region is away.
    pub(super) away: bool,
    /// What the last pass said of the region.
    pub(super) unanswered: Option<String>,
    /// How many passes there were.
    pub(super) passes: u64,
}

/// How far somebody is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// What had just happened when each step was done.
    pub(super) done: Vec<String>,
    /// How many rows of ended servers there were when that step began.
    ended: Option<usize>,
    /// What a pass said while the region was away, and how many passes there were by then.
    away: Option<(String, u64)>,
}

impl Progress {
    /// The progress once the world is so.
    pub(super) fn next(mut self, facts: &Facts) -> Self {
        while let Some(step) = STEPS.get(self.done.len()) {
            if step.name == "terminated" && self.ended.is_none() {
                self.ended = Some(facts.ended);
            }
            if step.name == "region"
                && facts.away
                && let Some(said) = &facts.unanswered
            {
                self.away = Some((said.clone(), facts.passes));
            }
            match self.outcome(step.name, facts) {
                Some(said) => self.done.push(said),
                None => break,
            }
        }
        self
    }

    /// What just happened, if the step is done.
    fn outcome(&self, step: &str, facts: &Facts) -> Option<String> {
        let event = |event: &str, channel: &str, fits: &dyn Fn(&Happened) -> bool| {
            let mut all = facts.happened.iter();
            all.find(|it| it.event == event && (channel.is_empty() || it.channel == channel) && fits(it))
        };
        let released = |it: &Happened| it.to == GOOD_VERSION;
        match step {
            "key_a" => (facts.key_a == GOOD_VERSION || event("promotion", CHANNEL, &released).is_some())
                .then(|| "One key moves nothing: the status asks for the other one.".to_owned()),
            "key_b" => event("promotion", CHANNEL, &released).map(|it| {
                format!("Both keys agree: {CHANNEL} went from {} to {}, a first few servers only.", it.from, it.to)
            }),
            "waves" => event("rollout_done", CHANNEL, &released).map(|_| {
                format!("Every wave passed its gates: all of {CHANNEL} carries {GOOD_VERSION}. It was mailed once, with a table.")
            }),
            "bad" => event("auto_rollback", CHANNEL, &|it| it.from == BAD_VERSION).map(|it| {
                format!("A gate failed, so it went back to {} by itself, and both keys are spent. Its status tells the numbers.", it.to)
            }),
            "rollback" => event("rollback", TAKEN_BACK, &|_| true).map(|it| {
                format!(
                    "One tick, one step back: {} to {}, without waves and however many passes follow. Untick it to release again.",
                    it.from, it.to
                )
            }),
            "typed_over" => event("unauthorised_edit", "", &|_| true)
                .map(|it| format!("The cell was put back, both keys of {} are spent, and it was mailed.", it.channel)),
            "number" => facts
                .numbers
                .first()
                .map(|status| format!("1.10 and 1.1 are the same number, so numbers are refused: {status}")),
            "terminated" => self
                .ended
                .filter(|before| facts.ended > *before)
                .map(|_| "The row says terminated. It counts no more, and nobody has to hurry to delete it.".to_owned()),
            "region" => {
                let (said, passes) = self.away.as_ref()?;
                (!facts.away && facts.unanswered.is_none() && facts.passes > *passes).then(|| {
                    format!("While it was away: {said} The others went on; now its servers are seen again. That was the story.")
                })
            }
            _ => None,
        }
    }

    /// What the page shows.
    pub(super) fn shown(&self, facts: &Facts) -> Value {
        let steps = STEPS.iter().enumerate().map(|(at, step)| {
            json!({
                "name": step.name,
                "title": step.title,
                "todo": step.todo,
                "who": step.who,
                "happened": self.done.get(at),
                "now": at == self.done.len(),
            })
        });
        let steps: Vec<Value> = steps.collect();
        let status = match STEPS.get(self.done.len()).map(|step| step.name) {
            Some("key_a" | "key_b" | "waves" | "bad") => format!("{CHANNEL} says: {}", facts.status),
            Some("rollback") => format!("{TAKEN_BACK} says: {}", facts.other_status),
            Some("region") if self.away.is_some() => "Seen. Now bring it back.".to_owned(),
            _ => String::new(),
        };
        json!({ "steps": steps, "done": self.done.len(), "status": status })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event: &str, channel: &str, from: &str, to: &str) -> Happened {
        Happened {
            channel: channel.to_owned(),
            event: event.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            detail: "errors 0.07 > 0.02".to_owned(),
        }
    }

    fn done(progress: &Progress) -> usize {
        progress.done.len()
    }

    #[test]
    fn each_step_is_read_off_the_world() {
        let mut facts = Facts {
            ended: 1,
            ..Facts::default()
        };
        let mut progress = Progress::default().next(&facts);
        assert_eq!(done(&progress), 0);
        let mut step = |facts: &Facts, so_far: usize| {
            progress = std::mem::take(&mut progress).next(facts);
            assert_eq!(done(&progress), so_far, "{progress:?}");
        };
        facts.key_a = "8.3.0".to_owned();
        step(&facts, 0);
        facts.key_a = GOOD_VERSION.to_owned();
        step(&facts, 1);
        facts.happened.push(event("promotion", CHANNEL, "8.2.1", "8.3.0"));
        step(&facts, 1);
        facts.happened.push(event("promotion", CHANNEL, "8.2.1", GOOD_VERSION));
        step(&facts, 2);
        facts.release = GOOD_VERSION.to_owned();
        step(&facts, 2);
        facts
            .happened
            .push(event("rollout_done", CHANNEL, "8.2.1", GOOD_VERSION));
        step(&facts, 3);
        facts
            .happened
            .push(event("auto_rollback", CHANNEL, BAD_VERSION, GOOD_VERSION));
        step(&facts, 4);
        facts.happened.push(event("rollback", "worker-prod", "5.2.0", "5.1.3"));
        step(&facts, 4);
        facts.happened.push(event("rollback", TAKEN_BACK, "2.4.0", "2.3.9"));
        step(&facts, 5);
        facts.happened.push(event("unauthorised_edit", "api-staging", "", ""));
        step(&facts, 6);
        facts
            .numbers
            .push("error: ReleaseSheet!B6 holds the number 1.1".to_owned());
        step(&facts, 7);
        facts.ended = 2;
        step(&facts, 8);
        facts.away = true;
        step(&facts, 8);
        (facts.unanswered, facts.passes) = (Some("us-east-1 does not answer.".to_owned()), 40);
        step(&facts, 8);
        facts.away = false;
        step(&facts, 8);
        (facts.unanswered, facts.passes) = (None, 41);
        step(&facts, 9);
        step(&Facts::default(), 9);
    }

    #[test]
    fn a_region_that_never_went_away_did_not_come_back() {
        let before = Progress {
            done: vec![String::new(); 8],
            ..Progress::default()
        };
        let facts = Facts {
            passes: 5,
            ..Facts::default()
        };
        assert_eq!(done(&before.clone().next(&facts)), 8);
        let shown = before.shown(&facts);
        assert_eq!(shown["steps"].as_array().map(Vec::len), Some(9));
        assert_eq!(shown["steps"][8]["now"], true);
    }
}
