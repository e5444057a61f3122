//! Observes: sheet and fleet as they are, beside each other, for the decision to be made from.
//!
//! What one source of the fleet does not answer is part of what was seen; a sheet that cannot be read whole is not.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tracing::debug;

use crate::fleet::{Fleet, FleetReader};
use crate::gate::Readings;
use crate::memory::{AuditTab, Memory};
use crate::problem::Problem;
use crate::sheet::names::Names;
use crate::sheet::parse::{Sheet, parse};
use crate::sheet::{RawSpreadsheet, SheetError, SheetReader, TabRequest};

/// How often a pass asks whether the optional audit tab has been made.
pub const AUDIT_LOOK: TimeDelta = TimeDelta::minutes(15);

/// What a pass observed.
#[derive(Debug, Default)]
pub struct Observed {
    /// The spreadsheet as read, without its cells.
    pub raw: RawSpreadsheet,
    /// As understood.
    pub sheet: Sheet,
    /// The fleet.
    pub fleet: Fleet,
    /// Whether the spreadsheet has an audit tab.
    pub audit: AuditTab,
    /// What gates gave.
    pub readings: Readings,
}

/// Why there is nothing to decide from.
#[derive(Debug)]
pub enum ObserveError {
    /// The spreadsheet could not be read.
    Unreachable(Box<Unreachable>),
    /// It was read, and cannot be served as it is.
    Untrusted(Vec<Problem>),
}

/// What was seen without the spreadsheet.
#[derive(Debug)]
pub struct Unreachable {
    /// Why it could not be read.
    pub error: SheetError,
    /// The fleet.
    pub fleet: Fleet,
    /// What gates gave.
    pub readings: Readings,
}

/// Asks gates.
#[async_trait]
pub trait GateReader: Send + Sync {
    /// What those of rollouts under way gave, which the memory names.
    async fn under_way(&self, memory: &Memory) -> Readings;

    /// What those gave of rollouts that could start, which the sheet names.
    async fn before_start(&self, sheet: &Sheet, memory: &Memory) -> Readings;
}

/// The spreadsheet as read and as understood, the audit tab as last looked for, and what gates gave.
pub type ReadSheet = (RawSpreadsheet, AuditTab, Sheet, Readings);

/// Why there is no sheet to decide from, before the fleet is known.
pub enum Unread {
    /// It could not be read; gates were asked all the same.
    Unreachable(SheetError, Readings),
    /// It cannot be served as it is.
    Untrusted(Vec<Problem>),
}

/// Reads everything that the decision needs. `memory` only tells which optional tabs to ask for.
///
/// # Errors
/// See [`ObserveError`].
pub async fn observe(
    sheets: &dyn SheetReader,
    fleet: &dyn FleetReader,
    gates: &dyn GateReader,
    memory: &Memory,
    names: &Names,
    now: DateTime<Utc>,
) -> Result<Observed, ObserveError> {
    let (read, fleet) = tokio::join!(read_sheet(sheets, gates, memory, names, now), fleet.read());
    understand(read, fleet, names)
}

/// Reads the part of the spreadsheet that the decision needs, beside it the gates of rollouts under way, and then those of rollouts that
/// could start: a rollout under way costs no round trip more.
///
/// # Errors
/// See [`Unread`].
pub async fn read_sheet(
    sheets: &dyn SheetReader,
    gates: &dyn GateReader,
    memory: &Memory,
    names: &Names,
    now: DateTime<Utc>,
) -> Result<ReadSheet, Unread> {
    let read = async {
        let audit = look_for_audit(sheets, memory, names, now).await?;
        let mut asked = vec![
            TabRequest::whole(&names.release_tab),
            TabRequest::whole(&names.server_tab),
        ];
        if audit.there {
            asked.push(TabRequest::header(&names.audit_tab));
        }
        Ok::<_, SheetError>((sheets.read(&asked).await?, audit))
    };
    let (read, mut readings) = tokio::join!(read, gates.under_way(memory));
    let (raw, audit) = match read {
        Ok(read) => read,
        Err(error) => return Err(Unread::Unreachable(error, readings)),
    };
    let sheet = parse(&raw, names).map_err(Unread::Untrusted)?;
    readings.0.extend(gates.before_start(&sheet, memory).await.0);
    Ok((raw, audit, sheet, readings))
}

/// What was read, with the fleet.
///
/// # Errors
/// See [`ObserveError`].
pub fn understand(read: Result<ReadSheet, Unread>, fleet: Fleet, names: &Names) -> Result<Observed, ObserveError> {
    let (mut raw, audit, sheet, readings) = match read {
        Ok(read) => read,
        Err(Unread::Unreachable(error, readings)) => {
            return Err(ObserveError::Unreachable(Box::new(Unreachable {
                error,
                fleet,
                readings,
            })));
        }
        Err(Unread::Untrusted(problems)) => return Err(ObserveError::Untrusted(problems)),
    };
    debug!(
        tabs = raw.tabs.len(),
        servers = fleet.servers.len(),
        sources = fleet.sources.len(),
        "observed"
    );
    // What the cells mean is in the sheet: nothing looks at them again.
    raw.tabs.iter_mut().for_each(|tab| tab.rows = Vec::new());
    let audit = AuditTab {
        there: has_audit(&raw, names),
        looked: audit.looked,
    };
    Ok(Observed {
        raw,
        sheet,
        fleet,
        audit,
        readings,
    })
}

/// To ask for a tab that does not exist costs more requests than to ask now and then which tabs there are.
async fn look_for_audit(
    sheets: &dyn SheetReader,
    memory: &Memory,
    names: &Names,
    now: DateTime<Utc>,
) -> Result<AuditTab, SheetError> {
    let known = memory.binding.as_ref().and_then(|binding| binding.audit);
    if let Some(known) = known.filter(|audit| audit.there || (now - audit.looked).abs() < AUDIT_LOOK) {
        return Ok(known);
    }
    let outline = sheets.read(&[]).await?;
    Ok(AuditTab {
        there: has_audit(&outline, names),
        looked: now,
    })
}

fn has_audit(raw: &RawSpreadsheet, names: &Names) -> bool {
    raw.tabs.iter().any(|tab| tab.title == names.audit_tab)
}
