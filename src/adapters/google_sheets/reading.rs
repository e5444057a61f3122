//! Reads the spreadsheet: everything that a decision needs in one request, and columns by their marks.
//!
//! A tab that is missing makes Google refuse the whole request. Then the tabs that are there are read without it.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::failure::{Method, UNPARSEABLE_RANGE};
use super::incoming::Incoming;
use super::reply::{Kept, MatchedRanges, Spreadsheet};
use super::request::not_json;
use super::{GoogleSheets, columns, grid, nonsense, refused};
use crate::sheet::{Columns, MarkedColumn, RawSpreadsheet, SheetError, SheetErrorKind, SheetReader, TabRequest};

/// What is asked of the spreadsheet: enough to decide, and nothing of formats, charts or notes.
const PICTURE: &str = "properties.title,developerMetadata,\
    sheets(properties(sheetId,title,gridProperties(rowCount,columnCount)),protectedRanges,tables(tableId,range),\
    data(startRow,startColumn,rowData(values(userEnteredValue,effectiveValue)),\
    columnMetadata(developerMetadata)))";

/// The same without cells.
pub(super) const OUTLINE: &str = "properties.title,developerMetadata,\
    sheets(properties(sheetId,title,gridProperties(rowCount,columnCount)),protectedRanges)";

pub(super) const GET: Method = Method {
    name: "sheets.get",
    doing: "read the spreadsheet",
    writes: false,
};
pub(super) const READ_COLUMNS: Method = Method {
    name: "sheets.values.batchGetByDataFilter",
    doing: "read the service columns",
    writes: false,
};
impl GoogleSheets {
    pub(super) async fn get(&self, ranges: &[String], fields: &str) -> Result<grid::Picture, SheetError> {
        let reply = self.picture(GET, ranges, fields).await?;
        grid::picture(reply).map_err(|why| nonsense(GET, &why))
    }

    /// Asks for these fields of the spreadsheet, with the cells of these ranges.
    pub(super) async fn picture<C: Kept>(
        &self,
        method: Method,
        ranges: &[String],
        fields: &str,
    ) -> Result<Spreadsheet<C>, SheetError> {
        let ranges = ranges.iter().map(|range| ("ranges", range.as_str()));
        let query: Vec<(&str, &str)> = ranges.chain([("fields", fields)]).collect();
        let query = &query;
        self.call(method, |probe| async move {
            let answer = self.inner.get("", query, probe).await?;
            let mut incoming = Incoming::new();
            let response = answer.pieces(|piece| incoming.push(piece)).await?;
            Ok((response, incoming.end().map_err(not_json)?))
        })
        .await
    }

    /// Reads the tabs, all of which exist. Naming them keeps the rest of the file, which may be large, out of the
    /// answer.
    async fn get_tabs(&self, wanted: &[TabRequest<'_>]) -> Result<RawSpreadsheet, SheetError> {
        let ranges: Vec<String> = wanted.iter().map(range).collect();
        let grid::Picture { mut spreadsheet, bare } = self.get(&ranges, PICTURE).await?;

        let missed: Vec<&TabRequest<'_>> = wanted.iter().filter(|want| bare.contains(want.title)).collect();
        if !missed.is_empty() {
            let ranges: Vec<String> = missed.iter().map(|want| range(want)).collect();
            let grids = self.read_values(&ranges).await?;
            for (want, rows) in missed.iter().zip(grids) {
                if let Some(tab) = spreadsheet.tabs.iter_mut().find(|tab| tab.title == want.title) {
                    tab.rows = rows;
                }
            }
        }
        for want in wanted.iter().filter(|want| want.header_only) {
            if let Some(tab) = spreadsheet.tabs.iter_mut().find(|tab| tab.title == want.title) {
                tab.rows.truncate(1);
            }
        }
        Ok(spreadsheet)
    }
}

fn range(want: &TabRequest<'_>) -> String {
    rows_of(want.title, want.header_only.then_some(1))
}

/// The first rows of a tab, or all, as a range: quoted, because a name may hold anything, and because unquoted it could be a named
/// range or a cell.
pub(super) fn rows_of(title: &str, first: Option<u32>) -> String {
    let rows = first.map_or_else(String::new, |last| format!("!1:{last}"));
    format!("'{}'{rows}", title.replace('\'', "''"))
}

#[async_trait]
impl SheetReader for GoogleSheets {
    async fn read(&self, tabs: &[TabRequest<'_>]) -> Result<RawSpreadsheet, SheetError> {
        if tabs.is_empty() {
            return Ok(self.get(&[], OUTLINE).await?.spreadsheet);
        }
        match self.get_tabs(tabs).await {
            // Some tab is missing, and Google refuses all for it: look which there are, and read those.
            Err(e) if e.kind == SheetErrorKind::Refused && e.message.contains(UNPARSEABLE_RANGE) => {
                let outline = self.get(&[], OUTLINE).await?.spreadsheet;
                let there: BTreeSet<&str> = outline.tabs.iter().map(|tab| tab.title.as_str()).collect();
                let (there, missing): (Vec<_>, Vec<_>) = tabs.iter().partition(|want| there.contains(want.title));
                match (there.is_empty(), missing.is_empty()) {
                    (true, _) => Ok(outline),
                    (_, true) => Err(e),
                    _ => self.get_tabs(&there).await,
                }
            }
            result => result,
        }
    }

    async fn read_columns(&self, columns: &[MarkedColumn]) -> Result<Columns, SheetError> {
        if columns.is_empty() {
            return Ok(Columns::new());
        }
        let marks: Result<Vec<i32>, String> = columns.iter().map(|column| columns::id(column.mark)).collect();
        let request = &columns::read_request(&marks.map_err(|why| refused(READ_COLUMNS, &why))?);
        let reply = self
            .call(READ_COLUMNS, |probe| async move {
                let path = "/values:batchGetByDataFilter";
                let answer = self.inner.post(path, request.to_string(), probe).await?;
                answer.json::<MatchedRanges>().await
            })
            .await?;
        columns::read_reply(reply).map_err(|why| nonsense(READ_COLUMNS, &why))
    }
}
