//! Writes the service's cells and the discovered servers' rows back to the sheet, so that no row is doubled, no cell lands
//! wrong and stays, and no human cell is touched.
//!
//! Sheets has no conditional write, so: columns are addressed by marks that move with them, rows are found by key in a read
//! right before the write, and read back after it; what landed on the wrong row is put right at once, and what somebody else
//! changed meanwhile is left to the next pass, which can judge it.

mod add;
mod append;
mod claim;
mod closed;
mod desired;
mod error;
mod rows;
mod target;
mod writer;

use crate::journal::Journal;
use crate::sheet::parse::Sheet;
use crate::sheet::{ColumnWrite, MarkedColumn, SheetErrorKind};
pub use add::Added;
use append::Appended;
pub use claim::claim;
pub use desired::Desired;
pub use error::WriteError;
pub use rows::appends;
pub use target::{Confirmed, Target, confirmed, marked_columns, written};
pub use writer::Writeback;

/// How often rows that moved under a write are put right before the rest is left to the next pass.
const REPAIRS: u32 = 3;

/// So many rows are remembered as written in one transaction.
const ROWS_AT_A_TIME: usize = 20_000;

impl Writeback<'_> {
    /// Writes what is desired, and remembers what is meant before and what was written after. Gives what people should know,
    /// such as rows that would not hold still.
    ///
    /// # Errors
    /// When the sheet or the store failed; the next pass then finds the rest still to be written.
    pub async fn write(
        &self,
        sheet: &Sheet,
        journal: &mut Journal<'_>,
        mut desired: Desired,
    ) -> Result<Vec<String>, WriteError> {
        if desired.is_empty() {
            return Ok(Vec::new());
        }
        journal.remember(&desired.meant(journal.memory(), self.now)).await?;
        let Appended { mut notes, refused } = self.append(sheet, &mut desired, journal).await?;
        let written = match self.fill(sheet, sheet, journal, &desired).await {
            Err(WriteError::Sheet(error)) if error.kind == SheetErrorKind::Refused && closed::any(sheet) => {
                desired.leave_out(sheet);
                self.fill(sheet, sheet, journal, &desired).await?;
                return Err(closed::error(sheet, self.names));
            }
            // Somebody renamed or deleted columns, or took their marks away: what is still there is written in this pass.
            Err(WriteError::Sheet(error)) if error.kind == SheetErrorKind::Refused => {
                let now = self.mark_anew(journal).await?;
                self.fill(sheet, &now, journal, &desired).await
            }
            other => other,
        };
        notes.extend(written?);
        refused.map_or(Ok(notes), |error| Err(error.into()))
    }

    /// Writes the service cells of all rows. `now` tells the columns, `read` what stood there when the pass decided.
    async fn fill(
        &self,
        read: &Sheet,
        now: &Sheet,
        journal: &mut Journal<'_>,
        desired: &Desired,
    ) -> Result<Vec<String>, WriteError> {
        let mut targets = Target::all(read, now, journal.memory(), desired);
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let columns: Vec<_> = targets.iter().flat_map(Target::columns).collect();
        let before = self.writer.read_columns(&columns).await?;
        for target in &mut targets {
            target.check(&before)?;
        }
        drop(before);
        let mut notes = self.settle_rows(&columns, &mut targets).await?;
        notes.extend(targets.iter().flat_map(|target| target.notes(desired)));
        // Each of them is true by itself: not all need be held twice at a time.
        for rows in confirmed(&targets).chunks(ROWS_AT_A_TIME) {
            journal.remember(&written(rows, journal.memory(), desired)).await?;
        }
        Ok(notes)
    }

    /// Makes the marks anew that lead nowhere, because somebody deleted them or their columns. Gives the spreadsheet as it is.
    async fn mark_anew(&self, journal: &mut Journal<'_>) -> Result<Sheet, WriteError> {
        claim::forget(journal).await?;
        let (raw, sheet) = self.read_again(journal.memory(), None).await?;
        claim(self.writer, journal, &raw, &sheet).await?;
        Ok(sheet)
    }

    /// The write and the read back; rows that moved in between are put right.
    async fn settle_rows(&self, columns: &[MarkedColumn], targets: &mut [Target]) -> Result<Vec<String>, WriteError> {
        let mut lost = None;
        for round in 0..=REPAIRS {
            let writes: Vec<ColumnWrite> = targets.iter_mut().flat_map(|t| t.writes(round == 0)).collect();
            if writes.is_empty() {
                return Ok(Vec::new());
            }
            if round == REPAIRS {
                break;
            }
            // Whether a write without a reply happened shows when it is read back.
            lost = match self.writer.write_columns(&writes).await {
                Err(error) if error.kind == SheetErrorKind::OutcomeUnknown => Some(error),
                other => {
                    other?;
                    None
                }
            };
            let after = self.writer.read_columns(columns).await?;
            for target in targets.iter_mut() {
                target.reread(&after)?;
            }
        }
        if let Some(error) = lost {
            return Err(error.into());
        }
        Ok(vec![
            "rows kept moving while they were written; the next pass writes them again".to_owned(),
        ])
    }
}
