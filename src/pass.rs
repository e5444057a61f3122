//! One pass: observe → plan → check → apply → settle → write back → report.
//!
//! Everything is remembered before it is done, so a pass that is killed anywhere leaves a world that the next one finishes.

mod ending;
mod events;
mod look;
mod preview;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use crate::alert::{self, Sight};
use crate::apply::pacing::Pacing;
use crate::apply::{Applied, Applier, Progress, ServerChange};
use crate::calls::Calls;
use crate::fleet::{Fleet, FleetReader, TagWriter};
use crate::memory::{Event, Memory, Store, StoreReader, Update};
use crate::plan::check::{Approved, check};
use crate::plan::{Plan, Policy, plan};
use crate::problem::{Code, Kind, Problem};
use crate::report::Report;
use crate::settle::{Settled, settle};
use crate::sheet::parse::{Names, Sheet, parse};
use crate::sheet::{RawSpreadsheet, SheetError, SheetReader, SheetWriter, TabWish};
use crate::writeback::{Desired, WriteError, Writeback, claim};
use ending::Ended;
use events::{events, remember_stop, unlogged};
pub use look::INTERRUPTED;
use look::look;
pub use preview::preview;

/// How often it is looked whether the optional audit tab has been made.
const AUDIT_LOOK: TimeDelta = TimeDelta::minutes(15);

/// What a pass is told.
pub struct Order<'a> {
    /// Names of tabs and columns.
    pub names: &'a Names,
    /// How to decide.
    pub policy: &'a Policy,
    /// The pass's id.
    pub run: &'a str,
    /// Its time.
    pub now: DateTime<Utc>,
    /// When it began, for the report.
    pub began: Instant,
    /// Counts requests.
    pub calls: &'a Calls,
}

/// What a pass acts with. Commands that only look never hold one.
pub struct Hands<'a> {
    /// The spreadsheet, for as long as the pass may look.
    pub reader: &'a dyn SheetReader,
    /// The spreadsheet.
    pub sheets: &'a dyn SheetWriter,
    /// The fleet.
    pub fleet: &'a dyn FleetReader,
    /// The tags.
    pub tags: &'a dyn TagWriter,
    /// The memory.
    pub store: &'a dyn Store,
    /// The limits.
    pub pacing: &'a Pacing,
    /// Is told how far the pass is.
    pub progress: &'a dyn Progress,
    /// No tagging call starts after this: what is left of the pass's time is for saying what became of it.
    pub tagging_ends: Instant,
    /// No call starts once this holds true.
    pub stop: watch::Receiver<bool>,
    /// Whom to tell what.
    pub mail: alert::Rules<'a>,
}

/// What a pass looks at.
pub struct World {
    /// The spreadsheet as read.
    pub raw: RawSpreadsheet,
    /// As understood.
    pub sheet: Sheet,
    /// The fleet.
    pub fleet: Fleet,
    /// What was remembered.
    pub memory: Memory,
    /// Whether there is an audit tab, and when that was looked at.
    pub audit: (bool, DateTime<Utc>),
}

/// Why there is nothing to decide from.
pub enum Blind {
    /// Something failed.
    Failed(Problem),
    /// The sheet cannot be trusted as it is.
    Untrusted(Vec<Problem>, Box<Memory>),
}

/// Reads everything that the decision needs.
///
/// # Errors
/// See [`Blind`].
pub async fn observe(
    sheets: &dyn SheetReader,
    fleet: &dyn FleetReader,
    store: &dyn StoreReader,
    names: &Names,
    now: DateTime<Utc>,
) -> Result<World, Blind> {
    let failed = |place: &str, what: String| Blind::Failed(Problem::new(Kind::ApiFailure, Code::Observe, place, what));
    let memory = store.load().await.map_err(|e| failed("state", e.to_string()))?;
    let read = async {
        let audit = look_for_audit(sheets, &memory, names, now).await?;
        let mut wishes = vec![TabWish::whole(&names.release_tab), TabWish::whole(&names.server_tab)];
        if audit.0 {
            wishes.push(TabWish::header(&names.audit_tab));
        }
        Ok::<_, SheetError>((sheets.read(&wishes).await?, audit))
    };
    let (read, fleet) = tokio::join!(read, fleet.read());
    let (raw, audit) = read.map_err(|e| failed("spreadsheet", e.to_string()))?;
    debug!(
        tabs = raw.tabs.len(),
        servers = fleet.servers.len(),
        sources = fleet.sources.len(),
        "observed"
    );
    match parse(&raw, names) {
        Ok(sheet) => Ok(World {
            audit: (raw.tabs.iter().any(|tab| tab.title == names.audit_tab), audit.1),
            raw,
            sheet,
            fleet,
            memory,
        }),
        Err(problems) => Err(Blind::Untrusted(problems, Box::new(memory))),
    }
}

