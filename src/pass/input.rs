//! What a pass is told, and what it acts with.

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::alert;
use crate::apply::Progress;
use crate::calls::Calls;
use crate::fleet::{FleetReader, TagWriter};
use crate::gate::GateClients;
use crate::memory::{Memory, Store};
use crate::observe::Observed;
use crate::pacing::Pacing;
use crate::plan::{Inputs, Policy};
use crate::sheet::names::Names;
use crate::sheet::{SheetReader, SheetWriter};
use crate::stages::Stages;

/// What a pass is told.
pub struct PassInput<'a> {
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
    /// Measures its stages.
    pub stages: &'a Stages,
}

impl PassInput<'_> {
    /// What is decided from, given what was observed and what is remembered.
    pub(super) fn inputs<'s>(&'s self, observed: &'s Observed, memory: &'s Memory) -> Inputs<'s> {
        Inputs {
            sheet: &observed.sheet,
            fleet: &observed.fleet,
            memory,
            policy: self.policy,
            readings: &observed.readings,
            now: self.now,
        }
    }
}

/// What a pass acts with. Commands that only look never hold one.
pub struct PassClients<'a> {
    /// The spreadsheet, for as long as the pass may observe.
    pub reader: &'a dyn SheetReader,
    /// The spreadsheet, to the end of the pass.
    pub sheets: &'a dyn SheetWriter,
    /// The fleet.
    pub fleet: &'a dyn FleetReader,
    /// The gates.
    pub gates: GateClients<'a>,
    /// The tags.
    pub tags: &'a dyn TagWriter,
    /// The state store.
    pub store: &'a dyn Store,
    /// The limits.
    pub pacing: &'a Pacing,
    /// Is told how far the pass is.
    pub progress: &'a dyn Progress,
    /// No tagging call starts after this: what is left of the pass's time is for saying what became of it.
    pub tagging_ends: Instant,
    /// No call starts once this holds true.
    pub stop: watch::Receiver<bool>,
    /// Holds true while somebody waits for the store who should not wait long. A pass that has decided nothing yet gives way.
    pub waited_for: watch::Receiver<bool>,
    /// Whom to tell what.
    pub mail: alert::Rules<'a>,
}
