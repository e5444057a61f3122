//! What a pass says at its end: one JSON object, or a page that fits one screen.
//!
//! Cells, tags and names of servers are other people's text: no character of theirs reaches a terminal unescaped.

mod cause;
mod plan_page;
mod rollout;
mod story;
mod tally;
mod text;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::mail::Backlog;
use crate::memory::{Event, Memory};
use crate::pass_end::{Decided, Ending, PassEnd};
use crate::plan::{AgentCounts, Happening, Plan, State, Tone};
use crate::problem::{Code, Kind, Problem};
use crate::settle::{ChannelLine, Counts, Settled};
use crate::stages::{Took, millis};

pub use plan_page::plan_page;
pub use rollout::{remembered_rollout, rollout};
pub use story::{Told, story, told};
pub use tally::{ROLLOUT_ENDINGS, Tally};
pub use text::{json_line, look, next_pass, versions, with_unseen};

/// Where a summary says that part of the fleet was not seen.
pub const UNANSWERED: &str = "unanswered";

/// The end of a pass.
#[derive(Clone, Debug)]
pub struct Report {
    /// The pass's id.
    pub run: String,
    /// How it ended.
    pub outcome: Ending,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How long each stage took that it came to. The last one, which sends mail, is not in it before the report is shown.
    pub stages: Took,
    /// Counts.
    pub counts: Counts,
    /// Channels, by name.
    pub channels: Vec<ChannelLine>,
    /// What needs a person, most serious kind first. What merely happened is among the events.
    pub problems: Vec<Problem>,
    /// What happened, in order.
    pub events: Vec<Happening>,
    /// Requests made, by method.
    pub calls: BTreeMap<String, u64>,
    /// Live servers with a channel tag of no channel of this sheet, by that channel.
    pub not_ours: BTreeMap<String, u64>,
    /// For the metrics; `None` of a pass that decided nothing.
    pub tally: Option<Tally>,
    /// Addresses of what it names in the spreadsheet: channels, and places of problems.
    pub links: BTreeMap<String, String>,
    /// The last things that happened by its end, its own among them, as the store tells them.
    pub recent: Vec<Event>,
    /// Mail that waits after it; `None` where that is not known, or no mail is sent.
    pub backlog: Option<Backlog>,
    /// Account regions that answered, and all that were asked; `None` where nothing was decided.
    pub regions: Option<(u64, u64)>,
    /// Why servers were not tried that were to be changed, and how many.
    pub unsent: Option<(String, u64)>,
    /// Whether the pass was told to stop, or gave way, before it decided anything.
    pub interrupted: bool,
    /// Whether it only shows what a pass would do.
    pub preview: bool,
    /// The instance that made it and the number of its lease, where instances share a store.
    pub lease: Option<LeaseLine>,
}

/// The lease that a pass was made under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseLine {
    /// The instance.
    pub instance: String,
    /// The number of the lease.
    pub epoch: i64,
    /// Whether the one before ran out.
    pub expired: bool,
    /// What noticed that it was lost: a commit, or a call.
    pub fenced: Option<&'static str>,
}

impl Report {
    /// The report of a pass that ended so. `memory` is what the store held at its end; `None` where nobody could ask.
    #[must_use]
    pub fn new(run: &str, end: &PassEnd, memory: Option<&Memory>) -> Self {
        let bare = Self::bare(run, end.outcome());
        match end {
            PassEnd::Busy(problem) | PassEnd::Faulty(_, problem) => Self {
                problems: vec![problem.clone()],
                ..bare
            },
            PassEnd::Blind(problem) => Self {
                problems: vec![problem.clone()],
                channels: memory.map(remembered).unwrap_or_default(),
                ..bare
            },
            PassEnd::Interrupted(problem) | PassEnd::GaveWay(problem) => Self {
                problems: vec![problem.clone()],
                interrupted: true,
                ..bare
            },
            PassEnd::Unread(problems) => Self {
                problems: problems.clone(),
                channels: memory.map(remembered).unwrap_or_default(),
                ..bare
            },
            PassEnd::Stopped(decided, problems) => Self {
                problems: problems.clone(),
                channels: memory.map(remembered).unwrap_or_default(),
                events: decided.plan.happenings.clone(),
                ..bare
            },
            PassEnd::Cut(decided, settled, problem) => Self {
                channels: memory.map(remembered).unwrap_or_default(),
                events: remembered_events(&decided.plan, memory),
                ..bare.with(decided, settled, std::slice::from_ref(problem))
            },
            PassEnd::Whole(decided, settled, trouble) => bare.with(decided, settled, trouble),
            PassEnd::Ordered(decided, settled) => bare.with(decided, settled, &[]),
            PassEnd::Watched(decided, settled, problem) => bare.with(decided, settled, std::slice::from_ref(problem)),
            PassEnd::Shown(decided, settled) => Self {
                preview: true,
                ..bare.with(decided, settled, &[])
            },
        }
    }

