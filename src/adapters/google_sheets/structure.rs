//! Reads how the spreadsheet is built, and builds it: one request each.

mod edits;

use async_trait::async_trait;
use google_sheets4::api::{self, BatchUpdateSpreadsheetRequest, CellData, ConditionalFormatRule};

use super::failure::Method;
use super::reading::{OUTLINE, rows_of};
use super::{GoogleSheets, SCOPE, grid, nonsense, refused};
use crate::sheet::structure::{BuiltTab, CellFormat, ColourRule, Edit, SheetBuilder, Structure};
use crate::sheet::{HEAD_ROWS, RawSpreadsheet, SheetError, TabRequest};

/// What is asked for: the picture of a pass, and the looks of cells.
const BUILD: &str = "properties.title,\
    sheets(properties(sheetId,title,gridProperties(rowCount,columnCount,frozenRowCount)),protectedRanges,tables(tableId,range),\
    conditionalFormats(ranges,booleanRule(condition)),filterViews(title),\
    data(startRow,startColumn,rowData(values(userEnteredValue,effectiveValue,note,\
    userEnteredFormat(numberFormat,textFormat),dataValidation(condition)))))";

pub(super) const READ: Method = Method {
    name: "sheets.get",
    doing: "read how the spreadsheet is built",
    writes: false,
};
const WRITE: Method = Method {
    name: "sheets.batchUpdate",
    doing: "set up the spreadsheet",
    writes: true,
};

#[async_trait]
impl SheetBuilder for GoogleSheets {
    async fn read_structure(&self, tabs: &[TabRequest<'_>]) -> Result<Structure, SheetError> {
        // Google refuses all ranges for one tab that is missing, and a fresh spreadsheet lacks them all.
        let RawSpreadsheet { title, tabs: there, .. } = self.get(&[], OUTLINE).await?.spreadsheet;
        let mut structure = Structure {
            title,
            tabs: there.iter().map(|tab| (tab.sheet_id, tab.title.clone())).collect(),
            built: Vec::new(),
        };
        // Its first rows, where not the whole tab is asked for, as far as it has them: headers may stand under a title.
        let head = |want: &TabRequest<'_>| {
            let tab = there.iter().find(|tab| tab.title == want.title)?;
            let most = u32::try_from(HEAD_ROWS).unwrap_or(u32::MAX);
            let rows = want.header_only.then(|| tab.row_count.clamp(1, most));
            Some(rows_of(want.title, rows))
        };
        let ranges: Vec<String> = tabs.iter().filter_map(head).collect();
        if ranges.is_empty() {
            return Ok(structure);
        }
        let ranges = &ranges;
        let reply = self
            .call(READ, |mut probe| async move {
                let call = self.inner.hub.spreadsheets().get(&self.inner.spreadsheet_id);
                ranges
                    .iter()
                    .fold(call, |call, range| call.add_ranges(range))
                    .param("fields", BUILD)
                    .add_scope(SCOPE)
                    .delegate(&mut probe)
                    .doit()
                    .await
            })
            .await?;
        for sheet in reply.sheets.unwrap_or_default() {
            structure.built.push(built(sheet).map_err(|why| nonsense(READ, &why))?);
        }
        for want in tabs.iter().filter(|want| want.header_only) {
            for built in structure.built.iter_mut().filter(|built| built.tab.title == want.title) {
                built.tab.rows.truncate(HEAD_ROWS);
                built.formats.truncate(HEAD_ROWS);
            }
        }
        Ok(structure)
    }

    async fn build(&self, edits: &[Edit]) -> Result<(), SheetError> {
        let mut requests = Vec::new();
        for edit in edits {
            requests.extend(edits::requests(edit).map_err(|why| refused(WRITE, &why))?);
        }
        if requests.is_empty() {
            return Ok(());
        }
        let request = BatchUpdateSpreadsheetRequest {
            requests: Some(requests),
            ..BatchUpdateSpreadsheetRequest::default()
        };
        self.batch_update(WRITE, request).await.map(drop)
    }
}

/// Reads one tab of a reply.
pub(super) fn built(sheet: api::Sheet) -> Result<BuiltTab, String> {
    let properties = sheet.properties.as_ref();
    let grid = properties.and_then(|properties| properties.grid_properties.as_ref());
    let frozen = grid.and_then(|grid| grid.frozen_row_count).unwrap_or_default();
    let rules = sheet.conditional_formats.as_deref().unwrap_or_default();
    let Some(data) = sheet.data.as_ref().filter(|data| !data.is_empty()) else {
        // Read as "nothing is formatted", it would all be made again.
        let title = properties.and_then(|properties| properties.title.as_deref());
        return Err(format!(
            "the answer shows the tab {} without its cells",
            title.unwrap_or_default()
        ));
    };
    let rows = data.iter().flat_map(|data| data.row_data.iter().flatten());
    Ok(BuiltTab {
        frozen_rows: u32::try_from(frozen).unwrap_or_default(),
        formats: rows
            .map(|row| row.values.iter().flatten().map(cell_format).collect())
            .collect(),
        colours: rules.iter().filter_map(colour_rule).collect(),
        filter_views: sheet
            .filter_views
            .iter()
            .flatten()
            .filter_map(|view| view.title.clone())
            .collect(),
        colour_rules: u32::try_from(rules.len()).unwrap_or(u32::MAX),
        tab: grid::tab(sheet)?,
    })
}

fn cell_format(cell: &CellData) -> CellFormat {
    let format = cell.user_entered_format.as_ref();
    let number = format.and_then(|format| format.number_format.as_ref()?.type_.as_deref());
    let bold = format.and_then(|format| format.text_format.as_ref()?.bold);
    CellFormat {
        filled: cell.user_entered_value.is_some() || cell.effective_value.is_some(),
        plain_text: number == Some("TEXT"),
        bold: bold.unwrap_or_default(),
        validated: cell.data_validation.is_some(),
        noted: cell.note.as_ref().is_some_and(|note| !note.is_empty()),
    }
}

fn colour_rule(rule: &ConditionalFormatRule) -> Option<ColourRule> {
    let condition = rule.boolean_rule.as_ref()?.condition.as_ref()?;
    if condition.type_.as_deref() != Some("TEXT_STARTS_WITH") {
        return None;
    }
    let ranges = rule.ranges.iter().flatten().cloned();
    Some(ColourRule {
        starts: condition.values.as_ref()?.first()?.user_entered_value.clone()?,
        ranges: ranges.map(grid::grid_range).collect(),
    })
}
