//! What the decision about a channel looks at: what people ask for, who may turn the keys, and what is remembered.

use std::collections::BTreeMap;

use crate::memory::ChannelMemory;
use crate::plan::adopt::Carried;
use crate::plan::model::{Happening, Plan};
use crate::plan::policy::Policy;
use crate::plan::recognise::Recognised;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::intent::{Intent, ReleaseRow, Tick};
use crate::sheet::protection::Approval;
use crate::tag::ChannelName;

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
}

/// One channel.
pub(in crate::plan) struct Case<'a> {
    pub(in crate::plan) terms: Terms<'a>,
    pub(in crate::plan) name: &'a ChannelName,
    pub(in crate::plan) rows: &'a [&'a ReleaseRow],
    pub(in crate::plan) recognised: Recognised,
    pub(in crate::plan) memory: Option<&'a ChannelMemory>,
    pub(in crate::plan) carried: Option<&'a Carried>,
}

impl Case<'_> {
    pub(super) fn place(&self, header: &str) -> String {
        let row = self.rows.first();
        row.map_or_else(|| self.terms.intent.release_tab.clone(), |row| row.origin.place(header))
    }

    pub(super) fn protected(&self) -> bool {
        !self.terms.policy.require_protection || self.terms.approval.holds()
    }

    /// The channel's row, if it has exactly one.
    pub(super) fn row(&self) -> Option<&ReleaseRow> {
        match self.rows {
            [row] => Some(row),
            _ => None,
        }
    }

    pub(super) fn ticked(&self) -> bool {
        self.rows.iter().any(|row| row.rollback == Tick::On)
    }

    pub(super) fn observes(&self) -> bool {
        self.terms.policy.observe
    }

    /// What the channel's servers carry, in words.
    pub(super) fn carried_words(&self) -> String {
        self.carried
            .map_or_else(|| "no server carries a version".into(), Carried::words)
    }

    pub(super) fn happening(&self, event: &'static str, from: &str, to: &str, detail: String) -> Happening {
        Happening {
            channel: self.name.to_string(),
            event,
            from: from.to_owned(),
            to: to.to_owned(),
            detail,
        }
    }

    /// Reports a channel that stands in two rows, and gives its status.
    pub(super) fn two_rows(&self, plan: &mut Plan) -> String {
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