    /// The report of a run that did nothing, because another holds the store: `by` says who.
    #[must_use]
    pub fn busy(run: &str, by: String) -> Self {
        let problem = Problem::new(Kind::ApiFailure, Code::Busy, "state", by);
        Self::new(run, &PassEnd::Busy(problem), None)
    }

    /// The report of a pass whose lease was lost: what was under way is the other's now.
    #[must_use]
    pub fn fenced(run: &str) -> Self {
        let why = "the lease of this pass ran out, or another instance took over; whoever has it now looks at everything anew";
        Self {
            problems: vec![Problem::new(Kind::ApiFailure, Code::Busy, "state", why)],
            ..Self::bare(run, Ending::Fenced)
        }
    }

    fn bare(run: &str, outcome: Ending) -> Self {
        Self {
            run: run.to_owned(),
            outcome,
            duration_ms: 0,
            stages: Took::new(),
            counts: Counts::default(),
            channels: Vec::new(),
            events: Vec::new(),
            problems: Vec::new(),
            calls: BTreeMap::new(),
            backlog: None,
            links: BTreeMap::new(),
            recent: Vec::new(),
            not_ours: BTreeMap::new(),
            tally: None,
            regions: None,
            unsent: None,
            interrupted: false,
            preview: false,
            lease: None,
        }
    }

    /// The same, with what was decided and what became of it.
    fn with(self, decided: &Decided, settled: &Settled, trouble: &[Problem]) -> Self {
        let Decided { observed, plan } = decided;
        let sources = &observed.fleet.sources;
        let answered = sources.values().filter(|error| error.is_none()).count();
        let unsent = settled.unsent.iter().max_by_key(|(_, servers)| **servers);
        let mut problems = plan.problems.clone();
        problems.extend(settled.problems.iter().chain(trouble).cloned());
        problems.sort();
        problems.dedup();
        let not_ours = plan.not_ours.iter();
        Self {
            counts: settled.counts,
            channels: settled.channels.clone(),
            events: plan.happenings.iter().chain(&settled.happenings).cloned().collect(),
            problems,
            not_ours: not_ours.map(|(channel, count)| (channel.to_string(), *count)).collect(),
            tally: Some(Tally::of(plan, settled)),
            regions: Some((answered as u64, sources.len() as u64)),
            unsent: unsent.map(|(why, servers)| (why.clone(), *servers)),
            ..self
        }
    }

    /// The same, with the releases that a later report tells: they may have moved since by a command, or in a pass that was
    /// killed. `None`: none did.
    #[must_use]
    pub fn with_releases_of(&self, later: &Self) -> Option<Self> {
        let mut moved = self.clone();
        let mut any = false;
        for line in &mut moved.channels {
            let told = later.channels.iter().find(|told| told.name == line.name);
            let told = told.filter(|told| (&told.release, &told.previous) != (&line.release, &line.previous));
            let Some(told) = told else { continue };
            any = true;
            *line = ChannelLine {
                status: format!("moved from {} since the last pass that read the sheet", line.release),
                ..told.clone()
            };
        }
        any.then_some(moved)
    }

    /// How it ended, what it counted and asked, and nothing that names a server or a channel.
    #[must_use]
    pub fn counts_alone(&self) -> Self {
        Self {
            duration_ms: self.duration_ms,
            counts: self.counts,
            calls: self.calls.clone(),
            regions: self.regions,
            ..Self::bare(&self.run, self.outcome)
        }
    }

    /// How many account regions answered, in words, if it was not all of them.
    #[must_use]
    pub fn unanswered(&self) -> Option<String> {
        let (answered, all) = self.regions.filter(|(answered, all)| answered < all)?;
        Some(format!("{answered} of {all} account regions answered"))
    }

