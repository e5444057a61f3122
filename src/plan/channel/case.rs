//! What the decision about a channel looks at: what people ask for, who may turn the keys, and what is remembered.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::gate::Readings;
use crate::memory::ChannelMemory;
use crate::plan::adopt::Carried;
use crate::plan::model::{Happening, Plan};
use crate::plan::policy::Policy;
use crate::plan::recognise::Recognised;
use crate::plan::rollout::Cohort;
use crate::plan::window::Hours;
use crate::problem::{Code, Kind, Problem};
use crate::rollout::Strategy;
use crate::sheet::intent::{Intent, ReleaseRow, Tick};
use crate::sheet::protection::Approval;
use crate::tag::{ChannelName, Version};

/// What all channels are decided by.
#[derive(Clone, Copy)]
pub(in crate::plan) struct Terms<'a> {
    pub(in crate::plan) intent: &'a Intent,
    pub(in crate::plan) approval: &'a Approval,
    pub(in crate::plan) policy: &'a Policy,
    /// Whether every source answered: a majority of half a fleet is not one.
    pub(in crate::plan) complete: bool,
    /// Whether this store serves the sheet already, and the last pass found the keys protected: what is typed since then was typed
    /// by two hands.
    pub(in crate::plan) watched: bool,
    /// The belt on rows that holds, if it does.
    pub(in crate::plan) row_belt: Option<&'a str>,
    /// Channels that lost all the servers that they had, and how many those were.
    pub(in crate::plan) deserted: &'a BTreeMap<ChannelName, usize>,
    /// What gates gave in this pass.
    pub(in crate::plan) readings: &'a Readings,
    /// The time of the pass.
    pub(in crate::plan) now: DateTime<Utc>,
}

/// How fast a release of a channel may pass to its servers.
pub(in crate::plan) struct Pace<'a> {
    /// Its strategy, if one names it.
    pub(in crate::plan) strategy: Option<&'a Strategy>,
    /// Its servers; empty where no strategy and no rollout asks for them.
    pub(in crate::plan) cohort: &'a Cohort<'a>,
    /// Whether servers may pass to a new version now.
    pub(in crate::plan) hours: Hours,
    /// A belt or an outage that holds waves, in words.
    pub(in crate::plan) blocked: Option<String>,
    /// Channels that a wave waits for.
    pub(in crate::plan) waits_for: Vec<String>,
}

/// One channel.
pub(in crate::plan) struct Case<'a> {
    pub(in crate::plan) terms: Terms<'a>,
    pub(in crate::plan) name: &'a ChannelName,
    pub(in crate::plan) rows: &'a [&'a ReleaseRow],
    pub(in crate::plan) recognised: Recognised,
    pub(in crate::plan) memory: Option<&'a ChannelMemory>,
    pub(in crate::plan) carried: Option<&'a Carried>,
    pub(in crate::plan) pace: Pace<'a>,
}

impl Case<'_> {
    /// The version that both keys of the channel's one row name.
    pub(in crate::plan) fn agreed(&self) -> Option<&Version> {
        let row = self.row()?;
        row.key_a.version().filter(|a| Some(*a) == row.key_b.version())
    }

    /// Whether `advance` is ticked in any row.
    pub(in crate::plan) fn advance_box(&self) -> bool {
        self.rows.iter().any(|row| row.advance == Some(Tick::On))
    }

    pub(in crate::plan) fn place(&self, header: &str) -> String {
        let row = self.rows.first();
        row.map_or_else(|| self.terms.intent.release_tab.clone(), |row| row.origin.place(header))
    }

    pub(in crate::plan) fn protected(&self) -> bool {
        !self.terms.policy.require_protection || self.terms.approval.holds()
    }

    /// The channel's row, if it has exactly one.
    pub(in crate::plan) fn row(&self) -> Option<&ReleaseRow> {
        match self.rows {
            [row] => Some(row),
            _ => None,
        }
    }

    pub(in crate::plan) fn ticked(&self) -> bool {
        self.rows.iter().any(|row| row.rollback == Tick::On)
    }

    pub(in crate::plan) fn observes(&self) -> bool {
        self.terms.policy.observe
    }

    /// What the channel's servers carry, in words.
    pub(super) fn carried_words(&self) -> String {
        self.carried
            .map_or_else(|| "no server carries a version".into(), Carried::words)
    }

    pub(in crate::plan) fn happening(&self, event: &'static str, from: &str, to: &str, detail: String) -> Happening {
        Happening {
            channel: self.name.to_string(),
            event,
            from: from.to_owned(),
            to: to.to_owned(),
            detail,
        }
    }

    /// Reports a channel that stands in two rows, and gives its status.
    pub(in crate::plan) fn two_rows(&self, plan: &mut Plan) -> String {
        let rows: Vec<String> = self.rows.iter().map(|row| row.origin.row.to_string()).collect();
        let message = format!(
            "channel {} stands in rows {}; keep one of them",
            self.name,
            rows.join(" and ")
        );
        let status = format!("error: {message}");
        let place = self.place("channel");
        plan.problems
            .push(Problem::new(Kind::BadCell, Code::TwoRows, place, message));
        status
    }
}
