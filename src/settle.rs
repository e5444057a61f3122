//! Turns a plan and what became of it into final statuses, the cells to show, what to remember and the counts to report.
//!
//! Pure, like the plan.

mod cause;
mod cells;
mod channel;
mod completion;
mod gates;
mod refusals;
mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::fleet::{Fleet, Outcome, Outcomes, Source};
use crate::memory::{Memory, Update};
use crate::plan::{Happening, Inputs, Plan, ServerPlan, ServerStatus, count_repeats};
use crate::problem::{Code, Kind, Problem};
pub use crate::tag::Cells;
use crate::tag::{ChannelName, ServerId};
use crate::text::{few, plain};

use cause::{anonymous, why};
pub use channel::ChannelLine;
pub use status::{Status, StatusWord, words};

/// How many of the servers that failed alike are named.
const NAMED: usize = 3;

/// A row to append for a discovered server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRow {
    /// Its id.
    pub id: ServerId,
    /// Its channel.
    pub channel: ChannelName,
    /// Whether it comes back held.
    pub held: bool,
    /// Its service cells.
    pub cells: Cells,
}

/// Counts for the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Servers in the sheet and discovered ones.
    pub servers: u64,
    /// Servers whose tags were changed.
    pub changed: u64,
    /// Servers whose change failed.
    pub failed: u64,
    /// Servers found by their tag.
    pub discovered: u64,
    /// Servers not found.
    pub missing: u64,
    /// Servers left alone because they are held, or because a belt holds their changes.
    pub held: u64,
}

/// The end of a pass, as far as decisions go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    /// Channels, by name.
    pub channels: Vec<ChannelLine>,
    /// What the release tab is to show.
    pub channel_cells: BTreeMap<ChannelName, Cells>,
    /// What the server tab is to show.
    pub server_cells: BTreeMap<ServerId, Cells>,
    /// Rows to append.
    pub new_rows: Vec<NewRow>,
    /// Final statuses, by server, without those of which nothing is known.
    pub statuses: BTreeMap<ServerId, Status>,
    /// What happened while acting.
    pub happenings: Vec<Happening>,
    /// Problems that showed while acting.
    pub problems: Vec<Problem>,
    /// What to remember.
    pub update: Update,
    /// Servers whose changes were made.
    pub written: BTreeSet<ServerId>,
    /// For the report.
    pub counts: Counts,
    /// Servers whose change was not tried, by why.
    pub unsent: BTreeMap<String, u64>,
}

/// Settles a pass: `inputs.memory` is what was remembered before the acts. `outcomes` holds one entry for each server whose
/// changes were tried; a plan that is only shown settles with `None`, and then nothing counts as changed or failed.
#[must_use]
pub fn settle(inputs: Inputs<'_>, plan: &Plan, outcomes: Option<&Outcomes>) -> Settled {
    let mut settled = Settled::default();
    for server in &plan.servers {
        let outcome = outcomes.and_then(|all| all.get(&server.id));
        if outcome == Some(&Outcome::Done) {
            remember(server, inputs.memory, &mut settled.update);
            settled.written.insert(server.id.clone());
        }
        refusals::note(inputs, server, outcome, &mut settled.update);
        count(server, outcome, outcomes.is_none(), &mut settled.counts);
        if let Some(Outcome::NotSent { why }) = outcome {
            *settled.unsent.entry(why.clone()).or_default() += 1;
        }
        show(inputs, server, outcome, &mut settled);
    }
    for (text, said) in &plan.misnamed {
        let status = plain(&format!("{}: {said}", StatusWord::Error.word()));
        let cells = Cells::from([("status".into(), status.into())]);
        settled.server_cells.insert(text.clone(), cells);
    }
    refusals::end(inputs, plan, outcomes, &mut settled.update);
    let progress = channel::progress(plan, &inputs.policy.version_tag, outcomes);
    for channel in &plan.channels {
        let progress = progress.get(&channel.name).copied().unwrap_or_default();
        let mut line = channel::line(channel, progress);
        if progress.failed > 0 {
            line.cause = cause::most_common(&channel.name, plan, outcomes);
        }
        settled.channel_cells.insert(line.name.clone(), channel::cells(&line));
        settled.channels.push(line);
    }
    if outcomes.is_some() {
        let (happenings, channels) = completion::note(inputs.memory, &settled.channels);
        settled.happenings = happenings;
        settled.update.channels.extend(channels);
    }
    settled.problems = failures(inputs.fleet, plan, outcomes);
    settled
        .problems
        .extend(inputs.fleet.sources.iter().filter_map(|(source, error)| {
            let message = format!(
                "{source} did not answer, so its servers are left as they are: {}",
                error.as_ref()?
            );
            let place = source.to_string();
            Some(Problem::new(Kind::ApiFailure, Code::Source, place, message))
        }));
    settled.problems.extend(gates::unanswered(inputs.readings));
    settled
}

