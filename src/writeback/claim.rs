//! Marks the spreadsheet with the store that serves it, and the columns that will be written.

use std::collections::BTreeMap;

use super::error::WriteError;
use super::target;
use crate::journal::Journal;
use crate::memory::{Binding, Memory, StoreError, Update};
use crate::sheet::parse::Sheet;
use crate::sheet::{
    COLUMN_MARK, Mark, MarkChange, RawSpreadsheet, STORE_MARK, SheetError, SheetErrorKind, SheetWriter, TabRequest,
};

/// How often marks are made, where replies are lost: each time only those that are not there yet.
const TRIES: u32 = 3;

/// Marks the spreadsheet as served by this store, and the columns that will be written, and remembers the marks. No request when
/// all is marked. After a lost reply it looks what there is before it goes on, and after the first mark, too: two stores that
/// both found the spreadsheet free must not both serve it.
///
/// # Errors
/// When the marks could not be made or remembered, or another store's mark came meanwhile; nothing else may then be written.
pub async fn claim(
    writer: &dyn SheetWriter,
    journal: &mut Journal<'_>,
    raw: &RawSpreadsheet,
    sheet: &Sheet,
) -> Result<(), WriteError> {
    let mut again: Option<RawSpreadsheet> = None;
    let mut left = TRIES;
    let made = loop {
        left -= 1;
        let marked = mark(writer, again.as_ref().unwrap_or(raw), sheet, journal.memory()).await;
        let looks = match &marked {
            Err(error) => error.kind == SheetErrorKind::OutcomeUnknown && left > 0,
            Ok(made) => made.store,
        };
        if looks {
            let titles = [&sheet.display.release.layout.title, &sheet.display.servers.layout.title];
            let seen = writer.read(&titles.map(|title| TabRequest::header(title))).await?;
            yield_to_rivals(writer, raw, &seen, journal.memory()).await?;
            again = Some(seen);
        }
        match marked {
            Err(_) if looks => {}
            ended => break ended?,
        }
    };
    if let Some(marks) = made.columns {
        remember(journal, marks).await?;
    }
    Ok(())
}

/// Forgets all marks of columns, so that those which lead nowhere are made anew.
pub(super) async fn forget(journal: &mut Journal<'_>) -> Result<(), StoreError> {
    remember(journal, BTreeMap::new()).await
}

async fn remember(journal: &mut Journal<'_>, marks: BTreeMap<String, i64>) -> Result<(), StoreError> {
    let binding = journal.memory().binding.clone().unwrap_or_default();
    let update = Update {
        binding: Some(Binding { marks, ..binding }),
        ..Update::default()
    };
    journal.remember(&update).await
}

/// The decision knew of the stores that claimed the spreadsheet then; who came since is not to be fought, and not to be stopped
/// by our mark either.
async fn yield_to_rivals(
    writer: &dyn SheetWriter,
    before: &RawSpreadsheet,
    now: &RawSpreadsheet,
    memory: &Memory,
) -> Result<(), WriteError> {
    let stores = || now.marks.iter().filter(|mark| mark.key == STORE_MARK);
    let known = |mark: &Mark| mark.value == memory.store || before.marks.iter().any(|old| old.id == mark.id);
    let Some(rival) = stores().find(|mark| !known(mark)) else {
        return Ok(());
    };
    let ours = stores().filter(|mark| mark.value == memory.store);
    let withdrawal: Vec<MarkChange> = ours.map(|mark| MarkChange::Delete { id: mark.id }).collect();
    if !withdrawal.is_empty() {
        writer.change_marks(&withdrawal).await?;
    }
    Err(WriteError::Rival(rival.value.clone()))
}

/// Marks that were made.
struct Made {
    /// The marks of the columns, if they are not those that are remembered.
    columns: Option<BTreeMap<String, i64>>,
    /// Whether the spreadsheet got the mark of this store just now.
    store: bool,
}

async fn mark(
    writer: &dyn SheetWriter,
    raw: &RawSpreadsheet,
    sheet: &Sheet,
    memory: &Memory,
) -> Result<Made, SheetError> {
    let mut changes: Vec<MarkChange> = Vec::new();
    let mut marked = false;
    for mark in raw.marks.iter().filter(|m| m.key == STORE_MARK) {
        // One mark is enough: more than one of ours are left from a reply that was lost.
        if mark.value == memory.store && !marked {
            marked = true;
        } else {
            changes.push(MarkChange::Delete { id: mark.id });
        }
    }
    if !marked {
        changes.push(MarkChange::Spreadsheet {
            key: STORE_MARK.into(),
            value: memory.store.clone(),
        });
    }
    let known = memory.binding.as_ref().map(|b| b.marks.clone()).unwrap_or_default();
    let mut marks = BTreeMap::new();
    let mut wanted = Vec::new();
    for layout in [&sheet.display.release.layout, &sheet.display.servers.layout] {
        let own: Vec<&Mark> = raw
            .tabs
            .iter()
            .filter(|t| t.sheet_id == layout.sheet_id)
            .flat_map(|t| &t.marks)
            .collect();
        for (header, column) in target::marked_columns(layout) {
            let slot = format!("{}/{header}", layout.sheet_id);
            let mut found = own.iter().filter(|m| m.key == COLUMN_MARK && m.value == *header);
            // Marks that sit elsewhere are from a header that was typed over another column.
            match found.find(|m| m.column == Some(column)).map(|m| m.id) {
                Some(id) => drop(marks.insert(slot, id)),
                // A reply without marks says nothing about them.
                None if own.is_empty() && known.contains_key(&slot) => drop(marks.insert(slot.clone(), known[&slot])),
                None => {
                    let key = COLUMN_MARK.into();
                    changes.push(MarkChange::Column {
                        sheet_id: layout.sheet_id,
                        column,
                        key,
                        value: header.to_string(),
                    });
                    wanted.push(slot);
                }
            }
        }
        let stray = own
            .iter()
            .filter(|m| m.key == COLUMN_MARK && !marks.values().any(|id| *id == m.id));
        changes.extend(stray.map(|m| MarkChange::Delete { id: m.id }));
    }
    if !changes.is_empty() {
        let made = writer.change_marks(&changes).await?;
        let columns = made.len().saturating_sub(usize::from(!marked));
        if columns != wanted.len() {
            return Err(SheetError {
                kind: SheetErrorKind::Nonsense,
                message: "Sheets did not answer with the marks that it was asked to make".into(),
            });
        }
        marks.extend(wanted.into_iter().zip(made.into_iter().skip(usize::from(!marked))));
    }
    Ok(Made {
        columns: (marks != known).then_some(marks),
        store: !marked,
    })
}
