//! Adds rows of servers because somebody asked for them, outside a pass: each once, as the rows of discovered servers are.

use std::collections::BTreeMap;

use super::append::Appended;
use super::desired::Desired;
use super::error::WriteError;
use super::writer::Writeback;
use crate::enrol::WantedRow;
use crate::journal::Journal;
use crate::sheet::intent::ServerRow;
use crate::sheet::parse::Sheet;
use crate::tag::ServerId;

/// What became of rows that were to be added.
#[derive(Debug, Default)]
pub struct Added {
    /// Servers that have a row now.
    pub there: Vec<ServerId>,
    /// Servers that have none: a column was inserted or moved at the same moment, or somebody deleted it again.
    pub lost: Vec<ServerId>,
    /// Servers whose row names another channel than it should: somebody else added it at the same moment, or changed it.
    pub other: Vec<ServerId>,
}

impl Writeback<'_> {
    /// Adds rows that are not there yet, and reads them back.
    ///
    /// # Errors
    /// When the sheet could not be read or written; rows of which nobody knows are found when it is asked for again.
    pub async fn add(&self, sheet: &Sheet, journal: &mut Journal<'_>, rows: &[WantedRow]) -> Result<Added, WriteError> {
        if rows.is_empty() {
            return Ok(Added::default());
        }
        let mut desired = Desired::of_rows(rows);
        let Appended { refused, .. } = self.append(sheet, &mut desired, journal).await?;
        if let Some(error) = refused {
            return Err(error.into());
        }
        let (_, now) = self.read_again(journal.memory(), None).await?;
        let mut found: BTreeMap<&ServerId, &ServerRow> = BTreeMap::new();
        for row in &now.intent.servers {
            found.entry(&row.id).or_insert(row);
        }
        let by_formula = now.display.servers.filled.contains("channel");
        let mut added = Added::default();
        for row in rows {
            match found.get(&row.id) {
                None => added.lost.push(row.id.clone()),
                Some(there) => {
                    if !by_formula && there.channel != row.channel {
                        added.other.push(row.id.clone());
                    }
                    added.there.push(row.id.clone());
                }
            }
        }
        Ok(added)
    }
}
