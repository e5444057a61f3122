//! The messages of the API, as far as they are emulated, to refuse fields that the real service does not know.
//!
//! A line names a type and its fields. After the colon stands the field's kind: `s` text, `i` a whole number (or text
//! of one), `n` a number, `b` a boolean, `any` whatever, or another type; a `*` after it makes it a list.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::error::{ApiError, Result};

const TYPES: &str = "
BatchUpdate requests:Request* includeSpreadsheetInResponse:b responseRanges:s* responseIncludeGridData:b
Request addSheet:AddSheet deleteSheet:DeleteSheet updateSheetProperties:UpdateSheetProperties appendCells:AppendCells \
 updateCells:UpdateCells repeatCell:RepeatCell setDataValidation:SetDataValidation \
 addConditionalFormatRule:AddRule updateConditionalFormatRule:UpdateRule deleteConditionalFormatRule:DeleteRule \
 addProtectedRange:AddProtected updateProtectedRange:UpdateProtected deleteProtectedRange:DeleteProtected \
 createDeveloperMetadata:CreateMetadata updateDeveloperMetadata:UpdateMetadata \
 deleteDeveloperMetadata:DeleteMetadata addFilterView:AddFilterView insertDimension:InsertDimension deleteDimension:DeleteDimension \
 moveDimension:MoveDimension appendDimension:AppendDimension updateDimensionProperties:UpdateDimension \
 sortRange:SortRange autoResizeDimensions:AutoResize
AddSheet properties:SheetProperties
DeleteSheet sheetId:i
UpdateSheetProperties properties:SheetProperties fields:s
AppendCells sheetId:i tableId:s rows:RowData* fields:s
UpdateCells rows:RowData* fields:s start:GridCoordinate range:GridRange
RepeatCell range:GridRange cell:CellData fields:s
SetDataValidation range:GridRange rule:DataValidationRule filteredRowsIncluded:b
AddRule rule:ConditionalFormatRule index:i
UpdateRule index:i sheetId:i rule:ConditionalFormatRule newIndex:i
DeleteRule index:i sheetId:i
AddProtected protectedRange:ProtectedRange
UpdateProtected protectedRange:ProtectedRange fields:s
DeleteProtected protectedRangeId:i
CreateMetadata developerMetadata:DeveloperMetadata
UpdateMetadata dataFilters:DataFilter* developerMetadata:DeveloperMetadata fields:s
DeleteMetadata dataFilter:DataFilter
InsertDimension range:DimensionRange inheritFromBefore:b
DeleteDimension range:DimensionRange
MoveDimension source:DimensionRange destinationIndex:i
AppendDimension sheetId:i tableId:s dimension:s length:i
UpdateDimension range:DimensionRange properties:DimensionProperties fields:s
SortRange range:GridRange sortSpecs:SortSpec*
AutoResize dimensions:DimensionRange
AddFilterView filter:FilterView
FilterView filterViewId:i title:s range:GridRange namedRangeId:s tableId:s sortSpecs:SortSpec* criteria:any \
 filterSpecs:FilterSpec*
FilterSpec columnIndex:i dataSourceColumnReference:any filterCriteria:FilterCriteria
FilterCriteria hiddenValues:s* condition:any visibleBackgroundColor:any visibleBackgroundColorStyle:any \
 visibleForegroundColor:any visibleForegroundColorStyle:any
SortSpec dimensionIndex:i sortOrder:s foregroundColor:any backgroundColor:any foregroundColorStyle:any \
 backgroundColorStyle:any
GridRange sheetId:i startRowIndex:i endRowIndex:i startColumnIndex:i endColumnIndex:i
GridCoordinate sheetId:i rowIndex:i columnIndex:i
DimensionRange sheetId:i dimension:s startIndex:i endIndex:i
SheetProperties sheetId:i title:s index:i sheetType:s gridProperties:GridProperties hidden:b tabColor:any \
 tabColorStyle:any rightToLeft:b
GridProperties rowCount:i columnCount:i frozenRowCount:i frozenColumnCount:i hideGridlines:b \
 rowGroupControlAfter:b columnGroupControlAfter:b
RowData values:CellData*
CellData userEnteredValue:ExtendedValue effectiveValue:ExtendedValue formattedValue:s userEnteredFormat:CellFormat \
 effectiveFormat:CellFormat hyperlink:s note:s textFormatRuns:any dataValidation:DataValidationRule
ExtendedValue numberValue:n stringValue:s boolValue:b formulaValue:s errorValue:ErrorValue
ErrorValue type:s message:s
CellFormat numberFormat:NumberFormat backgroundColor:any backgroundColorStyle:any borders:any padding:any \
 horizontalAlignment:s verticalAlignment:s wrapStrategy:s textDirection:s textFormat:any hyperlinkDisplayType:s \
 textRotation:any
NumberFormat type:s pattern:s
DataValidationRule condition:BooleanCondition inputMessage:s strict:b showCustomUi:b
BooleanCondition type:s values:any
ConditionalFormatRule ranges:GridRange* booleanRule:BooleanRule gradientRule:any
BooleanRule condition:BooleanCondition format:CellFormat
ProtectedRange protectedRangeId:i range:GridRange namedRangeId:s tableId:s description:s warningOnly:b \
 requestingUserCanEdit:b unprotectedRanges:GridRange* editors:Editors
