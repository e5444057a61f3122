//! Reads how the spreadsheet is built, and builds it: one request each.

mod edits;

use async_trait::async_trait;
use google_sheets4::api::{BatchUpdateSpreadsheetRequest, ConditionalFormatRule};
use serde::{Deserialize, Deserializer};

use super::failure::Method;
use super::grid::{self, trim_end};
use super::reading::{OUTLINE, rows_of};
use super::reply::{Kept, Sheet};
use super::value::{Text, Value, cell};
use super::{GoogleSheets, nonsense, refused};
use crate::sheet::structure::{BuiltTab, CellFormat, ColourRule, Edit, SheetBuilder, Structure};
use crate::sheet::{Cell, HEAD_ROWS, RawSpreadsheet, SheetError, TabRequest};

/// What is asked for: the picture of a pass, and the looks of cells.
const BUILD: &str = "properties.title,\
    sheets(properties(sheetId,title,gridProperties(rowCount,columnCount,frozenRowCount)),protectedRanges,tables(tableId,range),\
    conditionalFormats(ranges,booleanRule(condition)),filterViews(title),\
    data(startRow,startColumn,rowData(values(userEnteredValue,effectiveValue,note,\
    userEnteredFormat(numberFormat,textFormat),dataValidation(condition))),columnMetadata(developerMetadata)))";

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
        let reply = self.picture::<BuiltCell>(READ, &ranges, BUILD).await?;
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
pub(super) fn built(sheet: Sheet<BuiltCell>) -> Result<BuiltTab, String> {
    let properties = sheet.properties.as_ref();
    let grid = properties.and_then(|properties| properties.grid_properties.as_ref());
    let frozen = grid.and_then(|grid| grid.frozen_row_count).unwrap_or_default();
    if sheet.data.as_ref().is_none_or(Vec::is_empty) {
        // Read as "nothing is formatted", it would all be made again.
        let title = properties.and_then(|properties| properties.title.as_deref());
        return Err(format!(
            "the answer shows the tab {} without its cells",
            title.unwrap_or_default()
        ));
    }
    let rules = sheet.conditional_formats.as_deref().unwrap_or_default();
    let views = sheet.filter_views.iter().flatten();
    let mut built = BuiltTab {
        frozen_rows: u32::try_from(frozen).unwrap_or_default(),
        colours: rules.iter().filter_map(colour_rule).collect(),
        filter_views: views.filter_map(|view| view.title.clone()).collect(),
        colour_rules: u32::try_from(rules.len()).unwrap_or(u32::MAX),
        ..BuiltTab::default()
    };
    let (tab, rows) = grid::tab(sheet)?;
    built.tab = tab;
    for row in rows {
        built.formats.push(row.iter().map(|cell| cell.format).collect());
        let mut cells = row.into_iter().map(|cell| cell.value).collect();
        trim_end(&mut cells, |cell| *cell == Cell::Blank);
        built.tab.rows.push(cells);
    }
    trim_end(&mut built.tab.rows, Vec::is_empty);
    Ok(built)
}

/// A cell of which its looks are asked for, too.
#[derive(Default)]
pub(super) struct BuiltCell {
    value: Cell,
    format: CellFormat,
}

impl Kept for BuiltCell {
    fn is_blank(&self) -> bool {
        false
    }
}

impl<'de> Deserialize<'de> for BuiltCell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields: Fields<'_> = Deserialize::deserialize(deserializer)?;
        let format = fields.user_entered_format.as_ref();
        let number = format.and_then(|format| format.number_format.as_ref()?.kind.as_ref());
        let bold = format.and_then(|format| format.text_format.as_ref()?.bold);
        Ok(Self {
            format: CellFormat {
                filled: fields.user_entered_value.is_some() || fields.effective_value.is_some(),
                plain_text: number.is_some_and(|kind| kind.0 == "TEXT"),
                bold: bold.unwrap_or_default(),
                validated: fields.data_validation.is_some(),
                noted: fields.note.is_some_and(|note| !note.0.is_empty()),
            },
            value: cell(fields.user_entered_value, fields.effective_value),
        })
    }
}

/// A cell's fields, as far as they are asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    user_entered_value: Option<Value<'a>>,
    #[serde(borrow)]
    effective_value: Option<Value<'a>>,
    #[serde(borrow)]
    user_entered_format: Option<Format<'a>>,
    data_validation: Option<DataValidation>,
    #[serde(borrow)]
    note: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct DataValidation {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Format<'a> {
    #[serde(borrow)]
    number_format: Option<NumberFormat<'a>>,
    text_format: Option<TextFormat>,
}

#[derive(Deserialize)]
struct NumberFormat<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct TextFormat {
    bold: Option<bool>,
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
