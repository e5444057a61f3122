//! Everything after the decision: what was approved is remembered, done, settled and shown in the sheet, in that order.

use tracing::{debug, warn};

use super::events::Telling;
use super::input::{PassClients, PassInput};
use crate::apply::{Applied, Applier, staged};
use crate::fleet::{Fleet, ServerChange};
use crate::journal::Journal;
use crate::memory::{Memory, StoreError, Update};
use crate::observe::Observed;
use crate::pass_end::Decided;
use crate::plan::Policy;
use crate::plan::check::Approved;
use crate::problem::{Code, Kind, Problem};
use crate::settle::{Settled, settle};
use crate::stages::Stage;
use crate::writeback::{Desired, WriteError, Writeback, claim};

/// Why a pass broke off before it changed a tag.
pub(super) enum Cut {
    /// Another store began to serve the spreadsheet.
    Rival(Problem),
    /// A call failed.
    Failed(Problem),
}

impl From<StoreError> for Cut {
    fn from(error: StoreError) -> Self {
        Self::Failed(failure("state", error.to_string()))
    }
}

fn failure(place: &str, what: String) -> Problem {
    Problem::new(Kind::ApiFailure, Code::Act, place, what)
}

/// What of an approved plan is done: what is remembered first, and the changes.
pub(super) struct Permitted {
    first: Update,
    changes: Vec<ServerChange>,
}

impl Permitted {
    /// Takes it out of the plan.
    pub(super) fn of(
        input: &PassInput<'_>,
        clients: &PassClients<'_>,
        memory: &Memory,
        decided: &Decided,
        approved: &Approved<'_>,
    ) -> Self {
        Self {
            first: first_update(telling(input, clients, &decided.observed), memory, decided, approved),
            changes: server_changes(approved, &decided.observed.fleet, input.policy),
        }
    }
}

fn telling<'a>(input: &PassInput<'a>, clients: &'a PassClients<'_>, observed: &Observed) -> Telling<'a> {
    Telling {
        run: input.run,
        now: input.now,
        has_tab: observed.audit.there,
        mail: &clients.mail,
    }
}

/// Does what was approved. Gives what became of it, and what went wrong on the way without undoing it.
///
/// What is remembered of a large fleet is large: no more is held of it at a time than what is being remembered and what was before.
pub(super) async fn act(
    input: &PassInput<'_>,
    clients: &PassClients<'_>,
    journal: &mut Journal<'_>,
    decided: &Decided,
    Permitted { first, changes }: Permitted,
) -> Result<(Settled, Vec<Problem>), Cut> {
    let Decided { observed, plan } = decided;
    let telling = telling(input, clients, observed);
    let stages = input.stages;
    stages.of(Stage::Remember, journal.remember(&first)).await?;
    drop(first);
    // Only now the sheet learns which store serves it: a takeover that is killed before this leaves it with the other store, and
    // the next pass stops.
    let claimed = claim(clients.sheets, journal, &observed.raw, &observed.sheet);
    stages.of(Stage::Claim, claimed).await.map_err(|error| match &error {
        WriteError::Sheet(_) | WriteError::Closed { .. } => Cut::Failed(failure("spreadsheet", error.to_string())),
        WriteError::Store(error) => Cut::Failed(failure("state", error.to_string())),
        WriteError::Rival(_) => {
            let place = &*input.policy.spreadsheet;
            Cut::Rival(Problem::new(Kind::Belt, Code::Store, place, error.to_string()))
        }
    })?;
    let applier = Applier {
        writer: clients.tags,
        pacing: clients.pacing,
        deadline: clients.tagging_ends,
        stop: clients.stop.clone(),
        progress: clients.progress,
    };
    let applied = stages.of(Stage::Apply, apply(&applier, changes)).await;
    let settled = async {
        let Applied { outcomes, .. } = applied;
        let mut settled = settle(input.inputs(observed, journal.memory()), plan, Some(&outcomes));
        drop(outcomes);
        let second = telling.settled(&mut settled, journal.memory(), decided);
        journal.remember(&second).await.map(|()| settled)
    };
    let mut settled = stages.of(Stage::Settle, settled).await?;
    let shown = write_back(input, clients, journal, decided, &mut settled);
    let trouble = stages.of(Stage::WriteBack, shown).await;
    Ok((settled, trouble))
}

/// What has to be on disk before anything is done.
fn first_update(telling: Telling<'_>, memory: &Memory, decided: &Decided, approved: &Approved<'_>) -> Update {
    let mut first = approved.update().clone();
    telling.decided(&mut first, memory, decided);
    let planned = first.binding.take().or_else(|| memory.binding.clone());
    let mut binding = planned.unwrap_or_default();
    binding.audit = Some(decided.observed.audit);
    first.binding = (memory.binding.as_ref() != Some(&binding)).then_some(binding);
    first
}

/// Puts the changes of an approved plan on the servers.
pub(super) async fn apply(applier: &Applier<'_>, changes: Vec<ServerChange>) -> Applied {
    if changes.is_empty() {
        return Applied::default();
    }
    for change in &changes {
        debug!(server = %change.server, source = %change.source, tags = change.changes.len(), "change");
    }
    applier.apply(&changes).await
}

/// The changes of an approved plan, with what the batching needs to know of each server.
pub(super) fn server_changes(approved: &Approved<'_>, fleet: &Fleet, policy: &Policy) -> Vec<ServerChange> {
    let mut all = Vec::new();
    for server in approved.changes() {
        let Some(live) = fleet.servers.get(&server.id) else {
            continue;
        };
        let user_tags = live.tags.keys().filter(|key| !key.as_str().starts_with("aws:")).count();
        for (changes, stage) in staged(&server.changes, server.channel.as_ref(), &policy.rollouts) {
            all.push(ServerChange {
                server: server.id.clone(),
                source: live.source.clone(),
                user_tags,
                metadata_tags: live.metadata_tags,
                changes,
                stage,
            });
        }
    }
    all
}

/// Shows in the sheet what became of it. A failure undoes nothing: the next pass finds the rest still to be written.
async fn write_back(
    input: &PassInput<'_>,
    clients: &PassClients<'_>,
    journal: &mut Journal<'_>,
    decided: &Decided,
    settled: &mut Settled,
) -> Vec<Problem> {
    let sheet = &decided.observed.sheet;
    let desired = Desired::of(sheet, journal.memory(), settled, input.now);
    // What was wanted of a large fleet is held once while it is written.
    settled.server_cells.clear();
    let back = Writeback {
        writer: clients.sheets,
        names: input.names,
        now: input.now,
    };
    match back.write(sheet, journal, desired).await {
        Ok(notes) => notes.into_iter().map(|note| failure("spreadsheet", note)).collect(),
        Err(WriteError::Closed { place, message }) => {
            warn!(column = %place, "a protection keeps results from the sheet");
            vec![Problem::new(Kind::ApiFailure, Code::WriteBack, place, message)]
        }
        Err(error) => {
            warn!(error = %error, "results could not be written to the sheet");
            let problem = Problem::new(Kind::ApiFailure, Code::WriteBack, "spreadsheet", error.to_string());
            vec![problem]
        }
    }
}