Editors users:s* groups:s* domainUsersCanEdit:b
DeveloperMetadata metadataId:i metadataKey:s metadataValue:s location:MetadataLocation visibility:s
MetadataLocation locationType:s spreadsheet:b sheetId:i dimensionRange:DimensionRange
DimensionProperties hiddenByFilter:b hiddenByUser:b pixelSize:i developerMetadata:DeveloperMetadata*
DataFilter developerMetadataLookup:MetadataLookup a1Range:s gridRange:GridRange
MetadataLookup locationType:s metadataLocation:MetadataLocation locationMatchingStrategy:s metadataId:i \
 metadataKey:s metadataValue:s visibility:s
GetByDataFilter dataFilters:DataFilter* includeGridData:b excludeTablesInBandedRanges:b
BatchGetByDataFilter dataFilters:DataFilter* majorDimension:s valueRenderOption:s dateTimeRenderOption:s
ValuesBatchUpdate valueInputOption:s data:ValueRange* includeValuesInResponse:b responseValueRenderOption:s \
 responseDateTimeRenderOption:s
ValuesBatchUpdateByDataFilter valueInputOption:s data:DataFilterValueRange* includeValuesInResponse:b \
 responseValueRenderOption:s responseDateTimeRenderOption:s
ValueRange range:s majorDimension:s values:any
DataFilterValueRange dataFilter:DataFilter majorDimension:s values:any
SearchMetadata dataFilters:DataFilter*
Spreadsheet spreadsheetId:s properties:any sheets:Sheet* namedRanges:any spreadsheetUrl:s \
 developerMetadata:DeveloperMetadata* dataSources:any dataSourceSchedules:any
Table tableId:s name:s range:GridRange rowsProperties:any columnProperties:any
Sheet properties:SheetProperties data:GridData* tables:Table* merges:any conditionalFormats:ConditionalFormatRule* filterViews:FilterView* \
 protectedRanges:ProtectedRange* basicFilter:any charts:any bandedRanges:any developerMetadata:DeveloperMetadata* \
 rowGroups:any columnGroups:any slicers:any
GridData startRow:i startColumn:i rowData:RowData* rowMetadata:DimensionProperties* columnMetadata:DimensionProperties*
BatchUpdateResponse spreadsheetId:s replies:any updatedSpreadsheet:Spreadsheet
BatchGetResponse spreadsheetId:s valueRanges:ValueRange*
BatchGetByDataFilterResponse spreadsheetId:s valueRanges:MatchedValueRange*
MatchedValueRange valueRange:ValueRange dataFilters:DataFilter*
ValuesBatchUpdateResponse spreadsheetId:s totalUpdatedRows:i totalUpdatedColumns:i totalUpdatedCells:i \
 totalUpdatedSheets:i responses:UpdateResponse*
UpdateResponse spreadsheetId:s updatedRange:s updatedRows:i updatedColumns:i updatedCells:i updatedData:ValueRange \
 dataFilter:DataFilter
AppendResponse spreadsheetId:s tableRange:s updates:UpdateResponse
SearchMetadataResponse matchedDeveloperMetadata:MatchedMetadata*
MatchedMetadata developerMetadata:DeveloperMetadata dataFilters:DataFilter*
";

type Fields = HashMap<&'static str, &'static str>;

static SCHEMA: LazyLock<HashMap<&'static str, Fields>> = LazyLock::new(|| {
    let mut schema = HashMap::new();
    for line in TYPES.lines() {
        let mut words = line.split_whitespace();
        if let Some(name) = words.next() {
            schema.insert(name, words.filter_map(|word| word.split_once(':')).collect());
        }
    }
    schema
});

/// The kind of a field; `None` if the type has no such field. Below an opaque field everything is opaque.
pub(super) fn kind(of: &str, field: &str) -> Option<&'static str> {
    match SCHEMA.get(of.trim_end_matches('*')) {
        Some(fields) => fields.get(field).copied(),
        None => Some("any"),
    }
}

/// Refuses what is no valid message of this type.
pub(super) fn check(of: &str, value: &Value) -> Result<()> {
    check_at(of, value, "")
}

fn snake(field: &str) -> String {
    let mut name = String::with_capacity(field.len() + 4);
    for letter in field.chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

fn check_at(of: &str, value: &Value, path: &str) -> Result<()> {
    if value.is_null() || of == "any" {
        return Ok(());
    }
    if let Some(item) = of.strip_suffix('*') {
        // The service takes a lone message for a list of one.
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        return items
            .iter()
            .enumerate()
            .try_for_each(|(at, value)| check_at(item, value, &format!("{path}[{at}]")));
    }
    let whole = |value: &Value| value.is_i64() || value.as_str().is_some_and(|text| text.parse::<i64>().is_ok());
    let (good, name) = match of {
        "s" => (value.is_string(), "TYPE_STRING"),
        "i" => (whole(value), "TYPE_INT32"),
        "n" => (value.is_number(), "TYPE_DOUBLE"),
        "b" => (value.is_boolean(), "TYPE_BOOL"),
        _ => (value.is_object(), "type.googleapis.com/google.apps.sheets.v4"),
    };
    if !good {
        return Err(ApiError::malformed(
            path,
            format!("Invalid value at '{path}' ({name}), {value}"),
        ));
    }
    let Some(object) = value.as_object() else {
        return Ok(());
    };
    for (field, value) in object {
        let Some(kind) = kind(of, field) else {
            let at = if path.is_empty() {
                String::new()
            } else {
                format!(" at '{path}'")
            };
            let text = format!("Invalid JSON payload received. Unknown name \"{field}\"{at}: Cannot find field.");
            return Err(ApiError::malformed(path, text));
        };
        let dot = if path.is_empty() { "" } else { "." };
        check_at(kind, value, &format!("{path}{dot}{}", snake(field)))?;
    }
    Ok(())
}