/// Asking for a tab that is not there costs more requests than asking now and then which tabs there are.
async fn look_for_audit(
    sheets: &dyn SheetReader,
    memory: &Memory,
    names: &Names,
    now: DateTime<Utc>,
) -> Result<(bool, DateTime<Utc>), SheetError> {
    let known = memory.binding.as_ref().and_then(|b| b.audit);
    if let Some(known) = known.filter(|(there, looked)| *there || (now - *looked).abs() < AUDIT_LOOK) {
        return Ok(known);
    }
    let outline = sheets.read(&[]).await?;
    Ok((outline.tabs.iter().any(|tab| tab.title == names.audit_tab), now))
}

/// Makes one pass.
pub async fn run(order: &Order<'_>, hands: &Hands<'_>) -> Report {
    let ended = walk(order, hands).await;
    ended.remember(order, hands).await;
    finish(order, ended.report)
}

async fn walk(order: &Order<'_>, hands: &Hands<'_>) -> Ended {
    let world = match look(order, hands).await {
        Ok(world) => world,
        Err(blind) => return Ended::blind(order.run, blind),
    };
    let World {
        raw,
        sheet,
        fleet,
        mut memory,
        audit,
    } = world;
    let planned = plan(&sheet, &fleet, &memory, order.policy, order.now);
    if !planned.stop.is_empty() {
        if let Err(error) = remember_stop(order, hands.store, &planned, &memory).await {
            warn!(error = %error, "that the pass was stopped could not be remembered");
        }
        let report = Report::stopped(order.run, planned.stop.clone(), &memory);
        return Ended::at(Sight::Stopped, report, Some(memory), sheet, planned);
    }
    let approved = match check(&sheet, &fleet, &memory, order.policy, &planned) {
        Ok(approved) => approved,
        Err(faults) => {
            let what = format!(
                "the plan did not pass its own check, so nothing was written; this is a fault of fleetsheet, please report it: {}",
                faults.join("; ")
            );
            error!(faults = faults.len(), "{what}");
            let problem = Problem::new(Kind::ApiFailure, Code::Check, "plan", what);
            let report = Report::blind(order.run, Blind::Failed(problem));
            return Ended::at(Sight::Stopped, report, Some(memory), sheet, planned);
        }
    };
    let changes = server_changes(&approved, &fleet);
    let events = events(&planned, order);
    let acted = act(
        order,
        hands,
        &raw,
        &sheet,
        &fleet,
        &mut memory,
        &planned,
        &approved,
        &changes,
        &events,
        audit,
    )
    .await;
    match acted {
        Ok((settled, trouble)) => {
            let report = Report::done(order.run, &planned, settled, trouble);
            Ended::at(Sight::Whole, report, Some(memory), sheet, planned)
        }
        Err(problem) if problem.kind == Kind::Belt => {
            let report = Report::stopped(order.run, vec![problem], &memory);
            Ended::at(Sight::Stopped, report, None, sheet, planned)
        }
        Err(problem) => {
            let report = Report::failed(order.run, problem, &planned, &sheet, &fleet, &memory, order.policy);
            // What the store holds by now, only the store knows.
            Ended::at(Sight::Cut, report, None, sheet, planned)
        }
    }
}

fn finish(order: &Order<'_>, mut report: Report) -> Report {
    report.duration_ms = u64::try_from(order.began.elapsed().as_millis()).unwrap_or(u64::MAX);
    report.calls = order.calls.snapshot();
    for problem in &report.problems {
        debug!(problem.kind = problem.kind.word(), problem.place = %problem.place, "{}", problem.message);
    }
    // What was only looked at is no pass.
    if !report.preview {
        info!(
            outcome = report.outcome.word(),
            servers = report.counts.servers,
            changed = report.counts.changed,
            failed = report.counts.failed,
            problems = report.problems.len(),
            duration_ms = report.duration_ms,
            "pass ended"
        );
    }
    report
}

