//! Appends the rows of discovered servers and the lines of the audit tab: each once, whoever else writes and whichever reply
//! is lost.

use std::time::Duration;

use super::desired::Desired;
use super::error::WriteError;
use super::rows::{appends, logged_runs};
use super::writer::Writeback;
use crate::journal::Journal;
use crate::memory::{Memory, Update};
use crate::sheet::layout::quoted;
use crate::sheet::parse::{Sheet, parse};
use crate::sheet::{RawSpreadsheet, SheetError, SheetErrorKind, TabRequest};

/// An append whose connection was lost may be under way still: it is given this long before it is looked for.
const LANDING: Duration = Duration::from_secs(2);

/// What became of the rows to append.
pub(super) struct Appended {
    /// What people should know.
    pub(super) notes: Vec<String>,
    /// Why new rows could not be appended.
    pub(super) refused: Option<SheetError>,
}

impl Writeback<'_> {
    /// Appends new rows and audit lines in one request. New rows are appended after a fresh look at headers and ids, so that one
    /// that somebody else added meanwhile is not added again; after a lost reply it looks again and appends only what is absent.
    /// Rows that Sheets refuses, because somebody protected their tab, keep nothing else from being written.
    pub(super) async fn append(
        &self,
        sheet: &Sheet,
        desired: &mut Desired,
        journal: &mut Journal<'_>,
    ) -> Result<Appended, WriteError> {
        let mut fresh = None;
        let (mut notes, mut refused) = (Vec::new(), None);
        let mut owed = !desired.audit.is_empty();
        // Lines of an earlier pass may stand there already: it may have been killed before it knew.
        let late = desired.audit.iter().any(|event| event.time != self.now);
        let mut lost = false;
        // At most: lines of the audit tab refused, a reply lost, and once more.
        for _ in 0..3 {
            if lost || late || !desired.new_rows.is_empty() {
                fresh = Some(self.look_again(lost || late, sheet, desired, journal.memory()).await?);
            }
            let layouts = fresh.as_ref().unwrap_or(sheet);
            let appends = appends(layouts, desired);
            if appends.is_empty() {
                break;
            }
            match self.writer.append(&appends).await {
                Err(error) if error.kind == SheetErrorKind::OutcomeUnknown && !lost => {
                    lost = true;
                    tokio::time::sleep(LANDING).await;
                }
                // Which of them is refused the answer does not say; the audit tab is the one that can wait.
                Err(error) if error.kind == SheetErrorKind::Refused && !desired.audit.is_empty() => {
                    owed = false;
                    desired.audit.clear();
                    notes.push(format!(
                        "{} takes no lines, so they wait: {error}",
                        quoted(&self.names.audit_tab)
                    ));
                }
                Err(error) if error.kind == SheetErrorKind::Refused => {
                    refused = Some(error);
                    break;
                }
                other => {
                    other?;
                    break;
                }
            }
        }
        if owed {
            let update = Update {
                unlogged: Some(Vec::new()),
                ..Update::default()
            };
            journal.remember(&update).await?;
        }
        Ok(Appended { notes, refused })
    }

    /// `doubt`: whether audit lines may stand there already.
    async fn look_again(
        &self,
        doubt: bool,
        sheet: &Sheet,
        desired: &mut Desired,
        memory: &Memory,
    ) -> Result<Sheet, WriteError> {
        let audit = sheet.display.audit.as_ref().map(|_| TabRequest {
            title: &self.names.audit_tab,
            header_only: !doubt,
        });
        let (raw, parsed) = self.read_again(memory, audit).await?;
        // What is there already is not appended again, but filled like the rest.
        for row in &parsed.display.servers.rows {
            if desired.new_rows.contains_key(&row.id) {
                desired.present.insert(row.id.clone());
            }
        }
        if doubt {
            let there = logged_runs(&raw, &parsed);
            desired.audit.retain(|event| !there.contains(&*event.run));
        }
        Ok(parsed)
    }

    /// Reads the spreadsheet once more, and makes sure that it is still ours and can be served.
    pub(super) async fn read_again(
        &self,
        memory: &Memory,
        audit: Option<TabRequest<'_>>,
    ) -> Result<(RawSpreadsheet, Sheet), WriteError> {
        let tabs = [&self.names.release_tab, &self.names.server_tab];
        let wishes: Vec<TabRequest<'_>> = tabs
            .into_iter()
            .map(|tab| TabRequest::whole(tab))
            .chain(audit)
            .collect();
        let raw = self.writer.read(&wishes).await?;
        let denied = |kind, message| WriteError::Sheet(SheetError { kind, message });
        let parsed = parse(&raw, self.names).map_err(|problems| {
            let message = problems.first().map_or_else(String::new, |p| p.message.clone());
            denied(SheetErrorKind::Denied, message)
        })?;
        if parsed.display.stores.iter().any(|store| *store != memory.store) {
            let message =
                "another store has taken the spreadsheet over while the pass ran, so nothing more was written";
            return Err(denied(SheetErrorKind::Denied, message.to_owned()));
        }
        let bound = memory.binding.as_ref().map(|b| (b.release_tab, b.server_tab));
        let found = (
            parsed.display.release.layout.sheet_id,
            parsed.display.servers.layout.sheet_id,
        );
        if bound.is_some_and(|bound| bound != found) {
            let message = "a tab was replaced by another of its name while the pass ran, so nothing more was written";
            return Err(denied(SheetErrorKind::Denied, message.to_owned()));
        }
        Ok((raw, parsed))
    }
}
