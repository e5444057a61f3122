//! Checks a plan against what it was made from, before anything of it is applied: trusts nothing that the planner says and
//! shares no code with it.
//!
//! Nothing is written without an [`Approved`], and only [`check`] makes one.

mod releases;
mod servers;

use std::collections::BTreeMap;

use super::inputs::Inputs;
use super::model::{Plan, ServerPlan};
use super::policy::Belt;
use crate::memory::{ChannelMemory, KeyState, SpentBy, Update};
use crate::sheet::display::ShownRelease;
use crate::sheet::intent::{ReleaseRow, ServerRow};
use crate::tag::{ChannelName, ServerId, Version};

/// A plan that may be applied.
#[derive(Debug)]
pub struct Approved<'p> {
    plan: &'p Plan,
}

impl<'p> Approved<'p> {
    /// The servers whose tags are to be changed, with their changes, in the order of the plan.
    pub fn changes(&self) -> impl Iterator<Item = &'p ServerPlan> + use<'p> {
        self.plan.servers.iter().filter(|server| !server.changes.is_empty())
    }

    /// What is to be remembered first.
    #[must_use]
    pub fn update(&self) -> &'p Update {
        &self.plan.update
    }
}

/// All that a stopped plan may remember: which belts stopped it.
fn only_belts(plan: &Plan) -> Update {
    Update {
        tripped: plan.update.tripped.clone(),
        ..Update::default()
    }
}

/// Checks a plan.
///
/// # Errors
/// Everything that the plan would do and may not, one line each. The pass then writes nothing: it is a fault of the program,
/// not of the sheet.
pub fn check<'p>(inputs: Inputs<'_>, plan: &'p Plan) -> Result<Approved<'p>, Vec<String>> {
    let mut faults = Vec::new();
    if plan.stop.is_empty() {
        let evidence = Evidence::new(inputs, plan);
        releases::check(&evidence, &mut faults);
        servers::check(&evidence, &mut faults);
    } else if !plan.servers.is_empty() || !plan.channels.is_empty() || plan.update != only_belts(plan) {
        faults.push("the plan is stopped, but is not empty".to_owned());
    }
    if faults.is_empty() {
        Ok(Approved { plan })
    } else {
        Err(faults)
    }
}

/// What a plan was made from, found by name.
struct Evidence<'a> {
    given: Inputs<'a>,
    plan: &'a Plan,
    channel_rows: BTreeMap<&'a ChannelName, Vec<&'a ReleaseRow>>,
    shown_rows: BTreeMap<&'a ChannelName, Vec<&'a ShownRelease>>,
    server_rows: BTreeMap<&'a ServerId, Vec<&'a ServerRow>>,
}

impl<'a> Evidence<'a> {
    fn new(given: Inputs<'a>, plan: &'a Plan) -> Self {
        let mut channel_rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in &given.sheet.intent.channels {
            channel_rows.entry(&row.channel).or_default().push(row);
        }
        let mut shown_rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in &given.sheet.display.release.rows {
            shown_rows.entry(&row.channel).or_default().push(row);
        }
        let mut server_rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in &given.sheet.intent.servers {
            server_rows.entry(&row.id).or_default().push(row);
        }
        Self {
            given,
            plan,
            channel_rows,
            shown_rows,
            server_rows,
        }
    }

    /// The rows of a channel.
    fn rows(&self, channel: &ChannelName) -> &[&'a ReleaseRow] {
        self.channel_rows.get(channel).map_or(&[], Vec::as_slice)
    }

    /// What the service shows in the rows of a channel.
    fn shown(&self, channel: &ChannelName) -> &[&'a ShownRelease] {
        self.shown_rows.get(channel).map_or(&[], Vec::as_slice)
    }

    /// What is remembered of a channel that the store knows. A takeover knows none, and what it could not adopt has no
    /// release and two keys that wait to be read.
    fn known(&self, channel: &ChannelName) -> Option<&'a ChannelMemory> {
        let unread = |key: &KeyState| {
            matches!(
                key,
                KeyState::Spent {
                    held: None,
                    by: SpentBy::Takeover
                }
            )
        };
        self.given
            .memory
            .channels
            .get(channel)
            .filter(|_| !self.given.policy.takeover)
            .filter(|m| m.release.is_some() || !unread(&m.key_a) || !unread(&m.key_b))
    }

    /// What will be remembered of a channel.
    fn after(&self, channel: &ChannelName) -> Option<&'a ChannelMemory> {
        let planned = self.plan.update.channels.get(channel);
        planned.or_else(|| self.given.memory.channels.get(channel))
    }

    /// The release of a channel once the plan is applied.
    fn release(&self, channel: &ChannelName) -> Option<&'a Version> {
        self.after(channel)?.release.as_ref()
    }

    /// Whether a belt tripped that nobody let through.
    fn held_by(&self, belt: Belt) -> bool {
        self.plan.tripped.iter().any(|t| t.belt == belt) && !self.given.policy.allow.contains(&belt)
    }
}