/// Everything after the decision. Gives what became of it, and what went wrong on the way without undoing it.
#[expect(
    clippy::too_many_arguments,
    reason = "the stages of a pass hand on all that was observed and decided"
)]
async fn act(
    order: &Order<'_>,
    hands: &Hands<'_>,
    raw: &RawSpreadsheet,
    sheet: &Sheet,
    fleet: &Fleet,
    memory: &mut Memory,
    planned: &Plan,
    approved: &Approved<'_>,
    changes: &[ServerChange],
    events: &[Event],
    audit: (bool, DateTime<Utc>),
) -> Result<(Settled, Vec<Problem>), Problem> {
    let failed = |place: &str, what: String| Problem::new(Kind::ApiFailure, Code::Act, place, what);
    let mut first = approved.update().clone();
    first.events = events.to_vec();
    first.unlogged = unlogged(memory, events, audit.0, order.now);
    first.mail = alert::news(planned, sheet, memory, &hands.mail, order.now);
    let mut binding = first
        .binding
        .take()
        .or_else(|| memory.binding.clone())
        .unwrap_or_default();
    binding.audit = Some(audit);
    first.binding = (memory.binding.as_ref() != Some(&binding)).then_some(binding);
    hands
        .store
        .commit(&first)
        .await
        .map_err(|e| failed("state", e.to_string()))?;
    memory.apply(&first);
    // Only now the sheet learns whom it is served by: a takeover that is killed before this leaves it with the other store, and
    // the next pass stops.
    claim(hands.sheets, hands.store, raw, sheet, memory)
        .await
        .map_err(|error| match &error {
            WriteError::Sheet(error) => failed("spreadsheet", error.to_string()),
            WriteError::Store(error) => failed("state", error.to_string()),
            WriteError::Rival(_) => {
                Problem::new(Kind::Belt, Code::Store, &*order.policy.spreadsheet, error.to_string())
            }
        })?;

    let applied = if changes.is_empty() {
        Applied::default()
    } else {
        tag(hands, changes).await
    };
    let settled = settle(sheet, fleet, memory, order.policy, planned, Some(&applied.outcomes));
    let mut trouble = Vec::new();
    if settled.update != Update::default() {
        hands
            .store
            .commit(&settled.update)
            .await
            .map_err(|e| failed("state", e.to_string()))?;
        memory.apply(&settled.update);
    }
    let desired = Desired::of(sheet, memory, &settled, order.now);
    let back = Writeback {
        writer: hands.sheets,
        store: hands.store,
        names: order.names,
        now: order.now,
    };
    match back.write(sheet, memory, desired).await {
        Ok(notes) => trouble.extend(notes.into_iter().map(|note| failed("spreadsheet", note))),
        Err(error) => {
            warn!(error = %error, "results could not be written to the sheet");
            trouble.push(Problem::new(
                Kind::ApiFailure,
                Code::WriteBack,
                "spreadsheet",
                error.to_string(),
            ));
        }
    }
    Ok((settled, trouble))
}

async fn tag(hands: &Hands<'_>, changes: &[ServerChange]) -> Applied {
    for change in changes {
        debug!(server = %change.server, source = %change.source, tags = change.changes.len(), "change");
    }
    let applier = Applier {
        writer: hands.tags,
        pacing: hands.pacing,
        deadline: hands.tagging_ends,
        stop: hands.stop.clone(),
        progress: hands.progress,
    };
    applier.apply(changes).await
}

/// The changes of an approved plan, with what the batching needs to know of each server.
fn server_changes(approved: &Approved<'_>, fleet: &Fleet) -> Vec<ServerChange> {
    approved
        .changes()
        .filter_map(|server| {
            let live = fleet.servers.get(&server.id)?;
            let user_tags = live.tags.keys().filter(|key| !key.as_str().starts_with("aws:")).count();
            Some(ServerChange {
                server: server.id.clone(),
                source: live.source.clone(),
                user_tags,
                metadata_tags: live.metadata_tags,
                changes: server.changes.clone(),
            })
        })
        .collect()
}