    /// The same object without lists of servers, and without problems, which the store keeps by itself: small enough to be kept.
    #[must_use]
    pub fn summary(&self) -> Value {
        let mut object = self.json();
        if let Value::Object(fields) = &mut object {
            fields.remove("problems");
            fields.insert(UNANSWERED.into(), self.unanswered().into());
        }
        for channel in object["channels"].as_array_mut().into_iter().flatten() {
            if let Value::Object(fields) = channel {
                fields.remove("left_behind");
            }
        }
        object
    }

    /// The one object of `--format json`.
    #[must_use]
    pub fn json(&self) -> Value {
        let Counts {
            servers,
            changed,
            failed,
            discovered,
            missing,
            held,
        } = self.counts;
        let channels: Vec<Value> = self.channels.iter().map(channel).collect();
        let events: Vec<Value> = self.events.iter().map(event).collect();
        let stages = self.stages.iter().map(|(stage, took)| (stage.word(), millis(*took)));
        let stages: BTreeMap<&str, u64> = stages.collect();
        let mut object = json!({
            "run": self.run,
            "outcome": self.outcome.word(),
            "duration_ms": self.duration_ms,
            "stages": stages,
            "servers": servers,
            "changed": changed,
            "failed": failed,
            "discovered": discovered,
            "missing": missing,
            "held": held,
            "channels": channels,
            "events": events,
            "problems": self.problems,
            "calls": self.calls,
            "not_ours": self.not_ours,
        });
        if let Some(lease) = &self.lease {
            object["instance"] = lease.instance.as_str().into();
            object["epoch"] = lease.epoch.into();
        }
        object
    }
}

fn channel(line: &ChannelLine) -> Value {
    json!({
        "channel": line.name, "release": line.release, "previous": line.previous,
        "status": line.status, "state": line.state.map(State::word),
        "desired_a": line.desired_a, "desired_b": line.desired_b,
        "servers": line.concerned + line.held, "on_release": line.carrying, "failed": line.failed,
        "held": line.held, "not_seen": line.unseen,
        "with_agent": line.agents.with_agent, "running": line.agents.running, "in_trouble": line.agents.in_trouble,
        "moved": line.moved, "left_behind": line.left_behind, "rollout": rollout(line.rollout.as_ref()),
    })
}

fn event(happening: &Happening) -> Value {
    json!({
        "event": happening.event, "channel": happening.channel,
        "from": happening.from, "to": happening.to, "detail": happening.detail,
    })
}

/// Of what was decided, what was remembered before the pass broke off: a release that did not move is not told as one that did, and a
/// wave that did not start is not told as one that did.
fn remembered_events(plan: &Plan, memory: Option<&Memory>) -> Vec<Happening> {
    let moved = |happening: &&Happening| match happening.event {
        "wave" | "rollout_done" | "advance" | "paused" | "resumed" | "gate_failed" => {
            let channel = memory.and_then(|memory| memory.channels.get(happening.channel.as_str()));
            let planned = plan.update.channels.get(happening.channel.as_str());
            channel.is_some_and(|c| planned.is_none_or(|planned| planned.rollout == c.rollout))
        }
        "promotion" | "rollback" | "auto_rollback" | "taken_back" | "adoption" => {
            let channel = memory.and_then(|memory| memory.channels.get(happening.channel.as_str()));
            channel.is_some_and(|c| c.release.as_ref().map_or("", |v| v.as_str()) == happening.to)
        }
        _ => true,
    };
    plan.happenings.iter().filter(moved).cloned().collect()
}

fn remembered(memory: &Memory) -> Vec<ChannelLine> {
    let text = |version: &Option<crate::tag::Version>| version.as_ref().map(ToString::to_string).unwrap_or_default();
    let line = |(name, c): (&crate::tag::ChannelName, &crate::memory::ChannelMemory)| ChannelLine {
        name: name.clone(),
        release: text(&c.release),
        previous: text(&c.prior),
        status: "as it was: the pass was stopped".into(),
        tone: Tone::Waiting,
        moved: String::new(),
        left_behind: Vec::new(),
        agents: AgentCounts::default(),
        carrying: 0,
        followed: 0,
        concerned: 0,
        failed: 0,
        cause: String::new(),
        state: None,
        desired_a: None,
        desired_b: None,
        held: 0,
        rollout: remembered_rollout(name, c, memory, "the pass was stopped"),
        open: true,
        unseen: 0,
    };
    memory.channels.iter().map(line).collect()
}
