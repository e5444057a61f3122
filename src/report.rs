//! What a pass says at its end: one JSON object, or a page that fits one screen.
//!
//! Cells, tags and names of servers are other people's text: no character of theirs reaches a terminal unescaped.

mod tally;
mod text;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::mail::Backlog;
use crate::memory::Memory;
use crate::pass::Blind;
use crate::plan::{ChannelPlan, Plan, Policy};
use crate::problem::{Code, Kind, Problem};
use crate::settle::{ChannelLine, Counts, Settled, settle};
use crate::sheet::parse::Sheet;
use crate::tag::ServerId;

pub use tally::Tally;
pub use text::{json_line, plan_page};

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All was done.
    Done,
    /// It failed.
    Failed,
    /// `plan` found changes.
    Changes,
    /// Some servers failed, or a source was down.
    Partial,
    /// A belt held part of it.
    Held,
    /// A belt or an untrusted sheet stopped it.
    Stopped,
    /// Another pass holds the store.
    Busy,
}

impl Ending {
    /// The word in the report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Changes => "changes",
            Self::Partial => "partial",
            Self::Held => "held",
            Self::Stopped => "stopped",
            Self::Busy => "busy",
        }
    }

    /// The exit code of `--once`.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Done | Self::Changes => 0,
            Self::Failed => 1,
            Self::Partial => 4,
            Self::Held | Self::Stopped => 5,
            Self::Busy => 6,
        }
    }
}

/// The end of a pass.
#[derive(Clone, Debug)]
pub struct Report {
    /// The pass's id.
    pub run: String,
    /// How it ended.
    pub outcome: Ending,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Counts.
    pub counts: Counts,
    /// Channels, by name.
    pub channels: Vec<ChannelLine>,
    /// What needs a person, most serious kind first.
    pub problems: Vec<Problem>,
    /// Requests made, by method.
    pub calls: BTreeMap<String, u64>,
    /// Live servers with a channel tag of no channel of this sheet, by that channel.
    pub not_ours: BTreeMap<String, u64>,
    /// For the metrics; `None` of a pass that decided nothing.
    pub tally: Option<Tally>,
    /// Mail that waits after it; `None` where that is not known, or no mail is sent.
    pub backlog: Option<Backlog>,
    /// Whether it only shows what a pass would do.
    pub preview: bool,
}

impl Report {
    fn new(run: &str, outcome: Ending, problems: Vec<Problem>) -> Self {
        Self {
            run: run.to_owned(),
            outcome,
            duration_ms: 0,
            counts: Counts::default(),
            channels: Vec::new(),
            problems,
            calls: BTreeMap::new(),
            backlog: None,
            not_ours: BTreeMap::new(),
            tally: None,
            preview: false,
        }
    }

    /// Of a pass that came to its end.
    #[must_use]
    pub fn done(run: &str, plan: &Plan, settled: Settled, trouble: Vec<Problem>) -> Self {
        let wrote = trouble.iter().all(|problem| problem.code != Code::WriteBack);
        let down = settled.problems.iter().any(|problem| problem.code == Code::Source);
        let outcome = if !wrote {
            Ending::Failed
        } else if plan.is_held() {
            Ending::Held
        } else if settled.counts.failed > 0 || down {
            Ending::Partial
        } else {
            Ending::Done
        };
        let tally = Tally::of(plan, &settled);
        let mut problems = plan.problems.clone();
        problems.extend(plan.channels.iter().filter_map(left_behind));
        problems.extend(settled.problems);
        problems.extend(trouble);
        problems.sort();
        problems.dedup();
        Self {
            counts: settled.counts,
            channels: settled.channels,
            not_ours: plan
                .not_ours
                .iter()
                .map(|(channel, count)| (channel.to_string(), *count))
                .collect(),
            tally: Some(tally),
            ..Self::new(run, outcome, problems)
        }
    }

    /// Of a pass that a belt or an untrusted sheet stopped before it wrote anything.
    #[must_use]
    pub fn stopped(run: &str, problems: Vec<Problem>, memory: &Memory) -> Self {
        Self {
            channels: remembered(memory),
            ..Self::new(run, Ending::Stopped, problems)
        }
    }

    /// Of a pass that could not see.
    #[must_use]
    pub fn blind(run: &str, blind: Blind) -> Self {
        match blind {
            Blind::Failed(problem) => Self::new(run, Ending::Failed, vec![problem]),
            Blind::Untrusted(problems, memory) => Self::stopped(run, problems, &memory),
        }
    }

    /// Of a pass that failed before it changed a tag.
    #[must_use]
    pub fn failed(
        run: &str,
        problem: Problem,
        plan: &Plan,
        sheet: &Sheet,
        fleet: &Fleet,
        memory: &Memory,
        policy: &Policy,
    ) -> Self {
        let mut settled = settle(sheet, fleet, memory, policy, plan, Some(&BTreeMap::new()));
        settled.channels = remembered(memory);
        Self {
            outcome: Ending::Failed,
            ..Self::done(run, plan, settled, vec![problem])
        }
    }

    /// Of a pass that never began, because another holds the store.
    #[must_use]
    pub fn busy(run: &str, problem: Problem) -> Self {
        Self::new(run, Ending::Busy, vec![problem])
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
        let channels: Vec<Value> = self
            .channels
            .iter()
            .map(|c| {
                json!({
                    "channel": c.name, "release": c.release, "previous": c.previous, "status": c.status,
                    "moved": c.moved, "left_behind": c.left_behind,
                })
            })
            .collect();
        json!({
            "run": self.run,
            "outcome": self.outcome.word(),
            "duration_ms": self.duration_ms,
            "servers": servers,
            "changed": changed,
            "failed": failed,
            "discovered": discovered,
            "missing": missing,
            "held": held,
            "channels": channels,
            "problems": self.problems,
            "calls": self.calls,
            "not_ours": self.not_ours,
        })
    }

    /// The page of `--format text`.
    #[must_use]
    pub fn text(&self) -> String {
        text::page(self)
    }
}

/// Who does not follow a release that moves in this pass, because somebody holds them.
fn left_behind(channel: &ChannelPlan) -> Option<Problem> {
    let held: Vec<&str> = channel.left_behind.iter().map(ServerId::as_str).collect();
    let release = channel.release.as_ref().filter(|_| !held.is_empty())?;
    let (count, plural) = (held.len(), if held.len() == 1 { "" } else { "s" });
    let words = format!(
        "{} goes to {release} without {count} held server{plural}: {}",
        channel.name,
        held.join(", ")
    );
    Some(Problem::new(
        Kind::Release,
        Code::LeftBehind,
        channel.name.as_str(),
        words,
    ))
}

fn remembered(memory: &Memory) -> Vec<ChannelLine> {
    let text = |version: &Option<crate::tag::Version>| version.as_ref().map(ToString::to_string).unwrap_or_default();
    let line = |(name, c): (&crate::tag::ChannelName, &crate::memory::ChannelMemory)| ChannelLine {
        name: name.clone(),
        release: text(&c.release),
        previous: text(&c.prior),
        status: "as it was: the pass was stopped".into(),
        moved: String::new(),
        left_behind: Vec::new(),
        carrying: 0,
        concerned: 0,
        failed: 0,
    };
    memory.channels.iter().map(line).collect()
}
