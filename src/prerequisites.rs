//! Everything that a pass needs, one finding each: it is there and good, or what is wrong and what to do.
//!
//! Judges what `commands::check` found, and does nothing else. A thing that cannot be checked because another one is missing
//! says so; it does not count as good.

mod agents;
mod cloud;
mod findings;
mod local;
mod mail;
mod order;
mod placeholders;
mod rollouts;
mod spreadsheet;

use crate::problem::{Code, Kind, Problem};
use crate::screen::Look;

pub use agents::judge_agents;
pub use cloud::{Candidate, Sample, candidate, judge_create_tags, judge_listing, judge_overlaps};
pub use findings::Findings;
pub use local::{judge_config, judge_directory, judge_environment, judge_permissions};
pub use mail::{judge_backlog, judge_test_mail};
pub use order::judge_order;
pub use placeholders::judge_placeholders;
pub use rollouts::{Watched, judge_gate, judge_gates, judge_windows, watched};
pub use spreadsheet::{Seen, judge_spreadsheet, judge_store, judge_unseen_spreadsheet};

/// A thing that a pass needs. The words are part of the interface: scripts look for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// The configuration can be read and means something.
    Config,
    /// What the environment changes.
    Environment,
    /// Log files can be written.
    Logs,
    /// The state store can be opened and written.
    State,
    /// Files that hold secrets are there, and nobody else can read them.
    Credentials,
    /// Google gives an access token for them.
    Token,
    /// The spreadsheet can be read.
    Spreadsheet,
    /// It can be written.
    Editor,
    /// The tabs are there.
    Tabs,
    /// Their columns are there.
    Columns,
    /// Their cells can be read.
    Cells,
    /// The key columns are held by two groups.
    Protection,
    /// This store serves the spreadsheet.
    Store,
    /// An account gives us keys.
    Account,
    /// Servers of a region may be listed.
    DescribeInstances,
    /// They may be tagged.
    CreateTags,
    /// What a gate gives now.
    Gate,
    /// When a window opens next, or a freeze holds.
    Window,
    /// The channels that a strategy waits for are there.
    Order,
    /// The mail server takes our login.
    Smtp,
    /// No mail waits, and no address was refused.
    Outbox,
    /// A mail was sent.
    TestMail,
}

impl Item {
    /// The name in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Environment => "environment",
            Self::Logs => "logs",
            Self::State => "state",
            Self::Credentials => "credentials",
            Self::Token => "token",
            Self::Spreadsheet => "spreadsheet",
            Self::Editor => "editor",
            Self::Tabs => "tabs",
            Self::Columns => "columns",
            Self::Cells => "cells",
            Self::Protection => "protection",
            Self::Store => "store",
            Self::Account => "account",
            Self::DescribeInstances => "describe_instances",
            Self::CreateTags => "create_tags",
            Self::Gate => "gate",
            Self::Window => "window",
            Self::Order => "order",
            Self::Smtp => "smtp",
            Self::Outbox => "outbox",
            Self::TestMail => "test_mail",
        }
    }

    /// The kind of the problem that it makes when it is wrong: what a pass would report it as.
    fn kind(self) -> Kind {
        match self {
            Self::Tabs | Self::Columns | Self::Protection | Self::Store => Kind::Belt,
            Self::Cells => Kind::BadCell,
            Self::Gate | Self::Window => Kind::Gate,
            _ => Kind::ApiFailure,
        }
    }
}

/// What was found of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is good.
    Ok,
    /// A pass works, but somebody should know.
    Note,
    /// A pass would not work, or not be safe.
    Wrong,
    /// Something else has to be good first.
    NotChecked,
}

impl Verdict {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Wrong => "wrong",
            Self::NotChecked => "not_checked",
        }
    }

    /// The word that stands out in a page.
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Wrong => "WRONG",
            Self::NotChecked => "not checked",
        }
    }

    /// Its colour, where there is one.
    fn look(self) -> Look {
        match self {
            Self::Ok => Look::Good,
            Self::Note => Look::Plain,
            Self::Wrong => Look::Bad,
            Self::NotChecked => Look::Waiting,
        }
    }
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The thing.
    pub item: Item,
    /// Whether it is good.
    pub verdict: Verdict,
    /// A setting, file, cell, account or region.
    pub place: String,
    /// What was found, in words; says what to do unless `fix` does.
    pub message: String,
    /// What to do, where it can be said apart.
    pub fix: Option<String>,
}

impl Finding {
    fn new(item: Item, verdict: Verdict, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            item,
            verdict,
            place: place.into(),
            message: message.into(),
            fix: None,
        }
    }

    /// It is good.
    pub fn ok(item: Item, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(item, Verdict::Ok, place, message)
    }

    /// A pass works, but somebody should know.
    pub fn note(item: Item, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(item, Verdict::Note, place, message)
    }

    /// A pass would not work.
    pub fn wrong(item: Item, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(item, Verdict::Wrong, place, message)
    }

    /// It could not be checked because `needs` is not good.
    pub fn not_checked(item: Item, place: impl Into<String>, needs: &str) -> Self {
        Self::new(item, Verdict::NotChecked, place, format!("not checked: {needs}"))
    }

    /// Adds what to do.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Whether a pass would work, as far as this thing is concerned.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        matches!(self.verdict, Verdict::Ok | Verdict::Note)
    }

    /// What is wrong and what to do.
    pub(crate) fn words(&self) -> String {
        match &self.fix {
            Some(fix) => format!("{}; {fix}", self.message),
            None => self.message.clone(),
        }
    }

    pub(crate) fn problem(&self) -> Problem {
        Problem::new(self.item.kind(), Code::Prerequisite, &*self.place, self.words())
    }
}
