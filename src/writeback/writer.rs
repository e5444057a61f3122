//! What a write-back writes with.

use chrono::{DateTime, Utc};

use crate::sheet::SheetWriter;
use crate::sheet::names::Names;

/// What writes back, and where.
pub struct Writeback<'a> {
    /// The spreadsheet.
    pub writer: &'a dyn SheetWriter,
    /// Names of tabs and columns.
    pub names: &'a Names,
    /// The time of the pass.
    pub now: DateTime<Utc>,
}