/// A server, and why its change failed.
type Failed<'p> = (&'p ServerId, &'p str);

/// The failures, those of one source and one cause as one problem.
fn failures(fleet: &Fleet, plan: &Plan, outcomes: Option<&Outcomes>) -> Vec<Problem> {
    let mut failures: BTreeMap<(Option<&Source>, String), Vec<Failed<'_>>> = BTreeMap::new();
    for server in &plan.servers {
        let outcome = outcomes.and_then(|all| all.get(&server.id));
        if let Some(message) = why(server, outcome) {
            let cause = anonymous(server, message);
            let alike = failures.entry((server.source.as_ref(), cause));
            alike.or_default().push((&server.id, message));
        }
    }
    failures
        .into_iter()
        .map(|((source, cause), failed)| {
            let ids: Vec<&ServerId> = failed.iter().map(|(id, _)| *id).collect();
            let message = if let [(_, message)] = failed[..] {
                message
            } else {
                &cause
            };
            failure(fleet, source, message, &ids)
        })
        .collect()
}

fn failure(fleet: &Fleet, source: Option<&Source>, message: &str, ids: &[&ServerId]) -> Problem {
    let at = source.map_or_else(String::new, Source::to_string);
    let place = if let [one] = ids { one.to_string() } else { at.clone() };
    let called: Vec<String> = ids.iter().map(|id| fleet.called(id)).collect();
    let servers = few(called.iter().map(String::as_str), NAMED);
    let words = format!("tags of {servers} in {at} were not changed: {message}");
    Problem::new(Kind::ApiFailure, Code::Tags, place, words)
}

/// Remembers what was written with success, and that it was.
fn remember(server: &ServerPlan, memory: &Memory, update: &mut Update) {
    let mut known = memory.servers.get(&server.id).cloned().unwrap_or_default();
    let next = Arc::make_mut(&mut known);
    for change in &server.changes {
        next.seen.insert(change.tag.clone(), change.after.clone());
        next.meant.remove(&change.tag);
    }
    next.refused = None;
    count_repeats(next, &server.changes);
    update.servers.insert(server.id.clone(), known);
}

fn count(server: &ServerPlan, outcome: Option<&Outcome>, only_shown: bool, counts: &mut Counts) {
    counts.servers += 1;
    counts.discovered += u64::from(server.append);
    match outcome {
        Some(Outcome::Done) => counts.changed += 1,
        Some(_) => counts.failed += 1,
        None => counts.changed += u64::from(only_shown && !server.changes.is_empty()),
    }
    match server.status {
        ServerStatus::Missing => counts.missing += 1,
        ServerStatus::Held | ServerStatus::Waiting(_) => counts.held += 1,
        ServerStatus::Refused(_) => counts.failed += 1,
        _ => {}
    }
}

/// Shows a server: its status, and the cells of the row that it has or gets.
fn show(inputs: Inputs<'_>, server: &ServerPlan, outcome: Option<&Outcome>, settled: &mut Settled) {
    let live = inputs.fleet.servers.get(&server.id);
    let Some(status) = status::status(server, live, outcome, inputs.policy) else {
        return;
    };
    let done = outcome == Some(&Outcome::Done);
    let cells = cells::cells(inputs, server, live, done, &status.to_string());
    match &server.channel {
        Some(channel) if server.append => settled.new_rows.push(NewRow {
            id: server.id.clone(),
            channel: channel.clone(),
            held: server.append_held,
            cells,
        }),
        _ if !server.rows.is_empty() => {
            let known = inputs.memory.servers.get(&server.id);
            // Most rows show what they showed.
            let same = known.map(|known| &known.shown).filter(|shown| **shown == cells);
            let cells = same.cloned().unwrap_or(cells);
            settled.server_cells.insert(server.id.clone(), cells);
        }
        _ => {}
    }
    settled.statuses.insert(server.id.clone(), status);
}
