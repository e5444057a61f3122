//! Observes: sheet and fleet as they are, beside each other, for the decision to be made from.
//!
//! What one source of the fleet does not answer is part of what was seen; a sheet that cannot be read whole is not.

use chrono::{DateTime, TimeDelta, Utc};
use tracing::debug;

use crate::fleet::{Fleet, FleetReader};
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
    /// The spreadsheet as read.
    pub raw: RawSpreadsheet,
    /// As understood.
    pub sheet: Sheet,
    /// The fleet.
    pub fleet: Fleet,
    /// Whether the spreadsheet has an audit tab.
    pub audit: AuditTab,
}

/// Why there is nothing to decide from.
#[derive(Debug)]
pub enum ObserveError {
    /// The spreadsheet could not be read.
    Unreachable(SheetError),
    /// It was read, and cannot be served as it is.
    Untrusted(Vec<Problem>),
}

/// Reads everything that the decision needs. `memory` only tells which optional tabs to ask for.
///
/// # Errors
/// See [`ObserveError`].
pub async fn observe(
    sheets: &dyn SheetReader,
    fleet: &dyn FleetReader,
    memory: &Memory,
    names: &Names,
    now: DateTime<Utc>,
) -> Result<Observed, ObserveError> {
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
    let (read, fleet) = tokio::join!(read, fleet.read());
    let (raw, audit) = read.map_err(ObserveError::Unreachable)?;
    debug!(
        tabs = raw.tabs.len(),
        servers = fleet.servers.len(),
        sources = fleet.sources.len(),
        "observed"
    );
    let sheet = parse(&raw, names).map_err(ObserveError::Untrusted)?;
    let audit = AuditTab {
        there: has_audit(&raw, names),
        looked: audit.looked,
    };
    Ok(Observed {
        raw,
        sheet,
        fleet,
        audit,
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
