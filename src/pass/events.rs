//! What a pass did that people may ask about later: events for the history, and those that the audit tab has yet to show.

use chrono::{DateTime, Utc};

use super::input::PassInput;
use crate::alert;
use crate::memory::{Event, Memory, Update};
use crate::observe::AUDIT_LOOK;
use crate::pass_end::Decided;
use crate::plan::{Happening, Plan};
use crate::settle::Settled;

/// Events that wait for the audit tab; should it take none for long, the oldest are left to the store's history.
const UNLOGGED_MAX: usize = 1000;

/// What a pass that was stopped before it wrote anything remembers.
pub(super) fn of_stop(input: &PassInput<'_>, memory: &Memory, plan: &Plan) -> Update {
    let mut update = plan.update.clone();
    update.events = events(&plan.happenings, input.run, input.now);
    update.unlogged = unlogged(memory, &update.events, true, input.now);
    update
}

/// The events that the audit tab has yet to show, if that changes. Without a tab only the newest are kept, for one that was just
/// made and not yet seen.
fn unlogged(memory: &Memory, new: &[Event], has_tab: bool, now: DateTime<Utc>) -> Option<Vec<Event>> {
    let mut all: Vec<Event> = memory.unlogged.iter().chain(new).cloned().collect();
    all.drain(..all.len().saturating_sub(UNLOGGED_MAX));
    all.retain(|event| has_tab || (now - event.time).abs() <= AUDIT_LOOK);
    (all != memory.unlogged).then_some(all)
}

/// A run as its commits tell of it.
#[derive(Clone, Copy)]
pub(super) struct Telling<'a> {
    pub(super) run: &'a str,
    pub(super) now: DateTime<Utc>,
    /// Whether the spreadsheet has an audit tab.
    pub(super) has_tab: bool,
    /// Whom to tell what.
    pub(super) mail: &'a alert::Rules<'a>,
}

impl Telling<'_> {
    /// Adds to the first commit what was decided.
    pub(super) fn decided(&self, update: &mut Update, memory: &Memory, decided: &Decided) {
        let Decided { observed, plan } = decided;
        self.happened(update, memory, &plan.happenings);
        update.mail = alert::news(plan, &observed.sheet, memory, self.mail, self.now);
    }

    /// What the second commit remembers: what became of it, with what happened meanwhile. It is taken out of the settlement.
    pub(super) fn settled(&self, settled: &mut Settled, memory: &Memory, decided: &Decided) -> Update {
        let Decided { observed, plan } = decided;
        let mut update = std::mem::take(&mut settled.update);
        let happenings = &settled.happenings;
        if !happenings.is_empty() {
            self.happened(&mut update, memory, happenings);
            update.mail = alert::later_news(happenings, plan, &observed.sheet, memory, self.mail, self.now);
        }
        update
    }

    fn happened(&self, update: &mut Update, memory: &Memory, happenings: &[Happening]) {
        update.events = events(happenings, self.run, self.now);
        update.unlogged = unlogged(memory, &update.events, self.has_tab, self.now);
    }
}

fn events(happenings: &[Happening], run: &str, now: DateTime<Utc>) -> Vec<Event> {
    let one = |happening: &Happening| Event {
        time: now,
        run: run.to_owned(),
        channel: happening.channel.clone(),
        event: happening.event.to_owned(),
        from: happening.from.clone(),
        to: happening.to.clone(),
        detail: happening.detail.clone(),
    };
    happenings.iter().map(one).collect()
}
